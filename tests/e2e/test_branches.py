# SPDX-License-Identifier: Apache-2.0
"""Branches and tags as users see them: the verbs, the refs, and that branches cost nothing and keep
out of each other's way."""

import os
import random
import shutil
import signal
import subprocess

import pytest
from arm import BIN, TIMEOUT_S, Repo, environment, run
from terminal import Terminal
from test_damage import with_format


def branches(repo, *args):
    return {b["name"]: b for b in repo.run(*args, "branch", "list", "--json").json}


def head(repo):
    return (repo.path / "HEAD").read_text()


def start(repo, *args, **options):
    return subprocess.Popen([BIN, "-C", repo.path, *args], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(), **options)


def wait(processes):
    """How they ended: (status, stdout, stderr) of each."""
    ends = [process.communicate(timeout=TIMEOUT_S) for process in processes]
    return [(process.returncode, *end) for process, end in zip(processes, ends)]


# ---- the verbs ----


def test_create_list_delete(orders):
    orders.sql("CREATE SCHEMA s; CREATE TABLE s.t (i INTEGER); CREATE VIEW v AS SELECT 1")
    text = orders.run("branch", "create", "feature/x", "--description", "new prices").out
    assert text == "made branch feature/x\n"
    made = branches(orders)
    assert list(made) == ["feature/x", "main"]
    assert list(made["main"]) == ["name", "head", "created_at", "parent_branch", "description"]
    assert made["main"]["head"] == made["feature/x"]["head"] == {"orders": 2, "s.t": 1}
    assert made["main"]["parent_branch"] is None and made["main"]["description"] is None
    assert made["feature/x"]["parent_branch"] == "main"
    assert made["feature/x"]["description"] == "new prices"
    assert made["feature/x"]["created_at"] > made["main"]["created_at"]
    orders.run("--branch", "feature/x", "sql", "-c", "DELETE FROM orders WHERE id = 1")
    assert branches(orders)["feature/x"]["head"] == {"orders": 3, "s.t": 1}
    assert branches(orders)["main"]["head"] == {"orders": 2, "s.t": 1}
    assert orders.run("branch", "create", "old", "--from", "main~1", "-q").out == ""
    (row,) = orders.run("branch", "create", "j", "--json").json
    assert row == branches(orders)["j"]
    (row,) = orders.run("branch", "delete", "j", "--json").json
    assert row["name"] == "j" and "j" not in branches(orders)
    told = orders.run("branch", "delete", "feature/x").out
    tx = told.removeprefix("deleted branch feature/x (was tx:").removesuffix(")\n")
    orders.run("branch", "create", "again", "--from", f"tx:{tx}")
    assert branches(orders)["again"]["head"] == {"orders": 3, "s.t": 1}


def test_list_for_people(orders):
    orders.run("branch", "create", "b", "--description", "why")
    assert orders.run("branch").out == orders.run("branch", "list").out
    lines = orders.run("branch").lines
    assert lines[0].split() == ["name", "tx", "tables", "created_at", "parent_branch",
                                "description", "protection"]
    assert lines[1].split()[0] == "b" and lines[2].split()[:2] == ["*", "main"]
    orders.run("checkout", "b")
    shell = Terminal("-C", orders.path, "branch", columns=120)
    assert shell.end() == 0
    rows = [line.split("│") for line in shell.text.splitlines() if "│" in line]
    assert [(row[1].strip(), row[2].strip()) for row in rows[1:]] == [("*", "b"), ("", "main")]
    lines = orders.run("--branch", "main", "branch").lines
    assert lines[2].split()[:2] == ["*", "main"]


def test_rename_and_describe(orders):
    orders.run("branch", "create", "a")
    orders.run("checkout", "a")
    assert orders.run("branch", "rename", "a", "b").out == "renamed branch a to b\n"
    assert head(orders) == "b\n"
    orders.run("branch", "describe", "b", "what for")
    assert branches(orders)["b"]["description"] == "what for"
    orders.run("branch", "describe", "b", "")
    assert branches(orders)["b"]["description"] is None
    orders.run("branch", "describe", "main", "the trunk")
    assert branches(orders)["main"]["description"] == "the trunk"
    orders.run("checkout", "main")
    orders.run("branch", "rename", "b", "c")
    assert head(orders) == "main\n"


