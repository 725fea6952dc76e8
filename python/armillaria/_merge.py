# SPDX-License-Identifier: Apache-2.0
"""What a merge did, and what it could not decide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._records import Record

STRATEGIES = {"fail": 0, "ours": 1, "theirs": 2}
_JSON = ("columns", "key", "base", "ours", "theirs")


class Conflict(Record):
    """A row, or a table, of which a merge could not tell what becomes of it: `table`, `kind`,
    `columns` (that differ), `key`, and the row as `base`, `ours` and `theirs` have it (dicts, None
    where there is none)."""

    __slots__ = ()


class MergeResult(Record):
    """What a merge did: `tx` of its commit (None: there was nothing, and nothing was there before),
    `fast_forward`, `up_to_date` (nothing was to be merged), `tables` that it changed,
    `conflicts` (with a dry run, or a strategy that decided them)."""

    __slots__ = ()


def _read(value: str | None) -> Any:
    if value is None:
        return None
    try:
        return json.loads(value)
    except ValueError:  # of a table as a whole the key is words
        return value


def _conflict(row: Mapping[str, Any]) -> Conflict:
    return Conflict({name: _read(value) if name in _JSON else value
                     for name, value in row.items()})


def conflicts_of(report: Any) -> list[Conflict]:
    """The conflicts of a report, the library's own."""
    if report is None:
        return []
    return [_conflict(row) for rows in report.dicts() for row in rows["conflicts"]]


def result_of(done: Mapping[str, Any], report: Any) -> MergeResult:
    """A merge that came to an end."""
    rows = report.dicts() if report is not None else []
    return MergeResult({
        "tx": done["tx"] or None,
        "fast_forward": done["fast_forward"],
        "up_to_date": done["up_to_date"],
        "tables": rows[0]["tables"] if rows else [],
        "conflicts": conflicts_of(report),
    })
