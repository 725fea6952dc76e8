# SPDX-License-Identifier: Apache-2.0
"""A table, at one version or as it is now."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _check, _sql_text, _statements
from ._records import Listing, Named
from ._result import Result

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from ._database import Database


class TableInfo(Named):
    """A table: `table`, `schema`, `version`, `rows`, `bytes`, `key`."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """"table", or "schema.table" outside of main."""
        table, schema = str(self["table"]), str(self["schema"])
        return table if schema == "main" else f"{schema}.{table}"

    def _name(self) -> str:
        return self.name


class Version(Named):
    """A version of a table: `table`, `version`, `parent`, `tx`, `branch`, `created_at`, `rows`,
    `bytes`, `message`."""

    __slots__ = ()


class Column(Named):
    """A column: `column`, `type`, `nullable`, `key`, `default`, `id`."""

    __slots__ = ()

    def _name(self) -> str:
        return str(self.column)


class Table:
    """A table of a database, to be read."""

    def __init__(self, db: Database, name: str, version: int | None, at: str | None) -> None:
        self._db = db
        self.name: str = name
        """As it was asked for."""
        self.version: int | None = version
        """That was asked for; None: none was."""
        self._at = f"version:{version}" if version is not None else at

    def _from(self) -> str:
        text = _sql_text.table(self.name)
        if self._at is None:
            return text
        ref = self._at.replace("'", "''")
        return f"{text} AT (VERSION => '{ref}')"

    @property
    def schema(self) -> Listing[Column]:
        """Its columns."""
        return Listing(Result(self._db._session.schema(self.name, self._at)), Column)

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return [column.column for column in self.schema]

    def scan(self, columns: Sequence[str] | None = None, where: str | None = None,
             parameters: Any = None) -> Result:
        """Its rows, or some of them.

        columns: their names (None: all). where: an SQL condition that is true of them. parameters:
        of the condition, as in `Database.sql`.

        >>> db.table("orders").scan(["id"], "amount > ?", [15]).fetchall()
        [(2,), (3,)]
        """
        names = "*"
        if columns is not None:
            wanted = _check.names(columns, "columns")
            names = ", ".join(_sql_text.identifier(name) for name in wanted) or "NULL"
        condition = "" if where is None else f" WHERE {_check.text(where, 'where')}"
        find = _statements.finder(self._db._registered,
                                  _statements.of_frame(sys._getframe(1)))
        return _statements.run(self._db._session, f"SELECT {names} FROM {self._from()}{condition}",
                               parameters, find=find, alone=True)

    def arrow(self) -> pyarrow.Table:
        """As a pyarrow Table."""
        return self.scan().arrow()

    to_arrow = arrow

    def df(self) -> pandas.DataFrame:
        """As a pandas DataFrame."""
        return self.scan().df()

    to_pandas = df

    def pl(self) -> polars.DataFrame:
        """As a Polars DataFrame."""
        return self.scan().pl()

    to_polars = pl

    def dicts(self) -> list[dict[str, Any]]:
        """As a list of dicts."""
        return self.scan().dicts()

    def show(self, max_rows: int = 40) -> None:
        """Print its first rows."""
        self._db.sql(f"SELECT * FROM {self._from()} LIMIT "
                     f"{_check.number(max_rows, 'max_rows') + 1}").show(max_rows)

    def history(self) -> Listing[Version]:
        """Its versions on the current branch, newest first."""
        return self._db.versions(self.name)

    def __len__(self) -> int:
        """How many rows it has; none is read."""
        row = self._db.sql(f"SELECT count(*) FROM {self._from()}").fetchone()
        return 0 if row is None else int(row[0])

    def __bool__(self) -> bool:
        return True

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        own = self._db._session
        # A statement of the handle's that reads it needs another session to read it from.
        session = self._db._on(own.branch) if own.in_call else own
        rows = _statements.run(session, f"SELECT * FROM {self._from()}")
        return rows.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        at = "" if self._at is None else f" at {self._at}"
        columns = ", ".join(f"{column.column} {column.type}" for column in self.schema)
        return f"<Table {self.name}{at}: {columns}>"

    def _repr_html_(self) -> str:
        return self._db.sql(f"SELECT * FROM {self._from()} LIMIT 41")._repr_html_()
