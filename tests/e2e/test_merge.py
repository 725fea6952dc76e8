# SPDX-License-Identifier: Apache-2.0
"""Merges by SQL, case by case: what comes together, what cannot, and what is left as it was."""

import random
import signal
import subprocess
import time

import pytest
from arm import BIN, environment
from merging import conflicts, merge, merge_from, on, plain, repo, rows


def test_nothing_to_merge(repo):
    assert merge(repo)["tables"] == []
    assert [r["message"] for r in repo.run("log", "--json").json][0].startswith("INSERT")


def test_a_fast_forward_takes_the_versions_as_they_are(repo):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id = 1; CREATE TABLE u AS SELECT 1 AS a")
    row = merge(repo)
    assert row["fast_forward"] and row["tables"] == ["t", "u"]
    assert repo.tables()["t"]["version"] == 3 and repo.tables()["u"]["version"] == 1
    assert rows(repo)[1] == (1, "b", 1)
    assert merge(repo)["tables"] == []
    assert on(repo, "b", "MERGE BRANCH main")[0]["tables"] == []


def test_cells_of_one_row_are_mixed(repo):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id = 1")
    repo.sql("UPDATE t SET w = 100 WHERE id = 1")
    row = merge(repo)
    assert not row["fast_forward"] and row["conflicts"] == 0
    assert rows(repo)[1] == (1, "b", 100)


def test_a_merge_has_two_parents_and_is_a_base_of_the_next(repo):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id = 1")
    repo.sql("UPDATE t SET w = 100 WHERE id = 2")
    merge(repo)
    (commit,) = repo.run("log", "--json", "-n", "1").json
    assert len(commit["parents"]) == 2 and commit["message"] == "Merge 'b' into 'main'"
    repo.sql("UPDATE t SET v = 'main again' WHERE id = 1")
    on(repo, "b", "UPDATE t SET w = 7 WHERE id = 7")
    merge(repo)
    assert rows(repo)[1] == (1, "main again", 1) and rows(repo)[7] == (7, "v7", 7)


def test_tables_made_dropped_and_renamed(repo):
    repo.sql("CREATE TABLE gone AS SELECT 1 AS a; CREATE TABLE old AS SELECT 2 AS a;"
             "CREATE BRANCH c")
    on(repo, "c", "DROP TABLE gone; ALTER TABLE old RENAME TO fresh; CREATE VIEW made AS SELECT 3")
    repo.sql("CREATE TABLE own AS SELECT 4 AS a; INSERT INTO old VALUES (5)")
    (row,) = repo.sql("MERGE BRANCH c")
    assert sorted(row["tables"]) == ["fresh", "gone", "made"]
    assert set(repo.tables()) == {"t", "fresh", "own"}
    assert rows(repo, "SELECT a FROM fresh ORDER BY a") == [(2,), (5,)]
    assert rows(repo, "SELECT * FROM made") == [(3,)]


@pytest.mark.parametrize("ours, theirs, expected", [
    ("ALTER TABLE t ADD COLUMN x INTEGER DEFAULT 1", "ALTER TABLE t ADD COLUMN y INTEGER",
     ["id", "v", "w", "x", "y"]),
    ("ALTER TABLE t RENAME v TO value", "ALTER TABLE t DROP COLUMN w", ["id", "value"]),
    ("UPDATE t SET w = 0", "ALTER TABLE t ADD COLUMN y INTEGER DEFAULT 5", ["id", "v", "w", "y"]),
    ("ALTER TABLE t ADD COLUMN x INTEGER", "ALTER TABLE t ADD COLUMN x INTEGER",
     ["id", "v", "w", "x"]),
])
def test_columns_come_together(repo, ours, theirs, expected):
    on(repo, "b", theirs + "; INSERT INTO t BY NAME SELECT 20 AS id")
    repo.sql(ours + "; INSERT INTO t BY NAME SELECT 30 AS id")
    merge(repo)
    assert list(repo.sql("SELECT * FROM t WHERE id = 1")[0]) == expected
    assert repo.value("SELECT count(*) FROM t") == 12


