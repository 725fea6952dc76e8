# SPDX-License-Identifier: Apache-2.0
"""Results: what they are given as, and how often."""

import datetime
import decimal
import re
import uuid

import armillaria as arm
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

MANY = "SELECT i, 's' || i AS s FROM range(10000) r(i)"


def test_each_begins_at_the_first_row(db):
    result = db.sql(MANY)
    assert result.fetchone() == (0, "s0")
    assert result.fetchmany(2) == [(1, "s1"), (2, "s2")]
    assert len(result.df()) == len(result.arrow()) == len(result.pl()) == 10000
    assert len(result.dicts()) == 10000 and result.dicts()[0] == {"i": 0, "s": "s0"}
    assert result.reader().read_all().num_rows == 10000
    assert result.fetchone() == (3, "s3")
    assert sum(1 for _ in result) == 9996
    assert result.fetchone() is None and result.fetchall() == [] and result.fetchmany(5) == []
    assert len(pa.table(result)) == len(pl.DataFrame(result)) == 10000
    assert result.shape == (10000, 2) and len(result) == 10000


def test_other_names(db):
    result = db.sql(MANY)
    assert isinstance(result.to_pandas(), pd.DataFrame)
    assert isinstance(result.to_polars(), pl.DataFrame)
    assert isinstance(result.to_arrow(), pa.Table)
    assert isinstance(result.df(), pd.DataFrame) and isinstance(result.pl(), pl.DataFrame)


def test_a_result_is_never_run_again(orders):
    result = orders.sql("INSERT INTO orders VALUES (4, 1) RETURNING id")
    assert result.fetchall() == [(4,)] and result.fetchall() == []
    assert result.dicts() == [{"id": 4}] and len(result) == 1
    assert orders.sql("SELECT count(*) FROM orders").fetchone() == (4,)


def test_it_is_of_its_snapshot(orders):
    result = orders.sql("SELECT id FROM orders ORDER BY id")
    orders.sql("DELETE FROM orders")
    assert result.fetchall() == [(1,), (2,), (3,)]


def test_it_outlives_its_handle(path):
    with arm.open(path, create=True) as db:
        result = db.sql("SELECT i FROM range(300000) r(i)")
        stream = db.sql("SELECT i FROM range(300000) r(i)").reader()
    assert len(result) == 300000
    assert sum(batch.num_rows for batch in stream) == 300000
    del db
    assert result.fetchone() == (0,)


def test_what_it_says_of_itself(db):
    result = db.sql("SELECT 1::TINYINT AS a, 'x' AS b, [1.5] AS c, {x: 1} AS d, NULL AS e, "
                    "1::DECIMAL(9,2) AS f, now() AS g, '1'::JSON AS h, uuid() AS i, 1::HUGEINT j")
    assert result.columns == list("abcdefghij")
    assert result.types[0] == "TINYINT" and result.types[1] == "VARCHAR"
    assert result.types[5] == "DECIMAL(9,2)" and result.types[6] == "TIMESTAMP WITH TIME ZONE"
    assert result.types[7:] == ["JSON", "UUID", "HUGEINT"]
    assert [column[0] for column in result.description] == result.columns
    assert all(len(column) == 7 for column in result.description)


