# SPDX-License-Identifier: Apache-2.0
"""What the house's docstrings say of arguments and errors, as fields.

A docstring is sentences, for `help()` and editors: `key: columns of the primary key.` where `key`
is an argument, and `Raises NotFound if there is none.` On a page the first are a list of arguments,
the second of errors."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from armillaria import errors

_RAISES = re.compile(r"(?:^|(?<=[.;] ))Raises ((?:[A-Z]\w+(?:, | or | and )?)+)(:? ?[^.]*)\.")


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    found: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            found.append(line)
        elif found:
            yield found
            found = []


def _full(name: str, call: Any) -> str:
    """An error's name, which several packages may have."""
    return name if hasattr(sys.modules[call.__module__], "_CLASSES") or not hasattr(
        errors, name) else f"~armillaria.{name}"


def _meaning(name: str, call: Any) -> str:
    """The first sentence of an error's own docstring."""
    kind = getattr(sys.modules[call.__module__], name, None) or getattr(errors, name, None)
    return (inspect.getdoc(kind) or "").partition(". ")[0].partition("\n\n")[0].replace("\n", " ")


def _raises(text: str, call: Any) -> tuple[str, list[str]]:
    """A text without what it says of errors, and that as fields."""
    fields = [f":raises {_full(name, call)}: {match[2].strip(': ') or _meaning(name, call)}"
              for match in _RAISES.finditer(text) for name in re.findall(r"[A-Z]\w+", match[1])]
    return re.sub(r"  +", " ", _RAISES.sub("", text)).strip(), fields


def with_fields(lines: list[str], call: Any) -> list[str]:
    """The lines of a call's docstring, its arguments and errors at the end, as fields."""
    parameters = inspect.signature(call).parameters
    names = "|".join(re.escape(name) for name in parameters) or r"(?!)"
    begin = re.compile(rf"(?:^|(?<=[.;] ))`?({names})`?: ")
    out: list[str] = []
    arguments: list[str] = []
    raised: list[str] = []
    for paragraph in _paragraphs(lines):
        if paragraph[0].startswith((">>>", " ", ":", "..")):
            out += [*paragraph, ""]
            continue
        text, fields = _raises(" ".join(paragraph), call)
        raised += fields
        parts = begin.split(text)
        if parts[0].strip():
            out += [parts[0].strip(), ""]
        for name, told in zip(parts[1::2], parts[2::2]):
            arguments.append(f":param {name}: {told.strip().rstrip(';')}")
            kind = parameters[name].annotation
            if isinstance(kind, str):
                arguments.append(f":type {name}: {kind}")
    return [*out, *arguments, *raised, ""]
