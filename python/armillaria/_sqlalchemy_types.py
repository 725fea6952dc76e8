# SPDX-License-Identifier: Apache-2.0
"""What SQL calls a type, as a type of SQLAlchemy."""

from __future__ import annotations

import re
from typing import Any

from duckdb_engine import datatypes
from sqlalchemy import types
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

# Types that keep nothing beside their name.
_PLAIN: dict[str, type[TypeEngine[Any]]] = {
    "BIGINT": types.BIGINT,
    "BLOB": types.BLOB,
    "BOOLEAN": types.BOOLEAN,
    "DATE": types.DATE,
    "DOUBLE": types.DOUBLE,
    "FLOAT": types.REAL,
    "HUGEINT": datatypes.HugeInteger,
    "INTEGER": types.INTEGER,
    "INTERVAL": postgresql.INTERVAL,
    "JSON": types.JSON,
    "SMALLINT": types.SMALLINT,
    "TIME": types.TIME,
    "TIMESTAMP": types.TIMESTAMP,
    "TIMESTAMP_MS": types.TIMESTAMP,
    "TIMESTAMP_NS": types.TIMESTAMP,
    "TIMESTAMP_S": types.TIMESTAMP,
    "TINYINT": datatypes.TinyInteger,
    "UBIGINT": datatypes.UBigInteger,
    "UHUGEINT": datatypes.UHugeInteger,
    "UINTEGER": datatypes.UInteger,
    "USMALLINT": datatypes.USmallInteger,
    "UTINYINT": datatypes.UTinyInteger,
    "UUID": types.UUID,
    "VARCHAR": types.VARCHAR,
}
_ZONED: dict[str, TypeEngine[Any]] = {
    "TIME WITH TIME ZONE": types.TIME(timezone=True),
    "TIMESTAMP WITH TIME ZONE": types.TIMESTAMP(timezone=True),
}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def _split(inside: str) -> list[str]:
    """The parts between the commas that are in no bracket and no quotes."""
    parts, depth, begin, i = [], 0, 0, 0
    while i < len(inside):
        quoted = _QUOTED.match(inside, i)
        if quoted:
            i = quoted.end()
            continue
        depth += (inside[i] in "([") - (inside[i] in ")]")
        if inside[i] == "," and depth == 0:
            parts.append(inside[begin:i].strip())
            begin = i + 1
        i += 1
    return [*parts, inside[begin:].strip()]


def _unquoted(text: str) -> str:
    """A name or a text without its quotes."""
    mark = text[:1]
    return text[1:-1].replace(mark * 2, mark) if mark in ("'", '"') else text


def _field(text: str) -> tuple[str, TypeEngine[Any]]:
    """Name and type of a STRUCT's field."""
    quoted = _QUOTED.match(text)
    end = quoted.end() if quoted else text.index(" ")
    return _unquoted(text[:end]), type_of(text[end:].strip())


def _bracketed(name: str, inside: list[str]) -> TypeEngine[Any]:
    if name == "DECIMAL":
        return types.NUMERIC(int(inside[0]), int(inside[1]))
    if name == "ENUM":
        return types.Enum(*map(_unquoted, inside))
    if name == "MAP":
        return datatypes.Map(type_of(inside[0]), type_of(inside[1]))
    if name == "STRUCT":
        return datatypes.Struct(dict(map(_field, inside)))
    return types.NullType()


def type_of(text: str) -> TypeEngine[Any]:
    """The type that is spelled so, as in duckdb_columns(); NullType: there is none like it."""
    dimensions = 0
    while text.endswith("]"):
        text, dimensions = text[:text.rindex("[")], dimensions + 1
    if dimensions:
        return types.ARRAY(type_of(text), dimensions=dimensions)
    if text in _ZONED:
        return _ZONED[text]
    if text.endswith(")"):
        name, _, inside = text[:-1].partition("(")
        return _bracketed(name, _split(inside))
    return _PLAIN.get(text, types.NullType)()
