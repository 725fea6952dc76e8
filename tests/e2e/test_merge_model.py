# SPDX-License-Identifier: Apache-2.0
"""Random histories of branches, changes and merges, beside the model of tests/support.

After each step the branch has what the model has; a merge makes the same rows or reports the same
conflicts, which the diff foresaw; merged the other way round it makes the same rows; a diff
applied to one side gives the other, and tells which columns differ. Upkeep runs between the steps
and changes nothing; nor does it whether rows are merged by a statement or, where they are few,
without.

ARM_MERGE_STEPS: how many steps (600), ARM_MERGE_SEED: which.
"""

import os
import random

import pytest
from arm import Repo
from library import ArmError, Session
from merge_model import Commit, Merge, Table, base_state, bases, token

STEPS = int(os.environ.get("ARM_MERGE_STEPS", "600"))
SEED = int(os.environ.get("ARM_MERGE_SEED", "1"))
MERGE_CONFLICT = 22
KEYS = 30
BRANCHES = ["main", "one", "two", "three"]


class History:
    """A repository and its model."""

    def __init__(self, path, seed):
        self.session = Session(path)
        self.random = random.Random(seed)
        self.heads = {"main": Commit([], {})}
        self.branch = "main"
        self.names = iter(f"t{i}" for i in range(10**6))
        self.columns = iter(f"c{i}" for i in range(10**6))
        self.counts = dict.fromkeys(("merges", "conflicts", "criss-cross"), 0)
        self.told = []

    # ---- Saying and doing ----

    def sql(self, text):
        self.told.append(text)
        return self.session.rows(text)

    def use(self, branch):
        if branch != self.branch:
            self.sql(f"USE BRANCH {branch}")
            self.branch = branch

    @property
    def state(self):
        return self.heads[self.branch].state

    def commit(self, table):
        state = dict(self.state)
        state[table.tid] = table
        self.heads[self.branch] = Commit([self.heads[self.branch]], state)

    def table(self):
        return self.random.choice(list(self.state.values())) if self.state else None

    # ---- Steps ----

    def create(self):
        if len(self.state) >= 2:
            return
        name, keyed = next(self.names), self.random.random() < 0.6
        self.sql(f"CREATE TABLE {name}(id INTEGER{' PRIMARY KEY' if keyed else ''}, a INTEGER, "
                 "b INTEGER)")
        columns = [(token(), n, None) for n in ("id", "a", "b")]
        self.commit(Table(token(), name, keyed, columns, {}, token()))

    def insert(self):
        table = self.table()
        if table is None:
            return
        first = self.random.randrange(KEYS)
        count = self.random.choice((1, 1, 3, 20))
        rows, values = dict(table.rows), []
        for key in range(first, first + count):
            row = {c: self.random.choice((None, 0, 1, 2)) for c, _, _ in table.columns}
            row[table.columns[0][0]] = key
            if table.keyed and key in rows:
                continue
            rows[key if table.keyed else token()] = row
            values.append("(" + ", ".join("NULL" if row[c] is None else str(row[c])
                                          for c, _, _ in table.columns) + ")")
        if values:
            self.sql(f"INSERT INTO {table.name} VALUES {', '.join(values)}")
            self.commit(table.having(rows=rows))

    def some_rows(self, table):
        """A predicate, and the identities of the rows that it holds for."""
        key = table.columns[0][0]
        low = self.random.randrange(KEYS)
        high = low + self.random.choice((1, 1, 2, 10))
        chosen = [i for i, row in table.rows.items()
                  if low <= row.get(key, table.columns[0][2]) < high]
        return f"{table.columns[0][1]} >= {low} AND {table.columns[0][1]} < {high}", chosen

    def update(self):
        table = self.table()
        if table is None or len(table.columns) < 2:
            return
        where, chosen = self.some_rows(table)
        column, name, _ = self.random.choice(table.columns[1:])
        value = self.random.choice((None, 0, 1, 2, 3))
        self.sql(f"UPDATE {table.name} SET {name} = {'NULL' if value is None else value} "
                 f"WHERE {where}")
        if chosen:
            rows = dict(table.rows)
            for identity in chosen:
                rows[identity] = {**rows[identity], column: value}
            self.commit(table.having(rows=rows))

    def move_keys(self):
        """Other keys for some rows: of a keyed table other rows, of another the same."""
        table = self.table()
        if table is None:
            return
        where, chosen = self.some_rows(table)
        by = self.random.choice((1000, 2000))
        key, name, _ = table.columns[0]
        rows = {i: r for i, r in table.rows.items() if i not in chosen}
        for identity in chosen:
            row = {**table.rows[identity], key: table.rows[identity][key] + by}
            moved = row[key] if table.keyed else identity
            if moved in rows:
                return
            rows[moved] = row
        self.sql(f"UPDATE {table.name} SET {name} = {name} + {by} WHERE {where}")
        if chosen:
            self.commit(table.having(rows=rows))

    def delete(self):
        table = self.table()
        if table is None:
            return
        where, chosen = self.some_rows(table)
        self.sql(f"DELETE FROM {table.name} WHERE {where}")
        if chosen:
            self.commit(table.having(
                rows={i: r for i, r in table.rows.items() if i not in chosen}))

    def add_column(self):
        table = self.table()
        if table is None or len(table.columns) > 5:
            return
        name, default = next(self.columns), self.random.choice((None, 7))
        self.sql(f"ALTER TABLE {table.name} ADD COLUMN {name} INTEGER"
                 + ("" if default is None else f" DEFAULT {default}"))
        self.commit(table.having(columns=table.columns + [(token(), name, default)]))

    def drop_column(self):
        table = self.table()
        if table is None or len(table.columns) < 3:
            return
        gone = self.random.choice(table.columns[1:])
        self.sql(f"ALTER TABLE {table.name} DROP COLUMN {gone[1]}")
        self.commit(table.having(columns=[c for c in table.columns if c != gone]))

    def rename_column(self):
        table = self.table()
        if table is None or len(table.columns) < 2:
            return
        old, name = self.random.choice(table.columns[1:]), next(self.columns)
        self.sql(f"ALTER TABLE {table.name} RENAME COLUMN {old[1]} TO {name}")
        self.commit(table.having(
            columns=[(c[0], name, c[2]) if c == old else c for c in table.columns]))

    def drop(self):
        table = self.table()
        if table is None:
            return
        self.sql(f"DROP TABLE {table.name}")
        state = dict(self.state)
        del state[table.tid]
        self.heads[self.branch] = Commit([self.heads[self.branch]], state)

    def new_branch(self):
        free = [b for b in BRANCHES if b not in self.heads]
        if free:
            self.sql(f"CREATE BRANCH {free[0]}")
            self.heads[free[0]] = self.heads[self.branch]

    def drop_branch(self):
        others = [b for b in self.heads if b not in ("main", self.branch)]
        if len(others) > 1:
            gone = self.random.choice(others)
            self.sql(f"DROP BRANCH {gone}")
            del self.heads[gone]

    def compact(self):
        if self.state:
            self.session.compact(self.table().name)

    # ---- Merges ----

    def conflicts(self, source):
        """What an open merge reports, by the model's words."""
        names = {t.name: t for t in self.state.values()}
        found = []
        self.sql("BEGIN")
        self.sql(f"MERGE BRANCH {source}")
        for table, kind, key in self.sql('SELECT "table", kind, key FROM arm_conflicts()'):
            if "schema" in kind or "drop" in kind or "table/" in kind:
                found.append((table, kind, None))
            elif table in names and names[table].keyed:
                found.append((table, kind, int(key.split(":")[1].strip("}"))))
            else:
                found.append((table, kind, "row"))
        self.sql("ROLLBACK")
        return sorted(found, key=str)

    def merge(self):
        others = [b for b in self.heads if b != self.branch]
        if not others:
            return
        source = self.random.choice(others)
        ours, theirs = self.heads[self.branch], self.heads[source]
        if self.random.random() < 0.4 and theirs.parents and theirs.parents[0].parents:
            source, theirs = f'"{source}~1"', theirs.parents[0]
        strategy = self.random.choice(("fail", "fail", "ours", "theirs"))
        if theirs in ours.ancestors:
            assert self.sql(f"MERGE BRANCH {source}")[0][2] == "[]"
            return
        expected = Merge(base_state(ours, theirs), ours.state, theirs.state, strategy)
        self.counts["merges"] += not expected.conflicts
        self.counts["conflicts"] += bool(expected.conflicts)
        self.counts["criss-cross"] += len(bases(ours, theirs)) > 1
        self.told.append(f"-- {len(bases(ours, theirs))} bases")
        self.sql(f"SET arm_merge_few_rows = {self.random.choice((0, 3, 256))}")
        if strategy == "fail" and len(bases(ours, theirs)) == 1:
            foreseen = self.sql('SELECT "table" FROM arm_diff(\'%s\', \'%s\') WHERE conflict'
                                % (self.branch, source.strip('"')))
            assert {t for t, in foreseen} == {t for t, _, _ in expected.conflicts}
        if expected.conflicts:
            wanted = sorted(((t, k, "row" if i is not None and not self.keyed(t) else i)
                             for t, k, i in expected.conflicts), key=str)
            with pytest.raises(ArmError) as failure:
                self.sql(f"MERGE BRANCH {source} STRATEGY {strategy}")
            assert failure.value.status == MERGE_CONFLICT, failure.value
            if strategy == "fail":
                assert self.conflicts(source) == wanted
            return
        if strategy == "fail":
            self.other_way_round(source, expected)
        self.sql(f"MERGE BRANCH {source} STRATEGY {strategy}")
        self.heads[self.branch] = Commit([ours, theirs], expected.state)

    def keyed(self, name):
        return any(t.keyed for t in self.state.values() if t.name == name)

    def other_way_round(self, source, expected):
        """merge(b, a) has the rows of merge(a, b)."""
        here = self.branch
        self.sql(f"CREATE BRANCH round FROM {source}")
        self.use("round")
        self.sql(f"MERGE BRANCH {here}")
        self.heads["round"] = Commit([], expected.state)
        self.check(any_order=True)
        self.use(here)
        self.sql("DROP BRANCH round")
        del self.heads["round"]

    # ---- Checks ----

    def rows(self, table, at=""):
        names = ", ".join(c[1] for c in table.columns)
        found = [tuple(None if v is None else int(v) for v in row)
                 for row in self.sql(f"SELECT {names} FROM {table.name}{at}")]
        return sorted(found, key=lambda row: [(v is not None, v) for v in row])

    def check(self, any_order=False):
        tables = self.sql('SELECT "table" FROM arm_tables() ORDER BY 1')
        assert [t for t, in tables] == sorted(t.name for t in self.state.values())
        for table in self.state.values():
            assert self.rows(table) == table.tuples(), table.name
            if not any_order:
                names = [n for n, in self.sql(f"SELECT column_name FROM (DESCRIBE {table.name})")]
                assert names == [c[1] for c in table.columns]

    def check_diff(self):
        """What differs between two branches turns the rows of one into those of the other."""
        other = self.random.choice(list(self.heads))
        was, now = self.heads[other].state, self.state
        for table in now.values():
            old = was.get(table.tid)
            if old and self.dropped(old) & {c[0] for c in table.columns}:
                continue  # what rows had in a column that the ref dropped is nobody's promise
            left = list(old.tuples(table.columns)) if old else []
            names = ", ".join(c[1] for c in table.columns)
            for *row, change in self.sql(
                    f"SELECT {names}, _change FROM arm_row_diff('{table.name}', '{other}', "
                    f"'{self.branch}')"):
                row = tuple(None if v is None else int(v) for v in row)
                if change in ("delete", "update_before"):
                    left.remove(row)
                else:
                    left.append(row)
            assert sorted(left, key=lambda r: [(v is not None, v) for v in r]) == table.tuples()
        assert set(self.sql('SELECT "table", change, "column", property FROM '
                            f"arm_schema_diff('{other}', '{self.branch}') WHERE property IN "
                            "('column', 'name')")) == set(self.column_changes(was, now))

    @staticmethod
    def column_changes(was, now):
        for tid in was.keys() & now.keys():
            old = {token: name for token, name, _ in was[tid].columns}
            new = {token: name for token, name, _ in now[tid].columns}
            for column in old.keys() | new.keys():
                if column not in old:
                    yield now[tid].name, "added", new[column], "column"
                elif column not in new:
                    yield now[tid].name, "removed", old[column], "column"
                elif old[column] != new[column]:
                    yield now[tid].name, "changed", new[column], "name"

    @staticmethod
    def dropped(table):
        return table.seen - {c[0] for c in table.columns}

    def step(self):
        weights = {self.create: 2, self.insert: 5, self.update: 12, self.delete: 4,
                   self.move_keys: 1, self.add_column: 0.7, self.drop_column: 0.7,
                   self.rename_column: 0.7, self.drop: 0.2, self.new_branch: 3,
                   self.drop_branch: 0.3, self.compact: 2, self.merge: 9}
        self.use(self.random.choice(list(self.heads)))
        self.random.choices(list(weights), list(weights.values()))[0]()
        self.check()
        if self.random.random() < 0.2:
            self.check_diff()


@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
def test_random_histories_are_as_the_model_has_them(tmp_path, seed):
    history = History(tmp_path / "r", seed)
    try:
        for _ in range(STEPS // 3):
            history.step()
    except BaseException:
        print("\n".join(t for t in history.told if not t.startswith("SELECT")))
        raise
    finally:
        history.session.close()
    assert history.counts["merges"] > 0 and history.counts["conflicts"] > 0, history.counts
    assert Repo(tmp_path / "r", make=False).run("verify", "--full").status == 0