def test_a_column_that_both_added_is_one(repo):
    on(repo, "b", "ALTER TABLE t ADD COLUMN x INTEGER; UPDATE t SET x = id WHERE id < 3")
    repo.sql("ALTER TABLE t ADD COLUMN x INTEGER; UPDATE t SET x = -id WHERE id > 7")
    merge(repo)
    assert [x for x, in rows(repo, "SELECT x FROM t ORDER BY id")] == [0, 1, 2] + 5 * [None] + [
        -8, -9]


@pytest.mark.parametrize("ours, theirs, said", [
    ("ALTER TABLE t RENAME v TO a", "ALTER TABLE t RENAME v TO b", "both sides changed its name"),
    ("ALTER TABLE t ADD COLUMN x INTEGER", "ALTER TABLE t ADD COLUMN x VARCHAR", "differently"),
    ("ALTER TABLE t DROP COLUMN v", "ALTER TABLE t RENAME v TO b", "dropped it"),
    ("ALTER TABLE t ALTER w TYPE VARCHAR USING 'x' || w", "INSERT INTO t VALUES (50, 'n', 1)",
     "anew in another type"),
    ("ALTER TABLE t RENAME TO one", "ALTER TABLE t RENAME TO other", "both sides renamed it"),
    ("DROP TABLE t", "UPDATE t SET w = 0 WHERE id = 1", "the target dropped it"),
    ("UPDATE t SET w = 0 WHERE id = 1", "DROP TABLE t", "the source dropped it"),
    ("CREATE TABLE n AS SELECT 1 AS a", "CREATE TABLE n AS SELECT 2 AS a", "not the same one"),
])
def test_what_a_table_as_a_whole_cannot_be(repo, ours, theirs, said):
    on(repo, "b", theirs)
    repo.sql(ours)
    before = repo.run("log", "--json").json
    result = repo.run("sql", "-c", "MERGE BRANCH b", status=None)
    assert result.status == 3 and said in result.err, result
    assert repo.run("log", "--json").json == before
    for strategy in ("ours", "theirs"):  # they decide rows, not tables
        assert repo.run("sql", "-c", f"MERGE BRANCH b STRATEGY {strategy}", status=None).status == 3


def test_tables_that_both_made_alike_are_no_conflict(repo):
    for branch in ("main", "b"):
        on(repo, branch, "CREATE TABLE n AS SELECT i AS a FROM range(20000) r(i)")
    on(repo, "b", "UPDATE t SET w = 0 WHERE id = 1")
    assert merge(repo)["tables"] == ["t"]


def test_every_kind_of_row_conflict(repo):
    on(repo, "b", "UPDATE t SET v = 'b', w = 50 WHERE id = 1; UPDATE t SET v = 'b' WHERE id = 2;"
       "DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (20, 'b', 1)")
    repo.sql("UPDATE t SET v = 'm' WHERE id = 1; DELETE FROM t WHERE id = 2;"
             "UPDATE t SET v = 'm' WHERE id = 3; INSERT INTO t VALUES (20, 'm', 1)")
    before = rows(repo)
    told = {row["kind"]: row for row in conflicts(repo)}
    assert sorted(told) == ["delete/update", "insert/insert", "update/delete", "update/update"]
    assert told["update/update"]["columns"] == ["v"]
    assert told["update/update"]["key"] == {"id": 1}
    assert told["update/update"]["theirs"] == {"id": 1, "v": "b", "w": 50}
    assert told["update/delete"]["theirs"] is None and told["insert/insert"]["base"] is None
    assert rows(repo) == before
    result = repo.run("sql", "-c", "MERGE BRANCH b", status=None)
    assert result.status == 3 and "4 conflicts" in result.err
    for strategy, expected in (("ours", [(1, "m", 50), (3, "m", 3), (20, "m", 1)]),
                               ("theirs", [(1, "b", 50), (2, "b", 2), (20, "b", 1)])):
        repo.sql(f"CREATE BRANCH try_{strategy}; USE BRANCH try_{strategy};"
                 f"MERGE BRANCH b STRATEGY {strategy}")
        assert rows(repo, "SELECT * FROM t WHERE id IN (1, 2, 3, 20) ORDER BY id",
                    f"try_{strategy}") == expected


