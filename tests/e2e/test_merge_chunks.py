# SPDX-License-Identifier: Apache-2.0
"""Merges of what a branch loaded, which comes as it stands; and several merges at once, which must
bring rows once."""

import random
import subprocess

import pytest
from arm import BIN, environment
from library import ArmError, Session
from merging import conflicts, merge, on, plain, rows

LOAD = "INSERT INTO t SELECT i, 'b' || i, i FROM range({}, {}) r(i)"


def stored_by_last(repo):
    shown = repo.run("show", "main", "--json").json
    return sum(change["bytes_added"] for change in shown["changes"])


def loaded(repo, ours="UPDATE t SET v = 'm' WHERE id = 7", theirs=""):
    on(repo, "b", f"{LOAD.format(10000, 30000)}; {theirs}")
    repo.sql(ours)


def test_chunks_come_as_they_stand(plain):
    loaded(plain, theirs="UPDATE t SET v = 'b' WHERE id = 5")
    assert merge(plain)["conflicts"] == 0
    assert stored_by_last(plain) < 200  # the row that was updated, no chunk
    assert rows(plain, "SELECT count(*), count(DISTINCT id) FROM t") == [(20010, 20010)]
    assert rows(plain, "SELECT v FROM t WHERE id IN (5, 7, 29999) ORDER BY id") == [
        ("b",), ("m",), ("b29999",)]
    assert "duplicate key" in plain.run("sql", "-c", "INSERT INTO t VALUES (20000, 'x', 0)",
                                        status=1).err
    plain.sql("UPDATE t SET w = 1 WHERE id = 20000; DELETE FROM t WHERE id = 20001")
    on(plain, "b", "UPDATE t SET v = 'later' WHERE id = 20000")
    assert merge(plain)["conflicts"] == 0
    assert rows(plain, "SELECT v, w FROM t WHERE id IN (20000, 20001)") == [("later", 1)]
    plain.run("compact")
    assert plain.run("verify", "--full").status == 0


def test_chunks_of_a_table_without_a_key(plain):
    plain.sql("CREATE TABLE n(i INTEGER)")
    on(plain, "b", "MERGE BRANCH main; INSERT INTO n SELECT range FROM range(50000, 70000)")
    plain.sql("INSERT INTO n VALUES (1), (2)")
    assert merge(plain)["conflicts"] == 0 and stored_by_last(plain) == 0
    assert rows(plain, "SELECT count(*), sum(i) FROM n") == [(20002, sum(range(50000, 70000)) + 3)]
    on(plain, "b", "DELETE FROM n WHERE i % 2 = 0")
    assert merge(plain)["conflicts"] == 0  # the rows are known by the ids that they brought
    assert plain.value("SELECT count(*) FROM n") == 10002


def test_a_chunk_that_was_picked_before_comes_once(plain):
    plain.sql("CREATE TABLE n(i INTEGER); INSERT INTO n VALUES (1); MERGE BRANCH main INTO b")
    on(plain, "b", "INSERT INTO n SELECT range FROM range(20000)")
    plain.sql("UPDATE n SET i = -1")
    plain.run("cherry-pick", "b")
    on(plain, "b", "INSERT INTO n VALUES (7)")
    assert merge(plain)["conflicts"] == 0
    assert plain.value("SELECT count(*) FROM n") == 20002


@pytest.mark.parametrize("ours, theirs, kinds", [
    ("INSERT INTO t VALUES (10005, 'm', 0)", "", ["insert/insert"]),
    (LOAD.format(29999, 45000), "", []),  # one row is the same
    ("DELETE FROM t WHERE id = 3", "DELETE FROM t WHERE id = 10003", []),  # a dead row in it
    ("UPDATE t SET v = 'm' WHERE id = 3", "DELETE FROM t WHERE id = 3", ["update/delete"]),
])
def test_rows_of_chunks_that_meet_others(plain, ours, theirs, kinds):
    loaded(plain, ours, theirs)
    assert [told["kind"] for told in conflicts(plain)] == kinds
    merge(plain, "STRATEGY theirs")
    assert plain.value("SELECT count(*) - count(DISTINCT id) FROM t") == 0
    assert plain.value("SELECT count(*) FROM t WHERE v = 'b' || id AND id >= 10000") >= 19999
    assert plain.run("verify", "--full").status == 0


def test_chunks_and_unique_values(plain):
    plain.sql("CREATE TABLE u(k INTEGER PRIMARY KEY, c INTEGER UNIQUE);"
              "INSERT INTO u VALUES (1, 1); MERGE BRANCH main INTO b")
    on(plain, "b", "DELETE FROM u; INSERT INTO u SELECT i + 10, i FROM range(20000) r(i)")
    plain.sql("INSERT INTO u VALUES (2, -2)")
    assert merge(plain)["conflicts"] == 0  # what had the value went
    assert plain.value("SELECT count(*) FROM u") == 20001
    on(plain, "b", "INSERT INTO u SELECT i + 50000, i FROM range(20000, 40000) r(i)")
    plain.sql("INSERT INTO u VALUES (3, 20007)")
    told = plain.run("sql", "-c", "MERGE BRANCH b", status=3)
    assert "constraint" in told.err
    assert plain.value("SELECT count(*) FROM u") == 20002


