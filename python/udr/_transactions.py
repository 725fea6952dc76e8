# SPDX-License-Identifier: Apache-2.0
"""`PyTransactionManager`: transactions that say what they read and wrote, version by version."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from armillaria import _check
from armillaria._database import VerifyReport
from armillaria._result import Result
from armillaria.errors import (
    CommitUnknown, Error, InvalidArgument, InvalidType, NotFound, TransactionConflict,
)

from . import _changelog
from ._branches import PyBranchManager, branch_of
from ._catalog import PyCatalog, number_of, table_of
from ._changelog import PyChangelogEntry
from ._repository import Repository, same

_TRIES = 100
_HANDLES = itertools.count(1)  # of the process, so that none means two things


class PyEpochConfig:
    """How commits and syncs go together; every way acknowledges only what is synced."""

    __slots__ = ("mode",)
    _MODES = {"single_node": 0, "low_latency": 1, "high_throughput": 2}

    def __init__(self, mode: str = "single_node") -> None:
        _check.choice(mode, "mode", self._MODES)
        self.mode: str = mode

    @classmethod
    def single_node(cls) -> PyEpochConfig:
        """Sync at once, and batch what queues meanwhile: the default."""
        return cls("single_node")

    @classmethod
    def low_latency(cls) -> PyEpochConfig:
        """Wait a little for company."""
        return cls("low_latency")

    @classmethod
    def high_throughput(cls) -> PyEpochConfig:
        """Wait longer for more company."""
        return cls("high_throughput")

    def __eq__(self, other: object) -> bool:
        return self.mode == other.mode if isinstance(other, PyEpochConfig) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.mode)

    def __repr__(self) -> str:
        return f"PyEpochConfig.{self.mode}()"


class PyRecoveryReport:
    """What was recovered: `is_clean` (nothing had to be done), `rolled_back` (pieces of unfinished
    work that were removed)."""

    __slots__ = ("is_clean", "rolled_back")

    def __init__(self, is_clean: bool, rolled_back: int) -> None:
        self.is_clean: bool = is_clean
        self.rolled_back: int = rolled_back

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyRecoveryReport):
            return NotImplemented
        return (self.is_clean, self.rolled_back) == (other.is_clean, other.rolled_back)

    def __hash__(self) -> int:
        return hash((self.is_clean, self.rolled_back))

    def __repr__(self) -> str:
        return f"PyRecoveryReport(is_clean={self.is_clean}, rolled_back={self.rolled_back})"


class PyTransactionInfo:
    """A transaction as it was when it was asked for: `handle`, `state` ("active", "committed",
    "aborted"), `branch`, `read_set` and `write_set` (dicts: table -> version), `tx_id` (None: it is
    not committed)."""

    __slots__ = ("handle", "state", "branch", "read_set", "write_set", "tx_id")

    def __init__(self, handle: int, state: str, branch: str, read_set: dict[str, int],
                 write_set: dict[str, int], tx_id: int | None) -> None:
        self.handle: int = handle
        self.state: str = state
        self.branch: str = branch
        self.read_set: dict[str, int] = read_set
        self.write_set: dict[str, int] = write_set
        self.tx_id: int | None = tx_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyTransactionInfo):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.handle)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"PyTransactionInfo({told})"


class _Transaction:
    """One that was begun. Its own lock: two threads may hold its handle."""

    def __init__(self, branch: str, begin_tx: int, head: dict[str, int]) -> None:
        self.lock = threading.Lock()
        self.branch: str = branch
        self.begin_tx: int = begin_tx
        self.head = {table.lower(): version for table, version in head.items()}
        self.state = "active"
        self.read_set: dict[str, int] = {}
        self.write_set: dict[str, int] = {}
        self.tx_id: int | None = None


class PyTransactionManager:
    """Transactions over any number of tables of a branch.

    A transaction says which versions it read and to which it moves tables; the catalog has them.
    When it commits, the branch comes to stand at all of these versions at once, unless another
    transaction, a merge or a statement of SQL has changed one of the tables since it began
    (TransactionConflict: nothing happened). A version that the catalog or a writer has put on the
    branch meanwhile is no such change: their own order (VersionConflict) guards it.
    """

    def __init__(self, tx_path: str | os.PathLike[str], catalog_path: str | os.PathLike[str],
                 branch_path: str | os.PathLike[str], auto_recover: bool = False,
                 epoch_config: PyEpochConfig | None = None) -> None:
        if epoch_config is not None and not isinstance(epoch_config, PyEpochConfig):
            raise InvalidType(f"epoch_config is to be a PyEpochConfig, not "
                              f"{type(epoch_config).__name__}")
        config = PyEpochConfig() if epoch_config is None else epoch_config
        recovers = _check.flag(auto_recover, "auto_recover")
        self._repository = Repository(tx_path, "tx_path", PyEpochConfig._MODES[config.mode])
        self._catalog = PyCatalog(catalog_path)
        self._branches = PyBranchManager(branch_path)
        same({"tx_path": self._repository, "catalog_path": self._catalog._repository,
              "branch_path": self._branches._repository})
        self._lock = threading.Lock()
        self._transactions: dict[int, _Transaction] = {}
        if recovers:
            self.recover_and_apply()

    # -- A transaction

    def begin(self, branch: str = "main") -> int:
        """Begin one on a branch; its handle. Raises NotFound."""
        name = _check.name(branch, "branch")
        begin_tx = self._repository.repo.latest_tx()
        row = Result(self._repository.session(name).branches(name)).dicts()[0]
        # What came between the two looks is in the head, and no change since.
        begin_tx = max(begin_tx, row["tx"] or 0)
        handle = next(_HANDLES)
        with self._lock:
            self._transactions[handle] = _Transaction(name, begin_tx, branch_of(row).head)
        return handle

    def _find(self, handle: Any) -> _Transaction:
        number = _check.number(handle, "handle")
        with self._lock:
            found = self._transactions.get(number)
        if found is None:
            raise NotFound(f"there is no transaction {number}")
        return found

    def _require_active(self, found: _Transaction, handle: int) -> None:
        if found.state != "active":
            raise InvalidArgument(f"transaction {handle} is {found.state}")

    def _record(self, handle: int, table: str, version: int, writes: bool) -> None:
        found = self._find(handle)
        name = _check.name(table, "table")
        number = number_of(version)
        with found.lock:
            self._require_active(found, handle)
            (found.write_set if writes else found.read_set)[name] = number

    def record_read(self, handle: int, table: str, version: int) -> None:
        """It read this version of a table: to be the branch's when it commits."""
        self._record(handle, table, version, False)

    def record_write(self, handle: int, table: str, version: int) -> None:
        """It moves a table to this version."""
        self._record(handle, table, version, True)

    def commit(self, handle: int) -> int:
        """Commit it, durably; its tx. Raises TransactionConflict: another commit came first, and
        the transaction is aborted; NotFound: there is no such version."""
        found = self._find(handle)
        with found.lock:
            self._require_active(found, handle)
            try:
                found.tx_id = self._commit(found)
            except CommitUnknown:  # to be asked about by its commit id
                raise
            except Error:
                found.state = "aborted"
                raise
            found.state = "committed"
            return found.tx_id

    def _commit(self, found: _Transaction) -> int:
        moves = {table_of(table): version for table, version in found.write_set.items()}
        for _ in range(_TRIES):
            seen = self._repository.repo.latest_tx()
            self._validate(found)
            if not moves:
                return seen
            tables = ", ".join(found.write_set)
            try:
                return self._repository.session().move(moves, found.branch, seen,
                                                       f"transaction on {tables}"[:1000])
            except TransactionConflict:  # somebody came since we looked: look again
                continue
        raise TransactionConflict(f"others commit to branch {found.branch} without end")

    def _validate(self, found: _Transaction) -> None:
        """Against what the branch has become since it began."""
        row = Result(self._repository.db._session.branches(found.branch)).dicts()[0]
        head = {str(table).lower(): int(version) for table, version in dict(row["head"]).items()}
        changed = self._changed(found)
        for table in found.write_set:
            if table.lower() in changed:
                raise TransactionConflict(
                    f"table {table} was changed on branch {found.branch} by tx "
                    f"{changed[table.lower()]} since this transaction began; run it again")
        for table, version in found.read_set.items():
            name = table.lower()
            current = head.get(name)
            if current == version:
                continue
            if name in changed or found.head.get(name) != version:
                raise TransactionConflict(
                    f"table {table} was read at version {version}, and branch {found.branch} has "
                    f"{'none' if current is None else f'version {current}'} of it; run it again")

    def _changed(self, found: _Transaction) -> dict[str, int]:
        """Tables of interest that others have changed since it began, and by which tx: but for
        versions that were put there to be moved to."""
        asked = {table.lower() for table in (*found.write_set, *found.read_set)}
        changed: dict[str, int] = {}
        rows = self._repository.db._session.changes(found.begin_tx, 0, None, found.branch, 0, 0, 0)
        for event in Result(rows).dicts():
            for change in event["changes"]:
                name = str(change["table_name"])
                if name.lower() not in asked:
                    continue
                new = change["new_version"]
                if new is None or not self._catalog.is_staged(table_of(name), new, event["tx_id"]):
                    changed[name.lower()] = int(event["tx_id"])
        return changed

    def abort(self, handle: int) -> None:
        """Give it up; nothing of it was ever to be seen."""
        found = self._find(handle)
        with found.lock:
            self._require_active(found, handle)
            found.state = "aborted"

    def get_transaction(self, handle: int) -> PyTransactionInfo:
        """How it stands. Raises NotFound."""
        found = self._find(handle)
        with found.lock:
            return PyTransactionInfo(int(handle), found.state, found.branch, dict(found.read_set),
                                     dict(found.write_set), found.tx_id)

    # -- Trust

    def recover(self) -> PyRecoveryReport:
        """What opening the repository recovered, and what is found to do now."""
        told = self._repository.repo.recover()
        return PyRecoveryReport(bool(told["is_clean"]), int(told["rolled_back"]))

    def recover_and_apply(self) -> PyRecoveryReport:
        """The same: what is found is done at once."""
        return self.recover()

    def verify_consistency(self) -> VerifyReport:
        """Prove the repository, every byte: a report that is true when it is healthy."""
        return self._repository.db.verify(full=True)

    # -- The changelog

    def latest_tx_id(self) -> int:
        """The last tx that is durable; 0: there is none."""
        return self._repository.repo.latest_tx()

    def get_changelog(self, since_tx_id: int | None = None, since_time: datetime | None = None,
                      tables: str | Sequence[str] | None = None,
                      branch: str | None = None) -> list[PyChangelogEntry]:
        """The commits behind a tx, or a time, oldest first; of all branches unless one is
        named."""
        return _changelog.entries(self._repository, since_tx_id, since_time, tables, branch)

    def __repr__(self) -> str:
        return f"PyTransactionManager({self._repository.root!r})"