@pytest.mark.parametrize("ways", [
    "UPDATE t SET v = 'both' WHERE id = 1",
    "UPDATE t SET v = v WHERE id = 1",
    "DELETE FROM t WHERE id = 1",
    "DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (1, 'new', 0)",
    "INSERT INTO t VALUES (1, 'put', 5) ON CONFLICT DO UPDATE SET v = excluded.v",
    "DROP TABLE t",
])
def test_a_conflict_is_resolved_by_writing_the_row(repo, ways):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id = 1")
    repo.sql("UPDATE t SET v = 'm' WHERE id = 1")
    refused = repo.run("sql", "-c", "BEGIN; MERGE BRANCH b; COMMIT", status=None)
    assert refused.status == 3 and "not resolved" in refused.err
    left = repo.sql(f"BEGIN; MERGE BRANCH b; {ways}; COMMIT; SELECT count(*) AS n FROM arm_log()")
    assert left[-1]["n"] >= 4
    assert merge(repo)["tables"] == []
    assert repo.run("verify", "--full").status == 0


def test_a_commit_that_is_refused_leaves_the_merge_open(repo):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id IN (1, 2)")
    repo.sql("UPDATE t SET v = 'm' WHERE id IN (1, 2)")
    shell = repo.run("sql", "-f", "-", stdin="BEGIN; MERGE BRANCH b; UPDATE t SET v = 'x' WHERE "
                     "id = 1; COMMIT;", status=None)
    assert shell.status == 3 and "1 of the merge's conflicts is not resolved" in shell.err
    assert rows(repo)[1] == (1, "m", 1)


def test_a_merge_is_the_first_change_of_its_transaction(repo):
    on(repo, "b", "UPDATE t SET v = 'b' WHERE id = 1")
    result = repo.run("sql", "-c", "BEGIN; DELETE FROM t WHERE id = 9; MERGE BRANCH b", status=None)
    assert result.status == 1 and "first change" in result.err
    result = repo.run("sql", "-c", "BEGIN; MERGE BRANCH b INTO main; MERGE BRANCH b", status=None)
    assert result.status == 1 and "merged already" in result.err
    repo.sql("BEGIN; MERGE BRANCH b; UPDATE t SET w = -1 WHERE id = 9; COMMIT")
    assert rows(repo)[1] == (1, "b", 1) and rows(repo)[9] == (9, "v9", -1)


def test_into_another_branch(repo):
    repo.sql("UPDATE t SET v = 'm' WHERE id = 1; MERGE BRANCH main INTO b")
    assert rows(repo, branch="b")[1] == (1, "m", 1)
    assert "no branch" in repo.run("sql", "-c", "MERGE BRANCH main INTO nowhere", status=None).err


def test_constraints_hold_of_what_is_merged(repo):
    repo.sql("CREATE TABLE k(id INTEGER PRIMARY KEY, u INTEGER UNIQUE, c INTEGER CHECK (c < 10));"
             "CREATE BRANCH d")
    on(repo, "d", "INSERT INTO k VALUES (1, 7, 1)")
    repo.sql("INSERT INTO k VALUES (2, 7, 1)")
    result = repo.run("sql", "-c", f"{repo.few} MERGE BRANCH d", status=None)
    assert result.status == 3 and "constraint" in result.err, result
    assert repo.sql("SELECT id FROM k") == [{"id": 2}]


def test_rows_without_a_key_are_told_by_their_ids(repo):
    repo.sql("CREATE TABLE n(a INTEGER, b INTEGER); INSERT INTO n VALUES (1, 1), (1, 1), (2, 2);"
             "CREATE BRANCH d")
    on(repo, "d", "UPDATE n SET b = 5 WHERE a = 2; INSERT INTO n VALUES (1, 1)")
    repo.sql("DELETE FROM n WHERE a = 1; INSERT INTO n VALUES (3, 3)")
    assert merge_from(repo, "d")["conflicts"] == 0
    assert rows(repo, "SELECT * FROM n ORDER BY a") == [(1, 1), (2, 5), (3, 3)]


