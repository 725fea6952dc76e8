# SPDX-License-Identifier: Apache-2.0
"""Which repository a path means, and a handle of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import armillaria
from armillaria import _check, _core
from armillaria.errors import (
    Error, Exists, InvalidArgument, InvalidType, IoError, NotARepository, PermissionDenied,
)

#: Last components of a path that stand for its parent.
PARTS = ("chunks", "catalog", "branches", "transactions")
_PIECES = ("chunks", "staging", "log", "index", "cold", "HEAD", "FORMAT")  # the last is what counts
_PREFIX = ".udr-"


def root_of(path: Any, what: str = "path") -> str:
    """The directory of the repository that a path means, absolute."""
    given = os.path.abspath(_check.path(path, what))
    return os.path.dirname(given) if os.path.basename(given) in PARTS else given


def _is_repository(root: str) -> bool:
    return os.path.exists(os.path.join(root, "FORMAT"))


def _check_free(root: str) -> None:
    """A directory of a repository's may be there, if it is empty."""
    for name in _PIECES:
        place = os.path.join(root, name)
        if os.path.lexists(place) and not (os.path.isdir(place) and not os.listdir(place)):
            raise Exists(f"{place} is in the way of a repository")


def _move_in(made: str, root: str) -> None:
    """A repository that is whole becomes that of a directory with other things in it. FORMAT comes
    last: until then there is none, and what was begun is gone on with."""
    for name in _PIECES:
        if os.path.lexists(os.path.join(made, name)):
            os.rename(os.path.join(made, name), os.path.join(root, name))


def _is_begun(made: str) -> bool:
    """Whether somebody died while he moved it in: then it is whole, but for what is moved."""
    there = [os.path.lexists(os.path.join(made, name)) for name in _PIECES]
    return there[-1] and not all(there)


def _make_among_others(root: str) -> None:
    """Make a repository in a directory that has other things in it, as programs have theirs that
    keep `chunks`, `catalog` and the like in one of their own."""
    left = [os.path.join(root, name) for name in os.listdir(root) if name.startswith(_PREFIX)]
    begun = [made for made in left if _is_begun(made)]
    if not begun:
        _check_free(root)
        begun = [tempfile.mkdtemp(prefix=_PREFIX, dir=root)]
        left += begun
        armillaria.open(begun[0], create=True, branch="main").close()
    _move_in(begun[0], root)
    for made in left:
        shutil.rmtree(made, ignore_errors=True)


def _make_locked(root: str, is_part: bool) -> None:
    """One at a time, of all who come by this way."""
    os.makedirs(root, exist_ok=True)
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if _is_repository(root):
            return
        if is_part and os.listdir(root):
            _make_among_others(root)
            os.fsync(directory)
        else:
            armillaria.open(root, create=True, branch="main").close()
    finally:
        os.close(directory)


def _make(root: str, is_part: bool) -> None:
    if _is_repository(root):
        return
    try:
        _make_locked(root, is_part)
    except Error:
        raise
    except PermissionError as error:
        raise PermissionDenied(f"{root}: {error.strerror}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise NotARepository(f"{root}: there is a file in the way") from error
    except OSError as error:
        raise IoError(f"{root}: {error.strerror}") from error


class Repository:
    """A handle of a repository, of one object of this package."""

    def __init__(self, path: Any, what: str = "path", epoch: int = 0) -> None:
        self.root = root_of(path, what)
        _make(self.root, self.root != os.path.abspath(_check.path(path, what)))
        if epoch:
            # Whoever opens it first says how it syncs: before the handle that is worked with.
            self._paced = _core.Repo(self.root, epoch=epoch)
        self.db = armillaria.open(self.root, branch="main")

    @property
    def repo(self) -> _core.Repo:
        """The library's."""
        return self.db._repo

    def session(self, branch: str = "main") -> _core.Session:
        """A session of its own, on a branch."""
        return self.repo.session(branch)

    def __repr__(self) -> str:
        return self.root


def of(holder: object, kind: type, what: str) -> Repository:
    """The repository of an object of this package."""
    if not isinstance(holder, kind):
        raise InvalidType(f"{what} is to be a {kind.__name__}, not {type(holder).__name__}")
    found = getattr(holder, "_repository", None)
    if not isinstance(found, Repository):
        raise InvalidType(f"{what} was not made whole")
    return found


def same(holders: Mapping[str, Repository]) -> Repository:
    """The one repository of all; anything else is an error."""
    names = iter(holders.items())
    first_name, first = next(names)
    for name, other in names:
        if not os.path.samefile(first.root, other.root):
            raise InvalidArgument(f"{first_name} is of the repository {first.root}, {name} of "
                                  f"{other.root}: they are to be of one")
    return first


class Name(str):
    """A name that is also given when it is called."""

    __slots__ = ()

    def __call__(self) -> str:
        """The name."""
        return str(self)
