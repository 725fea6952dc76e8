# SPDX-License-Identifier: Apache-2.0
"""`QueryEngine`: SQL over the tables of a repository."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import armillaria
from armillaria import _check, _frames, _sql_text, _statements
from armillaria._result import Result
from armillaria._transaction import Transaction
from udr import (
    PyBranchManager, PyCatalog, PyChunkStore, PyTableVersion, PyTransactionManager,
)
from udr import _changelog
from udr._catalog import number_of, table_of, words_of
from udr._repository import Name, Repository, of, same

from ._common import format_of, given_as, repository_of
from ._subscriber import Subscriber
from ._writer import CHUNK_ROWS_BEST, write_version


class EngineTransaction:
    """A transaction of an engine, to be entered by `with`: it reads one snapshot, and is committed
    when the block ends, or rolled back if that raises. Raises TransactionConflict at its end:
    another commit came first, and nothing happened."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> EngineTransaction:
        self._transaction.__enter__()
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self._transaction.__exit__(kind, value, trace)

    def query(self, sql: str, format: str = "pandas") -> Any:
        """Run SQL in the transaction."""
        word = format_of(format)
        find = _statements.finder({}, _statements.of_frame(sys._getframe(1)))
        return given_as(_statements.run(self._transaction._open(), sql, find=find), word)

    def write_table(self, table: str, data: Any) -> None:
        """Replace all rows of a table, or make it; it may get other columns."""
        self._transaction._open().write_version(
            table_of(table), _frames.stream_of(data), metadata=words_of("engine", None),
            chunk_rows=CHUNK_ROWS_BEST)

    def commit(self) -> int | None:
        """Commit it now; its tx (None: nothing was changed)."""
        return self._transaction.commit()

    def rollback(self) -> None:
        """Give it up."""
        self._transaction.rollback()

    @property
    def tx_id(self) -> int | None:
        """The tx of its commit; None: there is none (yet)."""
        return self._transaction.tx_id

    def __repr__(self) -> str:
        return repr(self._transaction)


