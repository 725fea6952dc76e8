# SPDX-License-Identifier: Apache-2.0
"""Values that look like others: they come as what they are, or not at all."""

import datetime

import armillaria as arm
import numpy as np
import pandas as pd
import polars as pl
import pytest

NEW_YEAR = datetime.datetime(2026, 1, 1)


class NoOffset(datetime.tzinfo):
    """A zone that does not say where it is."""

    def utcoffset(self, at):
        return None

    dst = tzname = utcoffset


class Frame(pd.DataFrame):
    """A DataFrame of somebody's own, as geopandas has."""


def stored(db, data):
    db.write("t", data, mode="replace")
    result = db.sql("SELECT * FROM t")
    return result.types, [row[0] for row in result.fetchall()]


@pytest.mark.parametrize("values, kind, expected", [
    (np.array(["2026-01-01"], "datetime64[ns]"), "TIMESTAMP", [NEW_YEAR]),
    (np.array(["NaT", "2026-01-01T00:00:00.000001"], "datetime64[ns]"), "TIMESTAMP",
     [None, NEW_YEAR.replace(microsecond=1)]),
    (np.array(["2026-01-01"], "datetime64[s]"), "TIMESTAMP", [NEW_YEAR]),
    (np.array(["2026-01-01"], "datetime64[D]"), "DATE", [NEW_YEAR.date()]),
    (np.array(["2026-01"], "datetime64[M]"), "DATE", [NEW_YEAR.date()]),
    (np.array([1500], "timedelta64[ms]"), "INTERVAL", [datetime.timedelta(milliseconds=1500)]),
    (np.array([2000], "timedelta64[ns]"), "INTERVAL", [datetime.timedelta(microseconds=2)]),
    ([np.datetime64("2026-01-01", "ns"), None], "TIMESTAMP", [NEW_YEAR, None]),
    ([[np.datetime64("2026-01-01", "ns")]], "TIMESTAMP[]", [[NEW_YEAR]]),
    ([datetime.datetime(2026, 1, 1, tzinfo=NoOffset())], "TIMESTAMP", [NEW_YEAR]),
    ([2**127 - 1, 1], "HUGEINT", [2**127 - 1, 1]),
])
def test_stored_as_what_they_are(db, values, kind, expected):
    assert stored(db, {"a": values}) == ([kind], expected)
    if isinstance(values, np.ndarray):
        assert db.sql("SELECT ? AS a", [values[-1]]).fetchone() == (expected[-1],)


@pytest.mark.parametrize("values, told", [
    (np.array(["2026-01-01T00:00:00.000000001"], "datetime64[ns]"), "end at microseconds"),
    (np.array([1], "timedelta64[ns]"), "end at microseconds"),
    ([pd.Timestamp("2026-01-01T00:00:00.000000001")], "end at microseconds"),
    ([pd.Timedelta(1, "ns")], "end at microseconds"),
    (np.array([1], "timedelta64[M]"), "no fixed length"),
    (np.array([(1, 2)], dtype=[("x", int), ("y", int)]), "fields of a numpy array"),
    ([1 + 2j], "complex"),
    ([2**200], "int"),
])
def test_refused_and_not_cut(db, values, told):
    with pytest.raises(arm.SchemaError, match=told):
        db.write("t", {"a": values})
    if "fields" not in told:
        with pytest.raises(arm.SchemaError, match=told):
            db.sql("SELECT ?", [list(values)[0]])
    assert db.tables() == []


@pytest.mark.parametrize("data, told", [
    (pd.DataFrame({"a": pd.period_range("2026-01", periods=2, freq="M")}),
     "column a: a pandas Period"),
    (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "column a: Python objects"),
    (pd.DataFrame({"a": [2**200]}), "column a: row 0"),
    (pd.DataFrame({"a": [1, "x"]}), "column a: row 1 is of type str"),
    (pd.Series([1]), "a Series without a name"),
])
def test_frames_that_do_not_go(db, data, told):
    with pytest.raises(arm.SchemaError, match=told):
        db.write("t", data)


