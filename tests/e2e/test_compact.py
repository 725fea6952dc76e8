# SPDX-License-Identifier: Apache-2.0
"""compact: what it says, and that nobody else notices it, in other processes."""

import subprocess
import threading

import pytest
from arm import BIN, Repo, environment, run
from held import Held


@pytest.fixture
def small(tmp_path):
    """A table of many small pieces, updated and deleted from."""
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t AS SELECT i AS id, 'row ' || i AS text, NULL::HUGEINT AS big "
             "FROM range(10) s(i)")
    for i in range(1, 8):
        repo.sql(f"INSERT INTO t SELECT i, 'row ' || i, i::HUGEINT << 70 "
                 f"FROM range({i * 10}, {i * 10 + 10}) s(i)")
    repo.sql("UPDATE t SET text = 'new ' || id WHERE id % 7 = 0")
    repo.sql("DELETE FROM t WHERE id % 5 = 0")
    return repo


def rows(repo, version):
    return repo.sql(f"SELECT * FROM t AT (VERSION => {version})")


def test_compact_changes_nothing_that_is_read(small):
    versions = small.run("versions", "t", "--json").json
    before = {v["version"]: rows(small, v["version"]) for v in versions}
    log = small.run("log", "--json").json
    result = small.run("compact", "--json").json
    assert result["tables"] == 1 and result["given_up"] == 0
    assert result["entries_removed"] == 9 and result["entries_added"] == 1
    assert result["rows"] == result["hot_rows_flushed"] == 64
    assert result["dead_rows"] == 28 and result["bytes_added"] > 0
    assert small.run("versions", "t", "--json").json == versions
    assert small.run("log", "--json").json == log
    for version, was in before.items():
        assert rows(small, version) == was
    assert small.run("verify", "--full").status == 0
    assert small.run("compact", "--json").json["tables"] == 0
    small.sql("UPDATE t SET text = 'again' WHERE id = 7")
    assert small.value("SELECT text FROM t WHERE id = 7") == "again"
    assert small.value("SELECT count(*) FROM t") == 64
    assert small.run("verify", "--full").status == 0


def test_compact_says_what_it_did(small):
    said = small.run("compact", "t").out
    assert "1 table" in said and "64 rows" in said and "28 deleted rows" in said
    assert "nothing to do" in small.run("compact").out
    assert small.run("compact", "-q").out == ""


def test_compact_of_one_table_leaves_the_others(small):
    small.sql("CREATE TABLE other AS SELECT 1 AS a")
    assert small.run("compact", "other", "--json").json["rows"] == 1
    assert small.run("compact", "--json").json["rows"] == 64
    small.refused("compact", "nosuch", says="nosuch")
    assert small.run("compact", "t", "other", status=2).err


def test_compact_on_a_branch_that_is_not_there(small):
    small.refused("compact", "--branch", "nosuch", says="nosuch")


def test_stats_count_what_compaction_stored(small):
    before = small.run("stats", "--json").json["tables"][0]
    added = small.run("compact", "--json").json["bytes_added"]
    after = small.run("stats", "--json").json["tables"][0]
    assert after["stored_bytes"] == before["stored_bytes"] + added
    assert after["logical_bytes"] == before["logical_bytes"]


def test_compact_survives_the_loss_of_the_index(small):
    small.run("compact")
    was = small.sql("SELECT * FROM t")
    for name in ("data.mdb", "trust"):
        (small.path / "index" / name).unlink(missing_ok=True)
    assert small.sql("SELECT * FROM t") == was
    assert small.run("verify", "--full").status == 0


