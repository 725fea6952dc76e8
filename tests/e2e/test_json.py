# SPDX-License-Identifier: Apache-2.0
"""--json: every verb, its fields as INTERFACES has them; errors, warnings and wrong use too."""

import json

import pytest
from arm import run
from help_text import verbs

COMMIT = ["tx", "commit", "parents", "branch", "created_at", "author", "message", "changes"]
CHANGE = ["table_name", "old_version", "new_version", "is_new_table", "rows_added", "rows_removed"]
STATS = ["logical_bytes", "stored_bytes", "dedup_ratio"]
# The promised fields, in order; what we add to them stands behind.
LISTS = {
    ("tables",): ["table", "version", "rows", "bytes", "key"],
    ("versions", "orders"): ["table", "version", "parent", "tx", "branch", "created_at", "rows",
                             "bytes", "message"],
    ("versions", "orders", "--all"): ["table", "version", "parent", "tx", "branch", "created_at",
                                      "rows", "bytes", "message"],
    ("schema", "orders"): ["column", "type", "nullable", "key", "default", "id"],
    ("log",): COMMIT,
    ("changes",): ["tx_id", "timestamp", "branch", "author", "message", "changes"],
}
OBJECTS = {
    ("show", "main"): COMMIT,
    ("stats",): ["tables", *STATS, "consumers"],
    ("verify",): ["is_healthy", "issues"],
    ("verify", "--full"): ["is_healthy", "issues"],
    ("recover",): ["is_clean", "rolled_back"],
    ("merge", "main"): ["tx", "fast_forward", "tables", "conflicts"],
    ("cherry-pick", "main"): ["tx", "fast_forward", "tables", "conflicts"],
    ("restore", "orders", "--at", "main"): ["tx", "fast_forward", "tables", "conflicts"],
    ("revert", "main"): ["tx", "fast_forward", "tables", "conflicts"],
    ("--version",): ["version"],
}