@pytest.mark.parametrize("side", ["main", "b", "both"])
def test_upkeep_between_commutes(repo, side):
    repo.sql("INSERT INTO t SELECT i, 'n', i FROM range(100, 30000) r(i); CREATE BRANCH c")
    on(repo, "c", "UPDATE t SET v = 'c' WHERE id % 1000 = 0; DELETE FROM t WHERE id = 555")
    repo.sql("UPDATE t SET w = -1 WHERE id % 1500 = 0")
    for branch in ("main", "c"):
        if side in ("both", {"main": "main", "c": "b"}[branch]):
            repo.run("compact", "--branch", branch)
    assert merge_from(repo, "c")["conflicts"] == 0
    assert repo.value("SELECT count(*) FROM t WHERE v = 'c'") == 30
    assert repo.value("SELECT count(*) FROM t WHERE w = -1") == 20
    assert rows(repo, "SELECT v, w FROM t WHERE id = 3000") == [("c", -1)]
    assert repo.value("SELECT count(*) FROM t") == 10 + 29900 - 1
    assert repo.run("verify", "--full").status == 0


@pytest.mark.parametrize("key", ["", ", PRIMARY KEY (id)"])
@pytest.mark.parametrize("ways", [
    (),  # hot rows
    ("compact",),  # rows of chunks
    ("UPDATE m SET w = 0; DELETE FROM m WHERE id = 9", "compact"),  # which bring their ids
    ("ALTER TABLE m ADD COLUMN x INTEGER DEFAULT 7",),  # which lack a column
    ("compact", "ALTER TABLE m ADD COLUMN x INTEGER DEFAULT 7"),
])
def test_few_rows_wherever_they_stand(repo, key, ways):
    repo.sql(f"CREATE TABLE m(w INTEGER, id INTEGER, v VARCHAR{key});"
             "INSERT INTO m SELECT i, i, 'v' || i FROM range(20) r(i)")
    for way in ways:
        repo.run("compact") if way == "compact" else repo.sql(way)
    repo.run("branch", "create", "d")
    on(repo, "d", "UPDATE m SET v = 'd' WHERE id IN (1, 2, 3); DELETE FROM m WHERE id = 4;"
                  "INSERT INTO m (w, id, v) VALUES (1, 30, 'new')")
    repo.sql("UPDATE m SET w = -1 WHERE id IN (2, 3, 5); DELETE FROM m WHERE id = 6;"
             "UPDATE m SET v = 'd' WHERE id = 3")
    assert merge_from(repo, "d")["conflicts"] == 0
    found = {row["id"]: (row["w"], row["v"]) for row in repo.sql("SELECT id, w, v FROM m")}
    has_zeros = len(ways) == 2 and "UPDATE" in ways[0]
    assert found[1] == (0 if has_zeros else 1, "d") and found[2] == found[3] == (-1, "d")
    assert found[5] == (-1, "v5") and found[30] == (1, "new")
    assert not {4, 6} & set(found) and len(found) == 20 + 1 - 2 - has_zeros
    assert repo.run("verify", "--full").status == 0
    on(repo, "d", "UPDATE m SET v = 'again' WHERE id IN (1, 30)")
    assert merge_from(repo, "d")["conflicts"] == 0  # both are still known, by key or id
    assert repo.sql("SELECT id FROM m WHERE v = 'again' ORDER BY id") == [{"id": 1}, {"id": 30}]
    on(repo, "d", "MERGE BRANCH main; UPDATE m SET w = 99 WHERE id = 2")
    merge_from(repo, "d")
    assert repo.sql("SELECT w, v FROM m WHERE id = 2") == [{"w": 99, "v": "d"}]


# ---- Cells ----


