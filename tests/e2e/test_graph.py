# SPDX-License-Identifier: Apache-2.0
"""`log` over histories that have merges in them, and `log --graph`: known histories drawn, and
random ones whose drawings, followed line by line, say what `parents` says."""

import os
import random
import re

import pytest
from arm import Repo
from terminal import ESCAPES, Terminal

LINE = re.compile(r"^([|/\\_ *]*\*[|/\\_ ]*) tx (\d+)  (\S+)  (\S+)(?:  (.*))?$")


class History:
    """A repository whose commits are named by their messages."""

    def __init__(self, path):
        self.repo = Repo(path)
        self.repo.sql("CREATE TABLE t (i INTEGER, j INTEGER)", "-m", "root")
        self.made = 0

    def commit(self, branch, message, table="t"):
        self.made += 1
        self.repo.run("sql", "-c", f"INSERT INTO {table} VALUES ({self.made}, 0)", "-m", message,
                      "--branch", branch)

    def branch(self, name, start="main"):
        self.repo.run("branch", "create", name, "--from", start)

    def merge(self, source, into, message):
        self.repo.run("merge", source, "--into", into, "-m", message)

    def graph(self, *args):
        """The drawing, each commit's row with its message alone."""
        rows = []
        for row in self.repo.run("log", "--graph", *args).out.splitlines():
            match = LINE.match(row)
            rows.append(f"{match[1]} {match[5]}" if match else row)
        return rows

    def expect(self, drawing, *args):
        wanted = [row.removeprefix("        ") for row in drawing.strip("\n").split("\n")[:-1]]
        assert self.graph(*args) == wanted


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "repo")


# ---- Known histories ----


def test_linear(history):
    history.commit("main", "one")
    history.commit("main", "two")
    history.expect("""
        * two
        * one
        * root
        """)
    history.expect("""
        * two
        * one
        """, "-n", "2")


def test_of_nothing(tmp_path):
    repo = Repo(tmp_path / "repo")
    assert repo.run("log", "--graph").out == "no commit yet\n"
    assert repo.run("log", "--graph", "-q").out == ""


def test_a_row_says_tx_branch_time_and_message(history):
    history.branch("b")
    history.commit("b", "one\nand more of it")
    (row, root) = history.repo.run("log", "--graph", "--branch", "b").lines
    (one, first) = history.repo.run("log", "--json", "--branch", "b").json
    assert LINE.match(row).groups()[1:] == (
        str(one["tx"]), "b", one["created_at"][:19] + "Z", "one")
    assert LINE.match(root)[3] == "main" and LINE.match(root)[2] == str(first["tx"])


def test_a_branch_alone_has_no_other_line(history):
    history.branch("b")
    history.commit("b", "b1")
    history.commit("main", "m1")
    history.expect("""
        * b1
        * root
        """, "--branch", "b")


def test_merge(history):
    history.branch("b")
    history.commit("b", "b1")
    history.commit("main", "m1")
    history.commit("b", "b2")
    history.merge("b", "main", "merged")
    history.commit("main", "m2")
    history.expect("""
        * m2
        * merged
        |\\
        | * b2
        * | m1
        | * b1
        |/
        * root
        """)
    history.expect("""
        * b2
        * b1
        * root
        """, "--branch", "b")


def test_fast_forward(history):
    """It is a commit as well, with two parents: what was merged stays to be seen."""
    history.branch("b")
    history.commit("b", "b1")
    history.merge("b", "main", "forward")
    history.expect("""
        * forward
        |\\
        | * b1
        |/
        * root
        """)


def test_criss_cross(history):
    """main and b merge each other's commits of before."""
    history.branch("b")
    history.commit("b", "b1")
    history.commit("main", "m1")
    history.branch("old", "b")
    history.merge("main", "b", "b2")
    history.merge("old", "main", "m2")
    history.merge("b", "main", "m3")
    history.expect("""
        * m3
        |\\
        * | m2
        |\\ \\
        | | * b2
        | | |\\
        | |/ /
        | |/
        |/|
        * | m1
        | * b1
        |/
        * root
        """)


def test_two_merges_at_once(history):
    """Two branches that were open together come into a third, one after the other."""
    history.branch("b")
    history.branch("c")
    history.commit("b", "b1")
    history.commit("c", "c1")
    history.merge("b", "main", "with b")
    history.merge("c", "main", "with c")
    history.expect("""
        * with c
        |\\
        * | with b
        |\\ \\
        | | * c1
        | |/
        |/|
        | * b1
        |/
        * root
        """)


