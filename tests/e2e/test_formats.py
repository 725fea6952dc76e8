# SPDX-License-Identifier: Apache-2.0
"""Files in and out: every format, several files, globs, standard input, round trips."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest
from arm import Repo


def sample(rows=1000):
    """A table of many types with nulls."""
    def every(n, values):
        return [None if i % n == n - 1 else v for i, v in enumerate(values)]

    numbers = range(rows)
    return pa.table({
        "id": pa.array(numbers, pa.int64()),
        "small": pa.array(every(3, [i % 100 for i in numbers]), pa.int16()),
        "unsigned": pa.array(every(5, [i % 1000 * 2**54 for i in numbers]), pa.uint64()),
        "ratio": pa.array(every(4, [i / 7 for i in numbers]), pa.float64()),
        "price": pa.array(every(6, [Decimal(i) / 100 for i in numbers]), pa.decimal128(12, 2)),
        "flag": pa.array(every(7, [i % 2 == 0 for i in numbers]), pa.bool_()),
        "text": pa.array(every(2, [f"row \"{i}\", é日" for i in numbers]), pa.string()),
        "day": pa.array([date(2020, 1, 1 + i % 28) for i in numbers], pa.date32()),
        "at": pa.array([datetime(2021, 1, 1, i % 24, tzinfo=timezone.utc) for i in numbers],
                       pa.timestamp("us", "UTC")),
        "bytes": pa.array([bytes([i % 256, 0, 255]) for i in numbers], pa.binary()),
        "list": pa.array([[i, None] if i % 3 else None for i in numbers], pa.list_(pa.int32())),
        "struct": pa.array([{"x": i, "y": None if i % 2 else "s"} for i in numbers],
                           pa.struct([("x", pa.int32()), ("y", pa.string())])),
    })


def write_arrow_file(table, path):
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=300)


def write_arrow_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=300)


def same(read, table):
    """Equal values; Arrow's own spelling of a type may differ (large or small offsets)."""
    assert read.column_names == table.column_names
    for name in table.column_names:
        assert read.column(name).to_pylist() == table.column(name).to_pylist(), name


@pytest.mark.parametrize("suffix, write", [
    ("parquet", pa.parquet.write_table),
    ("arrow", write_arrow_file),
    ("arrows", write_arrow_stream),
])
def test_typed_files_come_back_the_same(repo, tmp_path, suffix, write):
    table = sample()
    file = tmp_path / f"in.{suffix}"
    write(table, str(file))
    repo.run("import", "t", file)
    repo.run("export", "t", tmp_path / "out.parquet")
    same(pa.parquet.read_table(tmp_path / "out.parquet"), table)
    repo.run("export", "t", tmp_path / "out.arrow")
    with pa.OSFile(str(tmp_path / "out.arrow")) as source:
        magic = source.read(6)
    opener = pa.ipc.open_file if magic == b"ARROW1" else pa.ipc.open_stream
    with opener(str(tmp_path / "out.arrow")) as reader:
        same(reader.read_all(), table)


def test_large_files_come_back_the_same(repo, tmp_path):
    table = sample(rows=200_000).select(["id", "ratio", "text"])
    pa.parquet.write_table(table, tmp_path / "in.parquet")
    repo.run("import", "t", tmp_path / "in.parquet")
    assert repo.files("chunks")
    repo.run("export", "t", tmp_path / "out.parquet")
    same(pa.parquet.read_table(tmp_path / "out.parquet"), table)


def test_csv_and_json_infer_types(repo, tmp_path):
    (tmp_path / "a.csv").write_text("id,when,what,empty\n1,2024-02-29,x,\n2,2024-03-01,\"y, z\",\n")
    repo.run("import", "a", tmp_path / "a.csv")
    assert [c["type"] for c in repo.run("schema", "a", "--json").json][:3] == [
        "BIGINT", "DATE", "VARCHAR"]
    rows = [{"id": 1, "ok": True, "tags": ["a", "b"]}, {"id": 2, "ok": None, "tags": []}]
    (tmp_path / "b.json").write_text(json.dumps(rows))
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    for name, file in [("b", "b.json"), ("c", "c.jsonl")]:
        repo.run("import", name, tmp_path / file)
        assert repo.sql(f"SELECT * FROM {name} ORDER BY id") == rows


