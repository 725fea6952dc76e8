# SPDX-License-Identifier: Apache-2.0
"""`merge`: what it prints, its JSON, its exit status, and that it leaves nothing open. What a merge
makes of rows and columns: test_merge.py."""

import subprocess

import pytest
from arm import BIN, Repo, environment, run
from terminal import Terminal

CONFLICT = {"table", "kind", "columns", "key", "base", "ours", "theirs"}


@pytest.fixture
def shop(repo):
    """Orders on main, and a branch `b` of it."""
    repo.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR, amount DOUBLE)")
    repo.sql("INSERT INTO orders VALUES (1, 'ada', 10.5), (2, 'bob', 20.25), (3, 'cyd', 30)")
    repo.run("branch", "create", "b")
    return repo


@pytest.fixture
def torn(shop):
    """Both sides changed a cell of 1, added a 4, and one deleted the 3 that the other changed."""
    shop.sql("UPDATE orders SET amount = 11 WHERE id = 1; INSERT INTO orders VALUES (4, 'dan', 1); "
             "DELETE FROM orders WHERE id = 3", "--branch", "b")
    shop.sql("UPDATE orders SET amount = 12 WHERE id = 1; INSERT INTO orders VALUES (4, 'dora', 1);"
             "UPDATE orders SET customer = 'C' WHERE id = 3")
    return shop


def orders(repo, branch="main"):
    return [tuple(row.values()) for row in repo.sql("SELECT * FROM orders ORDER BY id",
                                                    "--branch", branch)]


def refused(repo, *args, status=3, **options):
    """Nothing is merged on any branch, nothing stays open."""
    before = [repo.run("log", "--json", "--branch", branch).json for branch in ("main", "b")]
    result = repo.refused("merge", *args, status=status, **options)
    after = [repo.run("log", "--json", "--branch", branch).json for branch in ("main", "b")]
    assert before == after
    return result


# ---- Merges that are made ----


def test_merge(shop):
    shop.sql("UPDATE orders SET amount = 11 WHERE id = 1; CREATE TABLE u AS SELECT 1 AS a",
             "--branch", "b")
    shop.sql("UPDATE orders SET customer = 'Ada' WHERE id = 1")
    result = shop.run("merge", "b", "-m", "both of them")
    newest = shop.run("show", "main", "--json").json
    assert result.out == f"merged b into main, tx {newest['tx']}: orders, u\n" and not result.err
    assert orders(shop)[0] == (1, "Ada", 11)
    assert newest["message"] == "both of them" and len(newest["parents"]) == 2
    assert newest["branch"] == "main"


def test_json(shop):
    shop.sql("UPDATE orders SET amount = 11 WHERE id = 1", "--branch", "b")
    shop.sql("INSERT INTO orders VALUES (7, 'gil', 1)")
    told = shop.run("merge", "b", "--json").json
    newest = shop.run("show", "main", "--json").json
    assert told == {"tx": newest["tx"], "fast_forward": False, "tables": ["orders"],
                    "conflicts": []}
    assert newest["message"] == "Merge 'b' into 'main'"


def test_fast_forward_and_nothing_to_do(shop):
    shop.sql("UPDATE orders SET amount = 11 WHERE id = 1", "--branch", "b")
    result = shop.run("merge", "b")
    tx = shop.run("show", "main", "--json").json["tx"]
    assert result.out == f"merged b into main, tx {tx} (fast-forward): orders\n"
    assert shop.run("merge", "b").out == "main has all of b already\n"
    assert shop.run("merge", "b", "--json").json == {
        "tx": tx, "fast_forward": False, "tables": [], "conflicts": []}
    assert shop.run("show", "main", "--json").json["tx"] == tx
    assert shop.run("merge", "main", "--into", "b", "--json").json["fast_forward"] is True
    assert shop.run("merge", "main").out == "main has all of main already\n"


def test_into_another_branch(shop):
    shop.sql("INSERT INTO orders VALUES (7, 'gil', 1)")
    assert shop.run("merge", "main", "--into", "b").out.startswith("merged main into b, tx ")
    assert len(orders(shop, "b")) == 4
    shop.sql("INSERT INTO orders VALUES (8, 'hal', 1)", "--branch", "b")
    assert shop.run("merge", "b", "--branch", "main").out.startswith("merged b into main, tx ")
    shop.sql("INSERT INTO orders VALUES (9, 'ivo', 1)")
    env = {"ARMILLARIA_BRANCH": "b"}
    assert shop.run("merge", "main", env=env).out.startswith("merged main into b, tx ")
    shop.run("checkout", "b")
    assert shop.run("merge", "main").out == "b has all of main already\n"
    assert (shop.path / "HEAD").read_text() == "b\n"


