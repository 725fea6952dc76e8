# SPDX-License-Identifier: Apache-2.0
"""gc by age: what is given up, what is said of it, and what those keep who are reading."""

import random
import shutil
import signal
import subprocess
import time

import pytest
from arm import BIN, Repo, environment
from held import Held

ROWS = "SELECT i AS id, 'row ' || i AS text FROM range({}, {}) s(i)"
MANY = 12000  # enough for a chunk
OLD = 4       # the last version of `aged`
KEEP_NONE = ("--keep-days", "0", "--grace", "0")


def gc(repo, *args):
    return repo.run("gc", "--json", *args).json


def replace(repo, number):
    """A version of other rows."""
    rows = repo.path.parent / "rows.csv"
    first = number * MANY
    rows.write_text("id,text\n" + "".join(f"{i},row {i}\n" for i in range(first, first + MANY)))
    repo.run("import", "t", rows, "--mode", "replace")


@pytest.fixture
def aged(tmp_path):
    """A table of four versions, each in a chunk of its own."""
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, MANY)}")
    for v in range(1, OLD):
        replace(repo, v)
    assert len(repo.files("chunks")) == OLD
    return repo


def test_old_versions_are_given_up(aged):
    assert gc(aged, "--keep-days", "1", "--grace", "0")["chunks"] == 0
    assert aged.value("SELECT min(id) FROM t AT (VERSION => 1)") == 0
    files = aged.files("chunks")
    dry = gc(aged, "--dry-run", *KEEP_NONE)
    assert dry["chunks"] == OLD - 1 and dry["history_from"] is not None
    assert aged.files("chunks") == files
    assert aged.value("SELECT min(id) FROM t AT (VERSION => 1)") == 0
    text = aged.run("gc", "--dry-run", *KEEP_NONE).out
    assert "would remove 3 chunks" in text and "history would begin at " in text
    assert gc(aged, *KEEP_NONE) == {**dry, "dry_run": False}
    assert len(aged.files("chunks")) == 1
    assert aged.value("SELECT min(id) FROM t") == (OLD - 1) * MANY
    assert aged.value(f"SELECT min(id) FROM t AT (VERSION => {OLD})") == (OLD - 1) * MANY
    assert aged.run("verify", "--full").status == 0
    assert gc(aged, *KEEP_NONE)["chunks"] == 0
    assert gc(aged)["history_from"] == dry["history_from"]  # it stays so


def expired_ways(repo):
    """Every way to the rows of a version that was given up."""
    first = repo.run("versions", "t", "--json").json[-1]
    return [
        ("sql", "-c", "SELECT * FROM t AT (VERSION => 1)"),
        ("sql", "--json", "-c", "SELECT count(*) FROM t AT (VERSION => 1)"),
        ("sql", "-c", "SELECT * FROM t AT (VERSION => 'version:1')"),
        ("sql", "-c", "SELECT * FROM t AT (VERSION => 'main~3')"),
        ("sql", "-c", f"SELECT * FROM t AT (TIMESTAMP => '{first['created_at']}'::TIMESTAMPTZ)"),
        ("sql", "-c", f"SELECT * FROM t AT (VERSION => 'tx:{first['tx']}')"),
        ("sql", "--at", f"tx:{first['tx']}", "-c", "SELECT * FROM t"),
        ("sql", "-c", "CREATE TABLE again AS SELECT * FROM t AT (VERSION => 1)"),
        ("sql", "-c", "COPY (SELECT * FROM t AT (VERSION => 1)) TO '/dev/null' (FORMAT csv)"),
        ("export", "t", repo.path.parent / "out.csv", "--at", "version:1"),
    ]


def test_what_is_said_of_them(aged):
    ways = expired_ways(aged)
    for way in ways:
        if "again" not in way[-1]:  # else there would be a commit more
            assert aged.run(*way).status == 0
    history_from = gc(aged, *KEEP_NONE)["history_from"]
    for rebuilt in (False, True):
        for way in ways:
            said = aged.refused(*way, says=["version 1 of table", "has expired", history_from,
                                            f"that can be read is {OLD}"]).err
            assert "missing" not in said and "damaged" not in said, said
        listed = aged.run("versions", "t", "--json").json
        assert [v["version"] for v in listed] == [4, 3, 2, 1]
        assert len(aged.run("log", "--json").json) == OLD
        if not rebuilt:
            shutil.rmtree(aged.path / "index")


def test_a_dropped_table_is_given_up(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, MANY)}")
    repo.sql("DROP TABLE t")
    assert gc(repo, "--grace", "0")["chunks"] == 0
    assert repo.value("SELECT count(*) FROM t AT (VERSION => 1)") == MANY
    assert gc(repo, *KEEP_NONE)["chunks"] == 1
    assert repo.files("chunks") == []
    said = repo.run("sql", "-c", "SELECT * FROM t AT (VERSION => 1)", status=1).err
    assert "has expired" in said and "dropped" in said
    repo.sql(f"CREATE TABLE t AS {ROWS.format(0, MANY)}")  # the same rows: stored again
    assert len(repo.files("chunks")) == 1
    assert repo.value("SELECT sum(id) FROM t") == MANY * (MANY - 1) // 2
    assert repo.run("verify", "--full").status == 0