def test_cells_of_every_type(repo):
    repo.sql("CREATE TABLE a AS SELECT * EXCLUDE (\"union\", geometry), 0 AS mine, 0 AS yours "
             "FROM test_all_types(); CREATE BRANCH d")
    on(repo, "d", "UPDATE a SET yours = 1; INSERT INTO a SELECT * REPLACE (2 AS yours) FROM a")
    repo.sql("UPDATE a SET mine = 1")
    assert merge_from(repo, "d")["conflicts"] == 0
    cells = "* EXCLUDE (mine, yours) FROM a"
    for one, other in [("WHERE yours = 1", "AT (VERSION => 1)"),
                       ("AT (VERSION => 1)", "WHERE yours = 1"),
                       ("WHERE yours = 2", "AT (VERSION => 1)")]:
        assert repo.sql(f"SELECT {cells} {one} EXCEPT ALL SELECT {cells} {other}") == []
    assert repo.sql("SELECT mine, yours, count(*) AS n FROM a GROUP BY ALL ORDER BY ALL") == [
        {"mine": 0, "yours": 2, "n": 3}, {"mine": 1, "yours": 1, "n": 3}]


def test_what_cells_are_equal(repo):
    """-0.0 is 0.0, a NaN a NaN, a day 24 hours, NULL itself: no change, and so no conflict."""
    repo.sql("CREATE TABLE e(id INTEGER PRIMARY KEY, d DOUBLE, i INTERVAL, l INTEGER[]);"
             "INSERT INTO e VALUES (1, 0.0, INTERVAL 24 HOURS, [NULL]), (2, 'nan', NULL, NULL);"
             "CREATE BRANCH d")
    on(repo, "d", "UPDATE e SET d = -0.0, i = INTERVAL 1 DAY WHERE id = 1;"
                  "UPDATE e SET d = -'nan'::DOUBLE, l = [1] WHERE id = 2")
    repo.sql("UPDATE e SET d = 1.5, i = INTERVAL 2 DAYS WHERE id = 1;"
             "UPDATE e SET d = 2.5 WHERE id = 2")
    assert merge_from(repo, "d")["conflicts"] == 0
    assert repo.sql("SELECT d, i::VARCHAR AS i, l FROM e ORDER BY id") == [
        {"d": 1.5, "i": "2 days", "l": [None]}, {"d": 2.5, "i": None, "l": [1]}]


def test_columns_of_two_branches_never_share_an_id(repo):
    """A column is its id: one that two branches gave at once would hold the other's values."""
    on(repo, "b", "ALTER TABLE t ADD COLUMN x INTEGER DEFAULT 1")
    repo.sql("ALTER TABLE t ADD COLUMN y VARCHAR DEFAULT 'y'; UPDATE t SET y = 'n' WHERE id = 0")
    merge(repo)
    assert rows(repo, "SELECT x, y FROM t WHERE id < 2 ORDER BY id") == [(1, "n"), (1, "y")]


def criss_cross(repo, ours, theirs):
    """Two merge bases, main's `ours` and b's `theirs`: each is merged into the other's branch."""
    repo.sql(f"{ours}; CREATE TAG m")
    on(repo, "b", f"{theirs}; CREATE TAG n")
    repo.sql("MERGE BRANCH n STRATEGY ours")
    on(repo, "b", "MERGE BRANCH m STRATEGY ours")


def test_two_merge_bases_count_together(repo):
    """With either of them alone, one of the two rows would be theirs again."""
    criss_cross(repo, "UPDATE t SET v = 'a' WHERE id = 1", "UPDATE t SET v = 'b' WHERE id = 2")
    repo.sql("UPDATE t SET v = 'v' || id WHERE id IN (1, 2)")
    assert merge(repo)["conflicts"] == 0
    assert rows(repo, "SELECT v FROM t WHERE id IN (1, 2) ORDER BY id") == [("v1",), ("v2",)]


def test_what_two_bases_resolved_differently_is_told_again(repo):
    criss_cross(repo, "UPDATE t SET v = 'a' WHERE id = 1", "UPDATE t SET v = 'b' WHERE id = 1")
    (told,) = conflicts(repo)
    assert told["kind"] == "update/update" and told["base"]["v"] == "v1"


@pytest.mark.parametrize("kind", ["update/delete", "delete/update"])
def test_a_row_of_two_bases_keeps_its_id(repo, kind):
    """One base updated it, the other deleted it: it counts as it was before, as the same row."""
    repo.sql("CREATE TABLE n(a INTEGER); INSERT INTO n VALUES (1), (2); MERGE BRANCH main INTO b")
    ways = ["UPDATE n SET a = 5 WHERE a = 1", "DELETE FROM n WHERE a = 1"]
    criss_cross(repo, *(ways if kind == "update/delete" else reversed(ways)))
    (told,) = conflicts(repo)
    assert told["kind"] == kind and told["base"]["a"] == 1


