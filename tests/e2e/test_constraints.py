# SPDX-License-Identifier: Apache-2.0
"""Constraints by SQL, by row calls and by import: what refuses a row says which constraint it is,
of which column, and what the row has there; and which keys are equal is the same in all three, and
as SQL's `=` has it."""

import struct

import pyarrow as pa
import pyarrow.parquet
import pytest
from arm import Repo
from library import ArmError, Session

CONSTRAINT, SCHEMA = 23, 24  # ARM_CONSTRAINT, ARM_SCHEMA

TABLE = ("CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR UNIQUE, "
         "n INTEGER NOT NULL CHECK (n > 0), d DATE, e ENUM('a', 'b'), c DECIMAL(4, 2), "
         "CONSTRAINT both_ CHECK (n < 100 OR s = 'big'), UNIQUE (d, e)); "
         "INSERT INTO t VALUES (1, 'x', 1, '2024-01-01', 'a', 1.5)")
GOOD = {"id": 2, "s": "y", "n": 2, "d": None, "e": None, "c": None}

# What a row has instead of GOOD's, and what is said of it: constraint, column, value.
VIOLATIONS = [
    ({"id": None}, ["NOT NULL", "t.id", "row 1"]),
    ({"id": 1}, ["duplicate key", "id: 1", "primary key", "PRIMARY_t_id", '"t"']),
    ({"s": "x"}, ["duplicate key", "s: x", "unique", "UNIQUE_t_s", '"t"']),
    ({"d": "2024-01-01", "e": "a"}, ["duplicate key", "d: 2024-01-01, e: a", "UNIQUE_t_d_e"]),
    ({"n": None}, ["NOT NULL", "t.n", "row 1"]),
    ({"n": 0}, ["CHECK((n > 0))", "table t", "n = 0"]),
    ({"n": 100}, ["CHECK(((n < 100) OR (s = 'big')))", "table t", "s = 'y', n = 100"]),
]
# Of another type: the value, and the type or the column that it does not fit.
MISFITS = [
    ({"id": "abc"}, "id", "abc"),
    ({"id": 3_000_000_000}, "id", "3000000000"),
    ({"d": "2024-02-30"}, "d", "2024-02-30"),
    ({"e": "zz"}, "e", "zz"),
    ({"c": "123.45"}, "c", "123.45"),
]


def refuse_all(said, words):
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"
    assert "LINE " not in said and "__arm" not in said and len(said) < 1100, said


@pytest.fixture(name="repo")
def fixture_repo(repo):
    repo.sql(TABLE)
    return repo


def literal(value):
    return "NULL" if value is None else repr(value)


@pytest.mark.parametrize("values, says", VIOLATIONS, ids=str)
def test_violations_by_sql(repo, values, says):
    """INSERT of one row; of many in a SELECT; UPDATE; ON CONFLICT and MERGE, where they can."""
    row = {**GOOD, **values}
    refuse_all(repo.refused("sql", "-c", f"INSERT INTO t VALUES "
                            f"({', '.join(map(literal, row.values()))})").err, says)
    repo.sql("INSERT INTO t (id, n, s) VALUES (2, 2, 'y')")
    if values.get("id") != 1:
        merge = repo.refused("sql", "-c", "MERGE INTO t USING (SELECT 2 AS i) q ON t.id = q.i "
                             "WHEN MATCHED THEN UPDATE SET " + ", ".join(
                                 f"{c} = {literal(v)}" for c, v in values.items())).err
        refuse_all(merge, says)
    update = ", ".join(f"{c} = {literal(v)}" for c, v in values.items())
    refuse_all(repo.refused("sql", "-c", f"UPDATE t SET {update} WHERE id = 2").err, says)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("values, says", VIOLATIONS, ids=str)
def test_violations_by_import(repo, tmp_path, values, says, suffix):
    row = {**GOOD, **values}
    file = tmp_path / f"f.{suffix}"
    if suffix == "csv":
        cells = ("" if v is None else str(v) for v in row.values())
        file.write_text(f"{','.join(row)}\n{','.join(cells)}\n")
    else:
        pa.parquet.write_table(pa.table({c: [v] for c, v in row.items()}), file)
    for mode in ("append", "upsert"):
        if mode == "append" or values.get("id") != 1:
            refuse_all(repo.refused("import", "t", file, "--mode", mode).err,
                       [*says, "nothing was changed"])


