# SPDX-License-Identifier: Apache-2.0
"""ADBC: the database API of Arrow, over a repository. Wants the package adbc-driver-manager.

>>> import pyarrow
>>> from armillaria import adbc
>>> with adbc.connect("repo", create=True) as connection, connection.cursor() as cursor:
...     _ = cursor.adbc_ingest("orders", pyarrow.table({"id": [1, 2], "amount": [9.5, 3.0]}))
...     _ = cursor.execute("SELECT * FROM orders WHERE amount > ?", [5])
...     print(cursor.fetchall())
...     connection.commit()
[(1, 9.5)]

The driver is the C library that this package carries, the same copy: a repository may be open by
`armillaria.open` and by ADBC at once. Other languages load it too: `driver_path` and `ENTRYPOINT`.
Its options are told of in docs/adbc.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _check, _core  # the extension has the library loaded
from .errors import Unsupported

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

__all__ = ["ENTRYPOINT", "connect", "driver_path"]

#: The function of the library by which a driver manager begins.
ENTRYPOINT = "AdbcArmillariaInit"

_ISOLATION = "adbc.connection.transaction.isolation_level"


def driver_path() -> str:
    """The file of the C library that this package carries: a driver for any driver manager in this
    process. Raises Unsupported where the package carries none."""
    folder = Path(_core.__file__).with_name("lib")
    found = sorted(folder.glob("libarmillaria-arm*.so*"))
    if len(found) != 1:
        raise Unsupported(f"{folder} has {len(found)} libraries in the place of one: the package "
                          "is not installed as it should be")
    return str(found[0])


def connect(uri: str | os.PathLike[str], *, create: bool = False, read_only: bool = False,
            branch: str | None = None, autocommit: bool = False, isolation: str | None = None,
            message: str | None = None, memory_limit: int = 0, threads: int = 0,
            spill_directory: str | os.PathLike[str] | None = None) -> Connection:
    """Connect to the repository in a directory: a connection of `adbc_driver_manager.dbapi`.

    create: make it where there is none. read_only: writes fail. branch: where to stand (None:
    ARMILLARIA_BRANCH, else main). autocommit: each statement is a transaction of its own.
    isolation: "snapshot" or "serializable". message: of commits. memory_limit: bytes that SQL may
    use (0: half of the machine's); threads of SQL (0: one a processor); spill_directory: where it
    puts what does not fit. Raises Unsupported where adbc-driver-manager is not installed;
    InvalidArgument; what is wrong later, as dbapi's exceptions.
    """
    database = _database_options(uri, create, read_only, branch, memory_limit, threads,
                                 spill_directory)
    connection = _connection_options(isolation, message)
    _check.flag(autocommit, "autocommit")
    try:
        from adbc_driver_manager import dbapi
    except ImportError as error:
        raise Unsupported("armillaria.adbc wants the package adbc-driver-manager: "
                          "pip install 'armillaria[adbc]'") from error
    return dbapi.connect(driver=driver_path(), entrypoint=ENTRYPOINT, db_kwargs=database,
                         conn_kwargs=connection, autocommit=autocommit)


def _database_options(uri: str | os.PathLike[str], create: bool, read_only: bool,
                      branch: str | None, memory_limit: int, threads: int,
                      spill_directory: str | os.PathLike[str] | None) -> dict[str, Any]:
    """A path that looks like a URI is one."""
    place = _check.path(uri, "uri")
    if not place.startswith("file:"):
        place = os.path.abspath(place)
    if branch is None:
        branch = os.environ.get("ARMILLARIA_BRANCH") or None
    options: dict[str, Any] = {
        "uri": place,
        "adbc.armillaria.create": _flag(create, "create"),
        "adbc.armillaria.read_only": _flag(read_only, "read_only"),
        "adbc.armillaria.memory_limit_bytes": str(_check.number(memory_limit, "memory_limit")),
        "adbc.armillaria.threads": str(_check.number(threads, "threads", 0, 1024)),
    }
    if branch is not None:
        options["adbc.armillaria.branch"] = _check.name(branch, "branch")
    if spill_directory is not None:
        options["adbc.armillaria.spill_directory"] = _check.path(spill_directory,
                                                                 "spill_directory")
    return options


def _flag(value: Any, what: str) -> str:
    return "true" if _check.flag(value, what) else "false"


def _connection_options(isolation: str | None, message: str | None) -> dict[str, str]:
    options: dict[str, str] = {}
    if isolation is not None:
        _check.choice(isolation, "isolation", {"snapshot": 1, "serializable": 2})
        options[_ISOLATION] = f"adbc.connection.transaction.isolation.{isolation}"
    if message is not None:
        options["adbc.armillaria.message"] = _check.text(message, "message")
    return options
