# SPDX-License-Identifier: Apache-2.0
"""Arguments, looked at before they go down: what is wrong is said with the argument's name."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeGuard, cast

from .errors import InvalidArgument, InvalidName, InvalidType

TX_MAX = 2**63 - 1


def _say(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a dict, or like one. (Of `isinstance` pyright knows the class alone, and not
    that what is in it may be anything.)"""
    return isinstance(value, Mapping)


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list, or like one, and not a text."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def is_iterable(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether it gives one thing after the other."""
    return isinstance(value, Iterable)


def text(value: Any, what: str) -> str:
    """A str that C can take."""
    if not isinstance(value, str):
        raise InvalidType(f"{what} is to be a str, not {type(value).__name__}: {_say(value)}")
    if "\0" in value:
        raise InvalidArgument(f"{what} has a NUL in it: {_say(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{what} is not Unicode: {_say(value)} ({error.reason})") from None
    return value


def name(value: Any, what: str) -> str:
    """A name; an empty one, or one that C cannot take, is no name."""
    try:
        checked = text(value, what)
    except InvalidType:
        raise
    except InvalidArgument as error:
        raise InvalidName(str(error)) from None
    if not checked:
        raise InvalidName(f"{what} is empty")
    return checked


def optional(value: Any, what: str, check: Callable[[Any, str], Any] = text) -> Any:
    """None, or what `check` takes."""
    return None if value is None else check(value, what)


def flag(value: Any, what: str) -> bool:
    """A bool."""
    if not isinstance(value, bool):
        raise InvalidType(f"{what} is to be a bool, not {type(value).__name__}: {_say(value)}")
    return value


def number(value: Any, what: str, least: int = 0, most: int = TX_MAX) -> int:
    """An int of that range; a bool is none, numpy's are."""
    if isinstance(value, (bool, type)) or not hasattr(value, "__index__"):
        raise InvalidType(f"{what} is to be an int, not {type(value).__name__}: {_say(value)}")
    found = operator.index(value)
    if not least <= found <= most:
        raise InvalidArgument(f"{what} is {_say(value)}: not from {least} to {most}")
    return found


def seconds(value: Any, what: str) -> int:
    """Seconds, as microseconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidType(f"{what} is to be a number of seconds, not {type(value).__name__}: "
                          f"{_say(value)}")
    if not 0 <= value < 2**40:  # NaN is neither
        raise InvalidArgument(f"{what} is {value}: not a number of seconds")
    return int(value * 1_000_000)


def texts(value: Any, what: str, check: Callable[[Any, str], str] = text) -> list[str]:
    """A list of str; one str is a list of one."""
    if isinstance(value, str):
        return [check(value, what)]
    if isinstance(value, bytes) or is_mapping(value) or not is_iterable(value):
        raise InvalidType(f"{what} is to be a list of str, not {type(value).__name__}: "
                          f"{_say(value)}")
    return [check(item, f"{what}[{i}]") for i, item in enumerate(value)]


def names(value: Any, what: str) -> list[str]:
    """A list of names; one str is a list of one."""
    return texts(value, what, name)


def choice(value: Any, what: str, choices: Mapping[str, int]) -> int:
    """One of the words, as its number."""
    checked = text(value, what)
    if checked not in choices:
        words = ", ".join(repr(word) for word in choices)
        raise InvalidArgument(f"{what} is {_say(value)}: it may be {words}")
    return choices[checked]


def path(value: Any, what: str) -> str:
    """A path, as str."""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidType(f"{what} is to be a path, not {type(value).__name__}: {_say(value)}")
    given: str | bytes = os.fspath(cast("str | os.PathLike[str] | os.PathLike[bytes]", value))
    if isinstance(given, bytes):
        given = os.fsdecode(given)
    if not given:
        raise InvalidArgument(f"{what} is empty")
    return text(given, what)


def ref(value: Any, what: str) -> str:
    """A ref: a branch, a tag, "tx:12", "version:3", a time; a datetime, and an int as a tx id."""
    if isinstance(value, bool):
        raise InvalidType(f"{what} is to be a ref, not a bool: {value}")
    if hasattr(value, "__index__") and not isinstance(value, type):
        return f"tx:{number(value, what)}"
    if isinstance(value, datetime):
        zone = value.astimezone(timezone.utc) if value.tzinfo is not None else value
        return zone.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return name(value, what)


def time_us(value: Any, what: str) -> int:
    """A datetime (without a zone: UTC), as microseconds since 1970."""
    if not isinstance(value, datetime):
        raise InvalidType(f"{what} is to be a datetime, not {type(value).__name__}: {_say(value)}")
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    delta: timedelta = value - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds
