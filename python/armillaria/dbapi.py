# SPDX-License-Identifier: Apache-2.0
"""The Python Database API 2.0 (PEP 249) over a repository.

>>> from armillaria import dbapi
>>> with dbapi.connect("repo") as connection:
...     cursor = connection.cursor().execute("SELECT id FROM orders WHERE amount > ?", [15])
...     cursor.fetchall()
[(2,), (3,)]

A connection is a session of its own. Its first statement opens a transaction, which `commit` or
`rollback` ends, unless `autocommit` is true; an error in it spoils it, and `rollback` is all that is
left. What is said of branches and tags is no part of a transaction: it is said between two.
"""

from __future__ import annotations

import datetime
import functools
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import _check, _core, _statements
from . import errors as _errors
from ._database import Database
from ._database import open as _open
from ._result import Result

if TYPE_CHECKING:
    import pandas
    import pyarrow

#: Of PEP 249.
apilevel = "2.0"
#: Threads may share the module and connections.
threadsafety = 2
#: Parameters are written `?`; with a dict, `$name`.
paramstyle = "qmark"

# ---- Exceptions ----


class Warning(Exception):  # noqa: A001 - its name in PEP 249
    """Something to be looked at; nothing here raises it."""


class Error(_errors.Error):
    """Base of the errors; what the library raised is its `__cause__`."""


class InterfaceError(Error):
    """The interface was used in a wrong way."""


class DatabaseError(Error):
    """The database has something against it."""


class DataError(DatabaseError):
    """A value does not fit."""


class OperationalError(DatabaseError):
    """What nobody who wrote the program can help: a conflict, a full disk, an interruption."""


class IntegrityError(DatabaseError):
    """A key, a CHECK or NOT NULL refuses it."""


class InternalError(DatabaseError):
    """The repository is damaged."""


class ProgrammingError(DatabaseError):
    """The statement is wrong, or names what is not there; or the object is closed."""


class NotSupportedError(DatabaseError):
    """There is no such thing here."""


_CLASSES: list[tuple[type[Exception], type[Error]]] = [
    (_errors.ConstraintError, IntegrityError),
    (_errors.SqlError, ProgrammingError),
    (_errors.SchemaError, ProgrammingError),
    (_errors.NotFound, ProgrammingError),
    (_errors.Exists, ProgrammingError),
    (_errors.InvalidName, ProgrammingError),
    (_errors.Closed, ProgrammingError),
    (_errors.Corruption, InternalError),
    (_errors.HashMismatch, InternalError),
    (_errors.Unsupported, NotSupportedError),
    (_errors.InvalidArgument, InterfaceError),
]

#: How DuckDB begins to say that a value, not the statement, is at fault.
_DATA = ("Conversion Error:", "Out of Range Error:")

F = TypeVar("F", bound=Callable[..., Any])


def _told(call: F) -> F:
    """Errors of the library as those of PEP 249."""

    @functools.wraps(call)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        try:
            return call(*arguments, **keywords)
        except Error:
            raise
        except _errors.Error as error:
            if isinstance(error, _errors.SqlError) and str(error).startswith(_DATA):
                raise DataError(str(error)) from error
            for kind, ours in _CLASSES:
                if isinstance(error, kind):
                    raise ours(str(error)) from error
            raise OperationalError(str(error)) from error

    return wrapper  # type: ignore[return-value]


# ---- Types ----


class _Kind:
    """A set of types: `column[1] == STRING`."""

    def __init__(self, name: str, *types: str) -> None:
        self._name = name
        self._types = frozenset(types)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Kind):
            return self is other
        return isinstance(other, str) and re.sub(r"\(.*", "", other).rstrip() in self._types

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return self._name


#: Of texts, and what is given as text.
STRING = _Kind("STRING", "VARCHAR", "UUID", "JSON", "ENUM", "BIT")
#: Of bytes.
BINARY = _Kind("BINARY", "BLOB")
#: Of numbers, BOOLEAN among them.
NUMBER = _Kind("NUMBER", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
               "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL",
               "BOOLEAN")
#: Of dates, times and what lies between two.
DATETIME = _Kind("DATETIME", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
                 "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIME WITH TIME ZONE", "INTERVAL")
#: Of nothing: there are no row ids to be had.
ROWID = _Kind("ROWID")

#: Makes a date: year, month, day.
Date = datetime.date
#: Makes a time of day: hour, minute, second.
Time = datetime.time
#: Makes a date with a time of day.
Timestamp = datetime.datetime
#: Makes bytes.
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    """The local date, seconds after 1970."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:
    """The local time of day, seconds after 1970."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The local date and time, seconds after 1970."""
    return Timestamp(*time.localtime(ticks)[:6])


# ---- Connections ----

#: What is not to be said in a transaction, or begins and ends one itself; comments may be before it.
_APART = re.compile(
    r"(?:\s|--[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|;)*+"
    r"(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|USE\s+BRANCH|"
    r"(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:BRANCH|TAG))\b", re.IGNORECASE)


@_told
def connect(path: str | os.PathLike[str], *, create: bool = False, read_only: bool = False,
            branch: str | None = None, autocommit: bool = False, **options: Any) -> Connection:
    """Connect to the repository in a directory.

    path: the directory. create: make it where there is none. read_only: writes raise. branch: where
    to stand. autocommit: whether each statement is a transaction of its own. options: further ones
    of `armillaria.open`. Raises ProgrammingError where there is none, OperationalError.
    """
    _check.flag(autocommit, "autocommit")
    return Connection(_open(path, create=create, read_only=read_only, branch=branch, **options),
                      autocommit)


