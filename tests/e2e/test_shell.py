# SPDX-License-Identifier: Apache-2.0
"""The interactive shell on a terminal that edits: history, completion, several lines, commands."""

import os
import re
import signal
import stat
import time

import pytest
from arm import SANITIZED, SOURCE, run
from terminal import Terminal

PROMPT = r"armillaria:main> $"
MORE = r"\.\.\.> $"
UP, DOWN, RIGHT, ALT_ENTER = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b\r"
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_R = "\x01", "\x03", "\x04", "\x05", "\x12"
LONG = "SELECT count(*) FROM range(100000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3"


class Shell(Terminal):
    def __init__(self, repo, *args, history="off", **options):
        env = {"ARMILLARIA_HISTORY": str(history), **options.pop("env", {})}
        super().__init__("-C", repo.path, "sql", "-q", "--no-color", *args, env=env, **options)
        self.read_until(PROMPT)

    def ask(self, text, pattern=PROMPT):
        """Type a line; what is printed until the next prompt."""
        return self.type(text + "\r", r"\n(.*\n)*.*" + pattern)

    def leave(self, status=0):
        self.send(CTRL_D)
        assert self.end() == status, self.text


@pytest.fixture
def shell(orders):
    shell = Shell(orders)
    yield shell
    if shell.process.poll() is None:
        shell.process.kill()
        shell.process.wait()


# ---- History ----


def test_history_comes_back_in_the_next_shell(orders, tmp_path):
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = Shell(orders, history="", env=state)
    first.ask("SELECT 40 + 2 AS n;")
    first.ask(".tables")
    first.leave()
    file = tmp_path / "state/armillaria/history"
    assert file.read_text() == "SELECT 40 + 2 AS n;\n.tables\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    second = Shell(orders, history="", env=state)
    assert "orders" in second.type(UP + "\r", r"\.tables(.*\n)+" + PROMPT)
    assert "42" in second.type(UP + UP + "\r", r"SELECT 40(.*\n)+" + PROMPT)
    second.leave()
    home = {"XDG_STATE_HOME": "not/absolute", "HOME": str(tmp_path / "home")}
    third = Shell(orders, history="", env=home)
    third.ask("SELECT 3;")
    third.leave()
    assert (tmp_path / "home/.local/state/armillaria/history").read_text() == "SELECT 3;\n"


def test_history_of_shells_at_once(orders, tmp_path):
    """Neither loses what the other has added."""
    file = tmp_path / "history"
    shells = [Shell(orders, history=file) for _ in range(3)]
    for turn in range(2):
        for number, shell in enumerate(shells):
            shell.ask(f"SELECT {number}{turn};")
    for shell in shells:
        shell.leave()
    assert file.read_text().splitlines() == ["SELECT 00;", "SELECT 10;", "SELECT 20;",
                                             "SELECT 01;", "SELECT 11;", "SELECT 21;"]


def test_history_keeps_a_statement_whole(orders, tmp_path):
    file = tmp_path / "history"
    shell = Shell(orders, history=file)
    shell.ask("SELECT 5 AS a,", MORE)
    shell.ask("  '\\\\' AS b;")
    shell.leave()
    assert file.read_text() == "SELECT 5 AS a,\\n  '\\\\\\\\' AS b;\n"
    again = Shell(orders, history=file)
    text = again.type(UP + "\r", r"│(.*\n)+" + PROMPT)
    assert "SELECT 5 AS a,\n  '\\\\' AS b;" in text and "│ 5 │" in text
    again.leave()
    assert file.read_text().count("\n") == 1  # the same twice in a row is kept once


def test_history_opt_out(orders, tmp_path):
    home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": ""}
    shell = Shell(orders, history="off", env=home)
    shell.ask("SELECT 'secret';")
    assert "secret" in shell.type(UP, "SELECT 'secret';$")  # within the shell it is there
    shell.type(CTRL_C, PROMPT)
    shell.leave()
    assert not (tmp_path / "home").exists()
    file = tmp_path / "history"
    shell = Shell(orders, history=file)
    shell.ask(" SELECT 'secret';")
    shell.ask("SELECT 'known';")
    shell.leave()
    assert file.read_text() == "SELECT 'known';\n"


