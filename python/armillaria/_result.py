# SPDX-License-Identifier: Apache-2.0
"""What a statement gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from . import _check, _columns, _core, _draw
from .errors import Unsupported

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_HEAD_ROWS = 40


def need(module: str, what: str) -> Any:
    """An optional package; what is to be done if it is not there."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise Unsupported(f"{what} needs {module}: pip install {module}") from None


class Result:
    """The rows of a statement, which has run: it is never run again.

    They are read as they are asked for, and kept: `df`, `arrow`, `pl`, `dicts`, `show` and each new
    stream begin at the first row; `fetchone`, `fetchmany`, `fetchall` and iteration go on from where
    they are. A statement that changes rows gives one row, `Count`, or RETURNING's rows. A result
    outlives its database's handle.

    >>> result = db.sql("SELECT * FROM orders")
    >>> result.fetchone()
    (1, 10.0)
    >>> result.dicts()[0]
    {'id': 1, 'amount': 10.0}
    >>> result.fetchall()
    [(2, 20.0), (3, 30.0)]
    >>> result.shape
    (3, 2)
    """

    def __init__(self, rows: _core.Rows) -> None:
        self._rows = rows
        self._told: Mapping[str, Callable[[Any], str]] = {}
        """Of columns that people are told otherwise: how."""

    # -- What there is

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._rows.columns

    @property
    def types(self) -> list[str]:
        """What SQL calls their types."""
        return self._rows.types

    @property
    def description(self) -> list[tuple[Any, ...]]:
        """The columns as PEP 249 has them: (name, type, None, None, None, None, None)."""
        return [(name, kind, None, None, None, None, None)
                for name, kind in zip(self.columns, self.types)]

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are. Reads all rows."""
        return self._rows.count(), len(self.columns)

    def __len__(self) -> int:
        """How many rows there are. Reads them all."""
        return self._rows.count()

    def __bool__(self) -> bool:
        return True

    # -- All of it, from the first row

    def df(self) -> pandas.DataFrame:
        """As a pandas DataFrame. A column that pandas has no type for is one of objects."""
        return cast("pandas.DataFrame", _columns.frame(self, need("pandas", "df()")))

    to_pandas = df

    def arrow(self) -> pyarrow.Table:
        """As a pyarrow Table, without a copy."""
        pyarrow = need("pyarrow", "arrow()")
        self._rows.count()  # by a call of ours: it fails as ours do, and Ctrl-C ends it
        return pyarrow.table(self)

    to_arrow = arrow

    def pl(self) -> polars.DataFrame:
        """As a Polars DataFrame; SchemaError if two columns have one name. A column that Polars
        has no type for is one of objects."""
        return cast("polars.DataFrame", _columns.polars_frame(self, need("polars", "pl()")))

    to_polars = pl

    def reader(self) -> pyarrow.RecordBatchReader:
        """A stream of record batches, read as they come."""
        pyarrow = need("pyarrow", "reader()")
        source = pyarrow.RecordBatchReader.from_stream(self)

        def batches() -> Iterator[Any]:
            i = 0
            while self._rows.has_batch(i):  # by a call of ours: it fails as ours do
                yield source.read_next_batch()
                i += 1

        return pyarrow.RecordBatchReader.from_batches(source.schema, batches())

    def dicts(self) -> list[dict[str, Any]]:
        """As a list of dicts."""
        return self._rows.dicts()

    def show(self, max_rows: int = _HEAD_ROWS) -> None:
        """Print the first rows as a table."""
        print(self._box(_check.number(max_rows, "max_rows")))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface: pyarrow, Polars, DuckDB and others take a result as it
        is."""
        return self._rows.__arrow_c_stream__(requested_schema)

    # -- Row by row

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; None: there is none."""
        rows = self._rows.fetch(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next `size` rows, fewer at the end."""
        return self._rows.fetch(_check.number(size, "size"))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return self._rows.fetch(-1)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self._rows.fetch(1):
            yield rows[0]

    # -- To be looked at

    def _head(self, max_rows: int) -> tuple[list[tuple[Any, ...]], str]:
        rows = self._rows.head(max_rows + 1)
        if self._told:
            rows = [tuple(self._told[name](value) if name in self._told else value
                          for name, value in zip(self.columns, row)) for row in rows]
        if len(rows) <= max_rows:
            return rows, ""
        return rows[:max_rows], f"the first {max_rows} rows; there are more"

    def _box(self, max_rows: int) -> str:
        rows, more = self._head(max_rows)
        types = ["" if name in self._told else kind
                 for name, kind in zip(self.columns, self.types)]
        return _draw.box(self.columns, types, rows, more, _draw.room())

    def __repr__(self) -> str:
        return self._box(_HEAD_ROWS)

    def _repr_html_(self) -> str:
        rows, more = self._head(_HEAD_ROWS)
        return _draw.html(self.columns, rows, more, self._colours(rows), self._marks(rows))

    def _colours(self, rows: list[tuple[Any, ...]]) -> list[str] | None:
        """Of rows that were changed: green, red, yellow."""
        if "_change" not in self.columns:
            return None
        at = self.columns.index("_change")
        palette = {"insert": "#e6ffec", "delete": "#ffebe9", "update_before": "#fff8c5",
                   "update_after": "#fff8c5"}
        return [palette.get(row[at], "") for row in rows]

    def _marks(self, rows: list[tuple[Any, ...]]) -> dict[tuple[int, int], str]:
        """Of cells that an update changed: red before, green after."""
        marks: dict[tuple[int, int], str] = {}
        if "_change" not in self.columns:
            return marks
        at = self.columns.index("_change")
        theirs = [j for j, name in enumerate(self.columns)
                  if name not in ("_change", "_tx", "_version")]
        for i in range(len(rows) - 1):
            if (rows[i][at], rows[i + 1][at]) == ("update_before", "update_after"):
                for j in theirs:
                    if repr(rows[i][j]) != repr(rows[i + 1][j]):  # NaN is NaN
                        marks[i, j], marks[i + 1, j] = "#ffc9c4", "#a6f0b9"
        return marks
