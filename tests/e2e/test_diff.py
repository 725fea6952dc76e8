# SPDX-License-Identifier: Apache-2.0
"""`diff`: tables and rows that differ between branches, tags, times, txs and versions, for people
and as JSON."""

import os
import subprocess

import pytest
from arm import BIN, SANITIZED, environment
from terminal import ESCAPES, Terminal

FIELDS = {"table", "status", "old_version", "new_version", "rows_added", "rows_removed",
          "rows_changed", "conflict"}


@pytest.fixture
def shop(repo):
    """Orders with a key; a branch `b` that changed, added and deleted some."""
    repo.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR, amount DOUBLE)")
    repo.sql("INSERT INTO orders VALUES (1, 'ada', 10.5), (2, 'bob', 20.25), (3, 'cyd', 30)")
    repo.run("branch", "create", "b")
    repo.sql("UPDATE orders SET amount = 11 WHERE id = 1; INSERT INTO orders VALUES "
             "(4, NULL, 40); DELETE FROM orders WHERE id = 3", "--branch", "b")
    return repo


def tables(repo, a, b, *args):
    """{table: (status, old version, new version, rows added, removed, changed)}"""
    rows = repo.run("diff", a, b, "--json", *args).json
    assert all(set(row) == FIELDS for row in rows)
    assert [row["table"] for row in rows] == sorted(row["table"] for row in rows)
    return {row["table"]: tuple(row[field] for field in (
        "status", "old_version", "new_version", "rows_added", "rows_removed", "rows_changed"))
        for row in rows}


def changes(repo, a, b, table, *columns):
    """[(_change, values...)] of the rows."""
    return [(row["_change"], *(row[column] for column in columns))
            for row in repo.run("diff", a, b, "--table", table, "--rows", "--json").json]


# ---- Tables ----


def test_tables(shop):
    assert tables(shop, "main", "b") == {"orders": ("modified", 2, 5, 1, 1, 1)}
    assert tables(shop, "b", "main") == {"orders": ("modified", 5, 2, 1, 1, 1)}
    (row,) = shop.run("diff", "main", "b", "--json").json
    assert row["conflict"] is False
    head, line = shop.run("diff", "main", "b").lines
    assert head.split() == ["table", "status", "old_version", "new_version", "rows_added",
                            "rows_removed", "rows_changed"]
    assert line.split() == ["orders", "modified", "2", "5", "1", "1", "1"]


def test_nothing_differs(shop):
    assert shop.run("diff", "b", "b").out == "no table differs\n"
    assert shop.run("diff", "b", "b", "-q").out == ""
    for more in [(), ("--rows",), ("--stat",), ("--table", "orders"),
                 ("--table", "orders", "--rows")]:
        assert shop.run("diff", "main", "main", *more).out == "no table differs\n"
        assert shop.run("diff", "main", "main", "--json", *more).json == []
    assert shop.run("diff", "version:2", "version:2", "--table", "orders", "--json").json == []


def test_an_empty_repository(repo):
    assert repo.run("diff", "main", "main", "--json").json == []


def test_added_removed_and_renamed(shop):
    shop.sql("CREATE TABLE extra AS SELECT range AS i FROM range(7); "
             "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS a; "
             "ALTER TABLE orders RENAME TO sales; CREATE VIEW v AS SELECT 1", "--branch", "b")
    assert tables(shop, "main", "b") == {
        "extra": ("added", None, 1, 7, 0, 0),
        "s.t": ("added", None, 1, 1, 0, 0),
        "sales": ("renamed", 2, 6, 1, 1, 1)}
    assert tables(shop, "b", "main") == {
        "extra": ("removed", 1, None, 0, 7, 0),
        "orders": ("renamed", 6, 2, 1, 1, 1),
        "s.t": ("removed", 1, None, 0, 1, 0)}
    assert changes(shop, "main", "b", "sales", "id", "amount") == [
        ("update_before", 1, 10.5), ("update_after", 1, 11), ("delete", 3, 30), ("insert", 4, 40)]
    for table in ["sales", "orders"]:
        assert set(tables(shop, "main", "b", "--table", table)) == {"sales"}
    assert changes(shop, "main", "b", "s.t", "a") == [("insert", 1)]
    assert changes(shop, "b", "main", "s.t", "a") == [("delete", 1)]
    out = shop.run("diff", "main", "b", "--rows").out
    assert [line for line in out.splitlines() if ": " in line] == [
        "extra: added, version 1", "s.t: added, version 1", "sales: renamed, version 2 -> 6"]