def test_history_keeps_to_a_size(orders, tmp_path):
    file = tmp_path / "history"
    file.write_text("".join(f"SELECT {i};\n" for i in range(100000)))
    file.chmod(0o644)
    assert file.stat().st_size > 1 << 20
    shell = Shell(orders, history=file)
    shell.ask("SELECT 'newest';")
    shell.leave()
    lines = file.read_text().splitlines()
    assert file.stat().st_size <= 1 << 19 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert lines[-2:] == ["SELECT 99999;", "SELECT 'newest';"]
    assert re.fullmatch(r"SELECT \d+;", lines[0])


@pytest.mark.parametrize("kind", ["noise", "directory", "device", "no folder"])
def test_history_that_cannot_be_is_no_error(orders, tmp_path, kind):
    file = tmp_path / "history"
    if kind == "noise":
        file.write_bytes(bytes(range(256)) * 40 + b"\nSELECT 1;\n")
    elif kind == "directory":
        file.mkdir()
    elif kind == "device":
        file = "/dev/null"
    else:
        file = "/proc/nothing/history"
    shell = Shell(orders, history=file)
    assert "4 │" in shell.ask("SELECT count(*) FROM orders;")
    shell.leave()
    assert "error" not in shell.text and "warning" not in shell.text


def test_the_history_is_searched(shell):
    shell.ask("SELECT 11;")
    shell.ask("SELECT 22;")
    assert "│ 11 │" in shell.type(CTRL_R + "11" + "\r", r"│ 11 │(.*\n)+" + PROMPT)


def test_down_keeps_what_was_typed(shell):
    shell.ask("SELECT 11;")
    assert "│ 7 │" in shell.type("SELECT 7" + DOWN + ";\r", r"(│.*\n)+(.*\n)*" + PROMPT)
    assert "│ 8 │" in shell.type("SELECT 8" + UP + DOWN + ";\r", r"│ \d+ +│\n(.*\n)*" + PROMPT)


# ---- Completion ----


@pytest.mark.parametrize("typed, answer", [
    ("SELECT count(*) FROM ord\t;", r"│ +4 │"),
    ("FROM orders SELECT max(amo\t);", r"max\(amount\)"),
    ("FROM orders o SELECT o.cu\t LIMIT 1;", r"│ ada +│"),
    ("SELECT max(amo\t) FROM orders;", r"max\(amount\)"),
    ("sel\t1 AS a;", r"│ a │"),
    ("SELECT 5 AS b FROM orders wher\tid = 1;", r"│ 5 │"),
    ("SEL\t1 AS a;", r"│ a │"),
    ("DESC\tor\t;", r"VARCHAR"),
    ("SELECT count(*) FROM arm_tab\t);", r"│ +1 │"),
    ("SELECT 1 AS b; SELECT count(*) FROM \"ord\t;", r"│ +4 │"),
    (".sch\tord\t", r"customer"),
    (".mode jsonl\r.mode c\t\r.mode", r"\ncsv\n"),
    (".help .ver\t", r"newest first"),
])
def test_tab_completes(shell, typed, answer):
    assert re.search(answer, shell.type(typed + "\r", answer + r"(.*\n)*" + PROMPT))


def test_tab_completes_what_the_transaction_made(shell):
    shell.ask("BEGIN;", r"armillaria:main\*> $")
    shell.ask("CREATE TABLE fresh_one(brandnew INTEGER);", r"\*> $")
    shell.type("SELECT brandn\t FROM fre\t;\r", r"│ brandnew │(.*\n)*.*\*> $")
    shell.ask("ROLLBACK;")
    shell.type("SELECT * FROM fre\t", r"fre\x07$")
    shell.type(CTRL_C, PROMPT)


