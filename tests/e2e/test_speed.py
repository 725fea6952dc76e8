# SPDX-License-Identifier: Apache-2.0
"""Verbs that need no SQL start no DuckDB and answer within 20 ms."""

import os
import subprocess
import time

import pytest
from arm import BIN, SANITIZED, environment, need

BUDGET_MS = 20
VERBS = [["tables"], ["versions", "orders"], ["schema", "orders"], ["log"], ["show", "main"],
         ["stats"]]


def best_ms(args, runs=15):
    """The quickest of some runs: the one the machine left alone."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([BIN, *args], stdout=subprocess.DEVNULL, check=True, env=environment())
        times.append((time.perf_counter() - start) * 1000)
    return min(times)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's start takes longer than that")
@pytest.mark.parametrize("verb", VERBS, ids=lambda v: v[0])
def test_a_verb_without_sql_answers_within_the_budget(orders, verb):
    took = best_ms(["-C", str(orders.path), *verb])
    if took > BUDGET_MS and os.getloadavg()[0] > 0.75 * os.cpu_count():
        start = best_ms(["--version"])  # loading the libraries, DuckDB's above all
        pytest.skip(f"the machine is busy: {took:.1f} ms, of them {start:.1f} to load the library")
    assert took <= BUDGET_MS


@pytest.mark.parametrize("verb", VERBS + [["verify"], ["recover"]], ids=lambda v: v[0])
def test_a_verb_without_sql_starts_no_engine(orders, verb):
    """DuckDB starts a thread for every other processor; none of these verbs starts one."""
    need("strace")
    probe = subprocess.run(["strace", "-f", "-qq", "-e", "trace=clone,clone3", BIN, "-C",
                            str(orders.path), *verb], capture_output=True, text=True, check=False,
                           env=environment())
    if "ptrace" in probe.stderr.lower():
        pytest.skip("strace may not trace here")
    clones = [line for line in probe.stderr.splitlines() if "clone" in line]
    assert len(clones) <= (1 if verb[0] == "verify" else 0), clones  # verify watches for Ctrl-C
