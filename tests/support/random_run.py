# SPDX-License-Identifier: Apache-2.0
"""One seed of random_sql.py: its session, its tables, its steps, and what is compared."""

import random
import re
from collections import Counter
from pathlib import Path

from library import ArmError, Session
from random_columns import batch, literal_query, make_table
from random_statements import Statements

BATCH_SIZES = (1, 3, 50, 2500, 10_001, 11_000, 12_000)  # more than 10,000 rows make a chunk
ROWS_MAX = 60_000  # of a table
BATCHES_MAX = 14
FAILURES_MAX = 4  # of a seed
GRAVE = re.compile(r"\b(FATAL|INTERNAL)\b")
SELF_DOUBT = "differs from original result"  # says PRAGMA enable_verification
# DuckDB's own scan of its tables refuses BETWEEN on some structs, in some plans.
NO_BETWEEN = "Invalid type for BETWEEN"
CONVERSION = re.compile(r"\bConversion Error\b")
NEGATIVE_ZERO = re.compile(r"(?<![\w.])-0\.0(?![\d])")
OLD = re.compile(r"@old\((\w+), (\w+)\)")
NAME = re.compile(r"@(\w+)")


class Stop(Exception):
    """The two sides have parted: nothing more can be compared."""


def _shortened(text, limit=300):
    return text if len(text) <= limit else f"{text[:limit]}…"


