# SPDX-License-Identifier: Apache-2.0
"""Small answers: records whose fields are attributes and items, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard, TypeVar, overload

from . import _draw
from ._result import Result

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Record(Mapping[str, Any]):
    """A row with names: `record.version` and `record["version"]` are the same.

    >>> commit = db.log()[0]
    >>> commit.message == commit["message"]
    True
    """

    __slots__ = ("_fields",)
    _fields: dict[str, Any]

    _told: ClassVar[Mapping[str, Callable[[Any], str]]] = {}
    """Of fields that people are told otherwise than as their value: how."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_fields", dict(fields))

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copy and pickle look for before there are fields
            raise AttributeError(name)
        try:
            return self._fields[name]
        except KeyError:
            known = ", ".join(self._fields)
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {known}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def __hash__(self) -> int:
        return hash(tuple(map(repr, self._fields.items())))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._fields,)

    def _repr_html_(self) -> str:
        return _draw.html(["", ""], [
            [name, self._told[name](value) if name in self._told else value]
            for name, value in self._fields.items()])


class Named(Record):
    """A record that has a name, and is its name where one is looked for: `"main" in branches`."""

    __slots__ = ()

    def _name(self) -> str:
        return str(next(iter(self._fields.values())))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self._name() == other
        return isinstance(other, Record) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._name())

    def __str__(self) -> str:
        return self._name()


R = TypeVar("R", bound=Record)


def _is_listing(value: object) -> TypeGuard[Listing[Any]]:
    return isinstance(value, Listing)


class Listing(Sequence[R]):
    """A list of records, which is a table, too: `df()`, `arrow()`, `pl()`, `dicts()`, `show()`.

    >>> db.versions("orders")[0].message
    'first load'
    >>> db.versions("orders").columns[:3]
    ['table', 'version', 'parent']
    """

    def __init__(self, result: Result, kind: type[R]) -> None:
        self._result = result
        self._result._told = kind._told
        self._records: list[R] = [kind(row) for row in result.dicts()]

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> list[R]: ...

    def __getitem__(self, index: int | slice) -> R | list[R]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __eq__(self, other: object) -> bool:
        if _is_listing(other):
            return self._records == other._records
        return isinstance(other, list) and self._records == other

    __hash__: ClassVar[None]  # type: ignore[assignment]  # a list has none either

    @property
    def columns(self) -> list[str]:
        """Names of the fields."""
        return self._result.columns

    def dicts(self) -> list[dict[str, Any]]:
        """The records as dicts."""
        return self._result.dicts()

    def df(self) -> pandas.DataFrame:
        """As a pandas DataFrame."""
        return self._result.df()

    to_pandas = df

    def arrow(self) -> pyarrow.Table:
        """As a pyarrow Table."""
        return self._result.arrow()

    to_arrow = arrow

    def pl(self) -> polars.DataFrame:
        """As a Polars DataFrame."""
        return self._result.pl()

    to_polars = pl

    def show(self, max_rows: int = 40) -> None:
        """Print them as a table."""
        self._result.show(max_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._result.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return repr(self._result)

    def _repr_html_(self) -> str:
        return self._result._repr_html_()
