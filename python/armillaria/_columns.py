# SPDX-License-Identifier: Apache-2.0
"""Results as data frames: by way of Arrow, column by column where that does not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._frames import has_pyarrow
from .errors import Error, SchemaError

if TYPE_CHECKING:
    from ._result import Result


def _values(result: Result) -> list[list[Any]]:
    """Python's values of each column."""
    rows = result._rows.head()
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in result.columns]


def frame(result: Result, pandas: Any) -> Any:
    """As a pandas DataFrame."""
    if not has_pyarrow():
        return pandas.DataFrame(result._rows.head(), columns=result.columns)
    table: Any = result.arrow()
    try:
        return table.to_pandas()
    except (Error, MemoryError):
        raise
    except Exception:  # dates that are none, 24:00, unions, zones that Python does not know
        pass
    columns: list[Any] = []
    for column, values in zip(table.columns, _values(result)):
        try:
            columns.append(column.to_pandas())
        except Exception:
            columns.append(pandas.Series(values, dtype=object))
    made = pandas.concat(columns, axis=1) if columns else pandas.DataFrame()
    made.columns = result.columns
    return made


def polars_frame(result: Result, polars: Any) -> Any:
    """As a Polars DataFrame."""
    names = result.columns
    for i, name in enumerate(names):
        if name in names[:i]:
            raise SchemaError(f"two columns are called {name!r}, which Polars has not: name one "
                              "of them with AS")
    types = result.types
    result._rows.count()
    if not any(map(_is_foreign, types)):
        try:
            made = polars.DataFrame(result)
            if all(map(_is_shown, made, types)):
                return made
        except (Error, MemoryError):
            raise
        except Exception:
            pass
    table = result.arrow() if has_pyarrow() else None
    return polars.DataFrame([_polars_column(polars, name, kind, values, table)
                             for name, kind, values in zip(names, types, _values(result))])


def _polars_column(polars: Any, name: str, kind: str, values: list[Any], table: Any) -> Any:
    if table is not None and not _is_foreign(kind):
        try:
            made = polars.from_arrow(table.select([name]))[name]
            if _is_shown(made, kind) or (kind == "TIME"
                                         and made.null_count() == values.count(None)):
                return made
        except Exception:
            pass
    try:
        return polars.Series(name, values)
    except Exception:
        return polars.Series(name, values, dtype=polars.Object)


def _is_foreign(kind: str) -> bool:
    """Whether Polars panics at an Arrow array of the type."""
    return "INTERVAL" in kind or "UNION" in kind


_RANGES = {"Date": 95_000_000, "Datetime": 8_200_000_000_000_000_000}


def _is_shown(column: Any, kind: str) -> bool:
    """Whether Polars shows all days and times: it panics at what is infinite, and 24:00 may be
    among what it takes for null."""
    if kind == "TIME":
        return bool(column.null_count() == 0)
    most = _RANGES.get(str(column.dtype.base_type()))
    if most is None or column.null_count() == len(column):
        return True
    numbers = column.to_physical()
    return bool(-most < numbers.min() and numbers.max() < most)
