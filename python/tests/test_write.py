# SPDX-License-Identifier: Apache-2.0
"""Data in: what it may be, the modes, what does not fit."""

import datetime
import decimal
import enum
import uuid

import armillaria as arm
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

ROWS = [{"id": 1, "s": "a"}, {"id": 2, "s": None}]


SOURCES = {
    "pandas": lambda: pd.DataFrame({"id": [1, 2], "s": ["a", None]}, index=["x", "y"]),
    "polars": lambda: pl.DataFrame(ROWS),
    "lazy": lambda: pl.DataFrame(ROWS).lazy(),
    "pyarrow": lambda: pa.Table.from_pylist(ROWS),
    "batch": lambda: pa.RecordBatch.from_pylist(ROWS),
    "reader": lambda: pa.Table.from_pylist(ROWS).to_reader(),
    "capsule": lambda: pa.Table.from_pylist(ROWS).__arrow_c_stream__(),
    "columns": lambda: {"id": [1, 2], "s": ["a", None]},
    "tuples": lambda: {"id": (1, 2), "s": ("a", None)},
    "numpy": lambda: {"id": np.array([1, 2]), "s": np.array(["a", None], dtype=object)},
    "records": lambda: ROWS,
    "ragged": lambda: [{"id": 1, "s": "a"}, {"id": 2}],
}


@pytest.mark.parametrize("source", SOURCES)
def test_sources(db, source):
    told = db.write("t", SOURCES[source]())
    assert (told.version, told.rows, told.tx) == (1, 2, db.latest_tx())
    assert db.table("t").dicts() == ROWS


def test_a_result_and_a_table(db):
    db.write("t", ROWS)
    db.write("u", db.sql("SELECT * FROM t WHERE id = 1"))
    db.write("v", db.table("t"))
    assert db.table("u").dicts() == ROWS[:1] and db.table("v").dicts() == ROWS
    db.write("w", db.tables())
    assert len(db.table("w")) == 3


def test_modes(db):
    db.write("t", ROWS, key=["id"])
    with pytest.raises(arm.Exists, match='"?t"?'):
        db.write("t", ROWS)
    db.write("t", [{"id": 3, "s": "c"}], mode="append")
    told = db.write("t", [{"id": 1, "s": "A"}, {"id": 4, "s": "d"}], mode="upsert")
    assert told.version == 3
    assert sorted(db.table("t").dicts(), key=lambda row: row["id"]) == [
        {"id": 1, "s": "A"}, {"id": 2, "s": None}, {"id": 3, "s": "c"}, {"id": 4, "s": "d"}]
    with pytest.raises(arm.SchemaError, match="key"):
        db.write("t", {"other": [1.5]}, mode="replace")
    db.write("t", {"id": [7], "other": [1.5]}, mode="replace")
    assert db.table("t").dicts() == [{"id": 7, "other": 1.5}]
    again = db.write("t", {"id": [7], "other": [1.5]}, mode="replace")
    assert again.tx is None and [v.version for v in db.versions("t")] == [4, 3, 2, 1]


def test_columns_match_by_name(db):
    db.write("t", {"a": [1], "b": ["x"]})
    db.write("t", {"b": ["y"], "a": [2]}, mode="append")
    db.write("t", {"a": [3]}, mode="append")
    assert db.table("t").dicts() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": None}]
    with pytest.raises(arm.SchemaError, match="c"):
        db.write("t", {"a": [1], "c": [2]}, mode="append")
    with pytest.raises(arm.SchemaError, match="key"):
        db.write("t", {"a": [1]}, mode="upsert")
    with pytest.raises(arm.SchemaError, match="a"):
        db.write("t", {"a": ["no number"]}, mode="append")
    assert len(db.table("t")) == 3


def test_keys(db):
    with pytest.raises(arm.ConstraintError, match="7"):
        db.write("t", {"id": [7, 7]}, key="id")
    with pytest.raises(arm.SchemaError, match="nothere"):
        db.write("t", {"id": [7]}, key=["nothere"])
    db.write("t", {"id": [7], "k": ["x"]}, key=["id", "k"])
    assert db.tables()[0].key == ["id", "k"]
    with pytest.raises(arm.ConstraintError):
        db.write("t", {"id": [7], "k": ["x"]}, mode="append")
    with pytest.raises(arm.ConstraintError):
        db.write("t", {"id": [None], "k": ["x"]}, mode="append")