def test_a_branch_that_was_dropped(history):
    history.branch("b")
    history.commit("b", "b1")
    history.commit("main", "m1")
    history.merge("b", "main", "merged")
    history.repo.run("branch", "delete", "b")
    rows = [LINE.match(row) for row in history.repo.run("log", "--graph").lines]
    assert [row[3] for row in rows if row] == ["main", "main", "-", "main"]
    assert [c["branch"] for c in history.repo.run("log", "--json").json] == [
        "main", "main", "", "main"]
    assert "b1" in history.repo.run("log").out


def test_of_one_table(history):
    """The lines of commits that are not shown are drawn through."""
    history.repo.sql("CREATE TABLE u (i INTEGER, j INTEGER)", "-m", "other")
    history.branch("b")
    history.commit("b", "b1")
    history.commit("b", "not shown", "u")
    history.commit("main", "nor this", "u")
    history.commit("main", "m1")
    history.merge("b", "main", "merged")
    history.commit("main", "the last one", "u")
    history.expect("""
        * merged
        |\\
        * | m1
        | * b1
        |/
        * root
        """, "--table", "t")
    history.expect("""
        * merged
        |\\
        * | m1
        """, "--table", "t", "-n", "2")
    assert history.repo.run("log", "--graph", "--table", "nosuch", status=1).err


def test_log_over_a_merge(history):
    history.branch("b")
    history.commit("b", "b1")
    history.commit("main", "m1")
    history.commit("b", "b2")
    history.merge("b~1", "main", "merged")
    commits = history.repo.run("log", "--json").json
    assert [c["message"] for c in commits] == ["merged", "m1", "b1", "root"]
    assert [c["branch"] for c in commits] == ["main", "main", "b", "main"]
    assert commits[0]["parents"] == [commits[1]["commit"], commits[2]["commit"]]
    assert [c["tx"] for c in commits] == sorted((c["tx"] for c in commits), reverse=True)
    by_sql = history.repo.sql("SELECT message, branch FROM arm_log()")
    assert [(c["message"], c["branch"]) for c in by_sql] == [
        (c["message"], c["branch"]) for c in commits]
    # ~n goes along the branch: from the merge to what it was before.
    for back, message in enumerate(["merged", "m1", "root"]):
        assert history.repo.run("show", f"main~{back}", "--json").json["message"] == message
    assert history.repo.run("show", "main~3", status=1)


def test_log_of_a_table_that_was_adopted(history):
    """A merge that took over what a branch did to a table is a change of that table."""
    history.branch("b")
    history.commit("b", "b1")
    history.repo.sql("CREATE TABLE u AS SELECT 1 AS i, 2 AS j", "-m", "u made", "--branch", "b")
    history.merge("b", "main", "merged")
    history.commit("main", "u goes on", "u")
    repo = history.repo
    of_u = repo.run("log", "--table", "u", "--json").json
    assert [c["message"] for c in of_u] == ["u goes on", "merged", "u made"]
    (adopted,) = [c for c in of_u[1]["changes"] if c["table_name"] == "u"]
    assert adopted == {"table_name": "u", "old_version": None, "new_version": 1,
                       "is_new_table": True, "rows_added": 1, "rows_removed": 0}
    assert [c["message"] for c in repo.run("log", "--table", "t", "--json").json] == [
        "merged", "b1", "root"]


def test_show_a_commit_of_any_branch(history):
    repo = history.repo
    history.branch("b")
    history.commit("b", "b1")
    (b1, _) = repo.run("log", "--json", "--branch", "b").json
    assert repo.run("show", f"tx:{b1['tx']}", "--json").json["message"] == "b1"
    history.commit("main", "m1")
    history.merge("b", "main", "merged")
    repo.run("branch", "delete", "b")
    shown = repo.run("show", f"tx:{b1['tx']}", "--json").json
    assert (shown["message"], shown["branch"], shown["parents"]) == ("b1", "", b1["parents"])
    merged = repo.run("show", "main", "--json").json
    assert len(merged["parents"]) == 2 and merged["parents"][1] == b1["commit"]
    assert repo.run("show", "main").out.count("Parent: ") == 2
    assert "is not a commit" in repo.run("show", "tx:1", status=1).err


def test_graph_and_json(history):
    result = history.repo.run("log", "--graph", "--json", status=2)
    assert result.out == "" and "parents" in result.err


def test_hostile_names_and_messages(history):
    history.branch("b\u202e")
    history.repo.run("sql", "-c", "INSERT INTO t VALUES (1, 2)", "-m", "\x1b[31mred\u202e",
                     "--branch", "b\u202e")
    out = history.repo.run("log", "--graph", "--branch", "b\u202e").out
    assert "\x1b" not in out and "\u202e" not in out
    assert "\\x1b[31mred\\u202e" in out


