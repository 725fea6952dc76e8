# SPDX-License-Identifier: Apache-2.0
"""gc: what it says and takes, and that no other process ever misses a chunk because of it."""

import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
from arm import BIN, Repo, environment, run
from held import Held

ROWS = "SELECT i AS id, 'row ' || i AS text FROM range({}, {}) s(i)"
MANY = 12000  # enough for a chunk


@pytest.fixture
def littered(tmp_path):
    """A table in a chunk, and chunks that two transactions left which were rolled back."""
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, MANY)}")
    for i in (1, 2):
        repo.sql(f"BEGIN; INSERT INTO t {ROWS.format(i * MANY, (i + 1) * MANY)}; ROLLBACK")
    assert len(repo.files("chunks")) == 3
    return repo


def gc(repo, *args):
    return repo.run("gc", "--json", *args).json


def test_gc_takes_what_was_rolled_back(littered):
    was = littered.sql("SELECT count(*), sum(id) FROM t")
    size = littered.chunk_bytes()
    dry = gc(littered, "--dry-run", "--grace", "0")
    assert dry["dry_run"] is True and dry["chunks"] == 2 and 0 < dry["chunk_bytes"] < size
    assert littered.chunk_bytes() == size
    said = gc(littered, "--grace", "0")
    assert said == {**dry, "dry_run": False}
    assert littered.chunk_bytes() == size - said["chunk_bytes"]
    assert littered.sql("SELECT count(*), sum(id) FROM t") == was
    assert littered.run("verify", "--full").status == 0
    assert gc(littered, "--grace", "0")["chunks"] == 0


def test_gc_says_what_it_did(littered):
    assert "nothing to remove; 2 chunks are too young" in littered.run("gc").out
    assert "would remove 2 chunks" in littered.run("gc", "--dry-run", "--grace=0").out
    assert littered.run("gc", "--grace=0", "-q").out == ""
    assert littered.run("gc", "--grace=0").out == "nothing to remove\n"
    for wrong in ("-1", "x", "1.5", ""):
        assert "--grace" in littered.run("gc", f"--grace={wrong}", status=2).err
    assert littered.run("gc", "t", status=2).err
    for wrong in ("-1", "x", "1.5", ""):
        assert "--keep-days" in littered.run("gc", f"--keep-days={wrong}", status=2).err


def test_gc_waits_an_hour(littered):
    for path in littered.files("chunks"):
        os.utime(littered.path / path, (time.time() - 3500,) * 2)
    assert gc(littered) == {"dry_run": False, "chunks": 0, "chunk_bytes": 0, "key_runs": 0,
                            "key_run_bytes": 0, "young": 2, "leased": 0, "pinned": 0,
                            "history_from": None}
    for path in littered.files("chunks"):
        os.utime(littered.path / path, (time.time() - 3700,) * 2)
    said = gc(littered)
    assert said["chunks"] == 2 and said["young"] == 0
    assert littered.run("verify", "--full").status == 0


def test_gc_keeps_every_version(tmp_path):
    """Also what only an old version, or a record in a chunk of its own needs; but not the chunk
    that a compaction has put another in the place of."""
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, MANY)}")
    repo.sql(f"INSERT INTO t {ROWS.format(MANY, 2 * MANY)}")
    repo.sql("DELETE FROM t WHERE id % 3 = 0")
    repo.sql("UPDATE t SET text = 'x' WHERE id = 1")
    assert repo.run("compact", "--json").json["entries_added"] == 1
    repo.sql("CREATE OR REPLACE TABLE t AS SELECT 1 AS id, '' AS text")
    repo.sql("INSERT INTO t VALUES (2, '')", "-m", "w" * 100000)
    repo.sql("DROP TABLE t")
    sums = [repo.value(f"SELECT sum(id) FROM t AT (VERSION => {v})") for v in range(1, 7)]
    assert gc(repo, "--grace", "0")["chunks"] == 0  # layouts of versions 1 to 3 have them all
    assert gc(repo)["history_from"] is None
    assert [repo.value(f"SELECT sum(id) FROM t AT (VERSION => {v})") for v in range(1, 7)] == sums
    assert repo.run("verify", "--full").status == 0


