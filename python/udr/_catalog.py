# SPDX-License-Identifier: Apache-2.0
"""`PyCatalog` and `PyTableVersion`: tables as versions that are made of chunks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from armillaria import _check, _core, _sql_text
from armillaria._result import Result
from armillaria.errors import (
    Error, InvalidArgument, InvalidType, NotFound, SchemaError, SqlError, TransactionConflict,
    Unsupported, VersionConflict,
)

from . import _values
from ._repository import Repository
from ._store import hash_of

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?|\".*\"", re.DOTALL)
_TRIES = 50
#: The columns of a table that says which chunks its version is made of.
_LISTING = {"position": "BIGINT", "chunk_hash": "VARCHAR", "bytes": "BIGINT"}
#: Who made a version: the catalog and the writer put it there for a transaction to move to.
STAGED = ("catalog", "writer")


def table_of(value: Any, what: str = "table") -> str:
    """A table's name as the library takes it: quoted where it is odd."""
    name = _check.name(value, what)
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def number_of(value: Any, what: str = "version") -> int:
    """A version's number."""
    return _check.number(value, what, 0, 2**63 - 1)


def _hashes(value: Any) -> list[str]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise InvalidType(f"chunk_hashes is to be a list of str, not {type(value).__name__}")
    hashes = list(value)
    for i, item in enumerate(hashes):
        if not isinstance(item, str):
            raise InvalidType(f"chunk_hashes[{i}] is to be a str, not {type(item).__name__}")
    return [str(item) for item in hashes]


class PyTableVersion:
    """A version of a table: its number, the chunks that it is made of, and what its maker says of
    it. Where its number is looked for it is that: `catalog.list_versions("t") == [1, 2]`."""

    __slots__ = ("table_name", "version", "chunk_hashes", "schema", "row_count", "parent",
                 "metadata", "created_at")

    def __init__(self, table_name: str, version: int, chunk_hashes: Sequence[str],
                 schema: Any = None, row_count: int | None = None, parent: int | None = None,
                 metadata: Any = None, *, created_at: datetime | None = None) -> None:
        self.table_name: str = str(_check.name(table_name, "table_name"))
        self.version: int = number_of(version)
        self.chunk_hashes: list[str] = _hashes(chunk_hashes)
        self.schema: Any = schema
        self.row_count: int | None = None if row_count is None else \
            number_of(row_count, "row_count")
        self.parent: int | None = None if parent is None else number_of(parent, "parent")
        self.metadata: Any = metadata
        if created_at is not None and not isinstance(created_at, datetime):
            raise InvalidType(f"created_at is to be a datetime, not {type(created_at).__name__}")
        self.created_at: datetime = datetime.now(timezone.utc) if created_at is None else created_at

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PyTableVersion):
            return self._fields() == other._fields()
        if isinstance(other, int) and not isinstance(other, bool):
            return self.version == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.version)

    def __int__(self) -> int:
        return self.version

    __index__ = __int__

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"PyTableVersion({told})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, self._fields()


def _remake(*fields: Any) -> PyTableVersion:
    return PyTableVersion(*fields[:-1], created_at=fields[-1])


def words_of(maker: str, metadata: Any, version: PyTableVersion | None = None) -> str:
    """What is kept with a version."""
    fields: dict[str, Any] = {"udr": 1, "by": maker,
                              "metadata": _values.packed(metadata, "metadata")}
    if version is not None:
        fields |= {
            "chunk_hashes": version.chunk_hashes,
            "schema": _values.packed(version.schema, "schema"),
            "row_count": version.row_count,
            "parent": version.parent,
            "created_at": _values.packed(version.created_at, "created_at"),
        }
    return _values.text_of(fields)