def test_bad_merges_say_why(repo):
    for text, said in (("MERGE BRANCH nowhere", "no branch or tag"),
                       ("MERGE BRANCH b STRATEGY best", "fail, ours and theirs"),
                       ("MERGE BRANCH", "expected"),
                       ("MERGE BRANCH b INTO", "expected")):
        result = repo.run("sql", "-c", text, status=None)
        assert result.status == 1 and said in result.err, result


def test_eight_processes_merge_into_one_branch(plain):
    """Each works on a branch of its own, takes in what main has, and merges into main."""
    writers, rounds = 8, 6
    for i in range(writers):
        plain.sql(f"CREATE BRANCH w{i}")
    scripts = []
    for i in range(writers):
        text = f"USE BRANCH w{i};"
        for k in range(rounds):
            text += (f"INSERT INTO t VALUES ({1000 * (i + 1) + k}, 'w{i}', {k});"
                     f"UPDATE t SET w = w + 1 WHERE id = {i};"
                     f"MERGE BRANCH main; MERGE BRANCH w{i} INTO main;")
        scripts.append(text)
    running = [subprocess.Popen([BIN, "-C", str(plain.path), "sql", "-q", "-c", text],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=environment()) for text in scripts]
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert plain.value("SELECT count(*) FROM t WHERE id >= 1000") == writers * rounds
    assert rows(plain, "SELECT w FROM t WHERE id < 8 ORDER BY id") == [
        (i + rounds,) for i in range(writers)]
    for i in range(writers):
        assert merge_of(plain, f"w{i}") == []
    assert plain.run("verify", "--full").status == 0


def test_killed_merges_leave_all_of_them_or_nothing(plain):
    """Both tables change on both sides; main is whole after every kill, and so is each version."""
    plain.sql("CREATE TABLE done(n INTEGER PRIMARY KEY); UPDATE t SET w = 0;"
             "MERGE BRANCH main INTO b")
    turn = ("USE BRANCH b; MERGE BRANCH main; BEGIN;"
            "UPDATE t SET w = w + 1 WHERE id = 1;"
            "INSERT INTO done SELECT coalesce(max(n), 0) + 1 FROM done WHERE n < 100000; COMMIT;"
            "USE BRANCH main; BEGIN; UPDATE t SET w = w + 1 WHERE id = 2;"
            "INSERT INTO done SELECT coalesce(max(n), 100000) + 1 FROM done WHERE n > 100000;"
            "COMMIT; MERGE BRANCH b;")
    seed, counts = random.Random(6), []
    for _ in range(12):
        process = subprocess.Popen([BIN, "-C", str(plain.path), "sql", "-q", "-c", turn * 200],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env=environment())
        time.sleep(seed.uniform(0.1, 1.0))
        process.kill()
        _, said = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, (process.returncode, said)
        assert rows(plain, AGREE) == [(True, True)]
        counts.append(plain.value("SELECT count(*) FROM done"))
    assert len(counts) == 12 and counts == sorted(counts) and counts[-1] > 20
    merges = [r for r in plain.run("log", "--json", "-n", "100000").json if len(r["parents"]) == 2]
    assert merges
    for at in sorted({r["tx"] for r in merges[:40]}):
        assert list(plain.sql(AGREE, "--at", f"tx:{at}")[0].values()) == [True, True]
    assert merge(plain)["conflicts"] == 0 and merge(plain)["tables"] == []
    assert plain.run("verify", "--full").status == 0


AGREE = ("SELECT (SELECT w FROM t WHERE id = 1) = count(*) FILTER (n < 100000),"
         " (SELECT w FROM t WHERE id = 2) = count(*) FILTER (n > 100000) FROM done")


def merge_of(repo, source):
    """The tables that a merge into main changes."""
    return repo.sql(f"MERGE BRANCH {source}")[0]["tables"]
