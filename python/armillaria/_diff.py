# SPDX-License-Identifier: Apache-2.0
"""What differs between two refs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from html import escape

from . import _check, _core
from ._records import Listing, Named
from ._result import Result


class TableDiff(Named):
    """A table that differs: `table`, `status` (added, removed, modified, renamed), `old_version`,
    `new_version`, `rows_added`, `rows_removed`, `rows_changed`, `conflict` (a merge of b into a
    could not tell what becomes of it), `bytes_added`, `bytes_removed`."""

    __slots__ = ()


class Diff:
    """The difference of two refs: `tables`, and of each its `rows` and columns."""

    def __init__(self, session: _core.Session, a: str, b: str) -> None:
        self._session = session
        self.a: str = a
        """The one ref."""
        self.b: str = b
        """The other."""
        self.tables: Listing[TableDiff] = Listing(Result(session.diff(a, b)), TableDiff)
        """The tables that differ, by name."""

    def rows(self, table: str) -> Result:
        """The rows of a table that differ: its columns, and `_change` (insert, delete,
        update_before, update_after), `_tx`, `_version`. Ordered by key, an update's two rows one
        after the other."""
        return Result(self._session.diff_rows(_check.name(table, "table"), self.a, self.b))

    def columns(self, table: str | None = None) -> Result:
        """What differs of the columns, keys and CHECKs of a table, or of all."""
        name = _check.optional(table, "table", _check.name)
        return Result(self._session.diff_schemas(name, self.a, self.b))

    @cached_property
    def has_conflicts(self) -> bool:
        """Whether a merge of b into a would have some, as far as can be foreseen."""
        return any(table.conflict for table in self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return len(self.tables) > 0

    def __iter__(self) -> Iterator[TableDiff]:
        return iter(self.tables)

    def __repr__(self) -> str:
        return f"from {self.a} to {self.b}\n{self.tables!r}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.a)} → {escape(self.b)}</p>{self.tables._repr_html_()}"
