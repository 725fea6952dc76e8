# SPDX-License-Identifier: Apache-2.0
"""`PyBranchManager`: branches, each a version of every table."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from armillaria import _check
from armillaria._merge import MergeResult
from armillaria._result import Result

from ._catalog import number_of, table_of
from ._repository import Name, Repository


class PyBranch:
    """A branch: `name`, `head` (a dict: table -> version), `created_at`, `parent_branch`,
    `description`. Where its name is looked for it is that: `"dev" in manager.list()`."""

    __slots__ = ("name", "head", "created_at", "parent_branch", "description")

    def __init__(self, name: str, head: dict[str, int], created_at: datetime,
                 parent_branch: str | None = None, description: str | None = None) -> None:
        self.name: str = name
        self.head: dict[str, int] = head
        self.created_at: datetime = created_at
        self.parent_branch: str | None = parent_branch
        self.description: str | None = description

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PyBranch):
            return self._fields() == other._fields()
        return self.name == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"PyBranch({told})"


class PyBranchDiff:
    """What differs between two branches, as names of tables: `unchanged` (one version in both),
    `modified` (another one), `added_in_source` and `added_in_target` (the other has it not),
    `conflicts` (those modified of which a merge could not tell what becomes of them)."""

    __slots__ = ("unchanged", "modified", "added_in_source", "added_in_target", "conflicts")

    def __init__(self, unchanged: list[str], modified: list[str], added_in_source: list[str],
                 added_in_target: list[str], conflicts: list[str]) -> None:
        self.unchanged: list[str] = unchanged
        self.modified: list[str] = modified
        self.added_in_source: list[str] = added_in_source
        self.added_in_target: list[str] = added_in_target
        self.conflicts: list[str] = conflicts

    @property
    def has_conflicts(self) -> bool:
        """Whether there are some."""
        return bool(self.conflicts)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"PyBranchDiff({told})"


def branch_of(row: dict[str, Any]) -> PyBranch:
    """A branch as the library tells of it."""
    head = {str(table): int(version) for table, version in dict(row["head"]).items()}
    return PyBranch(row["name"], head, row["created_at"], row["parent_branch"], row["description"])


class PyBranchManager:
    """The branches of a repository."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._repository = Repository(path)

    @property
    def default_branch(self) -> Name:
        """"main"."""
        return Name("main")

    def create(self, name: str, from_branch: str = "main",
               description: str | None = None) -> PyBranch:
        """Make a branch that starts where another one stands. Raises Exists, NotFound."""
        checked = _check.name(name, "name")
        start = _check.name(from_branch, "from_branch")
        self._row(start)  # a branch, not any ref
        self._repository.session().branch_create(
            checked, start, _check.optional(description, "description"))
        return self.get(checked)

    def _row(self, name: str) -> dict[str, Any]:
        return Result(self._repository.db._session.branches(name)).dicts()[0]

    def get(self, name: str) -> PyBranch:
        """A branch. Raises NotFound."""
        return branch_of(self._row(_check.name(name, "name")))

    def list(self) -> list[PyBranch]:
        """All of them, by name."""
        return [branch_of(row) for row in Result(self._repository.db._session.branches()).dicts()]

    def exists(self, name: str) -> bool:
        """Whether there is one of this name."""
        wanted = _check.name(name, "name")
        return any(branch.name == wanted for branch in self.list())

    def delete(self, name: str) -> None:
        """Drop a branch; its versions stay. `main` cannot be dropped."""
        self._repository.session().branch_drop(_check.name(name, "name"))

    def update_head(self, branch: str, table: str, version: int) -> int:
        """Have a branch stand at a version of a table, whoever made it: a commit, whose tx this
        gives. Raises NotFound: there is no such version, or branch."""
        name = _check.name(branch, "branch")
        return self._repository.session().move({table_of(table): number_of(version)}, name, 0,
                                               f"head of {table} on {name}"[:1000])

    def get_table_version(self, branch: str, table: str) -> int | None:
        """The version of a table that a branch stands at; None: it has no such table."""
        head = self.get(branch).head
        wanted = _check.name(table, "table")
        if wanted in head:
            return head[wanted]
        found = [number for name, number in head.items() if name.lower() == wanted.lower()]
        return found[0] if found else None

    def diff(self, source: str, target: str) -> PyBranchDiff:
        """What a merge of `source` into `target` would have to do."""
        theirs, ours = self.get(source).head, self.get(target).head
        both = sorted(theirs.keys() & ours.keys())
        modified = [table for table in both if theirs[table] != ours[table]]
        conflicts: list[str] = []
        if modified:
            told = Result(self._repository.session().diff(target, source)).dicts()
            conflicts = sorted(row["table"] for row in told if row["conflict"])
        return PyBranchDiff(
            unchanged=[table for table in both if theirs[table] == ours[table]],
            modified=modified,
            added_in_source=sorted(theirs.keys() - ours.keys()),
            added_in_target=sorted(ours.keys() - theirs.keys()),
            conflicts=conflicts)

    def merge(self, source: str, into: str = "main") -> MergeResult:
        """Merge a branch into another, whole or not at all. Raises MergeConflict, whose `tables`
        says of which."""
        theirs = _check.name(source, "source")
        self._row(theirs)
        return self._repository.db.merge(theirs, into=_check.name(into, "into"))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(branch.name == name for branch in self.list())

    def __repr__(self) -> str:
        return f"PyBranchManager({self._repository.root!r})"
