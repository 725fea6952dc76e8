# SPDX-License-Identifier: Apache-2.0
"""Odd names of tables and columns, in every verb."""

import pytest

ODD = ["with space", "semi;colon", "a/b", "../../etc/passwd", "..", ".", "-dash", "tab's",
       'say "x"', "naïve", "日本語", "🙂", "select", "UPPER lower", "a.b.c", "x" * 255, "100%",
       "back\\slash",
       "$HOME", "`tick`", "star*", "-", " lead", "trail ", "NULL"]
BAD = ["", "x" * 256, "x" * 10_000, "new\nline", "tab\there", "bell\a", "é" * 128]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("name", ODD)
def test_odd_table_names(repo, tmp_path, name):
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    sql_name = quoted(name)
    repo.run("import", "--", sql_name, file)
    assert list(repo.tables()) == [name]
    assert repo.sql(f"SELECT a FROM {sql_name}") == [{"a": 1}]
    repo.run("import", "--mode", "append", "--", sql_name, file)
    (newest, _) = repo.run("versions", "--json", "--", sql_name).json
    assert (newest["table"], newest["version"]) == (name, 2)
    assert repo.run("schema", "--json", "--", sql_name).json[0]["column"] == "a"
    repo.run("export", "--", sql_name, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n1\n1\n"
    assert repo.run("log", "--json").json[0]["changes"][0]["table_name"] == name
    assert len(repo.run("log", "--json", f"--table={sql_name}").json) == 2
    repo.sql(f"DROP TABLE {sql_name}")
    assert repo.tables() == {}
    assert repo.run("verify", "--full").status == 0
    # A name is never a path.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "repo", "t.csv"]
    assert sorted(p.name for p in repo.path.iterdir()) == [
        "FORMAT", "HEAD", "chunks", "cold", "index", "log", "staging"]


@pytest.mark.parametrize("name", BAD)
def test_bad_table_names(orders, tmp_path, name):
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    result = orders.refused("import", quoted(name), file)
    assert len(result.err) < 3000
    orders.refused("sql", "-c", f"CREATE TABLE {quoted(name)} (a INTEGER)")
    orders.refused("schema", quoted(name))


@pytest.mark.parametrize("name", ["with space", "a.b", "日本語", 'say "x"', "..", "select", "x" * 255])
def test_odd_column_names(repo, tmp_path, name):
    file = tmp_path / "t.csv"
    file.write_text(f"{quoted(name)},b\n1,2\n")
    repo.run("import", "t", file)
    assert repo.sql("SELECT * FROM t") == [{name: 1, "b": 2}]
    assert repo.run("schema", "t", "--json").json[0]["column"] == name
    repo.run("export", "t", tmp_path / "o.parquet")
    repo.run("import", "again", tmp_path / "o.parquet")
    assert repo.sql(f"SELECT {quoted(name)} FROM again") == [{name: 1}]


@pytest.mark.parametrize("name", ["plain", "Plain_2", "naïve", "with space", "a-b"])
def test_names_need_quotes_only_where_they_could_be_read_otherwise(repo, tmp_path, name):
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    repo.run("import", name, file)
    assert list(repo.tables()) == [name]


def test_names_are_compared_without_case(repo, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    repo.run("import", "Flights", file)
    repo.refused("import", "FLIGHTS", file, says="flights")
    assert list(repo.tables()) == ["Flights"]
    assert repo.value("SELECT count(*) FROM fLIGHTS") == 1


@pytest.mark.parametrize("name", ["", "x" * 10_000, "a b", "a:b", "..", "-x", "tx:1", "é/", "HEAD"])
def test_bad_branch_names(orders, name):
    orders.refused("tables", f"--branch={name}")


@pytest.mark.parametrize("ref", ["x" * 10_000, "\n", "tx:", "tx:-1", "tx:18446744073709551616",
                                 "version:1", "main~x", "main~99999999999999999999", "~1",
                                 "2024-13-01"])
def test_bad_refs(orders, ref):
    orders.refused("show", ref)
    orders.refused("sql", "--at", ref, "-c", "SELECT 1")