def test_a_table_that_is_another_under_the_same_name(shop):
    shop.sql("DROP TABLE orders; CREATE TABLE orders AS SELECT 1 AS id, 'eve' AS who",
             "--branch", "b")
    (found,) = tables(shop, "main", "b").values()
    assert found[0] == "modified"
    rows = changes(shop, "main", "b", "orders", "id", "who")
    assert ("insert", 1, "eve") in rows and sum(row[0] == "delete" for row in rows) == 3


def test_only_one_table(shop):
    shop.sql("CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE z AS SELECT 1 AS i", "--branch", "b")
    for typed in ["orders", "ORDERS", '"orders"', "main.orders", '"main"."orders"']:
        assert set(tables(shop, "main", "b", "--table", typed)) == {"orders"}
    assert len(tables(shop, "main", "b")) == 3
    shop.sql("CREATE TABLE same AS SELECT 1 AS i")
    shop.run("branch", "create", "c")
    assert tables(shop, "main", "c", "--table", "same") == {}


# ---- Rows ----


def test_rows(shop):
    assert shop.run("diff", "main", "b", "--rows").lines == [
        "orders: modified, version 2 -> 5",
        "~ id=1, amount=10.5 -> 11.0",
        "- id=3, customer=cyd, amount=30.0",
        "+ id=4, customer=NULL, amount=40.0"]
    rows = shop.run("diff", "main", "b", "--rows", "--json").json
    assert [set(row) for row in rows] == [{"_table", "id", "customer", "amount", "_change", "_tx",
                                           "_version"}] * 4
    assert {row["_table"] for row in rows} == {"orders"}
    log = {c["tx"]: c for c in shop.run("log", "--json", "--branch", "b").json}
    assert {row["_tx"] for row in rows} <= set(log)
    assert [row["_version"] for row in rows] == [2, 5, 2, 5]
    only = shop.run("diff", "main", "b", "--rows", "--json", "--table", "orders").json
    assert only == [{k: v for k, v in row.items() if k != "_table"} for row in rows]


def test_rows_of_several_tables_are_one_array(shop):
    shop.sql("CREATE TABLE u AS SELECT 'x' AS s; CREATE TABLE nothing (i INTEGER)",
             "--branch", "b")
    rows = shop.run("diff", "main", "b", "--rows", "--json").json
    assert [row["_table"] for row in rows] == ["orders"] * 4 + ["u"]
    assert rows[4]["s"] == "x" and "id" not in rows[4]
    out = shop.run("diff", "main", "b", "--rows").out
    assert out.startswith("nothing: added, version 1\n\norders: modified, ")
    assert out.endswith("\n\nu: added, version 1\n+ s=x\n")


def test_rows_without_a_key(repo):
    """They are the same row if an update made one of the other; then the whole row is shown."""
    repo.sql("CREATE TABLE t AS SELECT range AS i, 'x' AS s FROM range(3)")
    repo.sql("UPDATE t SET s = 'y' WHERE i = 1")
    assert repo.run("diff", "main~1", "main", "--rows").lines == [
        "t: modified, version 1 -> 2", "~ i=1, s=x -> y"]


def test_columns_that_were_added_dropped_and_renamed(shop):
    shop.sql("ALTER TABLE orders ADD COLUMN note VARCHAR DEFAULT 'none'; "
             "ALTER TABLE orders RENAME COLUMN customer TO who; "
             "ALTER TABLE orders DROP COLUMN amount; "
             "UPDATE orders SET note = 'good' WHERE id = 2", "--branch", "b")
    rows = shop.run("diff", "main", "b", "--table", "orders", "--rows", "--json").json
    assert all(set(row) == {"id", "who", "note", "_change", "_tx", "_version"} for row in rows)
    by_id = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append((row["_change"], row["who"], row["note"]))
    assert by_id[2][-1] == ("update_after", "bob", "good")
    assert by_id[3] == [("delete", "cyd", "none")] and by_id[4] == [("insert", None, "none")]
    out = shop.run("diff", "main", "b", "--rows").out
    assert "~ id=2, note=none -> good\n" in out and "~ id=1" not in out


