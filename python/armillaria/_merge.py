# SPDX-License-Identifier: Apache-2.0
"""What a merge did, and what it could not decide."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from . import _draw
from ._records import Record

STRATEGIES = {"fail": 0, "ours": 1, "theirs": 2}
_JSON = ("columns", "key", "base", "ours", "theirs")


class Conflict(Record):
    """A row, or a table, of which a merge could not tell what becomes of it: `table`, `kind`,
    `columns` (that differ), `key`, and the row as `base`, `ours` and `theirs` have it (dicts, None
    where there is none)."""

    __slots__ = ()


_SIDES = ("base", "ours", "theirs")


def _of(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {} if row is None else row


class _Conflicts(list[Conflict]):
    """A list, which a notebook shows as a table: a row for each cell that the sides differ in."""

    def _cells(self) -> Iterator[list[Any]]:
        for conflict in self:
            key: Any = conflict.key
            if isinstance(key, Mapping):
                named = cast(Mapping[str, Any], key)
                key = ", ".join(f"{name} = {value}" for name, value in named.items())
            rows: list[Any] = [row for row in (conflict[side] for side in _SIDES) if row is not None]
            columns = conflict.columns or [
                name for name in (rows[0] if rows else ())
                if any(row.get(name) != rows[0][name] for row in rows)] or [""]
            for column in columns:
                yield [conflict.table, conflict.kind, key, column, *(
                    "(no row)" if conflict[side] is None and rows else
                    _of(conflict[side]).get(column, "") for side in _SIDES)]

    def _repr_html_(self) -> str:
        return _draw.html(["table", "kind", "key", "column", *_SIDES], list(self._cells()),
                          "" if self else "no conflicts")


class MergeResult(Record):
    """What a merge did: `tx` of its commit (None: there was nothing, and nothing was there before),
    `fast_forward`, `up_to_date` (nothing was to be merged), `tables` that it changed,
    `conflicts` (with a dry run that would fail; a strategy leaves none)."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        rows = [[name, value] for name, value in self.items() if name != "conflicts"]
        return _draw.html(["", ""], rows) + (
            self.conflicts._repr_html_() if self.conflicts else "")


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
        return _Conflicts()
    return _Conflicts(_conflict(row) for rows in report.dicts() for row in rows["conflicts"])


def result_of(done: Mapping[str, Any], report: Any) -> MergeResult:
    """A merge that came to an end."""
    rows: list[dict[str, Any]] = report.dicts() if report is not None else []
    return MergeResult({
        "tx": done["tx"] or None,
        "fast_forward": done["fast_forward"],
        "up_to_date": done["up_to_date"],
        "tables": rows[0]["tables"] if rows else [],
        "conflicts": conflicts_of(report),
    })
