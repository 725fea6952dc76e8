# SPDX-License-Identifier: Apache-2.0
"""Every Arrow type in and out again: written, read, on a branch, through a diff.

`ARM_EXAMPLES=2000` for a long search."""

import datetime
import decimal
import math
import os
import tempfile

import armillaria as arm
import numpy
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("ARM_EXAMPLES", 40))

#: (type, values of it, what it is when it comes back)
INTEGERS = [(kind(), st.integers(least, most)) for kind, least, most in [
    (pa.int8, -2**7, 2**7 - 1), (pa.int16, -2**15, 2**15 - 1), (pa.int32, -2**31, 2**31 - 1),
    (pa.int64, -2**63, 2**63 - 1), (pa.uint8, 0, 2**8 - 1), (pa.uint16, 0, 2**16 - 1),
    (pa.uint32, 0, 2**32 - 1), (pa.uint64, 0, 2**64 - 1)]]
TEXTS = st.text(max_size=30) | st.text(min_size=100, max_size=300)
BLOBS = st.binary(max_size=40)
MOMENTS = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1))


def decimals(precision, scale):
    most = 10**precision - 1
    return st.integers(-most, most).map(
        lambda number: decimal.Decimal(number).scaleb(-scale, decimal.Context(prec=60)))


SCALARS = [
    *((kind, values, kind) for kind, values in INTEGERS),
    (pa.bool_(), st.booleans(), pa.bool_()),
    (pa.float16(), st.floats(width=16, allow_nan=False), pa.float32()),
    (pa.float32(), st.floats(width=32, allow_nan=False), pa.float32()),
    (pa.float64(), st.floats(allow_nan=False), pa.float64()),
    (pa.string(), TEXTS, pa.string()), (pa.large_string(), TEXTS, pa.string()),
    (pa.string_view(), TEXTS, pa.string()),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "ccc"]), pa.string()),
    (pa.binary(), BLOBS, pa.binary()), (pa.large_binary(), BLOBS, pa.binary()),
    (pa.binary_view(), BLOBS, pa.binary()),
    (pa.binary(5), st.binary(min_size=5, max_size=5), pa.binary()),
    *((pa.decimal128(p, s), decimals(p, s), pa.decimal128(p, s))
      for p, s in [(1, 0), (4, 2), (9, 9), (18, 3), (19, 0), (38, 10), (38, 38)]),
    (pa.date32(), st.dates(datetime.date(1, 1, 1), datetime.date(9999, 1, 1)), pa.date32()),
    (pa.time64("us"), st.times(), pa.time64("us")),
    (pa.time32("s"), st.times().map(lambda t: t.replace(microsecond=0)), pa.time64("us")),
    (pa.timestamp("us"), MOMENTS, pa.timestamp("us")),
    (pa.timestamp("s"), MOMENTS.map(lambda t: t.replace(microsecond=0)), pa.timestamp("s")),
    (pa.timestamp("ms"), MOMENTS.map(lambda t: t.replace(microsecond=7000)), pa.timestamp("ms")),
    (pa.timestamp("ns"), MOMENTS, pa.timestamp("ns")),
    (pa.timestamp("us", "UTC"), MOMENTS.map(lambda t: t.replace(tzinfo=datetime.timezone.utc)),
     pa.timestamp("us", "UTC")),
    (pa.timestamp("us", "Europe/Paris"),
     MOMENTS.map(lambda t: t.replace(tzinfo=datetime.timezone.utc)), pa.timestamp("us", "UTC")),
    (pa.month_day_nano_interval(),
     st.tuples(st.integers(-999, 999), st.integers(-999, 999),
               st.integers(-10**12, 10**12).map(lambda us: us * 1000)).map(pa.MonthDayNano),
     pa.month_day_nano_interval()),
    (pa.null(), st.none(), pa.int32()),
]


def nullable(values):
    return st.one_of(st.none(), values)


def list_of(inner):
    kind, values, back = inner
    return st.sampled_from([
        (pa.list_(kind), st.lists(nullable(values), max_size=4), pa.list_(back)),
        (pa.large_list(kind), st.lists(nullable(values), max_size=4), pa.list_(back)),
        (pa.list_(kind, 3), st.lists(values, min_size=3, max_size=3), pa.list_(back, 3)),
    ])