@pytest.mark.parametrize("has_checks", [True, False])  # a CHECK makes a put an upsert by SQL
def test_violations_by_row_calls(tmp_path, has_checks):
    session = Session(tmp_path / "r")
    table = TABLE if has_checks else TABLE.replace("CHECK (n > 0)", "").replace(
        "CONSTRAINT both_ CHECK (n < 100 OR s = 'big'),", "")
    for statement in table.split("; "):
        session.rows(statement)
    for values, says in VIOLATIONS:
        if values.get("id") == 1 or (not has_checks and "CHECK" in says[0]):
            continue
        with pytest.raises(ArmError) as refused:
            session.put("t", pa.RecordBatch.from_pylist([{**GOOD, **values}]))
        refuse_all(str(refused.value), says)
        assert refused.value.status == CONSTRAINT
    with pytest.raises(ArmError) as refused:
        session.put("t", pa.RecordBatch.from_pylist([GOOD, {**GOOD, "s": "z"}]))
    refuse_all(str(refused.value), ["duplicate key", "id: 2", "PRIMARY_t_id"])
    for values, column, value in MISFITS:
        with pytest.raises(ArmError) as refused:
            session.put("t", pa.RecordBatch.from_pylist([{**GOOD, **values}]))
        refuse_all(str(refused.value), [f"column {column}", value])
        assert refused.value.status == SCHEMA
    assert session.rows("SELECT id FROM t") == [("1",)]
    session.close()


@pytest.mark.parametrize("values, column, value", MISFITS, ids=str)
def test_misfits_by_sql_and_import(repo, tmp_path, values, column, value):
    """DuckDB names value and type of a statement, and points to where it stands."""
    row = {**GOOD, **values}
    cells = ", ".join(map(literal, row.values()))
    for statement in (f"INSERT INTO t VALUES ({cells})",
                      f"INSERT INTO t SELECT {cells} FROM range(3)",
                      f"UPDATE t SET {column} = {literal(values[column])}"):
        assert value in repo.refused("sql", "-c", statement, says="Conversion Error").err
    cells = ",".join("" if v is None else str(v) for v in row.values())
    (tmp_path / "f.csv").write_text(f"{','.join(row)}\n{cells}\n")
    refuse_all(repo.refused("import", "t", tmp_path / "f.csv", "--mode", "append").err,
               ["f.csv, line 2", f'"{column}"', value])
    pa.parquet.write_table(pa.table({c: [v] for c, v in row.items()}), tmp_path / "f.parquet")
    refuse_all(repo.refused("import", "t", tmp_path / "f.parquet", "--mode", "append").err,
               ["f.parquet", f"column {column}", value])


# ---- Which keys are equal ----

# Literals of a type, and of row calls and files a value of pyarrow's.
QUIET_NAN = struct.unpack("d", struct.pack("Q", 0xFFF8_0000_0000_BEEF))[0]
PAIRS = [
    ("DOUBLE", "0.0::DOUBLE", "'-0.0'::DOUBLE", 0.0, -0.0),
    ("DOUBLE", "'nan'::DOUBLE", "-'nan'::DOUBLE", float("nan"), QUIET_NAN),
    ("DOUBLE", "'inf'::DOUBLE", "'inf'::DOUBLE", float("inf"), float("inf")),
    ("DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", float("inf"), float("-inf")),
    ("DOUBLE", "'nan'::DOUBLE", "'inf'::DOUBLE", float("nan"), float("inf")),
    ("DOUBLE", "0.0::DOUBLE", "'5e-324'::DOUBLE", 0.0, 5e-324),
    ("FLOAT", "0.0::FLOAT", "'-0.0'::FLOAT", pa.scalar(0.0, pa.float32()),
     pa.scalar(-0.0, pa.float32())),
    ("FLOAT", "'nan'::FLOAT", "-'nan'::FLOAT", pa.scalar(float("nan"), pa.float32()),
     pa.scalar(-float("nan"), pa.float32())),
    ("VARCHAR", "''", "''", "", ""),
    ("VARCHAR", "''", "' '", "", " "),
    ("VARCHAR", "'a'", "'A'", "a", "A"),
    ("VARCHAR", "'é'", "'e' || chr(769)", "é", "e\u0301"),
    ("VARCHAR", "'ab'", "'ab' || chr(0)", "ab", "ab\0"),
    ("VARCHAR", "'ab' || chr(0) || 'c'", "'ab' || chr(0) || 'd'", "ab\0c", "ab\0d"),
    ("BLOB", "''::BLOB", "''::BLOB", b"", b""),
    ("BLOB", "''::BLOB", "'\\x00'::BLOB", b"", b"\0"),
    ("DECIMAL(9, 3)", "1.50", "1.5", pa.scalar("1.50").cast(pa.decimal128(9, 3)),
     pa.scalar("1.5").cast(pa.decimal128(9, 3))),
    ("DATE", "'infinity'::DATE", "'-infinity'::DATE", None, None),
    ("TIME", "'24:00:00'::TIME", "'00:00:00'::TIME", None, None),
    ("TIMESTAMPTZ", "'2024-01-01 12:00:00+00'::TIMESTAMPTZ",
     "'2024-01-01 13:00:00+01'::TIMESTAMPTZ", None, None),
    ("TIMETZ", "'12:00:00+00'::TIMETZ", "'13:00:00+01'::TIMETZ", None, None),
    ("BIT", "'0101'::BIT", "'101'::BIT", None, None),
    ("UUID", "'A0000000-0000-0000-0000-00000000000B'::UUID",
     "'a0000000-0000-0000-0000-00000000000b'::UUID", None, None),
]
PLACES = ("hot", "in a chunk", "of another schema")