# ---- Columns, keys and CHECKs ----


def schema_changes(repo, a, b, *args):
    """[(table, change, column, property, old, new)]"""
    return [tuple(row[field] for field in ("table", "change", "column", "property", "old", "new"))
            for row in repo.run("diff", a, b, "--schema", "--json", *args).json]


def swapped(changes):
    """What it is the other way round: names of columns aside, which are those of the other end."""
    other = {"added": "removed", "removed": "added", "changed": "changed"}
    return {(table, other[change], prop, new, old)
            for table, change, _, prop, old, new in changes}


def test_what_differs_of_columns(repo):
    repo.sql("CREATE TABLE t (k INTEGER PRIMARY KEY, a INTEGER NOT NULL, b VARCHAR DEFAULT 'x', "
             "c DOUBLE, e INTEGER, CHECK (a > 0)); CREATE TABLE gone (i INTEGER)")
    repo.run("tag", "create", "before")
    repo.sql("ALTER TABLE t ADD COLUMN d DECIMAL(5, 2) DEFAULT 1.5; ALTER TABLE t DROP COLUMN c; "
             "ALTER TABLE t RENAME a TO aa; ALTER TABLE t ALTER e TYPE BIGINT; "
             "ALTER TABLE t ALTER aa DROP NOT NULL; ALTER TABLE t ALTER b DROP DEFAULT; "
             "DROP TABLE gone; CREATE TABLE new (j INTEGER)")
    changes = schema_changes(repo, "before", "main")
    assert changes == [
        ("t", "changed", "aa", "name", "a", "aa"),
        ("t", "changed", "aa", "nullable", "false", "true"),
        ("t", "changed", "b", "default", "'x'", None),
        ("t", "changed", "e", "type", "INTEGER", "BIGINT"),
        ("t", "added", "d", "column", None, "DECIMAL(5,2) DEFAULT 1.5"),
        ("t", "removed", "c", "column", "DOUBLE", None),
        ("t", "added", None, "check", None, "(aa > 0)"),
        ("t", "removed", None, "check", "(a > 0)", None)]
    back = schema_changes(repo, "main", "before")
    assert swapped(back) == {change[:2] + change[3:] for change in changes}
    assert schema_changes(repo, "before", "main", "--table", "t") == changes
    assert schema_changes(repo, "version:1", "version:2", "--table", "t") == changes[4:5]
    assert schema_changes(repo, "main", "main") == []
    assert repo.sql("SELECT * FROM arm_schema_diff('t', 'before', 'main')") == [
        dict(zip(("table", "change", "column", "property", "old", "new"), change))
        for change in changes]


def test_columns_in_the_list_and_above_the_rows(repo):
    repo.sql("CREATE TABLE t (k INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 2); "
             "CREATE TABLE u (i INTEGER)")
    repo.run("tag", "create", "before")
    repo.sql("ALTER TABLE t ADD COLUMN b VARCHAR DEFAULT 'x'; ALTER TABLE t ALTER a SET NOT NULL; "
             "INSERT INTO t VALUES (2, 3, 'y'); INSERT INTO u VALUES (7)")
    told = ["t", "  ~ COLUMN a: nullable true -> false", "  + COLUMN b VARCHAR DEFAULT 'x'"]
    assert repo.run("diff", "before", "main").lines[3:] == ["", *told]
    assert repo.run("diff", "before", "main", "--schema").lines == told
    assert repo.run("diff", "before", "main", "--rows").lines == [
        "t: modified, version 2 -> 5", *(line.strip() for line in told[1:]), "+ k=2, a=3, b=y", "",
        "u: modified, version 1 -> 2", "+ i=7"]
    assert repo.run("diff", "main~1", "main").lines[2:] == []
    assert (repo.run("diff", "main~1", "main", "--schema").out ==
            "no columns, keys or CHECKs differ\n")
    assert repo.run("diff", "main", "main", "--schema").out == "no table differs\n"
    assert set(repo.run("diff", "before", "main", "--json").json[0]) == FIELDS
    for more in ("--rows", "--stat"):
        assert "--schema" in repo.run("diff", "before", "main", "--schema", more, status=2).err