class PyCatalog:
    """The tables of a repository and their versions, whoever made them: this interface, SQL, or
    another. What is committed here is committed on `main`.

    Chunks that are Parquet files of one schema make a table whose rows SQL reads; a version of
    other chunks is a table of them: `position`, `chunk_hash`, `bytes`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._repository = Repository(path)

    # -- Made

    def commit(self, version: PyTableVersion) -> None:
        """Commit a version, durably: it is the table's next, and its chunks are there. Raises
        VersionConflict (another number is the next), NotFound and HashMismatch (of a chunk),
        InvalidHash."""
        if not isinstance(version, PyTableVersion):
            raise InvalidType(f"version is to be a PyTableVersion, not {type(version).__name__}")
        table = table_of(version.table_name, "table_name")
        hashes = [hash_of(item, f"chunk_hashes[{i}]")
                  for i, item in enumerate(_hashes(version.chunk_hashes))]
        words = words_of("catalog", version.metadata, version)
        for _ in range(_TRIES):
            self._require_next(table, version)
            try:
                self._write(table, hashes, version.version, words)
                return
            except TransactionConflict:  # by whom? If he made a version, ours is not the next
                continue
        raise VersionConflict(f"version {version.version} of table {version.table_name}: others "
                              f"commit without end")

    def _require_next(self, table: str, version: PyTableVersion) -> None:
        due = (self._latest(table) or 0) + 1
        if version.version != due:
            raise VersionConflict(f"version {version.version} of table {version.table_name} is not "
                                  f"the next one, which is {due}")

    def _write(self, table: str, hashes: list[str], number: int, words: str) -> None:
        session = self._repository.session()
        message = f"version {number} of {table}"[:1000]
        paths = [self._path(item) for item in hashes]
        if hashes and all(_is_parquet(path) for path in paths):
            try:
                session.write_version(table, paths=paths, version=number, metadata=words,
                                      uses=hashes, message=message)
                return
            except (SchemaError, SqlError, Unsupported, InvalidArgument):
                pass  # no files of rows, or not of one schema: then it is a table of chunks
        session.write_version(table, self._listing(session, hashes), version=number,
                              metadata=words, uses=hashes, key=["position"], message=message)

    def _path(self, item: str) -> str:
        return os.path.join(self._repository.root, "chunks", item[:2], item[2:4], item)

    def _listing(self, session: _core.Session, hashes: list[str]) -> Any:
        """The rows of a version whose chunks are not rows."""
        sizes = [self._repository.repo.chunk_size(item) for item in hashes]
        if hashes:
            return _core.build(["position", "chunk_hash", "bytes"],
                               [list(range(len(hashes))), list(hashes), sizes])
        empty = "SELECT 0::BIGINT AS position, ''::VARCHAR AS chunk_hash, 0::BIGINT AS bytes LIMIT 0"
        return self._repository.session().sql(empty)[0]

    # -- Read

    def _latest(self, table: str) -> int | None:
        rows = self._numbers(table)
        return rows[-1] if rows else None

    def _numbers(self, table: str) -> list[int]:
        """Numbers of all versions, over all branches, ascending."""
        try:
            rows = Result(self._repository.db._session.versions(table, True)).dicts()
        except NotFound:
            return []
        return sorted({int(row["version"]) for row in rows})

    def latest_version(self, table: str) -> int | None:
        """The highest number over all branches; None: there is no such table."""
        return self._latest(table_of(table))

    def get_version(self, table: str, version: int | None = None) -> PyTableVersion:
        """A version, the highest if none is named. Raises NotFound."""
        name = table_of(table)
        number = self._latest(name) if version is None else number_of(version)
        if number is None:
            raise NotFound(f"there is no table {table}")
        return self._show(name, number)

    def list_versions(self, table: str) -> list[PyTableVersion]:
        """All versions over all branches, the first one first."""
        name = table_of(table)
        return [self._show(name, number) for number in self._numbers(name)]

    def list_tables(self) -> list[str]:
        """Names of the tables that a branch has, in order."""
        branches = Result(self._repository.db._session.branches()).dicts()
        return sorted({str(name) for branch in branches for name in dict(branch["head"])})

    def _show(self, table: str, number: int) -> PyTableVersion:
        if number == 0:
            raise NotFound(f"there is no version 0 of table {table}")
        row = Result(self._repository.db._session.version_show(table, number)).dicts()[0]
        fields = _values.fields_of(row["metadata"])
        if fields is not None and "chunk_hashes" in fields:
            told = {name: _values.unpacked(fields[name])
                    for name in ("chunk_hashes", "schema", "row_count", "parent", "metadata",
                                 "created_at")}
        else:
            schema = self._schema(table, number)
            told = {
                "chunk_hashes": self._listed(table, number) if schema == _LISTING
                else row["chunks"],
                "schema": schema,
                "row_count": row["rows"],
                "parent": row["parent"],
                "metadata": None if fields is None else _values.unpacked(fields["metadata"]),
                "created_at": row["created_at"],
            }
        return PyTableVersion(_bare(row["table"]), number, **told)

    def _schema(self, table: str, number: int) -> dict[str, str] | None:
        try:
            rows = Result(self._repository.db._session.schema(table, f"version:{number}")).dicts()
        except Error:
            return None
        return {row["column"]: row["type"] for row in rows}

    def _listed(self, table: str, number: int) -> list[str]:
        """The chunks of a table of chunks that a merge, or SQL, has made."""
        rows, _ = self._repository.session().sql(
            f"SELECT chunk_hash FROM {_sql_text.table(table)} AT (VERSION => {number}) "
            f"ORDER BY position")
        return [str(row["chunk_hash"]) for row in rows.dicts()]

    def is_staged(self, table: str, number: int, tx: int) -> bool:
        """Whether this very commit made the version, for a transaction to move to."""
        row = Result(self._repository.db._session.version_show(table, number)).dicts()[0]
        fields = _values.fields_of(row["metadata"])
        return fields is not None and fields.get("by") in STAGED and row["tx"] == tx

    def __contains__(self, table: object) -> bool:
        return isinstance(table, str) and table in self.list_tables()

    def __repr__(self) -> str:
        return f"PyCatalog({self._repository.root!r})"


def _bare(shown: str) -> str:
    """A name as this interface has it: without the quotes of an odd one."""
    if len(shown) >= 2 and shown[0] == shown[-1] == '"':
        return shown[1:-1].replace('""', '"')
    return shown


def _is_parquet(path: str) -> bool:
    """Whether a file looks like Parquet."""
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PAR1" or file.seek(0, os.SEEK_END) < 12:
                return False
            file.seek(-4, os.SEEK_END)
            return file.read(4) == b"PAR1"
    except OSError:
        return False