def test_tab_lists_what_is_possible(orders):
    orders.sql("CREATE TABLE order_lines(order_id INTEGER, line INTEGER)")
    shell = Shell(orders)
    text = shell.type("SELECT * FROM ord\t\t", r"order_lines.*orders.*\n(.*\n)*.*FROM order$")
    assert re.search(r"order_lines +orders *\n", text)
    shell.type("s\t;\r", r"4 rows")
    shell.type("SELECT id, \tFROM orders;\r",
               r"amount +customer +id +line +order_id(.*\n)*" + PROMPT)
    shell.leave()


def test_tab_quotes_names_that_need_it(orders):
    orders.sql('CREATE TABLE "odd table" ("select" INTEGER, "a""b" INTEGER, größe INTEGER)')
    orders.sql('CREATE TABLE "evil\u202e" (i INTEGER)')
    shell = Shell(orders)
    assert "0 rows" in shell.type('FROM odd\tSELECT sele\t\x17"select";\r', r"0 rows")
    assert "0 rows" in shell.type('FROM odd\tSELECT "a\t, grö\t;\r', r"0 rows")
    shell.type("FROM ev\t\t", r"FROM ev\x07\x07$")
    assert "vil" not in shell.type(CTRL_C, PROMPT)
    shell.leave()


def test_tab_completes_files(orders, tmp_path):
    (tmp_path / "some_folder").mkdir()
    (tmp_path / "some_folder/rows.csv").write_text("a\n77\n")
    (tmp_path / "some_folder/go.sql").write_text("SELECT 88;\n")
    shell = Shell(orders)
    assert "│ 77 │" in shell.type(f"FROM '{tmp_path}/some_f\tro\t';\r", r"│ 77 │(.*\n)*" + PROMPT)
    shell.type(f"FROM read_csv('{tmp_path}/some_f\tro\t');\r", r"│ 77 │(.*\n)*" + PROMPT)
    shell.type(f".read {tmp_path}/some_f\tgo\t\r", r"│ 88 │(.*\n)*" + PROMPT)
    # But not in a string that is no file's name.
    shell.type(f"SELECT '{tmp_path}/some_f\t' AS b;\r", r"│ b(.*\n)*" + PROMPT)
    assert "some_folder" not in shell.text
    shell.leave()


def test_words_are_those_of_the_engine(repo):
    """The lists of cli/complete_words.c hold what they say."""
    source = (SOURCE / "cli/complete_words.c").read_text()
    lists = {name: re.findall(r'"(\w+)"', body)
             for name, body in re.findall(r"cli_words_(\w+)\[\] = \{(.*?)\};", source, re.S)}
    keywords = {row["w"].upper(): row["c"] for row in
                repo.sql("SELECT keyword_name AS w, keyword_category AS c FROM duckdb_keywords()")}
    assert lists["reserved"] == sorted(w for w, c in keywords.items() if c == "reserved")
    known = {"BRANCH", "TAG"}  # of our own statements
    names = {row["f"] for row in
             repo.sql("SELECT DISTINCT function_name AS f FROM duckdb_functions()")}
    types = {row["t"].upper() for row in
             repo.sql("SELECT DISTINCT type_name AS t FROM duckdb_types()")}
    assert lists["other"] == sorted(set(lists["other"]))
    assert set(lists["other"]) <= set(keywords) | known | types
    assert not set(lists["other"]) & set(lists["reserved"])
    assert set(lists["first"]) <= set(lists["reserved"]) | set(lists["other"])
    assert set(lists["functions"]) <= names
    ours = {name for name in names if re.fullmatch(r"arm_[a-z]+s|arm_log|arm_diff", name)}
    assert ours <= set(lists["functions"])


# ---- Several lines ----


def test_a_statement_of_several_lines(shell):
    shell.ask("SELECT count(*) AS n -- not yet;", MORE)
    shell.ask("FROM orders WHERE customer <> ';' AND", MORE)
    shell.ask("customer <> $tag$;$tag$ /* ; */", MORE)
    assert "│ 4 │" in shell.ask(";")


