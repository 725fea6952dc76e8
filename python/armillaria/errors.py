# SPDX-License-Identifier: Apache-2.0
"""What can go wrong. Every exception of this package derives from `Error`, and its text says what
was wrong, where, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._merge import Conflict


class Error(Exception):
    """Base of all of them; itself: a failure that has no class of its own."""


class InvalidArgument(Error, ValueError):
    """The call is wrong: a value, or what it was made on."""


class InvalidType(InvalidArgument, TypeError):
    """An argument is of a type that the call does not take."""


def _hash_behind(words: str, text: str) -> str:
    found = re.search(words + "([0-9a-f]{64})", text)
    return found.group(1) if found is not None else ""


class NotFound(Error, LookupError):
    """There is no such table, branch, tag, version, commit, consumer, or repository."""


class NotARepository(NotFound):
    """There is no repository in that directory."""


class Exists(Error):
    """It is there already."""


class HashMismatch(Error):
    """A chunk's bytes do not have its hash: run `verify`."""

    @property
    def expected(self) -> str:
        """The chunk's hash; "": it is not told."""
        return _hash_behind("chunk ", str(self))

    @property
    def actual(self) -> str:
        """The hash that its bytes have; "": it is not told."""
        return _hash_behind("hash to ", str(self))


class InvalidHash(Error, ValueError):
    """Not a hash: 64 lower-case hexadecimal digits."""


class InvalidName(Error, ValueError):
    """Not a valid name of a table, branch, tag or consumer."""


class VersionConflict(Error):
    """The version is not the next one."""


class TransactionConflict(Error):
    """Another commit came first and nothing was changed: run the transaction again."""


class MergeConflict(Error):
    """Both sides of a merge changed the same rows, and nothing was merged.

    `conflicts` are they, `tables` the names of their tables.
    """

    report: Any = None

    @property
    def conflicts(self) -> list[Conflict]:
        """Each has `table`, `kind`, `columns`, `key`, `base`, `ours` and `theirs`: the row's key,
        and the row on the three sides, as dicts; None where there is none."""
        from ._merge import conflicts_of

        return conflicts_of(self.report)

    @property
    def tables(self) -> list[str]:
        """Names of the tables that have conflicts."""
        return sorted({conflict.table for conflict in self.conflicts})


class ConstraintError(Error):
    """A key, a CHECK or NOT NULL refuses these rows, or a branch this commit."""


class SchemaError(Error):
    """The columns do not fit the table."""


class SqlError(Error):
    """The statement is wrong, or cannot be executed."""


class Corruption(Error):
    """Damage was found: run `verify`."""


class ReadOnly(Error):
    """It was opened for reading only."""


class Closed(Error):
    """The handle is closed."""


class Busy(Error):
    """In use by another copy of the library in this process."""


class Forked(Error):
    """The handle belongs to the parent process: open the repository anew."""


class Full(Error, OSError):
    """No space is left: free some and call again."""


class IoError(Error, OSError):
    """The system refused a read or a write."""


class PermissionDenied(IoError, PermissionError):
    """The system gives no permission."""


class OutOfMemory(Error, MemoryError):
    """There is no memory left."""


class Interrupted(Error):
    """It was stopped, or took longer than it was to."""


class HistoryExpired(Error):
    """That part of history was given up."""


class CommitUnknown(Error):
    """Whether the commit happened is not known: open the repository anew, and ask
    `db.find_commit(error.commit_id)`."""

    commit_id: str = ""


class Reopen(Error):
    """A failed write, or somebody who replaced files, stopped the repository: close it and open it
    again."""


class Unsupported(Error):
    """Not supported."""


class NewerFormat(Unsupported):
    """Made by a newer Armillaria: upgrade to read it."""


#: arm_status of the C library -> class
BY_STATUS: dict[int, type[Exception]] = {
    1: InvalidArgument,
    2: NotFound,
    3: Exists,
    4: OutOfMemory,
    5: IoError,
    6: Full,
    7: PermissionDenied,
    8: HashMismatch,
    9: InvalidHash,
    10: InvalidName,
    11: Corruption,
    12: NewerFormat,
    13: NotARepository,
    14: ReadOnly,
    15: Busy,
    16: Forked,
    17: Closed,
    18: Reopen,
    19: CommitUnknown,
    20: TransactionConflict,
    21: VersionConflict,
    22: MergeConflict,
    23: ConstraintError,
    24: SchemaError,
    25: SqlError,
    26: Interrupted,
    27: HistoryExpired,
    28: Unsupported,
}