def test_sources_of_every_kind(shop):
    for i in range(4, 8):
        shop.sql(f"INSERT INTO orders VALUES ({i}, 'x', 1)", "--branch", "b")
    commits = shop.run("log", "--json", "--branch", "b").json
    shop.run("tag", "create", "v1", "b~2")
    for source, rows in [("b~3", 4), ("v1", 5), (f"tx:{commits[1]['tx']}", 6), ("b", 7)]:
        shop.run("merge", source)
        assert len(orders(shop)) == rows


def test_quiet(shop):
    shop.sql("INSERT INTO orders VALUES (7, 'gil', 1)", "--branch", "b")
    assert shop.run("merge", "b", "-q").out == ""
    assert len(orders(shop)) == 4


def test_dry_run(shop):
    shop.sql("INSERT INTO orders VALUES (7, 'gil', 1)", "--branch", "b")
    before = shop.state()
    assert shop.run("merge", "b", "--dry-run").out == (
        "would merge b into main (fast-forward): orders\n")
    assert shop.run("merge", "b", "--dry-run", "--json").json == {
        "tx": None, "fast_forward": True, "tables": ["orders"], "conflicts": []}
    assert shop.state() == before


# ---- Conflicts ----


def test_conflicts_are_listed(torn):
    result = refused(torn, "b", says=["3 conflicts", "--strategy ours or theirs"])
    blocks = {"\n".join(result.lines[i:i + 4]) for i in range(0, len(result.lines), 4)}
    assert len(result.lines) == 12 and blocks == {
        'orders: update/update, key {"id":1}, columns ["amount"]\n'
        '    base   {"id":1,"customer":"ada","amount":10.5}\n'
        '    ours   {"id":1,"customer":"ada","amount":12.0}\n'
        '    theirs {"id":1,"customer":"ada","amount":11.0}',
        'orders: insert/insert, key {"id":4}, columns ["customer"]\n'
        '    base   no such row\n'
        '    ours   {"id":4,"customer":"dora","amount":1.0}\n'
        '    theirs {"id":4,"customer":"dan","amount":1.0}',
        'orders: update/delete, key {"id":3}\n'
        '    base   {"id":3,"customer":"cyd","amount":30.0}\n'
        '    ours   {"id":3,"customer":"C","amount":30.0}\n'
        '    theirs no such row'}
    refused(torn, "b", "--dry-run")


def test_conflicts_as_json(torn):
    result = torn.run("merge", "b", "--json", status=3)
    told = result.json
    assert (told["tx"], told["fast_forward"]) == (None, False)
    assert all(set(conflict) == CONFLICT for conflict in told["conflicts"])
    by_id = {conflict["key"]["id"]: conflict for conflict in told["conflicts"]}
    assert by_id[1] == {
        "table": "orders", "kind": "update/update", "columns": ["amount"], "key": {"id": 1},
        "base": {"id": 1, "customer": "ada", "amount": 10.5},
        "ours": {"id": 1, "customer": "ada", "amount": 12},
        "theirs": {"id": 1, "customer": "ada", "amount": 11}}
    assert by_id[4]["base"] is None and by_id[4]["columns"] == ["customer"]
    assert by_id[3]["theirs"] is None and by_id[3]["columns"] is None
    assert '"code":"ARM_MERGE_CONFLICT","status":3' in result.err
    torn.run("sql", "-c", "INSERT INTO orders VALUES (5, 'eve', 1)")  # nothing is open


def test_a_table_that_conflicts_as_a_whole(shop):
    shop.sql("CREATE TABLE u AS SELECT 1 AS a", "--branch", "b")
    shop.sql("CREATE TABLE u AS SELECT 'x' AS b")
    for strategy in ["fail", "ours", "theirs"]:
        result = refused(shop, "b", "--strategy", strategy)
        assert result.out.startswith("u: ") and len(result.lines) == 1
        (conflict,) = shop.run("merge", "b", "--strategy", strategy, "--json",
                               status=3).json["conflicts"]
        assert conflict["table"] == "u" and isinstance(conflict["key"], str)
        assert [conflict[f] for f in ("columns", "base", "ours", "theirs")] == [None] * 4