def test_chunks_in_a_merge_that_is_open(plain):
    loaded(plain, "UPDATE t SET v = 'm' WHERE id = 5", "UPDATE t SET v = 'b' WHERE id = 5")
    found = plain.sql("BEGIN; MERGE BRANCH b; UPDATE t SET v = 'both' WHERE id = 5;"
                      "UPDATE t SET v = 'here' WHERE id = 20000; DELETE FROM t WHERE id = 20001;"
                      "COMMIT; SELECT count(*) AS n FROM t")
    assert found[-1] == {"n": 20009}
    assert rows(plain, "SELECT v FROM t WHERE id IN (5, 20000, 20001)") == [("both",), ("here",)]
    assert plain.run("verify", "--full").status == 0


@pytest.mark.parametrize("seed", range(4))
def test_bulk_histories(plain, seed):
    """What theirs changed since the base is as theirs has it, all else as ours: one statement says
    so of the whole table, and the merge found it by chunks and rows."""
    dice = random.Random(seed)

    def change(side):
        first, size = dice.randrange(90000), dice.choice((1, 20, 3000, 15000))
        return dice.choice([
            f"INSERT INTO t SELECT i, '{side}', i FROM range({first}, {first + size}) r(i) "
            "ON CONFLICT DO NOTHING",
            f"INSERT INTO t SELECT i, '{side}', i FROM range({first}, {first + size}) r(i) "
            "WHERE i NOT IN (SELECT id FROM t)",
            f"UPDATE t SET v = '{side}', w = -w WHERE id BETWEEN {first} AND {first + size}",
            f"DELETE FROM t WHERE id BETWEEN {first} AND {first + size}"])

    plain.sql("INSERT INTO t SELECT i, 'base', i FROM range(20000, 40000) r(i)")
    for turn in range(5):
        on(plain, "b", f"MERGE BRANCH main; CREATE TAG from{turn}")
        for side in ("main", "b"):
            for _ in range(dice.randrange(1, 4)):
                on(plain, side, change(f"{side}{turn}"))
            if dice.random() < 0.3:
                plain.run("compact", "--branch", side)
        plain.run("tag", "create", f"ours{turn}", "main")
        merge(plain, "STRATEGY theirs")
        base, ours = (f"(SELECT t AS {name[0]}, id FROM t AT (VERSION => '{name}{turn}')) "
                      for name in ("from", "ours"))
        expected = (
            "SELECT x.* FROM (SELECT CASE WHEN f IS DISTINCT FROM b THEN b ELSE o END AS x "
            f"FROM {base} FULL JOIN (SELECT t AS b, id FROM t AT (VERSION => 'b')) USING (id) "
            f"FULL JOIN {ours} USING (id)) WHERE x IS NOT NULL")
        for one, other in ((expected, "SELECT * FROM t"), ("SELECT * FROM t", expected)):
            assert plain.sql(f"SELECT * FROM (({one}) EXCEPT ALL ({other})) LIMIT 5") == []
    assert plain.run("verify", "--full").status == 0


# ---- At once ----


@pytest.mark.parametrize("count", [10, 20000])
def test_rows_that_two_merges_bring_come_once(plain, count):
    """No key tells that both took the same rows: the later one is refused, and finds them."""
    plain.sql("CREATE TABLE n(i INTEGER); INSERT INTO n VALUES (0); MERGE BRANCH main INTO b")
    on(plain, "b", f"INSERT INTO n SELECT range FROM range({count})")
    plain.sql("INSERT INTO n VALUES (-1)")
    first, second = (Session(plain.path) for _ in range(2))
    for session in (first, second):
        session.rows("BEGIN")
        session.rows("MERGE BRANCH b")
    first.rows("COMMIT")
    with pytest.raises(ArmError, match="may have come twice"):
        second.rows("COMMIT")
    assert second.rows("MERGE BRANCH b")[0][2] == "[]"
    for session in (first, second):
        session.close()
    assert plain.value("SELECT count(*) FROM n") == count + 2


def test_eight_processes_merge_the_same_branch(plain):
    plain.sql("CREATE TABLE n(i INTEGER); INSERT INTO n VALUES (0); MERGE BRANCH main INTO b")
    for turn in range(4):
        on(plain, "b", f"INSERT INTO n SELECT range FROM range({(10, 20000)[turn % 2]})")
        plain.sql("INSERT INTO n VALUES (-1)")
        before = plain.value("SELECT count(*) FROM n")
        merges = [subprocess.Popen([BIN, "-C", str(plain.path), "merge", "b"], env=environment(),
                                   stdout=subprocess.DEVNULL) for _ in range(8)]
        assert [process.wait(timeout=120) for process in merges] == [0] * 8
        assert plain.value("SELECT count(*) FROM n") == before + (10, 20000)[turn % 2]
    assert plain.run("verify", "--full").status == 0


def test_a_writer_meets_a_version_that_is_no_descendant(plain):
    """Entries of two branches stand at one position: whose deletion it is, only descent tells."""
    plain.sql("INSERT INTO t VALUES (100, 'm', 0), (101, 'm', 0)")
    on(plain, "b", "INSERT INTO t SELECT i, 'b', 0 FROM range(200, 205) r(i);"
                   "DELETE FROM t WHERE id = 203; MERGE BRANCH main")
    writer = Session(plain.path)
    writer.rows("BEGIN")
    writer.rows("DELETE FROM t WHERE id = 100")
    assert merge(plain)["fast_forward"]
    with pytest.raises(ArmError, match="not its ancestor"):
        writer.rows("COMMIT")
    writer.rows("DELETE FROM t WHERE id = 100")
    writer.close()
    assert plain.value("SELECT count(*) FROM t") == 15
