# SPDX-License-Identifier: Apache-2.0
"""`%load_ext armillaria`: SQL in the cells of a notebook.

%armillaria repo --create       opens a repository; further cells use it
%%armillaria -b fix -o late     runs the cell on branch `fix`, and keeps the result as `late`
SELECT * FROM orders JOIN frame USING (id)
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from . import _statements
from ._database import Database
from ._database import open as _open
from .errors import InvalidArgument


class _Parser(argparse.ArgumentParser):
    """Says what is wrong instead of ending the process."""

    def error(self, message: str) -> Any:
        raise InvalidArgument(f"%armillaria: {message}\n{self.format_usage().strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> Any:
        raise InvalidArgument((message or self.format_usage()).strip())


def _parser() -> _Parser:
    parser = _Parser(prog="%armillaria", add_help=False,
                     description="Run SQL on a repository, or open one.")
    parser.add_argument("repo", nargs="?",
                        help="its directory, or the name of a variable that holds a Database")
    parser.add_argument("-b", "--branch", help="run on this branch")
    parser.add_argument("-a", "--at", help="read all tables as of this ref")
    parser.add_argument("-o", "--output", help="keep the result as this variable")
    parser.add_argument("-m", "--message", help="of the commit")
    parser.add_argument("-c", "--create", action="store_true",
                        help="make the repository where there is none")
    return parser


class Magic:
    """The magic of one notebook: which repository is open in it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._db: Database | None = None
        self._parser = _parser()

    def _open(self, named: str | None, create: bool) -> Database:
        if named is not None:
            held = self._shell.user_ns.get(named)
            self._db = held if isinstance(held, Database) else _open(named, create=create)
        if self._db is None or self._db.closed:
            held = [value for name, value in self._shell.user_ns.items()
                    if isinstance(value, Database) and not name.startswith("_") and
                    not value.closed]
            if len({id(value) for value in held}) != 1:
                raise InvalidArgument("no repository is open: %armillaria DIRECTORY, or the name "
                                      "of a variable that holds one")
            self._db = held[0]
        return self._db

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """What the magic does with a line, and the cell under it."""
        given = self._parser.parse_args(shlex.split(line))
        db = self._open(given.repo, given.create)
        if cell is None:
            return db
        space = self._shell.user_ns

        result = _statements.run(db._on(given.branch), cell, at=given.at, message=given.message,
                                 find=_statements.finder(db._registered, lambda: (space,)))
        if given.output is None:
            return result
        space[given.output] = result
        return None


def load(shell: Any) -> None:
    """Give a shell `%armillaria` and `%%armillaria`."""
    shell.register_magic_function(Magic(shell), "line_cell", "armillaria")
