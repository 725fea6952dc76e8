# SPDX-License-Identifier: Apache-2.0
"""Every type at its extremes: hot rows, chunks, versions, deletions, filters, files; equal to
DuckDB's own table, or refused by the name of type and column."""

import csv
import json

import extreme_values as types
import pytest
from arm import Repo
from extreme_values import ALL, CASES, HEAVY, values_at

csv.field_size_limit(1 << 24)

BATCHES, BATCH_ROWS, STEP = 8, 1200, 100_000
FEW_ROWS = 1 + max(len(c.values) for c in CASES)


def definition(cases):
    return "id BIGINT, " + ", ".join(f"{c.column} {c.type}" for c in cases)


def rows(cases, source, index="id"):
    """A query of rows with an `id` from `source`; a column's value is chosen by `index`."""
    values = ", ".join(f"{values_at(c, index)} AS {c.column}" for c in cases)
    return f"SELECT id, {values} FROM ({source})"


def batch(k):
    """Rows of three values of each column, so that the bounds of its chunk are narrow."""
    return rows(CASES, f"SELECT {k * STEP} + range AS id FROM range({BATCH_ROWS})",
                index=f"{3 * k} + id % 3")


FEW = rows(CASES, f"SELECT range AS id FROM range({FEW_ROWS})")
HEAVY_ROWS = rows(HEAVY, "SELECT range AS id FROM range(8)")
NATIVE_FEW = f"CREATE TEMP TABLE native ({definition(CASES)}); INSERT INTO temp.native {FEW};"
NATIVE_MANY = f"CREATE TEMP TABLE native ({definition(CASES)});" + "".join(
    f"INSERT INTO temp.native {batch(k)};" for k in range(BATCHES))


def script(repo, text, status=0):
    """Run SQL of any length in a process of its own; the rows of the last statement."""
    file = repo.path.parent / "script.sql"
    file.write_text("SET TimeZone = 'UTC';" + text, encoding="utf-8")
    result = repo.run("sql", "--json", "-f", file, status=status)
    return result.json if status == 0 else result


def comparison(table, cases, native="temp.native"):
    """A query of one row: in how many rows a column is another than DuckDB's, in value, text (which
    tells -0.0 from 0.0 and a month from 30 days) or type; `rows` where rows are too many or few."""
    each = [f"count(*) FILTER (t.{c.column} IS DISTINCT FROM n.{c.column} OR t.{c.column}::VARCHAR"
            f" IS DISTINCT FROM n.{c.column}::VARCHAR OR typeof(t.{c.column}) <> "
            f"typeof(n.{c.column})) AS {c.column}" for c in cases]
    return (f"SELECT count(*) FILTER (t.id IS NULL OR n.id IS NULL) AS rows, {', '.join(each)}"
            f" FROM {table} t FULL JOIN {native} n ON t.id = n.id")


def wrong(repo, text):
    """The columns in which the comparison at the end of `text` counts rows."""
    (row,) = script(repo, text)
    return {name: count for name, count in row.items() if count}


@pytest.fixture(scope="module", name="world")
def fixture_world(tmp_path_factory):
    """`few` is hot, `many` lies in chunks."""
    world = Repo(tmp_path_factory.mktemp("types") / "repo")
    script(world, f"CREATE TABLE few ({definition(CASES)}); INSERT INTO few {FEW}")
    assert world.files("chunks") == []
    script(world, f"CREATE TABLE many ({definition(CASES)});"
           + "".join(f"INSERT INTO many {batch(k)};" for k in range(BATCHES)))
    assert len(world.files("chunks")) >= BATCHES // 2  # a batch that is mostly NULL is hot
    return world


def test_every_type_of_duckdb_is_here(repo):
    known = {row["t"] for row in repo.sql("SELECT DISTINCT logical_type AS t FROM duckdb_types()")}
    assert known == {c.logical for c in ALL} | {name for name, *_ in types.REFUSED}


def test_hot_rows_come_back(world):
    assert wrong(world, NATIVE_FEW + comparison("few", CASES)) == {}


def test_chunks_come_back(world):
    assert wrong(world, NATIVE_MANY + comparison("many", CASES)) == {}


def test_written_and_read_in_one_transaction(repo):
    assert wrong(repo, NATIVE_FEW + f"BEGIN; CREATE TABLE t ({definition(CASES)});"
                 f"INSERT INTO t {FEW}; {comparison('t', CASES)}") == {}