VALUES = [
    ("NULL", None), ("true", True), ("7::UTINYINT", 7), ("-7::SMALLINT", -7),
    ("9223372036854775807", 2**63 - 1), ("18446744073709551615::UBIGINT", 2**64 - 1),
    ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
    ("340282366920938463463374607431768211455::UHUGEINT", 2**128 - 1),
    ("(-170141183460469231731687303715884105727)::HUGEINT", -(2**127) + 1),
    ("1.5::FLOAT", 1.5), ("1e300::DOUBLE", 1e300), ("1.50::DECIMAL(4,2)", decimal.Decimal("1.50")),
    ("-0.000001::DECIMAL(38,6)", decimal.Decimal("-0.000001")),
    ("'héllo'", "héllo"), ("''", ""), ("'\\x00\\xFF'::BLOB", b"\0\xff"),
    ("'a long text that is not kept in sixteen bytes'", "a long text that is not kept in sixteen "
     "bytes"),
    ("DATE '2024-02-29'", datetime.date(2024, 2, 29)),
    ("TIME '12:30:01.5'", datetime.time(12, 30, 1, 500000)),
    ("TIMESTAMP '2024-02-29 12:30:01.000005'", datetime.datetime(2024, 2, 29, 12, 30, 1, 5)),
    ("TIMESTAMP_S '2024-02-29 12:30:01'", datetime.datetime(2024, 2, 29, 12, 30, 1)),
    ("TIMESTAMP_MS '2024-02-29 12:30:01.25'", datetime.datetime(2024, 2, 29, 12, 30, 1, 250000)),
    ("TIMESTAMP_NS '2024-02-29 12:30:01.123456789'",
     datetime.datetime(2024, 2, 29, 12, 30, 1, 123456)),
    ("TIMESTAMPTZ '2024-02-29 12:30:01+02'",
     datetime.datetime(2024, 2, 29, 10, 30, 1, tzinfo=datetime.timezone.utc)),
    ("'infinity'::TIMESTAMP", datetime.datetime.max), ("'-infinity'::DATE", datetime.date.min),
    ("INTERVAL '3 days 7 microseconds'", datetime.timedelta(days=3, microseconds=7)),
    ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",
     uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("'10110'::BIT", "10110"), ("'{\"a\": [1]}'::JSON", '{"a": [1]}'),
    ("'sad'::ENUM('happy', 'sad')", "sad"),
    ("[1, NULL, 3]", [1, None, 3]), ("[[1], [], NULL]", [[1], [], None]), ("[]::INT[]", []),
    ("[1, 2]::INT[2]", [1, 2]), ("{a: 1, b: {c: 'x'}}", {"a": 1, "b": {"c": "x"}}),
    ("MAP {'k': 1, 'l': NULL}", {"k": 1, "l": None}), ("union_value(n := 7)", 7),
]


@pytest.mark.parametrize("sql, value", VALUES, ids=[sql for sql, _ in VALUES])
def test_values(db, sql, value):
    assert db.sql(f"SELECT {sql}, {sql}").fetchall() == [(value, value)]
    assert db.sql(f"SELECT {sql} AS v").dicts() == [{"v": value}]
    if "INT[2]" in sql:  # which DuckDB has no CASE of
        return
    many = db.sql(f"SELECT CASE WHEN i % 3 = 1 THEN {sql} END FROM range(3000) r(i)").fetchall()
    assert [row[0] for row in many] == [None, value, None] * 1000


def test_what_python_cannot_hold_is_text(db):
    row = db.sql("SELECT DATE '5877642-06-25 (BC)', TIMESTAMP '290309-12-22 (BC) 00:00:00', "
                 "DATE '12024-01-01'").fetchone()
    assert all(isinstance(value, str) for value in row) and row[2] == "12024-01-01"


def test_names_twice(db):
    result = db.sql("SELECT 1 AS a, 2 AS a")
    assert result.fetchone() == (1, 2) and result.columns == ["a", "a"]
    assert result.arrow().column_names == ["a", "a"]
    assert list(result.df().iloc[0]) == [1, 2]


def test_nothing(db):
    result = db.sql("SELECT 1 AS a WHERE false")
    assert result.fetchall() == [] and result.dicts() == [] and len(result) == 0 and result
    assert list(result.df().columns) == ["a"] and result.arrow().num_rows == 0
    assert result.pl().shape == (0, 1)


# ---- Looking at them ----

def test_repr(db, capsys):
    text = repr(db.sql("SELECT 1 AS n, 'x' AS name, NULL AS nothing"))
    assert "│    n    │" in text and "INTEGER" in text and "NULL" in text
    db.sql("SELECT 7 AS seven").show()
    assert "seven" in capsys.readouterr().out
    db.sql("SELECT i FROM range(100) r(i)").show(5)
    out = capsys.readouterr().out
    assert "there are more" in out and " 4 │" in out and " 5 │" not in out
    assert len(repr(db.sql(MANY)).splitlines()) < 60