def test_gc_makes_compaction_give_space_back(tmp_path):
    """No version is lost: all of them read what is in the new chunk."""
    repo = Repo(tmp_path / "r")
    repo.sql("BEGIN; CREATE TABLE t (id BIGINT, text VARCHAR); "
             f"INSERT INTO t {ROWS.format(0, MANY)}; INSERT INTO t {ROWS.format(MANY, 2 * MANY)}; "
             "COMMIT")
    repo.sql("INSERT INTO t VALUES (-1, '')")
    before = repo.sql("SELECT count(*), sum(id), max(text) FROM t AT (VERSION => 1)")
    assert repo.run("compact", "--json").json["entries_added"] == 1
    assert gc(repo, "--grace", "0")["chunks"] == 0  # version 1 has the two, and was not compacted
    repo.run("gc", "--keep-days", "0", "--grace", "0")
    assert len(repo.files("chunks")) == 1
    other = Repo(tmp_path / "s")
    other.sql("BEGIN; CREATE TABLE t (id BIGINT, text VARCHAR); "
              f"INSERT INTO t {ROWS.format(0, MANY)}; INSERT INTO t {ROWS.format(MANY, 2 * MANY)}; "
              "COMMIT")
    other.run("compact")
    assert features(other) & 8 == 0 and len(other.files("chunks")) == 3
    dry = gc(other, "--grace", "0", "--dry-run")
    assert dry["chunks"] == 2 and dry["history_from"] is None and features(other) & 8 == 0
    assert gc(other, "--grace", "0") == {**dry, "dry_run": False}
    assert features(other) & 8 == 8 and len(other.files("chunks")) == 1
    assert other.sql("SELECT count(*), sum(id), max(text) FROM t AT (VERSION => 1)") == before
    assert other.run("verify", "--full").status == 0
    os.remove(other.path / other.files("chunks")[0])
    assert other.run("verify", status=4).out.count("chunk ") == 1  # that one is missed


def features(repo):
    """What older programs must know, by FORMAT."""
    (line,) = re.findall(r"^incompatible ([0-9a-f]+)$", (repo.path / "FORMAT").read_text(), re.M)
    return int(line, 16)


def test_gc_takes_key_runs_without_a_chunk(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, text VARCHAR)")
    repo.sql(f"INSERT INTO t {ROWS.format(0, MANY)}")
    repo.sql(f"BEGIN; INSERT INTO t {ROWS.format(MANY, 2 * MANY)}; ROLLBACK")
    keys = repo.files("index/keys")
    assert len(keys) == 2
    (repo.path / "index" / "keys" / f"{'0' * 64}.{'1' * 32}.new").write_bytes(b"half")
    (repo.path / "index" / "keys" / "README").write_bytes(b"of somebody else")
    assert gc(repo)["key_runs"] == 0
    dry = gc(repo, "--grace", "0", "--dry-run")
    assert dry["chunks"] == 1 and dry["key_runs"] == 2 and dry["key_run_bytes"] > 12 * MANY
    assert gc(repo, "--grace", "0") == {**dry, "dry_run": False}
    left = repo.files("index/keys")
    assert len(left) == 2 and left[0] == "index/keys/README" and left[1] in keys
    assert "duplicate" in repo.run("sql", "-c", "INSERT INTO t VALUES (7, '')",
                                   status=1).err.lower()


