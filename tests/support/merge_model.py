# SPDX-License-Identifier: Apache-2.0
"""What branches, merges and their conflicts should be: a model in plain dictionaries.

A commit is its parents and a state: table id -> Table. Rows of a table with a key are known by it,
those of one without by a token that an update keeps, as a row id is kept.
"""

import itertools

_tokens = itertools.count(1)


def token():
    return next(_tokens)


class Table:
    """Never changed: a change gives another."""

    def __init__(self, tid, name, keyed, columns, rows, version, seen=frozenset()):
        self.tid, self.name, self.keyed = tid, name, keyed
        self.seen = seen | {c[0] for c in columns}  # columns that it ever had
        self.columns = columns  # (token, name, value of rows from before it was added)
        self.rows = rows  # identity -> {column token: value}
        self.version = version

    def having(self, **changes):
        fields = dict(tid=self.tid, name=self.name, keyed=self.keyed, columns=self.columns,
                      rows=self.rows, version=token(), seen=self.seen)
        fields.update(changes)
        return Table(**fields)

    def tuples(self, columns=None):
        """The rows, in the order and with the defaults of `columns`: sorted."""
        columns = self.columns if columns is None else columns
        found = [tuple(row.get(c, default) for c, _, default in columns)
                 for row in self.rows.values()]
        return sorted(found, key=lambda row: [(v is not None, v) for v in row])


class Commit:
    def __init__(self, parents, state):
        self.parents, self.state, self.number = parents, state, token()
        self.ancestors = {self}.union(*(p.ancestors for p in parents))


def bases(a, b):
    """The common ancestors that are nobody else's among them."""
    common = a.ancestors & b.ancestors
    found = [c for c in common if not any(c is not d and c in d.ancestors for d in common)]
    return sorted(found, key=lambda c: -c.number)


def base_state(a, b):
    """What two commits began with: of two bases, what they have together."""
    found = bases(a, b)
    if len(found) < 2:
        return found[0].state if found else {}
    one, other = found[0], found[1]
    fork = bases(one, other)
    fork = fork[0].state if fork else {}
    version = lambda table: table and table.version
    joined = {}
    for tid in {**one.state, **other.state, **fork}:
        x, y, f = one.state.get(tid), other.state.get(tid), fork.get(tid)
        if version(x) == version(y) or version(f) == version(y):
            table = x
        elif version(f) == version(x):
            table = y
        elif x is None or y is None:
            table = f
        else:
            merge = Merge({tid: f} if f else {}, {tid: x}, {tid: y}, "base")
            table = f if merge.conflicts else merge.state[tid].having()
        if table is not None:
            joined[tid] = table
    return joined


class Merge:
    """`ours` and `theirs` since `base` (states); conflicts are (table, kind, key or None)."""

    def __init__(self, base, ours, theirs, strategy="fail"):
        self.strategy = strategy
        self.conflicts = []
        self.changed = False
        self.state = dict(ours)
        for tid in list(ours) + [t for t in theirs if t not in ours]:
            self._table(base.get(tid), ours.get(tid), theirs.get(tid), tid)

    def _set(self, tid, table):
        self.changed = True
        if table is None:
            del self.state[tid]
        else:
            self.state[tid] = table

    def _table(self, base, ours, theirs, tid):
        version = lambda table: table and table.version
        if version(ours) == version(theirs) or version(base) == version(theirs):
            return
        if version(base) == version(ours):
            taken = theirs and [t for t in self.state.values()
                                if t.name == theirs.name and t.tid != tid]
            if taken:
                self.conflicts.append((theirs.name, "table/table", None))
            else:
                self._set(tid, theirs)
        elif ours is None or theirs is None:
            self.conflicts.append(((ours or theirs).name,
                                   "drop/update" if ours is None else "update/drop", None))
        else:
            self._both(base, ours, theirs, tid)

    def _both(self, base, ours, theirs, tid):
        columns = self._columns(base, ours, theirs)
        if columns is None:
            self.conflicts.append((ours.name, "schema", None))
            return
        rows, applied = self._rows(base, ours, theirs, columns)
        if applied or columns != ours.columns:
            self._set(tid, ours.having(columns=columns, rows=rows,
                                       seen=ours.seen | theirs.seen))

    @staticmethod
    def _columns(base, ours, theirs):
        """None: they contradict each other."""
        of = lambda table: {c[0]: c for c in (table.columns if table else [])}
        b, o, t = of(base), of(ours), of(theirs)
        merged = []
        for c in ours.columns:
            if c[0] not in t:
                if c[0] in b and b[c[0]] != c:
                    return None
                if c[0] not in b:
                    merged.append(c)
            elif c == t[c[0]] or t[c[0]] == b.get(c[0]):
                merged.append(c)
            elif c == b.get(c[0]):
                merged.append(t[c[0]])
            else:
                return None
        for c in theirs.columns:
            if c[0] not in o:
                if c[0] in b and b[c[0]] != c:
                    return None
                if c[0] not in b:
                    merged.append(c)
        names = [c[1] for c in merged]
        return merged if len(set(names)) == len(names) else None

    def _rows(self, base, ours, theirs, columns):
        cells = [c[0] for c in columns]
        defaults = {c[0]: c[2] for c in columns}
        def seen(table, key):
            row = table.rows.get(key) if table else None
            return row and {c: row.get(c, defaults[c]) for c in cells}
        rows = {k: seen(ours, k) for k in ours.rows}
        applied = False
        for key in set(theirs.rows) | set(base.rows if base else ()):
            b, o, t = seen(base, key), seen(ours, key), seen(theirs, key)
            if b == t or o == t:
                continue
            if o != b:
                kind, t = self._clash(b, o, t, cells)
                if kind is not None and self.strategy == "fail":
                    self.conflicts.append((ours.name, kind, key))
                if t == "keep":
                    continue
            applied = True
            rows.pop(key, None)
            if t is not None:
                rows[key] = t
        return rows, applied

    def _clash(self, b, o, t, cells):
        """The kind of conflict (None: there is none), and what becomes of the row."""
        theirs = self.strategy == "theirs"
        if self.strategy == "base" and (b is None or o is None or t is None):
            return None, b
        if o is None:
            return "delete/update", t if self.strategy != "ours" else "keep"
        if t is None:
            return "update/delete", None if theirs else "keep"
        if b is None:
            return "insert/insert", t if theirs else "keep"
        mixed, kind = {}, None
        for c in cells:
            if t[c] == b[c] or o[c] == t[c]:
                mixed[c] = o[c]
            elif o[c] == b[c]:
                mixed[c] = t[c]
            else:
                kind = "update/update"
                mixed[c] = {"theirs": t, "base": b}.get(self.strategy, o)[c]
        return kind, mixed
