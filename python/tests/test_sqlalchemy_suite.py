# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy's own tests of a dialect (sqlalchemy.testing.suite), in a process of their own: their
plugin would change how pytest collects all others. sqlalchemy_suite/ says what is left out of them,
and why. ARM_SQLALCHEMY_SUITE=all runs the many combinations of get_multi_... too."""

import os
import re
import subprocess
import sys
from pathlib import Path

import armillaria as arm

HERE = Path(__file__).parent / "sqlalchemy_suite"


def test_the_public_tests_pass(path):
    with arm.open(path, create=True) as db:
        db.sql("CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2")
    everything = os.environ.get("ARM_SQLALCHEMY_SUITE") == "all"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-p", "sqlalchemy.testing.plugin.pytestplugin", "--rootdir", str(HERE),
         "--dburi", f"armillaria:///{path}", "--tb=short",
         "-W", "ignore::armillaria.sqlalchemy.LeftOut",
         *([] if everything else ["-k", "not _multi_"]), str(HERE / "suite.py")],
        text=True, capture_output=True, check=False, timeout=1200, cwd=HERE,
        env={**os.environ, "PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}"})
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert passed and int(passed[1]) >= 700, done.stdout[-400:]
