# SPDX-License-Identifier: Apache-2.0
"""revert, cherry-pick and restore: new commits that undo, repeat and bring back."""

import pytest
from arm import Repo


@pytest.fixture
def repo(tmp_path):
    """Table t (id, v): tx 2 makes it, 3 fills it, 4 changes row 1, 5 deletes row 2."""
    made = Repo(tmp_path / "r")
    made.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, v VARCHAR);"
             "INSERT INTO t SELECT i, 'v' || i FROM range(5) r(i);"
             "UPDATE t SET v = 'changed' WHERE id = 1; DELETE FROM t WHERE id = 2")
    return made


def rows(repo, table="t"):
    return [tuple(row.values()) for row in repo.sql(f"SELECT * FROM {table} ORDER BY 1")]


def last(repo):
    return repo.run("log", "--json", "-n", "1").json[0]


def test_revert_undoes_one_commit_and_leaves_the_later_ones(repo):
    said = repo.run("revert", "tx:4", "--json").json
    assert said["tables"] == ["t"] and said["tx"] == last(repo)["tx"]
    assert rows(repo) == [(0, "v0"), (1, "v1"), (3, "v3"), (4, "v4")]
    assert last(repo)["message"] == "Revert of 'tx:4'" and len(last(repo)["parents"]) == 1
    assert [v["version"] for v in repo.run("versions", "t", "--json").json] == [5, 4, 3, 2, 1]
    repo.run("revert", "main")
    assert rows(repo)[1] == (1, "changed")
    assert repo.run("verify", "--full").status == 0


def test_revert_of_what_was_changed_again_is_a_conflict(repo):
    repo.sql("UPDATE t SET v = 'again' WHERE id = 1")
    before = last(repo)
    refused = repo.run("revert", "tx:4", status=3)
    assert "update/update" in refused.out and last(repo) == before
    repo.run("revert", "tx:4", "--strategy", "theirs")
    assert rows(repo)[1] == (1, "v1")


def test_revert_of_tables_made_and_dropped(repo):
    repo.sql("CREATE TABLE u AS SELECT 1 AS a; DROP TABLE t")
    repo.run("revert", "main")
    assert len(rows(repo)) == 4 and repo.tables()["t"]["version"] == 5
    repo.run("revert", "main~2")
    assert set(repo.tables()) == {"t"}
    assert "has nothing left of what" in repo.run("revert", "main~3").out
    assert repo.run("verify", "--full").status == 0


def test_revert_of_an_added_column(repo):
    repo.sql("ALTER TABLE t ADD COLUMN w INTEGER DEFAULT 5; INSERT INTO t VALUES (9, 'n', 1)")
    repo.run("revert", "main~1")
    assert rows(repo)[-1] == (9, "n") and len(rows(repo)) == 5


def test_cherry_pick_takes_one_commit_of_another_branch(repo):
    repo.sql("CREATE BRANCH b; USE BRANCH b; UPDATE t SET v = 'one' WHERE id = 3;"
             "UPDATE t SET v = 'two' WHERE id = 4; CREATE TABLE u AS SELECT 7 AS a")
    repo.run("cherry-pick", "b~1", "-m", "only the second")
    assert rows(repo) == [(0, "v0"), (1, "changed"), (3, "v3"), (4, "two")]
    assert last(repo)["message"] == "only the second" and len(last(repo)["parents"]) == 1
    repo.run("cherry-pick", "b")
    assert rows(repo, "u") == [(7,)]
    assert "did already" in repo.run("cherry-pick", "b").out
    assert repo.run("merge", "b", "--json").json["conflicts"] == []
    assert rows(repo) == [(0, "v0"), (1, "changed"), (3, "one"), (4, "two")]
    assert repo.run("verify", "--full").status == 0


def test_cherry_pick_onto_another_branch(repo):
    repo.sql("CREATE BRANCH b FROM tx:3; UPDATE t SET v = 'fix' WHERE id = 0")
    repo.run("cherry-pick", "main", "--into", "b")
    assert repo.value("SELECT v FROM t WHERE id = 0", "--branch", "b") == "fix"
    assert repo.value("SELECT v FROM t WHERE id = 1", "--branch", "b") == "v1"


def test_restore_makes_a_next_version(repo):
    repo.sql("ALTER TABLE t ADD COLUMN w INTEGER; INSERT INTO t VALUES (9, 'n', 1)")
    repo.run("restore", "t", "--at", "tx:3")
    assert rows(repo) == [(i, f"v{i}") for i in range(5)]
    assert repo.tables()["t"]["version"] == 7
    assert rows(repo, "t AT (VERSION => 6)")[-1] == (9, "n", 1)
    assert "as it was already" in repo.run("restore", "t", "--at", "main").out
    repo.run("restore", "t", "--at", "tx:7", "--dry-run")
    assert len(rows(repo)) == 5


def test_restore_by_a_version_of_the_table(repo):
    repo.sql("CREATE TABLE u AS SELECT 1 AS a; INSERT INTO u VALUES (2); DELETE FROM u")
    repo.run("restore", "u", "--at", "version:2")
    assert rows(repo, "u") == [(1,), (2,)]
    repo.run("restore", "u", "--at", "version:2~1")
    assert rows(repo, "u") == [(1,)]
    assert "1 to 5" in repo.run("restore", "u", "--at", "version:9", status=1).err


def test_restore_of_a_dropped_table(repo):
    repo.sql("DROP TABLE t")
    repo.run("restore", "t", "--at", "main~1")
    assert len(rows(repo)) == 4 and repo.tables()["t"]["version"] == 5
    repo.sql("INSERT INTO t VALUES (2, 'again')")
    assert repo.tables()["t"]["version"] == 6
    assert repo.run("verify", "--full").status == 0


@pytest.mark.parametrize("arguments, said", [
    (["restore", "t"], "--at"),
    (["restore", "nothing", "--at", "main"], 'no table "nothing"'),
    (["restore", "t", "--at", "tx:1"], "no table"),
    (["revert", "nowhere"], "no branch or tag"),
    (["cherry-pick", "tx:99"], "no tx 99"),
    (["revert", "tx:4", "--into", "nowhere"], "no branch"),
    (["revert", "tx:4", "--strategy", "best"], "not a strategy"),
])
def test_what_cannot_be_done_says_why(repo, arguments, said):
    result = repo.run(*arguments, status=None)
    assert result.status in (1, 2) and said in result.err, result
