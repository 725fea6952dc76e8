# SPDX-License-Identifier: Apache-2.0
"""`armillaria.open`, and what it gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from . import _check, _core, _frames, _progress, _statements
from ._branches import Branches, Tags
from ._diff import Diff
from ._feed import Event, Subscription
from ._merge import STRATEGIES, MergeResult, result_of
from ._records import Listing, Named, Record
from ._result import Result
from ._table import Column, Table, TableInfo, Version
from ._transaction import Transaction
from .errors import Closed, Exists, Forked, InvalidType, MergeConflict

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Commit(Event):
    """A commit: `tx`, `commit`, `parents`, `branch`, `created_at`, `author`, `message`,
    `changes`."""

    __slots__ = ()


class Consumer(Named):
    """A consumer of the changelog: `consumer`, `acked_tx`, `lag` (commits behind it),
    `waiting_since`, `members`."""

    __slots__ = ()


class VerifyReport(Record):
    """What `verify` found: `is_healthy`, `issues` (each with `kind`, `object`, `message`),
    `frames`, `records`, `chunks`, `bytes_hashed`. True when healthy."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return bool(self.is_healthy)


class RecoverReport(Record):
    """What opening recovered: `is_clean`, `rolled_back`, `cut_bytes`, `rebuilt`."""

    __slots__ = ()


class Stats(Record):
    """Sizes: `tables` (each with `table`, `versions`, `rows`, `logical_bytes`, `stored_bytes`,
    `dedup_ratio`), the same of the whole repository, and its `consumers`."""

    __slots__ = ()


def open(path: str | os.PathLike[str], create: bool = False, read_only: bool = False,
         branch: str | None = None, *, memory_limit: int = 0, threads: int = 0,
         spill_directory: str | os.PathLike[str] | None = None) -> Database:
    """Open the repository in a directory.

    path: the directory. create: make it where there is none. read_only: writes raise ReadOnly.
    branch: where to stand (None: ARMILLARIA_BRANCH, else main). memory_limit: bytes that SQL may
    use (0: half of the machine's). threads: of SQL (0: one a processor). spill_directory: where
    SQL puts what does not fit (None: in the repository). Raises NotARepository, Busy, NewerFormat,
    PermissionDenied.

    >>> import armillaria as arm
    >>> with arm.open("repo", create=True) as db:
    ...     done = db.write("orders", {"id": [1, 2], "amount": [9.5, 3.0]}, key=["id"])
    ...     db.sql("SELECT sum(amount) FROM orders").fetchone()
    (12.5,)
    """
    options: dict[str, Any] = {
        "create": _check.flag(create, "create"),
        "read_only": _check.flag(read_only, "read_only"),
        "memory_limit": _check.number(memory_limit, "memory_limit"),
        "threads": _check.number(threads, "threads", 0, 2**31 - 1),
        "spill_directory": _check.optional(spill_directory, "spill_directory", _check.path),
    }
    if branch is None:
        branch = os.environ.get("ARMILLARIA_BRANCH") or None
    branch = _check.optional(branch, "branch", _check.name)
    return Database(_core.Repo(_check.path(path, "path"), **options), branch, options)


connect = open


def _reopen(path: str, branch: str, options: dict[str, Any]) -> Database:
    return Database(_core.Repo(path, **options), branch, options)