def struct_of(inners):
    names = [f"f{i}" for i in range(len(inners))]
    return (pa.struct([(name, inner[0]) for name, inner in zip(names, inners)]),
            st.fixed_dictionaries({name: nullable(inner[1]) for name, inner in zip(names, inners)}),
            pa.struct([(name, inner[2]) for name, inner in zip(names, inners)]))


def map_of(inner):
    kind, values, back = inner
    return (pa.map_(pa.string(), kind),
            st.dictionaries(st.text(max_size=5), nullable(values), max_size=4).map(
                lambda pairs: list(pairs.items())), pa.map_(pa.string(), back))


#: A type that is nested holds no NULL type, and no dictionary: pyarrow makes none of them.
PLAIN = [scalar for scalar in SCALARS
         if not pa.types.is_null(scalar[0]) and not pa.types.is_dictionary(scalar[0])]
TYPES = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: inner.flatmap(list_of) | st.lists(inner, min_size=1, max_size=3).map(struct_of) |
    inner.map(map_of), max_leaves=4)


@st.composite
def columns(draw):
    """A column: an array, and the type that it comes back as."""
    kind, values, back = draw(st.sampled_from(SCALARS) | TYPES)
    rows = draw(st.lists(nullable(values), max_size=20))
    return pa.array(rows, kind), back


def plain(values):
    """Values as they can be compared: of a map its pairs, in order."""
    if isinstance(values, (list, tuple)) and not isinstance(values, pa.MonthDayNano):
        return [plain(value) for value in values]
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    if isinstance(values, float) and values == 0:
        return math.copysign(0.0, 1.0)
    return values


@pytest.fixture(scope="module")
def shared():
    with tempfile.TemporaryDirectory() as folder:
        with arm.open(os.path.join(folder, "repo"), create=True) as db:
            yield db


@settings(max_examples=EXAMPLES, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                                 HealthCheck.filter_too_much])
@given(columns())
def test_round_trip(shared, column):
    array, back = column
    shared.sql("DROP TABLE IF EXISTS t")
    table = pa.table({"i": pa.array(range(len(array)), pa.int64()), "v": array})
    shared.write("t", table)
    read = shared.sql("SELECT * FROM t ORDER BY i").arrow()
    assert read.schema.field("v").type == back, (array.type, read.schema.field("v").type)
    assert plain(read["v"].to_pylist()) == plain(array.to_pylist())
    # and compacted, in a chunk
    shared.compact("t")
    read = shared.sql("SELECT * FROM t ORDER BY i").arrow()
    assert plain(read["v"].to_pylist()) == plain(array.to_pylist())


@settings(max_examples=max(EXAMPLES // 4, 5), deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(columns())
def test_branches_and_diffs(shared, column):
    array, _ = column
    shared.sql("DROP TABLE IF EXISTS d")
    shared.write("d", pa.table({"i": pa.array(range(len(array)), pa.int64()), "v": array}),
                 key=["i"])
    if "b" in shared.branches:
        shared.branches.delete("b")
    shared.branches.create("b")
    if len(array) == 0:
        return
    shared.sql("DELETE FROM d WHERE i = 0", branch="b")
    shared.sql("UPDATE d SET i = i + 1000 WHERE i > 0", branch="b")
    rows = shared.diff("main", "b").rows("d").arrow().to_pylist()
    gone = {row["i"]: row["v"] for row in rows if row["_change"] == "delete"}
    assert plain([gone[i] for i in range(len(array))]) == plain(array.to_pylist())
    shared.merge("b")
    read = shared.sql("SELECT v FROM d ORDER BY i").arrow()
    assert plain(read["v"].to_pylist()) == plain(array.to_pylist()[1:])


@pytest.mark.parametrize("array", [
    pa.array([None] * 3, pa.null()), pa.array([], pa.string()), pa.array(["x" * 5_000_000]),
    pa.array([b"\0" * 5_000_000]), pa.array([[[]] * 1000, None]), pa.array([None], pa.list_(
        pa.struct([("a", pa.string())]))), pa.array([float("inf"), -float("inf"), -0.0]),
    pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())), pa.nulls(3, pa.decimal128(38, 5)),
    pa.array([5, None], pa.duration("us")),
    pa.array([86_400_000], pa.date64()),
], ids=lambda array: str(array.type)[:30])
def test_odd_arrays(shared, array):
    shared.sql("DROP TABLE IF EXISTS o")
    shared.write("o", pa.table({"v": array}))
    read = shared.table("o").arrow()["v"]
    assert len(read) == len(array)
    if pa.types.is_duration(array.type):
        assert shared.table("o").dicts() == [{"v": value} for value in array.to_pylist()]
    else:
        assert plain(read.to_pylist()) == plain(array.to_pylist()) or \
            pa.types.is_date64(array.type)