def test_gc_leaves_alone_what_a_running_transaction_wrote(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, 10)}")
    insert = f"BEGIN; INSERT INTO t {ROWS.format(MANY, 2 * MANY)}"
    with Held(repo, insert, "COMMIT") as held:
        said = gc(repo, "--grace", "0")
        assert said["chunks"] == 0 and said["leased"] == 1
        held.go_on()
    assert repo.value("SELECT count(*) FROM t") == MANY + 10
    assert gc(repo, "--grace", "0")["leased"] == 0
    insert = f"BEGIN; INSERT INTO t {ROWS.format(2 * MANY, 3 * MANY)}"
    with Held(repo, insert, "COMMIT") as held:
        held.kill()
        assert gc(repo, "--grace", "0")["chunks"] == 1
    assert repo.value("SELECT count(*) FROM t") == MANY + 10
    assert repo.run("verify", "--full").status == 0


def test_gc_of_a_damaged_log_removes_nothing(littered):
    segment = littered.path / "log" / "0000000000000000.seg"
    bytes_ = bytearray(segment.read_bytes())
    bytes_[4096 + 200] ^= 1
    segment.write_bytes(bytes_)
    files = littered.files("chunks")
    littered.run("gc", "--grace", "0", status=None)
    assert littered.files("chunks") == files


def start(repo, *args):
    return subprocess.Popen([BIN, "-C", repo.path, *args], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment())


def test_nobody_misses_a_chunk(tmp_path):
    """Three processes load, update and roll back, one compacts, two run gc without grace, all the
    time; and one is killed again and again in the middle of what it does."""
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, 100)}")
    scripts = []
    for w in range(3):
        lines = []
        for i in range(16):
            first = (w * 100 + i + 1) * 1000000
            lines.append(f"BEGIN; INSERT INTO t {ROWS.format(first, first + MANY)}; ROLLBACK;")
            lines.append(f"INSERT INTO t {ROWS.format(first, first + MANY)};")
            lines.append(f"INSERT INTO t VALUES ({-first}, '');")
            lines.append(f"DELETE FROM t WHERE id BETWEEN {first} AND {first + 1999};")
            lines.append(f"SELECT count(*) FROM t WHERE id >= {first} AND id < {first + MANY};")
        path = tmp_path / f"{w}.sql"
        path.write_text("\n".join(lines))
        scripts.append(path)
    done = threading.Event()
    said = {"gc": [], "compact": [], "killed": 0}
    wrong = []

    def again(verb, *args):
        while not done.is_set():
            result = run("-C", repo.path, verb, "--json", *args, status=None)
            if result.status != 0:
                wrong.append((verb, result.err))
                return
            said[verb].append(result.json)

    unfinished = (f"BEGIN; INSERT INTO t {ROWS.format(10 ** 12, 10 ** 12 + MANY)}; "
                  "SELECT count(*) FROM t, t u, t v; ROLLBACK")

    def kill():
        rng = random.Random(1)
        while not done.is_set():
            what = rng.choice([("gc", "--grace", "0"), ("compact",), ("sql", "-c", unfinished)])
            process = start(repo, *what)
            time.sleep(rng.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            said["killed"] += 1

    threads = [threading.Thread(target=again, args=("gc", "--grace", "0")) for _ in range(2)]
    threads += [threading.Thread(target=again, args=("compact",)), threading.Thread(target=kill)]
    writers = [start(repo, "sql", "--json", "-f", path) for path in scripts]
    for thread in threads:
        thread.start()
    results = [w.communicate() for w in writers]
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and [w.returncode for w in writers] == [0] * 3, (wrong, results)
    for out, _ in results:
        assert re.findall(r'"count_star\(\)":(\d+)', out) == [str(MANY - 2000)] * 16
    assert sum(g["chunks"] for g in said["gc"]) > 0 and said["killed"] > 3
    assert repo.value("SELECT count(*) FROM t") == 100 + 48 * (MANY - 2000 + 1)
    assert repo.run("verify", "--full").status == 0
    gc(repo, "--grace", "0")
    assert gc(repo, "--grace", "0")["chunks"] == 0
    for version in repo.run("versions", "t", "--json").json:
        count = repo.value(f"SELECT count(*) FROM t AT (VERSION => {version['version']})")
        assert count == version["rows"]
