# SPDX-License-Identifier: Apache-2.0
"""What a program says of a version, as text, so that it comes back as it was."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from armillaria.errors import InvalidType

_TAG = "$udr"
_DEPTH_MAX = 64


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {_TAG: kind, "value": value}


def _pack(value: Any, what: str, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise InvalidType(f"{what} is nested more than {_DEPTH_MAX} deep")
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_pack(item, what, depth + 1) for item in value]
    if kind is tuple:
        return _tagged("tuple", [_pack(item, what, depth + 1) for item in value])
    if kind in (set, frozenset):
        return _tagged(kind.__name__, [_pack(item, what, depth + 1) for item in value])
    if isinstance(value, dict):
        if all(type(key) is str for key in value) and _TAG not in value:
            return {key: _pack(item, what, depth + 1) for key, item in value.items()}
        return _tagged("dict", [[_pack(key, what, depth + 1), _pack(item, what, depth + 1)]
                                for key, item in value.items()])
    if kind in (bytes, bytearray):
        return _tagged(kind.__name__, base64.b64encode(value).decode())
    if kind is datetime or kind is date:
        return _tagged(kind.__name__, value.isoformat())
    if kind is Decimal:
        return _tagged("Decimal", str(value))
    if kind.__module__.partition(".")[0] == "pyarrow" and kind.__name__ == "Schema":
        return _tagged("pyarrow.Schema", base64.b64encode(value.serialize().to_pybytes()).decode())
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "item"):
        return _pack(value.item(), what, depth + 1)
    raise InvalidType(f"{what} cannot be kept: a {kind.__name__} in it")


def _arrow_schema(text: str) -> Any:
    import pyarrow

    return pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(text)))


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {key: _unpack(item) for key, item in value.items()}
    kind, inner = value[_TAG], value["value"]
    makers: dict[str, Any] = {
        "tuple": lambda: tuple(_unpack(inner)),
        "set": lambda: set(_unpack(inner)),
        "frozenset": lambda: frozenset(_unpack(inner)),
        "dict": lambda: {_unpack(key): _unpack(item) for key, item in inner},
        "bytes": lambda: base64.b64decode(inner),
        "bytearray": lambda: bytearray(base64.b64decode(inner)),
        "datetime": lambda: datetime.fromisoformat(inner),
        "date": lambda: date.fromisoformat(inner),
        "Decimal": lambda: Decimal(inner),
        "pyarrow.Schema": lambda: _arrow_schema(inner),
    }
    return makers[kind]()


def packed(value: Any, what: str) -> Any:
    """A value as JSON has it. Raises InvalidType: it cannot be kept."""
    return _pack(value, what, 0)


def text_of(fields: dict[str, Any]) -> str:
    """Packed fields as text."""
    return json.dumps(fields, separators=(",", ":"))


def fields_of(text: str | None) -> dict[str, Any] | None:
    """The fields of a text that this package wrote; None: it did not."""
    if text is None:
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and fields.get("udr") == 1 else None


def unpacked(value: Any) -> Any:
    """The value."""
    return _unpack(value)