def test_up_takes_the_lines_back(shell):
    shell.ask("SELECT 1 AS a,", MORE)
    shell.ask("       2 AS b", MORE)
    shell.type(UP, r"SELECT 1 AS a,\n       2 AS b\n?$")
    # Up once more to the first line, to its end, and change it; then the last line.
    text = shell.type(UP + CTRL_A + CTRL_E + " 3 AS c," + DOWN + DOWN + ";\r",
                      r"│ a(.*\n)+" + PROMPT)
    assert re.search(r"│ 1 │ 3 │ 2 │", text)


def test_alt_enter_makes_a_line(shell):
    text = shell.type("SELECT 1 AS a;" + "\x1b[D" + ALT_ENTER + ", 2 AS b\r", r"│(.*\n)+" + PROMPT)
    assert "│ 1 │ 2 │" in text
    assert "SELECT 1 AS a\n, 2 AS b;" in shell.type(UP, r"AS b;$")


def test_an_end_without_a_semicolon_is_told(shell):
    shell.ask("SELECT 1", MORE)
    shell.leave()
    assert "has no end (;): it was not run" in shell.text


# ---- Signals ----


def test_ctrl_c_drops_what_was_typed(shell):
    shell.ask("SELECT nonsense", MORE)
    shell.type("more nonsense" + CTRL_C, r"\^C\n" + PROMPT)
    for _ in range(5):  # and nobody is impatient about it
        shell.send("x")
        shell.signal()
        shell.signal()
    time.sleep(0.3)
    shell.send("\x15")
    assert "│ 42 │" in shell.ask("SELECT 42;", r"│ 42 │(.*\n)+" + PROMPT)
    shell.leave()


@pytest.mark.skipif(SANITIZED, reason="too slow under a sanitizer")
def test_ctrl_c_stops_the_statement(shell):
    shell.send(LONG + ";\r")
    time.sleep(1)
    assert "interrupted" in shell.type(CTRL_C, r"interrupted(.*\n)*" + PROMPT)
    assert "│ 42 │" in shell.ask("SELECT 42;")
    shell.leave()


def test_what_is_typed_ahead_is_taken(orders):
    shell = Shell(orders)
    shell.send("SELECT count(*) FROM range(100000000) t(i) WHERE i % 7 = 3;\rSELECT 40 +\r2;\r")
    shell.read_until(r"│ +42 │(.*\n)*" + PROMPT)
    shell.send("SELECT count(*) AS n FROM range(300000000) t(i) WHERE i % 7 = 3;\r")
    time.sleep(0.3)  # the terminal is not in the editor's hands now, and takes Ctrl-D itself
    shell.send(CTRL_D)
    assert shell.end() == 0 and "42857143" in shell.text


def test_sigterm_ends_the_shell(orders):
    before = orders.state()
    shell = Shell(orders)
    shell.ask("BEGIN;", r"\*> $")
    shell.ask("DELETE FROM orders;", r"\*> $")
    shell.signal(signal.SIGTERM)
    assert shell.end() == 128 + signal.SIGTERM
    assert "rolled back" in shell.text and orders.state() == before


def test_no_signal_is_lost(orders):
    """SIGTERM right behind SIGINT: at the prompt a second signal is no impatience."""
    shell = Shell(orders)
    shell.ask("BEGIN; DELETE FROM orders;", r"\*> $")
    for number in [signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT]:
        shell.signal(number)
    assert shell.end() == 128 + signal.SIGTERM
    assert "rolled back" in shell.text


# ---- Transactions ----