def test_frames_that_go(db):
    assert stored(db, Frame({"a": [1, 2]}, index=[5, 6])) == (["BIGINT"], [1, 2])
    kept = Frame({"a": [3]}, index=[7])
    assert db.sql("SELECT * FROM kept").fetchall() == [(3,)]
    assert stored(db, pd.DataFrame({"a": [2**100, 1]})) == (["HUGEINT"], [2**100, 1])
    assert stored(db, pd.Series([1, 2], name="a")) == (["BIGINT"], [1, 2])
    assert stored(db, pl.Series("a", [1, 2])) == (["BIGINT"], [1, 2])
    at = pd.Timestamp("2026-01-01T00:00:00.000000001")
    kinds, _ = stored(db, pd.DataFrame({"a": [at]}).astype("datetime64[ns]"))
    assert kinds == ["TIMESTAMP_NS"] and db.sql("FROM t").df()["a"][0] == at


@pytest.mark.parametrize("value, kind, expected", [
    (f"{2**128 - 1}::UHUGEINT", "UHUGEINT", 2**128 - 1),
    ("1::UHUGEINT", "UHUGEINT", 1),
    (f"{2**127 - 1}::HUGEINT", "HUGEINT", 2**127 - 1),
    (f"(-{2**127 - 1})::HUGEINT", "HUGEINT", 1 - 2**127),
    (f"'{10**60}'::BIGNUM", "BIGNUM", 10**60),
    ("'10110'::BIT", "BIT", "10110"),
    ("'12:00:00+05:30'::TIMETZ", "TIMETZ",
     datetime.time(12, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))),
    ("'12:00:00.5-08'::TIMETZ", "TIMETZ",
     datetime.time(12, 0, 0, 500000, datetime.timezone(datetime.timedelta(hours=-8)))),
    ("'{\"a\": 1}'::JSON", "JSON", '{"a": 1}'),
])
def test_types_that_arrow_lacks(db, value, kind, expected):
    """They come as they are, nested too, and written back, from a variable or by Arrow, they are
    of their type."""
    result = db.sql(f"SELECT {value} AS a, [{value}] AS b, {{x: {value}}} AS c")
    assert result.types[0] == kind
    assert result.fetchone() == (expected, [expected], {"x": expected})
    single = db.sql(f"SELECT * FROM (VALUES ({value}), (NULL)) v(a)")
    assert db.sql("SELECT typeof(a) FROM single").fetchone()[0].replace(
        "TIME WITH TIME ZONE", "TIMETZ") == kind
    if kind != "BIGNUM":
        assert stored(db, single) == ([kind], [expected, None])
        assert stored(db, single.arrow()) == ([kind], [expected, None])
    assert db.sql(f"SELECT a = {value} FROM single").fetchone() == (True,)


def test_json_beside_types_that_arrow_lacks(db):
    """What one column is made of has nothing to do with another's mark."""
    result = db.sql("SELECT '{\"a\": 1}'::JSON AS j, '12:00:00+02'::TIMETZ AS t")
    assert result.types == ["JSON", "TIMETZ"]
    assert stored(db, db.sql("SELECT '[1]'::JSON AS a, '101'::BIT AS b")) == (
        ["JSON", "BIT"], ["[1]"])


@pytest.mark.parametrize("value, expected", [
    ("1::VARIANT", "1"), ("{'a': 1, 'b': [1, 2]}::VARIANT", '{"a":1,"b":[1,2]}'),
    ("'x'::VARIANT", '"x"')])
def test_variants_are_json(db, value, expected):
    """Neither Arrow nor a table of ours has a type for them."""
    result = db.sql(f"SELECT {value} AS a, [{value}] AS b")
    assert result.types == ["JSON", "JSON[]"]
    assert result.fetchone() == (expected, [expected])
    single = db.sql(f"SELECT {value} AS a")
    assert stored(db, single) == (["JSON"], [expected])
    rows = "(VALUES (1::VARIANT), (NULL), ('x'::VARIANT)) AS v(a)"
    assert [a for a, in db.sql(f"SELECT a FROM {rows}").fetchall()] == ["1", None, '"x"']
