# SPDX-License-Identifier: Apache-2.0
"""Random statements that answer alike wherever their tables lie.

In a text `@t` stands for the table t, `@old(t, a)` for its kept version under the alias a, and
`@TABLE` for TABLE or TEMP TABLE. Orders are total (`id` comes last), sums are of integers, joins
are bounded: nothing in an answer is left to chance but the order of rows where none is asked for.
"""

from dataclasses import dataclass

from random_columns import ID_STEP, literal
from random_predicates import Predicates

LIMITS = (1, 5, 7, 50, 100, 3000)


@dataclass
class Statement:
    """`ordered`: rows come in this order; `may_fail`: see Predicates; `zero_blind`: 0.0 and -0.0
    are one value, and either may stand for both; `guard`: how many rows a DELETE would remove."""

    text: str
    ordered: bool = False
    may_fail: bool = False
    zero_blind: bool = False
    table: str = ""  # that it changes
    guard: str = ""


class Statements:
    """Makes statements for `tables`, a list to which tables may be added."""

    def __init__(self, random, tables, without_products=False):
        """`without_products`: nothing that is slow where filters are not pushed down."""
        self.random = random
        self.without_products = without_products
        self.tables = tables
        self.copies = 0  # INSERTs of a table into itself
        self.singles = 0  # rows of literals
        self.predicates = Predicates(random)
        self.queries = [
            (9, self.rows), (5, self.counts), (6, self.extremes), (6, self.top),
            (6, self.wide_top), (6, self.grouped), (3, self.distinct), (6, self.windowed),
            (12, self.joined), (4, self.crossed), (3, self.unequal), (6, self.semi),
            (3, self.scalar), (6, self.versions), (4, self.unnested), (4, self.common),
            (3, self.combined), (2, self.asof), (2, self.listed), (2, self.lateral)]
        if without_products:
            slow = (self.crossed, self.unequal, self.scalar, self.lateral, self.asof)
            self.queries = [pair for pair in self.queries if pair[1] not in slow]

    def query(self):
        """A SELECT."""
        self.predicates = Predicates(self.random, allow_failing=True)
        make = self._weighted(self.queries)
        statement = make()
        statement.may_fail = self.predicates.may_fail
        return statement

    # ---- Pieces ----

    def _weighted(self, pairs):
        return self.random.choices([p[1] for p in pairs], [p[0] for p in pairs])[0]

    def _one(self):
        return self.random.choice(self.tables)

    def _where(self, table, alias="a", chance=0.85):
        return self.predicates.where(table, alias, chance)

    def _tree(self, table, alias="a"):
        return self.predicates.tree(table, alias)

    def _some(self, table, alias="a", limit=3):
        """A few columns, or all, or all but some."""
        pick = self.random.random()
        names = [c.name for c in table.columns]
        if pick < 0.12:
            return f"{alias}.*"
        if pick < 0.2:
            return ", ".join(f"{alias}.{n}" for n in reversed(names))
        chosen = self.random.sample(names, self.random.randint(1, limit))
        return ", ".join(f"{alias}.{n}" for n in chosen)

    def _ids(self, table, alias, width):
        """A condition that few rows pass; `id` takes filters in every scan."""
        first = self.random.randrange(max(table.batches, 1)) * ID_STEP
        first += self.random.choice([0, 0, 100, 2000, 9000])
        return f"{alias}.id BETWEEN {first} AND {first + self.random.randrange(width)}"

    def _order(self, table, count, alias="a"):
        """An ORDER BY's list and its columns; total."""
        columns = self.random.sample(table.columns, count)
        terms = [f"{alias}.{c.name} {self.random.choice(['', 'DESC'])}"
                 f" {self.random.choice(['', 'NULLS FIRST', 'NULLS LAST'])}" for c in columns]
        return ", ".join([*terms, f"{alias}.id"]), columns

    def _limit(self, sizes=LIMITS):
        return (f"LIMIT {self.random.choice(sizes)}"
                f"{self.random.choice(['', '', ' OFFSET 3', ' OFFSET 500'])}")

    def _equal(self, left, right):
        """An ON of two tables, a and b, bounded."""
        shared = [c.name for c in left.columns if c.name in {d.name for d in right.columns}]
        key = self.random.choice(["id", "i32", self.random.choice(shared),
                                  self.random.choice(shared)])
        if self.without_products:
            key = self.random.choice(["id", "i32"])
        terms = [f"a.{key} = b.{key}"]
        if self.random.random() < 0.15 and not self.without_products:
            terms = [f"a.{key} IS NOT DISTINCT FROM b.{key}"]
        if key != "id" or "DISTINCT" in terms[0]:
            terms.append(self._ids(right, "b", 300 if key == "i32" else 60))
        if self.random.random() < 0.3:
            other = self.random.choice(shared)
            terms.append(f"a.{other} {self.random.choice(['<>', '<=', '='])} b.{other}")
        return " AND ".join(terms)

    # ---- One table ----

    def rows(self):
        a = self._one()
        return Statement(f"SELECT {self._some(a)} FROM @{a.name} a{self._where(a)}")

    def counts(self):
        a = self._one()
        c, d = (self.random.choice(a.columns).name for _ in "cd")
        part = self.random.choice(["", f", count(*) FILTER ({self._tree(a)})"])
        return Statement(f"SELECT count(*), count(a.{c}), count(DISTINCT a.{d}), sum(a.i32){part}"
                         f" FROM @{a.name} a{self._where(a)}")

    def extremes(self):
        a = self._one()
        chosen = self.random.sample(a.orderable(), 2)
        terms = ", ".join(f"{f}(a.{c.name})" for c in chosen for f in ("min", "max"))
        if self.random.random() < 0.3:
            terms = f"arg_min(a.id, (a.{chosen[0].name}, a.id)), {terms}"
        return Statement(f"SELECT {terms}, count(*) FROM @{a.name} a{self._where(a, chance=0.5)}",
                         zero_blind=True)

    def top(self):
        a = self._one()
        order, columns = self._order(a, 2)
        names = ", ".join(f"a.{c.name}" for c in columns)
        return Statement(f"SELECT {names}, a.id FROM @{a.name} a{self._where(a)}"
                         f" ORDER BY {order} {self._limit()}", ordered=True)

    def wide_top(self):
        """Whole rows of few: DuckDB fetches the other columns later."""
        a = self._one()
        order, _ = self._order(a, 1)
        return Statement(f"SELECT a.* FROM @{a.name} a{self._where(a)}"
                         f" ORDER BY {order} {self._limit((1, 7, 50))}", ordered=True)

    def grouped(self):
        a = self._one()
        key, least = self.random.choice(a.columns), self.random.choice(a.orderable())
        having = self.random.choice(["", " HAVING count(*) > 2", f" HAVING max(a.i32) > {ID_STEP}"])
        return Statement(f"SELECT a.{key.name}, count(*), sum(a.id), min(a.{least.name})"
                         f" FROM @{a.name} a{self._where(a)} GROUP BY a.{key.name}{having}",
                         zero_blind=True)

    def distinct(self):
        a = self._one()
        c = self.random.choice(a.columns).name
        if self.random.random() < 0.5:
            return Statement(f"SELECT DISTINCT a.{c} FROM @{a.name} a{self._where(a)}",
                             zero_blind=True)
        return Statement(f"SELECT DISTINCT ON (a.{c}) a.{c}, {self._some(a)} FROM @{a.name} a"
                         f"{self._where(a)} ORDER BY a.{c}, a.id", ordered=True)

    def windowed(self):
        a = self._one()
        part, c = (self.random.choice(a.columns).name for _ in "pc")
        call = self.random.choice([
            f"row_number() OVER (PARTITION BY a.{part} ORDER BY a.id)",
            f"lag(a.{c}) OVER (ORDER BY a.id)",
            f"sum(a.i32) OVER (PARTITION BY a.{part} ORDER BY a.id)",
            f"rank() OVER (ORDER BY a.{c}, a.id)", f"count(a.{c}) OVER ()",
            f"first_value(a.{c}) OVER (PARTITION BY a.i32 ORDER BY a.id)"])
        tail = self.random.choice(["", " QUALIFY r IS NOT NULL",
                                   f" QUALIFY row_number() OVER (ORDER BY a.{c}, a.id) < 9"])
        return Statement(f"SELECT {self._some(a)}, {call} AS r FROM @{a.name} a"
                         f"{self._where(a)}{tail}")

    def unnested(self):
        a = self._one()
        lists = [f"a.{c.name}" for c in a.columns if c.name in ("li", "ls")]
        source = self.random.choice(["[1, 2]", "[a.i32, NULL]", *lists, *lists])
        return Statement(f"SELECT {self._some(a)}, unnest({source}) FROM @{a.name} a"
                         f"{self._where(a, chance=1)}")

    def common(self):
        a = self._one()
        kind = self.random.choice(["", "MATERIALIZED ", "NOT MATERIALIZED "])
        head = f"WITH z AS {kind}(SELECT * FROM @{a.name} a{self._where(a)})"
        tail = self.random.choice([
            "SELECT count(*) FROM z x, (SELECT max(i32) AS m FROM z) y WHERE x.i32 = y.m",
            f"SELECT {self._some(a, 'x')} FROM z x WHERE {self._tree(a, 'x')}",
            f"SELECT count(*), sum(x.id) FROM z x JOIN z y ON x.id = y.id WHERE"
            f" {self._tree(a, 'y')}"])
        return Statement(f"{head} {tail}")

    def listed(self):
        a = self._one()
        c, d = (self.random.choice(a.columns).name for _ in "cd")
        return Statement(f"SELECT a.{c}, list(a.{d} ORDER BY a.id) FROM @{a.name} a"
                         f" WHERE {self._ids(a, 'a', 300)} AND {self._tree(a)} GROUP BY a.{c}",
                         zero_blind=True)

    # ---- Two ----

    def _two(self):
        return self._one(), self._one()

    def joined(self):
        a, b = self._two()
        kind = self.random.choice(["JOIN", "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN",
                                   "SEMI JOIN", "ANTI JOIN"])
        terms = []
        if self.random.random() < 0.9:
            terms.append(self._tree(a))
        gives_b = kind not in ("SEMI JOIN", "ANTI JOIN")
        if gives_b and self.random.random() < 0.6:
            terms.append(self._tree(b, "b"))
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        on = self._equal(a, b)
        if self.random.random() < 0.3:
            on += f" AND {self._tree(b, 'b')}"
        given = self._some(a) + (f", {self._some(b, 'b')}" if gives_b else "")
        if self.random.random() < 0.4:
            given = f"count(*), sum(a.id), count(a.{self.random.choice(a.columns).name})"
        return Statement(f"SELECT {given} FROM @{a.name} a {kind} @{b.name} b ON {on}{where}")

    def crossed(self):
        a, b = self._two()
        return Statement(f"SELECT {self._some(a)}, {self._some(b, 'b')} FROM @{a.name} a,"
                         f" @{b.name} b WHERE {self._tree(a)} AND {self._ids(a, 'a', 40)}"
                         f" AND {self._ids(b, 'b', 40)}{self._and(b)}")

    def _and(self, table):
        return f" AND {self._tree(table, 'b')}" if self.random.random() < 0.5 else ""

    def unequal(self):
        a, b = self._two()
        c = self.random.choice([c.name for c in a.columns
                                if c in b.columns and c.kind in ("number", "real", "text", "time")])
        second = self.random.choice(["", f" AND a.id <> b.id AND {self._ids(a, 'a', 900)}"])
        kind = self.random.choice(["JOIN", "LEFT JOIN"])
        return Statement(f"SELECT {self._some(a)}, b.id FROM @{a.name} a {kind} @{b.name} b ON"
                         f" a.{c} {self.random.choice(['<', '>='])} b.{c} AND"
                         f" {self._ids(b, 'b', 6)}{second} WHERE {self._tree(a)}{self._and(b)}")

    def semi(self):
        a, b = self._two()
        shared = [c.name for c in a.columns if c.name in {d.name for d in b.columns}]
        key = self.random.choice(shared)
        negation = self.random.choice(["", "NOT "])
        inner = self._where(b, "b")
        if self.random.random() < 0.5:
            test = f"a.{key} {negation}IN (SELECT b.{key} FROM @{b.name} b{inner})"
        else:
            inner = f"{inner} AND" if inner else " WHERE"
            test = f"{negation}EXISTS (SELECT 1 FROM @{b.name} b{inner} a.{key} = b.{key})"
        either = self.random.choice(["AND", "AND", "OR"])
        return Statement(f"SELECT {self._some(a)} FROM @{a.name} a WHERE {test} {either}"
                         f" {self._tree(a)}")

    def scalar(self):
        a, b = self._two()
        least = self.random.choice(b.orderable()).name
        inner = f"SELECT max(b.{least}) FROM @{b.name} b WHERE {self._tree(b, 'b')}"
        if self.random.random() < 0.5:
            return Statement(f"SELECT a.id, ({inner} AND b.i32 = a.i32) FROM @{a.name} a"
                             f"{self._where(a)}", zero_blind=True)
        return Statement(f"SELECT {self._some(a)} FROM @{a.name} a WHERE a.i32 ="
                         f" (SELECT min(b.i32) FROM @{b.name} b{self._where(b, 'b')})"
                         f" OR {self._tree(a)}")

    def versions(self):
        """A kept version, alone or beside the newest."""
        kept = [t for t in self.tables if t.has_old]
        if not kept:
            return self.joined()
        a = self.random.choice(kept)
        old = f"@old({a.name}, b)"
        pick = self.random.random()
        if pick < 0.3:
            return Statement(f"SELECT {self._some(a, 'b')} FROM {old}{self._where(a, 'b')}")
        if pick < 0.4:
            order, _ = self._order(a, 1, "b")
            return Statement(f"SELECT b.* FROM {old}{self._where(a, 'b')} ORDER BY {order}"
                             f" {self._limit((1, 7, 50))}", ordered=True)
        if pick < 0.8:
            kind = self.random.choice(["JOIN", "LEFT JOIN", "ANTI JOIN", "FULL JOIN"])
            given = "a.id" if kind == "ANTI JOIN" else f"{self._some(a)}, {self._some(a, 'b')}"
            return Statement(f"SELECT {given} FROM @{a.name} a {kind} {old} ON a.id = b.id"
                             f"{self.random.choice(['', ' AND ' + self._tree(a, 'b')])}"
                             f"{self._where(a)}")
        chosen = ", ".join(c.name for c in self.random.sample(a.columns, 2))
        kind = self.random.choice(["EXCEPT", "INTERSECT", "UNION", "EXCEPT ALL", "UNION ALL"])
        return Statement(f"SELECT {chosen} FROM {old}{self._where(a, 'b')} {kind}"
                         f" SELECT {chosen} FROM @{a.name} a{self._where(a)}", zero_blind=True)

    def combined(self):
        a, b = self._two()
        shared = [c.name for c in a.columns if c in b.columns]
        chosen = ", ".join(self.random.sample(shared, min(2, len(shared))))
        kind = self.random.choice(["EXCEPT", "INTERSECT", "UNION", "UNION ALL"])
        return Statement(f"SELECT {chosen} FROM @{a.name} a{self._where(a)} {kind}"
                         f" SELECT {chosen} FROM @{b.name} b{self._where(b, 'b')}",
                         zero_blind=True)

    def asof(self):
        a, b = self._two()
        return Statement(f"SELECT a.id, {self._some(b, 'b')} FROM @{a.name} a ASOF"
                         f" {self.random.choice(['', 'LEFT '])}JOIN @{b.name} b ON a.i32 = b.i32"
                         f" AND a.id >= b.id WHERE {self._tree(a)}")

    def lateral(self):
        a, b = self._two()
        return Statement(f"SELECT {self._some(a)}, l.n FROM @{a.name} a, LATERAL (SELECT count(*)"
                         f" AS n FROM @{b.name} b WHERE b.i32 = a.i32 AND {self._tree(b, 'b')}) l"
                         f" WHERE {self._tree(a)}")

    # ---- Changes ----

    def change(self):
        """A DELETE, an UPDATE, an INSERT or a table made anew. (Batches of new rows are the
        run's.)"""
        self.predicates = Predicates(self.random)
        a, b = self.random.choice([t for t in self.tables if not t.is_twin]), self._one()
        make = self._weighted([(10, self.delete), (4, self.delete_using), (8, self.update),
                               (3, self.update_from), (4, self.merge), (3, self.insert_self),
                               (2, self.insert_one), (1, self.rewrite)])
        statement = make(a, b)
        statement.table = a.name
        return statement

    def delete(self, a, b):
        c = self.random.choice(a.columns).name
        condition = self._weighted([
            (8, lambda: self._tree(a)),
            (3, lambda: f"hash(a.id) % {self.random.choice([3, 10, 100])} = 0"),
            (3, lambda: self._ids(a, "a", 5000)),
            (2, lambda: f"a.i32 IN (SELECT b.i32 FROM @{b.name} b WHERE"
                        f" {self._ids(b, 'b', 50)}{self._and(b)}) AND {self._tree(a)}"),
            (1, lambda: f"a.{c} IS NOT NULL AND EXISTS (SELECT 1 FROM @{a.name} b WHERE"
                        f" b.id = a.id + 1 AND {self._tree(a, 'b')})")])()
        return Statement(f"DELETE FROM @{a.name} AS a WHERE {condition}",
                         guard=f"SELECT count(*) FROM @{a.name} AS a WHERE {condition}")

    def delete_using(self, a, b):
        source = f"@{b.name} AS b"
        if a.has_old and self.random.random() < 0.3:
            b, source = a, f"@old({a.name}, b)"
        bound = self._ids(b, "b", 400)
        on = self.random.choice(["a.id = b.id", "a.i32 = b.i32",
                                 f"a.id < b.id AND {self._ids(a, 'a', 3000)}"])
        condition = f"{on} AND {bound} AND {self._tree(a)}{self._and(b)}"
        return Statement(f"DELETE FROM @{a.name} AS a USING {source} WHERE {condition}",
                         guard=f"SELECT count(DISTINCT a.id) FROM @{a.name} AS a, {source}"
                               f" WHERE {condition}")

    def _set(self, a):
        """What a SET says of some columns: another value, or the same for some rows."""
        terms = []
        for column in self.random.sample(a.columns[1:], self.random.randint(1, 2)):
            value = literal(self.random, a, column)
            terms.append(f"{column.name} = " + self.random.choice([
                value, "NULL", f"a.{column.name}",
                f"CASE WHEN hash(a.id) % 2 = 0 THEN a.{column.name} ELSE {value} END"]))
        return ", ".join(terms)

    def update(self, a, b):
        condition = self._weighted([
            (8, lambda: self._tree(a)),
            (3, lambda: f"hash(a.id) % {self.random.choice([3, 10, 100])} = 0"),
            (3, lambda: self._ids(a, "a", 5000)),
            (2, lambda: f"a.i32 IN (SELECT b.i32 FROM @{b.name} b WHERE"
                        f" {self._ids(b, 'b', 50)}{self._and(b)}) AND {self._tree(a)}")])()
        return Statement(f"UPDATE @{a.name} AS a SET {self._set(a)} WHERE {condition}")

    def update_from(self, a, b):
        """Each row is matched once: by which of several it would be, nothing says."""
        ids = f"SELECT DISTINCT b.id FROM @{b.name} AS b WHERE {self._ids(b, 'b', 400)}"
        return Statement(f"UPDATE @{a.name} AS a SET {self._set(a)} FROM ({ids}{self._and(b)}) AS q"
                         f" WHERE a.id = q.id AND {self._tree(a)}")

    def merge(self, a, b):
        """Each row is matched once; what does not match comes in under its new id."""
        ids = f"SELECT DISTINCT b.id FROM @{b.name} AS b WHERE {self._ids(b, 'b', 400)}"
        some = f"a.i32 % {self.random.choice([2, 3])} = 0"
        actions = self.random.choice([
            f"WHEN MATCHED AND {some} THEN DELETE WHEN MATCHED THEN UPDATE SET {self._set(a)}",
            f"WHEN MATCHED AND {some} THEN UPDATE SET {self._set(a)}",
            f"WHEN MATCHED THEN UPDATE SET {self._set(a)}"
            " WHEN NOT MATCHED THEN INSERT (id) VALUES (q.id)",
            f"WHEN NOT MATCHED BY SOURCE AND {some} AND {self._ids(a, 'a', 300)} THEN DELETE"])
        return Statement(f"MERGE INTO @{a.name} AS a USING ({ids}{self._and(b)}) AS q"
                         f" ON a.id = q.id {actions}")

    def insert_self(self, a, _):
        """Rows of its own, under new ids or as they are."""
        self.copies += 1
        step = ID_STEP * 100 << self.copies
        given = self.random.choice(["a.*", f"a.* REPLACE (a.id + {step} AS id)"])
        return Statement(f"INSERT INTO @{a.name} SELECT {given} FROM @{a.name} a WHERE"
                         f" {self._tree(a)} AND {self._ids(a, 'a', 12000)}")

    def insert_one(self, a, _):
        """Rows of literals; their id names them as any."""
        rows = []
        for _ in range(self.random.choice([1, 1, 3])):
            self.singles += 1
            values = [str(-self.singles)]
            values += [self.random.choice(["NULL", literal(self.random, a, c),
                                           literal(self.random, a, c)]) for c in a.columns[1:]]
            rows.append(f"({', '.join(values)})")
        return Statement(f"INSERT INTO @{a.name} VALUES {', '.join(rows)}")

    def rewrite(self, a, _):
        return Statement(f"CREATE OR REPLACE @TABLE @{a.name} AS SELECT * FROM @{a.name} a WHERE"
                         f" hash(a.id) % 4 > 0 OR {self._tree(a)}")
