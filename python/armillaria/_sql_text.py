# SPDX-License-Identifier: Apache-2.0
"""Names and values as SQL spells them."""

from __future__ import annotations

from . import _check
from .errors import InvalidName


def identifier(name: str) -> str:
    """A name in quotes."""
    return '"' + name.replace('"', '""') + '"'


def parts(table: str) -> list[str]:
    """The parts of "schema.table", of which any may be quoted as in SQL."""
    found: list[str] = []
    part, quoted, i = "", False, 0
    while i < len(table):
        c = table[i]
        if c == '"' and quoted and table[i + 1:i + 2] == '"':
            part, i = part + '"', i + 1
        elif c == '"':
            quoted = not quoted
        elif c == "." and not quoted:
            found.append(part)
            part = ""
        else:
            part += c
        i += 1
    found.append(part)
    if quoted or not all(found) or len(found) > 2:
        raise InvalidName(f"not the name of a table: {table!r}")
    return found


def table(name: str) -> str:
    """A table's name as FROM takes it."""
    return ".".join(identifier(part) for part in parts(_check.name(name, "table")))
