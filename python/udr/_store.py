# SPDX-License-Identifier: Apache-2.0
"""`PyChunkStore`: immutable bytes under the hash of their content."""

from __future__ import annotations

import os
import re
from typing import Any

from armillaria._result import Result
from armillaria.errors import InvalidHash, InvalidType

from ._repository import Repository

_HASH = re.compile(r"[0-9a-f]{64}")


def hash_of(value: Any, what: str = "hash") -> str:
    """A hash, looked at."""
    if not isinstance(value, str):
        raise InvalidType(f"{what} is to be a str, not {type(value).__name__}")
    if _HASH.fullmatch(value) is None:
        raise InvalidHash(f"{what} is {value[:80]!r}: not 64 lower-case hexadecimal digits")
    return str(value)


class PyChunkStore:
    """Chunks: bytes, named by their BLAKE3-256. The same bytes are one chunk.

    What is put stays until it is deleted, also from `gc`, whatever versions there are.

    >>> import udr
    >>> store = udr.PyChunkStore("data/chunks")
    >>> store.get(store.put(b"hello"))
    b'hello'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._repository = Repository(path)

    def put(self, data: bytes | bytearray | memoryview) -> str:
        """Store bytes, durably; their hash."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise InvalidType(f"data is to be bytes, not {type(data).__name__}")
        if isinstance(data, memoryview) and not data.contiguous:
            data = data.tobytes()
        return self._repository.repo.chunk_put(data)

    def get(self, hash: str) -> bytes:
        """The bytes of a chunk. Raises NotFound."""
        return self._repository.repo.chunk_get(hash_of(hash), False)

    def get_verified(self, hash: str) -> bytes:
        """The same, proven by their hash. Raises HashMismatch, with `expected` and `actual`."""
        return self._repository.repo.chunk_get(hash_of(hash), True)

    def exists(self, hash: str) -> bool:
        """Whether there is such a chunk."""
        return self._repository.repo.chunk_exists(hash_of(hash))

    def size(self, hash: str) -> int:
        """How many bytes it has. Raises NotFound."""
        return self._repository.repo.chunk_size(hash_of(hash))

    def delete(self, hash: str) -> None:
        """Remove a chunk. Refused (InvalidArgument) while a version that can be read uses it."""
        self._repository.repo.chunk_delete(hash_of(hash))

    def list(self) -> list[str]:
        """The hashes of all chunks that are there, those of tables too, in order."""
        return [row["hash"] for row in Result(self._repository.repo.chunks()).dicts()]

    def __contains__(self, hash: object) -> bool:
        return isinstance(hash, str) and _HASH.fullmatch(hash) is not None and self.exists(hash)

    def __len__(self) -> int:
        return len(self.list())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"PyChunkStore({self._repository.root!r})"
