# SPDX-License-Identifier: Apache-2.0
"""The three standard streams: closed, full, idle."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from arm import BIN, environment
from terminal import Terminal


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


# ---- Idle ----


def wait_until_watched(process):
    """Until the command catches signals itself; then long enough for it to wait for input."""
    bit = 1 << (signal.SIGTERM - 1)
    status = Path(f"/proc/{process.pid}/status")
    end = time.monotonic() + 30
    while int(status.read_text().split("SigBlk:")[1].split()[0], 16) & bit == 0:
        assert time.monotonic() < end, "it does not watch for signals"
        time.sleep(0.01)
    time.sleep(0.5)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("args", [["import", "t", "-", "--format", "csv"], ["sql"],
                                  ["import", "t", "FIFO"], ["sql", "-f", "FIFO"]])
def test_a_signal_ends_the_wait_for_input(orders, tmp_path, args, number, status):
    before = orders.state()
    os.mkfifo(tmp_path / "fifo")
    args = [str(tmp_path / "fifo") if a == "FIFO" else a for a in args]
    process = subprocess.Popen([BIN, "-C", str(orders.path), *args], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=environment(TMPDIR=str(tmp_path)))
    process.stdin.write("a,b\n1,2\n")
    process.stdin.flush()
    wait_until_watched(process)
    process.send_signal(number)
    assert process.wait(timeout=30) == status
    _, err = process.communicate()
    assert "interrupted" in err
    assert orders.state() == before
    assert not list(tmp_path.glob("armillaria-*"))


def test_a_killed_import_leaves_no_copy_of_its_input(orders, tmp_path):
    process = subprocess.Popen([BIN, "-C", str(orders.path), "import", "t", "-", "--format", "csv"],
                               stdin=subprocess.PIPE, env=environment(TMPDIR=str(tmp_path)))
    process.stdin.write(b"a\n" + b"1\n" * 1_000_000)
    wait_until_watched(process)
    process.kill()
    process.communicate()
    assert [f for f in orders.files("staging") if "lock" not in f and "lease" not in f] == []
    assert not list(tmp_path.glob("armillaria-*"))


@pytest.mark.parametrize("args, typed", [
    (["import", "t", "-", "--format", "csv"], "a\n1\n"),
    (["sql", "-f", "-"], "CREATE TABLE t AS SELECT 1 AS a;\n")])
def test_one_ctrl_d_ends_what_is_typed(repo, args, typed):
    terminal = Terminal("-C", repo.path, *args)
    terminal.send(typed + "\x04")
    assert terminal.end() == 0
    assert repo.sql("SELECT a FROM t") == [{"a": 1}]


def test_pipes_are_files_to_an_import(repo, tmp_path):
    pipes = r'<(printf "a\n1\n") <(printf "a\n2\n")'
    done = shell(f'"$@" {pipes}', BIN, "-C", repo.path, "import", "t")
    assert done.returncode == 0
    assert repo.sql("SELECT a FROM t ORDER BY a") == [{"a": 1}, {"a": 2}]
    assert repo.tables()["t"]["version"] == 1


@pytest.mark.parametrize("path, name", [("-", "standard input"), ("/dev/stdin", "/dev/stdin"),
                                        ("/dev/null", "/dev/null")])
@pytest.mark.parametrize("form", ["csv", "parquet", "json", "arrow"])
def test_an_empty_pipe_is_told_by_its_name(repo, path, name, form):
    result = repo.refused("import", "t", path, "--format", form, says=f"{name} is empty")
    assert "/proc/" not in result.err and "staging" not in result.err
