# SPDX-License-Identifier: Apache-2.0
"""The changelog: what is told of commits and of rows, by the command and by SQL."""

import re

import pytest
from changelog import FIELDS, changes, latest, repo, txs

CHANGE = ["table_name", "old_version", "new_version", "is_new_table", "rows_added", "rows_removed"]


def told(repo, table, since=0, extra=""):
    """What became of rows: (columns…, change, tx)."""
    rows = repo.sql(f"SELECT * EXCLUDE _version FROM arm_row_changes('{table}', {since}{extra})")
    return [tuple(row.values()) for row in rows]


# ---- The query ----


def test_fields_and_order(repo):
    found = changes(repo)
    assert all(list(event) == FIELDS for event in found)
    assert all(list(change) == CHANGE for event in found for change in event["changes"])
    assert [event["tx_id"] for event in found] == [2, 3, 4, 5]
    assert [event["changes"][0]["new_version"] for event in found] == [1, 2, 3, 4]
    first, _, third, _ = (event["changes"][0] for event in found)
    assert first == {"table_name": "t", "old_version": None, "new_version": 1,
                     "is_new_table": True, "rows_added": 0, "rows_removed": 0}
    assert third == {"table_name": "t", "old_version": 2, "new_version": 3,
                     "is_new_table": False, "rows_added": 1, "rows_removed": 1}
    assert found[2]["message"] == "UPDATE t SET v = 'B' WHERE id = 2"


def test_the_log_says_the_same(repo):
    repo.sql("CREATE VIEW w AS SELECT 1; CREATE TABLE u AS SELECT 1 AS a; DROP TABLE u")
    by_log = [(c["tx"], c["branch"], c["message"], c["changes"])
              for c in reversed(repo.run("log", "--json").json)]
    by_changes = [(c["tx_id"], c["branch"], c["message"], c["changes"]) for c in changes(repo)]
    assert by_changes == by_log
    by_sql = repo.sql("SELECT tx_id, changes FROM arm_changes()")
    assert by_sql == repo.sql("SELECT tx AS tx_id, changes FROM arm_log() ORDER BY tx")


def test_since_and_until(repo):
    assert txs(repo, "--since", "3") == txs(repo, "--since", "tx:3") == [4, 5]
    assert txs(repo, "--since", "2", "--until", "4") == [3, 4]
    assert txs(repo, "-n", "2") == [2, 3]
    assert txs(repo, "--since", "now") == txs(repo, "--since", "5") == []
    assert repo.sql("SELECT tx_id FROM arm_changes(3, until => 4)") == [{"tx_id": 4}]
    assert len(repo.sql("FROM arm_changes(NULL)")) == 4
    assert repo.run("changes", "--since", "5").out == "no changes\n"
    repo.run("tag", "create", "v1", "tx:3")
    assert txs(repo, "--since", "v1") == [4, 5] and txs(repo, "--until", "main~2") == [2, 3]


def test_time_ranges(repo):
    times = {event["tx_id"]: event["timestamp"] for event in changes(repo)}
    assert txs(repo, "--since", times[3]) == [4, 5] and txs(repo, "--until", times[3]) == [2, 3]
    assert txs(repo, "--since", "1999-01-01") == [2, 3, 4, 5]
    assert txs(repo, "--since", "2999-01-01T00:00:00Z") == []
    by_sql = repo.sql(f"SELECT tx_id FROM arm_changes(0, since_time => '{times[2]}', "
                      f"until_time => '{times[4]}')")
    assert [row["tx_id"] for row in by_sql] == [3, 4]
    assert repo.sql("FROM arm_changes(4, since_time => '1999-01-01')")[0]["tx_id"] == 5


def test_branches(repo):
    repo.sql("CREATE BRANCH b")
    repo.sql("INSERT INTO t VALUES (7, 'b')", "--branch", "b")
    repo.sql("INSERT INTO t VALUES (8, 'm')")
    on_b, on_main = changes(repo, "--all")[-2:]
    assert (on_b["branch"], on_main["branch"]) == ("b", "main")
    assert on_b["changes"][0]["old_version"] == on_main["changes"][0]["old_version"] == 4
    assert changes(repo, "--branch", "b") == [on_b]
    assert changes(repo)[-1] == on_main and on_b not in changes(repo)
    assert repo.sql("SELECT tx_id FROM arm_changes(0, branch => 'b')") == [{"tx_id": on_b["tx_id"]}]
    assert len(repo.sql("FROM arm_changes(0, branch => '*')")) == 6
    repo.sql("DROP BRANCH b")
    assert changes(repo, "--all")[-2]["branch"] == ""
    repo.run("changes", "--branch", "b", status=1)


def test_a_merge_is_one_change(repo):
    repo.sql("CREATE BRANCH b")
    repo.sql("INSERT INTO t VALUES (7, 'x'); INSERT INTO t VALUES (8, 'y')", "--branch", "b")
    repo.sql("INSERT INTO t VALUES (9, 'z')")
    before = latest(repo)
    repo.sql("MERGE BRANCH b")
    (event,) = changes(repo, "--since", str(before))
    (change,) = event["changes"]
    assert (change["old_version"], change["rows_added"]) == (7, 2)
    assert [row[:3] for row in told(repo, "t", before)] == [(7, "x", "insert"), (8, "y", "insert")]


