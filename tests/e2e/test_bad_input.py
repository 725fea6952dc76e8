# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear message, the exit status, and the repository as it was."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from arm import BIN, Repo, need, run

NOBODY = 65534
ARROW_CORPUS = Path(__file__).parents[1] / "fuzz/corpus/arrow_ipc"


@pytest.fixture
def parquet(tmp_path):
    file = tmp_path / "good.parquet"
    pa.parquet.write_table(pa.table({"id": list(range(5000)), "text": ["x" * 20] * 5000}), file)
    return file


# ---- Files ----


def test_missing_file(orders):
    orders.refused("import", "t", "/nowhere/x.csv", says="/nowhere/x.csv")


def test_a_directory_is_no_file(orders, tmp_path):
    (tmp_path / "d.csv").mkdir()
    orders.refused("import", "t", tmp_path / "d.csv", says="d.csv")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "arrow", "data"])
def test_empty_file(orders, tmp_path, suffix):
    file = tmp_path / f"empty.{suffix}"
    file.write_bytes(b"")
    orders.refused("import", "t", file, says=f"empty.{suffix}")
    orders.refused("import", "orders", file, "--mode", "replace")


@pytest.mark.parametrize("keep", [4, 100, 0.5, 0.99, -1])
def test_truncated_parquet(orders, parquet, tmp_path, keep):
    data = parquet.read_bytes()
    size = int(len(data) * keep) if isinstance(keep, float) else keep
    file = tmp_path / "cut.parquet"
    file.write_bytes(data[:size])
    orders.refused("import", "t", file, says="cut.parquet")
    orders.refused("import", "orders", file, "--mode", "replace", says="cut.parquet")


def test_truncated_arrow(orders, tmp_path):
    table = pa.table({"id": list(range(5000))})
    with pa.ipc.new_stream(str(tmp_path / "s.arrow"), table.schema) as writer:
        writer.write_table(table)
    data = (tmp_path / "s.arrow").read_bytes()
    (tmp_path / "cut.arrow").write_bytes(data[:len(data) // 2])
    orders.refused("import", "t", tmp_path / "cut.arrow", says="cut.arrow")


@pytest.mark.parametrize("name", ["array-length-overflows", "dictionary-without-data",
                                  "dictionary-without-nodes", "field-without-type",
                                  "legacy-size-too-small", "message-without-header",
                                  "negative-body-size"])
def test_arrow_that_says_what_is_not(orders, tmp_path, name):
    """Each of them once ended the program, or was read past its end."""
    shutil.copy(ARROW_CORPUS / name, tmp_path / "bad.arrow")
    orders.refused("import", "t", tmp_path / "bad.arrow")


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "json"])
def test_other_content_than_the_suffix_says(orders, tmp_path, suffix):
    file = tmp_path / f"liar.{suffix}"
    file.write_text("id,customer\n1,this is csv\n" * 100)
    orders.refused("import", "t", file, says=f"liar.{suffix}")


def test_binary_rubbish(orders, tmp_path):
    file = tmp_path / "rubbish.csv"
    file.write_bytes(os.urandom(100_000))
    orders.refused("import", "orders", file, "--mode", "append", says="rubbish.csv")


def write_csv_with(path, bad_row, bad_line):
    with path.open("w", encoding="utf-8") as file:
        file.write("id,customer,amount\n")
        for i in range(1, 350_001):
            file.write(bad_line if i == bad_row else f"{i},c{i % 100},{i / 4}\n")


@pytest.mark.parametrize("bad_line", ["300000,too,many,commas,here\n", "not a number,c,1.5\n",
                                      "300000,\"never closed,1\n"])
@pytest.mark.parametrize("mode", ["create", "append"])
def test_csv_whose_row_300000_is_ill_formed(orders, tmp_path, bad_line, mode):
    file = tmp_path / "big.csv"
    write_csv_with(file, 300_000, bad_line)
    table = "orders" if mode == "append" else "big"
    result = orders.refused("import", table, file, "--mode", mode, says="big.csv")
    assert re.search(r"\b(line|row)\D{0,12}30000[01]\b", result.err, re.I), result.err


# ---- Schemas ----