def test_repr_of_hostile_values(db):
    text = repr(db.sql("SELECT '\x1b[31mred' AS a, chr(10) AS b, repeat('x', 1000) AS c, '日本' d"))
    assert "\x1b" not in text and len(text.splitlines()) == 6
    widths = {arm._draw.width(line) for line in text.splitlines()}
    assert len(widths) == 1


def test_what_does_not_fit_the_terminal(db, monkeypatch):
    result = db.sql("SELECT " + ", ".join(f"{i} AS column_{i}" for i in range(40)))
    whole = repr(result)
    assert "column_20" in whole
    for room in (10, 30, 80, 200, 10_000):
        monkeypatch.setattr(arm._draw, "room", lambda room=room: room)
        text = repr(result)
        assert all(arm._draw.width(line) <= max(room, 20) for line in text.splitlines()[:-1])
        assert "column_0" in text and ("columns do not fit" in text) == (room < 10_000)
        if room >= 30:
            assert room == 30 or "column_39" in text
    assert repr(result) == whole


def test_html(orders):
    text = orders.sql("SELECT '<script>' AS a, 1 AS \"<b>\"")._repr_html_()
    assert "&lt;script&gt;" in text and "<script>" not in text and "&lt;b&gt;" in text
    orders.sql("UPDATE orders SET amount = 0 WHERE id = 1")
    assert "background" in orders.row_changes("orders")._repr_html_()


def test_what_an_update_changed_is_marked(db):
    db.write("t", {"id": [1, 2], "a": [float("nan"), 1.0], "b": ["x", "y"], "c": [None, 5]},
             key="id")
    since = db.latest_tx()
    db.sql("UPDATE t SET b = 'z' WHERE id = 1")
    db.sql("UPDATE t SET c = NULL WHERE id = 2")
    db.sql("DELETE FROM t WHERE id = 2")
    text = db.row_changes("t", since=since)._repr_html_()
    was, becomes = "#ffc9c4", "#a6f0b9"
    marked = re.findall(r'<td style="text-align:\w+;background:(#\w+)">(.*?)</td>', text)
    assert marked == [(was, "x"), (becomes, "z"), (was, "5"), (becomes, "NULL")]
    assert text.count("color:#1f2328") == 5  # of the text of rows that are coloured
    plain = db.sql("SELECT 'update_before' AS a UNION ALL SELECT 'update_after'")._repr_html_()
    assert "background" not in plain


def test_wrong_sizes(db):
    result = db.sql(MANY)
    for size in (-1, 1.5, "x", True, 2**70, None):
        with pytest.raises(arm.InvalidArgument):
            result.fetchmany(size)
    assert len(result.fetchall()) == 10000


# ---- What pandas and Polars have no word for ----

@pytest.mark.parametrize("value, in_pandas, in_polars", [
    ("'infinity'::DATE", datetime.date.max, datetime.date.max),
    ("'infinity'::TIMESTAMP", None, datetime.datetime.max),
    ("'24:00:00'::TIME", "24:00:00", "24:00:00"),
    ("union_value(a := 1)", 1, 1),
    ("INTERVAL 3 DAY", None, datetime.timedelta(days=3)),
    ("[INTERVAL 3 DAY]", None, [datetime.timedelta(days=3)]),
])
def test_values_that_data_frames_do_not_have(db, value, in_pandas, in_polars):
    result = db.sql(f"SELECT * FROM (VALUES (1, {value}), (2, NULL)) v(n, x)")
    frame = result.df()
    assert list(frame.columns) == ["n", "x"] and list(frame["n"]) == [1, 2]
    if in_pandas is not None:
        assert frame["x"][0] == in_pandas
    assert frame["x"].isna().tolist() == [False, True]
    other = result.pl()
    assert repr(other) and other["n"].to_list() == [1, 2]
    assert other["x"].to_list() == [in_polars, None]


