# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/, run as their readers would."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(os.environ["ARM_SOURCE_DIR"]) / "examples"
FLIGHTS = Path(os.environ["ARM_DEPS"]) / "data" / "nycflights13" / "flights.csv"


def run(name, *arguments):
    done = subprocess.run([sys.executable, str(EXAMPLES / name), *map(str, arguments)], text=True,
                          capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_changelog_demo(path):
    out = run("changelog_demo.py", path)
    assert "batch: 62 now, 30 at version 1" in out
    assert out.count("is in the totals") == 4 and "background: heard of tx" in out
    assert "the totals have 4 of" in out


def test_clean_data(path):
    out = run("clean_data.py", path, FLIGHTS)
    assert "clean/drop: 606 rows gone, 0 changed" in out
    assert "clean/fill: 0 rows gone, 606 changed" in out
    assert "refused:" in out and "main has 26398 flights, raw has 27004" in out


def test_train_model(path):
    out = run("train_model.py", path, FLIGHTS)
    assert "january's model was made twice, the same" in out and out.count("january ") >= 2


def test_first_interface(path):
    out = run("first_interface.py", path)
    assert "modified: ['readings'] unchanged: ['raw']" in out
    assert "the late one is refused: aborted" in out and "transactions in order: True" in out
    assert "warmest now: 22.0" in out and "warmest then: 71.6" in out
    assert "since then: fix ['readings']" in out and "healthy: True" in out


def test_they_say_how_they_are_called():
    for name in ("changelog_demo.py", "clean_data.py", "first_interface.py", "train_model.py"):
        done = subprocess.run([sys.executable, str(EXAMPLES / name)], text=True,
                              capture_output=True, check=False, timeout=60)
        assert done.returncode == 1 and f"usage: {name}" in done.stderr