def test_the_prompt_shows_an_open_transaction(orders):
    before = orders.state()
    shell = Shell(orders)
    shell.ask("BEGIN;", r"armillaria:main\*> $")
    assert "a transaction is open" in shell.ask(".branch", r"\*> $")
    shell.ask("DELETE FROM orders;", r"\*> $")
    shell.ask("SELECT nosuch;", r"\*> $")
    shell.ask("ROLLBACK;")
    assert shell.ask(".branch").splitlines()[-2] == "main"
    shell.ask("BEGIN; DELETE FROM orders;", r"\*> $")
    shell.leave()
    assert "BEGIN without COMMIT: the transaction was rolled back" in shell.text
    assert orders.state() == before


def test_the_prompt_follows_the_branch(orders):
    orders.sql("CREATE BRANCH feature/x; CREATE BRANCH other; CREATE TAG v1")
    shell = Shell(orders)
    shell.ask("USE BRANCH feature/x;", r"armillaria:feature/x> $")
    shell.ask("INSERT INTO orders VALUES (9, 'eve', 1);", r"armillaria:feature/x> $")
    shell.ask("ALTER BRANCH feature/x RENAME TO y;", r"armillaria:y> $")
    orders.sql("ALTER BRANCH y RENAME TO z")
    shell.ask("SELECT 1;", r"armillaria:z> $")
    assert shell.ask(".branch", r"armillaria:z> $").splitlines()[-2] == "z"
    orders.sql("DROP BRANCH z")
    assert "was dropped" in shell.ask("SELECT 1;", r"armillaria:z> $")
    shell.ask("USE BRANCH main;")
    assert " 4 │" in shell.ask("SELECT count(*) FROM orders;")
    shell.leave()
    assert (orders.path / "HEAD").read_text() == "main\n"  # a session's branch is its own


def test_tab_completes_branches_and_tags(orders):
    orders.sql("CREATE BRANCH feature/x; CREATE BRANCH other; CREATE TAG ovid")
    shell = Shell(orders)
    shell.type("USE BRANCH oth\t;\r", r"armillaria:other> $")
    shell.type("use branch fea\t;\r", r"armillaria:feature/x> $")
    shell.type("CREATE BRANCH new FROM ov\t;\r", r"feature/x> $")
    shell.type("MERGE BRANCH feature/x INTO oth\t", r"INTO other $")
    shell.type(CTRL_C, r"feature/x> $")
    shell.type("DROP TAG ov\t;\r", r"feature/x> $")
    shell.type("USE BRANCH main;\r", PROMPT)
    shell.leave()
    assert orders.run("tag", "--json").json == []
    assert {b["name"] for b in orders.run("branch", "--json").json} == {
        "feature/x", "main", "new", "other"}


def test_the_prompt_shows_that_it_reads_the_past(orders):
    shell = Terminal("-C", orders.path, "sql", "--at", "main~1", "-q", "--no-color")
    shell.read_until(r"armillaria:main@> $")
    assert "3 │" in shell.type("SELECT max(id) FROM orders;\r", r"@> $")
    assert re.search(r"orders │ +1 │ +3 ", shell.type(".tables\r", r"┘\n.*@> $"))
    assert "as of main~1" in shell.type(".branch\r", r"as of.*\n.*@> $")
    shell.send(CTRL_D)
    assert shell.end() == 0


# ---- Dot commands ----


def test_help_lists_all_commands(shell):
    text = shell.ask(".help")
    source = (SOURCE / "cli/dot.c").read_text()
    names = re.findall(r'^    \{"(\.\w+)", "', source, re.M)
    assert len(names) >= 13 and all(f"  {name} " in text for name in names)
    for key in ["Tab", "Ctrl-R", "Ctrl-C", "Ctrl-D", "Alt-Enter", "Up, Down"]:
        assert key in text
    assert shell.ask("help").count("\n") == text.count("\n")
    one = shell.ask(".help .mode")
    assert "  .mode [MODE]" in one and ".tables" not in one
    assert "did you mean .mode?" in shell.ask(".help mdoe")