class Run:
    """One seed's session, tables and findings."""

    def __init__(self, seed, folder, verify=False):
        self.seed = seed
        self.random = random.Random(seed)
        self.session = Session(Path(folder) / "repo", self.random.choice([1, 2, 2]))
        self.log = open(Path(folder) / "statements.sql", "w", encoding="utf-8")
        self.found = {"seed": seed, "statements": 0, "queries": 0, "refused": 0,
                      "tolerated": 0, "failures": []}
        t = make_table(self.random, "t")
        self.tables = [t, make_table(self.random, "u", like=t)]
        self.statements = Statements(self.random, self.tables, without_products=verify)
        self.is_open = False  # a transaction
        self.rows = {}  # of each table
        self.sums = {}  # of (table, version)
        self.old = {}  # version that @old names, of a table
        self.verify = verify

    def prepare(self):
        """The tables, two batches of rows in each."""
        if self.random.random() < 0.3:
            self.both_need("SET late_materialization_max_rows = 5000")
        for table in self.tables:
            self.both_need(f"CREATE @TABLE @{table.name} ({table.definition})")
            self.insert(table)
            self.insert(table)
        if self.verify:
            self.both_need("PRAGMA enable_verification")

    # ---- One statement, two sides ----

    def spelled(self, text, is_native):
        """A text with the tables of one side."""
        if is_native:
            text = OLD.sub(r"temp.old_\1 AS \2", text).replace("@TABLE", "TEMP TABLE")
            return NAME.sub(r"temp.native_\1", text)
        text = OLD.sub(lambda m: f"{m[1]} AS {m[2]} AT (VERSION => {self.old[m[1]]})", text)
        return NAME.sub(r"\1", text.replace("@TABLE", "TABLE"))

    def run(self, text, is_native):
        """('rows', rows) or ('error', message)."""
        text = self.spelled(text, is_native)
        print(f"{text};", file=self.log, flush=True)
        self.found["statements"] += 1
        try:
            return "rows", self.session.rows(text)
        except ArmError as failure:
            message = str(failure).split("\n\nStack Trace")[0]
            print(f"-- {message.splitlines()[0]}", file=self.log, flush=True)
            if GRAVE.search(message):
                self.fail(text, f"{'native' if is_native else 'repository'}: {message}")
                raise Stop from failure
            return "error", message

    def need(self, text, is_native=False):
        """A statement that must succeed."""
        kind, answer = self.run(text, is_native)
        if kind == "error":
            self.fail(text, f"must succeed: {answer}")
            raise Stop
        return answer

    def both_need(self, text):
        self.need(text)
        if "@" in text:
            self.need(text, is_native=True)

    def fail(self, text, note):
        self.found["failures"].append({"statement": text, "note": note})
        if len(self.found["failures"]) >= FAILURES_MAX:
            raise Stop

    def compare(self, statement):
        """Run on both sides; the native answer, or None where they differ or fail."""
        ours, theirs = (self.run(statement.text, native) for native in (False, True))
        if "error" in (ours[0], theirs[0]) and self.is_open:
            self.end("ROLLBACK")
        if ours[0] == theirs[0] == "error":
            self.found["refused"] += 1
            return None
        if ours[0] != theirs[0]:
            message = ours[1] if ours[0] == "error" else theirs[1]
            is_duckdbs = theirs[0] == "error" and (SELF_DOUBT in message or NO_BETWEEN in message)
            if is_duckdbs or (statement.may_fail and CONVERSION.search(message)):
                self.found["tolerated"] += 1
                return None
        difference = self.difference(statement, ours, theirs)
        if difference:
            self.fail(self.spelled(statement.text, is_native=False), difference)
            return None
        return theirs[1]

    @staticmethod
    def difference(statement, ours, theirs):
        """What is not the same, in a few words, or nothing."""
        if ours[0] != theirs[0]:
            return "\n".join(f"{side}: " + (f"{len(answer[1])} rows" if answer[0] == "rows" else
                                            _shortened(answer[1], 600))
                             for side, answer in (("repository", ours), ("native", theirs)))
        one, two = ours[1], theirs[1]
        if one == two:
            return ""
        if statement.zero_blind:
            one, two = ([tuple(v and NEGATIVE_ZERO.sub("0.0", v) for v in row) for row in rows]
                        for rows in (one, two))
        a, b = Counter(one), Counter(two)
        if a == b and (not statement.ordered or one == two):
            return ""
        notes = []
        for side, rows, extra in (("repository", one, a - b), ("native", two, b - a)):
            sample = [_shortened(repr(row)) for row in sorted(extra, key=repr)[:2]]
            notes.append(f"{side}: {len(rows)} rows, {extra.total()} only here: {sample}")
        if a == b:
            place = next(i for i, pair in enumerate(zip(one, two)) if pair[0] != pair[1])
            notes.append(f"the order differs from row {place}")
        return "\n".join(notes)

    # ---- Changes ----

    @staticmethod
    def sum_of(table, source):
        """A query that sums up contents. As texts, 0.0 and -0.0 are two values."""
        values = ", ".join(f"a.{c.name}" + ("::VARCHAR" if c.kind in ("real", "nested") else "")
                           for c in table.columns)
        return f"SELECT count(*), sum(hash({values})::HUGEINT) FROM {source}"

    def insert(self, table):
        """A batch of new rows."""
        is_early = table.batches < 2
        sizes = BATCH_SIZES[3:] if is_early else BATCH_SIZES[:4] if self.verify else BATCH_SIZES
        size = self.random.choice(sizes)
        rows = batch(self.random, table, size, self.seed)
        self.need(f"CREATE OR REPLACE TEMP TABLE new_rows AS {rows}", is_native=True)
        given = self.need(literal_query(self.random, table, size, self.seed), is_native=True)
        for column, texts in zip(table.columns, zip(*given)):
            known = table.literals.setdefault(column.name, [])
            known += [t for t in texts if t is not None and t not in known]
        self.both_need(f"INSERT INTO @{table.name} SELECT * FROM temp.new_rows")
        self.check(table)

    def change(self):
        statement = self.statements.change()
        table = next(t for t in self.tables if t.name == statement.table)
        if statement.guard:
            kind, answer = self.run(statement.guard, is_native=True)
            is_much = kind == "rows" and int(answer[0][0]) > 0.5 * self.rows[table.name]
            if is_much and self.random.random() < 0.9:
                return
        self.compare(statement)
        self.check(table)

    def check(self, table):
        """The contents of both sides; parted ones end the run."""
        ours = self.need(self.sum_of(table, f"@{table.name} a"))
        theirs = self.need(self.sum_of(table, f"@{table.name} a"), is_native=True)
        self.rows[table.name] = int(theirs[0][0])
        if ours != theirs:
            self.fail(self.log_tail(), f"table {table.name} is not the same any more:"
                                       f" count and sum {ours[0]}, native {theirs[0]}")
            raise Stop
        if not self.is_open:
            version = self.need(f"SELECT max(version) FROM arm_versions('{table.name}')")[0][0]
            self.sums[table.name, version] = theirs

    def log_tail(self):
        """The last statement that changed something."""
        lines = Path(self.log.name).read_text(encoding="utf-8").splitlines()
        changes = [line for line in lines if line.startswith(("INSERT", "DELETE", "CREATE",
                                                              "ROLLBACK", "COMMIT"))]
        return changes[-1] if changes else ""

    def end(self, word):
        """COMMIT or ROLLBACK. After an error the transaction may be gone already."""
        self.run(word, is_native=False)
        self.is_open = False
        for table in self.tables:
            self.check(table)

    def toggle(self):
        if self.is_open:
            self.end(self.random.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
        else:
            self.need("BEGIN")
            self.is_open = True

    def keep(self):
        """Let @old name the newest version of a table; native tables hold the same rows."""
        if self.is_open:
            return
        table = self.random.choice(self.tables[:2])
        self.need(f"CREATE OR REPLACE TEMP TABLE old_{table.name} AS FROM @{table.name}",
                  is_native=True)
        self.old[table.name] = max(int(v) for n, v in self.sums if n == table.name)
        table.has_old = True

    def make_twin(self):
        """A table of t's rows under types whose files look the same: written under t's own types
        first, so that the second time its chunks are known."""
        if self.is_open:
            return
        twin = self.tables[0].twin("w")
        values = ", ".join(f"a.{c.name}::{c.type} AS {c.name}" for c in twin.columns)
        self.need("CREATE OR REPLACE TABLE w AS FROM t")
        self.both_need(f"CREATE OR REPLACE @TABLE @w AS SELECT {values} FROM @t a")
        self.tables[2:] = [twin]
        self.check(twin)

    def recheck(self):
        """One of the versions known; w is made anew, so its versions may be of other columns."""
        table = self.random.choice(self.tables[:2])
        version = self.random.choice([v for n, v in self.sums if n == table.name])
        text = self.sum_of(table, f"{table.name} AS a AT (VERSION => {version})")
        now = self.need(text)
        if now != self.sums[table.name, version]:
            self.fail(text, f"was {self.sums[table.name, version][0]} when it was the newest,"
                            f" is {now[0]}")

    def renew(self, table):
        """Begin again with few rows."""
        if self.is_open:
            self.end("COMMIT")
        self.both_need(f"DELETE FROM @{table.name}")
        self.insert(table)

    # ---- The run ----

    def step(self):
        pick = self.random.random()
        if pick < 0.66:
            self.found["queries"] += 1
            self.compare(self.statements.query())
        elif pick < 0.74:
            table = self.random.choice(self.tables[:2])
            is_full = (self.rows[table.name] > ROWS_MAX or
                       table.batches % BATCHES_MAX == BATCHES_MAX - 1)
            if is_full:
                self.renew(table)
            else:
                self.insert(table)
        elif pick < 0.88:
            self.change()
        elif pick < 0.92:
            self.toggle()
        elif pick < 0.94:
            self.keep()
        elif pick < 0.95:
            self.make_twin()
        else:
            self.recheck()

    def finish(self):
        """Close what is open, ask every version once more."""
        if self.is_open:
            self.end("COMMIT")
        for (name, version), known in self.sums.items():
            table = next((t for t in self.tables[:2] if t.name == name), None)
            if table:
                text = self.sum_of(table, f"{name} AS a AT (VERSION => {version})")
                now = self.need(text)
                if now != known:
                    self.fail(text, f"was {known[0]} when it was the newest, is {now[0]}")
        self.session.close()