def test_types_of_all_kinds_come_through(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t AS SELECT * EXCLUDE (\"union\", geometry) FROM test_all_types()")
    repo.sql("INSERT INTO t SELECT * FROM t")
    repo.sql("INSERT INTO t SELECT * FROM t LIMIT 1")
    was = repo.sql("SELECT * FROM t")
    assert repo.run("compact", "--json").json["entries_added"] == 1
    assert repo.sql("SELECT * FROM t") == was
    assert repo.run("verify", "--full").status == 0


def test_columns_by_odd_names(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql('CREATE TABLE t ("_row_id" BIGINT, "file_row_number" INTEGER, "a "" b" TEXT)')
    for i in range(4):
        repo.sql(f"INSERT INTO t VALUES ({i}, {i}, '{i}')")
    repo.sql("DELETE FROM t WHERE _row_id = 2")
    was = repo.sql("SELECT * FROM t")
    assert repo.run("compact", "--json").json["rows"] == 3
    repo.sql("INSERT INTO t VALUES (9, 9, '9')")
    assert repo.run("compact", "--json").json["rows"] == 4
    assert repo.sql("SELECT * FROM t") == was + [
        {"_row_id": 9, "file_row_number": 9, 'a " b': "9"}]


def test_no_statement_of_another_process_fails(tmp_path):
    """Four processes update, delete and insert, each its own rows, statement by statement, while
    another compacts: all of them succeed, and the table is what they made of it."""
    repo = Repo(tmp_path / "r")
    count = 60
    repo.sql("CREATE TABLE t AS SELECT w, i, 0 AS n FROM range(4) a(w), range(50) b(i)")
    scripts = []
    for w in range(4):
        lines = []
        for i in range(count):
            lines.append(f"UPDATE t SET n = n + 1 WHERE w = {w} AND i = {i % 50};")
            lines.append(f"INSERT INTO t VALUES ({w}, {100 + i}, {i});")
            if i % 3 == 0:
                lines.append(f"DELETE FROM t WHERE w = {w} AND i = {100 + i // 2};")
        path = tmp_path / f"{w}.sql"
        path.write_text("\n".join(lines))
        scripts.append(path)
    writers = [subprocess.Popen([BIN, "-C", repo.path, "sql", "-q", "-f", path],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=environment()) for path in scripts]
    compactions = []
    done = threading.Event()

    def compact():
        while not done.is_set():
            compactions.append(run("-C", repo.path, "compact", "--json").json)

    thread = threading.Thread(target=compact)
    thread.start()
    said = [w.communicate()[1] for w in writers]
    done.set()
    thread.join()
    assert [w.returncode for w in writers] == [0] * 4, said
    assert sum(c["tables"] for c in compactions) > 0
    dead = len({100 + i // 2 for i in range(0, count, 3)})
    for w in range(4):
        (row,) = repo.sql(f"SELECT count(*) AS c, sum(n) FILTER (i < 50) AS n FROM t WHERE w = {w}")
        assert row == {"c": 50 + count - dead, "n": count}
    repo.run("compact")
    assert repo.value("SELECT count(*) FROM t") == 4 * (50 + count - dead)
    assert repo.run("verify", "--full").status == 0


def test_a_transaction_open_meanwhile_commits(tmp_path):
    """A process holds a transaction open over a compaction and other writers' commits."""
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t AS SELECT i AS id, 0 AS n FROM range(20) s(i)")
    with Held(repo, "BEGIN; UPDATE t SET n = 1 WHERE id = 3; DELETE FROM t WHERE id = 4",
              "SELECT count(*) AS c FROM t; COMMIT") as held:
        repo.sql("DELETE FROM t WHERE id < 3")
        repo.sql("INSERT INTO t VALUES (30, 0)")
        assert repo.run("compact", "--json").json["tables"] == 1
        repo.sql("UPDATE t SET n = 2 WHERE id = 30")
        assert '"c":19' in held.go_on().out.replace(" ", "")
    assert repo.sql("SELECT id, n FROM t WHERE n > 0 ORDER BY id") == [
        {"id": 3, "n": 1}, {"id": 30, "n": 2}]
    assert repo.value("SELECT count(*) FROM t") == 17
    assert repo.run("verify", "--full").status == 0