@pytest.mark.parametrize("strategy, rows", [
    ("ours", [(1, "ada", 12), (2, "bob", 20.25), (3, "C", 30), (4, "dora", 1)]),
    ("theirs", [(1, "ada", 11), (2, "bob", 20.25), (4, "dan", 1)])])
def test_strategies(torn, strategy, rows):
    assert torn.run("merge", "b", "--strategy", strategy, "--dry-run").out == (
        "would merge b into main: orders\n")
    told = torn.run("merge", "b", f"--strategy={strategy}", "--json").json
    assert told["conflicts"] == [] and told["tables"] == ["orders"]
    assert orders(torn) == rows
    assert torn.run("merge", "b").out == "main has all of b already\n"


def test_many_conflicts(shop):
    """People are shown the first hundred, programs all."""
    shop.sql("INSERT INTO orders SELECT range, 'x', 1 FROM range(10, 310)", "--branch", "b")
    shop.sql("INSERT INTO orders SELECT range, 'y', 1 FROM range(10, 310)")
    result = refused(shop, "b", says="300 conflicts")
    assert len(result.lines) == 100 * 4 + 1
    assert result.lines[-1] == "... and 200 more; --json tells all"
    assert len(shop.run("merge", "b", "--json", status=3).json["conflicts"]) == 300


def test_hostile_values(shop):
    shop.sql("UPDATE orders SET customer = '\x1b[31m\u202e' WHERE id = 1", "--branch", "b")
    shop.sql("UPDATE orders SET customer = 'x' WHERE id = 1")
    result = shop.run("merge", "b", status=3)
    assert "\x1b" not in result.out and "\u202e" not in result.out
    (conflict,) = shop.run("merge", "b", "--json", status=3).json["conflicts"]
    assert conflict["theirs"]["customer"] == "\x1b[31m\u202e"


# ---- Refused ----


@pytest.mark.parametrize("args, status, says", [
    (["nosuch"], 1, "nosuch"),
    (["b", "--into", "nosuch"], 1, "nosuch"),
    (["tx:999"], 1, "999"),
    (["version:1"], 1, "version of one table"),
    (["b", "--branch", "nosuch"], 1, "nosuch"),
    (["b", "--strategy", "mine"], 2, "fail, ours or theirs"),
    ([], 2, "argument"),
    (["b", "c"], 2, "'c'"),
])
def test_refused(shop, args, status, says):
    refused(shop, *args, status=status, says=says)


def test_of_nothing(repo):
    repo.run("branch", "create", "b")
    assert repo.run("merge", "b").out == "main has all of b already\n"
    assert repo.run("merge", "b", "--json").json == {
        "tx": None, "fast_forward": False, "tables": [], "conflicts": []}


def test_onto_a_branch_without_a_commit(repo):
    repo.run("branch", "create", "b")
    repo.sql("CREATE TABLE t AS SELECT 1 AS a", "--branch", "b")
    told = repo.run("merge", "b", "--json").json
    assert told["fast_forward"] is True and told["tables"] == ["t"]
    assert repo.value("SELECT a FROM t") == 1
    assert len(repo.run("log", "--graph").lines) == 2


def test_in_processes_at_once(shop):
    """All are made: each merges onto what the one before made."""
    for i in range(4):
        shop.run("branch", "create", f"b{i}")
        shop.sql(f"INSERT INTO orders VALUES ({10 + i}, 'x', 1)", "--branch", f"b{i}")
    running = [subprocess.Popen([BIN, "-C", shop.path, "merge", f"b{i}"], env=environment(),
                                stdout=subprocess.DEVNULL) for i in range(4)]
    assert [process.wait(timeout=300) for process in running] == [0] * 4
    assert [row[0] for row in orders(shop)] == [1, 2, 3, 10, 11, 12, 13]
    assert shop.run("verify", "--full").status == 0


def test_on_a_terminal(shop):
    shop.sql("INSERT INTO orders VALUES (7, 'gil', 1)", "--branch", "b")
    terminal = Terminal("-C", shop.path, "merge", "b")
    assert terminal.end() == 0 and "merged b into main, tx " in terminal.text


def test_help():
    text = run("merge", "--help").out
    for word in ["--into B", "--strategy S", "--dry-run", "-m, --message MSG", "3 conflicts"]:
        assert word in text


def test_a_repository_elsewhere(tmp_path):
    assert run("merge", "b", cwd=tmp_path, status=1).err
    assert Repo(tmp_path / "r").run("merge", "b", status=1).err
