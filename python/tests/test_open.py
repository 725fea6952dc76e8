# SPDX-License-Identifier: Apache-2.0
"""Handles: opening, closing, copies of them in threads and processes."""

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading

import armillaria as arm
import pytest


def test_create_and_open(path):
    with pytest.raises(arm.NotARepository, match="repo"):
        arm.open(path)
    with arm.open(path, create=True) as db:
        db.write("t", {"a": [1]})
        assert db.branch == "main" and db.path == os.path.realpath(path) and not db.closed
        assert "main" in repr(db) and path in repr(db)
    assert db.closed and repr(db) == "<Database: closed>"
    with arm.connect(path, create=True) as db:
        assert len(db.table("t")) == 1
    with pytest.raises(arm.NotFound):
        arm.open(path, branch="nowhere")


def test_the_branch_of_the_environment(path, monkeypatch):
    with arm.open(path, create=True) as db:
        db.branches.create("b")
        monkeypatch.setenv("ARMILLARIA_BRANCH", "b")
        with arm.open(path) as other:
            assert other.branch == "b"
        with arm.open(path, branch="main") as other:
            assert other.branch == "main"
        monkeypatch.setenv("ARMILLARIA_BRANCH", "")
        with arm.open(path) as other:
            assert other.branch == "main"


def test_read_only(path):
    with arm.open(path, create=True) as db:
        db.write("t", {"a": [1]})
    with arm.open(path, read_only=True) as db:
        assert len(db.table("t")) == 1
        for call in (lambda: db.write("u", {"a": [1]}), lambda: db.sql("DELETE FROM t"),
                     lambda: db.branches.create("b"), lambda: db.tags.create("v1")):
            with pytest.raises(arm.ReadOnly):
                call()


def test_a_closed_handle(path):
    db = arm.open(path, create=True)
    db.write("t", {"a": [1]})
    table, subscription = db.table("t"), db.subscribe(since=0)
    transaction = db.transaction()
    db.close()
    db.close()
    for call in (lambda: db.sql("SELECT 1"), lambda: db.write("u", {"a": [1]}), db.tables,
                 db.latest_tx, db.log, db.cursor, db.stats, db.verify, db.gc, lambda: db.branch,
                 lambda: db.transaction(), lambda: db.subscribe(), lambda: pickle.dumps(db),
                 lambda: db.branches.list(), lambda: db.checkout("main"), table.dicts,
                 lambda: db.sql("SELECT 1", branch="main"), transaction.__enter__,
                 lambda: db.diff("main", "main"), lambda: db.merge("main")):
        with pytest.raises(arm.Closed):
            call()
    subscription.stop()
    assert "closed" in db._repr_html_()
    with pytest.raises(arm.Closed):
        with db:
            db.sql("SELECT 1")


def test_two_handles_are_two_sessions(path):
    with arm.open(path, create=True) as a, arm.open(path) as b:
        a.sql("BEGIN; CREATE TABLE t AS SELECT 1 AS a")
        assert b.tables() == []
        a.sql("COMMIT")
        assert b.tables() == ["t"]
        b.branches.create("b")
        b.checkout("b")
        assert a.branch == "main" and b.branch == "b"


def test_cursors(db):
    db.write("t", {"a": [1]})
    with db.cursor() as other:
        other.sql("BEGIN; DELETE FROM t")
        assert len(db.table("t")) == 1
        other.sql("ROLLBACK")
        assert other.path == db.path and other.branch == db.branch
    assert not db.closed and len(db.table("t")) == 1


