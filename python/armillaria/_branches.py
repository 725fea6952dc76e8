# SPDX-License-Identifier: Apache-2.0
"""`db.branches` and `db.tags`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from . import _check, _graph
from ._records import Listing, Named
from ._result import Result

if TYPE_CHECKING:
    from ._database import Database


class Branch(Named):
    """A branch: `name`, `head` (a dict: table -> version), `created_at`, `parent_branch`,
    `description`, `tx` of its last commit, `only_merges`, `checks`."""

    __slots__ = ()


class Tag(Named):
    """A tag: `name`, `tx` and `commit` that it names, `branch`, `created_at`, `author`,
    `description`."""

    __slots__ = ()


N = TypeVar("N", bound=Named)


class _Refs(Generic[N]):
    """What branches and tags have in common: names that are listed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def list(self) -> Listing[N]:
        """All of them, by name."""
        raise NotImplementedError

    def get(self, name: str) -> N:
        """One of them. Raises NotFound."""
        raise NotImplementedError

    def exists(self, name: str) -> bool:
        """Whether there is one of this name."""
        wanted = _check.name(name, "name")
        return any(str(ref) == wanted for ref in self.list())

    __contains__ = exists

    def __iter__(self) -> Iterator[N]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def __getitem__(self, name: str) -> N:
        return self.get(name)

    def __repr__(self) -> str:
        return repr(self.list())

    def _repr_html_(self) -> str:
        return self.list()._repr_html_()


class Branches(_Refs[Branch]):
    """The branches of a repository: movable names of commits, each a version of all tables. Making
    one copies nothing."""

    def create(self, name: str, from_: str | None = None,
               description: str | None = None) -> Branch:
        """Make a branch. Nothing is copied.

        name: by git's rules for refs, without `:`. from_: where it starts, any ref (None: the
        current branch now). description: what it is for. Raises Exists, InvalidName, NotFound.

        >>> db.branches.create("feature/x", from_="main").head
        {'orders': 1}
        """
        name = _check.name(name, "name")
        start = _check.optional(from_, "from_", _check.ref)
        text = _check.optional(description, "description")
        self._db._session.branch_create(name, start, text)
        return self.get(name)

    def list(self) -> Listing[Branch]:
        """All of them, by name."""
        return Listing(Result(self._db._session.branches()), Branch)

    def get(self, name: str) -> Branch:
        """One of them. Raises NotFound."""
        rows = Result(self._db._session.branches(_check.name(name, "name"))).dicts()
        return Branch(rows[0])

    def delete(self, name: str) -> None:
        """Drop a branch; its commits stay in the log."""
        self._db._session.branch_drop(_check.name(name, "name"))

    def rename(self, name: str, new_name: str) -> Branch:
        """Give it another name. Who stands on it follows."""
        new_name = _check.name(new_name, "new_name")
        self._db._session.branch_rename(_check.name(name, "name"), new_name)
        return self.get(new_name)

    def describe(self, name: str, description: str | None) -> None:
        """Describe it; None: no more."""
        self._db._session.branch_describe(_check.name(name, "name"),
                                          _check.optional(description, "description"))

    def protect(self, name: str, only_merges: bool = False,
                checks: Sequence[str] = ()) -> None:
        """Ask something of each commit onto a branch, in the place of what was asked before. One
        that does not give it raises ConstraintError.

        name: the branch. only_merges: that it is a merge. checks: queries, none of which may give a
        row. Raises NotFound, SqlError, ConstraintError if it does not hold now.

        >>> db.branches.protect("main", checks=["SELECT * FROM orders WHERE amount < 0"])
        """
        self._db._session.branch_protect(_check.name(name, "name"),
                                         _check.flag(only_merges, "only_merges"),
                                         _check.texts(checks, "checks"))

    def unprotect(self, name: str) -> None:
        """Ask nothing any more."""
        self._db._session.branch_protect(_check.name(name, "name"), False, None)

    def graph(self) -> str:
        """The last commits of all branches as a picture (SVG), newest on top; a notebook shows it
        with the list."""
        session = self._db._session
        branches = self.list()
        commits = {row["commit"]: row for branch in branches
                   for row in Result(session.log(branch.name, None, _graph.COMMITS_MAX)).dicts()}
        return _graph.svg(list(commits.values()), {branch.name: branch.tx for branch in branches})

    def _repr_html_(self) -> str:
        return self.graph() + super()._repr_html_()


class Tags(_Refs[Tag]):
    """The tags of a repository: fixed names of commits."""

    def create(self, name: str, ref: str | None = None, description: str | None = None) -> Tag:
        """Name a commit.

        name: by git's rules for refs, without `:`. ref: what names it now (None: the last commit of
        the current branch). description: what it is for. Raises Exists, InvalidName, NotFound.

        >>> db.tags.create("v2", "fix").tx == db.show("fix").tx
        True
        """
        name = _check.name(name, "name")
        self._db._session.tag_create(name, _check.optional(ref, "ref", _check.ref),
                                     _check.optional(description, "description"))
        return self.get(name)

    def list(self) -> Listing[Tag]:
        """All of them, by name."""
        return Listing(Result(self._db._session.tags()), Tag)

    def get(self, name: str) -> Tag:
        """One of them. Raises NotFound."""
        from .errors import NotFound

        name = _check.name(name, "name")
        for tag in self.list():
            if tag.name == name:
                return tag
        raise NotFound(f"there is no tag \"{name}\"")

    def delete(self, name: str) -> None:
        """Drop it; the commit stays."""
        self._db._session.tag_drop(_check.name(name, "name"))
