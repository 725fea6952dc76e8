# SPDX-License-Identifier: Apache-2.0
"""Much of everything: columns, long values, tables in one transaction, transactions in one table,
and a reader that stays. For longer campaigns, whose figures `pytest -s` shows:

    ARM_SMALL_TXNS=1000000   transactions in one table
    ARM_READER_S=3600        seconds that a reader stays open
"""

import json
import os
import threading
import time
from collections import OrderedDict

import pyarrow as pa
import pytest
from arm import Repo, run
from held import Held
from library import ArmError, Session

COLUMNS = 2000
LONG = 10 << 20  # bytes of a value
ITEMS = 2_000_000  # of a list
TABLES = 1000
SMALL_TXNS = int(os.environ.get("ARM_SMALL_TXNS", "3000"))
READER_S = float(os.environ.get("ARM_READER_S", "4"))
MESSAGE_BYTES = 1004 + len("error: \nhint: the statement changed nothing\n")


def script(repo, tmp_path, text, status=0):
    """Statements that are too long for a command line."""
    file = tmp_path / "script.sql"
    file.write_text(text)
    return repo.run("sql", "--json", "-f", file, status=status)


def message(result):
    """The error of a script."""
    return json.loads(result.err)["message"]


def rows(**columns):
    return pa.RecordBatch.from_pydict(columns)


# ---- Many columns ----


def types(i):
    return ("INTEGER DEFAULT 7", "VARCHAR", "DOUBLE", "DECIMAL(10, 2)", "INTEGER[]")[i % 5]


@pytest.fixture(name="wide")
def fixture_wide(repo, tmp_path):
    """2,000 columns, a key, 20 rows; the INTEGER columns have their default."""
    columns = ", ".join(f"c{i} {types(i)}" for i in range(1, COLUMNS))
    script(repo, tmp_path, f"CREATE TABLE w (id BIGINT PRIMARY KEY, {columns}); INSERT INTO w "
           "(id, c1, c1998, c1999) SELECT i, 'row ' || i, i / 4, [i] FROM range(20) r(i)")
    return repo


def test_a_table_of_many_columns(wide):
    assert len(wide.run("schema", "w", "--json").json) == COLUMNS
    assert wide.value("SELECT sum(c5) + sum(c1995) FROM w") == 20 * 14
    wide.sql("UPDATE w SET c1998 = -1 WHERE id = 3")
    wide.sql("ALTER TABLE w ADD COLUMN more VARCHAR DEFAULT 'm'")
    wide.sql("ALTER TABLE w DROP COLUMN c1")
    wide.sql("ALTER TABLE w RENAME COLUMN c2 TO two")
    wide.sql("DELETE FROM w WHERE id = 19")
    wide.refused("sql", "-c", "INSERT INTO w (id) VALUES (7)", says=["PRIMARY_w_id", "id: 7"])
    last = {"n": 19, "s": sum(i / 4 for i in range(19) if i != 3) - 1, "m": "m"}
    for step in ("hot", "compacted"):
        assert wide.sql("SELECT count(*) AS n, sum(c1998) AS s, min(more) AS m FROM w") == [last]
        assert wide.sql("SELECT id, c1, c1998 FROM w AT (VERSION => 2) WHERE id = 3") == [
            {"id": 3, "c1": "row 3", "c1998": 0.75}], step
        (row,) = wide.sql("SELECT * FROM w AT (VERSION => 4) WHERE id = 3")
        assert len(row) == COLUMNS + 1 and row["c1"] == "row 3" and row["c1999"] == [3]
        (row,) = wide.sql("SELECT * FROM w WHERE id = 4")
        assert len(row) == COLUMNS and "c1" not in row and row["two"] is None, step
        assert wide.run("verify", "--full").status == 0
        if step == "hot":
            assert wide.run("compact", "--json").json["dead_rows"] == 2
    assert [v["rows"] for v in wide.run("versions", "w", "--json").json] == [19] + [20] * 5 + [0]
    assert len(wide.run("log", "--json").json) == 7
    assert max(map(len, wide.run("log").lines)) < 400  # no list of columns
    assert max(map(len, wide.run("versions", "w").lines)) < 400


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_many_columns_come_back_from_files(wide, tmp_path, suffix):
    file = tmp_path / f"w.{suffix}"
    wide.run("export", "w", file)
    wide.sql("CREATE TABLE again AS FROM w LIMIT 0")
    wide.run("import", "again", file, "--mode", "append")
    assert wide.value("SELECT count(*) FROM (FROM w EXCEPT ALL FROM again)") == 0
    assert wide.value("SELECT count(*) FROM again") == 20