@pytest.mark.parametrize("array", [
    pa.array([decimal.Decimal(7)], pa.decimal256(70, 0)),
    pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    pa.RunEndEncodedArray.from_arrays([2], [1]),
    pa.array([[1]], pa.list_view(pa.int64())),
], ids=lambda array: str(array.type)[:30])
def test_types_that_may_not_be_held(shared, array):
    """Written and read back the same, or refused with the reason: nothing between."""
    shared.sql("DROP TABLE IF EXISTS r")
    try:
        shared.write("r", pa.table({"v": array}))
    except arm.Error as error:
        assert len(str(error)) > 10
        assert "r" not in shared.tables()
    else:
        assert shared.table("r").arrow()["v"].to_pylist() == array.to_pylist()


def test_views_and_dictionaries_are_texts(shared):
    shared.sql("DROP TABLE IF EXISTS s")
    for mode, kind in (("create", pa.string()), ("append", pa.large_string()),
                       ("append", pa.string_view()),
                       ("append", pa.dictionary(pa.int8(), pa.string()))):
        shared.write("s", pa.table({"v": pa.array(["a", None], kind)}), mode=mode)
    assert shared.schema("s")[0].type == "VARCHAR"
    assert [row["v"] for row in shared.table("s").dicts()] == ["a", None] * 4


HALVES = [None if i % 5 == 0 else i / 4 for i in range(100)]


@pytest.mark.parametrize("first, last", [(0, 100), (1, 100), (8, 9), (13, 77), (64, 99), (5, 5)])
def test_half_floats_of_slices(shared, first, last):
    """They become single ones, where the array begins in the middle of another one, too."""
    array = pa.array(HALVES, pa.float16())[first:last]
    nested = pa.array([{"a": [h, h]} for h in HALVES],
                      pa.struct([("a", pa.list_(pa.float16()))]))[first:last]
    plain_halves = pa.array([i / 8 for i in range(100)], pa.float16())[first:last]
    rows = pa.table({"i": list(range(first, last)), "h": array, "n": nested, "p": plain_halves})
    expected = rows.to_pydict()
    assert shared.sql("SELECT * FROM rows ORDER BY i").arrow().to_pydict() == expected
    shared.write("halves", rows, mode="replace")
    read = shared.sql("SELECT * FROM halves ORDER BY i").arrow()
    assert read.to_pydict() == expected
    assert read.schema.field("h").type == pa.float32()


def test_half_floats_at_their_extremes(shared):
    least = 2.0**-24  # of the subnormal ones
    values = [0.0, -0.0, least, -least, 2.0**-14, 65504.0, -65504.0, math.inf, -math.inf]
    every = pa.array(range(2**16), pa.uint16()).view(pa.float16())
    rows = pa.table({"v": pa.array(values, pa.float16())})
    assert [repr(v) for v, in shared.sql("FROM rows").fetchall()] == [repr(v) for v in values]
    rows = pa.table({"v": every})
    found = shared.sql("FROM rows").arrow()["v"].to_numpy()
    numpy.testing.assert_array_equal(found, every.to_numpy().astype(numpy.float32))


def test_half_floats_as_parameters_and_dictionaries(shared):
    assert shared.sql("SELECT ? + 1", [numpy.float16(0.5)]).fetchall() == [(1.5,)]
    indices = pa.array([1, None, 0, 1], pa.int8())
    halves = pa.array([0.25, 8.0], pa.float16())
    rows = pa.table({"v": pa.DictionaryArray.from_arrays(indices, halves)})
    assert shared.sql("FROM rows").fetchall() == [(8.0,), (None,), (0.25,), (8.0,)]
    frame = {"v": numpy.array([1.5, 2.5], numpy.float16)}
    shared.write("halves", frame, mode="replace")
    assert shared.table("halves").dicts() == [{"v": 1.5}, {"v": 2.5}]
