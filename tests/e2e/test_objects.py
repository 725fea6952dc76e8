# SPDX-License-Identifier: Apache-2.0
"""Schemas, views and sequences by the command: what lists them, what reads them, and processes
that share a sequence."""

import shutil
import subprocess

from arm import BIN, environment


def start(repo, sql):
    return subprocess.Popen([BIN, "-C", str(repo.path), "--json", "sql", "-c", sql, "--format",
                             "csv"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment())


def test_views_and_schemas_last_and_are_told(repo, tmp_path):
    repo.sql("CREATE SCHEMA s; CREATE SCHEMA empty")
    repo.sql("CREATE TABLE s.t AS SELECT range AS i FROM range(3)")
    repo.sql("CREATE VIEW v AS SELECT i, 'x' AS x FROM s.t")
    repo.sql("CREATE OR REPLACE VIEW v AS SELECT i * 2 AS twice FROM s.t")
    repo.sql("CREATE SEQUENCE q")
    assert repo.value("SELECT sum(twice) FROM v") == 6
    assert [t["table"] for t in repo.run("tables", "--json").json] == ["s.t"]
    assert [(v["version"], v["parent"]) for v in repo.run("versions", "v", "--json").json] == [
        (2, 1), (1, None)]
    assert [c["column"] for c in repo.run("schema", "v", "--json").json] == ["twice"]
    old = repo.run("schema", "v", "--at", "version:1", "--json").json
    assert [c["column"] for c in old] == ["i", "x"]
    repo.refused("schema", "q", says="sequence")
    changes = [[c["table_name"] for c in e["changes"]] for e in repo.run("log", "--json").json]
    assert changes == [[], ["v"], ["v"], ["s.t"], [], []]
    repo.run("export", "v", tmp_path / "v.csv")
    assert (tmp_path / "v.csv").read_text() == "twice\n0\n2\n4\n"
    for verb in (["import", "v", tmp_path / "v.csv", "--mode", "append"],
                 ["import", "q", tmp_path / "v.csv"]):
        repo.refused(*verb, says="not a table")
    shutil.rmtree(repo.path / "index")  # all of it is in the log
    repo.run("verify", "--full")
    assert repo.value("SELECT sum(twice) FROM v") == 6
    schemas = repo.sql("SELECT schema_name AS s FROM information_schema.schemata "
                       "WHERE catalog_name = 'armillaria' ORDER BY 1")
    assert {"s": "empty"} in schemas


def test_a_view_at_a_ref_shows_its_tables_as_of_it(repo):
    repo.sql("CREATE TABLE t AS SELECT 1 AS i; CREATE VIEW v AS SELECT count(*) AS c FROM t")
    tx = repo.run("log", "--json").json[0]["tx"]
    repo.sql("INSERT INTO t VALUES (2)")
    assert repo.value("SELECT c FROM v") == 2
    assert repo.value(f"SELECT c FROM v AT (VERSION => 'tx:{tx}')") == 1
    repo.refused("sql", "-c", "SELECT * FROM v AT (VERSION => 1)", says="view")
    assert repo.run("sql", "--at", f"tx:{tx}", "-c", "SELECT c FROM v", "--format", "csv").out == (
        "c\n1\n")


def test_processes_share_a_sequence_and_a_kill_repeats_nothing(repo):
    repo.sql("CREATE SEQUENCE q")
    writers = [start(repo, "".join("SELECT nextval('q') AS v FROM range(%d);" % (1 + n % 5)
                                   for n in range(100))) for _ in range(3)]
    victim = start(repo, "SELECT nextval('q') AS v FROM range(1000000000)")
    given = []
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
        given += [int(line) for line in out.split() if line != "v"]
    victim.kill()
    victim.communicate()
    assert len(given) == 3 * 300
    assert len(set(given)) == len(given)
    assert repo.value("SELECT nextval('q')") > max(given)
    repo.run("verify", "--full")


def test_values_of_one_process_each_leave_no_gap(repo):
    repo.sql("CREATE SEQUENCE q")
    repo.sql("CREATE TABLE t (id BIGINT PRIMARY KEY DEFAULT nextval('q'), i INTEGER)")
    for i in range(4):
        repo.sql(f"INSERT INTO t (i) VALUES ({i})")
    assert [r["id"] for r in repo.sql("SELECT id FROM t ORDER BY id")] == [1, 2, 3, 4]
