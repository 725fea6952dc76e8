# SPDX-License-Identifier: Apache-2.0
"""Running statements on a session: what Database and Transaction have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

from . import _check, _core, _frames, _progress
from ._records import Record
from ._result import Result
from .errors import InvalidType

MODES = {"create": 0, "append": 1, "replace": 2, "upsert": 3}


class WriteResult(Record):
    """What a write did: `tx` (None: the rows were the same, and nothing was committed; in a
    transaction: it is not yet), `version`, `rows`, `bytes_added`, `chunks_added`,
    `chunks_reused`."""

    __slots__ = ()


Scopes = Callable[[], Iterable[Mapping[str, Any]]]


def of_frame(frame: FrameType) -> Scopes:
    """Where a caller's variables are; looked at only when one is asked for."""
    return lambda: (frame.f_locals, frame.f_globals)


def finder(registered: Mapping[str, Any], scopes: Scopes = tuple) -> Callable[[str], Any]:
    """What a name in FROM is that no table has: what was registered, else the first variable of
    that name, if it holds a table."""

    def find(name: str) -> Any:
        if name in registered:
            return _frames.stream_of(registered[name], name)
        for scope in scopes():
            if name in scope:
                value = scope[name]
                return _frames.stream_of(value, name) if _frames.is_table(value) else None
        return None

    return find


def versions_of(versions: Any) -> dict[str, int] | None:
    """{table: version}, looked at."""
    if versions is None:
        return None
    if not _check.is_mapping(versions):
        raise InvalidType(f"versions is to be a dict of tables and versions, not "
                          f"{type(versions).__name__}")
    return {_check.name(table, "a table of versions"): _check.number(version, f"versions[{table}]",
                                                                     1)
            for table, version in versions.items()}


def run(session: _core.Session, query: str, parameters: Any = None, *, at: Any = None,
        versions: Any = None, timeout: float | None = None, message: str | None = None,
        find: Callable[[str], Any] | None = None, alone: bool = False) -> Result:
    """Run the statements of a text one by one; the last one's result. One with parameters stands
    alone; `alone`: others too."""
    query = _check.text(query, "query")
    options: dict[str, Any] = {
        "at": _check.optional(at, "at", _check.ref),
        "versions": versions_of(versions),
        "timeout_us": 0 if timeout is None else max(1, _check.seconds(timeout, "timeout")),
        "message": _check.optional(message, "message"),
        "parameters": _frames.parameters_of(parameters),
        "find": find,
        "alone": alone,
    }
    with _progress.watching(session, "SQL"):
        rows, begin = session.sql(query, **options)
        while begin is not None:
            rows, begin = session.sql(query, begin=begin, **options)
        return Result(rows)


def write(session: _core.Session, table: str, data: Any, mode: str = "create",
          key: Sequence[str] | str | None = None, message: str | None = None) -> WriteResult:
    """Write rows to a table."""
    name = _check.name(table, "table")
    number = _check.choice(mode, "mode", MODES)
    columns = None if key is None else _check.names(key, "key")
    text = _check.optional(message, "message")
    with _progress.watching(session, f"write {name}"):
        done = session.write(name, _frames.stream_of(data), number, columns, text)
    return WriteResult({**done, "tx": done["tx"] or None})
