# SPDX-License-Identifier: Apache-2.0
"""Running the armillaria command: what the end-to-end tests share."""

import json
import os
import shutil
import subprocess
from pathlib import Path

BIN = os.environ.get("ARMILLARIA_BIN") or str(Path(__file__).parents[2] / "build/armillaria")
SOURCE = Path(os.environ.get("ARM_SOURCE_DIR") or Path(__file__).parents[2])
BUILD = Path(os.environ.get("ARM_BUILD_DIR") or Path(BIN).parent)
DEPS = Path(os.environ.get("ARM_DEPS") or SOURCE / ".deps")
SANITIZED = "-fsanitize" in (BUILD / "build.ninja").read_text() if BUILD.joinpath(
    "build.ninja").exists() else False
TIMEOUT_S = 300
# For the command under another program: a sanitizer wants to be the first library that is loaded,
# and at the end to trace the process itself.
PRELOADED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
TRACED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Result:
    """How a run ended: its status, and what it printed."""

    def __init__(self, completed):
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f"status {self.status}\nout: {self.out[:3000]}\nerr: {self.err[:3000]}"


def environment(**extra):
    """Ours, without what would change the command's mind."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("ARMILLARIA_") and k not in ("COLUMNS", "NO_COLOR")}
    env.update(extra)
    return env


def run(*args, status=0, cwd=None, stdin="", env=None, text=True, binary=BIN):
    """Run the command; fails the test unless it ends with `status` (None: any)."""
    given = stdin if text or isinstance(stdin, bytes) else stdin.encode()
    completed = subprocess.run([binary, *map(str, args)], input=given, cwd=cwd, text=text,
                               capture_output=True, timeout=TIMEOUT_S, check=False,
                               env=environment(**(env or {})))
    result = Result(completed)
    assert status is None or result.status == status, f"{args}: wanted {status}, got {result!r}"
    return result


class Repo:
    """A repository in a directory."""

    def __init__(self, path, make=True):
        self.path = Path(path)
        if make:
            run("init", self.path)

    def run(self, *args, **options):
        return run("-C", self.path, *args, **options)

    def sql(self, text, *args, **options):
        """The rows of the last statement that gives any, as dicts."""
        return self.run("sql", "--json", "-c", text, *args, **options).json

    def value(self, text, *args):
        """The one value of a query."""
        (row,) = self.sql(text, *args)
        (value,) = row.values()
        return value

    def tables(self):
        return {t["table"]: t for t in self.run("tables", "--json").json}

    def state(self):
        """All that must not change when a command is refused. (A load that fails late may have
        stored chunks; no commit names them, and gc takes them away.)"""
        return {
            "log": self.run("log", "--json").json,
            "tables": self.run("tables", "--json").json,
            "staging": [f for f in self.files("staging") if not f.endswith("lock")],
        }

    def files(self, folder):
        return sorted(str(p.relative_to(self.path)) for p in (self.path / folder).rglob("*")
                      if p.is_file())

    def chunk_bytes(self):
        return sum((self.path / p).stat().st_size for p in self.files("chunks"))

    def refused(self, *args, status=1, says=(), **options):
        """Run what must be refused: its status, its words, and a repository as it was."""
        before = self.state()
        result = self.run(*args, status=status, **options)
        assert result.err.strip(), "nothing was said"
        for word in [says] if isinstance(says, str) else says:
            assert word.lower() in result.err.lower(), f"{word!r} is not in: {result.err}"
        assert self.state() == before
        assert self.run("verify").status == 0
        return result


def need(program):
    """Skip the test where a program is not installed."""
    import pytest

    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
