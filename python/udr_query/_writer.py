# SPDX-License-Identifier: Apache-2.0
"""`TableWriter`: data frames into tables, or into chunks alone."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from armillaria import _check, _frames, _statements
from armillaria._result import Result
from armillaria.errors import TransactionConflict
from udr import PyCatalog, PyChunkStore, PyTableVersion
from udr._catalog import table_of, words_of
from udr._repository import Repository

from ._common import repository_of

CHUNK_ROWS_BEST = 2**32 - 1  # the library's ARM_CHUNK_ROWS_BEST
_ROWS = 122_880  # of a chunk that is written alone
_TRIES = 50


def chunk_rows_of(value: Any) -> int:
    """How many rows a chunk is to have; None: as many as is best."""
    if value is None:
        return CHUNK_ROWS_BEST
    return _check.number(value, "chunk_rows", 1, CHUNK_ROWS_BEST - 1)


def write_version(repository: Repository, branch: str, maker: str, table: str, data: Any,
                  chunk_rows: int | None = None, metadata: Any = None) -> int:
    """All rows of a table are replaced, as its next version, which is made even if they are the
    same; its number."""
    name = table_of(table)
    rows = chunk_rows_of(chunk_rows)
    words = words_of(maker, metadata)
    session = repository.session(branch)
    for attempt in range(_TRIES):
        stream = _frames.stream_of(data)
        try:
            done = session.write_version(name, stream, metadata=words, chunk_rows=rows,
                                         message=f"write {name}"[:1000])
        except TransactionConflict:  # somebody else replaced it meanwhile: then after him
            if attempt == _TRIES - 1 or not _is_lasting(data):
                raise
            continue
        return int(done["version"])
    raise AssertionError("unreachable")


def _is_lasting(data: Any) -> bool:
    """Whether the rows can be read again."""
    return not (type(data).__name__ in ("PyCapsule", "RecordBatchReader", "DuckDBPyRelation")
                or hasattr(data, "read_next_batch"))


class TableWriter:
    """Writes tables of a repository, on `main`."""

    def __init__(self, store: PyChunkStore, catalog: PyCatalog) -> None:
        self._repository = repository_of(store, catalog)
        self._store = store
        self._catalog = catalog

    def write(self, table: str, data: Any, chunk_rows: int | None = None,
              metadata: Any = None) -> PyTableVersion:
        """Write all rows of a table, as its next version: with chunks of `chunk_rows` rows (None:
        as many as is best). Chunks whose rows are known already are not stored again.

        data: a pandas or Polars DataFrame, a pyarrow Table, a dict of lists, a list of dicts."""
        number = write_version(self._repository, "main", "writer", table, data, chunk_rows,
                               metadata)
        return self._catalog.get_version(table, number)

    def write_chunks_only(self, data: Any) -> list[str]:
        """Store rows as Parquet chunks, for `PyCatalog.commit`; their hashes, in order. They stay
        until they are deleted."""
        session = self._repository.session()
        stream = _frames.stream_of(data)
        rows = Result(session.sql("FROM __udr_rows", find=lambda name: stream)[0])
        count = len(rows)
        hashes: list[str] = []
        with tempfile.TemporaryDirectory(prefix="udr-") as directory:
            path = os.path.join(directory, "chunk.parquet")
            text = path.replace("'", "''")
            for begin in range(0, max(count, 1), _ROWS):
                _statements.run(
                    session, f"COPY (SELECT * FROM __udr_rows LIMIT {_ROWS} OFFSET {begin}) "
                    f"TO '{text}' (FORMAT parquet, COMPRESSION zstd)", find=lambda name: rows)
                with open(path, "rb") as file:
                    hashes.append(self._store.put(file.read()))
        return hashes

    def __repr__(self) -> str:
        return f"TableWriter({self._repository.root!r})"
