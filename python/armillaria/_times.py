# SPDX-License-Identifier: Apache-2.0
"""numpy's and pandas' times as Python's, which have microseconds: what would be cut is refused."""

from __future__ import annotations

from typing import Any

from .errors import SchemaError

_FINER = ("ns", "ps", "fs", "as")


def _unit(dtype: Any) -> str:
    return str(dtype.str).partition("[")[2].rstrip("]").lstrip("0123456789")


def plain(value: Any) -> Any:
    """A numpy array or scalar as a list of Python's values, or one."""
    kind, unit = value.dtype.kind, ""
    if kind in "mM":
        unit = _unit(value.dtype)
    if kind == "m" and unit in ("Y", "M"):
        raise SchemaError(f"a timedelta64[{unit}] is of no fixed length: {value!r}")
    if unit not in _FINER:
        return value.tolist()
    cut = value.astype(f"{'datetime64' if kind == 'M' else 'timedelta64'}[us]")
    if cut.astype(value.dtype).tobytes() != value.tobytes():
        raise SchemaError(f"Python's times end at microseconds, and these do not: {value!r}: give "
                          "them as a pandas, Polars or Arrow column, or round them")
    return cut.tolist()


def refuse_cut(value: Any) -> None:
    """A pandas Timestamp or Timedelta with nanoseconds is refused."""
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise SchemaError(f"Python's times end at microseconds, and this does not: {value!r}: "
                          "give it as a pandas, Polars or Arrow column, or round it")