def test_older_versions_come_back(world):
    for k in (1, BATCHES - 1):
        old = f"(SELECT * FROM many AT (VERSION => {k + 1}))"
        native = f"(SELECT * FROM temp.native WHERE id < {k * STEP})"
        assert wrong(world, NATIVE_MANY + comparison(old, CASES, native)) == {}


def test_long_values_come_back(repo):
    native = (f"CREATE TEMP TABLE native ({definition(HEAVY)}); "
              f"INSERT INTO temp.native {HEAVY_ROWS};")
    create = f"CREATE TABLE t ({definition(HEAVY)}); INSERT INTO t {HEAVY_ROWS};"
    assert wrong(repo, native + create + comparison("t", HEAVY)) == {}
    assert wrong(repo, native + comparison("t", HEAVY)) == {}


def test_deletions_hit_what_duckdb_hits(world):
    """By a value of each column, or NULL; the version before stays as it was."""
    def delete(table, number, case):
        values = [*case.values, "NULL"]
        return (f"DELETE FROM {table} WHERE id % 211 = {number} AND {case.column} IS NOT DISTINCT "
                f"FROM {case.literal(values[number % len(values)])};")

    ours = "".join(delete("gone", i, c) for i, c in enumerate(CASES))
    script(world, "CREATE TABLE gone AS SELECT * FROM many")
    script(world, f"BEGIN; {ours} COMMIT")
    theirs = NATIVE_MANY + "".join(delete("temp.native", i, c) for i, c in enumerate(CASES))
    assert wrong(world, theirs + comparison("gone", CASES)) == {}
    assert wrong(world, NATIVE_MANY + comparison("(FROM gone AT (VERSION => 1))", CASES)) == {}
    assert 0 < world.value("SELECT count(*) FROM gone") < BATCHES * BATCH_ROWS


def predicates(case):
    """Filters at the values of a column."""
    c = case.column
    values = [case.literal(v) for v in case.values]
    yield from (f"{c} IS NULL", f"{c} IS NOT NULL", f"{c} IN ({', '.join(values)})")
    for i, v in enumerate(values):
        yield from (f"{c} {op} {v}" for op in ("=", "<", ">=", "IS DISTINCT FROM"))
        yield f"{c} NOT IN ({v}, {values[i - 1]})"
        if not case.is_nested:
            yield f"{c} BETWEEN {v} AND {values[i - 1]}"
            yield f"{v} >= {c} OR {c} IS NULL"
            yield f"{c} > {v}"


@pytest.mark.parametrize("part", range(4))
def test_filters_lose_no_row(world, part):
    """Chunks are left out by their bounds: never one that holds a row. Each filter gives count and
    sum of the rows here and in DuckDB's own table."""
    cases = CASES[part::4]
    sides = []
    for case in cases:
        for p in predicates(case):
            ours, theirs = (f"(SELECT count(*) || ' ' || coalesce(sum(id), 0) FROM {table} "
                            f"WHERE {p})" for table in ("many", "temp.native"))
            sides.append((case.name + ": " + p[len(case.column):200], ours, theirs))
    text = NATIVE_MANY + "CREATE TEMP TABLE seen (filter VARCHAR, ours VARCHAR, theirs VARCHAR);"
    for at in range(0, len(sides), 20):
        text += "INSERT INTO temp.seen VALUES " + ", ".join(
            f"($${name}$$, {ours}, {theirs})" for name, ours, theirs in sides[at:at + 20]) + ";"
    differing = script(world, text + "SELECT * FROM temp.seen WHERE ours <> theirs")
    assert differing == []


def there_and_back(repo, cases, tmp_path, suffix):
    """Columns that differ after an export and an import into a table of the same types."""
    repo.run("export", "t", tmp_path / f"t.{suffix}")
    script(repo, f"CREATE TABLE back ({definition(cases)})")
    repo.run("import", "back", tmp_path / f"t.{suffix}", "--mode", "append")
    return wrong(repo, f"CREATE TEMP TABLE native AS SELECT * FROM t; {comparison('back', cases)}")


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_typed_files_bring_back_what_they_were_given(repo, tmp_path, suffix):
    script(repo, f"CREATE TABLE t ({definition(CASES)}); INSERT INTO t {FEW}")
    assert there_and_back(repo, CASES, tmp_path, suffix) == {}


def texts_of(repo, cases):
    """What SQL prints of each row of `t`, a dict a row, NULL as None."""
    columns = ", ".join(f"{c.column}::VARCHAR AS {c.column}" for c in cases)
    return script(repo, f"SELECT {columns} FROM t ORDER BY id")