def test_constraints_on_each_of_many_columns(repo, tmp_path):
    columns = ", ".join(f"c{i} INTEGER NOT NULL UNIQUE CHECK (c{i} >= 0)" for i in range(COLUMNS))
    ones = ", ".join(["1"] * COLUMNS)
    script(repo, tmp_path, f"CREATE TABLE w ({columns}); INSERT INTO w VALUES ({ones}); "
           "INSERT INTO w SELECT COLUMNS(*) + 1 FROM w")
    before = repo.state()
    twos = ["3"] * (COLUMNS - 1)
    for value, says in (("2", 'duplicate key "c1999: 2" violates unique constraint '
                         '"UNIQUE_w_c1999" of table "w"'),
                        ("NULL", "NOT NULL constraint failed: w.c1999 is NULL in row 1"),
                        ("-5", "CHECK((c1999 >= 0)) of table w refuses a row: c1999 = -5")):
        said = script(repo, tmp_path, f"INSERT INTO w VALUES ({', '.join([*twos, value])})", 1)
        assert says in message(said)
    assert repo.state() == before
    repo.sql("UPDATE w SET c7 = 9 WHERE c8 = 2")
    assert repo.run("compact", "--json").json["rows"] == 2
    repo.refused("sql", "-c", "UPDATE w SET c7 = 9", says="c7: 9")
    repo.sql("DELETE FROM w WHERE c1999 = 1")
    assert repo.sql("SELECT count(*) AS n, sum(c7) AS c7, sum(c1999) AS c FROM w") == [
        {"n": 1, "c7": 9, "c": 2}]
    assert repo.run("verify", "--full").status == 0


def test_keys_of_many_columns(repo, tmp_path):
    """As many as there may be; one more is refused, and it is said how many there may be."""
    def make(name, count):
        names = [f"c{i}" for i in range(count)]
        columns = ", ".join(f"{n} INTEGER" for n in names)
        return f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({', '.join(names)}))"

    script(repo, tmp_path, make("k", 256))
    ones = ", ".join(["1"] * 255)
    repo.sql(f"INSERT INTO k VALUES ({ones}, 1), ({ones}, 2)")
    said = repo.refused("sql", "-c", f"INSERT INTO k VALUES ({ones}, 2)",
                        says=["duplicate key", "c0: 1", "PRIMARY_k_c0"]).err
    assert len(said.encode()) <= MESSAGE_BYTES
    for count in (257, COLUMNS):
        said = message(script(repo, tmp_path, make("more", count), status=1))
        assert "primary key" in said and f"{count} columns" in said and "at most 256" in said, said
    assert set(repo.tables()) == {"k"}


# ---- Long values ----

# Of a row `i`; lists that hang on a column, since DuckDB takes seconds to fold a constant one.
LONG_ROW = (f"repeat('ab', {LONG // 2} + i::INTEGER) AS s, repeat('z', {LONG})::BLOB AS b, "
            f"range({ITEMS} + i)::INTEGER[] AS l, {{'a': repeat('q', {LONG}), 'm': "
            f"{{'x': range({ITEMS} + i)::INTEGER[], 'y': repeat('k', {LONG})::BLOB}}}} AS n")
LONG_TELL = ("SELECT id, length(s) AS s, right(s, 2) AS r, octet_length(b) AS b, len(l) AS l, "
             "list_sum(l) AS t, length(n.a) AS a, len(n.m.x) AS x, octet_length(n.m.y) AS y FROM v")


