# SPDX-License-Identifier: Apache-2.0
"""armillaria sql: statements, versions, formats, errors."""

import csv
import io
import json

import pyarrow.ipc
import pyarrow.parquet
import pytest
from arm import run


def test_select_json(orders):
    assert orders.sql("SELECT id, customer, amount FROM orders ORDER BY id LIMIT 2") == [
        {"id": 1, "customer": "ada", "amount": 10.5}, {"id": 2, "customer": "bob", "amount": 20.25}]
    assert orders.sql("SELECT * FROM orders WHERE id > 100") == []


def test_versions_in_one_statement(orders):
    assert orders.sql("""
        SELECT (SELECT count(*) FROM orders AT (VERSION => 1)) AS first,
               (SELECT count(*) FROM orders AT (VERSION => 'main~1')) AS parent,
               (SELECT count(*) FROM orders) AS now""") == [{"first": 3, "parent": 3, "now": 4}]
    created = orders.run("log", "--json").json[1]["created_at"]
    assert orders.value(
        f"SELECT count(*) FROM orders AT (TIMESTAMP => TIMESTAMP '{created[:-1]}')") == 3


def test_each_statement_is_a_commit_unless_in_a_transaction(repo):
    repo.sql("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    assert repo.tables()["t"]["version"] == 3
    repo.sql("BEGIN; INSERT INTO t VALUES (3); INSERT INTO t VALUES (4); COMMIT")
    assert repo.tables()["t"]["version"] == 4
    repo.sql("BEGIN; INSERT INTO t VALUES (5); ROLLBACK")
    repo.sql("BEGIN; INSERT INTO t VALUES (6)")
    assert repo.tables()["t"]["version"] == 4
    assert repo.value("SELECT sum(a) FROM t") == 10


def test_a_transaction_left_open_is_told(repo):
    repo.sql("CREATE TABLE t (a INTEGER)")
    for text in ("BEGIN; INSERT INTO t VALUES (1)", "start transaction; SELECT 1", "BEGIN"):
        result = repo.run("sql", "-c", text)
        assert "warning: BEGIN without COMMIT" in result.err and "rolled back" in result.err
    for text in ("BEGIN; INSERT INTO t VALUES (1); ROLLBACK", "BEGIN; COMMIT", "SELECT 1", ""):
        assert repo.run("sql", "-c", text).err == ""
    assert repo.value("SELECT count(*) FROM t") == 0


def test_message_of_a_commit(repo):
    repo.run("sql", "-c", "CREATE TABLE t (a INTEGER)", "-m", "the beginning")
    repo.run("sql", "-c", "INSERT INTO t VALUES (1)")
    assert [c["message"] for c in repo.run("log", "--json").json] == [
        "INSERT INTO t VALUES (1)", "the beginning"]


def test_delete(orders):
    assert orders.sql("DELETE FROM orders WHERE id IN (2, 3)") == [{"Count": 2}]
    assert orders.value("SELECT count(*) FROM orders") == 2
    assert orders.value("SELECT count(*) FROM orders AT (VERSION => 2)") == 4
    assert orders.sql("DELETE FROM orders WHERE id = 3") == [{"Count": 0}]
    assert orders.tables()["orders"]["version"] == 3


def test_json_has_one_array_with_the_rows(repo):
    assert repo.sql("CREATE TABLE t (a INTEGER)") == []
    assert repo.sql("INSERT INTO t VALUES (1), (2)") == [{"Count": 2}]
    assert repo.sql("INSERT INTO t VALUES (3); SELECT count(*) AS n FROM t;") == [{"n": 3}]


def test_json_is_one_array_of_the_rows_of_all_statements(repo):
    assert repo.sql("SELECT 1 AS a; SELECT 2 AS b, 'x' AS c; SELECT 3 AS a WHERE false;"
                    "SELECT 4 AS a") == [{"a": 1}, {"b": 2, "c": "x"}, {"a": 4}]
    assert repo.sql("SELECT 1 AS a WHERE false; SELECT 2 AS a WHERE false") == []
    assert repo.sql("SELECT 1 AS a WHERE false; CREATE TABLE t (a INTEGER)") == []
    assert repo.sql("INSERT INTO t VALUES (1); SELECT 1 AS a WHERE false") == []
    assert repo.run("sql", "--format", "jsonl", "-c", "SELECT 1 AS a; SELECT 2 AS b").out == (
        '{"a":1}\n{"b":2}\n')
    assert repo.run("sql", "--format", "csv", "-c", "SELECT 1 AS a; SELECT 2 AS b").out == (
        "a\n1\nb\n2\n")


def test_an_array_without_its_end_tells_of_an_error(repo):
    result = repo.run("sql", "--json", "-c", "SELECT 1 AS a; SELECT nosuch", status=1)
    assert result.out == '[{"a":1}\n'


def test_json_values(repo):
    (row,) = repo.sql("""
        SELECT 1::TINYINT AS i8, 18446744073709551615::UBIGINT AS u64,
            (-9223372036854775807)::BIGINT AS i64, 1.10::DECIMAL(9,2) AS dec,
            170141183460469231731687303715884105727::HUGEINT AS huge, 0.1::DOUBLE AS dbl,
            1.5::FLOAT AS flt, true AS yes, NULL AS nothing, 'a"b\\n' AS txt,
            DATE '2024-02-29' AS day, [1, 2, NULL] AS list, {'a': 1, 'b c': 'x'} AS struct,
            MAP {'k': 2} AS map, 'nan'::DOUBLE AS nan, sum(x) AS total,
            TIMESTAMP '2024-01-01 00:00:00' AS ts FROM range(10) r(x)""")
    assert row["i8"] == 1 and row["u64"] == 2**64 - 1 and row["i64"] == -(2**63) + 1
    assert row["huge"] == 2**127 - 1 and row["dec"] == 1.1 and row["dbl"] == 0.1
    assert row["flt"] == 1.5 and row["yes"] is True and row["nothing"] is None
    assert row["txt"] == 'a"b\\n' and row["day"] == "2024-02-29"
    assert row["list"] == [1, 2, None] and row["struct"] == {"a": 1, "b c": "x"}
    assert row["map"] == {"k": 2} and row["nan"] == "NaN" and row["total"] == 45
    assert row["ts"] == "2024-01-01 00:00:00"


def test_json_names_differ(repo):
    assert repo.sql("SELECT 1 AS a, 2 AS a, 3 AS \"a\"") == [{"a": 1, "a_1": 2, "a_2": 3}]


def test_formats(orders):
    sql = ["sql", "-c", "SELECT id, customer FROM orders WHERE id < 3 ORDER BY id"]
    assert orders.run(*sql, "--format", "csv").out == "id,customer\n1,ada\n2,bob\n"
    assert orders.run(*sql, "--format", "jsonl").out == (
        '{"id":1,"customer":"ada"}\n{"id":2,"customer":"bob"}\n')
    assert orders.run(*sql, "--format", "json").json == [
        {"id": 1, "customer": "ada"}, {"id": 2, "customer": "bob"}]
    assert orders.run(*sql, "--format", "markdown").out == (
        "| id | customer |\n|---|---|\n| 1 | ada |\n| 2 | bob |\n")
    assert orders.run(*sql).out == orders.run(*sql, "--format", "table").out == (
        "┌────┬──────────┐\n"
        "│ id │ customer │\n"
        "├────┼──────────┤\n"
        "│  1 │ ada      │\n"
        "│  2 │ bob      │\n"
        "└────┴──────────┘\n")


def test_csv_quotes_and_nulls(repo):
    out = repo.run("sql", "--format", "csv", "-c",
                   "SELECT 'a,b' AS x, 'say \"hi\"' AS y, NULL AS z, '' AS e, E'l1\\nl2' AS n").out
    assert out == 'x,y,z,e,n\n"a,b","say ""hi""",,"","l1\nl2"\n'
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["y"] == 'say "hi"' and row["n"] == "l1\nl2"


def test_table_shows_wide_and_control_characters(repo):
    lines = repo.run("sql", "-c", "SELECT '日本' AS a, E'x\\ty\\x1b[31m' AS b, NULL AS c").lines
    assert lines[3] == "│ 日本 │ x\\ty\\x1b[31m │ NULL │"
    assert lines[1] == "│ a    │ b            │ c    │"


@pytest.mark.parametrize("value, is_right", [
    ("12", True), ("-12.50", True), ("0", True), ("0.25", True), ("1e-05", True), ("1E9", True),
    ("-1.5e+300", True), ("9E", False), ("1e+", False), ("5.", False), (".5", False), ("-", False),
    ("1.2.3", False), ("1-2", False), ("007", False), ("+49", False), ("1e5.0", False), ("", False),
    ("2024-02-29", False)])
def test_only_numbers_stand_to_the_right(repo, value, is_right):
    """The values come as text; what is no number as DuckDB prints it is none."""
    line = repo.run("sql", "-c", f"SELECT '{value}' AS a_long_name").lines[3]
    assert line == f"│ {value:>11} │" if is_right else f"│ {value:<11} │"
    mixed = repo.run("sql", "-c", f"FROM (VALUES ('{value}'), ('x'), ('3')) t(a_long_name)").lines
    assert mixed[3:6] == [f"│ {text:<11} │" for text in (value, "x", "3")]


def test_table_of_many_rows_is_whole_in_a_pipe(repo):
    result = repo.run("sql", "-c", "SELECT i AS a_column FROM range(12345) t(i)")
    assert len(result.lines) == 12345 + 4


def test_files_by_suffix(orders, tmp_path):
    sql = ["sql", "-c", "SELECT * FROM orders ORDER BY id; -- all", "-o"]
    for suffix in ("csv", "json", "jsonl", "md", "parquet", "arrow"):
        assert orders.run(*sql, tmp_path / f"o.{suffix}").out == ""
    table = pyarrow.parquet.read_table(tmp_path / "o.parquet")
    assert table.column("id").to_pylist() == [1, 2, 3, 4]
    with pyarrow.ipc.open_file(tmp_path / "o.arrow") as reader:
        assert reader.read_all().column("customer").to_pylist() == ["ada", "bob", "cyd", "dan"]
    assert len(json.loads((tmp_path / "o.json").read_text())) == 4
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 5
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("o.")) == [
        "o.arrow", "o.csv", "o.json", "o.jsonl", "o.md", "o.parquet"]
    orders.refused(*sql, tmp_path / "o.what", status=2, says="--format")
    orders.run(*sql, tmp_path / "o.what", "--format", "csv")