def test_csv_holds_the_text_of_every_value(repo, tmp_path):
    """Of nested ones too. An empty text and NULL are told apart by quotes, which Python's reader
    does not tell."""
    script(repo, f"CREATE TABLE t ({definition(CASES)}); INSERT INTO t {FEW}")
    repo.run("export", "t", tmp_path / "t.csv", env={"TZ": "UTC"})
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = texts_of(repo, CASES)
    assert len(rows) == len(expected)
    for row, right in zip(rows, expected):
        for case in CASES:
            assert row[case.name] == (right[case.name] or ""), case.name


def no_constant(word):
    raise AssertionError(f"{word} is not JSON")


def strict(text):
    """JSON, numbers as they are written."""
    return json.loads(text, parse_constant=no_constant, parse_float=str, parse_int=str)


def as_printed(case, value):
    """What SQL prints of a scalar that JSON holds."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if case.logical in ("FLOAT", "DOUBLE"):
        return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value)
    if case.logical == "DECIMAL" and case.name.split("_")[1] == case.name.split("_")[2]:
        return value.replace("0.", ".", 1)
    return value


def test_json_holds_every_value_to_the_last_digit(repo, tmp_path):
    """It is JSON whatever the type; a scalar is the number or the text that SQL prints."""
    script(repo, f"CREATE TABLE t ({definition(CASES)}); INSERT INTO t {FEW}")
    repo.run("export", "t", tmp_path / "t.json", env={"TZ": "UTC"})
    rows = strict((tmp_path / "t.json").read_text(encoding="utf-8"))
    (tmp_path / "all.sql").write_text("SELECT * FROM t ORDER BY id")
    printed = strict(repo.run("sql", "--json", "-f", tmp_path / "all.sql").out)
    expected = texts_of(repo, CASES)
    assert len(rows) == len(expected) == len(printed)
    for row, right in zip(rows, expected):
        for case in types.FLAT:
            if case.name != "json":
                assert as_printed(case, row[case.name]) == right[case.name], case.name
    assert rows[0]["list_real"] == printed[0]["list_real"] == ["NaN"]


def test_lists_too_deep_for_json_are_refused_by_column(repo, tmp_path):
    repo.sql(f"CREATE TABLE t AS SELECT {'[' * 14}1{']' * 14} AS deep")
    repo.refused("export", "t", tmp_path / "t.json", says=["column deep", "nested deeper"])
    assert not (tmp_path / "t.json").exists()


@pytest.mark.parametrize("logical, type_, value, name", types.REFUSED)
def test_types_not_kept_are_refused_by_name(repo, logical, type_, value, name):
    """As a column and inside others; by CREATE, by the rows of a query, and by ALTER."""
    repo.sql("CREATE TABLE there (a INTEGER)")
    for column in (type_, f"{type_}[]", f"STRUCT(m MAP(INTEGER, {type_}))"):
        repo.refused("sql", "-c", f"CREATE TABLE t (fine INTEGER, odd {column})",
                     says=[] if logical in ("NULL", "TYPE") else ["odd", name])
    if logical != "NULL":  # NULL alone is an INTEGER
        repo.refused("sql", "-c", f"CREATE TABLE t AS SELECT 1 AS fine, {value} AS odd",
                     says=["odd", name])
        repo.refused("sql", "-c", f"CREATE TABLE t AS SELECT [{{'m': {value}}}] AS odd",
                     says=["odd", name])
    assert list(repo.tables()) == ["there"]


UNKEPT = (
    ("INTERVAL", "'1000000000 hours'", "INTERVAL"),
    ("INTERVAL", "to_microseconds(-9223372036854775807)", "INTERVAL"),
    ("TIMETZ", "'12:00:00+00:00:01'", "TIME WITH TIME ZONE"),
)


@pytest.mark.parametrize("type_, value, name", UNKEPT)
@pytest.mark.parametrize("count", [1, 20_000])
def test_values_no_chunk_could_keep_are_refused_by_name(repo, type_, value, name, count):
    """Hot or not, alone or inside others; what the same table can keep is kept."""
    nested = f"STRUCT(m MAP(INTEGER, {type_}[]))"
    repo.sql(f"CREATE TABLE t (id BIGINT, odd {type_}); CREATE TABLE n (id BIGINT, odd {nested})")
    one = f"({value})::{type_}"
    for table, wanted in (("t", one), ("n", f"{{'m': map([1], [[NULL, {one}]])}}")):
        repo.refused("sql", "-c", f"INSERT INTO {table} SELECT range, CASE WHEN range = "
                     f"{count - 1} THEN {wanted} END FROM range({count})", says=["odd", name])
        repo.sql(f"INSERT INTO {table} VALUES (1, NULL)")