@pytest.mark.parametrize("tables, expected", [
    ("t", ["t"]), ("T", ["t"]), ("t,orders", ["orders", "t"]), ("order*", ["orders"]),
    ("?", ["t"]), ("*", ["orders", "s.orders", "t"]), ("s.*", ["s.orders"]), ("*.*", ["orders",
    "s.orders", "t"]), ("s.orders", ["s.orders"]), ('"t"', ["t"]), ("nothing", []), ("*x*", []),
    ("*r*r*", ["orders"]), ("t?", []), ("orders,o*", ["orders"]),
])
def test_tables_and_patterns(repo, tables, expected):
    repo.sql("CREATE SCHEMA s; CREATE TABLE s.orders(a INTEGER);"
             "BEGIN; CREATE TABLE orders(a INTEGER); INSERT INTO t VALUES (5, 'e'); COMMIT")
    for args in ((), ("--all",)):
        found = changes(repo, "--tables", tables, *args)
        assert sorted({c["table_name"] for e in found for c in e["changes"]}) == expected
        assert all(event["changes"] for event in found)
    listed = "[" + ", ".join("'" + t.replace("'", "''") + "'" for t in tables.split(",")) + "]"
    by_sql = repo.sql(f"SELECT tx_id FROM arm_changes(0, tables => {listed})")
    assert [row["tx_id"] for row in by_sql] == txs(repo, "--tables", tables)


def test_what_is_asked_for_by_pattern_is_found_in_a_long_history(repo):
    statements = [f"INSERT INTO {'u' if i % 100 == 0 else 't'} VALUES ({i + 10}, 'x');"
                  for i in range(600)]
    repo.sql("CREATE TABLE u(id INTEGER, v VARCHAR); CREATE BRANCH b;" + "".join(statements))
    repo.sql("INSERT INTO u VALUES (1, 'b'); DROP TABLE t", "--branch", "b")
    everything = changes(repo, "--all")
    for pattern in ("u", "u*", "t", "?"):
        wanted = [e["tx_id"] for e in everything
                  if any(c["table_name"] in ("u" if pattern == "u*" else pattern)
                         or pattern == "?" for c in e["changes"])]
        assert txs(repo, "--all", "--tables", pattern) == wanted
        on_main = {e["tx_id"] for e in everything if e["branch"] == "main"}
        assert txs(repo, "--tables", pattern) == [tx for tx in wanted if tx in on_main]


def test_upkeep_is_no_change(repo):
    before = changes(repo)
    repo.run("compact")
    repo.run("gc")
    assert changes(repo) == before


def test_read_only_repository_and_at(repo):
    assert repo.sql("SELECT count(*) AS n FROM arm_changes()", "--at", "tx:3") == [{"n": 2}]


@pytest.mark.parametrize("args, says", [
    (["-n", "0"], "0"), (["x"], "one argument too many"),
])
def test_wrong_use(repo, args, says):
    assert says in repo.run("changes", *args, status=2).err


@pytest.mark.parametrize("args, says", [
    (["--since", "99"], "not there yet"), (["--since", "soon"], "soon"), (["--until", "x"], "x"),
    (["--tables", '"t'], "quote"),
    (["--consumer", "a..b"], "a..b"), (["--branch", "nowhere"], "nowhere"),
    (["--tables", "x" * 2000 + "*"], "pattern"),
    (["--consumer", "c", "--since", "99"], "not there"),
])
def test_bad_input(repo, args, says):
    repo.refused("changes", *args, says=says)


@pytest.mark.parametrize("call, says", [
    ("arm_changes(-1)", "negative"), ("arm_changes(0, branch => 'nowhere')", "nowhere"),
    ("arm_changes(0, tables => [NULL])", "NULL"), ("arm_changes(0, until => -5)", "negative"),
    ("arm_row_changes(NULL, 0)", "NULL"), ("arm_row_changes('nothing', 0)", "nothing"),
    ("arm_row_changes('t', 0, branch => 'nowhere')", "nowhere"), ("arm_row_changes('v', 0)", "v"),
])
def test_bad_sql(repo, call, says):
    repo.sql("CREATE VIEW v AS SELECT 1 AS a")
    repo.refused("sql", "-c", f"FROM {call}", says=says)
    assert repo.value("SELECT count(*) FROM t") == 2


# ---- Rows ----


def test_rows_commit_by_commit(repo):
    assert told(repo, "t") == [
        (1, "a", "insert", 3), (2, "b", "insert", 3), (3, "c", "insert", 3),
        (2, "b", "update_before", 4), (2, "B", "update_after", 4), (3, "c", "delete", 5)]
    assert told(repo, "t", 3)[0][3] == 4 and told(repo, "t", 5) == []
    assert told(repo, "t", 3, ", until => 4") == told(repo, "t", 3)[:2]
    assert told(repo, "t", "NULL") == told(repo, "t")
    versions = repo.sql("SELECT DISTINCT _tx, _version FROM arm_row_changes('t', 0) ORDER BY 1")
    assert [tuple(v.values()) for v in versions] == [(3, 2), (4, 3), (5, 4)]