def test_checkout(orders):
    orders.run("branch", "create", "b")
    assert orders.run("checkout", "b").out == "on branch b\n"
    assert head(orders) == "b\n"
    orders.sql("DELETE FROM orders")
    assert orders.value("SELECT count(*) FROM orders") == 0
    assert orders.value("SELECT count(*) FROM orders", "--branch", "main") == 4
    assert orders.run("tables", env={"ARMILLARIA_BRANCH": "main"}).out != orders.run("tables").out
    warned = orders.run("checkout", "b", env={"ARMILLARIA_BRANCH": "main"}).err
    assert "ARMILLARIA_BRANCH is main" in warned
    orders.run("tag", "create", "v1", "main~1")
    assert orders.run("checkout", "-b", "fix", "v1").out == "on branch fix\n"
    assert orders.value("SELECT count(*) FROM orders") == 3
    orders.run("checkout", "-b", "on-fix")
    assert branches(orders)["on-fix"]["parent_branch"] == "fix"
    assert orders.run("checkout", "main", "--json").json == [{"name": "main"}]
    orders.refused("checkout", "nosuch", says=['no branch "nosuch"', "checkout -b"])
    orders.refused("checkout", "v1", says=['no branch "v1"', "it names a commit"])
    orders.refused("checkout", "-b", "fix", says="there is a branch")
    orders.refused("checkout", "b", "main", status=2, says="only a new branch")
    assert head(orders) == "main\n"


def test_what_is_refused(orders):
    orders.run("branch", "create", "b")
    orders.run("checkout", "b")
    orders.refused("branch", "create", "b", says='there is a branch "b" already')
    orders.refused("branch", "create", "a b", says="has a space")
    orders.refused("branch", "create", "c", "--from", "nosuch", says="no branch or tag")
    orders.refused("branch", "create", "c", "--from", "main~9", says="only")
    orders.refused("branch", "delete", "b", says=["is the current one", "checkout"])
    orders.refused("--branch", "main", "branch", "delete", "b", says="HEAD names")
    orders.refused("branch", "delete", "main", says="always exists")
    orders.refused("branch", "rename", "main", "x", says="always exists")
    orders.refused("branch", "rename", "b", "main", says="already")
    orders.refused("branch", "rename", "nosuch", "x", says=["no branch", "branch list"])
    orders.refused("branch", "describe", "nosuch", "x", says="no branch")
    orders.refused("branch", "delete", "nosuch", says="no branch")
    orders.refused("branch", "x", status=2, says="branch create x")
    orders.refused("branch", "crate", "x", status=2, says="did you mean 'create'")
    orders.refused("branch", "create", status=2, says="one more argument")
    orders.refused("branch", "create", "x", "y", status=2, says="'y' is one argument too many")
    orders.refused("branch", "delete", "b", "--from", "main", status=2, says="takes no --from")
    orders.refused("branch", "list", "x", status=2, says="too many")
    orders.refused("tag", "list", "--description", "x", status=2, says="takes no --description")
    orders.refused("checkout", status=2, says="NAME")
    orders.run("checkout", "main")
    orders.refused("--branch", "b", "branch", "delete", "b", says="is the current one")


def test_tags(orders):
    assert orders.run("tag", "create", "v1").out == "made tag v1\n"
    orders.run("tag", "create", "v0", "main~1", "--description", "before",
               env={"ARMILLARIA_AUTHOR": "ada"})
    rows = orders.run("tag", "list", "--json").json
    commits = orders.run("log", "--json").json
    assert [row["name"] for row in rows] == ["v0", "v1"]
    assert [(row["tx"], row["commit"]) for row in rows] == [
        (commit["tx"], commit["commit"]) for commit in reversed(commits)]
    assert rows[0]["author"] == "ada" and rows[0]["description"] == "before"
    assert rows[1]["description"] is None and rows[1]["branch"] == "main"
    assert orders.run("tag").lines[1].split()[0] == "v0"
    orders.refused("tag", "create", "v1", says=["already", "a tag does not move"])
    orders.refused("tag", "create", "v2", "nosuch", says="no branch or tag")
    orders.refused("tag", "delete", "nosuch", says=["no tag", "tag list"])
    assert orders.run("tag", "delete", "v0").out == "deleted tag v0\n"
    assert len(orders.run("tag", "--json").json) == 1


