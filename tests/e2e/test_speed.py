# SPDX-License-Identifier: Apache-2.0
"""Verbs that need no SQL start no DuckDB. (How long they take: bench/startup.)"""

import subprocess

import pytest
from arm import BIN, TRACED, environment, need

VERBS = [["tables"], ["versions", "orders"], ["schema", "orders"], ["log"], ["show", "main"],
         ["stats"], ["verify"], ["recover"]]


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: v[0])
def test_a_verb_without_sql_starts_no_engine(orders, verb):
    """DuckDB starts a thread for every other processor; none of these verbs starts one."""
    need("strace")
    probe = subprocess.run(["strace", "-f", "-qq", "-e", "trace=clone,clone3", BIN, "-C",
                            str(orders.path), *verb], capture_output=True, text=True, check=False,
                           env=environment(**TRACED))
    if "ptrace" in probe.stderr.lower():
        pytest.skip("strace may not trace here")
    clones = [line for line in probe.stderr.splitlines() if "clone" in line]
    assert len(clones) <= (1 if verb[0] == "verify" else 0), clones  # verify watches for Ctrl-C
