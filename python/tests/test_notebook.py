# SPDX-License-Identifier: Apache-2.0
"""What notebooks and terminals show: the magic, progress bars."""

import os
import pty
import re
import select
import subprocess
import sys
import textwrap
import time

import armillaria as arm
import pandas as pd
import pytest
from armillaria import _progress
from IPython.core.interactiveshell import InteractiveShell

SLOW = "SELECT sum(hash(i)) FROM range(3000000000) r(i)"


@pytest.fixture
def shell():
    made = InteractiveShell()
    made.run_line_magic("load_ext", "armillaria")
    yield made
    InteractiveShell.clear_instance()


def run(shell, line, cell=None):
    if cell is None:
        return shell.run_line_magic("armillaria", line)
    return shell.run_cell_magic("armillaria", line, cell)


def test_cells(shell, path):
    with pytest.raises(arm.InvalidArgument, match="no repository is open"):
        run(shell, "", "SELECT 1")
    db = run(shell, f"{path} --create")
    assert isinstance(db, arm.Database)
    run(shell, "-m first", "CREATE TABLE t AS SELECT 1 AS a")
    assert db.log()[0].message == "first"
    shell.user_ns["frame"] = pd.DataFrame({"a": [1, 2]})
    assert run(shell, "", "SELECT count(*) FROM t JOIN frame USING (a)").fetchone() == (1,)
    assert run(shell, "-o kept", "SELECT a FROM t") is None
    assert shell.user_ns["kept"].fetchall() == [(1,)]
    assert run(shell, "", "SELECT a FROM kept").fetchall() == [(1,)]
    db.branches.create("b")
    run(shell, "--branch b", "DELETE FROM t")
    assert run(shell, "-b b", "SELECT count(*) FROM t").fetchone() == (0,)
    assert run(shell, "--at main", "SELECT count(*) FROM t").fetchone() == (1,)
    db.close()


def test_a_variable_is_the_repository(shell, orders):
    shell.user_ns["db"] = orders
    assert run(shell, "", "SELECT count(*) FROM orders").fetchone() == (3,)
    assert run(shell, "db", "SELECT count(*) FROM orders").fetchone() == (3,)


@pytest.mark.parametrize("line", ["--nothere", "-b", "a b c", "/nothere/at/all", "'"])
def test_wrong_lines(shell, line):
    with pytest.raises((arm.Error, ValueError)):
        run(shell, line, "SELECT 1")


def test_results_are_tables(shell, orders):
    shell.user_ns["db"] = orders
    result = run(shell, "", "SELECT * FROM orders")
    told = shell.display_formatter.format(result)[0]
    assert "<table" in told["text/html"] and "│" in told["text/plain"]


# ---- Bars ----

def in_terminal(code, timeout=60):
    """What a program writes on its terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdin=child,
                               stdout=subprocess.PIPE, stderr=child)
    os.close(child)
    text, end = b"", time.time() + timeout
    while process.poll() is None and time.time() < end:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                text += os.read(parent, 4096)
            except OSError:
                break
    process.wait(timeout=10)
    os.close(parent)
    return text.decode(errors="replace"), process.returncode


PROGRAM = """
    import armillaria as arm, sys
    with arm.open({path!r}, create=True) as db:
        try:
            db.sql({sql!r}, timeout=5)
        except arm.Interrupted:
            pass
    """


SCAN = "SELECT count(*) FROM big a JOIN big b ON hash(a.i) % 1000 = hash(b.i) % 1000"


def test_a_bar_on_the_terminal(path):
    with arm.open(path, create=True) as db:
        db.sql("CREATE TABLE big AS SELECT range i FROM range(3000000)")
    text, status = in_terminal(PROGRAM.format(path=path, sql=SCAN))
    assert status == 0
    assert re.search(r"\d+% SQL \(\d+ s", text), text
    assert text.endswith("\r\x1b[K")  # it is taken away


def test_how_long_is_told_where_how_far_is_not_known(path):
    text, status = in_terminal(PROGRAM.format(path=path, sql=SLOW))
    assert status == 0
    assert re.search(r"SQL \(\d+ s\)", text) and text.endswith("\r\x1b[K"), text


def test_no_bar_for_what_is_quick(path):
    text, status = in_terminal(PROGRAM.format(path=path, sql="SELECT 1"))
    assert (text, status) == ("", 0)


def test_no_bar_where_nobody_looks(path):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(
        PROGRAM.format(path=path, sql=SLOW))], text=True, capture_output=True, check=False,
        timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_where(monkeypatch):
    monkeypatch.setenv("ARMILLARIA_PROGRESS", "off")
    assert _progress.where() == ""


def test_in_a_notebook(monkeypatch):
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html.data)

    def display(html, display_id):
        shown.append(html.data)
        return Handle()

    import IPython.display
    monkeypatch.setattr(_progress, "DELAY_S", 0.0)
    monkeypatch.setattr(_progress, "_STEP_S", 0.0)
    monkeypatch.setattr(_progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    with _progress.calls("verify") as tell:
        tell(1, 4)
        tell(3, 4)
    assert "value='0.250'" in shown[0] and "75%" in shown[1] and shown[-1] == ""


def test_verify_and_gc_tell(orders, monkeypatch):
    told = []
    monkeypatch.setattr(_progress, "where", lambda: "terminal")
    monkeypatch.setattr(_progress.Bar, "tell", lambda self, part: told.append(part))
    assert orders.verify(full=True)
    orders.gc(dry_run=True)
    assert told and all(0 <= part <= 1 for part in told)


def test_what_a_bar_raises_is_told(orders, monkeypatch):
    monkeypatch.setattr(_progress, "where", lambda: "terminal")
    monkeypatch.setattr(_progress.Bar, "tell", lambda self, part: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        orders.verify(full=True)
    monkeypatch.undo()
    assert orders.verify(full=True)