def test_other_branches_and_schemas(db):
    db.branches.create("b")
    db.write("t", ROWS, branch="b")
    assert db.tables() == [] and len(db.tables(at="b")) == 1
    with pytest.raises(arm.NotFound, match="nowhere"):
        db.write("t", ROWS, branch="nowhere")
    db.sql("CREATE SCHEMA s")
    db.write("s.t", ROWS)
    assert db.tables()[0].name == "s.t" and len(db.table("s.t")) == 2
    db.write('"odd.name"', ROWS)
    assert len(db.table('"odd.name"')) == 2


class Colour(str, enum.Enum):
    RED = "red"


PYTHON_VALUES = [
    [True, None, False], [1, None, -5], [2**63 - 1, -2**63], [2**64 - 1, 0], [2**100, 1],
    [1.5, None, float("inf")], [1, 2.5], ["x", None, ""], [b"\0", None, b""],
    [decimal.Decimal("1.50"), None, decimal.Decimal("-3")],
    [datetime.date(2024, 2, 29), None], [datetime.time(1, 2, 3, 4), None],
    [datetime.datetime(2024, 2, 29, 1, 2, 3, 4), None],
    [datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), None],
    [datetime.timedelta(days=-1, microseconds=5), None],
    [[1, None], None, []], [{"a": 1, "b": None}, None], [[{"a": [1.5]}], []], [None, None],
    [np.int8(3), np.int64(4)], [np.float32(0.5), 1],
]


@pytest.mark.parametrize("values", PYTHON_VALUES, ids=lambda values: repr(values)[:40])
def test_python_values(db, values):
    db.write("t", {"v": values})
    assert [row["v"] for row in db.table("t").dicts()] == values


def test_values_that_become_others(db):
    identity = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    zone = datetime.timezone(datetime.timedelta(hours=2))
    db.write("t", {"u": [identity], "z": [datetime.datetime(2024, 1, 1, 2, tzinfo=zone)],
                   "e": [Colour.RED], "f": [float("nan")]})
    row = db.table("t").dicts()[0]
    assert str(row["u"]) == str(identity)
    assert row["z"] == datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    assert row["e"] == "red" and (row["f"] is None or row["f"] != row["f"])


@pytest.mark.parametrize("data, error, says", [
    (7, arm.InvalidType, "data is to be"), ("text", arm.InvalidType, "str"),
    (None, arm.InvalidType, "None"), (object(), arm.InvalidType, "object"),
    ([1, 2], arm.SchemaError, "row 0"), ([{"a": 1}, 7], arm.SchemaError, "row 1"),
    ({"a": 7}, arm.SchemaError, "column a"), ({"a": "xy"}, arm.SchemaError, "column a"),
    ({"a": [1], "b": [1, 2]}, arm.SchemaError, "a: 1, b: 2"),
    ({"a": [1, "x"]}, arm.SchemaError, "a"), ({"a": [object()]}, arm.SchemaError, "object"),
    ({7: [1]}, arm.InvalidType, "7"), ({"": [1]}, arm.InvalidName, "empty"),
    ({"a\0b": [1]}, arm.InvalidName, "NUL"), ({"a": [2**200]}, arm.SchemaError, "a"),
    ({"a": ["\ud800"]}, arm.SchemaError, "a"), ({"a": [1], "A": [2]}, arm.SchemaError, "A"),
    (pd.DataFrame({7: [1]}), arm.SchemaError, "7"), ({}, arm.SchemaError, "column"),
    (pa.table({}), arm.SchemaError, "column"),
    (pa.table([[1], [2]], names=["a", "A"]), arm.SchemaError, "A"),
    ([], arm.SchemaError, "column"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), arm.SchemaError, "'a'"),
    (pd.DataFrame({"c": [1j]}), arm.SchemaError, "column c"),
    (pd.DataFrame({"c": [1, "a"]}), arm.SchemaError, "column c"),
])
def test_wrong_data(db, data, error, says):
    with pytest.raises(error, match=says):
        db.write("t", data)
    assert db.tables() == []