def array(value):
    return pa.array([value.as_py() if isinstance(value, pa.Scalar) else value],
                    value.type if isinstance(value, pa.Scalar) else None)


def put_first(session, type_, a, place):
    session.rows("CREATE OR REPLACE TABLE k (k " + type_ + " PRIMARY KEY, v INTEGER)")
    session.rows(f"INSERT INTO k VALUES ({a}, 1)")
    if place != "hot":
        session.compact("k")
    if place == "of another schema":
        session.rows("ALTER TABLE k ADD COLUMN w INTEGER DEFAULT 3")


def same_by_sql(session, b):
    try:
        session.rows(f"INSERT INTO k (k, v) VALUES ({b}, 2)")
    except ArmError as refused:
        assert refused.status == CONSTRAINT and "PRIMARY_k_k" in str(refused)
        session.rows(f"INSERT INTO k (k, v) VALUES ({b}, 2) ON CONFLICT (k) DO UPDATE SET v = 5")
        assert session.rows("SELECT v FROM k") == [("5",)]
        return True
    session.rows("DELETE FROM k WHERE v = 2")
    return False


def same_by_row_calls(session, value):
    keys = pa.RecordBatch.from_arrays([array(value)], ["k"])
    txn = session.begin()
    is_found = len(txn.get("k", keys)) == 1
    assert txn.put("k", pa.RecordBatch.from_arrays([array(value), pa.array([7])],
                                                   ["k", "v"])) == 1
    assert len(txn.get("k", keys)) == 1
    txn.commit()
    assert session.value("SELECT count(*) FROM k") == ("1" if is_found else "2")
    assert session.put("k", pa.RecordBatch.from_arrays([array(value), pa.array([8])],
                                                       ["k", "v"])) > 0
    txn = session.begin()
    assert txn.delete("k", keys) == 1 and txn.get("k", keys) == []
    txn.commit()
    assert session.value("SELECT count(*) FROM k") == ("0" if is_found else "1")
    return is_found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("type_, a, b, x, y", PAIRS, ids=lambda v: v if isinstance(v, str) else "")
def test_keys_are_equal_as_sql_has_it(tmp_path, type_, a, b, x, y, place):
    session = Session(tmp_path / "r")
    expected = session.value(f"SELECT a = b FROM (VALUES ({a}, {b})) s(a, b)") == "true"
    put_first(session, type_, a, place)
    assert same_by_sql(session, b) is expected
    if y is not None:
        assert same_by_row_calls(session, y) is expected
    session.rows("DELETE FROM k")
    session.rows(f"INSERT INTO k (k, v) VALUES ({a}, 1)")
    session.close()
    if y is not None:  # a load
        repo = Repo(tmp_path / "r", make=False)
        file = tmp_path / "f.parquet"
        pa.parquet.write_table(pa.table({"k": array(y), "v": [9]}), file)
        loaded = repo.run("import", "k", file, "--mode", "append", status=None)
        assert loaded.status == (1 if expected else 0), loaded
        assert not expected or "PRIMARY_k_k" in loaded.err
        repo.run("import", "k", file, "--mode", "upsert")
        assert repo.value("SELECT count(*) FROM k") == (1 if expected else 2)
        pa.parquet.write_table(pa.table({"k": pa.concat_arrays([array(x), array(y)])}), file)
        both = repo.run("import", "fresh", file, "--key", "k", status=None)
        assert both.status == (1 if expected else 0), both
        assert repo.run("verify", "--full").status == 0


def test_null_is_no_key(repo, tmp_path):
    """A primary key has none; in a UNIQUE constraint it equals nothing, not even itself."""
    repo.sql("CREATE TABLE u (a VARCHAR, b INTEGER, UNIQUE (a, b))")
    repo.sql("INSERT INTO u VALUES (NULL, 1), (NULL, 1), ('', NULL), ('', NULL), ('', 1)")
    (tmp_path / "u.csv").write_text('a,b\n,1\n"",\n')
    repo.run("import", "u", tmp_path / "u.csv", "--mode", "append")
    assert repo.value("SELECT count(*) FROM u") == 7
    repo.refused("sql", "-c", "INSERT INTO u VALUES ('', 1)", says=["UNIQUE_u_a_b", "a: , b: 1"])
    repo.sql("INSERT INTO u VALUES (NULL, 1) ON CONFLICT DO NOTHING")
    assert repo.value("SELECT count(*) FROM u") == 8
    repo.sql("CREATE TABLE p (a VARCHAR PRIMARY KEY)")
    repo.sql("INSERT INTO p VALUES ('')")
    repo.refused("sql", "-c", "INSERT INTO p VALUES (NULL)", says=["NOT NULL", "p.a"])
    repo.refused("sql", "-c", "INSERT INTO p VALUES ('')", says=["PRIMARY_p_a", "a: "])
