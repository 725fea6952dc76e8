# SPDX-License-Identifier: Apache-2.0
"""Whatever a program has its rows in, as an Arrow stream."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from . import _check, _core, _times
from .errors import InvalidType, SchemaError

WHAT = ("a pandas or Polars DataFrame, a pyarrow Table, a DuckDB relation, anything with "
        "__arrow_c_stream__, a dict of lists, or a list of dicts")


def _module_of(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _column(values: Any, name: str) -> list[Any]:
    """A column's values as a list."""
    if isinstance(values, (str, bytes)) or _check.is_mapping(values) or \
            not _check.is_iterable(values):
        raise SchemaError(f"column {name}: its values are to be a list, not "
                          f"{type(values).__name__}")
    dtype = getattr(values, "dtype", None)
    if dtype is None or not callable(getattr(values, "tolist", None)):
        return list(values)
    if getattr(dtype, "names", None):
        raise SchemaError(f"column {name}: fields of a numpy array are no columns: give a dict of "
                          "lists, or a DataFrame of it")
    listed: list[Any] = _times.plain(values) if hasattr(dtype, "str") else \
        cast(Any, values).tolist()
    return listed


def _build(names: list[str], columns: list[list[Any]]) -> Any:
    for name in names:
        _check.name(name, "a column's name")
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        told = ", ".join(f"{name}: {len(column)}" for name, column in zip(names, columns))
        raise SchemaError(f"the columns are not of one length: {told}")
    if not names:
        raise SchemaError("the data has no column")
    try:
        return _core.build(names, columns)
    except UnicodeEncodeError as error:
        raise SchemaError(f"a text is not Unicode: {error.object!r} ({error.reason})") from None


def _of_dict(data: Mapping[Any, Any]) -> Any:
    return _build(list(data), [_column(values, str(name)) for name, values in data.items()])


def _of_records(rows: Sequence[Any]) -> Any:
    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not _check.is_mapping(row):
            raise SchemaError(f"row {i} is to be a dict, not {type(row).__name__}")
        names.update(dict.fromkeys(row))
    return _build(list(names), [[row.get(name) for row in rows] for name in names])


def _of_pandas(frame: Any) -> Any:
    """Without its index. By way of pyarrow where that is installed, for its speed."""
    for name in frame.columns:
        if not isinstance(name, str):
            raise SchemaError(f"column {name!r}: its name is to be a str, not "
                              f"{type(name).__name__}: rename it")
    for name, dtype in zip(frame.columns, frame.dtypes):
        if type(dtype).__name__ == "PeriodDtype":
            raise SchemaError(f"column {name}: a pandas Period is no SQL value: "
                              "use .dt.to_timestamp() or .astype(str)")
    if has_pyarrow():
        import pyarrow

        try:
            return pyarrow.Table.from_pandas(frame, preserve_index=False)
        except (ValueError, TypeError, NotImplementedError, OverflowError,
                pyarrow.ArrowException):
            pass  # value by value: it may go, or its place be told
    missing = frame.isna()
    columns: list[list[Any]] = []
    for i in range(frame.shape[1]):
        values = frame.iloc[:, i].tolist()
        columns.append([None if gone else value
                        for value, gone in zip(values, missing.iloc[:, i].tolist())])
    return _build(list(frame.columns), columns)


def has_pyarrow() -> bool:
    """Whether pyarrow is there, imported or not."""
    from importlib.util import find_spec

    return "pyarrow" in sys.modules or find_spec("pyarrow") is not None


def _is_pandas(value: Any, name: str) -> bool:
    """Whether it is a pandas object of that class, or of one derived from it."""
    return any(base.__name__ == name and base.__module__.partition(".")[0] == "pandas"
               for base in type(value).__mro__)


def is_table(value: Any) -> bool:
    """Whether a variable's value can stand in a FROM."""
    if hasattr(value, "__arrow_c_stream__"):
        return True
    if _is_pandas(value, "DataFrame"):
        return True
    if _check.is_mapping(value):
        return bool(value) and all(isinstance(name, str) for name in value) and \
            all(isinstance(column, (list, tuple)) or hasattr(column, "dtype")
                for column in value.values())
    return isinstance(value, list) and _check.is_sequence(value) and bool(value) and \
        all(_check.is_mapping(row) for row in value)


def stream_of(data: Any, what: str = "data") -> Any:
    """An object that gives an Arrow stream of the rows: a capsule, or what has
    __arrow_c_stream__."""
    if type(data).__name__ == "Series" and callable(getattr(data, "to_frame", None)):
        if not data.name:
            raise SchemaError(f"{what} is a Series without a name, and a column has one: "
                              "use .to_frame('name')")
        data = data.to_frame()
    if _is_pandas(data, "DataFrame"):
        return _of_pandas(data)
    if _module_of(data) == "polars":
        if hasattr(data, "collect"):  # a LazyFrame
            data = data.collect()
        for name, dtype in getattr(data, "schema", {}).items():
            if "Object" in str(dtype):
                raise SchemaError(f"column {name}: Python objects of a Polars DataFrame are no "
                                  "SQL values")
        return data
    if type(data).__name__ == "DuckDBPyRelation":
        data.execute()  # anew: older ones give a result once
    if hasattr(data, "__arrow_c_stream__") or type(data).__name__ == "PyCapsule":
        return data
    if _module_of(data) in ("duckdb", "_duckdb"):
        for way in ("to_arrow_reader", "fetch_record_batch", "arrow"):
            if hasattr(data, way):
                return getattr(data, way)()
    if _check.is_mapping(data):
        return _of_dict(data)
    if _check.is_sequence(data):
        return _of_records(data)
    raise InvalidType(f"{what} is to be {WHAT}, not {type(data).__name__}")


def parameters_of(parameters: Any) -> Any:
    """A statement's parameters as one row: a list for `?`, a dict for `$name`; None: none."""
    if parameters is None:
        return None
    if _check.is_mapping(parameters):
        names = [_check.name(name, "a parameter's name") for name in parameters]
        values = list(parameters.values())
    elif _check.is_sequence(parameters):
        names = [str(i + 1) for i in range(len(parameters))]
        values = list(parameters)
    else:
        raise InvalidType(f"parameters are to be a list or a dict, not "
                          f"{type(parameters).__name__}")
    return _build(names, [[value] for value in values]) if names else None