@pytest.mark.parametrize("mode, answer", [
    ("table", "│ 1 │ x │"), ("csv", "a,b\n1,x\n"), ("json", '[{"a":1,"b":"x"}]'),
    ("jsonl", '{"a":1,"b":"x"}'), ("markdown", "| 1 | x |")])
def test_mode(shell, mode, answer):
    shell.ask(f".mode {mode}")
    assert answer in shell.ask("SELECT 1 AS a, 'x' AS b;")
    assert f"\n{mode}\n" in shell.ask(".mode")
    assert "did you mean" not in shell.ask(f".mode {mode};")


def test_output(shell, tmp_path):
    csv, text = tmp_path / "out.csv", tmp_path / "out.log"
    shell.ask(f".output {csv}")
    assert "│" not in shell.ask("SELECT 1 AS a;")
    shell.ask("SELECT 2 AS a;")
    assert "orders" in shell.ask(".tables")
    assert not csv.exists()  # whole or not at all
    shell.ask(f".output '{text}'")
    assert csv.read_text() == "a\n1\na\n2\n"
    shell.ask("SELECT 3 AS a;")
    shell.ask(".mode jsonl")
    shell.ask("SELECT 4 AS a;")
    shell.ask(".output")
    assert "│ 3 │" in text.read_text() and text.read_text().endswith('{"a":4}\n')
    assert "│ 5 │" in shell.ask("SELECT 5;")
    shell.ask(f".output {csv}")
    shell.ask("SELECT 6 AS a;")
    shell.leave()
    assert csv.read_text() == "a\n6\n"
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out.csv", "out.log"]


def test_read(shell, tmp_path):
    script = tmp_path / "a script.sql"
    script.write_text("-- a comment; with a semicolon\nSELECT 1 AS one;\n.mode jsonl\n\n"
                      "SELECT\n 2 AS two; SELECT 3 AS three;\n.mode table\nSELECT 4 AS four")
    text = shell.ask(f".read {script}")
    assert all(part in text for part in ["│ 1 │\n", '{"two":2}\n', '{"three":3}\n', "│ 4 │\n"]) or (
        "│   1 │" in text and '{"two":2}\n{"three":3}\n' in text and "│    4 │" in text)
    script.write_text("SELECT 1;\n\nSELECT 2; SELECT\n  nosuch;\nCREATE TABLE never(i INTEGER);\n")
    text = shell.ask(f".read '{script}'")
    assert re.search(r"a script\.sql, line 3: .*nosuch", text)
    assert "never" not in shell.ask(".tables")
    script.write_text(f".read {script}\n")
    assert "16 files deep" in shell.ask(f".read {script}")
    script.write_bytes(b"SELECT 1;\nSELECT '\xff';\n")
    assert "line 2 is not UTF-8" in shell.ask(f".read {script}")
    assert "No such file" in shell.ask(".read /nowhere/x.sql")
    script.write_text(".quit\nSELECT 1;\n")
    shell.send(f".read {script}\r")
    assert shell.end() == 0


def test_what_there_is(shell):
    assert re.search(r"orders +│ +2 │ +4 │", shell.ask(".tables"))
    assert re.search(r"customer +│ VARCHAR", shell.ask(".schema orders"))
    assert "first load" in shell.ask('.versions "orders"')
    text = shell.ask(".log 1")
    assert "one more" in text and "first load" not in text
    assert "first load" in shell.ask(".log")


def test_timer_and_maxrows(shell):
    shell.ask(".timer on")
    assert re.search(r"took \d+\.\d{3} s\n", shell.ask("SELECT 1;"))
    assert "\non\n" in shell.ask(".timer")
    shell.ask(".timer off")
    assert "took" not in shell.ask("SELECT 1;")
    assert "1,000 rows, 40 shown" in shell.ask("FROM range(1000);")
    shell.ask(".maxrows 5")
    text = shell.ask("FROM range(1000);")
    assert "│     2 │" in text and "│   998 │" in text and "5 shown" in text and "3 │" not in text
    shell.ask(".maxrows all")
    assert "│    50 │" in shell.ask("FROM range(100);")
    assert "\nall\n" in shell.ask(".maxrows")