@pytest.mark.parametrize("arguments, error", [
    (("", ROWS), arm.InvalidName), ((7, ROWS), arm.InvalidType), (("a\0", ROWS), arm.InvalidName),
    (("t", ROWS, "maybe"), arm.InvalidArgument), (("t", ROWS, 1), arm.InvalidType),
    (("t", ROWS, "create", 7), arm.InvalidType), (("t", ROWS, "create", ["id", 7]),
                                                  arm.InvalidType),
    (("t", ROWS, "create", None, 7), arm.InvalidType),
    (("t", ROWS, "create", None, None, 7), arm.InvalidType), (("a.b.c", ROWS), arm.InvalidName),
])
def test_wrong_arguments(db, arguments, error):
    with pytest.raises(error):
        db.write(*arguments)
    assert db.tables() == []


class Broken:
    """A stream that fails on the way."""

    def __arrow_c_stream__(self, requested_schema=None):
        def batches():
            yield pa.record_batch({"a": [1]})
            raise RuntimeError("the source is broken")
        schema = pa.schema({"a": pa.int64()})
        return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__()


class Raises:
    """An object that gives no stream."""

    def __arrow_c_stream__(self, requested_schema=None):
        raise RuntimeError("no stream today")


class Lies:
    """An object that gives something else."""

    def __arrow_c_stream__(self, requested_schema=None):
        return 7


def test_streams_that_fail(db):
    with pytest.raises(arm.Error, match="the source is broken"):
        db.write("t", Broken())
    with pytest.raises(RuntimeError, match="no stream today"):
        db.write("t", Raises())
    with pytest.raises(arm.Error):
        db.write("t", Lies())
    used = pa.table({"a": [1]}).__arrow_c_stream__()
    db.write("once", used)
    with pytest.raises(arm.Error):
        db.write("twice", used)
    assert [table.name for table in db.tables()] == ["once"]


def test_many_rows(db):
    data = pa.table({"i": pa.array(range(500_000)), "s": pa.array([str(i % 97) for i in
                                                                   range(500_000)])})
    assert db.write("t", data).rows == 500_000
    back = db.table("t").arrow()
    assert back.sort_by("i").equals(data.cast(back.schema)) and len(db.table("t")) == 500_000


def test_files(db, tmp_path):
    db.write("t", ROWS)
    for suffix in ("parquet", "csv", "json", "arrow"):
        file = tmp_path / f"t.{suffix}"
        assert db.export("t", file) == 2
        db.import_files(f"t_{suffix}", file)
        assert db.table(f"t_{suffix}").dicts() == ROWS
    db.import_files("both", [tmp_path / "t.parquet", str(tmp_path / "t.parquet")])
    assert len(db.table("both")) == 4
    db.branches.create("b")
    db.import_files("t", tmp_path / "t.parquet", mode="append", branch="b")
    assert db.sql("SELECT count(*) FROM t", branch="b").fetchone() == (4,)
    assert len(db.table("t")) == 2
    with pytest.raises(arm.Error, match="nothere"):
        db.import_files("x", tmp_path / "nothere.csv")
    with pytest.raises(arm.InvalidType):
        db.import_files("x", 7)


def test_what_stands_for_null_in_csv(db, tmp_path):
    file = tmp_path / "na.csv"
    file.write_text("id,delay\n1,5\n2,NA\n3,\n")
    db.import_files("as_text", file)
    assert db.schema("as_text")[1].type == "VARCHAR"
    db.import_files("delays", file, null="NA")
    assert db.schema("delays")[1].type == "BIGINT"
    assert db.sql("SELECT delay FROM delays ORDER BY id").fetchall() == [(5,), (None,), (None,)]
    with pytest.raises(arm.InvalidType, match="null"):
        db.import_files("x", file, null=0)
