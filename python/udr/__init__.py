# SPDX-License-Identifier: Apache-2.0
"""The first interface of this system: chunks, versions made of chunks, branches, transactions, each
by a manager of its own. A thin layer over `armillaria`: the same repository, the same engine.

>>> import udr
>>> store, catalog = udr.PyChunkStore("data/chunks"), udr.PyCatalog("data/catalog")
>>> catalog.commit(udr.PyTableVersion("users", 1, [store.put(b"ann"), store.put(b"bob")]))

The repository of a path is its parent if the last component is `chunks`, `catalog`, `branches` or
`transactions`, else the path itself. It is made where there is none. Objects may be shared by
threads.
"""

from armillaria import __version__
from armillaria.errors import (
    Busy, Closed, CommitUnknown, ConstraintError, Corruption, Error, Exists, Forked, Full,
    HashMismatch, HistoryExpired, Interrupted, InvalidArgument, InvalidHash, InvalidName,
    InvalidType, IoError, MergeConflict, NewerFormat, NotARepository, NotFound, OutOfMemory,
    PermissionDenied, ReadOnly, Reopen, SchemaError, SqlError, TransactionConflict, Unsupported,
    VersionConflict,
)

from ._branches import PyBranch, PyBranchDiff, PyBranchManager
from ._catalog import PyCatalog, PyTableVersion
from ._changelog import PyChangelogEntry, PyTableChange
from ._store import PyChunkStore
from ._transactions import (
    PyEpochConfig, PyRecoveryReport, PyTransactionInfo, PyTransactionManager,
)

__all__ = [
    "Busy", "Closed", "CommitUnknown", "ConstraintError", "Corruption", "Error", "Exists",
    "Forked", "Full", "HashMismatch", "HistoryExpired", "Interrupted", "InvalidArgument",
    "InvalidHash", "InvalidName", "InvalidType", "IoError", "MergeConflict", "NewerFormat",
    "NotARepository", "NotFound", "OutOfMemory", "PermissionDenied", "PyBranch", "PyBranchDiff",
    "PyBranchManager", "PyCatalog", "PyChangelogEntry", "PyChunkStore", "PyEpochConfig",
    "PyRecoveryReport", "PyTableChange", "PyTableVersion", "PyTransactionInfo",
    "PyTransactionManager", "ReadOnly", "Reopen", "SchemaError", "SqlError",
    "TransactionConflict", "Unsupported", "VersionConflict", "__version__",
]
