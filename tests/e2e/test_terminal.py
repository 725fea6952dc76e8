# SPDX-License-Identifier: Apache-2.0
"""What only a terminal sees: widths, elision, colours, the bar, the shell, Ctrl-C."""

import time
import unicodedata

import pytest
from arm import SANITIZED, run
from terminal import ESCAPES, Terminal, show


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else
               0 if unicodedata.combining(c) else 1 for c in line)


def lines_of(repo, sql, columns):
    terminal = show("-C", repo.path, "sql", "-c", sql, columns=columns)
    return terminal.text.splitlines()


def test_tables_are_boxed_and_bold_on_a_terminal(orders):
    terminal = show("-C", orders.path, "tables")
    assert "┌" in terminal.text and "\x1b[1m" in terminal.raw
    plain = show("-C", orders.path, "tables", "--no-color")
    assert "\x1b[" not in plain.raw and plain.text == terminal.text
    assert "\x1b[" not in show("-C", orders.path, "tables", env={"NO_COLOR": "1"}).raw
    assert "┌" not in orders.run("tables").out and "\x1b" not in orders.run("tables").out


def test_long_cells_are_cut_to_the_terminal(repo):
    sql = "SELECT 1 AS id, repeat('long ', 100) AS text, repeat('x', 50) AS other"
    for columns in (60, 80, 120):
        lines = lines_of(repo, sql, columns)
        assert all(width(line) <= columns for line in lines)
        assert max(map(width, lines)) >= columns - 2 and "…" in lines[3]
    assert "long " * 100 in repo.run("sql", "-c", sql).out


def test_middle_columns_are_left_out(repo):
    sql = "SELECT " + ", ".join(f"'value {i} here' AS column_{i}" for i in range(30))
    lines = lines_of(repo, sql, 80)
    assert all(width(line) <= 80 for line in lines)
    assert "column_0" in lines[1] and "column_29" in lines[1] and "…" in lines[1]
    assert "column_15" not in lines[1]


def test_wide_characters_keep_the_lines_straight(repo):
    sql = "SELECT * FROM (VALUES ('日本語', 'é', '🙂🙂'), ('x', 'ab', 'y')) t(a, b, c)"
    lines = [line for line in lines_of(repo, sql, 80) if line[:1] in "┌│├└"]
    assert len({width(line) for line in lines}) == 1
    cut = lines_of(repo, "SELECT repeat('日本', 100) AS a", 40)
    assert all(width(line) <= 40 for line in cut)


def test_middle_rows_are_left_out(repo):
    text = "\n".join(lines_of(repo, "SELECT i FROM range(1000) t(i)", 80))
    assert "│   0 │" in text and "│ 999 │" in text and "⋮" in text and "│ 500 │" not in text
    assert "1,000 rows, 40 shown" in text
    text = "\n".join(lines_of(repo, "SELECT i FROM range(40) t(i)", 80))
    assert "⋮" not in text and "40 rows" in text and "│ 25 │" in text


def test_control_characters_do_not_reach_the_terminal(repo):
    terminal = show("-C", repo.path, "sql", "--no-color", "-c",
                    "SELECT E'\\x1b[31mred\\x07' || chr(8238) || 'gnp' AS a")
    assert "\x1b" not in terminal.raw and "\x07" not in terminal.raw and "‮" not in terminal.raw
    assert "\\x1b[31mred\\x07\\u202egnp" in terminal.text


ODD = "a\x1b[31m\x07\u202e"


def test_names_that_are_echoed_are_shown_safely(tmp_path):
    """In what import, export, init, the shell and its errors say of a name."""
    path = tmp_path / ODD
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    said = [show("init", path, "--no-color"),
            show("-C", path, "import", '"t\u202e"', file, "--no-color"),
            show("-C", path, "export", '"t\u202e"', tmp_path / f"{ODD}.csv", "--no-color")]
    # Where lines are edited, what is typed is echoed as it is.
    shell = Terminal("-C", path, "sql", "--no-color", env={"TERM": "dumb"})
    shell.read_until("armillaria:main> $")
    shell.send(".\x07\u202ehelp\n.quit\n")
    assert shell.end() == 0
    assert "no command .\\x07\\u202ehelp" in shell.text
    for terminal in [*said, shell]:
        assert not {"\x1b", "\x07", "\u202e"} & set(terminal.raw) and "\\u202e" in terminal.raw
    (row,) = run("init", tmp_path / f"{ODD}2", "--json").json
    assert row["path"].endswith(f"{ODD}2")


def test_parquet_does_not_go_to_a_terminal(orders):
    terminal = Terminal("-C", orders.path, "sql", "-c", "SELECT 1", "--format", "parquet")
    assert terminal.end() == 2 and "-o FILE" in terminal.text


@pytest.mark.parametrize("args", [["-o", "x.csv"], ["-o", "x.parquet"], ["--format", "arrow"],
                                  ["--format", "csv", "-o", "x"]])