def test_tag_of_nothing(repo):
    repo.refused("tag", "create", "v1", says="no commit for tag")
    repo.run("branch", "create", "b")
    repo.run("--branch", "b", "sql", "-c", "CREATE TABLE t (i INTEGER)")
    assert branches(repo)["main"]["head"] == {} and branches(repo)["b"]["head"] == {"t": 1}


# ---- HEAD ----


def test_head_follows_its_branch(orders):
    orders.run("branch", "create", "a")
    orders.run("checkout", "a")
    orders.sql("ALTER BRANCH a RENAME TO b; INSERT INTO orders VALUES (9, 'eve', 1)")
    assert orders.run("branch").lines[1].split()[:2] == ["*", "b"]
    assert len(orders.run("log", "--json").json) == 3
    assert head(orders) == "b\n"
    orders.refused("--branch", "a", "tables",
                   says=['no branch "a"', 'renamed "b"', "--branch names"])
    orders.run("--branch", "main", "sql", "-c", "DROP BRANCH b")
    for verb in [["tables"], ["sql", "-c", "SELECT 1"], ["branch", "create", "c"]]:
        text = orders.run(*verb, status=1).err
        assert 'no branch "b"' in text and "HEAD" in text
    assert "main" in orders.run("branch").out
    orders.run("checkout", "main")
    assert orders.value("SELECT count(*) FROM orders") == 4


def test_head_does_not_follow_a_name_to_another(orders):
    orders.run("branch", "create", "a")
    orders.run("checkout", "a")
    orders.run("--branch", "main", "sql", "-c", "ALTER BRANCH a RENAME TO b; CREATE BRANCH a")
    assert orders.run("branch").lines[1].split()[:2] == ["*", "a"]  # the name is taken again


# ---- refs ----


def test_refs_everywhere(orders, tmp_path):
    orders.run("tag", "create", "v1", "main~1")
    orders.run("branch", "create", "b", "--from", "v1")
    orders.run("--branch", "b", "sql", "-c", "DELETE FROM orders WHERE id < 3")
    first, second = (c["tx"] for c in reversed(orders.run("log", "--json").json))
    at = orders.run("show", f"tx:{second}", "--json").json["created_at"]
    counts = {"main": 4, "main~1": 3, "v1": 3, f"tx:{first}": 3, f"tx:{second}": 4, "b": 1,
              "b~1": 3, f"tx:{second}~1": 3, at: 4, "version:1": 3}
    for ref, count in counts.items():
        file = tmp_path / "out.csv"
        orders.run("export", "orders", file, "--at", ref)
        assert len(file.read_text().splitlines()) == count + 1, ref
        if ref.startswith("version"):
            continue
        assert orders.value("SELECT count(*) FROM orders", "--at", ref) == count, ref
        assert orders.value(f"SELECT count(*) FROM orders AT (VERSION => '{ref}')") == count, ref
        (table,) = orders.run("tables", "--at", ref, "--json").json
        assert table["rows"] == count, ref
        log = orders.run("log", "--at", ref, "--json").json
        (table,) = [c for c in log[0]["changes"] if c["table_name"] == "orders"]
        assert table["new_version"] == orders.run("tables", "--at", ref, "--json").json[0][
            "version"], ref
        assert len(orders.run("schema", "orders", "--at", ref).lines) == 4
    assert orders.value("SELECT count(*) FROM orders", "--at", "main~1", "--branch", "b") == 3
    assert [c["branch"] for c in orders.run("--branch", "b", "log", "--json").json] == ["b", "main"]
    assert orders.run("show", "b", "--json").json["branch"] == "b"
    assert orders.run("show", "v1", "--json").json["tx"] == first
    # a branch goes before a tag of its name
    orders.run("branch", "create", "v1", "--from", "main")
    assert orders.value("SELECT count(*) FROM orders", "--at", "v1") == 4
    assert orders.value("SELECT count(*) FROM orders", "--at", "v1~1") == 3


def test_versions_number_over_all_branches(orders):
    orders.run("branch", "create", "b")
    orders.run("--branch", "b", "sql", "-c", "DELETE FROM orders WHERE id = 1")
    orders.sql("DELETE FROM orders WHERE id = 2")
    orders.run("--branch", "b", "sql", "-c", "DELETE FROM orders WHERE id = 3")
    rows = orders.run("versions", "orders", "--all", "--json").json
    assert [(r["version"], r["parent"], r["branch"]) for r in rows] == [
        (5, 3, "b"), (4, 2, "main"), (3, 2, "b"), (2, 1, "main"), (1, None, "main")]
    assert [r["version"] for r in orders.run("versions", "orders", "--json").json] == [4, 2, 1]
    rows = orders.run("--branch", "b", "versions", "orders", "--json").json
    assert [r["version"] for r in rows] == [5, 3, 2, 1]
    orders.run("branch", "rename", "b", "c")
    assert orders.run("versions", "orders", "--all", "--json").json[0]["branch"] == "c"