def test_views_of_the_past_do_not_expire(aged):
    """They have no rows; the tables below them are what they are."""
    aged.sql("CREATE VIEW v AS SELECT 1 AS one")
    aged.sql("CREATE OR REPLACE VIEW v AS SELECT 2 AS one")
    gc(aged, *KEEP_NONE)
    assert aged.value("SELECT one FROM v") == 2
    assert aged.run("verify", "--full").status == 0


def test_a_transaction_keeps_what_it_sees(aged):
    """Rows that it has not read yet too, in the layout of its time; what it does not see goes."""
    before = "BEGIN; SELECT 1"
    after = ("SELECT count(*) AS n, sum(id) AS s FROM t; SELECT max(text) AS m FROM t; COMMIT; "
             "SELECT min(id) AS now FROM t")
    aged.sql("DELETE FROM t WHERE id % 2 = 0")
    with Held(aged, before, after) as held:
        aged.run("compact")
        replace(aged, 8)
        replace(aged, 9)
        said = gc(aged, *KEEP_NONE)
        assert said["pinned"] == 3, said  # before the compaction, after it, and version 6
        aged.run("compact")
        assert gc(aged, *KEEP_NONE)["pinned"] == 3
        out = held.go_on().out
    odd = [i for i in range((OLD - 1) * MANY, OLD * MANY) if i % 2]
    assert f'"n":{len(odd)},"s":{sum(odd)}' in out
    assert f'"m":"row {max(odd, key=str)}"' in out and f'"now":{9 * MANY}' in out
    assert gc(aged, *KEEP_NONE)["chunks"] == 3
    assert len(aged.files("chunks")) == 1
    assert aged.run("verify", "--full").status == 0


def test_a_transaction_keeps_the_past_that_it_looked_at(aged):
    look = "SELECT min(id) AS first FROM t AT (VERSION => 2)"
    with Held(aged, f"BEGIN; {look}", f"{look}; SELECT 1 AS x FROM t AT (VERSION => 1)") as held:
        said = gc(aged, *KEEP_NONE)
        assert said["chunks"] == 1 and said["pinned"] == 2  # what came later stays with it
        result = held.go_on(status=1)
    assert result.out.count(f'"first":{MANY}') == 2
    assert "version 1 of table" in result.err and "has expired" in result.err
    assert gc(aged, *KEEP_NONE)["chunks"] == 2


def test_a_killed_reader_keeps_nothing(aged):
    with Held(aged, "BEGIN; SELECT min(id) FROM t AT (VERSION => 1)", "COMMIT") as held:
        assert gc(aged, *KEEP_NONE)["pinned"] == OLD - 1
        held.kill()
        assert gc(aged, *KEEP_NONE)["chunks"] == OLD - 1
    assert aged.run("verify", "--full").status == 0


def test_a_stream_is_read_to_its_end(tmp_path):
    """Its reader does not come on while all of it is replaced, compacted and given up."""
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t (id BIGINT, text VARCHAR)")
    for i in range(6):
        repo.sql(f"INSERT INTO t SELECT i, repeat(md5(i::VARCHAR), 8) FROM range({i * MANY}, "
                 f"{(i + 1) * MANY}) s(i)")
    files = len(repo.files("chunks"))
    reader = subprocess.Popen([BIN, "-C", repo.path, "sql", "--format", "csv", "-c",
                               "SELECT * FROM t"], stdout=subprocess.PIPE, text=True,
                              env=environment())
    first = reader.stdout.readline()
    assert first == "id,text\n"
    assert repo.run("compact", "--json").json["entries_added"] > 0
    repo.sql("CREATE OR REPLACE TABLE t AS SELECT 1 AS id")
    said = gc(repo, *KEEP_NONE)
    assert said["pinned"] == files + 1, said  # the compacted one too
    rest = reader.stdout.read().splitlines()
    assert reader.wait() == 0
    assert sorted(int(line.split(",")[0]) for line in rest) == list(range(6 * MANY))
    assert gc(repo, *KEEP_NONE)["pinned"] == 0 and repo.files("chunks") == []
    assert repo.run("verify", "--full").status == 0


def test_gc_that_is_killed_leaves_a_sound_repository(aged):
    """Wherever: then old versions are readable, or have expired."""
    rng = random.Random(5)
    expired = 0
    for round_ in range(12):
        replace(aged, 10 + round_)
        last = aged.tables()["t"]["version"]
        process = subprocess.Popen([BIN, "-C", aged.path, "gc", *KEEP_NONE], env=environment(),
                                   stdout=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        process.wait()
        old = aged.run("sql", "-c", f"SELECT count(*) FROM t AT (VERSION => {last - 2})",
                       status=None)
        assert old.status == 0 or "has expired" in old.err
        expired += old.status
        assert aged.value("SELECT count(*) FROM t") == MANY
        assert aged.run("verify", "--full").status == 0
    gc(aged, *KEEP_NONE)
    assert len(aged.files("chunks")) == 1
    assert aged.run("verify", "--full").status == 0