def test_the_shell_does_not_write_files(orders, args):
    terminal = Terminal("-C", orders.path, "sql", *args)
    assert terminal.end() == 2 and "-c or -f" in terminal.text


LONG = "SELECT count(*) FROM range(100000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3"


@pytest.mark.skipif(SANITIZED, reason="too slow under a sanitizer")
def test_a_bar_is_drawn_and_ctrl_c_ends_clean(orders):
    before = orders.state()
    terminal = Terminal("-C", orders.path, "sql", "-c", f"CREATE TABLE big AS {LONG}")
    terminal.read_until("running")
    terminal.signal()
    assert terminal.end() == 130
    assert "interrupted" in terminal.text
    assert orders.state() == before
    quiet = Terminal("-C", orders.path, "-q", "sql", "-c", LONG)
    with pytest.raises(AssertionError):
        quiet.read_until("running", seconds=2)
    quiet.signal()
    assert quiet.end() == 130


@pytest.mark.skipif(SANITIZED, reason="too slow under a sanitizer")
@pytest.mark.parametrize("columns", [15, 20, 33, 100])
def test_the_bar_keeps_to_the_terminal(repo, columns):
    sql = "SELECT count(*) FROM range(20000000000) t(i) WHERE i % 7 = 3"
    terminal = Terminal("-C", repo.path, "sql", "-c", sql, columns=columns)
    if columns < 20:
        with pytest.raises(AssertionError):
            terminal.read_until("running", seconds=2)
    else:
        terminal.read_until("running.*running.*running")
        drawn = [part for part in ESCAPES.split(terminal.raw) if part]
        assert all(len(part) < columns for part in drawn)
    terminal.signal()
    assert terminal.end() == 130


def test_shell(orders):
    terminal = Terminal("-C", orders.path, "sql")
    terminal.read_until("armillaria:main> $")
    terminal.send(".help\n")
    terminal.read_until(r"\.quit.*\n(.*\n)*armillaria:main> $")
    terminal.send(".tables\n")
    terminal.read_until("orders")
    terminal.send("SELECT count(*) AS n\n")
    terminal.read_until(r"\.\.\.> $")
    terminal.send("FROM orders WHERE customer <> ';';\n")
    terminal.read_until(r"│ +4 │")
    terminal.send("SELECT nosuch;\n")
    terminal.read_until("nosuch(.*\n)*armillaria:main> $")
    terminal.send("INSERT INTO orders VALUES (5, 'eve', 1.0); SELECT max(id) AS m\n")
    terminal.read_until("1 row affected(.*\n)* +\\.\\.\\.> $")
    terminal.send("FROM orders;\n")
    terminal.read_until(r"│ +5 │")
    terminal.send(".nosuch\n")
    terminal.read_until(r"no command \.nosuch \(\.help lists them\)")
    terminal.send(".tabels\n")
    terminal.read_until(r"no command \.tabels; did you mean \.tables\? \(\.help lists them\)")
    terminal.send(".quit\n")
    assert terminal.end() == 0
    assert orders.tables()["orders"]["rows"] == 5


def test_shell_prints_an_array_for_each_line(orders):
    terminal = Terminal("-C", orders.path, "sql", "-q", "--json")
    for typed, answer in [("SELECT 1 AS a; SELECT 2 AS a;", r'\[{"a":1},\n {"a":2}\]\n'),
                          ("DELETE FROM orders WHERE id = 1;", r'\[{"Count":1}\]\n'),
                          ("SELECT 3 AS a; SELECT nosuch;", r'\[{"a":3}\n(.*\n)*.*nosuch(.*\n)*'),
                          ("SELECT 4 AS a;", r'\[{"a":4}\]\n')]:
        terminal.send(typed + "\n")
        terminal.read_until(answer + "armillaria:main> $")
    terminal.send(".quit\n")
    assert terminal.end() == 0


def test_shell_tells_of_a_transaction_left_open(orders):
    before = orders.state()
    terminal = Terminal("-C", orders.path, "sql")
    terminal.send("BEGIN; DELETE FROM orders;\n")
    terminal.read_until(r"4 rows affected\narmillaria:main\*> $")
    terminal.send("\x04")
    assert terminal.end() == 0 and "*> \nwarning: BEGIN without COMMIT" in terminal.text
    assert orders.state() == before


def test_shell_ctrl_c_drops_the_line_or_stops_the_statement(orders):
    terminal = Terminal("-C", orders.path, "sql", "-q")
    terminal.read_until("armillaria:main> $")
    terminal.send("SELECT nonsense\n")
    terminal.read_until(r"\.\.\.> $")
    terminal.signal()
    terminal.read_until(r"\.\.\.> \^C\narmillaria:main> $")
    terminal.send(LONG + ";\n")
    time.sleep(1)
    terminal.signal()
    terminal.read_until("interrupted(.*\n)*armillaria:main> $")
    terminal.send("SELECT 6*7 AS n;\n")
    terminal.read_until(r"42(.*\n)*armillaria:main> $")
    terminal.send("\x04")
    assert terminal.end() == 0
