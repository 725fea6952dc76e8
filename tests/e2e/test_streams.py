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


# ---- Full ----


def test_a_full_device_for_the_answer_does_not_undo_the_commit(orders, tmp_path):
    """The report is lost; what was committed is, and is said to be."""
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    writes = [["import", "t", file], ["sql", "-c", "DELETE FROM orders WHERE id = 2"],
              ["sql", "-c", "INSERT INTO orders VALUES (9, 'eve', 1.5); FROM range(100000)"],
              ["sql", "--json", "-c", "INSERT INTO orders VALUES (10, 'x', 1)", "-o", "/dev/full"],
              ["sql", "-c", "DELETE FROM orders", "--format", "arrow"]]
    for args in writes:
        txs = len(orders.run("log", "--json").json)
        done = shell('"$@" >/dev/full', BIN, "-C", orders.path, *args)
        assert done.returncode == 1 and "cannot write" in done.stderr
        (newest, *rest) = orders.run("log", "--json").json
        assert len(rest) == txs
        assert f"the change was made (tx {newest['tx']})" in done.stderr
        assert "nothing was changed" not in done.stderr
    done = shell('"$@" >/dev/full', BIN, "init", tmp_path / "new")
    assert done.returncode == 1 and "the change was made" in done.stderr


def test_a_full_device_is_not_the_repositorys(orders):
    for args in (["sql", "-c", "SELECT 1"], ["sql", "-c", "FROM range(100000)"], ["tables"],
                 ["log"], ["verify"], ["--help"], ["sql", "-c", "SELECT 1", "-o", "/dev/full",
                                                    "--format", "csv"]):
        done = shell('"$@" >/dev/full', BIN, "-C", orders.path, *args)
        assert done.returncode == 1 and "No space left" in done.stderr
        assert "hint" not in done.stderr
