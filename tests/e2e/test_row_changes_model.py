# SPDX-License-Identifier: Apache-2.0
"""Random histories, and what the changelog tells of their rows: done one after the other to what a
table was at any tx, it gives what the table is at any later one (W1 of feed/row_changes.h).

Statements of every kind, on branches, merged, reverted and restored, with upkeep and gc between
them; tables with a key and without, dropped and made anew, renamed, with columns that come and go.

ARM_CHANGES_STEPS: how many steps (250), ARM_CHANGES_SEED: which.
"""

import os
import random
from collections import Counter

import pytest
from library import ArmError, Session

STEPS = int(os.environ.get("ARM_CHANGES_STEPS", "250"))
SEED = int(os.environ.get("ARM_CHANGES_SEED", "1"))
BRANCHES = ["main", "b", "c"]
COLUMNS = "id, v, w"


class History:
    """A repository, and what each branch's table was at each tx."""

    def __init__(self, path, seed, has_key):
        self.session = Session(path)
        self.random = random.Random(seed)
        self.key = " PRIMARY KEY" if has_key else ""
        self.told = []
        self.columns = iter(range(10**6))
        self.states = {branch: {} for branch in BRANCHES}
        self.make_table()
        for branch in BRANCHES[1:]:
            self.sql(f"CREATE BRANCH {branch}")
        self.branch = "main"
        for branch in BRANCHES:
            self.note(branch)

    def sql(self, text):
        self.told.append(text)
        return self.session.rows(text)

    def try_sql(self, text):
        try:
            self.sql(text)
            return True
        except ArmError as error:
            self.told[-1] += f" -- {str(error)[:60]}"
            return False

    def make_table(self):
        self.sql(f"CREATE OR REPLACE TABLE t(id INTEGER{self.key}, v VARCHAR, w INTEGER)")

    def latest(self):
        return int(self.session.rows("SELECT max(tx_id) FROM arm_changes(0, branch => '*')")[0][0])

    def rows(self):
        """Multiset of what stands in the columns that are always there; None: there is no table."""
        try:
            return Counter(self.session.rows(f"SELECT {COLUMNS} FROM t"))
        except ArmError:
            return None

    def note(self, branch):
        self.states[branch][self.latest()] = self.rows()

    # ---- Steps ----

    def ids(self, most):
        return [self.random.randrange(40) for _ in range(self.random.randint(1, most))]

    def insert(self):
        many = self.random.random() < 0.1
        if many:
            start = self.random.randrange(100, 10**6) * 20000
            self.try_sql(f"INSERT INTO t(id, v) SELECT {start} + range, 'm' FROM range(12000)")
        else:
            self.try_sql("INSERT INTO t(id, v) VALUES " + ", ".join(
                f"({i}, 'i{self.random.randrange(9)}')" for i in self.ids(4)))

    def update(self):
        where = self.random.choice([f"id = {self.random.randrange(40)}", "id % 7 = 3", "id > 100",
                                    "true"])
        self.try_sql(f"UPDATE t SET v = v || '{self.random.randrange(9)}' WHERE {where}")

    def delete(self):
        where = self.random.choice([f"id = {self.random.randrange(40)}", "id % 5 = 2", "id > 5000",
                                    "false"])
        self.try_sql(f"DELETE FROM t WHERE {where}")

    def several(self):
        self.sql("BEGIN")
        good = all(self.try_sql(text) for text in (
            f"INSERT INTO t(id, v) VALUES ({self.random.randrange(10**6) + 10**8}, 'one')",
            "UPDATE t SET v = 'two' WHERE v = 'one'", "DELETE FROM t WHERE id % 11 = 1"))
        self.sql("COMMIT" if good else "ROLLBACK")

    def alter(self):
        spare = [row[0] for row in self.session.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 't' AND "
            "column_name LIKE 'x%'")]
        number = next(self.columns)
        self.try_sql(self.random.choice(
            [f"ALTER TABLE t ADD COLUMN x{number} INTEGER",
             f"ALTER TABLE t ADD COLUMN x{number} INTEGER DEFAULT {number}"] +
            [f"ALTER TABLE t DROP COLUMN {c}" for c in spare[:1]] +
            [f"ALTER TABLE t RENAME COLUMN {c} TO x{number}r" for c in spare[:1]]))

    def replace(self):
        what = self.random.random()
        if what < 0.3:
            self.make_table()
        elif what < 0.5:
            self.try_sql("DROP TABLE t")
        elif what < 0.7:
            self.try_sql("TRUNCATE t")
        else:
            self.try_sql(f"ALTER TABLE t RENAME TO r{next(self.columns)}")
            self.try_sql(f"CREATE TABLE t(v VARCHAR, id INTEGER{self.key}, w INTEGER)")

    def merge(self):
        others = [b for b in BRANCHES if b != self.branch]
        self.sql("SET arm_merge_few_rows = " + self.random.choice(["0", "256"]))
        self.try_sql(f"MERGE BRANCH {self.random.choice(others)}")

    def upkeep(self):
        try:
            self.session.compact("t")
        except ArmError:
            pass

    def step(self):
        branch = self.random.choice(BRANCHES)
        if branch != self.branch:
            self.sql(f"USE BRANCH {branch}")
            self.branch = branch
        if self.rows() is None:
            self.make_table()
        else:
            self.random.choices(
                [self.insert, self.update, self.delete, self.several, self.alter, self.replace,
                 self.merge, self.upkeep], [8, 6, 4, 3, 2, 0.7, 3, 2])[0]()
        self.note(branch)

    # ---- What is told ----

    def check(self, branch):
        states = self.states[branch]
        until = max(states)
        since = self.random.choice(sorted(states))
        if states[until] is None:
            return
        rows = Counter(states[since] or ())
        last_tx = 0
        for *row, change, tx in self.session.rows(
                f"SELECT {COLUMNS}, _change, _tx FROM arm_row_changes('t', {since}, "
                f"until => {until}, branch => '{branch}')"):
            assert since < int(tx) <= until and int(tx) >= last_tx
            last_tx = int(tx)
            rows[tuple(row)] += 1 if change in ("insert", "update_after") else -1
        assert +rows == states[until] and min(rows.values(), default=0) >= 0, (
            branch, since, until, rows - states[until], states[until] - rows)


@pytest.mark.parametrize("has_key", [True, False], ids=["key", "no-key"])
def test_told_changes_lead_from_each_state_to_each_later_one(tmp_path, has_key):
    history = History(tmp_path / "r", SEED, has_key)
    try:
        for step in range(STEPS):
            history.step()
            if step % 3 == 0:
                history.check(history.random.choice(BRANCHES))
    except Exception:
        print("\n".join(history.told[-60:]))
        raise
