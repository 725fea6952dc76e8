# SPDX-License-Identifier: Apache-2.0
"""The Python packages of the wheel: which names are public, on which page each stands, and which
call of the C library it is. Whatever is added to a package is found here by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

#: Pages of `armillaria`, in reading order: title, and the modules whose names stand there. What is
#: of none of these gets a page by the name of its module.
PAGES = [
    ("Repositories", ["_database", "_statements"]),
    ("Results", ["_result", "_records"]),
    ("Tables", ["_table"]),
    ("Transactions", ["_transaction"]),
    ("Branches and tags", ["_branches"]),
    ("Differences and merges", ["_diff", "_merge"]),
    ("The changelog", ["_feed"]),
    ("Errors", ["errors"]),
]

#: Where the calls of C are, by how their names begin: arm_<beginning>_x is class.x.
CLASSES = [("branch_", "Branches"), ("tag_", "Tags"), ("txn_", "Transaction"),
           ("session_", "Database"), ("feed_", "Subscription"), ("", "Database"),
           ("", "Transaction")]

#: Calls that are called otherwise in Python.
OTHERWISE = {
    "arm_repo_open": "armillaria.open", "arm_session_open": "armillaria.Database.cursor",
    "arm_session_close": "armillaria.Database.close", "arm_repo_path": "armillaria.Database.path",
    "arm_session_use": "armillaria.Database.checkout", "arm_version": "armillaria.__version__",
    "arm_txn_begin": "armillaria.Database.transaction",
    "arm_commit_find": "armillaria.Database.find_commit",
    "arm_import": "armillaria.Database.import_files",
    "arm_branch_drop": "armillaria.Branches.delete", "arm_branches": "armillaria.Branches.list",
    "arm_tag_drop": "armillaria.Tags.delete", "arm_tags": "armillaria.Tags.list",
    "arm_diff_rows": "armillaria.Diff.rows", "arm_diff_schemas": "armillaria.Diff.columns",
    "arm_feed_open": "armillaria.Database.subscribe",
    "arm_feed_start": "armillaria.Subscription.start_background",
    "arm_consumer_move": "armillaria.Database.move_consumer",
    "arm_consumer_drop": "armillaria.Database.delete_consumer",
}


def packages(root: Path) -> list[str]:
    """The packages of the wheel."""
    with (root / "python" / "pyproject.toml").open("rb") as file:
        wheel = tomllib.load(file)["tool"]["scikit-build"]["wheel"]
    return [Path(package).name for package in wheel["packages"]]


def modules(package: str) -> Iterator[str]:
    """A package, and the modules in it that are public."""
    module = importlib.import_module(package)
    yield package
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not found.name.startswith("_"):
            yield from modules(f"{package}.{found.name}")


def names(module: ModuleType) -> list[str]:
    """The public names of a module: those of `__all__`, else what it defines."""
    told = getattr(module, "__all__", None)
    if told is not None:
        return list(told)
    return [name for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
            and (isinstance(value, type) or inspect.isroutine(value))]


def is_ours(kind: type) -> bool:
    """Whether a class is of the wheel."""
    return kind.__module__.partition(".")[0] in OURS


def _is_foreign(kind: type, name: str, value: Any) -> bool:
    """Whether a member only fills in what another package's class asks for, and says no more."""
    home = value.__module__.partition(".")[0] if inspect.isfunction(value) else ""
    return bool(home) and home not in OURS or not getattr(value, "__doc__", None) and any(
        name in vars(base) and not is_ours(base) for base in kind.__mro__)


def members(kind: type) -> Iterator[str]:
    """The public members that a class has of itself, or of a private base."""
    for base in kind.__mro__:
        if base is kind or (is_ours(base) and base.__name__.startswith("_")):
            for name, value in vars(base).items():
                is_member = inspect.isroutine(value) or hasattr(value, "func") or isinstance(
                    value, (property, classmethod, staticmethod))
                if is_member and not name.startswith("_") and not _is_foreign(kind, name, value):
                    yield name


def attributes(kind: type) -> list[str]:
    """The public attributes that a class gives its objects when they are made."""
    if "__init__" not in vars(kind):
        return []
    return re.findall(r"^ +self\.([a-z]\w*)(?:: [^=\n]+)? = ", inspect.getsource(kind.__init__),
                      re.MULTILINE)


def symbols(package: str) -> Iterator[str]:
    """All public names of a package, and the members of its classes: what the pages must have. A
    name of a module that is the package's as well is meant by its short name."""
    top = importlib.import_module(package)
    for name in modules(package):
        module = importlib.import_module(name)
        yield name
        for public in names(module):
            value = getattr(module, public)
            if module is not top and vars(top).get(public) is value:
                continue
            yield f"{name}.{public}"
            if isinstance(value, type) and value.__name__ == public and \
                    value.__module__.partition(".")[0] == package:
                yield from (f"{name}.{public}.{member}"
                            for member in [*members(value), *attributes(value)])


OURS: set[str] = set()


def pairs(calls: set[str]) -> dict[str, str]:
    """Which call of C is what of Python."""
    package = importlib.import_module("armillaria")
    found = {call: name for call, name in OTHERWISE.items() if call in calls}
    for call in sorted(calls - set(OTHERWISE)):
        for beginning, kind in CLASSES:
            bare = call.removeprefix(f"arm_{beginning}")
            if bare != call and bare in members(getattr(package, kind)):
                found[call] = f"armillaria.{kind}.{bare}"
                break
    return found


def page_of(module: str) -> str:
    """The title of the page on which the names of a module of `armillaria` stand."""
    bare = module.rpartition(".")[2]
    for title, modules_of in PAGES:
        if bare in modules_of:
            return title
    return bare.strip("_").capitalize()


def kind_of(value: Any) -> str:
    """What a name is: "module", "class", "exception", "function" or "data"."""
    if isinstance(value, ModuleType):
        return "module"
    if isinstance(value, type):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isroutine(value) else "data"


def pages() -> dict[str, list[tuple[str, str]]]:
    """The pages of `armillaria`: title -> (what it is, name), in the order of the sources."""
    package = importlib.import_module("armillaria")
    found: dict[str, list[tuple[str, str]]] = {title: [] for title, _ in PAGES}

    def place(name: str) -> tuple[bool, bool, int, str]:
        """Calls, what one holds, small records; else as in the source."""
        value = getattr(package, name)
        is_record = isinstance(value, type) and issubclass(value, package.Record)
        try:
            at = inspect.getsourcelines(value)[1]
        except (TypeError, OSError):
            at = 0
        return isinstance(value, type), is_record, at, name

    for name in sorted(names(package), key=place):
        value = getattr(package, name)
        kind = kind_of(value)
        module = value.__name__ if kind == "module" else getattr(value, "__module__", "_database")
        found.setdefault(page_of(module), []).append((kind, name))
    return {title: entries for title, entries in found.items() if entries}