def test_rows_by_the_command(repo):
    text = repo.run("changes", "--rows").out
    assert "    + id=1, v=a\n" in text and "    ~ id=2, v=b -> B\n" in text
    assert "    - id=3, v=c\n" in text
    found = changes(repo, "--rows", "--since", "3")
    assert found[0]["changes"][0]["rows"] == [
        {"id": 2, "v": "b", "_change": "update_before", "_tx": 4, "_version": 3},
        {"id": 2, "v": "B", "_change": "update_after", "_tx": 4, "_version": 3}]
    repo.sql("CREATE VIEW w AS SELECT 1; CREATE OR REPLACE TABLE t AS SELECT 9 AS id")
    dropped, made = changes(repo, "--rows")[-1]["changes"]
    assert [row["_change"] for row in dropped["rows"]] == ["delete", "delete"]
    assert [(row["id"], row["_change"]) for row in made["rows"]] == [(9, "insert")]


def test_rows_through_schema_changes(repo):
    since = latest(repo)
    repo.sql("ALTER TABLE t ADD COLUMN n INTEGER; ALTER TABLE t ADD COLUMN d INTEGER DEFAULT 5;"
             "ALTER TABLE t DROP COLUMN d; ALTER TABLE t RENAME COLUMN v TO w;"
             "INSERT INTO t VALUES (4, 'd', 1); ALTER TABLE t RENAME TO u;"
             "ALTER TABLE u ALTER COLUMN n TYPE BIGINT; UPDATE u SET n = 10000000000 WHERE id = 4;"
             "ALTER TABLE u DROP COLUMN w; DELETE FROM u WHERE id = 4")
    assert [row[:3] for row in told(repo, "u", since)] == [
        (4, 1, "insert"), (4, 1, "update_before"), (4, 10000000000, "update_after"),
        (4, 10000000000, "delete")]
    assert [row[3] for row in told(repo, "t", since)] == ["insert"] + ["delete"] * 3, "it left"


def test_rows_of_another_table_of_the_name(repo):
    since = latest(repo)
    repo.sql("DROP TABLE t; CREATE TABLE t(v VARCHAR, extra INTEGER, id VARCHAR);"
             "INSERT INTO t VALUES ('n', 1, 'k')")
    assert [row[:4] for row in told(repo, "t", since)] == [
        ("a", None, "1", "delete"), ("B", None, "2", "delete"), ("n", 1, "k", "insert")]
    repo.sql("DROP TABLE t")
    assert [row[3] for row in told(repo, "t", since)] == ["delete"] * 2 + ["insert", "delete"]


def test_rows_of_a_branch_begin_with_its_parent(repo):
    repo.sql("CREATE BRANCH b")
    repo.sql("INSERT INTO t VALUES (8, 'm')")
    repo.sql("INSERT INTO t VALUES (7, 'b')", "--branch", "b")
    rows = repo.sql("FROM arm_row_changes('t', 4)", "--branch", "b")
    assert [(row["id"], row["_change"]) for row in rows] == [(3, "delete"), (7, "insert")]
    assert rows == repo.sql("FROM arm_row_changes('t', 4, branch => 'b')")
    assert [row[0] for row in told(repo, "t", 4)] == [3, 8]


def test_rows_after_upkeep_and_gc(repo):
    before = told(repo, "t")
    for i in range(40):
        repo.sql(f"INSERT INTO t VALUES ({i + 10}, 'x')" if i % 2 else
                 f"UPDATE t SET v = v || '{i}' WHERE id % 3 = 1")
    everything = told(repo, "t")
    repo.run("compact")
    repo.sql("UPDATE t SET v = 'end' WHERE id < 3")
    repo.run("gc")
    after = told(repo, "t")
    assert after[:len(everything)] == everything and everything[:len(before)] == before
    assert [row[2] for row in after[len(everything):]] == ["update_before", "update_after"] * 2


def test_rows_of_given_up_history_are_told_apart(repo):
    for i in range(3):
        repo.sql(f"CREATE OR REPLACE TABLE t AS SELECT {i} AS id")
    tx = latest(repo)
    repo.run("gc", "--keep-days", "0")
    assert len(changes(repo)) == 7, "the changelog itself is all there"
    result = repo.run("changes", "--rows", status=1)
    assert "expired" in result.err and "without --rows" in result.err
    for i in range(2):
        repo.sql(f"INSERT INTO t VALUES ({i + 20})")
    result = repo.run("sql", "-c", "FROM arm_row_changes('t', 0)", status=1)
    since = int(re.search(r"known since tx (\d+)", result.err).group(1))
    assert since >= tx and [row[0] for row in told(repo, "t", since)] == [20, 21]
    assert "ARM_HISTORY_EXPIRED" in repo.run("changes", "--rows", "--json", status=1).err
    repo.sql("INSERT INTO t VALUES (9)")
    assert [row[:2] for row in told(repo, "t", tx)][-1] == (9, "insert")