@pytest.mark.parametrize("typed, says", [
    (".nosuch", "no command .nosuch (.help lists them)"),
    (".tabels", "did you mean .tables?"),
    (".", "no command ."),
    (".schema", ".schema needs a table: .schema TABLE"),
    (".schema nosuch", ".tables lists them"),
    (".versions nosuch", ".tables lists them"),
    (".tables x", ".tables takes nothing behind it: 'x'"),
    (".mode nosuch", "'nosuch' is not a mode: table, csv, json, jsonl or markdown"),
    (".mode parquet", "COPY (SELECT ...) TO"),
    (".output x.parquet", "COPY (SELECT ...) TO"),
    (".output /nowhere/x.csv", "cannot write /nowhere/x.csv: No such file"),
    (".read", ".read needs a file: .read FILE"),
    (".timer maybe", "'maybe' is neither on nor off"),
    (".maxrows some", "'some' is not a number of rows"),
    (".log none", "'none' is not a number of commits"),
    ("SELECT nosuch;", "nosuch"),
    ("SELEC 1;", "syntax error"),
    ("MERGE BRANCH b;", "no branch or tag"),
])
def test_an_error_says_what_to_do_and_the_shell_goes_on(shell, typed, says):
    text = shell.ask(typed)
    assert "error:" in text and says in text
    assert "│ 42 │" in shell.ask("SELECT 42;")


def test_leaving(orders):
    for word in [".quit", ".exit", "quit", "exit", ".quit;"]:
        shell = Shell(orders)
        shell.send(word + "\r")
        assert shell.end() == 0


# ---- Terminals ----


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "nosuch-terminal"}, {"TERM": ""}])
def test_a_terminal_that_cannot_edit(orders, env):
    shell = Shell(orders, env=env)
    shell.type("SELECT 'ü日本'\n", MORE)
    assert "│ ü日本" in shell.type("AS a;\n", r"┘(.*\n)*" + PROMPT)
    assert "Tab" not in shell.type(".help\n", r"leave\n" + PROMPT)
    assert "\x1b" not in shell.raw
    shell.leave()


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "nosuch_XX"])
def test_wide_characters_are_edited(orders, locale):
    shell = Shell(orders, env={"LC_ALL": locale})
    text = shell.type("SELECT '日本 é🙂x\x7f' AS ü;\r", r"┘(.*\n)*" + PROMPT)
    assert "SELECT '日本 é🙂" in text and "│ 日本 é🙂 │" in text
    shell.leave()


def test_colours_only_where_they_are_wanted(orders):
    colored = Terminal("-C", orders.path, "sql", "-q")
    colored.read_until(PROMPT)
    colored.send(CTRL_D)
    assert colored.end() == 0
    assert "\x1b[1marmillaria:main>\x1b[0m " in colored.raw
    shell = Shell(orders)
    shell.ask("SELECT NULL;")
    shell.leave()
    assert not re.search(r"\x1b\[[\d;]*m", shell.raw)


def test_answers_redirected_leave_the_prompt_on_the_terminal(orders, tmp_path):
    out = tmp_path / "out"
    fd = os.open(out, os.O_WRONLY | os.O_CREAT)
    shell = Terminal("-C", orders.path, "sql", "--no-color", stdout=fd)
    os.close(fd)
    shell.read_until(PROMPT)
    shell.type("SELECT 42 AS n;\r", r"\n" + PROMPT)
    shell.send(CTRL_D)
    assert shell.end() == 0
    assert "│ 42 │" in out.read_text() and "armillaria" not in out.read_text()


def test_input_that_is_no_terminal_gets_no_shell(orders):
    result = orders.run("sql", stdin="SELECT 42 AS n;\n")
    assert "│ 42 │" in result.out and "armillaria:" not in result.out + result.err
    assert run("-C", orders.path, "sql", stdin="").out == ""