def told(i, s_more=0, tail="ab"):
    items = ITEMS + i
    return {"id": i, "s": LONG + 2 * i + s_more, "r": tail, "b": LONG, "l": items,
            "t": items * (items - 1) // 2, "a": LONG, "x": items, "y": LONG}


def test_long_values(repo):
    repo.sql("CREATE TABLE v (id INTEGER PRIMARY KEY, s VARCHAR, b BLOB, l INTEGER[], "
             "n STRUCT(a VARCHAR, m STRUCT(x INTEGER[], y BLOB)))")
    repo.sql(f"INSERT INTO v SELECT i, {LONG_ROW} FROM range(1, 3) r(i)")
    assert repo.sql(f"{LONG_TELL} ORDER BY id") == [told(1), told(2)]
    (row,) = repo.sql("UPDATE v SET s = s || 'x' WHERE id = 2 RETURNING id, length(s) AS s, "
                      "len(l) AS l, octet_length(n.m.y) AS y")
    assert row == {"id": 2, "s": LONG + 5, "l": ITEMS + 2, "y": LONG}
    (row,) = repo.sql("DELETE FROM v WHERE id = 1 RETURNING *")
    assert row["s"] == "ab" * (LONG // 2 + 1) and row["l"] == list(range(ITEMS + 1))
    repo.sql(f"BEGIN; INSERT INTO v (id, s) SELECT 5, repeat('i', {2 * LONG}); UPDATE v SET id = 6 "
             "WHERE id = 5; UPDATE v SET s = right(s, 3) WHERE id = 6; COMMIT")
    for step in ("in chunks of their own", "compacted"):
        assert repo.sql(f"{LONG_TELL} WHERE id < 5") == [told(2, 1, "bx")], step
        assert repo.sql(f"{LONG_TELL} AT (VERSION => 2) ORDER BY id") == [told(1), told(2)], step
        assert repo.sql("SELECT s FROM v WHERE id = 6") == [{"s": "iii"}]
        assert repo.run("verify", "--full").status == 0
        if step != "compacted":
            assert repo.run("compact", "--json").json["rows"] > 0


def test_long_keys(repo):
    repo.sql("CREATE TABLE k (s VARCHAR PRIMARY KEY, v INTEGER, u BLOB UNIQUE)")
    key = f"repeat('k', {LONG}) || i"
    repo.sql(f"INSERT INTO k SELECT {key}, i, repeat('b', {LONG})::BLOB || i::VARCHAR::BLOB "
             "FROM range(3) r(i)")
    for wrong, name in ((f"INSERT INTO k (s) SELECT {key} FROM range(2, 5) r(i)", "PRIMARY_k_s"),
                        (f"INSERT INTO k (s) SELECT repeat('€', {LONG}) FROM range(2)",
                         "PRIMARY_k_s"),
                        (f"UPDATE k SET s = {key.replace('i', '2')} WHERE v = 1", "PRIMARY_k_s"),
                        (f"INSERT INTO k (s, u) SELECT 'x', repeat('b', {LONG})::BLOB || '1'::BLOB",
                         "UNIQUE_k_u")):
        said = repo.refused("sql", "-c", wrong, says=[name, "duplicate key", "changed nothing"]).err
        assert len(said.encode()) < 600 and "\\x" not in said, said
    repo.sql(f"INSERT INTO k (s, v) SELECT {key}, 10 + i FROM range(2, 4) r(i) "
             "ON CONFLICT (s) DO UPDATE SET v = excluded.v")
    repo.sql(f"DELETE FROM k WHERE s = repeat('k', {LONG}) || '0'")
    repo.sql(f"INSERT INTO k (s, v) SELECT {key}, 20 FROM range(1) r(i)")
    assert repo.run("compact", "--json").json["rows"] == 4
    assert repo.sql("SELECT right(s, 1) AS s, length(s) AS n, v, octet_length(u) AS u FROM k "
                    "ORDER BY v") == [{"s": s, "n": LONG + 1, "v": v, "u": u} for s, v, u in (
                        ("1", 1, LONG + 1), ("2", 12, LONG + 1), ("3", 13, None), ("0", 20, None))]
    assert repo.run("verify", "--full").status == 0


def test_long_values_by_row_calls(tmp_path):
    session = Session(tmp_path / "r")
    session.rows("CREATE TABLE k (s VARCHAR PRIMARY KEY, v BLOB)")
    key = "k" * LONG
    session.put("k", rows(s=[key + "0", key + "1"], v=[b"x" * LONG, b""]))
    txn = session.begin()
    assert txn.get("k", rows(s=[key + "0", key])) == [{"s": key + "0", "v": b"x" * LONG}]
    assert txn.put("k", rows(s=[key + "1"], v=[b"y" * 2 * LONG])) == 1
    assert txn.delete("k", rows(s=[key + "0", "nobody"])) == 1
    assert txn.get("k", rows(s=[key + "0", key + "1"])) == [{"s": key + "1", "v": b"y" * 2 * LONG}]
    txn.commit()
    with pytest.raises(ArmError, match="PRIMARY_k_s"):
        session.put("k", rows(s=["€" * LONG] * 2, v=[b"", b""]))
    assert session.rows("SELECT right(s, 1), octet_length(v) FROM k") == [("1", str(2 * LONG))]
    session.close()
    assert Repo(tmp_path / "r", make=False).run("verify", "--full").status == 0


def test_messages_about_long_values_are_short(repo, tmp_path):
    """A sample of the value, and still what is wrong with it and where."""
    repo.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR CHECK (s < 'k'), "
             "d DATE, l INTEGER[] CHECK (len(l) < 3))")
    long = f"repeat('w', {LONG})"
    for values, says in ((f"1, {long}, NULL, NULL", ["CHECK((s < 'k'))", "s = 'www", "nothing"]),
                         (f"1, 'a', NULL, range({ITEMS} + i)", ["CHECK((len(l) < 3))", "l = [0"]),
                         (f"{long} || i, 'a', NULL, NULL", ["'www", "INT32"]),
                         (f"1, 'a', {long} || i, NULL", ['"www', "date"])):
        said = repo.refused("sql", "-c", f"INSERT INTO t SELECT {values} FROM range(1) r(i)",
                            says=says).err
        assert len(said.encode()) <= MESSAGE_BYTES
    for header, values, says in (("id,s", f"1,{'w' * LONG}", ["CHECK((s < 'k'))", "s = 'www"]),
                                 ("id,s", f"{'w' * LONG},a", ["t.csv, line 2", '"id"'])):
        (tmp_path / "t.csv").write_text(f"{header}\n{values}\n")
        said = repo.refused("import", "t", tmp_path / "t.csv", "--mode", "append", says=says).err
        assert len(said.encode()) <= MESSAGE_BYTES


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_long_values_come_back_from_files(repo, tmp_path, suffix):
    repo.sql(f"CREATE TABLE v AS SELECT i AS id, repeat('ab', {LONG // 2}) || i AS s "
             "FROM range(3) r(i)")
    file = tmp_path / f"v.{suffix}"
    repo.run("export", "v", file)
    repo.run("import", "again", file)
    repo.run("import", "v", file, "--mode", "append")
    for table, times in (("again", 1), ("v", 2)):
        assert repo.sql(f"SELECT id, length(s) AS n, right(s, 2) AS r, count(*) AS c FROM {table} "
                        "GROUP BY ALL ORDER BY ALL") == [
                            {"id": i, "n": LONG + 1, "r": f"b{i}", "c": times} for i in range(3)]


# ---- Many tables ----


def each(statement):
    return "; ".join(statement.format(i) for i in range(TABLES))


ALL = "UNION ALL ".join(f"SELECT v FROM t{i} " for i in range(TABLES))


@pytest.fixture(name="tables", scope="module")
def fixture_tables(tmp_path_factory):
    """1,000 tables of one transaction, and a row in each by another."""
    repo = Repo(tmp_path_factory.mktemp("tables") / "r")
    before = len(repo.run("log", "--json").json)
    script(repo, repo.path.parent, "BEGIN; "
           f"{each('CREATE TABLE t{} (id INTEGER PRIMARY KEY, v INTEGER)')}; COMMIT")
    script(repo, repo.path.parent, f"BEGIN; {each('INSERT INTO t{0} VALUES (1, {0})')}; COMMIT")
    assert len(repo.run("log", "--json").json) == before + 2
    return repo


def total(repo):
    (row,) = script(repo, repo.path.parent,
                    f"SELECT count(*)::INTEGER AS n, sum(v)::INTEGER AS s FROM ({ALL})").json
    return row["n"], row["s"]


ONCE = (TABLES, TABLES * (TABLES - 1) // 2)


def test_a_transaction_over_many_tables_is_one(tables):
    last = tables.run("log", "--json").json[0]
    assert len(last["changes"]) == TABLES
    assert {c["new_version"] for c in last["changes"]} == {2}
    assert len(tables.tables()) == TABLES and total(tables) == ONCE
    assert tables.run("verify", "--full").status == 0
    (tables.path / "index" / "data.mdb").unlink()
    assert total(tables) == ONCE


def test_nothing_of_many_tables_is_left_by_a_rollback_or_an_error(tables):
    before = tables.state()
    script(tables, tables.path.parent, f"BEGIN; {each('UPDATE t{} SET v = -1')}; "
           f"{each('CREATE TABLE new{} (a INTEGER)')}; ROLLBACK")
    assert tables.state() == before
    said = message(script(tables, tables.path.parent, "BEGIN; "
                          f"{each('INSERT INTO t{} VALUES (2, 0)')}; "
                          "INSERT INTO t999 VALUES (2, 0); COMMIT", status=1))
    assert "PRIMARY_t999_id" in said and tables.state() == before and total(tables) == ONCE


def test_nothing_of_many_tables_is_left_by_a_kill(tables):
    before = tables.state()
    with Held(tables, f"BEGIN; {each('UPDATE t{} SET v=-1')}; {each('DROP TABLE t{}')}",
              "COMMIT") as held:
        assert total(tables) == ONCE
        held.kill()
    assert tables.state() == before and total(tables) == ONCE
    assert tables.run("verify", "--full").status == 0


def test_a_conflict_in_one_of_many_tables_refuses_all(tables):
    before = f"BEGIN; {each('UPDATE t{} SET v=-1')}"
    with Held(tables, before, "COMMIT") as held:
        tables.sql("UPDATE t999 SET v = v + 1 WHERE id = 1")
        after = tables.run("log", "--json").json
        said = message(held.go_on(status=3))
    assert '"t999"' in said and "run it again" in said, said
    assert '"t998"' not in said and tables.run("log", "--json").json == after
    assert total(tables) == (ONCE[0], ONCE[1] + 1)
    tables.sql("UPDATE t999 SET v = v - 1")


# ---- Many transactions ----


def size_of(path):
    """Bytes on disk, which a sparse file has fewer of than it is long."""
    return sum(f.stat().st_blocks * 512 for f in path.rglob("*") if f.is_file())


def small_transaction(session, i, model):
    """Two of three put a new row; the third changes or deletes an old one."""
    if i % 3 < 2:
        session.put("t", rows(id=[i], v=[i], s=[f"row {i}"]))
        model[i] = i
        return
    old = next(iter(model)) if i % 9 == 8 else i - 1
    txn = session.begin()
    if i % 9 == 8:
        assert txn.delete("t", rows(id=[old])) == 1
        del model[old]
    else:
        (row,) = txn.get("t", rows(id=[old]))
        txn.put("t", rows(id=[old], v=[row["v"] + 1], s=[row["s"]]))
        model[old] += 1
    txn.commit()


def test_very_many_transactions_in_one_table(tmp_path):
    path = tmp_path / "r"
    session = Session(path)
    session.rows("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)")
    model = OrderedDict()  # of which the oldest is found at once
    start = last = time.monotonic()
    for i in range(SMALL_TXNS):
        small_transaction(session, i, model)
        if (i + 1) % max(SMALL_TXNS // 10, 1) == 0:
            now = time.monotonic()
            print(f"{i + 1} transactions: {SMALL_TXNS // 10 / (now - last):.0f} a second, "
                  f"{(size_of(path / 'log') + size_of(path / 'index')) / (i + 1):.0f} bytes of log "
                  f"and index each, {len(list((path / 'chunks').glob('*/*/*')))} chunks")
            last = now
    print(f"all: {SMALL_TXNS / (last - start):.0f} a second")
    assert session.value("SELECT count(*) FROM t") == str(len(model))
    session.close()
    repo = Repo(path, make=False)
    for step, words in (("open", ["tables", "--json"]), ("verify", ["verify"]),
                        ("verify every byte", ["verify", "--full"])):
        start = time.monotonic()
        assert repo.run(*words).status == 0
        print(f"{step}: {time.monotonic() - start:.2f} s")
    assert repo.tables()["t"]["version"] == SMALL_TXNS + 1
    for step in ("as it was", "compacted", "with an index made anew"):
        start = time.monotonic()
        assert repo.sql("SELECT count(*) AS n, sum(v)::BIGINT AS v, count(DISTINCT s) AS s "
                        "FROM t") == [{"n": len(model), "v": sum(model.values()),
                                       "s": len(model)}], step
        assert repo.value(f"SELECT count(*) FROM t AT (VERSION => {SMALL_TXNS // 9 * 6 + 1})") > 0
        print(f"read, {step}: {time.monotonic() - start:.2f} s")
        if step == "as it was":
            repo.run("compact")
        elif step == "compacted":
            (path / "index" / "data.mdb").unlink()
    assert repo.run("verify", "--full").status == 0


# ---- A reader that stays ----


def keep_changing(repo, until, wrong, rounds):
    """Loads, small writes, compaction and gc without grace, each in a process of its own."""
    first = 1_000_000
    while time.monotonic() < until and not wrong:
        for words in (["sql", "-c", f"INSERT INTO t SELECT i, i, 'new' FROM range({first}, "
                       f"{first + 12_000}) r(i)"],
                      ["sql", "-c", "UPDATE t SET v = v + 1 WHERE id % 50 = 7"],
                      ["sql", "-c", f"DELETE FROM t WHERE id < {first - 12_000}"],
                      ["compact"], ["gc", "--grace", "0", "--keep-days", "0"]):
            result = run("-C", repo.path, *words, status=None)
            if result.status != 0:
                wrong.append((words, result.err))
        first += 12_000
        rounds.append(len(repo.files("chunks")))


def test_a_reader_that_stays_open(tmp_path):
    """What it sees never changes, in SQL and by row calls; when it ends, the space comes back."""
    repo = Repo(tmp_path / "r")
    repo.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR)")
    repo.sql("INSERT INTO t SELECT i, i, 'row ' || i FROM range(24000) r(i)")
    repo.sql("UPDATE t SET v = -v WHERE id % 1000 = 0")
    by_sql, by_rows = Session(repo.path), Session(repo.path)
    sums = "SELECT count(*), sum(v), max(s), sum(hash(id, v, s)) FROM t"
    past = sums + " AT (VERSION => 2)"
    by_sql.rows("BEGIN")
    txn = by_rows.begin()
    seen = [by_sql.rows(sums), by_sql.rows(past)]
    keys = rows(id=[0, 7, 12_000, 23_999, 1_000_000])
    found = sorted(txn.get("t", keys), key=lambda row: row["id"])
    assert [row["v"] for row in found] == [0, 7, -12_000, 23_999]
    wrong, rounds, reads = [], [], 0
    changes = threading.Thread(target=keep_changing, args=(
        repo, time.monotonic() + READER_S, wrong, rounds))
    changes.start()
    while changes.is_alive():
        assert [by_sql.rows(sums), by_sql.rows(past)] == seen
        assert sorted(txn.get("t", keys), key=lambda row: row["id"]) == found
        reads += 1
        time.sleep(0.02)
    changes.join()
    assert wrong == [] and len(rounds) > 0 and reads > 1
    print(f"{len(rounds)} rounds, {reads} reads, chunks after each: {rounds[:3]} … {rounds[-3:]}")
    assert repo.run("gc", "--json", "--grace", "0", "--keep-days", "0").json["pinned"] > 0
    assert repo.value("SELECT min(id) FROM t") >= 1_000_000 - 12_000 or len(rounds) == 1
    by_sql.rows("COMMIT")
    txn.rollback()
    repo.run("compact")
    left = repo.run("gc", "--json", "--grace", "0", "--keep-days", "0").json
    assert left["pinned"] == 0 and left["chunks"] > 0
    assert len(repo.files("chunks")) <= 4, rounds
    by_sql.close()
    by_rows.close()
    assert repo.run("verify", "--full").status == 0