class Database:
    """A handle of a repository: made by `armillaria.open`.

    It may be used by several threads; their statements then wait for each other: `cursor()` gives a
    handle of its own, with a branch and transaction of its own, over the same repository. A handle
    that is sent to another process opens the repository there.
    """

    def __init__(self, repo: _core.Repo, branch: str | None, options: dict[str, Any]) -> None:
        self._repo = repo
        self._options = options
        self._session = repo.session(branch)
        self._registered: dict[str, Any] = {}
        self.branches: Branches = Branches(self)
        """Its branches: to be listed, made, renamed, protected."""
        self.tags: Tags = Tags(self)
        """Its tags."""

    # -- Its life

    def close(self) -> None:
        """Close it; what is open of a transaction is rolled back. Results stay."""
        self._session.close()
        self._repo.close()

    def cursor(self) -> Database:
        """Another handle over the same repository, on the same branch.

        >>> with db.cursor() as other:
        ...     other.checkout("fix")  # db stays where it is
        """
        self._require_open()
        return _reopen(self.path, self.branch, {**self._options, "create": False})

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._session.is_closed

    @property
    def path(self) -> str:
        """The repository's directory."""
        return self._repo.path

    def _require_open(self) -> None:
        if self._session.is_closed:
            raise Closed("the database is closed: open it again")

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        self._require_open()
        return _reopen, (self.path, self.branch, {**self._options, "create": False})

    # -- Statements

    def _on(self, branch: str | None) -> _core.Session:
        """A session on this branch."""
        if branch is None:
            return self._session
        return self._repo.session(_check.name(branch, "branch"))

    def sql(self, query: str, parameters: Any = None, *, branch: str | None = None, at: Any = None,
            versions: dict[str, int] | None = None, timeout: float | None = None,
            message: str | None = None) -> Result:
        """Run statements, each its own commit unless between BEGIN and COMMIT; the last one's rows.

        In FROM, the name of a variable that holds a DataFrame, an Arrow table or the like is that
        table, if no table is called so.

        query: the statements, parted by `;`. parameters: a list for `?`, a dict for `$name`; then
        there is one statement. branch: run on it (None: where this handle stands). at: a ref, as of
        which all tables are read. versions: tables, and the versions at which they are read.
        timeout: seconds, then Interrupted. message: of the commit (None: the statement). Raises
        SqlError, ConstraintError, TransactionConflict, Interrupted, NotFound.

        >>> db.sql("SELECT id FROM orders WHERE amount > ?", [15]).fetchall()
        [(2,), (3,)]
        >>> db.sql("SELECT sum(amount) FROM orders", at="fix").fetchone()
        (62.5,)
        >>> db.sql("SELECT count(*) FROM frame").fetchone()
        (1,)
        """
        find = _statements.finder(self._registered, _statements.of_frame(sys._getframe(1)))
        return _statements.run(self._on(branch), query, parameters, at=at, versions=versions,
                               timeout=timeout, message=message, find=find)

    execute = sql

    def register(self, name: str, data: Any) -> None:
        """Let statements of this handle read `data` as a table of this name.

        name: what it is called in FROM. data: what `write` takes. Raises Exists if there is a table
        of the repository that is called so.

        >>> db.register("late", {"id": [2, 3]})
        >>> db.sql("SELECT sum(amount) FROM orders JOIN late USING (id)").fetchone()
        (50.0,)
        """
        name = _check.name(name, "name")
        if not _frames.is_table(data):
            _frames.stream_of(data)  # says what it may be
        if any(table == name for table in self.tables()):
            raise Exists(f"there is a table {name}: choose another name")
        self._registered[name] = data

    def unregister(self, name: str) -> None:
        """Take such a name back."""
        self._registered.pop(_check.name(name, "name"), None)

    def interrupt(self) -> None:
        """Stop the statement that runs, from another thread: it raises Interrupted."""
        self._session.interrupt()

    def transaction(self, branch: str | None = None, isolation: str = "snapshot",
                    message: str | None = None) -> Transaction:
        """A transaction, to be entered by `with`.

        branch: that it works on (None: where this handle stands). isolation: "snapshot" (two
        writers of one row or key conflict), or "serializable" (what others changed of what it read is
        a conflict, too). message: of its commit.

        >>> with db.transaction() as tx:
        ...     done = tx.sql("UPDATE orders SET amount = amount * 2 WHERE id = 1")
        ...     done = tx.write("audit", {"changed": [1]})
        """
        self._require_open()
        name = self.branch if branch is None else _check.name(branch, "branch")
        return Transaction(self, name, isolation, message)

    # -- Data in and out

    def write(self, table: str, data: Any, mode: str = "create",
              key: Sequence[str] | str | None = None, message: str | None = None,
              branch: str | None = None) -> _statements.WriteResult:
        """Write rows to a table, as one commit. Columns match by name.

        table: "name", or "schema.name"; what SQL would want in double quotes wants them here.
        data: a pandas or Polars DataFrame (an index is not written), a pyarrow Table, a DuckDB
        relation, anything with `__arrow_c_stream__`, a dict of lists, or a list of dicts. mode:
        "create" (Exists if it is there), "append", "replace" (may change the columns), "upsert"
        (rows take the place of those with their key, or are new). key: columns of the primary key,
        declared by create and replace. message: of the commit. branch: that it is written on (None:
        where this handle stands). Raises Exists, NotFound, SchemaError, ConstraintError,
        TransactionConflict.

        >>> db.write("orders", frame, mode="upsert", message="one more").rows
        1
        >>> db.write("people", [{"name": "Ada"}, {"name": "Bo"}], key="name").version
        1
        """
        return _statements.write(self._on(branch), table, data, mode, key, message)

    def import_files(self, table: str,
                     paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
                     mode: str = "create", key: Sequence[str] | str | None = None,
                     message: str | None = None, format: str | None = None,
                     null: str | None = None,
                     branch: str | None = None) -> _statements.WriteResult:
        """Write the rows of files, all of them as one commit: Parquet, CSV, JSON, JSON lines, Arrow
        IPC.

        table: as in `write`. paths: one, or many; globs are expanded. mode: as in `write`. key: as
        in `write`. message: of the commit. format: "parquet", "csv", "json" or "arrow" (None: by
        content and suffix). null: what stands for NULL in CSV, besides nothing. branch: another
        one than the handle's. Raises Exists, NotFound, SchemaError, ConstraintError, IoError.

        >>> db.import_files("orders", "*.csv", mode="append").rows
        2
        """
        files: Sequence[str | os.PathLike[str]] = \
            [paths] if isinstance(paths, (str, bytes, os.PathLike)) else paths
        if not isinstance(files, Sequence):
            raise InvalidType(f"paths is to be a path or a list of them, not "
                              f"{type(paths).__name__}")
        session = self._on(branch)
        given = (_check.name(table, "table"), [_check.path(file, "paths") for file in files],
                 _check.choice(mode, "mode", _statements.MODES),
                 None if key is None else _check.names(key, "key"),
                 _check.optional(message, "message"), _check.optional(format, "format"),
                 _check.optional(null, "null"))
        with _progress.watching(session, f"import {table}"):
            done = session.import_files(*given)
        return _statements.WriteResult({**done, "tx": done["tx"] or None})

    def export(self, table: str, path: str | os.PathLike[str], at: Any = None,
               format: str | None = None) -> int:
        """Write a table to a file, whole or not at all; how many rows.

        table: as in `write`. path: where to. at: a ref, "version:3" included (None: as it is now).
        format: "parquet", "csv", "json" or "arrow" (None: by suffix). Raises NotFound, IoError,
        Full.

        >>> db.export("orders", "orders.parquet")
        3
        """
        given = (_check.name(table, "table"), _check.path(path, "path"),
                 _check.optional(at, "at", _check.ref), _check.optional(format, "format"))
        with _progress.watching(self._session, f"export {table}"):
            return self._session.export(*given)

    # -- What there is

    def tables(self, at: Any = None) -> Listing[TableInfo]:
        """The tables: table, schema, version, rows, bytes, key.

        at: a ref (None: as they are now).

        >>> [(table.name, table.version, table.rows) for table in db.tables()]
        [('orders', 1, 3)]
        >>> "orders" in db.tables()
        True
        """
        return Listing(Result(self._session.tables(_check.optional(at, "at", _check.ref))),
                       TableInfo)

    def versions(self, table: str, all: bool = False) -> Listing[Version]:
        """The versions of a table, newest first.

        table: as in `write`. all: those of every branch, not of this one's history alone.

        >>> [version.version for version in db.versions("orders", all=True)]
        [2, 1]
        """
        return Listing(Result(self._session.versions(_check.name(table, "table"),
                                                     _check.flag(all, "all"))), Version)

    def schema(self, table: str, at: Any = None) -> Listing[Column]:
        """The columns of a table: column, type, nullable, key, default, id.

        table: as in `write`. at: a ref (None: as it is now). Raises NotFound.

        >>> [(column.column, column.type) for column in db.schema("orders")]
        [('id', 'BIGINT'), ('amount', 'DOUBLE')]
        """
        return Listing(Result(self._session.schema(_check.name(table, "table"),
                                                   _check.optional(at, "at", _check.ref))), Column)

    def table(self, name: str, version: int | None = None, at: Any = None) -> Table:
        """A table, to be read: at a version, at a ref, or as it is now.

        name: as in `write`. version: from 1 on. at: a ref; not both. Raises NotFound.

        >>> db.table("orders", version=1).df()
           id  amount
        0   1    10.0
        1   2    20.0
        2   3    30.0
        """
        name = _check.name(name, "name")
        if version is not None:
            _check.number(version, "version", 1)
            if at is not None:
                raise InvalidType("a table is read at a version, or at a ref: not both")
        table = Table(self, name, version, _check.optional(at, "at", _check.ref))
        self._session.schema(name, table._at)
        return table

    def log(self, limit: int | None = None, table: str | None = None,
            at: Any = None) -> Listing[Commit]:
        """The commits of the branch's history, newest first.

        limit: so many at most. table: only those that changed it. at: the history of this ref.

        >>> [commit.message for commit in db.log()]
        ['first load']
        """
        rows = self._session.log(_check.optional(at, "at", _check.ref),
                                 _check.optional(table, "table", _check.name),
                                 0 if limit is None else _check.number(limit, "limit", 1))
        return Listing(Result(rows), Commit)

    def show(self, ref: Any) -> Commit:
        """One commit.

        ref: what names it. Raises NotFound.

        >>> db.show("v1").changes[0].rows_added
        3
        """
        return Listing(Result(self._session.show(_check.ref(ref, "ref"))), Commit)[0]

    def stats(self) -> Stats:
        """Sizes, and consumers."""
        rows = Result(self._session.stats()).dicts()
        whole = rows[-1]
        return Stats({"tables": [Named(row) for row in rows[:-1]],
                      "logical_bytes": whole["logical_bytes"],
                      "stored_bytes": whole["stored_bytes"],
                      "dedup_ratio": whole["dedup_ratio"],
                      "consumers": list(self.consumers())})

    # -- Branches

    @property
    def branch(self) -> str:
        """Name of the branch that this handle stands on."""
        return self._session.branch

    def checkout(self, branch: str) -> None:
        """Go to another branch, with this handle.

        branch: its name. Raises NotFound, InvalidArgument if a transaction is open.

        >>> db.checkout("fix")
        >>> db.branch
        'fix'
        """
        self._session.use(_check.name(branch, "branch"))

    def diff(self, a: Any, b: Any) -> Diff:
        """What differs between two refs: what a has, changed so, is what b has.

        a: a ref. b: another. Raises NotFound.

        >>> difference = db.diff("main", "fix")
        >>> [(table.table, table.rows_changed) for table in difference.tables]
        [('orders', 1)]
        >>> difference.rows("orders").df()[["id", "amount", "_change"]]
           id  amount        _change
        0   1    10.0  update_before
        1   1    12.5   update_after
        """
        return Diff(self._session, _check.ref(a, "a"), _check.ref(b, "b"))

    def _merge(self, call: Any, *what: str, into: str | None, strategy: str, dry_run: bool,
               message: str | None) -> MergeResult:
        order = (*what, _check.optional(into, "into", _check.name),
                 _check.choice(strategy, "strategy", STRATEGIES),
                 _check.flag(dry_run, "dry_run"), _check.optional(message, "message"))
        try:
            return result_of(*call(*order))
        except MergeConflict as error:
            if not dry_run:
                raise
            return result_of({"tx": 0, "fast_forward": False, "up_to_date": False}, error.report)

    def merge(self, source: Any, into: str | None = None, strategy: str = "fail",
              dry_run: bool = False, message: str | None = None) -> MergeResult:
        """Merge what a ref has into a branch, as one commit with two parents, whole or not at all.

        source: the ref. into: the branch (None: the current one). strategy: what becomes of cells
        and rows that both changed: "fail" raises MergeConflict, "ours" keeps the target's, "theirs"
        takes the source's. dry_run: only tell what would be done, the conflicts among it. message:
        of the commit. Raises MergeConflict, NotFound, ConstraintError if the branch is protected.

        >>> db.merge("fix", into="main").tables
        ['orders']
        """
        return self._merge(self._session.merge, _check.ref(source, "source"), into=into,
                           strategy=strategy, dry_run=dry_run, message=message)

    def cherry_pick(self, ref: Any, into: str | None = None, strategy: str = "fail",
                    dry_run: bool = False, message: str | None = None) -> MergeResult:
        """Repeat on a branch what one commit did.

        ref: the commit. into: the branch (None: the current one). strategy: as in `merge`. dry_run:
        only tell. message: of the commit. Raises MergeConflict, NotFound.

        >>> db.cherry_pick("fix").tables
        ['orders']
        """
        return self._merge(self._session.cherry_pick, _check.ref(ref, "ref"), into=into,
                           strategy=strategy, dry_run=dry_run, message=message)

    def revert(self, ref: Any, into: str | None = None, strategy: str = "fail",
               dry_run: bool = False, message: str | None = None) -> MergeResult:
        """Undo what one commit did, by another commit.

        ref: the commit. into: the branch (None: the current one). strategy: as in `merge`. dry_run:
        only tell. message: of the commit. Raises MergeConflict if what it changed was changed
        again, NotFound.

        >>> done = db.sql("DELETE FROM orders WHERE id = 3")
        >>> db.revert("main").tables
        ['orders']
        >>> len(db.table("orders"))
        3
        """
        return self._merge(self._session.revert, _check.ref(ref, "ref"), into=into,
                           strategy=strategy, dry_run=dry_run, message=message)

    def restore(self, table: str, at: Any, into: str | None = None, strategy: str = "fail",
                dry_run: bool = False, message: str | None = None) -> MergeResult:
        """Bring a table back as it was at a ref, columns and all, as its next version.

        table: as in `write`; it may have been dropped. at: the ref, "version:3" included. into: the
        branch (None: the current one). strategy: as in `merge`. dry_run: only tell. message: of the
        commit. Raises NotFound.

        >>> done = db.sql("DROP TABLE orders")
        >>> db.restore("orders", "version:1").tables
        ['orders']
        """
        return self._merge(self._session.restore, _check.name(table, "table"),
                           _check.ref(at, "at"), into=into, strategy=strategy, dry_run=dry_run,
                           message=message)

    # -- The changelog

    def _bound(self, value: Any, what: str) -> tuple[int, int]:
        """A tx and a time, of which one is said."""
        if value is None:
            return 0, 0
        if isinstance(value, datetime):
            return 0, _check.time_us(value, what)
        return _check.number(value, what), 0

    def changes(self, since: int | datetime | None = None,
                tables: str | Sequence[str] | None = None, branch: str | None = None,
                until: int | datetime | None = None, limit: int | None = None) -> Listing[Event]:
        """The changelog: the commits of a branch, oldest first.

        since: a tx, or a time: what came behind it (None: from the beginning). tables: only what
        was done to these; `*` and `?` in a name stand for any characters, and for one. branch: None:
        the current one; "*": all. until: a tx, or a time: what came up to it. limit: so many at
        most.

        >>> for event in db.changes(branch="*"):
        ...     print(event.branch, event.tables, event.changes[0].new_version)
        main ['orders'] 1
        fix ['orders'] 2
        """
        since_tx, since_us = self._bound(since, "since")
        until_tx, until_us = self._bound(until, "until")
        rows = self._session.changes(
            since_tx, until_tx, None if tables is None else _check.names(tables, "tables"),
            _check.optional(branch, "branch", _check.name),
            0 if limit is None else _check.number(limit, "limit", 1), since_us, until_us)
        return Listing(Result(rows), Event)

    def row_changes(self, table: str, since: int | None = 0, until: int | None = None,
                    branch: str | None = None) -> Result:
        """What became of the rows of a table, commit by commit: its columns, and `_change`
        (insert, delete, update_before, update_after), `_tx`, `_version`.

        table: as in `write`. since: a tx: what came behind it (0: from the beginning). until: a tx
        (None: up to now). branch: None: the current one. Raises NotFound, HistoryExpired.

        >>> db.row_changes("orders").df()[["id", "_change", "_version"]]
           id _change  _version
        0   1  insert         1
        1   2  insert         1
        2   3  insert         1
        """
        return Result(self._session.row_changes(
            _check.name(table, "table"), 0 if since is None else _check.number(since, "since"),
            0 if until is None else _check.number(until, "until"),
            _check.optional(branch, "branch", _check.name)))

    def latest_tx(self) -> int:
        """The last tx that is durable; 0: there is none."""
        return self._repo.latest_tx()

    def find_commit(self, commit_id: str | bytes) -> int:
        """Whether a commit happened: its tx. After CommitUnknown, on a handle opened anew.

        commit_id: the error's `commit_id`. Raises NotFound if it did not happen.

        >>> db.find_commit(db.show("v1").commit) == db.show("v1").tx
        True
        """
        if isinstance(commit_id, str):
            try:
                commit_id = bytes.fromhex(commit_id)
            except ValueError:
                commit_id = b""
        if not isinstance(commit_id, bytes):
            raise InvalidType(f"commit_id is to be a str or bytes, not "
                              f"{type(commit_id).__name__}")
        return self._repo.find_commit(commit_id)

    def subscribe(self, tables: str | Sequence[str] | None = None, since: int | None = None,
                  consumer: str | None = None, branch: str | None = None) -> Subscription:
        """Commits as they come, of the current branch (or another; "*": of all).

        tables: only what is done to these, as in `changes`. since: a tx, from there on (None: from
        now on). consumer: a name under which the repository keeps how far one has come: who
        subscribes under it goes on from there, a new one begins at the beginning, or at `since`;
        several at once share the tables. branch: None: the current one; "*": all. Raises NotFound.

        >>> with db.subscribe(tables=["orders"], since=0) as subscription:
        ...     for event in subscription:
        ...         print(event.tables, event.message)
        ...         break  # else it waits for more
        ['orders'] first load
        """
        self._require_open()
        name = _check.optional(consumer, "consumer", _check.name)
        feed = self._repo.feed(
            branch=self.branch if branch is None else _check.name(branch, "branch"),
            tables=None if tables is None else _check.names(tables, "tables"),
            start=0 if since is None else 2,
            since=0 if since is None else _check.number(since, "since"), consumer=name)
        return Subscription(feed, name is not None)

    def consumers(self) -> Listing[Consumer]:
        """The consumers of the changelog."""
        return Listing(Result(self._session.consumers()), Consumer)

    def move_consumer(self, name: str, tx: int) -> None:
        """Have a consumer stand at a tx, forward or back; one that is not there is made.

        name: its name. tx: what comes behind it is given next.

        >>> db.move_consumer("mailer", 0)
        >>> db.consumers()[0].lag
        2
        """
        self._session.consumer_move(_check.name(name, "name"), _check.number(tx, "tx"))

    def delete_consumer(self, name: str) -> None:
        """Forget a consumer."""
        self._session.consumer_drop(_check.name(name, "name"))

    # -- Trust and upkeep

    def verify(self, full: bool = False) -> VerifyReport:
        """Prove the repository: its log, its index, that its chunks are there. Damage is reported,
        not raised.

        full: every byte of every chunk, too.

        >>> bool(db.verify(full=True))
        True
        """
        with _progress.calls("verify") as progress:
            told = self._repo.verify(_check.flag(full, "full"), progress)
        return VerifyReport({**told, "issues": [Record(issue) for issue in told["issues"]]})

    def recover(self) -> RecoverReport:
        """What opening recovered, and what is found to do now."""
        return RecoverReport(self._repo.recover())

    def compact(self, table: str | None = None) -> Record:
        """Bring a table's rows into good chunks. No version is made, and nobody has to wait.

        table: as in `write` (None: all tables). Raises NotFound, ReadOnly, Full.

        >>> db.compact("orders").dead_rows
        0
        """
        name = _check.optional(table, "table", _check.name)
        with _progress.watching(self._session, "compact"):
            return Record(self._session.compact(name))

    def gc(self, keep_days: int | None = None, dry_run: bool = False,
           grace_seconds: int | None = None) -> Record:
        """Remove chunks that no version needs.

        keep_days: give up versions that were superseded so many days ago (0: all but those of
        branches and tags; None: every version stays readable). dry_run: only tell. grace_seconds:
        what was written so lately stays (None: an hour). Raises ReadOnly, Corruption.

        >>> db.gc(dry_run=True).chunks
        0
        """
        days = 0 if keep_days is None else _check.number(keep_days, "keep_days") or -1
        grace = 0 if grace_seconds is None else \
            _check.number(grace_seconds, "grace_seconds") or -1
        with _progress.calls("gc") as progress:
            told = self._repo.gc(dry_run=_check.flag(dry_run, "dry_run"), grace_s=grace,
                                 keep_days=days, progress=progress)
        horizon = told.pop("horizon_us")
        return Record({**told, "history_since":
                       _EPOCH + timedelta(microseconds=horizon) if horizon else None})

    # -- To be looked at

    def __repr__(self) -> str:
        if self._session.is_closed:
            return "<Database: closed>"
        try:
            return f"<Database {self.path} on branch {self.branch}>"
        except Forked:
            return f"<Database {self.path}: of the process that this one was forked from>"

    def _repr_html_(self) -> str:
        from html import escape

        if self._session.is_closed:
            return "<p>closed</p>"
        return (f"<p><b>{escape(self.path)}</b> on branch <b>{escape(self.branch)}</b></p>"
                f"{self.tables()._repr_html_()}")