class Connection:
    """A session of a repository: made by `connect`. As a context manager it commits at the end of
    the block, or rolls back what raised, and closes."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, db: Database, autocommit: bool) -> None:
        self._db = db
        self._autocommit = autocommit

    @property
    def db(self) -> Database:
        """The handle below it, for all that PEP 249 has no word for."""
        return self._db

    def _session(self) -> _core.Session:
        if self._db.closed:
            raise ProgrammingError("the connection is closed")
        return self._db._session

    @_told
    def cursor(self) -> Cursor:
        """A cursor; those of one connection are in one transaction."""
        self._session()
        return Cursor(self)

    @_told
    def commit(self) -> None:
        """Commit what is open of a transaction, durably. Raises OperationalError if another commit
        came first: nothing happened then, and it may run again."""
        session = self._session()
        if session.in_transaction:
            session.sql("COMMIT")

    @_told
    def rollback(self) -> None:
        """Give up what is open of a transaction."""
        session = self._session()
        if session.in_transaction:
            session.sql("ROLLBACK")

    @_told
    def close(self) -> None:
        """Close it; what was not committed is rolled back. Raises ProgrammingError when it is
        closed already."""
        self._session()
        self._db.close()

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own. Setting it to true commits what is
        open."""
        return self._autocommit

    @autocommit.setter
    @_told
    def autocommit(self, value: bool) -> None:
        if _check.flag(value, "autocommit"):
            self.commit()
        self._autocommit = value

    def execute(self, operation: str, parameters: Any = None) -> Cursor:
        """A cursor that has executed a statement."""
        return self.cursor().execute(operation, parameters)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if self._db.closed:
            return
        try:
            if kind is None:
                self.commit()
            else:
                self.rollback()
        finally:
            self._db.close()

    def __repr__(self) -> str:
        return f"<dbapi.Connection of {self._db!r}>"


# ---- Cursors ----


class Cursor:
    """Executes statements and gives their rows."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection = connection
        """That it is of."""
        self.arraysize: int = 1
        """How many rows `fetchmany` gives that is told no number."""
        self.rowcount: int = -1
        """How many rows the last statement changed; -1: it gave rows, or there was none."""
        self.lastrowid: None = None
        """None: there are no row ids to be had."""
        self._result: Result | None = None
        self._has_rows = False
        self._closed = False

    def _require_open(self) -> _core.Session:
        if self._closed:
            raise ProgrammingError("the cursor is closed")
        return self.connection._session()

    def _run(self, operation: str, parameters: Any) -> None:
        session = self._require_open()
        text = _check.text(operation, "operation")
        self._result, self._has_rows, self.rowcount = None, False, -1
        if not self.connection.autocommit and not _APART.match(text) and \
                not session.in_transaction:
            session.sql("BEGIN")
        result = _statements.run(session, text, parameters,
                                 find=_statements.finder(self.connection._db._registered))
        self._result = result
        self._has_rows = bool(result.columns) and not result._rows.is_count
        if result._rows.is_count:
            row = result.fetchone()
            self.rowcount = -1 if row is None else int(row[0])

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """Of each column seven things, of which name and type are told; None: there are no rows."""
        return self._result.description if self._result is not None and self._has_rows else None

    @_told
    def execute(self, operation: str, parameters: Any = None) -> Cursor:
        """Execute a statement, with a sequence of values for `?` (a dict for `$name`)."""
        self._run(operation, parameters)
        return self

    @_told
    def executemany(self, operation: str, seq_of_parameters: Iterable[Any]) -> Cursor:
        """Execute a statement once for each of many sequences of values; `rowcount` is of all."""
        if isinstance(seq_of_parameters, (str, bytes, Mapping)) or \
                not isinstance(seq_of_parameters, Iterable):
            raise InterfaceError("seq_of_parameters is to be a sequence of sequences")
        total, known = 0, True
        for parameters in seq_of_parameters:
            self._run(operation, parameters)
            known = known and self.rowcount >= 0
            total += self.rowcount
        self._has_rows = False
        self.rowcount = total if known else -1
        return self

    def _rows(self) -> Result:
        self._require_open()
        if self._result is None or not self._has_rows:
            raise ProgrammingError("there are no rows: execute a statement that gives some")
        return self._result

    @_told
    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; None: there is none."""
        return self._rows().fetchone()

    @_told
    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next `size` rows (None: `arraysize`), fewer at the end."""
        return self._rows().fetchmany(self.arraysize if size is None else size)

    @_told
    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return self._rows().fetchall()

    @_told
    def fetch_arrow_table(self) -> pyarrow.Table:
        """All rows as a pyarrow Table, from the first."""
        return self._rows().arrow()

    @_told
    def fetch_df(self) -> pandas.DataFrame:
        """All rows as a pandas DataFrame, from the first."""
        return self._rows().df()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self

    def __next__(self) -> tuple[Any, ...]:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Nothing: types are taken from the values."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing: values come whole."""

    @_told
    def close(self) -> None:
        """Close it; its connection stays."""
        self._require_open()
        self._closed = True
        self._result = None

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if not self._closed:
            self._closed = True
            self._result = None
