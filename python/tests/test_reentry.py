# SPDX-License-Identifier: Apache-2.0
"""What a call asks of Python comes back with another call; and a fork in the middle of one."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading

import armillaria as arm
import pyarrow as pa
import pytest

SCHEMA = pa.schema([("a", pa.int64())])
SLOW = "SELECT count(*) FROM range(100000000) a, range(100000) b"


def stream(work, batches=60, rows=2048):
    """Batches, between which something is done, by whichever thread asks for them."""
    def make():
        for i in range(batches):
            work(i)
            yield pa.record_batch([pa.array(range(rows), pa.int64())], schema=SCHEMA)
    return pa.RecordBatchReader.from_batches(SCHEMA, make())


def run(code, timeout=60, **values):
    """A program of its own, which must end; what it printed."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code).format(**values)], text=True,
                          capture_output=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


READS = [
    lambda db, rows: db.write("t", rows),
    lambda db, rows: db.sql("SELECT sum(a) FROM rows").fetchall(),
    lambda db, rows: db.sql("SELECT * FROM rows").fetchall(),
    lambda db, rows: db.sql("CREATE TABLE t AS SELECT * FROM rows ORDER BY a"),
]


@pytest.mark.parametrize("read", READS)
def test_rows_that_use_the_handle_that_reads_them(db, read):
    """Refused, in whichever thread the rows are asked for, and not waited for."""
    told = []

    def work(i):
        try:
            db.sql("SELECT 1").fetchone()
        except arm.Error as error:
            told.append(str(error))
            raise

    with pytest.raises(arm.Error, match="in use by a call that waits for this very one"):
        read(db, stream(work))
    assert "use another cursor" in told[0]
    assert db.sql("SELECT 1").fetchone() == (1,) and db.tables() == []


class Mine(Exception):
    """What no library knows."""


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("at", [0, 30])
def test_what_the_maker_of_rows_raises_is_raised(db, read, at):
    def work(i):
        if i == at:
            raise Mine("of their own")

    with pytest.raises(Mine, match="of their own") as told:
        read(db, stream(work))
    assert any(frame.name == "work" for frame in told.traceback)
    assert db.sql("SELECT 1").fetchone() == (1,) and db.tables() == []
    with pytest.raises(arm.SqlError):  # and not again
        db.sql("SELECT nothing")


def test_rows_that_use_another_cursor(db):
    db.write("seen", {"n": [0]})
    other = db.cursor()
    db.write("t", stream(lambda i: other.sql("INSERT INTO seen VALUES (?)", [i])))
    assert len(db.table("seen")) == 61 and len(db.table("t")) == 60 * 2048


def test_ctrl_c_while_rows_wait_for_a_thread_that_waits_for_the_handle(db):
    """Theirs is the deadlock; Ctrl-C ends it."""
    threads = []

    def ask():
        with contextlib.suppress(arm.Interrupted):  # it may also go on when the handle is free
            db.sql("SELECT 1")

    def work(i):
        threads.append(threading.Thread(target=ask))
        threads[-1].start()
        threads[-1].join()

    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        db.write("t", stream(work, batches=100_000))
    timer.join()
    threads[0].join()
    assert db.sql("SELECT 1").fetchone() == (1,) and db.tables() == []


def test_fetch_by_threads_gives_each_row_once(db):
    result = db.sql("SELECT i FROM range(30000) r(i)")
    seen = [[] for _ in range(4)]

    def fetch(rows):
        while some := result.fetchmany(7):
            rows.extend(row[0] for row in some)

    threads = [threading.Thread(target=fetch, args=(rows,)) for rows in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(seen, [])) == list(range(30000))
    assert all(rows == sorted(rows) for rows in seen)


FORK = """
    import armillaria as arm, os, sys, threading, time
    db = arm.open({path!r})
    kept = db.sql("SELECT i FROM range(100000) r(i)")
    kept.fetchone()
    feed = db.subscribe()
    branches = db.branches
    busy = threading.Event()
    def work():
        busy.set()
        try:
            {work}
        except arm.Interrupted:
            pass
    thread = threading.Thread(target=work)
    thread.start()
    busy.wait()
    time.sleep(0.3)
    child = os.fork()
    if child == 0:
        told = []
        for call in (lambda: db.sql("SELECT 1"), db.tables, db.latest_tx, branches.list,
                     kept.fetchone, kept.arrow, kept.df, feed.poll, db.verify,
                     lambda: db.write("t", dict(a=[1]), mode="append"),
                     lambda: db.transaction().__enter__()):
            try:
                call()
            except arm.Forked:
                told.append("forked")
            except BaseException as error:
                told.append(type(error).__name__)
        db.interrupt()
        told.append(repr(db)[:9])
        feed.stop()
        db.close()
        with arm.open({path!r}) as again:
            told.append(str(len(again.table("t"))))
        print(*told, flush=True)
        del db, kept, feed, branches
        sys.exit(0)  # with all that an interpreter does at its end
    assert os.waitpid(child, 0)[1] == 0
    db.interrupt()
    feed.stop()
    thread.join()
    """


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""),
                    reason="GCC 12's AddressSanitizer leaves its own locks held in the child")
@pytest.mark.parametrize("work", [f"db.sql({SLOW!r})", "db.subscribe().next(timeout=3)",
                                  "feed.next(timeout=3)", "kept.fetchall()"])
def test_forked_while_a_thread_is_in_a_call(path, work):
    with arm.open(path, create=True) as db:
        db.write("t", {"a": [1, 2, 3]})
    assert run(FORK, path=path, work=work) == ["forked"] * 11 + ["<Database", "3"]


def test_ctrl_c_in_a_child_forked_in_a_call(path):
    """The helper thread is not there, and is made anew."""
    code = """
        import armillaria as arm, os, signal, sys, threading, time
        db = arm.open({path!r}, create=True)
        child = []
        def rows():
            import pyarrow as pa
            for i in range(3):
                if i == 1:
                    child.append(os.fork())
                    if child[0] == 0:
                        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
                        again = arm.open({path!r})
                        try:
                            again.sql({slow!r})
                        except KeyboardInterrupt:
                            print("interrupted", flush=True)
                        os._exit(0)
                yield pa.record_batch([pa.array([1])], names=["a"])
        import pyarrow as pa
        db.write("t", pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), rows()))
        assert os.waitpid(child[0], 0)[1] == 0
        print(len(db.table("t")))
        """
    assert run(code, path=path, slow=SLOW) == ["interrupted", "3"]
