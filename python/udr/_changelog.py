# SPDX-License-Identifier: Apache-2.0
"""The changelog in the words of the first interface."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from armillaria import _check
from armillaria._result import Result
from armillaria.errors import Error

from ._repository import Repository


class PyTableChange:
    """What a commit did to a table: `table_name`, `old_version` (None: it was not there),
    `new_version` (None: it is dropped)."""

    __slots__ = ("table_name", "old_version", "new_version")

    def __init__(self, table_name: str, old_version: int | None, new_version: int | None) -> None:
        self.table_name: str = table_name
        self.old_version: int | None = old_version
        self.new_version: int | None = new_version

    def is_new_table(self) -> bool:
        """Whether the table was not there before."""
        return self.old_version is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyTableChange):
            return NotImplemented
        return (self.table_name, self.old_version, self.new_version) == \
            (other.table_name, other.old_version, other.new_version)

    def __hash__(self) -> int:
        return hash((self.table_name, self.old_version, self.new_version))

    def __repr__(self) -> str:
        return (f"PyTableChange(table_name={self.table_name!r}, old_version={self.old_version!r}, "
                f"new_version={self.new_version!r})")


class PyChangelogEntry:
    """A commit: `tx_id`, `timestamp` (UTC), `branch`, `changes`."""

    __slots__ = ("tx_id", "timestamp", "branch", "changes")

    def __init__(self, tx_id: int, timestamp: datetime, branch: str,
                 changes: Sequence[PyTableChange]) -> None:
        self.tx_id: int = tx_id
        self.timestamp: datetime = timestamp
        self.branch: str = branch
        self.changes: list[PyTableChange] = list(changes)

    def changed_tables(self) -> list[str]:
        """Names of the tables that it changed."""
        return [change.table_name for change in self.changes]

    def contains_table(self, table: str) -> bool:
        """Whether it changed that one."""
        return table in self.changed_tables()

    def get_change(self, table: str) -> PyTableChange | None:
        """What it did to a table; None: nothing."""
        for change in self.changes:
            if change.table_name == table:
                return change
        return None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyChangelogEntry):
            return NotImplemented
        return (self.tx_id, self.timestamp, self.branch, self.changes) == \
            (other.tx_id, other.timestamp, other.branch, other.changes)

    def __hash__(self) -> int:
        return hash(self.tx_id)

    def __repr__(self) -> str:
        return (f"PyChangelogEntry(tx_id={self.tx_id!r}, timestamp={self.timestamp!r}, "
                f"branch={self.branch!r}, changes={self.changes!r})")


def old_version_of(repository: Repository, change: Any) -> int | None:
    """What a change began with. One that moves a table to where its branch stands already, as a
    transaction does with a version that the catalog has just made, began with that one's parent."""
    old, new = change["old_version"], change["new_version"]
    if old is None or old != new:
        return None if old is None else int(old)
    try:
        row = Result(repository.db._session.version_show(change["table_name"], new)).dicts()[0]
    except Error:
        return int(old)
    return None if row["parent"] is None else int(row["parent"])


def entries(repository: Repository, since_tx_id: int | None = None,
            since_time: datetime | None = None, tables: str | Sequence[str] | None = None,
            branch: str | None = None) -> list[PyChangelogEntry]:
    """The commits behind a tx and a time, oldest first; of all branches unless one is named."""
    rows = repository.db._session.changes(
        0 if since_tx_id is None else _check.number(since_tx_id, "since_tx_id"), 0,
        None if tables is None else _check.names(tables, "tables"),
        "*" if branch is None else _check.name(branch, "branch"), 0,
        0 if since_time is None else _check.time_us(since_time, "since_time"), 0)
    return [PyChangelogEntry(
        int(row["tx_id"]), row["timestamp"], row["branch"],
        [PyTableChange(change["table_name"], old_version_of(repository, change),
                       change["new_version"]) for change in row["changes"]])
        for row in Result(rows).dicts()]
