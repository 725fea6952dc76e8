# SPDX-License-Identifier: Apache-2.0
"""Every call with values that it does not expect: one of the package's exceptions, never a crash,
and never something done by half."""

import inspect

import armillaria as arm
import pytest
from armillaria import _core

SELF = []
SELF.append(SELF)


class Angry:
    """Raises whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError(f"do not ask for {name}")

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __index__ = __fspath__ = __eq__ = \
        lambda self, *others: 1 / 0
    __hash__ = object.__hash__


HOSTILE = {
    "None": None, "True": True, "zero": 0, "negative": -1, "huge": 2**70, "float": 1.5,
    "nan": float("nan"), "empty": "", "blank": " ", "long": "x" * 100_000, "nul": "a\0b",
    "surrogate": "\ud800", "quote": "a\"b'c;--", "control": "\x1b[2J\n", "bytes": b"x", "list": [],
    "dict": {}, "nested": SELF, "nothings": [None], "record": {"a": None}, "tuple": (1, "x"),
    "object": object(), "class": int, "function": len, "set": {1}, "complex": 1j,
    "exception": ValueError("x"), "dots": "..", "slash": "/", "path": "/dev/null",
}

#: What a call is given that is right, for the others to be put in its place.
RIGHT = {
    "sql": {"query": "SELECT 1", "parameters": None, "branch": "main", "at": "main",
            "versions": {"orders": 1}, "timeout": 5, "message": "m"},
    "execute": {"query": "SELECT 1"},
    "register": {"name": "n", "data": {"a": [1]}},
    "unregister": {"name": "n"},
    "transaction": {"branch": "main", "isolation": "snapshot", "message": "m"},
    "write": {"table": "w", "data": {"a": [1]}, "mode": "replace", "key": ["a"], "message": "m",
              "branch": "main"},
    "import_files": {"table": "i", "paths": "/nothere.csv", "mode": "create", "key": ["a"],
                     "message": "m", "format": "csv", "null": "NA", "branch": "main"},
    "export": {"table": "orders", "path": "/nothere/x.csv", "at": "main", "format": "csv"},
    "tables": {"at": "main"},
    "versions": {"table": "orders", "all": False},
    "schema": {"table": "orders", "at": "main"},
    "table": {"name": "orders", "version": 1, "at": None},
    "log": {"limit": 1, "table": "orders", "at": "main"},
    "show": {"ref": "main"},
    "checkout": {"branch": "main"},
    "diff": {"a": "main", "b": "main"},
    "merge": {"source": "main", "into": "main", "strategy": "fail", "dry_run": True,
              "message": "m"},
    "cherry_pick": {"ref": "main", "into": "main", "strategy": "fail", "dry_run": True},
    "revert": {"ref": "main", "into": "main", "strategy": "fail", "dry_run": True},
    "restore": {"table": "orders", "at": "main", "into": "main", "strategy": "fail",
                "dry_run": True, "message": "m"},
    "changes": {"since": 1, "tables": ["orders"], "branch": "main", "until": 5, "limit": 1},
    "row_changes": {"table": "orders", "since": 1, "until": 5, "branch": "main"},
    "find_commit": {"commit_id": "00" * 16},
    "subscribe": {"tables": ["orders"], "since": 1, "consumer": None, "branch": "main"},
    "move_consumer": {"name": "c", "tx": 1},
    "delete_consumer": {"name": "c"},
    "verify": {"full": False},
    "compact": {"table": "orders"},
    "gc": {"keep_days": None, "dry_run": True, "grace_seconds": 5},
    "branches.create": {"name": "n", "from_": "main", "description": "d"},
    "branches.get": {"name": "main"},
    "branches.delete": {"name": "nothere"},
    "branches.rename": {"name": "nothere", "new_name": "m"},
    "branches.describe": {"name": "main", "description": "d"},
    "branches.protect": {"name": "nothere", "only_merges": False, "checks": ["SELECT 1"]},
    "branches.unprotect": {"name": "main"},
    "branches.exists": {"name": "main"},
    "tags.create": {"name": "v", "ref": "main", "description": "d"},
    "tags.get": {"name": "v"},
    "tags.delete": {"name": "v"},
    "tags.exists": {"name": "v"},
}
#: What takes nothing, and is tested elsewhere.
PLAIN = {"close", "cursor", "interrupt", "stats", "latest_tx", "consumers", "recover",
         "branches.list", "branches.graph", "tags.list"}


def find(db, call):
    """A method by its name, with dots."""
    for part in call.split("."):
        db = getattr(db, part)
    return db


def test_no_call_is_left_out(db):
    public = {name for name, _ in inspect.getmembers(arm.Database, inspect.isfunction)}
    for part in ("branches", "tags"):
        public |= {f"{part}.{name}" for name, _ in inspect.getmembers(
            type(getattr(db, part)), inspect.isfunction)}
    assert {name for name in public if "_" not in (name[0], name.split(".")[-1][0])} == \
        set(RIGHT) | PLAIN


@pytest.mark.parametrize("call", RIGHT)
def test_hostile_arguments(orders, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some are paths, and files are written there
    for parameter in RIGHT[call]:
        for word, value in {**HOSTILE, "angry": Angry()}.items():
            arguments = {**RIGHT[call], parameter: value}
            method = find(orders, call)
            try:
                told = method(**arguments)
            except (arm.Error, ZeroDivisionError, RuntimeError) as error:
                # What an object of the caller's own raises is the caller's.
                assert isinstance(error, arm.Error) or word == "angry", (parameter, word)
                assert isinstance(error, arm.Error) is False or str(error), (parameter, word)
            except RecursionError:
                assert word == "nested", (parameter, word)
            else:
                if call == "subscribe":
                    told.stop()
    assert orders.branch == "main" and sorted(orders.table("orders").scan().fetchall()) == [
        (1, 10.0), (2, 20.0), (3, 30.0)]
    assert orders.verify()


@pytest.mark.parametrize("call", RIGHT)
def test_too_few_and_too_many_arguments(orders, call):
    method = find(orders, call)
    with pytest.raises(TypeError):
        method(*range(20))
    with pytest.raises(TypeError):
        method(**RIGHT[call], nothere=1)


def test_opening_hostile_places(tmp_path):
    for word, value in {**HOSTILE, "angry": Angry()}.items():
        if word in ("dots", "blank", "slash", "quote", "control"):
            continue  # places like others
        with pytest.raises((arm.Error, ZeroDivisionError, RuntimeError)):
            arm.open(value)
    file = tmp_path / "file"
    file.write_text("not a repository")
    for place in (file, tmp_path, "/proc", tmp_path / "a" / "b"):
        with pytest.raises(arm.Error):
            arm.open(place)
    with pytest.raises(arm.Error):
        arm.open(tmp_path, create=True)  # something is there already
    assert file.read_text() == "not a repository"
    for option in ("create", "read_only", "memory_limit", "threads", "spill_directory", "branch"):
        with pytest.raises(arm.Error, match=option):
            arm.open(tmp_path / "new", **{option: object()})


def test_results_with_hostile_arguments(orders):
    result = orders.sql("SELECT * FROM orders")
    for value in HOSTILE.values():
        for method in (result.fetchmany, result.show):
            try:
                method(value)
            except arm.Error:
                pass
    assert len(result) == 3


# ---- Below the comfort ----

def all_types():
    return [kind for kind in vars(_core).values() if isinstance(kind, type)]


def test_the_extension_takes_anything(path):
    """Its methods are not for users; they must not crash either."""
    for kind in all_types():
        for value in HOSTILE.values():
            try:
                kind(value)
            except Exception:  # any, but an exception
                pass
    repo = _core.Repo(path, create=True)
    session = repo.session("main")
    rows, _ = session.sql("SELECT 1")
    feed = repo.feed(branch="main")
    txn = _core.Txn(repo.session("main"), 1)
    things = [repo, session, rows, feed, txn, _core]
    for thing in things:
        for name in dir(thing):
            if name.startswith("__") or name in ("close", "use", "branch_drop", "next"):
                continue
            method = getattr(thing, name)
            if not callable(method) or isinstance(method, type):
                continue
            for value in (*HOSTILE.values(), things):
                for arguments in ((), (value,), (value, value), ("t", value), ("t", value, value),
                                  (value, value, value, value)):
                    try:
                        method(*arguments)
                    except Exception:
                        pass
    for thing in things[:-1]:
        getattr(thing, "close", lambda: None)()
    for name in ("sql", "tables", "write", "use"):
        with pytest.raises((arm.Closed, TypeError)):
            getattr(session, name)("SELECT 1")


def test_objects_cannot_be_half_made():
    for kind in all_types():
        try:
            thing = kind.__new__(kind)
        except TypeError:
            continue
        for name in dir(thing):
            if name.startswith("__"):
                continue
            try:
                member = getattr(thing, name)
                if callable(member):
                    member()
            except Exception:
                pass