def test_keys_and_generated_columns_that_differ(repo):
    repo.sql("CREATE TABLE t (k INTEGER PRIMARY KEY, a INTEGER UNIQUE, "
             "twice INTEGER GENERATED ALWAYS AS (a * 2))")
    repo.run("branch", "create", "b")
    repo.sql("DROP TABLE t; CREATE TABLE t (K INTEGER, a INTEGER, \"odd \"\"name\" INTEGER, "
             "PRIMARY KEY (K, a), UNIQUE (\"odd \"\"name\"), "
             "twice INTEGER GENERATED ALWAYS AS (a + a))", "--branch", "b")
    assert schema_changes(repo, "main", "b") == [  # columns of two tables are the same by name
        ("t", "changed", "K", "name", "k", "K"),
        ("t", "changed", "a", "nullable", "true", "false"),
        ("t", "added", 'odd "name', "column", None, "INTEGER"),
        ("t", "changed", "twice", "generated", "CAST((a * 2) AS INTEGER)",
         "CAST((a + a) AS INTEGER)"),
        ("t", "changed", None, "primary key", "(K)", "(K, a)"),
        ("t", "added", None, "unique", None, '("odd ""name")'),
        ("t", "removed", None, "unique", "(a)", None)]
    lines = repo.run("diff", "main", "b", "--schema").lines
    assert "  ~ PRIMARY KEY (K) -> (K, a)" in lines and "  - UNIQUE (a)" in lines


def test_stat(shop):
    shop.sql("CREATE TABLE many AS SELECT range AS i FROM range(1000)", "--branch", "b")
    lines = shop.run("diff", "main", "b", "--stat").lines
    assert lines[0] == " many   | 1,000 " + "+" * 40
    assert lines[1] == " orders | 3 +-~"
    total, stored = lines[2].split("; ")
    assert total == " 2 tables: 1,001 rows added, 1 removed, 1 changed"
    assert stored.endswith(" kB added, 0 B removed") and len(lines) == 3
    assert shop.run("diff", "main", "b", "--stat", "--json").json == shop.run(
        "diff", "main", "b", "--json").json
    both = shop.run("diff", "main", "b", "--stat", "--rows", "--table", "orders").out
    assert both.startswith(" orders | 3 +-~\n 1 table: 1 row added, 1 removed, 1 changed; ")
    assert " B removed\n\norders: modified" in both


def test_bytes_are_those_of_chunks_and_hot_rows(repo):
    def counted(a, b):
        (row,) = repo.sql(f"SELECT bytes_added, bytes_removed FROM arm_diff('{a}', '{b}')")
        return row["bytes_added"], row["bytes_removed"]

    repo.sql("CREATE TABLE t (i INTEGER PRIMARY KEY, v VARCHAR); INSERT INTO t VALUES (-1, 'x')")
    repo.run("branch", "create", "b")
    repo.sql("INSERT INTO t SELECT i, 'v' || i FROM range(20000) r(i)", "--branch", "b")
    chunk = repo.chunk_bytes()
    assert counted("main", "b") == (chunk, 0) and counted("b", "main") == (0, chunk)
    repo.sql("UPDATE t SET v = 'y' WHERE i = 7", "--branch", "b")  # the chunk stays, the row is hot
    hot = counted("main", "b")[0] - chunk
    assert 0 < hot < 200 and counted("b~1", "b") == (hot, 0)
    repo.run("compact", "--branch", "b")
    assert repo.run("diff", "b~1", "b", "--json").json[0]["rows_changed"] == 1
    more, less = counted("b~1", "b")
    assert more > hot and less > 0  # upkeep wrote the rows anew


# ---- Refs ----


