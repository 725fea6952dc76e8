# SPDX-License-Identifier: Apache-2.0
"""What writer, reader and engine have in common."""

from __future__ import annotations

from typing import Any

from armillaria import _check
from armillaria._result import Result
from armillaria.errors import InvalidArgument
from udr import PyCatalog, PyChunkStore
from udr._repository import Repository, of, same

FORMATS = ("pandas", "arrow", "dict")


def repository_of(store: Any, catalog: Any) -> Repository:
    """The repository of the two, which is to be one."""
    return same({"store": of(store, PyChunkStore, "store"),
                 "catalog": of(catalog, PyCatalog, "catalog")})


def format_of(value: Any) -> str:
    """A format, looked at."""
    word = _check.text(value, "format")
    if word not in FORMATS:
        raise InvalidArgument(f"format is {word!r}: it may be 'pandas', 'arrow', 'dict'")
    return word


def given_as(result: Result, format: str) -> Any:
    """The rows of a result in a format."""
    if format == "arrow":
        return result.arrow()
    return result.dicts() if format == "dict" else result.df()