def test_text_round_trips(orders, tmp_path):
    rows = orders.sql("SELECT * FROM orders ORDER BY id")
    for suffix in ("csv", "json"):
        out = tmp_path / f"o.{suffix}"
        orders.run("export", "orders", out)
        orders.run("import", f"again_{suffix}", out)
        assert orders.sql(f"SELECT * FROM again_{suffix} ORDER BY id") == rows


def test_content_decides_where_the_suffix_does_not(repo, tmp_path):
    table = sample(10)
    pa.parquet.write_table(table, tmp_path / "p.data")
    write_arrow_file(table, str(tmp_path / "a.data"))
    repo.run("import", "p", tmp_path / "p.data")
    repo.run("import", "a", tmp_path / "a.data")
    assert repo.tables()["p"]["rows"] == repo.tables()["a"]["rows"] == 10
    (tmp_path / "c.data").write_text("x\n1\n")
    repo.run("import", "c", tmp_path / "c.data", "--format", "csv")
    assert repo.sql("SELECT * FROM c") == [{"x": 1}]


def test_several_files_and_globs_make_one_version(repo, tmp_path):
    for i in range(3):
        (tmp_path / f"part{i}.csv").write_text(f"id\n{i}\n")
    repo.run("import", "listed", *(tmp_path / f"part{i}.csv" for i in range(3)))
    repo.run("import", "globbed", tmp_path / "part*.csv")
    for name in ("listed", "globbed"):
        assert repo.value(f"SELECT sum(id) FROM {name}") == 3
        assert repo.tables()[name]["version"] == 1
    repo.refused("import", "none", tmp_path / "nothing*.csv", says="nothing")


def test_standard_input(repo, tmp_path):
    table = sample(50)
    repo.run("import", "c", "-", "--format", "csv", stdin="id,v\n1,a\n2,b\n")
    assert repo.value("SELECT count(*) FROM c") == 2
    repo.run("import", "j", "-", "--format", "jsonl", stdin='{"a":1}\n{"a":2}\n')
    assert repo.value("SELECT sum(a) FROM j") == 3
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink)
    repo.run("import", "p", "-", "--format", "parquet", stdin=sink.getvalue().to_pybytes(),
             text=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    repo.run("import", "a", "-", "--format", "arrow", stdin=sink.getvalue().to_pybytes(),
             text=False, env={"TMPDIR": str(tmp_path)})
    assert repo.tables()["p"]["rows"] == repo.tables()["a"]["rows"] == 50
    assert not list(tmp_path.glob("armillaria-*"))
    result = repo.refused("import", "bad", "-", "--format", "parquet", stdin="no parquet at all")
    assert "standard input" in result.err and "armillaria-stdin" not in result.err


def test_a_rewrite_stores_only_what_is_new(repo, tmp_path):
    table = sample(rows=400_000).select(["id", "ratio", "text"])
    pa.parquet.write_table(table, tmp_path / "one.parquet")
    repo.run("import", "t", tmp_path / "one.parquet")
    before = repo.files("chunks")
    (again,) = repo.run("import", "t", tmp_path / "one.parquet", "--mode", "replace",
                        "--json").json
    assert again["tx"] == 0 and repo.files("chunks") == before
    assert repo.tables()["t"]["version"] == 1
    extra = table.slice(150_000, 500)
    pa.parquet.write_table(pa.concat_tables([table.slice(0, 150_000), extra,
                                             table.slice(150_000)]), tmp_path / "two.parquet")
    repo.run("import", "t", tmp_path / "two.parquet", "--mode", "replace")
    assert 1 <= len(set(repo.files("chunks")) - set(before)) <= 2
    assert repo.tables()["t"]["rows"] == 400_500
    stats = repo.run("stats", "--json").json["tables"][0]
    assert stats["versions"] == 2 and stats["dedup_ratio"] > 1.3


def test_two_repositories_from_the_same_rows_have_the_same_chunks(tmp_path):
    pa.parquet.write_table(sample(rows=200_000).select(["id", "text"]), tmp_path / "x.parquet")
    repos = [Repo(tmp_path / name) for name in ("a", "b")]
    for repo in repos:
        repo.run("import", "t", tmp_path / "x.parquet")
    assert repos[0].files("chunks") == repos[1].files("chunks") != []