class QueryEngine:
    """SQL over the tables of a repository, on a branch: `main` at first."""

    def __init__(self, store: PyChunkStore, catalog: PyCatalog,
                 branch_manager: PyBranchManager | None = None,
                 transaction_manager: PyTransactionManager | None = None) -> None:
        holders: dict[str, Repository] = {"store": repository_of(store, catalog)}
        if branch_manager is not None:
            holders["branch_manager"] = of(branch_manager, PyBranchManager, "branch_manager")
        if transaction_manager is not None:
            holders["transaction_manager"] = of(transaction_manager, PyTransactionManager,
                                                "transaction_manager")
        self._repository = same(holders)
        self._catalog = catalog
        self._db = armillaria.open(self._repository.root, branch="main")

    # -- SQL

    def query(self, sql: str, versions: Mapping[str, int] | None = None,
              branch: str | None = None, format: str = "pandas") -> Any:
        """Run SQL. versions: read some tables at these versions. branch: run on it (None: the
        current one). format: "pandas", "arrow" (a pyarrow Table), or "dict" (a list of rows)."""
        word = format_of(format)
        find = _statements.finder({}, _statements.of_frame(sys._getframe(1)))
        session = self._db._on(branch)
        return given_as(_statements.run(session, sql, versions=versions, find=find), word)

    def write_table(self, table: str, data: Any) -> PyTableVersion:
        """Replace all rows of a table on the current branch, or make it; it may get other
        columns."""
        number = write_version(self._repository, self._db.branch, "engine", table, data)
        return self._catalog.get_version(table, number)

    def transaction(self, branch: str | None = None) -> EngineTransaction:
        """A transaction on a branch (None: the current one), to be entered by `with`. What the
        engine itself is asked for meanwhile is outside of it.

        >>> import udr, udr_query
        >>> store, catalog = udr.PyChunkStore("data/chunks"), udr.PyCatalog("data/catalog")
        >>> engine = udr_query.QueryEngine(store, catalog)
        >>> with engine.transaction() as tx:
        ...     _ = tx.write_table("users", frame)
        >>> engine.query("SELECT id FROM users", format="dict")
        [{'id': 8}]
        """
        return EngineTransaction(self._db.transaction(branch))

    # -- Branches

    @property
    def current_branch(self) -> Name:
        """Name of the branch that it stands on."""
        return Name(self._db.branch)

    def checkout(self, branch: str) -> None:
        """Go to another branch. Raises NotFound."""
        self._db.checkout(branch)

    # -- Differences

    def diff_versions(self, table: str, a: int, b: int) -> dict[str, Any]:
        """The rows that differ from version `a` of a table to version `b`: `added`, `removed` and
        `changed` (as they are at b) as data frames, and `added_count`, `removed_count`,
        `changed_count`. With a primary key a row is the same by that, else if it is equal."""
        name = table_of(table)
        old, new = number_of(a, "a"), number_of(b, "b")
        keyed = self._has_key(name, new) and self._has_key(name, old)
        if not keyed and self._columns(name, old) == self._columns(name, new):
            frames = self._diff_equal(name, old, new)
        else:
            frames = self._diff_same(name, old, new)
        return {**frames, **{f"{kind}_count": len(frame) for kind, frame in frames.items()}}

    def _schema(self, table: str, number: int) -> list[dict[str, Any]]:
        rows = self._db._session.schema(table, f"version:{number}")
        return Result(rows).dicts()

    def _has_key(self, table: str, number: int) -> bool:
        return any(column["key"] for column in self._schema(table, number))

    def _columns(self, table: str, number: int) -> list[tuple[str, str]]:
        return [(column["column"], column["type"]) for column in self._schema(table, number)]

    def _diff_equal(self, table: str, old: int, new: int) -> dict[str, Any]:
        """Without a key: rows are what they have in them."""
        text = _sql_text.table(table)

        def only(here: int, there: int) -> Any:
            return _statements.run(
                self._db._session, f"FROM {text} AT (VERSION => {here}) EXCEPT ALL "
                f"FROM {text} AT (VERSION => {there})").df()

        added, removed = only(new, old), only(old, new)
        return {"added": added, "removed": removed, "changed": added.iloc[:0]}

    def _diff_same(self, table: str, old: int, new: int) -> dict[str, Any]:
        """By key, or by a row's identity."""
        rows = Result(self._db._session.diff_rows(table, f"version:{old}", f"version:{new}")).df()
        own = [column for column in rows.columns if column not in ("_change", "_tx", "_version")]

        def those(kind: str) -> Any:
            return rows[rows["_change"] == kind][own].reset_index(drop=True)

        return {"added": those("insert"), "removed": those("delete"),
                "changed": those("update_after")}

    # -- The changelog

    def get_changes(self, since_tx_id: int | None = None, since_time: datetime | None = None,
                    tables: str | Sequence[str] | None = None,
                    branch: str | None = None) -> list[dict[str, Any]]:
        """The commits behind a tx, or a time, oldest first, of all branches unless one is named:
        dicts with `tx_id`, `timestamp`, `branch`, and `changes`, each with `table_name`,
        `old_version`, `new_version`."""
        return [{"tx_id": entry.tx_id, "timestamp": entry.timestamp, "branch": entry.branch,
                 "changes": [{"table_name": change.table_name, "old_version": change.old_version,
                              "new_version": change.new_version} for change in entry.changes]}
                for entry in _changelog.entries(self._repository, since_tx_id, since_time, tables,
                                                branch)]

    def latest_tx_id(self) -> int:
        """The last tx that is durable; 0: there is none."""
        return self._db.latest_tx()

    def subscribe(self, tables: str | Sequence[str] | None = None, branch: str | None = None,
                  since_tx_id: int | None = None) -> Subscriber:
        """Changes as they come, behind a tx (None: from now on); of all branches unless one is
        named."""
        return Subscriber(self._repository, self._db.subscribe(
            tables, since_tx_id, branch="*" if branch is None else branch))

    # -- Trust

    def verify_integrity(self) -> dict[str, Any]:
        """Prove the repository, every byte: `is_healthy`, `issues` (dicts with `kind`, `object`,
        `message`)."""
        report = self._db.verify(full=True)
        return {"is_healthy": report.is_healthy, "issues": [dict(one) for one in report.issues]}

    def recover(self) -> dict[str, Any]:
        """What opening recovered: `is_clean`, `rolled_back`."""
        report = self._db.recover()
        return {"is_clean": report.is_clean, "rolled_back": report.rolled_back}

    def __repr__(self) -> str:
        return f"QueryEngine({self._repository.root!r}, branch={self._db.branch!r})"