def strict(text):
    """JSON and nothing that only Python reads: no NaN, no member twice."""
    def members(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    return json.loads(text, object_pairs_hook=members, parse_constant=lambda name: 1 / 0)


def told(result):
    """What is said on stderr: objects, one a line."""
    said = [strict(line) for line in result.err.splitlines()]
    assert all(one["level"] in ("error", "warning") and one["message"] for one in said), said
    return said


@pytest.mark.parametrize("args", LISTS, ids=" ".join)
def test_lists(orders, args):
    rows = strict(orders.run(*args, "--json").out)
    assert rows and all(list(row) == LISTS[args] for row in rows)
    if args[0] in ("log", "changes"):
        assert all(list(change) == CHANGE for row in rows for change in row["changes"])


@pytest.mark.parametrize("args", OBJECTS, ids=" ".join)
def test_objects(orders, args):
    answer = strict(orders.run(*args, "--json").out)
    assert list(answer) == OBJECTS[args]
    if args[0] == "show":
        (change,) = answer["changes"]
        assert list(change) == [*CHANGE, "bytes_added", "bytes_removed"]
    if args[0] == "stats":
        assert list(answer["tables"][0]) == ["table", "versions", "rows", *STATS]


def test_what_changes_something(tmp_path):
    (row,) = strict(run("init", tmp_path / "r", "--json").out)
    assert row == {"path": str(tmp_path / "r")}
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    (row,) = strict(run("-C", tmp_path / "r", "import", "t", file, "--json").out)
    assert list(row) == ["table", "version", "tx", "rows", "bytes_added", "chunks_added",
                         "chunks_reused"]
    (row,) = strict(run("-C", tmp_path / "r", "export", "t", tmp_path / "b.csv", "--json").out)
    assert row == {"table": "t", "file": str(tmp_path / "b.csv"), "rows": 1}
    assert strict(run("-C", tmp_path / "r", "sql", "--json", "-c", "SELECT 1 AS a").out) == [
        {"a": 1}]
    assert strict(run("-C", tmp_path / "r", "sql", "--json", "-c", "DELETE FROM t").out) == [
        {"Count": 1}]
    assert strict(run("-C", tmp_path / "r", "sql", "--json", "-c", "BEGIN; COMMIT").out) == []
    answer = strict(run("-C", tmp_path / "r", "gc", "--json").out)
    assert list(answer) == ["dry_run", "chunks", "chunk_bytes", "key_runs", "key_run_bytes",
                            "young", "leased", "pinned", "history_from"]


def test_no_verb_is_left_out():
    tested = {args[0] for args in [*LISTS, *OBJECTS]} | {"init", "import", "export", "sql",
                                                         "compact", "gc"}
    # test_branches.py, test_diff.py, test_changes.py
    elsewhere = {"branch", "checkout", "tag", "diff", "consumer"}
    assert set(verbs()) <= tested | elsewhere


def test_damage(orders):
    orders.sql("CREATE TABLE big AS SELECT i FROM range(200000) t(i)")
    (chunk, *_) = orders.files("chunks")
    (orders.path / chunk).unlink()
    result = orders.run("verify", "--json", status=4)
    answer = strict(result.out)
    assert list(answer) == ["is_healthy", "issues"] and answer["is_healthy"] is False
    assert all(list(issue) == ["kind", "object", "message"] for issue in answer["issues"])
    assert answer["issues"] and result.err == ""
    (error,) = told(orders.run("sql", "--json", "-c", "SELECT sum(i) FROM big", status=4))
    assert error["code"] == "ARM_CORRUPT" and error["status"] == 4 and "verify" in error["hint"]


@pytest.mark.parametrize("args, code, status, says", [
    (["versions", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["schema", "orders", "--at", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["show", "tx:99999"], "ARM_NOT_FOUND", 1, "99999"),
    (["log", "--at", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["export", "orders", "/nowhere/x.csv"], None, 1, "/nowhere/x.csv"),
    (["import", "orders", "/nowhere/x.csv"], None, 1, "/nowhere/x.csv"),
    (["sql", "-c", "SELECT 1; SELEC"], "ARM_SQL", 1, "statement 2"),
    (["sql", "-f", "/nowhere/x.sql"], "ARM_NOT_FOUND", 1, "/nowhere/x.sql"),
    (["tables", "--branch", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["merge", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["diff", "main", "nosuch"], "ARM_NOT_FOUND", 1, "nosuch"),
    (["import", "t", "x.csv", "--key", "a,,b"], "ARM_INVALID", 2, "list of columns"),
    (["tabels"], "ARM_INVALID", 2, "did you mean 'tables'?"),
    (["tables", "--frob"], "ARM_INVALID", 2, "--frob"),
    (["export", "orders", "x.xyz"], "ARM_INVALID", 2, "suffix"),
    (["sql", "-c", "SELECT 1", "--format", "xml"], "ARM_INVALID", 2, "xml"),
    (["log", "-n", "x"], "ARM_INVALID", 2, "'x'"),
    (["schema"], "ARM_INVALID", 2, "schema"),
])
@pytest.mark.parametrize("place", ["first", "last"])
def test_errors(orders, args, code, status, says, place):
    args = ["--json", *args] if place == "first" else [*args, "--json"]
    result = orders.run(*args, status=status)
    (error,) = told(result)
    assert error["level"] == "error" and error["status"] == status and says in error["message"]
    assert code is None or error["code"] == code
    assert set(error) <= {"level", "code", "status", "message", "usage", "hint", "commit"}
    assert ("usage" in error) == (status == 2)
    plain = orders.run(*(word for word in args if word != "--json"), status=status).err
    assert error["message"].splitlines()[0] in plain
    if "hint" in error:
        assert f"hint: {error['hint']}" in plain


def test_json_as_a_value_is_no_wish(orders):
    orders.run("sql", "-c", "DELETE FROM orders", "-m", "--json")
    assert orders.run("log", "-n", "1", "--json").json[0]["message"] == "--json"
    assert "error: " in orders.run("sql", "-c", "SELEC", "-m", "--json", status=1).err


def test_warnings(orders):
    (warning,) = told(orders.run("sql", "--json", "-c", "BEGIN; DELETE FROM orders"))
    assert list(warning) == ["level", "message"] and "rolled back" in warning["message"]


def test_text_of_any_kind(orders, tmp_path):
    """Quotes, line ends, controls and ill-formed bytes in a message are no harm."""
    name = b"a\"\\\n\x1b\xff.csv"
    result = orders.run("import", "t", tmp_path / name.decode("utf-8", "surrogateescape"),
                        "--json", status=1, text=False)
    (line,) = result.err.splitlines()
    assert 'a"\\' in strict(line.decode("utf-8"))["message"]