def test_on_a_terminal(history):
    """Colours, and rows that end where the terminal does."""
    history.branch("b")
    history.commit("b", "b1 " + "x" * 200)
    history.commit("main", "m1")
    history.merge("b", "main", "merged")
    terminal = Terminal("-C", history.repo.path, "log", "--graph", columns=60)
    assert terminal.end() == 0
    assert "\x1b[33mtx" in terminal.raw and re.search(r"\x1b\[3\dm\|", terminal.raw)
    rows = ESCAPES.sub("", terminal.raw).split("\n")
    assert all(len(row) <= 60 for row in rows) and any("xxx" in row for row in rows)
    assert "\x1b" not in history.repo.run("log", "--graph").out


def test_no_wider_than_sane(history):
    """Forty branches that are all open at once, and then merged one by one."""
    history.repo.sql("".join(f"CREATE BRANCH b{i}; USE BRANCH b{i}; INSERT INTO t VALUES ({i}, 0); "
                             "USE BRANCH main; " for i in range(40)) +
                     "".join(f"MERGE BRANCH b{i}; " for i in range(40)))
    rows = history.repo.run("log", "--graph").out.splitlines()
    shapes = [row.split(" tx ")[0] for row in rows]
    assert max(map(len, shapes)) <= 2 * 24 + 3
    assert sum("*" in shape for shape in shapes) == 81
    assert any("…" in shape for shape in shapes)


# ---- Random histories: what is drawn is what there is ----


def below(rows, row, column):
    """Where a line that is drawn in a cell may go on in the next row: straight on, or a step to a
    side, or along a row of underscores."""
    cells = rows[row + 1] if row + 1 < len(rows) else ""

    def cell(at):
        return cells[at] if 0 <= at < len(cells) else " "

    found = set()
    if cell(column) in "|*":
        found.add(column)
    if cell(column + 1) == "\\":
        found.add(column + 2)
    if cell(column - 1) == "/":
        at = column - 1
        while cell(at - 2) == "_":
            at -= 2
        found.add(at - 1)
    return found


def reached(rows, row, column):
    """The commits, by row, that the lines from a cell may lead to."""
    found, seen, left = set(), set(), [(row, column)]
    while left:
        at = left.pop()
        for next_column in below(rows, *at):
            cell = (at[0] + 1, next_column)
            if cell in seen:
                continue
            seen.add(cell)
            if rows[cell[0]][cell[1]:][:1] == "*":
                found.add(cell[0])
            else:
                left.append(cell)
    return found


def check_drawing(repo, branch):
    commits = {c["tx"]: c for c in repo.run("log", "--json", "--branch", branch).json}
    by_id = {c["commit"]: tx for tx, c in commits.items()}
    drawing = repo.run("log", "--graph", "--branch", branch).out.splitlines()
    rows = [re.split(r" tx \d", row)[0] for row in drawing]
    tx_at = {i: int(LINE.match(row)[2]) for i, row in enumerate(drawing) if "*" in rows[i]}
    assert list(tx_at.values()) == list(commits)
    assert all(row == row.rstrip() for row in rows)
    for i, tx in tx_at.items():
        lines = {tx_at[row] for row in reached(rows, i, rows[i].index("*"))}
        parents = {by_id[parent] for parent in commits[tx]["parents"]}
        assert parents <= lines, (tx, parents, lines, "\n".join(rows))
        assert bool(parents) == bool(lines), (tx, "\n".join(rows))


def test_random_histories(tmp_path):
    seed = int(os.environ.get("ARM_SEED", "1"))
    for plan in range(seed, seed + int(os.environ.get("ARM_GRAPHS", "3"))):
        chance = random.Random(plan)
        repo = Repo(tmp_path / str(plan))
        branches = ["main"]
        script = "CREATE TABLE t (i INTEGER); "
        for step in range(60):
            branch = chance.choice(branches)
            what = chance.random()
            if what < 0.2 and len(branches) < 7:
                branches.append(f"b{step}")
                script += f"CREATE BRANCH b{step} FROM {branch}; "
            elif what < 0.6:
                script += f"USE BRANCH {branch}; INSERT INTO t VALUES ({step}); "
            else:
                script += f"MERGE BRANCH {chance.choice(branches)} INTO {branch}; "
        repo.sql(script)
        for branch in branches:
            check_drawing(repo, branch)