def test_what_is_not_closed_ends_quietly(path):
    code = """
        import armillaria as arm
        db = arm.open({path!r}, create=True)
        db.write("t", {{"a": list(range(300000))}})
        result, reader = db.sql("SELECT * FROM t"), db.sql("SELECT * FROM t").reader()
        result.fetchone(), reader.read_next_batch()
        subscription = db.subscribe(since=0)
        next(subscription)
        running = db.subscribe(since=0).start_background(lambda event: None)
        transaction = db.transaction().__enter__()
        transaction.sql("DELETE FROM t")
        cycle = [db]
        cycle.append(cycle)
        db.sql("BEGIN; DELETE FROM t")
        """.format(path=path)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], text=True,
                          capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with arm.open(path) as db:
        assert len(db.table("t")) == 300000 and db.verify(full=True)


def test_garbage(path):
    for _ in range(20):
        db = arm.open(path, create=True)
        db.sql("SELECT i FROM range(5000) r(i)").fetchone()
        del db
    gc.collect()
    with arm.open(path) as db:
        assert db.sql("SELECT 1").fetchone() == (1,)


# ---- Processes ----

def test_pickle(orders):
    orders.branches.create("b")
    orders.checkout("b")
    again = pickle.loads(pickle.dumps(orders))
    assert again.branch == "b" and len(again.table("orders")) == 3
    again.close()
    copied = copy.copy(orders)
    assert copied.branch == "b"
    copied.close()
    assert not orders.closed


def test_pickled_records(orders):
    for thing in (orders.log()[0], orders.tables()[0], orders.versions("orders")[0],
                  orders.changes()[0], orders.branches.get("main"), orders.stats()):
        assert pickle.loads(pickle.dumps(thing)) == thing


def count(db):
    """In a worker."""
    return len(db.table("orders"))


def insert(arguments):
    """In a worker."""
    db, number = arguments
    with db.cursor() as own:
        return own.sql("INSERT INTO orders VALUES (?, 1)", [number]).fetchone()[0]


def test_workers(orders):
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert pool.map(count, [orders, orders]) == [3, 3]
        assert sum(pool.map(insert, [(orders, n) for n in range(10, 20)])) == 10
    assert len(orders.table("orders")) == 13


def test_a_forked_child_opens_anew(orders):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        told = b"nothing"
        try:
            try:
                orders.sql("SELECT 1")
            except arm.Forked:
                told = b"forked"
            with arm.open(orders.path) as again:
                again.sql("DELETE FROM orders WHERE id = 1")
                told += b" %d" % len(again.table("orders"))
        finally:
            os.write(write, told)
            os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 100) == b"forked 2"
    os.close(read)
    assert len(orders.table("orders")) == 2


def test_a_second_copy_of_the_library(orders):
    code = f"""
        import ctypes, glob, os, shutil, sys
        import armillaria as arm
        db = arm.open({orders.path!r})
        source = os.path.dirname(arm.__file__)
        target = sys.argv[1]
        shutil.copytree(source, os.path.join(target, "armillaria"))
        here = glob.glob(os.path.join(target, "armillaria", "lib", "libarmillaria*"))[0]
        other = ctypes.CDLL(here)
        handle = ctypes.c_void_p()
        err = ctypes.create_string_buffer(4096)
        print(other.arm_repo_open({orders.path!r}.encode(), None, ctypes.byref(handle), err))
        print(db.sql("SELECT 1").fetchone())
        """
    folder = os.path.join(os.path.dirname(orders.path), "copy")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), folder], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.stdout.split("\n")[:2] == ["15", "(1,)"], done.stderr  # ARM_BUSY


# ---- Threads ----

def test_one_handle_in_many_threads(orders):
    errors = []

    def work(number):
        try:
            for i in range(20):
                orders.sql("INSERT INTO orders VALUES (?, ?)", [1000 * number + i, i])
                assert orders.sql("SELECT count(*) FROM orders").fetchone()[0] > 3
        except Exception as error:  # told below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(orders.table("orders")) == 163


def test_one_result_in_many_threads(db):
    result = db.sql("SELECT i, uuid() AS u, i::DECIMAL(9,2) AS d FROM range(20000) r(i)")
    seen = []

    def read():
        seen.append([row["i"] for row in result.dicts()] == list(range(20000)))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 6