def test_parquet_and_arrow_through_a_pipe(orders, tmp_path):
    for form, read in [("parquet", lambda b: pyarrow.parquet.read_table(io.BytesIO(b))),
                       ("arrow", lambda b: pyarrow.ipc.open_file(b).read_all())]:
        result = orders.run("sql", "-c", "SELECT id FROM orders", "--format", form, text=False,
                            stdin=b"", env={"TMPDIR": str(tmp_path)})
        assert read(result.out).num_rows == 4
        orders.refused("sql", "-c", "SELECT 1; SELECT 2", "--format", form, says="one statement")
        orders.refused("sql", "-c", "SELEC 1", "--format", form)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("armillaria-")]


def test_a_failed_statement_leaves_no_file(orders, tmp_path):
    for name in ("bad.csv", "bad.parquet", "bad.arrow"):
        orders.refused("sql", "-c", "SELECT nosuch FROM orders", "-o", tmp_path / name)
    (tmp_path / "old.csv").write_text("old")
    orders.refused("sql", "-c", "SELECT 1; SELECT nosuch", "-o", tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "old"
    assert not [p for p in tmp_path.iterdir() if "part" in p.name or "bad" in p.name]


def test_statements_from_files_and_standard_input(repo, tmp_path):
    script = tmp_path / "s.sql"
    script.write_text("CREATE TABLE t (a INTEGER);\n-- one; two\nINSERT INTO t VALUES (1);\n"
                      "SELECT a FROM t;\n/* end; */\n")
    assert repo.run("sql", "-f", script, "--json").json == [{"a": 1}]
    assert repo.run("sql", "--json", stdin="SELECT max(a) AS m FROM t").json == [{"m": 1}]
    assert repo.run("sql", "-f", "-", "--json", stdin="SELECT 2 AS b;").json == [{"b": 2}]
    assert repo.run("sql", stdin="").out == ""
    assert repo.run("sql", "-c", " ; -- nothing\n").out == ""
    assert "no.sql" in repo.run("sql", "-f", "no.sql", status=1).err


def test_stops_at_the_first_error_and_says_where(repo):
    result = repo.run("sql", "-c", "CREATE TABLE t (a INTEGER);\n\nINSERT INTO nosuch VALUES (1);\n"
                                   "INSERT INTO t VALUES (1)", status=1)
    assert "statement 2, line 3" in result.err and "nosuch" in result.err
    assert repo.value("SELECT count(*) FROM t") == 0
    assert "statement" not in repo.run("sql", "-c", "SELECT nosuch", status=1).err


def test_at_only_reads(orders):
    assert orders.value("SELECT sum(amount) FROM orders", "--at", "main~1") == 60.75
    orders.refused("sql", "--at", "main~1", "-c", "DELETE FROM orders")
    orders.refused("sql", "--at", "nosuch", "-c", "SELECT 1", says="nosuch")


@pytest.mark.parametrize("statement", [
    "WITH x AS (SELECT * FROM orders) SELECT count(*) AS n FROM x JOIN orders USING (id)",
    "PREPARE p AS SELECT count(*) AS n FROM orders WHERE id > ?; EXECUTE p(0)",
    "SELECT count(*) AS n FROM (SELECT * FROM orders) WHERE id IN (SELECT id FROM orders)",
    "CREATE TABLE copy AS SELECT * FROM orders; SELECT count(*) AS n FROM copy",
])
def test_duckdbs_dialect(orders, statement):
    assert orders.sql(statement) == [{"n": 4}]


def test_describe_explain_information_schema(orders):
    assert [c["column_name"] for c in orders.sql("DESCRIBE orders")] == ["id", "customer", "amount"]
    assert len(orders.sql("SUMMARIZE orders")) == 3
    assert orders.sql("SELECT table_name FROM information_schema.tables "
                      "WHERE table_name = 'orders'") == [{"table_name": "orders"}]
    assert {"name": "orders"} in orders.sql("SHOW TABLES")


@pytest.mark.parametrize("verb", ["EXPLAIN", "EXPLAIN ANALYZE"])
def test_plans_are_printed_as_they_are_drawn(orders, verb):
    sql = f"{verb} SELECT * FROM orders WHERE id > 1"
    lines = orders.run("sql", "-c", sql).lines
    assert len(lines) > 5 and lines[0].startswith("┌") and lines[-1].startswith("└")
    assert not any("\\n" in line or "explain_value" in line for line in lines)
    (row,) = orders.sql(sql)
    assert set(row) == {"explain_key", "explain_value"} and "\n" in row["explain_value"]
    quoted = orders.run("sql", "-c", "SELECT 'k' AS explain_key, E'\\x1b[1m' AS explain_value").out
    assert quoted == "\\x1b[1m\n"


def test_copy_to_a_file(orders, tmp_path):
    orders.sql(f"COPY (SELECT id FROM orders) TO '{tmp_path}/c.csv' (HEADER)")
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 5


def test_no_network(repo):
    for statement in ("INSTALL httpfs", "LOAD httpfs",
                      "SELECT * FROM 'https://example.org/x.csv'"):
        assert repo.run("sql", "-c", statement, status=1).err


def test_a_broken_pipe_ends_it(orders):
    import subprocess

    from arm import BIN, environment

    command = f"{BIN} -C {orders.path} sql --format csv -c 'FROM range(5000000)' | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True,
                          text=True, check=False, env=environment(), timeout=60)
    assert done.stdout == "range\n" and done.stderr == ""
    assert done.returncode == 141


def test_full_device_is_told():
    import os

    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is not there")
    import subprocess

    from arm import BIN

    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BIN, "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 1 and "standard output" in done.stderr


def test_sql_text_is_not_kept_open(orders):
    """A statement with its semicolon inside quotes is one statement."""
    assert orders.sql("SELECT ';' AS a, $$;$$ AS b, \";\" FROM (SELECT 1 AS \";\")") == [
        {"a": ";", "b": ";", ";": 1}]
    assert run("-C", orders.path, "sql", "--json", "-c", "SELECT 1 AS a /* ; */").json == [{"a": 1}]
