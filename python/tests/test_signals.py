# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, the GIL, death in the middle, and memory that must not grow."""

import gc
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time

import armillaria as arm
import pandas  # noqa: F401  # Ctrl-C in the middle of an import would leave half of it behind
import pyarrow  # noqa: F401
import pytest

SLOW = "SELECT count(*) FROM range(100000000) a, range(100000) b"


def interrupt_soon(seconds=0.3):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("call", [
    lambda db: db.sql(SLOW),
    lambda db: db.sql("SELECT i FROM range(100000000000) r(i)").fetchall(),
    lambda db: db.sql("SELECT i FROM range(100000000000) r(i)").arrow(),
    lambda db: db.sql("SELECT i FROM range(100000000000) r(i)").reader().read_all(),
    lambda db: db.write("t", db.sql("SELECT i FROM range(100000000000) r(i)")),
    lambda db: next(db.subscribe()),
    lambda db: db.subscribe().next(timeout=100),
    lambda db: db.subscribe().poll(timeout=100),
])
def test_ctrl_c(db, call):
    timer = interrupt_soon()
    begun = time.time()
    with pytest.raises(KeyboardInterrupt):
        call(db)
    timer.join()
    assert time.time() - begun < 60
    assert db.sql("SELECT 1").fetchone() == (1,) and db.tables() == []


def test_a_handler_of_ones_own(db):
    seen = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        timer = interrupt_soon()
        with pytest.raises(arm.Interrupted):
            db.sql(SLOW)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        timer = interrupt_soon(0.1)
        assert db.sql("SELECT count(*) FROM range(20000000)").fetchone() == (20_000_000,)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupt_by_another_thread(db):
    timer = threading.Timer(0.3, db.interrupt)
    timer.start()
    with pytest.raises(arm.Interrupted):
        db.sql(SLOW)
    timer.join()


def test_the_gil_is_released(db):
    """A thread that counts goes on while a statement, a write and a wait last."""
    db.write("t", {"a": list(range(1000))})
    for call in (lambda: db.sql("SELECT sum(hash(i)) FROM range(200000000) r(i)", timeout=1.0),
                 lambda: db.subscribe().next(timeout=0.5)):
        steps, stop = [0], threading.Event()

        def work(steps=steps, stop=stop):
            while not stop.is_set():
                steps[0] += 1

        thread = threading.Thread(target=work)
        thread.start()
        try:
            call()
        except arm.Interrupted:
            pass
        stop.set()
        thread.join()
        assert steps[0] > 10_000


def test_killed_in_the_middle(path):
    with arm.open(path, create=True) as db:
        db.write("t", {"a": [0]})
    code = textwrap.dedent(f"""
        import armillaria as arm
        db = arm.open({path!r})
        print("ready", flush=True)
        number = 0
        while True:
            number += 1
            with db.transaction() as tx:
                tx.sql("INSERT INTO t VALUES (?)", [number])
                tx.sql("INSERT INTO t VALUES (?)", [-number])
            print(number, flush=True)
        """)
    last = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.4)
        process.kill()
        told = [int(line) for line in process.stdout.read().split()]
        process.wait()
        with arm.open(path) as db:
            assert db.verify(full=True)
            most, least, total = db.sql("SELECT max(a), min(a), sum(a) FROM t").fetchone()
            assert most == -least and total == 0 and most >= max(told, default=0)
            last = max(last, most)
            db.sql("DELETE FROM t WHERE a <> 0")
    assert last > 0


def grown(work, times):
    """Bytes that the process has more after a call was made so many times."""
    for _ in range(times // 10):
        work()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(times):
        work()
    gc.collect()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def failing(db):
    with pytest.raises(arm.SqlError):
        db.sql("SELECT * FROM nothere")
    with pytest.raises(arm.NotFound):
        db.branches.get("nowhere")


LEAKS = {
    "result": (lambda db: db.sql("SELECT 1 AS a, 'x' AS b").fetchall(), 5000),
    "parameters": (lambda db: db.sql("SELECT ?", ["x" * 1000]).fetchone(), 5000),
    "failure": (failing, 2000),
    "listing": (lambda db: db.tables(), 5000),
    "arrow": (lambda db: db.sql("SELECT i FROM range(3000) r(i)").arrow(), 3000),
    "dicts": (lambda db: db.sql("SELECT i, 's' || i AS s FROM range(300) r(i)").dicts(), 2000),
    "feed": (lambda db: db.subscribe(since=0).stop(), 3000),
    "values": (lambda db: db.sql("SELECT [i], {a: uuid()}, 1.5::DECIMAL(9,2), now() "
                                 "FROM range(50) r(i)").fetchall(), 2000),
    "build": (lambda db: arm._core.build(["a", "b"], [list(range(300)), ["x" * 50] * 300]), 5000),
}


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""),
                    reason="the sanitizer keeps what is freed")
@pytest.mark.parametrize("name", LEAKS)
def test_memory_does_not_grow(orders, name):
    """ARM_LEAK_CALLS=100000 for the long run."""
    work, times = LEAKS[name]
    times = int(os.environ.get("ARM_LEAK_CALLS", times))
    assert grown(lambda: work(orders), times) < 24 * 2**20
