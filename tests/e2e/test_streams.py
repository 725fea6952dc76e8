# SPDX-License-Identifier: Apache-2.0
"""The three standard streams: closed, full, idle."""

import subprocess

import pytest
from arm import BIN, environment


def shell(line, *args, **options):
    """Run a line of bash, in which "$@" is `args`."""
    return subprocess.run(["bash", "-c", line, "bash", *map(str, args)], capture_output=True,
                          text=True, check=False, timeout=60, env=environment(), **options)


# ---- Closed ----


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "<&-", ">&-", "2>&-"])
def test_closed_streams_are_not_the_repositorys_files(orders, tmp_path, closed):
    """A message written to descriptor 2 would go into the log that took its number."""
    before = orders.state()
    done = shell(f'"$@" {closed}', BIN, "-C", orders.path, "import", "orders", tmp_path / "no.csv")
    assert done.returncode == 1
    done = shell(f'"$@" {closed}', BIN, "-C", orders.path, "sql", "-c", "SELECT nosuch FROM orders")
    assert done.returncode == 1
    assert orders.state() == before
    done = shell(f'"$@" {closed}', BIN, "-C", orders.path, "sql", "-c", "DELETE FROM orders")
    assert done.returncode == 0
    assert orders.tables()["orders"]["rows"] == 0
    assert orders.run("verify", "--full").status == 0