@pytest.mark.parametrize("header, row, word", [
    ("id,customer,amount,colour", "9,x,1.5,red", "colour"),
    ("id,customer,amount", "nine,x,1.5", "id"),
    ("nothing,fits", "1,2", "nothing"),
])
def test_appended_columns_must_fit(orders, tmp_path, header, row, word):
    file = tmp_path / "odd.csv"
    file.write_text(f"{header}\n{row}\n")
    orders.refused("import", "orders", file, "--mode", "append", says=word)


def test_not_null_holds(repo, tmp_path):
    repo.sql("CREATE TABLE t (id INTEGER NOT NULL, v VARCHAR)")
    file = tmp_path / "null.csv"
    file.write_text("id,v\n1,a\n,b\n")
    repo.refused("import", "t", file, "--mode", "append", says="id")
    (tmp_path / "none.csv").write_text("v\na\n")
    repo.refused("import", "t", tmp_path / "none.csv", "--mode", "append", says="id")
    repo.refused("sql", "-c", "INSERT INTO t VALUES (NULL, 'x')", says="id")


def test_files_of_one_import_must_agree(repo, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "b.csv").write_text("name\nx\n")
    repo.refused("import", "t", tmp_path / "a.csv", tmp_path / "b.csv")


@pytest.mark.parametrize("header", ["a,A", "x,x"])
def test_columns_must_differ(repo, tmp_path, header):
    """DuckDB renames the second one, or it is refused; the repository is sound either way."""
    file = tmp_path / "twice.csv"
    file.write_text(f"{header}\n1,2\n")
    result = repo.run("import", "t", file, status=None)
    assert result.status in (0, 1)
    if result.status == 0:
        assert len({c["column"].lower() for c in repo.run("schema", "t", "--json").json}) == 2
    assert repo.run("verify").status == 0


@pytest.mark.parametrize("sql, word", [
    ("SELEC 1", "SELEC"),
    ("SELECT * FROM nosuch", "nosuch"),
    ("SELECT nosuch FROM orders", "nosuch"),
    ("INSERT INTO orders VALUES (1)", "orders"),
    ("INSERT INTO orders (id) VALUES ('x')", "x"),
    ("CREATE TABLE orders (a INTEGER)", "orders"),
    ("DROP TABLE nosuch", "nosuch"),
    ("SELECT * FROM orders AT (VERSION => 99)", "99"),
    ("SELECT * FROM orders AT (VERSION => 'nosuch')", "nosuch"),
    ("SELECT * FROM orders AT (TIMESTAMP => TIMESTAMP '2001-01-01')", "2001"),
    ("SELECT 1/0::INTEGER FROM error('mine')", "mine"),
    ("CREATE TABLE u (a UNION(x INTEGER, y VARCHAR))", "UNION"),
])
def test_wrong_statements(orders, sql, word):
    orders.refused("sql", "-c", sql, says=word)


@pytest.mark.parametrize("data, word", [
    (b"SELECT 1;\nSELECT '\xff';\n", "line 2 is not UTF-8"), (b"\xe9\x20", "line 1 is not UTF-8"),
    (b"DROP TABLE orders;\n\n-- \xc3", "line 3 is not UTF-8"), (b"SELECT 1;\0", "NUL"),
    ("DROP TABLE orders".encode("utf-16"), "line 1")])
def test_sql_that_is_no_text(orders, tmp_path, data, word):
    """None of it runs."""
    file = tmp_path / "s.sql"
    file.write_bytes(data)
    orders.refused("sql", "-f", file, says=["s.sql is not SQL text", word])
    result = orders.run("sql", stdin=data, text=False, status=1)
    assert b"standard input is not SQL text" in result.err
    if b"\0" not in data:
        orders.refused("sql", "-c", os.fsdecode(data), says=["-c is not SQL text", word])


# ---- Repositories ----