def test_a_time_that_is_null_stays_a_time(db):
    column = db.sql("SELECT * FROM (VALUES ('10:00'::TIME), (NULL)) v(x)").pl()["x"]
    assert column.dtype == pl.Time and column.to_list() == [datetime.time(10), None]


def test_two_columns_of_one_name(db):
    result = db.sql("SELECT 1 AS a, 2 AS a")
    assert list(result.df().columns) == ["a", "a"] and result.df().iloc[0].tolist() == [1, 2]
    with pytest.raises(arm.SchemaError, match="two columns are called 'a'"):
        result.pl()


def test_a_zone_that_python_does_not_know(db):
    db.sql("SET TimeZone = 'ACT'")  # ICU has it
    at = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)
    result = db.sql("SELECT '2026-01-02 03:04:00+00'::TIMESTAMPTZ AS x")
    assert result.fetchone() == (at,)
    assert result.df()["x"][0] == at and result.pl()["x"].to_list() == [at]


@pytest.mark.parametrize("read", [lambda r: r.arrow(), lambda r: r.df(), lambda r: r.pl(),
                                  lambda r: r.reader().read_all(), lambda r: r.dicts()])
def test_a_statement_that_fails_while_it_is_read(db, read):
    """With an exception of ours, and not of who reads."""
    result = db.sql("SELECT CASE WHEN i > 5000000 THEN error('boom') ELSE 'x' END AS a "
                    "FROM range(10000000) r(i)")
    with pytest.raises((arm.SqlError, arm.Interrupted)):  # DuckDB may tell of the threads it stops
        read(result)
    assert db.sql("SELECT 1").fetchone() == (1,)


def test_batches_grow_as_rows_come(db):
    """Few rows come at once, many in batches that a reader has little to do with."""
    reader = db.sql("SELECT range AS i, 'x' || range AS t FROM range(500000)").reader()
    batches = list(reader)
    sizes = [len(batch) for batch in batches]
    assert sizes[0] == 2048
    assert max(sizes) > 30_000
    assert len(sizes) < 40
    assert [i for batch in batches for i in batch["i"].to_pylist()] == list(range(500000))
    assert batches[-1]["t"][-1].as_py() == "x499999"


def test_rows_that_are_few_do_not_wait_for_others(db):
    """A chunk that a filter left little of is given away as it is."""
    batches = list(db.sql("SELECT range AS i FROM range(1000000) WHERE range % 1000 = 0").reader())
    assert max(len(batch) for batch in batches) < 2048
    assert sum(len(batch) for batch in batches) == 1000


@pytest.mark.parametrize("value", ["repeat('x', 100000 + range::INTEGER % 7)",
                                   "[repeat('y', 50000), NULL, repeat('z', 50000 + range::INTEGER)]",
                                   "{'a': NULL, 'b': repeat('x', 100000)::BLOB}"])
def test_batches_of_large_values_are_short(db, value):
    reader = db.sql(f"SELECT range AS i, {value} AS v FROM range(1000)").reader()
    row = 0
    for batch in reader:
        assert batch.nbytes < 40_000_000
        for i in batch["i"].to_pylist():
            assert i == row
            row += 1
    assert row == 1000
    expected = db.sql(f"SELECT {value} AS v FROM range(997, 998)").fetchone()[0]
    assert db.sql(f"SELECT {value} AS v FROM range(1000)").fetchall()[997][0] == expected


def test_settings_that_change_do_not_reach_rows_under_way(db):
    """A result has the layout that it was begun with."""
    first = db.sql("SELECT 'x' || range AS t FROM range(20000)")
    assert first.fetchone() == ("x0",)
    db.sql("SET arrow_large_buffer_size = true")
    assert [row for row, in first.fetchall()] == [f"x{i}" for i in range(1, 20000)]
    assert first.arrow()["t"].to_pylist() == [f"x{i}" for i in range(20000)]
    second = db.sql("SELECT 'y' AS t").arrow()
    assert second.schema.field("t").type == pa.large_string()
    assert second["t"].to_pylist() == ["y"]
