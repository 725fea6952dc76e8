# SPDX-License-Identifier: Apache-2.0
"""Generated columns by the command: told, read at any version, never loaded, and of no older
program."""

import shutil

PRICES = ("CREATE TABLE prices (gross AS (round(net * 1.2, 2)), id INTEGER PRIMARY KEY, "
          "net DOUBLE, label AS ('n' || id))")
QUOTED = '"DOUBLE"'  # SQL that went through DuckDB's parser once more


def gross(column, double="DOUBLE"):
    return f"CAST(round(({column} * 1.2), 2) AS {double})"


def test_they_are_told_and_every_version_keeps_its_own(repo, tmp_path):
    repo.sql(PRICES + "; INSERT INTO prices VALUES (1, 10), (2, 20.5)")
    repo.sql("ALTER TABLE prices RENAME COLUMN net TO amount; INSERT INTO prices VALUES (3, 1)")
    told = repo.run("schema", "prices", "--json").json
    assert [(c["column"], c["default"], c["key"], c["nullable"]) for c in told] == [
        ("gross", f"GENERATED ALWAYS AS ({gross('amount', QUOTED)})", False, True),
        ("id", None, True, False), ("amount", None, False, True),
        ("label", "GENERATED ALWAYS AS (CAST(('n' || id) AS VARCHAR))", False, True)]
    assert len({c["id"] for c in told}) == 4
    old = repo.run("schema", "prices", "--at", "version:1", "--json").json
    assert old[0]["default"] == f"GENERATED ALWAYS AS ({gross('net')})"
    rows = "SELECT round(sum(gross), 2) AS s, count(label) AS n FROM prices"
    assert repo.sql(rows) == [{"s": 37.8, "n": 3}]
    assert repo.sql(rows + " AT (VERSION => 2)") == [{"s": 36.6, "n": 2}]
    repo.run("export", "prices", tmp_path / "prices.csv")
    assert (tmp_path / "prices.csv").read_text() == (
        "gross,id,amount,label\n12.0,1,10.0,n1\n24.6,2,20.5,n2\n1.2,3,1.0,n3\n")
    shutil.rmtree(repo.path / "index")  # all of it is in the log
    repo.run("verify", "--full")
    assert repo.sql(rows) == [{"s": 37.8, "n": 3}]
    repo.run("compact")
    assert repo.sql(rows) == [{"s": 37.8, "n": 3}]


def test_loads_bring_what_is_stored_and_nothing_else(repo, tmp_path):
    repo.sql(PRICES)
    whole, stored = (tmp_path / f"{n}.parquet" for n in ("whole", "stored"))
    other = tmp_path / "other.csv"
    repo.run("sql", "-o", whole, "-c", "SELECT 1::INTEGER AS id, 2.5::DOUBLE AS net, 'x' AS label")
    repo.run("sql", "-o", stored, "-c", "SELECT id::INTEGER AS id, net::DOUBLE AS net "
             "FROM (VALUES (1, 2.5), (2, 4)) AS v(id, net)")
    other.write_text("id,net\n1,2.5\n")  # of a BIGINT, as CSV has them
    for mode in ("append", "upsert", "replace"):
        repo.refused("import", "prices", whole, "--mode", mode, says='"label"')
        repo.run("import", "prices", stored, "--mode", mode)
        assert repo.value("SELECT sum(gross) FROM prices") == 7.8
        repo.sql("DELETE FROM prices")
    repo.refused("import", "prices", other, "--mode", "replace", says="generated columns")
    assert [c["column"] for c in repo.run("schema", "prices", "--json").json] == [
        "gross", "id", "net", "label"]


def test_format_says_so_before_the_first_one(repo):
    bits = (repo.path / "FORMAT").read_text()
    repo.sql("CREATE TABLE plain (i INTEGER)")
    assert (repo.path / "FORMAT").read_text() == bits
    repo.sql(PRICES)
    assert (repo.path / "FORMAT").read_text() != bits
