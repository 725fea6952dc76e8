# SPDX-License-Identifier: Apache-2.0
"""`with db.transaction() as tx:`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _check, _core, _frames, _statements
from ._result import Result
from .errors import Closed

if TYPE_CHECKING:
    from ._database import Database

ISOLATIONS = {"snapshot": 1, "serializable": 2}


class Transaction:
    """A transaction over all tables, in a session of its own: it reads one snapshot, taken when it
    is entered, and is committed when the block ends, or rolled back if that raises. Statements of
    the database's handle inside the block are outside of it.

    Raises TransactionConflict at its end if another commit came first; nothing happened then, and
    it may run again.
    """

    def __init__(self, db: Database, branch: str | None, isolation: str,
                 message: str | None) -> None:
        self._db = db
        self._branch = branch
        self._isolation = _check.choice(isolation, "isolation", ISOLATIONS)
        self._message = _check.optional(message, "message")
        self._session: _core.Session | None = None
        self._txn: _core.Txn | None = None
        self.tx_id: int | None = None
        """Of its commit; None: there is none (yet), or nothing was changed."""

    # -- Its life

    def __enter__(self) -> Transaction:
        if self._session is not None:
            raise Closed("a transaction is entered once: ask for another")
        self._session = self._db._repo.session(self._branch)
        self._txn = _core.Txn(self._session, self._isolation)
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if self._session is None or self._txn is None:
            return
        try:
            if not self._txn.is_open:
                return
            if kind is None:
                self.commit()
            else:
                self.rollback()
        finally:
            self._session.close()

    def _require(self) -> tuple[_core.Session, _core.Txn]:
        if self._session is None or self._txn is None:
            raise Closed("the transaction is not begun: `with db.transaction() as tx:`")
        if not self._txn.is_open:
            raise Closed("the transaction is over")
        return self._session, self._txn

    def _open(self) -> _core.Session:
        return self._require()[0]

    def commit(self, message: str | None = None) -> int | None:
        """Commit it now, durably; its tx (None: nothing was changed).

        message: of the commit. Raises TransactionConflict, CommitUnknown.

        >>> with db.transaction() as tx:
        ...     done = tx.sql("DELETE FROM orders WHERE id = 3")
        ...     tx.commit("one less") == db.latest_tx()
        True
        """
        _, txn = self._require()
        text = _check.optional(message, "message")
        self.tx_id = txn.commit(self._message if text is None else text) or None
        return self.tx_id

    def rollback(self) -> None:
        """Give it up."""
        if self._txn is not None:
            self._txn.rollback()

    # -- Its work

    def sql(self, query: str, parameters: Any = None, *, timeout: float | None = None) -> Result:
        """Run statements, as `Database.sql` does."""
        find = _statements.finder(self._db._registered,
                                  _statements.of_frame(sys._getframe(1)))
        return _statements.run(self._open(), query, parameters, timeout=timeout, find=find)

    execute = sql
    query = sql

    def write(self, table: str, data: Any, mode: str = "create",
              key: Sequence[str] | str | None = None) -> _statements.WriteResult:
        """Write rows to a table, as `Database.write` does; committed with the rest."""
        return _statements.write(self._open(), table, data, mode, key)

    # -- Rows by key

    def get(self, table: str, keys: Any) -> Result:
        """The rows that have these primary keys, in no order. No SQL: for many small reads.

        table: as in `Database.write`. keys: a table of the key's columns, in any form that
        `Database.write` takes; those that nobody has give no row. Raises NotFound, SchemaError if
        it has no key.

        >>> with db.transaction() as tx:
        ...     tx.get("orders", {"id": [2, 99]}).dicts()
        [{'id': 2, 'amount': 20.0}]
        """
        _, txn = self._require()
        return Result(txn.get(_check.name(table, "table"), _frames.stream_of(keys, "keys")))

    def put(self, table: str, rows: Any) -> int:
        """Put rows, each in the place of the one with its primary key, or new; how many.

        table: as in `Database.write`. rows: in any form that it takes. Raises NotFound,
        SchemaError, ConstraintError.

        >>> with db.transaction() as tx:
        ...     tx.put("orders", [{"id": 2, "amount": 21.0}])
        1
        """
        _, txn = self._require()
        return txn.put(_check.name(table, "table"), _frames.stream_of(rows, "rows"))

    def delete(self, table: str, keys: Any) -> int:
        """Delete the rows that have these primary keys; how many there were.

        table: as in `Database.write`. keys: as in `get`. Raises NotFound, SchemaError.

        >>> with db.transaction() as tx:
        ...     tx.delete("orders", {"id": [2, 99]})
        1
        """
        _, txn = self._require()
        return txn.delete(_check.name(table, "table"), _frames.stream_of(keys, "keys"))

    def __repr__(self) -> str:
        state = ("not begun" if self._txn is None else "open" if self._txn.is_open else
                 "over" if self.tx_id is None else f"committed as tx {self.tx_id}")
        return f"<Transaction: {state}>"
