# SPDX-License-Identifier: Apache-2.0
"""Armillaria: tables that are versioned like source code.

>>> import armillaria as arm
>>> db = arm.open("repo", create=True)
>>> db.write("orders", {"id": [1, 2], "amount": [9.5, 3.0]}, key=["id"]).version
1
>>> db.sql("SELECT * FROM orders WHERE amount > ?", [5]).df()
   id  amount
0   1     9.5

The repository is a directory; several processes may have it open. See `Database`.
"""

from typing import Any

from . import errors
from ._branches import Branch, Branches, Tag, Tags
from ._core import version as __version__
from ._database import Commit, Consumer, Database, RecoverReport, Stats, VerifyReport, connect, open
from ._diff import Diff, TableDiff
from ._feed import Change, Event, Subscription
from ._merge import Conflict, MergeResult
from ._records import Listing, Named, Record
from ._result import Result
from ._statements import WriteResult
from ._table import Column, Table, TableInfo, Version
from ._transaction import Transaction
from .errors import (
    Busy, Closed, CommitUnknown, ConstraintError, Corruption, Error, Exists, Forked, Full,
    HashMismatch, HistoryExpired, Interrupted, InvalidArgument, InvalidHash, InvalidName,
    InvalidType, IoError, MergeConflict, NewerFormat, NotARepository, NotFound, OutOfMemory,
    PermissionDenied, ReadOnly, Reopen, SchemaError, SqlError, TransactionConflict, Unsupported,
    VersionConflict,
)

__all__ = [
    "Branch", "Branches", "Busy", "Change", "Closed", "Column", "Commit", "CommitUnknown",
    "Conflict", "ConstraintError", "Consumer", "Corruption", "Database", "Diff", "Error", "Event",
    "Exists", "Forked", "Full", "HashMismatch", "HistoryExpired", "Interrupted", "InvalidArgument",
    "InvalidHash", "InvalidName", "InvalidType", "IoError", "Listing", "MergeConflict",
    "MergeResult", "Named", "NewerFormat", "NotARepository", "NotFound", "OutOfMemory",
    "PermissionDenied", "ReadOnly", "Record", "RecoverReport", "Reopen", "Result", "SchemaError",
    "SqlError", "Stats", "Subscription", "Table", "TableDiff", "TableInfo", "Tag", "Tags",
    "Transaction", "TransactionConflict", "Unsupported", "VerifyReport", "Version",
    "VersionConflict", "WriteResult", "__version__", "connect", "errors", "open",
]


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext armillaria` in a notebook: `%armillaria DIRECTORY`, and cells of SQL under
    `%%armillaria`. IPython calls it."""
    from ._magic import load

    load(shell)