def test_refs_of_every_kind(shop):
    shop.run("tag", "create", "v1", "main")
    shop.run("tag", "create", "v2", "b")
    commits = shop.run("log", "--json", "--branch", "b").json
    wanted = tables(shop, "main", "b")
    last, first = commits[0], commits[3]
    for a in ["v1", "main", f"tx:{first['tx']}", "b~3", "v2~3"]:
        for b in ["v2", "b", f"tx:{last['tx']}"]:
            assert tables(shop, a, b) == wanted, (a, b)
    assert tables(shop, first["created_at"], last["created_at"], "--branch", "b") == wanted
    assert changes(shop, "version:2", "version:5", "orders", "id") == changes(
        shop, "main", "b", "orders", "id")
    for a, b in [("version:2", "version:5"), ("main", "version:5"), ("version:2", "b"),
                 ("version:4~2", "version:5~0"), ("version:5~3", "b")]:
        assert tables(shop, a, b, "--table", "orders") == wanted
    assert tables(shop, "version:1", "version:2", "--table", "orders") == {
        "orders": ("modified", 1, 2, 3, 0, 0)}


@pytest.mark.parametrize("args, says", [
    (["main", "nosuch"], "nosuch"),
    (["nosuch", "main"], "nosuch"),
    (["main", "tx:999"], "999"),
    (["main~99", "main"], "main~99"),
    (["main", "b", "--table", "nosuch"], 'no table "nosuch" at \'main\' nor at \'b\''),
    (["main", "b", "--table", "a.b.c"], "a.b.c"),
    (["version:1", "version:2"], "version of one table"),
    (["version:1", "version:99", "--table", "orders"], "99"),
    (["version:1", "main", "--table", "nosuch"], "nosuch"),
    (["main", "b'; DROP TABLE orders; --", "--table", "orders"], "b'"),
])
def test_refused(shop, args, says):
    shop.refused("diff", *args, says=says)
    shop.refused("diff", *args, "--rows", says=says)
    shop.refused("diff", *args, "--schema", says=says)


@pytest.mark.parametrize("args", [[], ["main"], ["main", "b", "c"]])
def test_wrong_use(shop, args):
    assert shop.run("diff", *args, status=2).out == ""


# ---- What names and values may be ----


def test_hostile_names(repo):
    names = ['"a.b"', '"it\'s"', '"quote""d"', '"\u202e"', '"_change"', '"SELECT"', '"a b"', '"-"']
    repo.sql("CREATE SCHEMA a; CREATE TABLE a.b (i INTEGER PRIMARY KEY)")
    for name in names:
        repo.sql(f"CREATE TABLE {name} ({name} INTEGER PRIMARY KEY, _tx INTEGER)")
    repo.run("branch", "create", "b")
    for name in names:
        repo.sql(f"INSERT INTO {name} VALUES (1, 2)", "--branch", "b")
    repo.sql("INSERT INTO a.b VALUES (7)", "--branch", "b")
    assert len(repo.run("diff", "main", "b", "--json").json) == len(names) + 1
    assert len(repo.run("diff", "main", "b", "--rows", "--json").json) == len(names) + 1
    repo.sql("; ".join(f"ALTER TABLE {name} RENAME _tx TO \"\u202e'x\"" for name in names),
             "--branch", "b")
    assert len(repo.run("diff", "main", "b", "--schema", "--json").json) == len(names)
    for args in [(), ("--stat",), ("--rows",), ("--schema",)]:
        out = repo.run("diff", "main", "b", *args).out
        assert "\u202e" not in out and "\\u202e" in out
    for name in names:
        (row,) = repo.run("diff", "main", "b", "--table", name, "--rows", "--json").json
        assert list(row.values())[:3] == [1, 2, "insert"]
        assert len(tables(repo, "main", "b", "--table", name)) == 1
        literal = name.replace("'", "''")
        assert repo.value(f"SELECT count(*) FROM arm_versions('{literal}')") == 1
    assert changes(repo, "main", "b", "a.b", "i") == [("insert", 7)]


