# SPDX-License-Identifier: Apache-2.0
"""Every verb of this version: what it prints, its --json shape, its exit status."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from arm import Repo, run

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


# ---- init, and finding the repository ----


def test_init_lays_out_the_repository(tmp_path):
    path = tmp_path / "a" / "b"
    result = run("init", path)
    assert str(path) in result.out
    for folder in ("chunks", "staging", "log", "index", "cold"):
        assert (path / folder).is_dir()
    assert (path / "FORMAT").is_file()
    assert (path / "HEAD").read_text().strip() == "main"


def test_init_uses_the_working_directory(tmp_path):
    run("init", cwd=tmp_path)
    assert (tmp_path / "FORMAT").is_file()


def test_init_json(tmp_path):
    (row,) = run("init", tmp_path / "r", "--json").json
    assert row == {"path": str(tmp_path / "r")}


def test_init_refuses_to_touch_what_exists(tmp_path):
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t AS SELECT 1 AS a")
    repo.refused("init", says="r")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    assert "`armillaria init DIR`" in run("init", tmp_path / "full", status=1).err
    assert "`armillaria init DIR`" in run("init", cwd=tmp_path / "full", status=1).err
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["letter"]


def test_repository_is_found_upward(orders):
    deep = orders.path / "x" / "y"
    deep.mkdir(parents=True)
    assert len(run("tables", "--json", cwd=deep).json) == 1


def test_repository_from_the_environment_and_option_first(orders, tmp_path):
    other = Repo(tmp_path / "other")
    env = {"ARMILLARIA_REPO": str(orders.path)}
    assert len(run("tables", "--json", cwd=tmp_path, env=env).json) == 1
    assert run("-C", other.path, "tables", "--json", env=env).json == []


def test_no_repository(tmp_path):
    result = run("tables", cwd=tmp_path, status=1)
    assert "init" in result.err


@pytest.mark.parametrize("order", [["--json", "tables"], ["tables", "--json"]])
def test_global_options_stand_anywhere(orders, order):
    before = run("-C", orders.path, *order).json
    after = run(*order, "-C", orders.path).json
    assert before == after and before[0]["table"] == "orders"


def test_branch_from_option_environment_and_head(orders):
    assert orders.run("tables", "--branch", "main").status == 0
    assert "nosuch" in orders.run("tables", "--branch", "nosuch", status=1).err
    assert "nosuch" in orders.run("tables", status=1, env={"ARMILLARIA_BRANCH": "nosuch"}).err
    (orders.path / "HEAD").write_text("nosuch\n")
    assert "nosuch" in orders.run("tables", status=1).err
    assert orders.run("tables", "--branch", "main").status == 0
    (orders.path / "HEAD").unlink()
    assert orders.run("tables").status == 0


# ---- the catalog ----


def test_tables(orders):
    (table,) = orders.run("tables", "--json").json
    assert {k: table[k] for k in ("table", "version", "rows", "key")} == {
        "table": "orders", "version": 2, "rows": 4, "key": []}
    assert table["bytes"] > 0
    assert "orders" in orders.run("tables").out
    (table,) = orders.run("tables", "--at", "main~1", "--json").json
    assert (table["version"], table["rows"]) == (1, 3)


def test_tables_in_order_and_in_schemas(repo, tmp_path):
    repo.sql("CREATE TABLE b AS SELECT 1 AS a; CREATE TABLE a AS SELECT 1 AS a")
    (tmp_path / "t.csv").write_text("a\n1\n")
    repo.run("import", "s.t", tmp_path / "t.csv")
    assert [t["table"] for t in repo.run("tables", "--json").json] == ["a", "b", "s.t"]
    assert len(repo.run("versions", "s.t", "--json").json) == 1


def test_versions(orders):
    newest, first = orders.run("versions", "orders", "--json").json
    assert set(newest) == {"table", "version", "parent", "tx", "branch", "created_at", "rows",
                           "bytes", "message"}
    assert (newest["version"], newest["parent"], newest["rows"]) == (2, 1, 4)
    assert (first["version"], first["parent"], first["rows"]) == (1, None, 3)
    assert [newest["message"], first["message"]] == ["one more", "first load"]
    assert newest["branch"] == "main" and newest["tx"] > first["tx"]
    assert TIME.match(newest["created_at"]) and newest["created_at"] > first["created_at"]
    assert orders.run("versions", "orders", "--all", "--json").json == [newest, first]
    assert "one more" in orders.run("versions", "orders").out


def test_versions_of_no_table(orders):
    assert "nosuch" in orders.refused("versions", "nosuch").err


def test_schema(repo):
    repo.sql("CREATE TABLE t (a INTEGER NOT NULL, b DECIMAL(9,2), \"c d\" STRUCT(x DATE[]))")
    columns = repo.run("schema", "t", "--json").json
    assert [(c["column"], c["nullable"], c["key"]) for c in columns] == [
        ("a", False, False), ("b", True, False), ("c d", True, False)]
    assert [c["type"] for c in columns[:2]] == ["INTEGER", "DECIMAL(9,2)"]
    assert "DATE[]" in columns[2]["type"]
    assert all(c["default"] is None for c in columns)
    assert len({c["id"] for c in columns}) == 3


def test_schema_at_a_version(orders, tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text("id,customer,amount,extra\n1,a,2.5,x\n")
    orders.run("import", "orders", file, "--mode", "replace")
    assert len(orders.run("schema", "orders", "--json").json) == 4
    assert len(orders.run("schema", "orders", "--at", "version:1", "--json").json) == 3


def test_log(orders):
    commits = orders.run("log", "--json").json
    assert [c["message"] for c in commits] == ["one more", "first load"]
    newest, first = commits
    assert set(newest) == {"tx", "commit", "parents", "branch", "created_at", "author", "message",
                           "changes"}
    assert newest["parents"] == [first["commit"]] and first["parents"] == []
    assert re.fullmatch("[0-9a-f]{32}", newest["commit"]) and TIME.match(newest["created_at"])
    assert newest["changes"] == [{"table_name": "orders", "old_version": 1, "new_version": 2,
                                  "is_new_table": False, "rows_added": 1, "rows_removed": 0}]
    assert first["changes"] == [{"table_name": "orders", "old_version": None, "new_version": 1,
                                 "is_new_table": True, "rows_added": 3, "rows_removed": 0}]
    text = orders.run("log").out
    assert text.index("one more") < text.index("first load") and newest["commit"] in text


def test_log_options(orders):
    orders.sql("CREATE TABLE other AS SELECT 1 AS a")
    assert len(orders.run("log", "--json").json) == 3
    assert len(orders.run("log", "-n", "1", "--json").json) == 1
    assert len(orders.run("log", "-n2", "--json").json) == 2
    assert len(orders.run("log", "--table", "orders", "--json").json) == 2
    (only,) = orders.run("log", "--table", "orders", "-n", "1", "--json").json
    assert only["message"] == "one more"
    assert orders.run("log", "--table", "nosuch", status=1).err
    assert orders.run("log", "-n", "some", status=2).err


def test_log_of_nothing(repo):
    assert repo.run("log", "--json").json == []
    assert repo.run("tables", "--json").json == []
    assert "no commit" in repo.run("show", "main", status=1).err


def test_log_has_dropped_tables(orders):
    orders.sql("DROP TABLE orders")
    (change,) = orders.run("log", "-n", "1", "--json").json[0]["changes"]
    assert (change["table_name"], change["old_version"], change["new_version"]) == (
        "orders", 2, None)
    assert orders.run("tables", "--json").json == []


def test_author_from_the_environment(repo):
    repo.run("sql", "-c", "CREATE TABLE t AS SELECT 1 AS a",
             env={"ARMILLARIA_AUTHOR": "Ada <ada@example.org>"})
    assert repo.run("show", "main", "--json").json["author"] == "Ada <ada@example.org>"


def test_show(orders):
    commits = orders.run("log", "--json").json
    for ref, commit in [("main", commits[0]), ("main~1", commits[1]),
                        (f"tx:{commits[1]['tx']}", commits[1]),
                        (commits[0]["created_at"], commits[0])]:
        shown = orders.run("show", ref, "--json").json
        assert isinstance(shown, dict)
        (change,) = shown["changes"]
        assert change.pop("bytes_added") > 0
        assert change.pop("bytes_removed") == 0
        assert shown == commit
    assert "one more" in orders.run("show", "main").out


def test_show_bytes_that_left(repo):
    """With a replacement the old chunk leaves, with a drop all; deletion bits leave it be."""
    repo.sql("CREATE TABLE t AS SELECT range AS i FROM range(20000)")
    (table,) = repo.run("tables", "--json").json
    repo.sql("DELETE FROM t WHERE i = 7")
    (change,) = repo.run("show", "main", "--json").json["changes"]
    assert change["rows_removed"] == 1 and change["bytes_removed"] == 0
    repo.sql("CREATE OR REPLACE TABLE t AS SELECT range + 1 AS i FROM range(20000)")
    removed = [c["bytes_removed"] for c in repo.run("show", "main", "--json").json["changes"]]
    assert sorted(removed) == [0, table["bytes"]]
    assert "removed" in repo.run("show", "main").out
    repo.sql("DROP TABLE t")
    (change,) = repo.run("show", "main", "--json").json["changes"]
    assert change["new_version"] is None and change["bytes_removed"] > 0


def test_refs(orders):
    commits = orders.run("log", "--json").json
    first = datetime.fromisoformat(commits[1]["created_at"])
    between = first.astimezone(timezone(timedelta(hours=5))).isoformat()
    assert orders.run("show", between, "--json").json["tx"] == commits[1]["tx"]
    for ref in ("nosuch", "main~7", "tx:99999", "2001-01-01", "version:1", "tx:x", "", "main~x"):
        assert orders.refused("show", ref).err
    for ref, rows in [("main", 4), ("main~1", 3), (f"tx:{commits[1]['tx']}", 3),
                      (commits[1]["created_at"], 3), ("2999-01-01T00:00:00Z", 4)]:
        assert orders.value("SELECT count(*) FROM orders", "--at", ref) == rows


def test_hints_suit_what_was_not_found(orders, tmp_path):
    out = tmp_path / "o.csv"
    for args, hint in [
            (["show", "mian"], "log"), (["tables", "--at", "zzz"], "log"),
            (["log", "--at", "main~9"], "log"), (["sql", "--at", "zzz", "-c", "SELECT 1"], "log"),
            (["sql", "-c", "SELECT * FROM orders AT (VERSION => 'zzz')"], "log"),
            (["schema", "orders", "--at", "zzz"], "log"),
            (["export", "orders", out, "--at", "version:9"], "versions TABLE"),
            (["schema", "nosuch"], "tables"), (["versions", "nosuch"], "tables")]:
        result = orders.refused(*args)
        assert f"`armillaria {hint}`" in result.err and result.err.count("hint: ") == 1
    lost = tmp_path / "no" / "x.csv"
    for args in [["tables", "--branch", "nosuch"], ["schema", "orders", "--branch", "nosuch"],
                 ["sql", "-f", "no.sql"], ["sql", "-c", "SELECT 1", "-o", lost],
                 ["export", "orders", lost]]:
        assert "hint: " not in orders.refused(*args).err


def test_stats(orders):
    stats = orders.run("stats", "--json").json
    assert isinstance(stats, dict)
    (table,) = stats["tables"]
    assert (table["table"], table["versions"], table["rows"]) == ("orders", 2, 4)
    assert table["logical_bytes"] >= table["stored_bytes"] > 0
    assert table["dedup_ratio"] == pytest.approx(table["logical_bytes"] / table["stored_bytes"])
    assert stats["stored_bytes"] > 0 and stats["logical_bytes"] == table["logical_bytes"]
    assert "orders" in orders.run("stats").out


def test_verify_counts_in_words(repo):
    outs = [repo.run("verify").out]
    repo.sql("CREATE TABLE t AS FROM range(100000)")
    outs += [repo.run("verify").out, repo.run("verify", "--full").out]
    counts = [pair for out in outs for pair in re.findall(r"(\d+) (record|frame|chunk)(s?)\b", out)]
    assert len(counts) == 9 and ("1", "chunk", "") in counts and ("0", "chunk", "s") in counts
    assert all((count == "1") == (plural == "") for count, _, plural in counts)


def test_verify_and_recover(orders):
    assert orders.run("verify", "--json").json == {"is_healthy": True, "issues": []}
    assert orders.run("verify", "--full", "--json").json == {"is_healthy": True, "issues": []}
    assert "healthy" in orders.run("verify", "--full").out
    assert orders.run("recover", "--json").json == {"is_clean": True, "rolled_back": 0}
    assert "clean" in orders.run("recover").out


# ---- import and export ----


def test_import_says_what_it_did(repo, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n2\n")
    (row,) = repo.run("import", "t", file, "--json").json
    assert (row["table"], row["version"], row["rows"]) == ("t", 1, 2) and row["tx"] > 0
    assert "version 2" in repo.run("import", "t", file, "--mode", "append").out
    assert repo.run("-q", "import", "t", file, "--mode", "append").out == ""


def test_import_modes(orders, tmp_path):
    file = tmp_path / "r.csv"
    file.write_text("id,customer,amount\n9,eve,1.5\n")
    orders.refused("import", "orders", file, says=["orders", "--mode append"])
    orders.run("import", "orders", file, "--mode", "append")
    assert orders.value("SELECT count(*) FROM orders") == 5
    orders.run("import", "orders", file, "--mode", "replace")
    assert orders.sql("SELECT * FROM orders") == [{"id": 9, "customer": "eve", "amount": 1.5}]
    result = orders.run("import", "orders", file, "--mode=replace")
    assert "nothing changed" in result.out
    assert orders.tables()["orders"]["version"] == 4
    orders.refused("import", "absent", file, "--mode", "append", says="absent")
    orders.refused("import", "orders", file, "--mode", "upsert", says="no primary key")
    orders.refused("import", "orders", file, "--mode", "merge", status=2, says="merge")


def test_import_by_key(repo, tmp_path):
    """A key is declared, enforced, kept by a replacement, and what an upsert goes by."""
    first, second, twice = (tmp_path / f"{n}.csv" for n in ("first", "second", "twice"))
    first.write_text('id,"a,b",v\n1,x,10\n2,y,20\n')
    second.write_text('id,"a,b",v\n2,Y,21\n3,z,30\n')
    twice.write_text('id,"a,b",v\n4,p,1\n4,q,2\n')
    repo.run("import", "t", first, "--key", "id")
    assert repo.tables()["t"]["key"] == ["id"]
    repo.refused("import", "t", second, "--mode", "append", says=["duplicate key", "id: 2"])
    repo.refused("import", "t", twice, "--mode", "upsert", says=["duplicate key", "id: 4"])
    repo.refused("import", "t", second, "--mode", "upsert", "--key", "v", says="another key")
    repo.run("import", "t", second, "--mode", "upsert", "--key", "id")
    assert repo.sql("SELECT * FROM t ORDER BY id") == [
        {"id": 1, "a,b": "x", "v": 10}, {"id": 2, "a,b": "Y", "v": 21},
        {"id": 3, "a,b": "z", "v": 30}]
    assert "nothing changed" not in repo.run("import", "t", second, "--mode", "upsert").out
    repo.refused("import", "t", twice, "--mode", "replace", says="duplicate key")
    repo.run("import", "t", first, "--mode", "replace")
    assert repo.tables()["t"]["key"] == ["id"]
    repo.run("import", "t", twice, "--mode", "replace", "--key", '"a,b",id')
    assert repo.tables()["t"]["key"] == ["a,b", "id"]
    repo.refused("import", "u", first, "--key", "nix", says="nix")
    repo.refused("import", "u", first, "--key", "id,id", says="twice")
    for wrong in ("", ",", "a,", '"a', '"a"b'):
        repo.refused("import", "u", first, "--key", wrong, status=2)


def test_append_matches_columns_by_name(orders, tmp_path):
    file = tmp_path / "named.csv"
    file.write_text("amount,id\n7.5,7\n")
    orders.run("import", "orders", file, "--mode", "append")
    assert orders.sql("SELECT * FROM orders WHERE id = 7") == [
        {"id": 7, "customer": None, "amount": 7.5}]


def test_export_says_how_many_rows(orders, tmp_path):
    out = tmp_path / "o.csv"
    (row,) = orders.run("export", "orders", out, "--json").json
    assert row == {"table": "orders", "file": str(out), "rows": 4}
    assert out.read_text().splitlines()[0] == "id,customer,amount"
    orders.run("export", "orders", out, "--at", "version:1")
    assert len(out.read_text().splitlines()) == 4
    assert orders.refused("export", "nosuch", tmp_path / "x.csv", says="nosuch")
    assert not (tmp_path / "x.csv").exists()
    for file in ("x.what", "x"):
        for args in (["export", "orders"], ["sql", "-c", "FROM orders", "-o"]):
            result = orders.refused(*args, tmp_path / file, status=2, says=["suffix", file])
            assert "usage: armillaria" in result.err
    orders.refused("export", "orders", tmp_path / "no" / "x.csv", says="no")


# ---- use ----


def test_help_and_version():
    text = run("--help").out
    verbs = ["init", "import", "export", "sql", "tables", "versions", "schema", "log", "show",
             "diff", "branch", "checkout", "tag", "merge", "changes", "consumer", "verify",
             "recover", "stats"]
    for verb in verbs:
        assert re.search(rf"^  {verb} ", text, re.M)
        assert run(verb, "--help").out.startswith(f"usage: armillaria {verb}")
        assert run("help", verb).out == run(verb, "--help").out
    assert run("-h").out == run("help").out == text
    assert "did you mean 'import'" in run("help", "imprt", status=2).err
    assert re.fullmatch(r"armillaria \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize("args, says", [
    ([], "verb"),
    (["tabels"], "did you mean 'tables'"),
    (["frobnicate"], "frobnicate"),
    (["tables", "--jsno"], "did you mean '--json'"),
    (["import", "t", "f", "--mod", "append"], "did you mean '--mode'"),
    (["--frob"], "--frob"),
    (["import", "t"], "argument"),
    (["schema", "a", "b"], "'b'"),
    (["log", "-n"], "-n"),
    (["tables", "--json=yes"], "--json"),
    (["sql", "-c", "SELECT 1", "-f", "x"], "-f"),
    (["sql", "-c", "SELECT 1", "--format", "xml"], "xml"),
    (["import", "t", "-"], "--format"),
    (["import", "t", "x.csv", "--format", "xml"], "xml"),
])
def test_wrong_use(args, says):
    result = run(*args, status=2)
    assert says in result.err and "usage: armillaria" in result.err and result.out == ""
