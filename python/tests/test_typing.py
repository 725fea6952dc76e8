# SPDX-License-Identifier: Apache-2.0
"""Types and docstrings: what editors show. By mypy, and by pyright, which most editors have."""

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
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


with (ROOT / "pyproject.toml").open("rb") as pyproject:
    PACKAGES = tomllib.load(pyproject)["tool"]["scikit-build"]["wheel"]["packages"]
# SQLAlchemy's dialects, which ours derives from, are without types; only SQLAlchemy calls it.
UNTYPED_BASES = r"armillaria[./]_?sqlalchemy"
PYRIGHT = Path(os.environ["ARM_DEPS"]) / "pyright" / "index.js"
PYRIGHT_SAID = [
    'Type of "table" is "TableInfo"', 'Type of "db.versions("t")[0]" is "Version"',
    'Type of "db.changes()" is "Listing[Event]"', 'Type of "db.merge("b").conflicts" is "Any"',
    'Type of "tx.sql("SELECT 1")" is "Result"', 'Type of "event" is "Event"',
    'Argument of type "Literal[7]" cannot be assigned to parameter "query" of type "str"',
    'Argument missing for parameter "data"', 'Type of "nothere" is unknown',
    'Cannot access attribute "nothere" for class "Database"',
]


def pyright(*arguments, folder):
    """What pyright says, as JSON: of what this interpreter sees. It is a program of node's that
    asks nothing of the network."""
    done = subprocess.run(["node", str(PYRIGHT), "--outputjson", "--pythonpath", sys.executable,
                           *map(str, arguments)], text=True, capture_output=True, check=False,
                          timeout=600, cwd=folder)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads(done.stdout)


def told(said):
    return "\n".join(f"{one.get('file')}:{one.get('range')}: {one['message']}" for one in said)


def mypy(*arguments, folder):
    return subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"),
                           *map(str, arguments)], text=True, capture_output=True, check=False,
                          timeout=600, cwd=ROOT)


@pytest.mark.parametrize("package", ["armillaria", "udr", "udr_query"])
def test_the_packages_are_typed(tmp_path, package):
    done = mypy(package, folder=tmp_path)
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


def test_pyright_finds_nothing_in_the_package():
    """As python/pyproject.toml has it: strict."""
    said = pyright(folder=ROOT)
    assert not said["generalDiagnostics"], told(said["generalDiagnostics"])
    assert said["summary"]["filesAnalyzed"] >= len(list((ROOT / "armillaria").glob("*.py")))


def test_what_is_silenced_has_a_reason():
    """A line of python/pyproject.toml that turns a report off stands under a comment, or a line
    that does; a line of the package that does says which report, under a comment."""
    told_why = False
    for line in (ROOT / "pyproject.toml").read_text().partition("[tool.pyright]")[2].splitlines():
        is_off = line.startswith("report")
        told_why = line.startswith("#") or (told_why and is_off)
        assert told_why or not is_off, line
    for path in (ROOT / "armillaria").rglob("*.py*"):
        if path.suffix not in (".py", ".pyi"):
            continue
        lines = path.read_text().splitlines()
        for before, line in zip(["", *lines], lines):
            if "pyright:" in line:
                assert re.search(r"# pyright: ignore\[\w+\]", line) and \
                    before.strip().startswith("#"), f"{path}: {line}"


def test_the_public_types_are_complete(tmp_path):
    """For who has the installed package: nothing that users reach is without a type, or of one
    that two checkers could take for different things."""
    for package in PACKAGES:
        said = pyright("--verifytypes", package, "--ignoreexternal", folder=tmp_path)
        found = [one for one in said["generalDiagnostics"] if one["severity"] == "error" and
                 not re.search(UNTYPED_BASES, one["file"])]
        assert not found, told(found)
        completeness = said["typeCompleteness"]
        assert completeness["packageName"] == package
        exported = [one for one in completeness["symbols"] if one["isExported"] and
                    not re.search(UNTYPED_BASES, one["name"])]
        assert exported
        assert not [one["name"] for one in exported
                    if not one["isTypeKnown"] or one["isTypeAmbiguous"]]


def test_pyright_checks_a_program(tmp_path):
    """As its writer would: against the installed package, as strictly as may be."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    said = pyright("-p", tmp_path, folder=tmp_path)
    lines = [one["message"] for one in said["generalDiagnostics"]]
    assert len(lines) == len(PYRIGHT_SAID), told(said["generalDiagnostics"])
    for line, expected in zip(lines, PYRIGHT_SAID):
        assert expected in line, told(said["generalDiagnostics"])


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
