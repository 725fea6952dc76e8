# SPDX-License-Identifier: Apache-2.0
"""Random SQL answers as DuckDB's own tables do. tools/fuzz-sql runs the same for longer."""

import pytest
from arm import SANITIZED
from random_sql import report, run_seed

CASES = [(seed, 80, False) for seed in (1, 2, 3, 4)] + [(7, 25, True)]


@pytest.mark.parametrize("seed, steps, verify", CASES)
def test_random_sql_answers_as_on_duckdbs_own_tables(seed, steps, verify):
    if SANITIZED:
        pytest.skip("Python would have to be started with the sanitizer's library")
    found = run_seed(seed, steps, verify)
    assert not found["failures"], "\n" + report(found)
    assert found["queries"] > steps / 3
    assert found["refused"] < found["queries"] / 10, "statements are made to be run"
