# SPDX-License-Identifier: Apache-2.0
"""`TableReader`: versions of tables as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from armillaria import _check, _sql_text, _statements
from armillaria._result import Result
from armillaria.errors import NotFound
from udr import PyCatalog, PyChunkStore
from udr._catalog import number_of, table_of

from ._common import repository_of

if TYPE_CHECKING:
    import pandas
    import pyarrow


class TableReader:
    """Reads tables of a repository: as `main` has them, or at a version, whoever made it."""

    def __init__(self, store: PyChunkStore, catalog: PyCatalog) -> None:
        self._repository = repository_of(store, catalog)
        self._catalog = catalog

    def _rows(self, table: str, version: int | None, columns: Sequence[str] | None) -> Result:
        name = table_of(table)
        number = None if version is None else number_of(version)
        if number is None and not self._is_on_main(table):
            number = self._catalog.latest_version(table)
            if number is None:
                raise NotFound(f"there is no table {table}")
        wanted = "*" if columns is None else \
            ", ".join(_sql_text.identifier(column) for column in _check.names(columns, "columns"))
        at = "" if number is None else f" AT (VERSION => {number})"
        return _statements.run(self._repository.session(), f"SELECT {wanted or 'NULL'} FROM "
                               f"{_sql_text.table(name)}{at}")

    def _is_on_main(self, table: str) -> bool:
        head = Result(self._repository.db._session.branches("main")).dicts()[0]["head"]
        return any(str(name).lower() == table.lower() for name in dict(head))

    def read(self, table: str, version: int | None = None,
             columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """As a pandas DataFrame. version: None, what `main` has now. Raises NotFound."""
        return self._rows(table, version, columns).df()

    read_pandas = read

    def read_arrow(self, table: str, version: int | None = None,
                   columns: Sequence[str] | None = None) -> pyarrow.Table:
        """As a pyarrow Table."""
        return self._rows(table, version, columns).arrow()

    def __repr__(self) -> str:
        return f"TableReader({self._repository.root!r})"
