# SPDX-License-Identifier: Apache-2.0
"""Types and docstrings: what editors show."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import armillaria as arm
import pytest

ROOT = Path(os.environ["ARM_SOURCE_DIR"]) / "python"

PROGRAM = '''
from __future__ import annotations
import armillaria as arm

def work(path: str) -> None:
    with arm.open(path, create=True) as db:
        written: arm.WriteResult = db.write("t", {"a": [1]}, key=["a"])
        rows: list[tuple[object, ...]] = db.sql("SELECT ?", [1]).fetchall()
        one = db.sql("SELECT 1").fetchone()
        if one is not None:
            print(one[0], written.version, rows)
        for table in db.tables():
            reveal_type(table)
        reveal_type(db.versions("t")[0])
        reveal_type(db.changes())
        reveal_type(db.merge("b").conflicts)
        with db.transaction(isolation="serializable") as tx:
            reveal_type(tx.sql("SELECT 1"))
        for event in db.subscribe(tables=["t"]):
            reveal_type(event)
        db.sql(7)
        db.write("t")
        db.nothere()
'''
SAID = [
    'Revealed type is "armillaria._table.TableInfo"', 'Revealed type is "armillaria._table.Version"',
    'Revealed type is "armillaria._records.Listing[armillaria._feed.Event]"',
    'Revealed type is "Any"', 'Revealed type is "armillaria._result.Result"',
    'Revealed type is "armillaria._feed.Event"',
    'Argument 1 to "sql" of "Database" has incompatible type "int"; expected "str"',
    'Missing positional argument "data" in call to "write" of "Database"',
    '"Database" has no attribute "nothere"',
]


def mypy(*arguments, folder):
    return subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"),
                           *map(str, arguments)], text=True, capture_output=True, check=False,
                          timeout=600, cwd=ROOT)


def test_the_package_is_typed(tmp_path):
    done = mypy("armillaria", folder=tmp_path)
    assert done.stdout.startswith("Success"), done.stdout + done.stderr


def test_the_stub_says_what_the_extension_has(tmp_path):
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "armillaria._core",
                           "--ignore-disjoint-bases"], text=True,
                          capture_output=True, check=False, timeout=600, cwd=tmp_path)
    assert "Success" in done.stdout, done.stdout + done.stderr


def test_a_program_is_checked(tmp_path):
    """As its writer would: against the installed package."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir",
                           str(tmp_path / "cache"), str(program)], text=True, capture_output=True,
                          check=False, timeout=600, cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if "program.py" in line]
    for line, said in zip(lines, SAID):
        assert said in line, done.stdout
    assert len(lines) == len(SAID), done.stdout


def public():
    """What users can reach: classes, their methods, functions."""
    for name in arm.__all__:
        thing = getattr(arm, name)
        if not callable(thing):
            continue
        yield name, thing
        for member, value in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and (inspect.isfunction(value) or
                                               isinstance(value, property)):
                yield f"{name}.{member}", value


@pytest.mark.parametrize("name, thing", list(public()), ids=lambda value: value if
                         isinstance(value, str) else "")
def test_docstrings(name, thing):
    text = inspect.getdoc(thing)
    assert text and len(text) > 8 and text[0] in '"ABCDEFGHIJKLMNOPQRSTUVWXYZ', name


def test_all_is_all():
    assert sorted(arm.__all__) == sorted(set(arm.__all__))
    classes = {name for name, thing in vars(arm).items()
               if isinstance(thing, type) and thing.__module__.startswith("armillaria")}
    assert classes <= set(arm.__all__)
    for name in ("NotFound", "Exists", "HashMismatch", "InvalidHash", "InvalidName",
                 "VersionConflict", "TransactionConflict", "MergeConflict", "ConstraintError",
                 "SchemaError", "SqlError", "Corruption", "ReadOnly", "Closed", "Busy", "Forked",
                 "Full", "Interrupted", "HistoryExpired", "CommitUnknown", "Unsupported"):
        assert issubclass(getattr(arm, name), arm.Error)