# ---- names ----


def shown_as_sql(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("seed", range(int(os.environ.get("ARM_NAME_SEEDS", "1"))))
def test_names_are_gits(orders, seed):
    """Whatever is typed is refused with the reason, or is a branch by every door; and git agrees,
    where it is here."""
    rng = random.Random(seed)
    alphabet = ["a", "b", "A", ".", "..", "/", "-", "_", " ", "~", "^", ":", "?", "*", "[", "\\",
                "@", "@{", "{", "}", "'", '"', ";", "ß", "日", "\t", "\x7f", ".lock", "HEAD", "1",
                "tx:", "(", "$", "#", "%", ","]
    names = {"".join(rng.choices(alphabet, k=rng.randint(1, 4))) for _ in range(150)}
    names |= {"HEAD", "@", "-", "a" * 255, "a" * 256, "ß" * 127 + "a", "ß" * 128, "2026-01-01"}
    ours = {"@", "HEAD", "2026-01-01"}  # git refuses the first two elsewhere
    script, taken = [], []
    for name in sorted(names - {"main"}):
        result = run("-C", orders.path, "branch", "create", "--", name, status=None)
        assert result.status in (0, 1), result
        if shutil.which("git") and len(name.encode()) <= 255 and name not in ours:
            git = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False)
            assert (git.returncode == 0 and name[0] != "-") == (result.status == 0), (name, result)
        if result.status == 1:
            assert "branch name" in result.err and len(result.err.splitlines()) <= 2, result
        else:
            taken.append(name)
            script.append(f"USE BRANCH {shown_as_sql(name)}; ALTER BRANCH {shown_as_sql(name)} "
                          f"RENAME TO 'x'; ALTER BRANCH x RENAME TO {shown_as_sql(name)};")
    assert len(taken) > 20
    assert sorted(taken + ["main"]) == sorted(branches(orders))
    run("-C", orders.path, "sql", "-f", "-", stdin="\n".join(script))
    for name in rng.sample(taken, 5):
        orders.run("checkout", "--", name)
        assert head(orders) == name + "\n"
        assert orders.run("tables", "--json", f"--branch={name}").json[0]["rows"] == 4
    orders.run("checkout", "main")
    assert sorted(taken + ["main"]) == sorted(branches(orders))
    assert orders.run("verify").status == 0


def test_bytes_that_are_no_utf8(repo):
    result = repo.run("branch", "create", b"a\xff".decode("utf-8", "surrogateescape"), status=1)
    assert "branch name" in result.err
    result = repo.run("branch", "create", "a", "--description",
                      b"\xff".decode("utf-8", "surrogateescape"), status=1)
    assert "UTF-8" in result.err and list(branches(repo)) == ["main"]


# ---- many at once ----


def test_one_of_many_makes_the_branch(orders):
    ends = wait([start(orders, "branch", "create", "same") for _ in range(6)])
    assert sorted(status for status, _, _ in ends) == [0, 1, 1, 1, 1, 1]
    for status, out, err in ends:
        assert ("made branch same" in out) if status == 0 else ("already" in err)
    ends = wait([start(orders, "branch", "rename", "same", f"n{i}") for i in range(4)])
    assert sorted(status for status, _, _ in ends) == [0, 1, 1, 1]
    assert len(branches(orders)) == 2
    assert orders.run("verify").status == 0


