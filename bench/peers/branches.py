#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Branches, diffs and merges by doltlite: the acts of bench/branches, whose figures stand beside.

usage: branches.py WORK_DIRECTORY [RUNS]
"""

import importlib.util
import os
import statistics
import sys
import time

ROWS = 1_000_000
RUNS = 9


def load():
    """doltlite takes sqlite3's place: it must come first."""
    if importlib.util.find_spec("doltlite") is None:
        return None
    __import__("doltlite")
    return __import__("sqlite3")


def timed(connection, sql):
    start = time.perf_counter()
    connection.execute(sql).fetchall()
    return 1e3 * (time.perf_counter() - start)


def tell(what, times):
    print(f"| {what} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} |")


def main():
    sqlite3 = load()
    if sqlite3 is None:
        print("doltlite is not installed: bench/setup-peers")
        return
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else RUNS
    db = sqlite3.connect(os.path.join(sys.argv[1], "doltlite.db"), isolation_level=None)
    run = lambda sql: db.execute(sql).fetchall()
    commit = lambda: run("SELECT dolt_commit('-Am', 'change')")
    run("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT, d INT, e INT, f REAL, "
        "g TEXT, h INT, i INT)")
    run("BEGIN")
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   ((i, i * 7, i / 3, f"text {i % 1000}", i % 17, i, i / 7, f"g{i % 5000}", i, i)
                    for i in range(ROWS)))
    run("COMMIT")
    commit()
    print(f"| doltlite {run('SELECT dolt_version()')[0][0]} | ms, median | least | most |")
    print("|---|---|---|---|")
    tell("a branch", [timed(db, f"SELECT dolt_branch('branch-{i}')") for i in range(50)])
    for what, where in (("diff, 1,000 neighbouring rows changed", "BETWEEN 300000 AND 300999"),
                        ("diff, one row in a thousand changed", "% 1000 = 7")):
        run("SELECT dolt_branch('before')")
        run(f"UPDATE t SET a = a + 1 WHERE id {where}")
        commit()
        tell(what, [timed(db, "SELECT * FROM dolt_diff_t('before', 'main')")
                    for _ in range(min(runs, 3))])
        run("SELECT dolt_branch('-D', 'before')")
    for branch, what, theirs, ours in (
            ("one", "merge, one row changed on each side", "a = -1 WHERE id = {}",
             "b = -1 WHERE id = {}"),
            ("many", "merge, one row in a hundred changed on each side",
             "c = 'many' WHERE id % 100 = {}", "d = -2 WHERE id % 100 = {}")):
        run(f"SELECT dolt_branch('{branch}')")
        times = []
        for i in range(runs if branch == "one" else min(runs, 3)):
            numbers = (500000 + i, 400000 + i) if branch == "one" else (2 * i, 2 * i + 1)
            run(f"SELECT dolt_checkout('{branch}')")
            run("UPDATE t SET " + theirs.format(numbers[0]))
            commit()
            run("SELECT dolt_checkout('main')")
            run("UPDATE t SET " + ours.format(numbers[1]))
            commit()
            times.append(timed(db, f"SELECT dolt_merge('{branch}')"))
        tell(what, times)


main()
