# SPDX-License-Identifier: Apache-2.0
"""COPY, as DuckDB has it: files into tables of the repository and out of any version of them."""

import pytest

TABLE = "CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'none', d DECIMAL(9, 2))"
ROWS = [{"i": 1, "s": "a", "d": 1.5}, {"i": 2, "s": "b,\"c\"", "d": None},
        {"i": 3, "s": "ü", "d": -2.25}]
ALL = "SELECT i, s, d::DOUBLE AS d FROM {} ORDER BY i"


@pytest.fixture(name="filled")
def fixture_filled(repo):
    repo.sql(TABLE + "; INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b,\"c\"', NULL), (3, 'ü', -2.25)")
    return repo


def versions(repo, table):
    return repo.value(f"SELECT count(*) FROM arm_versions('{table}')")


@pytest.mark.parametrize("end, options", [
    ("csv", ""), ("csv", "(HEADER, DELIMITER '|', QUOTE '''')"), ("csv.gz", "(COMPRESSION gzip)"),
    ("parquet", ""), ("parquet", "(FORMAT parquet, CODEC zstd)"), ("json", ""),
    ("json", "(FORMAT json, ARRAY true)")])
def test_what_goes_out_comes_back(filled, tmp_path, end, options):
    file = tmp_path / f"out.{end}"
    back = options if end == "csv" else ""
    filled.sql(f"COPY t TO '{file}' {options}")
    filled.sql(TABLE.replace("TABLE t", "TABLE u") + f"; COPY u FROM '{file}' {back}")
    assert filled.sql(ALL.format("u")) == ROWS
    assert versions(filled, "u") == 2
    filled.run("verify", "--full")


def test_of_a_query_a_version_and_some_columns(filled, tmp_path):
    file = tmp_path / "some.csv"
    filled.sql("DELETE FROM t WHERE i > 1")
    filled.sql(f"COPY (SELECT i * 10 AS i FROM t AT (VERSION => 2)) TO '{file}' (HEADER)")
    assert file.read_text() == "i\n10\n20\n30\n"
    filled.sql(f"COPY t (i) FROM '{file}'")
    assert filled.sql("SELECT i, s, d FROM t WHERE i >= 10 ORDER BY i") == [
        {"i": i, "s": "none", "d": None} for i in (10, 20, 30)]
    filled.sql(f"COPY t (i, d) TO '{file}' (HEADER false)")
    assert file.read_text().splitlines()[0] == "1,1.50"


def test_in_a_transaction_and_taken_back(filled, tmp_path):
    file = tmp_path / "more.csv"
    file.write_text("7,x,1\n8,y,2\n")
    filled.sql(f"BEGIN; COPY t FROM '{file}'; DELETE FROM t WHERE i = 7; ROLLBACK")
    assert filled.sql(ALL.format("t")) == ROWS
    filled.sql(f"BEGIN; COPY t FROM '{file}'; DELETE FROM t WHERE i = 7; COMMIT")
    assert filled.value("SELECT list(i ORDER BY i) FROM t") == [1, 2, 3, 8]
    assert versions(filled, "t") == 3


@pytest.mark.parametrize("text, says", [
    ("4,x,1\n2,y,2\n", 'duplicate key "i: 2" violates primary key'),
    ("4,x,1\n,y,2\n", 'NOT NULL constraint failed: t.i'),
    ("4,x,1\n5,y,many\n", "many"),
    ("4,x\n", "Expected Number of Columns: 3")])
def test_a_file_that_does_not_fit_changes_nothing(filled, tmp_path, text, says):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    refused = filled.run("sql", "-c", f"COPY t FROM '{file}' (HEADER false, AUTO_DETECT false)",
                         status=None)
    assert refused.status != 0 and says.lower() in refused.err.lower()
    assert filled.sql(ALL.format("t")) == ROWS
    assert versions(filled, "t") == 2


def test_what_is_not_there_is_named(filled, tmp_path):
    for text, says in ((f"COPY t FROM '{tmp_path}/none.csv'", "none.csv"),
                       (f"COPY nobody TO '{tmp_path}/x.csv'", "nobody"),
                       (f"COPY t TO '{tmp_path}/no/x.csv'", "no/x.csv"),
                       (f"COPY t (j) TO '{tmp_path}/x.csv'", "j")):
        assert says in filled.run("sql", "-c", text, status=None).err
    filled.sql("CREATE VIEW v AS SELECT i FROM t")
    assert filled.run("sql", "-c", f"COPY v FROM '{tmp_path}/none.csv'", status=None).status != 0