def test_a_directory_that_is_no_repository(tmp_path):
    result = run("-C", tmp_path, "tables", status=1)
    assert str(tmp_path) in result.err and "repository" in result.err
    assert run("-C", tmp_path / "absent", "tables", status=1).err
    (tmp_path / "file").write_text("x")
    assert run("-C", tmp_path / "file", "tables", status=1).err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_repository_of_a_newer_format(orders):
    """The message says so, and which version reads it; nothing is touched."""
    path = orders.path / "FORMAT"
    old = path.read_bytes()
    newer = re.sub(rb"(?m)^format \d+", b"format 9", old)
    assert newer != old
    path.write_bytes(newer)
    listing = sorted(p for p in orders.path.rglob("*"))
    for args in (["tables"], ["sql", "-c", "CREATE TABLE t (a INTEGER)"], ["verify"]):
        result = orders.run(*args, status=None)
        assert result.status in (1, 4) and result.err, result
    assert path.read_bytes() == newer
    assert sorted(p for p in orders.path.rglob("*")) == listing
    path.write_bytes(old)
    assert orders.run("verify").status == 0


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00" * 288, os.urandom(288)])
def test_a_damaged_format_file(orders, content):
    (orders.path / "FORMAT").write_bytes(content)
    result = orders.run("tables", status=None)
    assert result.status in (1, 4) and "FORMAT" in result.err
    assert (orders.path / "FORMAT").read_bytes() == content


@pytest.fixture
def public(tmp_path):
    """A repository and a CSV file that everybody may reach but nobody else may write."""
    folder = Path(tempfile.mkdtemp(prefix="arm-public-"))
    folder.chmod(0o755)
    (folder / "t.csv").write_text("a\n1\n")
    repo = Repo(folder / "repo")
    repo.run("import", "t", folder / "t.csv")
    yield repo
    shutil.rmtree(folder)


def as_nobody(repo, *args, status=0):
    """Run the command as an unprivileged user, if this one may."""
    need("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    prefix = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", BIN]
    if run(*prefix, "--version", binary="setpriv", status=None).status != 0:
        pytest.skip("an unprivileged user cannot run the command where it was built")
    return run(*prefix, "-C", repo.path, *args, binary="setpriv", status=status,
               env={"HOME": "/", "TMPDIR": "/tmp"})


def test_unreadable_file(public):
    file = public.path.parent / "secret.csv"
    file.write_text("a\n1\n")
    file.chmod(0)
    other = public.path.parent / "theirs"
    other.mkdir()
    os.chown(other, NOBODY, NOBODY)
    theirs = Repo(other / "repo", make=False)
    as_nobody(theirs, "init")
    result = as_nobody(theirs, "import", "t", file, status=1)
    assert "secret.csv" in result.err and "ermission" in result.err
    assert as_nobody(theirs, "tables", "--json").json == []


def test_repository_without_permission(public):
    os.chmod(public.path, 0o700)
    result = as_nobody(public, "tables", status=1)
    assert str(public.path) in result.err and "ermission" in result.err
    os.chmod(public.path, 0o755)


def test_repository_that_may_not_be_written(public):
    before = public.state()
    result = as_nobody(public, "sql", "-c", "INSERT INTO t VALUES (2)", status=1)
    assert result.err
    result = as_nobody(public, "import", "u", public.path.parent / "t.csv", status=1)
    assert "ermission" in result.err or "read" in result.err
    assert public.state() == before
    reading = as_nobody(public, "tables", "--json", status=1)  # it could not take its locks
    assert "index/lock" in reading.err and "allowed to write" in reading.err


def test_init_where_it_may_not(public):
    result = as_nobody(Repo(public.path.parent / "new", make=False), "init", status=1)
    assert "ermission" in result.err


@pytest.fixture(name="small_disk")
def fixture_small_disk(tmp_path):
    """A file system of 4 MB, of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = run("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder, binary="mount", status=None)
    if mounted.status != 0:
        pytest.skip("file systems may not be mounted here")
    yield folder
    run(folder, binary="umount", status=None)


def test_full_disk(small_disk):
    """No verb dies of a signal where there is no room; what was there stays, and answers."""
    repo = Repo(small_disk / "repo", make=False)
    repo.run("init")
    repo.sql("CREATE TABLE t AS SELECT range AS i FROM range(20000)")
    (small_disk / "filler").write_bytes(b"")
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    for verb in (["verify"], ["verify", "--full"],
                 ["sql", "-c", "INSERT INTO t SELECT * FROM range(50000)"],
                 ["import", "u", __file__, "--format", "csv"], ["tables"]):
        status = repo.run(*verb, status=None).status
        assert status in (0, 1), (verb, status)
    (small_disk / "filler").unlink()
    assert repo.value("SELECT count(*) FROM t") == 20000
    assert repo.run("verify", "--full").status == 0
