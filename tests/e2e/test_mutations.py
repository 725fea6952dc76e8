# SPDX-License-Identifier: Apache-2.0
"""The lists of tests/mutations fit the tree. (That the mutations are caught: `make mutations`.)"""

import re
import subprocess
import sys

import pytest
from arm import SOURCE

MUTATIONS_MIN = 45  # issue 4 asks for 30


def run(*arguments):
    return subprocess.run([sys.executable, SOURCE / "tools/mutations", *map(str, arguments)],
                          capture_output=True, text=True, check=False)


def test_every_mutation_applies_once_and_names_a_test_that_is_there():
    done = run("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    count = re.search(r"^(\d+) mutations, 0 problems$", done.stdout, re.M)
    assert int(count.group(1)) >= MUTATIONS_MIN


GOOD = """mutation a: the lock is not waited for
file src/commit/locks.c in arm__locks_share
-    ARM_TRY(lock(locks, living, ARM_LOCK_SHARED, true, err));
test test_commit_process test_process_openers_and_writers_take_turns
"""


@pytest.mark.parametrize("wrong, right, told", [
    ("living, ARM_LOCK_SHARED", "dying, ARM_LOCK_SHARED", "stands 0 times"),
    ("    ARM_TRY(lock(locks, living, ARM_LOCK_SHARED, true, err));", "ARM_TRY", "stands 2 times"),
    ("arm__locks_share", "arm__locks_shared", "defined 0 times"),
    ("src/commit/locks.c", "src/commit/lock.c", "there is no src/commit/lock.c"),
    ("test_commit_process ", "test_commit_proces ", "there is no test test_commit_proces"),
    ("_take_turns", "_take_turn", "has no case"),
    ("mutation a: the lock is not waited for", "mutation a", "says not what is broken"),
    ("file src", "fiel src", "what is `fiel"),
])
def test_what_does_not_fit_is_told(tmp_path, wrong, right, told):
    path = tmp_path / "list.txt"
    path.write_text(GOOD)
    assert run("--check", "--lists", tmp_path).returncode == 0
    path.write_text(GOOD.replace(wrong, right))
    done = run("--check", "--lists", tmp_path)
    assert done.returncode == 1 and told in done.stdout, done.stdout + done.stderr
