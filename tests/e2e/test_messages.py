# SPDX-License-Identifier: Apache-2.0
"""What a person is told: what was wrong, where, and what to do about it. One line a mistake."""

import shutil

import pytest
from arm import Repo, run

DO = {  # what to do, said in a few ways
    "help": "--help` tells more",
    "init": "`armillaria init DIR` makes a repository, -C DIR names one",
    "log": "`armillaria log` lists the commits",
    "tables": "`armillaria tables` lists the tables",
    "unchanged": "nothing was changed",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a repository `r` in it, and files that are wrong in many ways."""
    folder = tmp_path_factory.mktemp("place")
    repo = Repo(folder / "r")
    repo.sql("CREATE TABLE t AS SELECT 1 AS id, 'a' AS v")
    repo.sql("CREATE TABLE n (i INTEGER NOT NULL)")
    (folder / "good.csv").write_text("id,v\n1,a\n")
    (folder / "other.csv").write_text("id,w\n1,a\n")
    (folder / "text.csv").write_text("id,v\nx,a\n")
    (folder / "empty.csv").touch()
    (folder / "bad.json").write_text('{"a":1}\n{"a":')
    (folder / "not.parquet").write_text("hello")
    (folder / "folder").mkdir()
    lost = folder / "lost"
    shutil.copytree(folder / "r", lost)
    for file in (lost / "log").iterdir():
        file.unlink()
    return folder


USE = [
    ([], "no verb", "help"),
    (["frob"], "'frob' is not a verb", "help"),
    (["tabels"], "'tabels' is not a verb", "did you mean 'tables'?"),
    (["-x"], "unknown option '-x'", "help"),
    (["tables", "--atr", "x"], "unknown option '--atr'", "did you mean '--at'?"),
    (["-C"], "-C needs a value: DIR", "help"),
    (["--json=1", "tables"], "--json takes no value", "help"),
    (["schema"], "schema needs one more argument: TABLE", "usage: armillaria schema TABLE"),
    (["import", "t"], "import needs one more argument: FILE...", "usage: armillaria import"),
    (["export", "t"], "export needs one more argument: FILE", "usage: armillaria export"),
    (["show"], "show needs one more argument: REF", "usage: armillaria show REF"),
    (["verify", "x"], "'x' is one argument too many for verify", "usage: armillaria verify"),
    (["log", "-n", "x"], "'x' is not a number of commits", "help"),
    (["log", "-n", "0"], "'0' is not a number of commits", "help"),
    (["import", "t", "good.csv", "--mode", "apend"], "'apend'",
     "create, append, replace or upsert"),
    (["import", "t", "good.csv", "--format", "xml"], "'xml'", "parquet, csv, json or arrow"),
    (["import", "t", "-"], "standard input (-)", "needs --format"),
    (["import", "t", "-", "good.csv", "--format", "csv"], "standard input (-)", "goes alone"),
    (["sql", "-c", "SELECT 1", "-f", "x"], "-c and -f", "one or the other"),
    (["sql", "-c", "SELECT 1", "--format", "xml"], "'xml'", "jsonl, markdown, parquet or arrow"),
    (["sql", "-c", "SELECT 1", "-o", "x.xyz"], "'x.xyz'", "add --format"),
    (["export", "t", "x.xyz"], "x.xyz", "parquet, csv, json, jsonl or arrow"),
    (["init", "x"], "-C and DIR", "both name a directory"),
]


@pytest.mark.parametrize("args, what, do", USE, ids=lambda value: " ".join(value) if isinstance(
    value, list) else None)
def test_wrong_use(place, args, what, do):
    before = [] if args[:1] in (["-C"], []) else ["-C", "r"]
    result = run(*before, *args, status=2, cwd=place)
    assert result.err.startswith("error: ") and what in result.err and DO.get(do, do) in result.err
    assert "\nusage: armillaria " in result.err and result.out == ""


ERRORS = [
    # The repository.
    (["-C", "nowhere", "tables"], "nowhere: no such directory", "init"),
    (["-C", "good.csv", "tables"], "good.csv: not a directory", "init"),
    (["-C", "folder", "tables"], "folder is not a repository", "init"),
    (["tables"], "no repository in", "init"),
    (["init", "r"], "r is a repository already", "it was not touched; -C DIR works on it"),
    (["init", "good.csv"], "good.csv is a file", "`armillaria init DIR` makes one in a directory"),
    (["init", "."], "is not empty", "`armillaria init DIR` makes one in a directory of its own"),
    (["-C", "r", "tables", "--branch", "nosuch"], '"nosuch", which --branch names',
     "main is always there"),
    # Tables, refs, history.
    (["-C", "r", "schema", "nosuch"], 'no table "nosuch" on branch "main"', "tables"),
    (["-C", "r", "versions", "nosuch"], 'no table "nosuch"', "tables"),
    (["-C", "r", "log", "--table", "nosuch"], 'a table "nosuch"', "tables"),
    (["-C", "r", "export", "nosuch", "x.csv"], "Table with name nosuch does not exist", "tables"),
    (["-C", "r", "schema", "t", "--at", "version:9"], "has no version 9; it has 1 to 1", "log"),
    (["-C", "r", "export", "t", "x.csv", "--at", "nosuch"], 'no branch or tag "nosuch"', "log"),
    (["-C", "r", "tables", "--at", "version:1"], '"version:1" is a version of one table',
     "name a branch, a tag, tx:N or a time"),
    (["-C", "r", "tables", "--at", "tx:99"], "there is no tx 99; the last one is", "log"),
    (["-C", "r", "tables", "--at", "a..b"], "'a..b': has '..' or '@{'", "(a branch, a tag, tx:N"),
    (["-C", "r", "tables", "--at", "2020-01-01"], "no commit at or before 2020-01-01", "log"),
    (["-C", "r", "tables", "--at", "main~99"], "there are only", "log"),
    (["-C", "r", "show", "nosuch"], 'no branch or tag "nosuch"', "log"),
    (["-C", "r", "sql", "-c", "FROM t AT (VERSION => 9)"], "no version 9; it has 1 to 1", "log"),
    # Files in.
    (["-C", "r", "import", "t", "good.csv"], 'table "t" exists already', "--mode append adds"),
    (["-C", "r", "import", "t", "other.csv", "--mode", "append"], 'table "t" has no column "w"',
     "--mode replace takes the file's columns"),
    (["-C", "r", "import", "t", "text.csv", "--mode", "append"], 'text.csv, line 2: Error when '
     'converting column "id"', "unchanged"),
    (["-C", "r", "import", "u", "empty.csv"], "empty.csv is empty", "unchanged"),
    (["-C", "r", "import", "u", "bad.json"], '"bad.json"', "unchanged"),
    (["-C", "r", "import", "u", "not.parquet"], "not.parquet does not begin as", "unchanged"),
    (["-C", "r", "import", "u", "none.csv"], "cannot open none.csv", "No such file"),
    (["-C", "r", "import", "u", "none*.csv"], "no file matches", "none*.csv"),
    (["-C", "r", "import", "u", "folder"], "folder is a directory", "name the files in it, as in"),
    (["-C", "r", "import", "u", "good.csv", "--mode", "append"], 'no table "u" to append to',
     "create it first"),
    (["-C", "r", "import", "a.b.c", "good.csv"], "a.b.c is not a table's name",
     "write name or schema.name, in double quotes"),
    (["-C", "r", "import", "u", "good.csv", "other.csv"], 'good.csv has no column "w"',
     "import them one by one"),
    (["-C", "r", "import", "u", "good.csv", "not.parquet"], "not.parquet", "unchanged"),
    (["-C", "r", "import", "u", "good.csv", "--mode", "upsert"], 'no table "u" to upsert to',
     "create it first"),
    (["-C", "r", "import", "t", "good.csv", "--mode", "upsert"], "no primary key to upsert by",
     "nothing was changed"),
    (["-C", "r", "import", "u", "good.csv", "--key", "nix"], 'no column "nix" for the key',
     "nothing was changed"),
    (["-C", "r", "changes", "--since", "99"], "tx 99 is not there yet", "the last one is"),
    (["-C", "r", "merge", "x"], 'no branch or tag "x"', "`armillaria branch` lists the branches"),
    (["-C", "r", "merge", "main", "--into", "x"], 'no branch "x"', "`armillaria branch` lists"),
    (["-C", "r", "diff", "main", "x"], 'no branch or tag "x"', "`armillaria tag`"),
    (["-C", "r", "diff", "main", "main", "--table", "x"], 'no table "x" at', "--at REF"),
    # Files out.
    (["-C", "r", "export", "t", "none/x.csv"], "cannot create none/x.csv", "No such file"),
    (["-C", "r", "sql", "-c", "SELECT 1", "-o", "none/x.csv"], "cannot write none/x.csv",
     "No such file"),
    (["-C", "r", "sql", "-c", "SELECT 1; SELECT 2", "-o", "x.parquet"], "the rows of one statement",
     "run them one by one"),
    # SQL.
    (["-C", "r", "sql", "-f", "none.sql"], "cannot read none.sql", "No such file"),
    (["-C", "r", "sql", "-c", "SET threads = 2; SELEC 2"], "statement 2, line 1: Parser",
     "LINE 1:"),
    (["-C", "r", "sql", "-c", "SELECT 'abc"], "line 1, column 8", "is not closed"),
    (["-C", "r", "sql", "-c", "FROM nosuch"], "nosuch does not exist", "Did you mean"),
    (["-C", "r", "sql", "-c", "INSERT INTO n VALUES (NULL)"], "n.i is NULL in row 1",
     "the statement changed nothing"),
    (["-C", "r", "sql", "--at", "main", "-c", "INSERT INTO n VALUES (1)"],
     'cannot change table "n"', "--at only reads: leave it out"),
    (["-C", "r", "sql", "-c", "CREATE TYPE w AS ENUM ('a')"], "CREATE TYPE",
     "is not supported yet"),
    (["-C", "r", "sql", "-c", "MERGE BRANCH b"], 'no branch or tag "b"', "`armillaria log` lists"),
    (["-C", "r", "sql", "-c", "CREATE TABLE t (i INTEGER)"], 'table "t"', "exists already"),
]


@pytest.mark.parametrize("args, what, do", ERRORS, ids=lambda value: " ".join(value) if isinstance(
    value, list) else None)
def test_errors(place, args, what, do):
    files = sorted(path for path in place.iterdir())
    result = run(*args, status=1, cwd=place)
    assert result.err.startswith("error: ") and what in result.err and DO.get(do, do) in result.err
    assert result.out == "" and "usage:" not in result.err
    assert sorted(path for path in place.iterdir()) == files


def test_damage_says_where(place):
    result = run("-C", "lost", "tables", status=4, cwd=place)
    assert "lost/log: segment 0 is missing" in result.err
    assert "`armillaria verify --full` tells what is damaged" in result.err


@pytest.mark.parametrize("variable, head, by", [
    ("nosuch", None, "ARMILLARIA_BRANCH"), (None, "nosuch\n", "the repository's file HEAD")])
def test_who_named_the_branch(repo, variable, head, by):
    if head is not None:
        (repo.path / "HEAD").write_text(head)
    env = {} if variable is None else {"ARMILLARIA_BRANCH": variable}
    result = repo.run("tables", status=1, env=env)
    assert f'no branch "nosuch", which {by} names: main is always there' in result.err