def test_eight_processes_on_eight_branches(repo):
    """They write the same tables at once: nobody meets anybody, and everybody sees his own."""
    count, steps = 8, 6
    repo.sql("CREATE TABLE a (k INTEGER PRIMARY KEY, who INTEGER); CREATE TABLE b (who INTEGER);"
             "INSERT INTO a VALUES (0, 0)")
    repo.sql("".join(f"CREATE BRANCH w/{i};" for i in range(count)))
    script = ("BEGIN; INSERT INTO a VALUES ({step}, {i}); UPDATE a SET who = {i} WHERE k = 0;"
              "INSERT INTO b SELECT {i} FROM range({step}); COMMIT;")
    ends = wait([start(repo, "--branch", f"w/{i}", "sql", "-c",
                       "".join(script.format(step=step, i=i) for step in range(1, steps + 1)))
                 for i in range(count)])
    assert [(status, err) for status, _, err in ends] == [(0, "")] * count
    for i in range(count):
        assert repo.sql("SELECT list(k ORDER BY k) AS k, list(DISTINCT who) AS w FROM a",
                        "--branch", f"w/{i}") == [{"k": list(range(steps + 1)), "w": [i]}]
        assert repo.sql("SELECT count(*) AS n, list(DISTINCT who) AS w FROM b", "--branch",
                        f"w/{i}") == [{"n": steps * (steps + 1) // 2, "w": [i]}]
    assert repo.value("SELECT count(*) FROM a") == 1 and repo.value("SELECT count(*) FROM b") == 0
    for table, first in [("a", 2), ("b", 1)]:
        rows = repo.run("versions", table, "--all", "--json").json[::-1]
        assert [r["version"] for r in rows] == list(range(1, first + count * steps + 1))
        last = {}
        for row in rows[first:]:  # the parent is the branch's last, or what it started from
            assert row["parent"] == last.get(row["branch"], first)
            last[row["branch"]] = row["version"]
        assert len(last) == count
        assert {b["head"][table] for b in branches(repo).values()} == {first, *last.values()}
    assert repo.run("verify", "--full").status == 0


def test_killed_while_it_makes_branches(repo):
    repo.sql("CREATE TABLE t (i INTEGER)")
    process = start(repo, "sql", "--format", "csv", "-c",
                    "".join(f"CREATE BRANCH b{i:04}; SELECT 'made {i}';" for i in range(2000)))
    told = -1
    while told < 20:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told = int(line.split()[1]) if line.startswith("made") else told
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split("\n")[:-1]  # its last line may be cut
    told = max([told] + [int(line.split()[1]) for line in rest if line.startswith("made ")])
    process.wait()
    made = [name for name in branches(repo) if name != "main"]
    assert made == [f"b{i:04}" for i in range(len(made))]
    assert len(made) >= told + 1
    repo.sql("CREATE BRANCH next; USE BRANCH next; INSERT INTO t VALUES (1)")
    assert repo.run("verify").status == 0


def test_a_repository_that_only_reads(orders):
    """As one made by a newer version whose additions may be read."""
    orders.run("branch", "create", "b")
    orders.run("tag", "create", "v1")
    with_format(orders, read_only_compatible=1 << 40)
    for args in [("branch", "create", "c"), ("branch", "delete", "b"), ("tag", "create", "v2"),
                 ("branch", "rename", "b", "c"), ("tag", "delete", "v1"),
                 ("branch", "describe", "b", "x"), ("sql", "-c", "CREATE BRANCH c")]:
        result = orders.run(*args, status=1)
        assert "read" in result.err.lower(), result
    assert set(branches(orders)) == {"b", "main"}
    assert [t["name"] for t in orders.run("tag", "--json").json] == ["v1"]
    orders.run("checkout", "b")
    assert orders.value("SELECT count(*) FROM orders") == 4


# ---- what they cost ----


def stored(repo):
    return repo.run("stats", "--json").json["stored_bytes"]


def fill(repo, tables):
    repo.sql("BEGIN;" + "".join(
        f"CREATE TABLE t{i} AS SELECT * FROM range(100) r(i);" for i in range(tables)) + "COMMIT;")


def test_fifty_branches_cost_under_a_kilobyte_each(repo):
    repo.sql("CREATE TABLE t AS SELECT range AS i, hash(range) AS h FROM range(300000)")
    chunks = repo.files("chunks")
    assert len(chunks) >= 2
    before = stored(repo)
    for i in range(50):
        repo.run("branch", "create", f"feature/{i}", "--description", "one of fifty")
    assert repo.files("chunks") == chunks
    assert stored(repo) - before < 50 * 1000
    assert repo.value("SELECT count(*) FROM t", "--branch", "feature/49") == 300000
    assert repo.files("chunks") == chunks


def test_two_thousand_branches_over_a_hundred_tables(tmp_path):
    """What one costs depends neither on how many tables there are, nor on how many branches."""
    costs = {}
    for tables in [1, 100]:
        repo = Repo(tmp_path / f"over-{tables}")
        fill(repo, tables)
        chunks = repo.files("chunks")
        was = stored(repo)
        for start_at, count in [(0, 500), (500, 1500)]:
            repo.run("sql", "-f", "-", stdin="".join(
                f"CREATE BRANCH b{i:05};\n" for i in range(start_at, start_at + count)))
            now = stored(repo)
            costs[tables, count] = (now - was) / count
            was = now
        assert repo.files("chunks") == chunks
        assert repo.value("SELECT count(*) FROM arm_branches()") == 2001
        assert repo.value("SELECT count(*) FROM t0", "--branch", "b01999") == 100
        assert repo.run("verify").status == 0
    assert max(costs.values()) < 1000, costs
    assert costs[100, 1500] < 1.25 * costs[1, 1500], costs


# ---- branches that ask something ----


def test_a_branch_for_merges_alone(orders):
    assert orders.run("branch", "protect", "main", "--only-merges").out == "protected branch main\n"
    orders.refused("sql", "-c", "DELETE FROM orders", says="takes only merges")
    orders.refused("import", "orders", "-", "--format", "csv", "--mode", "append",
                   stdin="id,customer,amount\n9,eve,1\n", says="takes only merges")
    orders.refused("branch", "protect", "main", says="--only-merges")
    orders.refused("branch", "protect", "nosuch", "--only-merges", says="no branch")
    assert orders.run("branch").lines[1].endswith("only merges")
    orders.run("checkout", "-b", "work")
    orders.sql("DELETE FROM orders WHERE id = 1")
    orders.sql("MERGE BRANCH work INTO main", "--branch", "main")
    assert orders.value("SELECT count(*) FROM orders", "--branch", "main") == 3
    orders.run("compact", "--branch", "main")
    assert orders.run("verify", "--full").status == 0
    assert orders.run("branch", "unprotect", "main").out == "branch main is protected no more\n"
    orders.sql("DELETE FROM orders", "--branch", "main")


def test_checks_of_a_branch(orders):
    orders.run("branch", "protect", "main", "positive=SELECT * FROM orders WHERE amount <= 0",
               "SELECT id FROM orders GROUP BY id HAVING count(*) > 1")
    assert orders.run("branch").lines[1].endswith("2 checks")
    assert orders.sql("SELECT unnest(checks).name AS n FROM arm_branches()") == [
        {"n": "positive"}, {"n": None}]
    orders.sql("INSERT INTO orders VALUES (5, 'eve', 1)")
    orders.refused("sql", "-c", "INSERT INTO orders VALUES (6, 'eve', 0)",
                   says=['check "positive" of branch "main" does not hold', "changed nothing"])
    orders.refused("sql", "-c", "INSERT INTO orders VALUES (5, 'eve', 1)",
                   says='a check of branch "main" does not hold')
    orders.refused("import", "orders", "-", "--format", "csv", "--mode", "append",
                   stdin="id,customer,amount\n9,eve,-1\n", says="does not hold")
    orders.run("import", "orders", "-", "--format", "csv", "--mode", "append",
               stdin="id,customer,amount\n9,eve,1\n")
    orders.run("checkout", "-b", "work")
    orders.sql("UPDATE orders SET amount = 0 WHERE id = 1")
    orders.refused("sql", "--branch", "main", "-c", "MERGE BRANCH work", says="does not hold")
    orders.sql("UPDATE orders SET amount = 2 WHERE id = 1")
    orders.sql("MERGE BRANCH work", "--branch", "main")
    assert orders.value("SELECT amount FROM orders WHERE id = 1", "--branch", "main") == 2
    orders.refused("branch", "protect", "main", "SELEC", says="cannot be run")
    orders.refused("branch", "protect", "main", "SELECT 1", says="does not hold")


def test_checked_writers_at_once(orders):
    """What each of them checked alone must hold of what they all did."""
    orders.run("branch", "protect", "main",
               "few=SELECT 1 FROM orders HAVING count(*) > 6")  # there are four
    ends = wait([start(orders, "sql", "-c", f"INSERT INTO orders VALUES ({10 + i}, 'x', 1)")
                 for i in range(6)])
    statuses = [status for status, _, _ in ends]
    assert set(statuses) <= {0, 1, 3} and statuses.count(1) + statuses.count(3) >= 4, ends
    assert orders.value("SELECT count(*) FROM orders") == 4 + statuses.count(0)