def test_values(repo):
    repo.sql("CREATE TABLE t (k INTEGER PRIMARY KEY, s VARCHAR, d DECIMAL(20, 3), l INTEGER[], "
             "m STRUCT(a DATE, b BLOB), h HUGEINT)")
    repo.sql("INSERT INTO t VALUES (1, '', 1.5, [1, 2], {'a': DATE '2024-01-01', 'b': '\\xAA'}, "
             "170141183460469231731687303715884105727), (2, NULL, NULL, NULL, NULL, NULL)")
    repo.sql("UPDATE t SET s = e'a\\nb\\x1b[1m', l = [3], d = NULL WHERE k = 1; "
             "UPDATE t SET s = '' WHERE k = 2")
    assert repo.run("diff", "main~2", "main", "--rows").lines == [
        "t: modified, version 2 -> 4",
        "~ k=1, s='' -> a\\nb\\x1b[1m, d=1.500 -> NULL, l=[1, 2] -> [3]",
        "~ k=2, s=NULL -> ''"]
    before, after, *_ = repo.run("diff", "main~2", "main", "--rows", "--json").json
    assert before["h"] == after["h"] == 170141183460469231731687303715884105727
    assert (before["d"], after["d"]) == (1.5, None) and (before["l"], after["l"]) == ([1, 2], [3])
    assert before["m"]["a"] == "2024-01-01" and after["s"] == "a\nb\x1b[1m"


def test_on_a_terminal(shop):
    shop.sql("UPDATE orders SET customer = repeat('x', 300) WHERE id = 2", "--branch", "b")
    terminal = Terminal("-C", shop.path, "diff", "main", "b", "--rows")
    assert terminal.end() == 0
    assert "\x1b[32m+" in terminal.raw and "\x1b[31m-" in terminal.raw
    assert "\x1b[33m~" in terminal.raw and "\x1b[31m10.5" in terminal.raw
    assert "x" * 59 + "…" in ESCAPES.sub("", terminal.raw) and "x" * 61 not in terminal.raw
    assert "x" * 300 in shop.run("diff", "main", "b", "--rows").out
    assert "\x1b" not in shop.run("diff", "main", "b", "--rows").out
    terminal = Terminal("-C", shop.path, "--no-color", "diff", "main", "b", "--rows", "--stat")
    assert terminal.end() == 0 and "\x1b[3" not in terminal.raw


# ---- Large ones ----


ROWS = 1_500_000


def peak_mb(repo, *args):
    """The most memory the command had, and how many lines it wrote."""
    process = subprocess.Popen([BIN, "-C", str(repo.path), *args], stdout=subprocess.PIPE,
                               env=environment())
    lines = 0
    for piece in iter(lambda: process.stdout.read(1 << 20), b""):
        lines += piece.count(b"\n")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return usage.ru_maxrss / 1024, lines


def test_large_diffs_are_bounded(repo):
    """SQL finds the rows within the memory that it may have, and they are written as they come:
    `diff` takes no more than the statement would."""
    if SANITIZED:
        pytest.skip("a sanitizer's memory is its own")
    repo.sql("CREATE TABLE t AS SELECT range AS i, 'the same text all over' AS s FROM range(1)")
    repo.sql(f"INSERT INTO t SELECT range, 'the same text all over' FROM range(1, {ROWS})")
    assert tables(repo, "main~1", "main") == {"t": ("modified", 1, 2, ROWS - 1, 0, 0)}
    statement = "SELECT * FROM arm_row_diff('t', 'main~1', 'main')"
    by_sql, lines = peak_mb(repo, "sql", "--format", "jsonl", "-c", statement)
    assert lines == ROWS - 1
    small, lines = peak_mb(repo, "sql", "--format", "jsonl", "-c",
                           f"SET memory_limit = '60MB'; {statement}")
    assert lines == ROWS - 1 and small < by_sql / 1.5, (small, by_sql)
    for args, wanted in [(["--rows"], ROWS), (["--rows", "--json"], ROWS - 1)]:
        peak, lines = peak_mb(repo, "diff", "main~1", "main", *args)
        assert lines == wanted and peak < by_sql + 60, (peak, by_sql)
    repo.sql("ALTER TABLE t ADD COLUMN n INTEGER")  # told before the rows, which stream on
    peak, lines = peak_mb(repo, "diff", "main~2", "main", "--rows")
    assert lines == ROWS + 1 and peak < by_sql + 60, (peak, by_sql)
