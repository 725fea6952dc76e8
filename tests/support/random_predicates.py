# SPDX-License-Identifier: Apache-2.0
"""Random conditions on the columns of a table: trees of AND, OR and NOT over single tests."""

from random_columns import literal

COMPARISONS = ("=", "=", "<", ">", "<=", ">=", "<>")
SMALL_INTEGERS = ("i8", "i16", "i32", "u8", "u16", "u32")  # comparing two of them never fails


class Predicates:
    """Makes conditions. `may_fail` is set once one was made that some row may make fail: where
    such a test is pruned is nobody's promise, so its statement may fail on one side only."""

    def __init__(self, random, allow_failing=False):
        self.random = random
        self.allow_failing = allow_failing
        self.may_fail = False

    def where(self, table, alias, chance=0.85):
        """' WHERE …', or nothing."""
        return f" WHERE {self.tree(table, alias)}" if self.random.random() < chance else ""

    def tree(self, table, alias, depth=0):
        pick = self.random.random()
        if depth > 2 or pick < 0.45:
            return self.atom(table, alias)
        if pick < 0.60:
            return self._of_one(table, alias)
        inner = self.tree(table, alias, depth + 1)
        if pick < 0.86:
            word = "AND" if pick < 0.70 else "OR"
            return f"({inner} {word} {self.tree(table, alias, depth + 1)})"
        return self.random.choice([f"(NOT {inner})", f"(({inner}) IS NOT TRUE)",
                                   f"(({inner}) IS NULL)", f"coalesce({inner}, true)",
                                   f"CASE WHEN {inner} THEN {self.atom(table, alias)} END"])

    def atom(self, table, alias):
        """One test of one column, or of two."""
        column = self.random.choice(table.columns)
        if column.atoms and self.random.random() < 0.4:
            template = self.random.choice(column.atoms)
            name = f"{alias}.{column.name}"
            if column.kind == "nested":
                name = f"({name})"
            return f"({template.replace('{c}', name).replace('{n}', str(self._small()))})"
        if self.allow_failing and column.name == "digits" and self.random.random() < 0.3:
            self.may_fail = True
            return f"({alias}.digits::INTEGER < {self._small()})"
        return self.plain(table, alias, column)

    def plain(self, table, alias, column):
        """A test that every type takes."""
        name = f"{alias}.{column.name}"

        def value():
            return literal(self.random, table, column)

        pick = self.random.random()
        if pick < 0.10:
            return f"{name} IS {self.random.choice(['', 'NOT '])}NULL"
        if pick < 0.25:
            return self._distinct(name, value())
        if pick < 0.40:
            count = self.random.choice([1, 2, 3, 8, 15])
            values = ", ".join(value() for _ in range(count))
            return f"{name} {self.random.choice(['IN', 'IN', 'IN', 'NOT IN'])} ({values})"
        if pick < 0.50 and not column.type.endswith("[3]"):  # DuckDB has no BETWEEN of arrays
            negation = self.random.choice(["", "", "NOT "])
            return f"({name} {negation}BETWEEN {value()} AND {value()})"
        if pick < 0.55:
            return f"{name}::VARCHAR = {value()}::VARCHAR"
        if pick < 0.60 and column.kind in ("number", "real"):
            return f"{name}::DOUBLE > {self._small() * 10 - 1500}"
        if pick < 0.66:
            return self._of_two(table, alias, column)
        if pick < 0.70:
            return f"{value()} {self.random.choice(COMPARISONS)} {name}"
        return f"{name} {self.random.choice(COMPARISONS)} {value()}"

    def _distinct(self, name, value):
        other = self.random.choice([value, value, "NULL"])
        return f"({name} IS {self.random.choice(['', 'NOT '])}DISTINCT FROM {other})"

    def _of_one(self, table, alias):
        """Alternatives of one column, which DuckDB pushes into a scan as one filter."""
        column = self.random.choice(table.columns)
        tests = [self.plain(table, alias, column) for _ in range(self.random.choice([2, 2, 3]))]
        if self.random.random() < 0.4:
            tests[0] = self._distinct(f"{alias}.{column.name}", literal(self.random, table, column))
        return f"({self.random.choice([' OR ', ' OR ', ' AND ']).join(tests)})"

    def _of_two(self, table, alias, column):
        alike = [c for c in table.columns if c.type == column.type or
                 (c.name in SMALL_INTEGERS and column.name in SMALL_INTEGERS)]
        other = self.random.choice(alike)
        operator = self.random.choice([*COMPARISONS, "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
        return f"({alias}.{column.name} {operator} {alias}.{other.name})"

    def _small(self):
        return self.random.choice([0, 1, 3, self.random.randrange(70), self.random.randrange(600)])
