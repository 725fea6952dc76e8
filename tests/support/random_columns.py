# SPDX-License-Identifier: Apache-2.0
"""Random tables: columns of every type, the values of a batch of rows, literals near them.

Values are SQL expressions of `x`, the number of a row in its batch, `k`, the number of the batch,
and `h`, a hash of both. Many grow with `k`, so that the bounds of two chunks differ and filters
leave chunks out. `id` is of BIGINT and names the row: rows of one id are equal in every column.
"""

from dataclasses import dataclass, field, replace

ID_STEP = 100_000  # of ids between two batches

REALS = ("nan", "inf", "-inf", "0.0", "-0.0")


@dataclass(frozen=True)
class Column:
    """`atoms` are predicates of this type alone: {c} is the column, {n} a small number."""

    name: str
    type: str
    value: str
    kind: str = "other"  # number, real, text, time, nested
    specials: tuple = ()
    atoms: tuple = ()
    twin: str = ""  # a type whose values lie in a file as these do


def _timestamps(name, type_, twin=""):
    value = ("TIMESTAMP '1960-01-01' + to_hours(k * 4000 + x % 4000)"
             " + to_seconds(h % 60)")
    return Column(name, type_, value, "time", ("1970-01-01 00:00:00", "1961-05-05 12:00:00"),
                  ("{c}::DATE = DATE '1961-05-05'", "{c} > DATE '1961-01-01'",
                   "year({c}) = 1960 + {n} % 9",
                   "{c}::TIMESTAMP < TIMESTAMPTZ '1961-01-01 00:00:00+00'"), twin)


_TEXT_ATOMS = ("{c} LIKE 'common%'", "{c} LIKE '%1'", "{c} LIKE '日%'", "{c} NOT LIKE 'abc_'",
               "starts_with({c}, '🦆')", "{c} ILIKE 'ABC%'", "length({c}) = 0",
               "{c} LIKE repeat('common prefix ', 12) || 'c%'", "{c} COLLATE NOCASE = 'ABCd'",
               "{c} > 'common'", "regexp_matches({c}, '^a')", "prefix({c}, 'abc')",
               "{c} IN ('', 'é', 'abcd')", "{c} < chr(1114111)", "contains({c}, 'x')")

_REAL_ATOMS = ("isnan({c})", "isinf({c})", "isfinite({c})", "{c} = 0.0", "{c} > 'nan'",
               "{c} >= 'inf'", "{c} < '-inf'", "{c} <> 'nan'", "{c} = '-0.0'",
               "signbit({c})", "{c} BETWEEN -{n} AND {n}")

_ENUM = "ENUM('zeta', 'alpha', 'mid', '', 'Ω')"

COLUMNS = (
    Column("flag", "BOOLEAN", "k % 3 = 1 OR (k % 3 = 0 AND h % 2 = 0)", "other",
           ("true", "false"), ("{c}", "NOT {c}", "{c} IS TRUE", "{c} IS NOT FALSE")),
    Column("i8", "TINYINT", "h % 200 - 100", "number", ("-128", "127")),
    Column("i16", "SMALLINT", "(k * 700 + x % 700) % 32000 - 16000", "number", ("-32768",)),
    Column("i32", "INTEGER", "k * 1000 + x % 1000 - 1500", "number", ("2147483647",)),
    Column("i64", "BIGINT", "CASE WHEN h % 97 = 0 THEN 9223372036854775807 WHEN h % 89 = 0 THEN"
           " -9223372036854775808 ELSE k * 1000000 + x END", "number", ("0",)),
    Column("i128", "HUGEINT", "(k - 2) * 10000000000000000000000::HUGEINT + x", "number",
           ("170141183460469231731687303715884105727",), twin="VARCHAR"),
    Column("u8", "UTINYINT", "(k * 20 + h % 20) % 256", "number", ("255",)),
    Column("u16", "USMALLINT", "h % 65536", "number", ("65535",)),
    Column("u32", "UINTEGER", "h * 4 % 4294967296", "number", ("4294967295",)),
    Column("u64", "UBIGINT", "CASE WHEN k % 2 = 0 THEN 18446744073709551615::UBIGINT - x"
           " ELSE x::UBIGINT END", "number", ("0", "9223372036854775808")),
    Column("u128", "UHUGEINT", "CASE WHEN k % 3 = 0 AND h % 30 = 0 THEN"  # slow to print
           " 340282366920938463463374607431768211455::UHUGEINT - x::UHUGEINT"
           " ELSE x::UHUGEINT END", "number", ("0",)),
    Column("dec4", "DECIMAL(4,1)", "(h % 9999) / 10.0", "number", ("999.9",)),
    Column("dec9", "DECIMAL(9,2)", "((k - 1) * 100000 + x % 1000) / 100.0", "number", ("0",)),
    Column("dec18", "DECIMAL(18,4)", "(k - 2) * 100000 + x % 1000", "number", ("0.0001",)),
    Column("dec38", "DECIMAL(38,10)", "((k - 2) * 100000 + x % 1000)::DECIMAL(38,10)"
           " * 1000000000000", "number", ("-1",)),
    Column("f32", "FLOAT", "CASE WHEN h % 50 = 0 THEN 'nan'::FLOAT WHEN h % 51 = 0 THEN"
           " '-inf'::FLOAT WHEN h % 52 = 0 THEN '-0.0'::FLOAT WHEN h % 53 = 0 THEN 0.0::FLOAT"
           " ELSE (x % 100 + k * 100) / 4.0 END", "real", REALS, _REAL_ATOMS),
    Column("f64", "DOUBLE", "CASE WHEN h % 50 = 0 AND k % 2 = 0 THEN 'nan'::DOUBLE"
           " WHEN h % 51 = 0 THEN 'inf'::DOUBLE WHEN h % 52 = 0 THEN '-0.0'::DOUBLE"
           " WHEN h % 53 = 0 THEN 0.0::DOUBLE ELSE (x % 100 - k * 100) / 8.0 END",
           "real", REALS, _REAL_ATOMS),
    Column("f64b", "DOUBLE", "x % 7 + k % 3", "real", ("-0.0",), _REAL_ATOMS),
    Column("text", "VARCHAR", "repeat('common prefix ', 12) || chr((97 + k % 26)::INTEGER)"
           " || (x % 50)", "text", ("common",), _TEXT_ATOMS),
    Column("odd", "VARCHAR", "CASE h % 7 WHEN 0 THEN 'é' WHEN 1 THEN '日本' || (x % 20)"
           " WHEN 2 THEN '🦆' || k WHEN 3 THEN '' WHEN 4 THEN 'ｚ' WHEN 5 THEN chr(1114111)"
           " ELSE 'abc' || chr((h % 500 + 40)::INTEGER) END", "text", ("", "abcd"), _TEXT_ATOMS),
    Column("digits", "VARCHAR", "CASE WHEN h % 999 = 0 THEN 'none' ELSE (k * 10 + x % 10)::VARCHAR"
           " END", "text", ("7",), ("length({c}) = 2", "TRY_CAST({c} AS INTEGER) < {n}")),
    Column("blob", "BLOB", "CASE h % 4 WHEN 0 THEN '\\x00\\xFF'::BLOB WHEN 1 THEN ''::BLOB"
           " WHEN 2 THEN encode('abc' || (x % 10)) ELSE '\\xFF\\xFE'::BLOB || encode(k::VARCHAR)"
           " END", specials=("", "\\x00", "\\xFF\\xFF"), atoms=("octet_length({c}) = {n} % 5",)),
    Column("bits", "BIT", "(['0', '1', '10101010101', '000'])[1 + h % 4]::BIT",
           specials=("11",), atoms=("bit_count({c}) = {n} % 3",), twin="VARCHAR"),
    Column("uid", "UUID", "md5((x % 1000 + k * 1000)::VARCHAR)::UUID",
           specials=("00000000-0000-0000-0000-000000000000",)),
    Column("big", "BIGNUM", "((k - 1) * 1000 + x % 100)::BIGNUM", specials=("0",)),
    Column("en", _ENUM, f"(['zeta', 'alpha', 'mid', '', 'Ω'])[1 + h % 5]::{_ENUM}",
           specials=("zeta", "mid", ""), twin="VARCHAR",
           atoms=("{c}::VARCHAR > 'b'", "{c} IN ('zeta', '')", "{c} > 'zeta'")),
    Column("day", "DATE", "CASE WHEN h % 200 = 0 THEN 'infinity'::DATE WHEN h % 201 = 0 THEN"
           " '-infinity'::DATE ELSE DATE '1990-01-01' + (k * 100 + x % 90)::INTEGER END", "time",
           ("infinity", "1990-01-01"), ("year({c}) = 1990", "{c} > '1990-04-01'::TIMESTAMP")),
    _timestamps("ts", "TIMESTAMP", "TIMESTAMP_S"),
    _timestamps("ts_s", "TIMESTAMP_S", "TIMESTAMP_MS"),
    _timestamps("ts_ms", "TIMESTAMP_MS", "TIMESTAMP"),
    _timestamps("ts_ns", "TIMESTAMP_NS"),
    Column("ts_inf", "TIMESTAMP", "CASE WHEN h % 200 = 0 AND k % 2 = 0 THEN 'infinity'::TIMESTAMP"
           " ELSE TIMESTAMP '1960-01-01' + to_microseconds(h) END", "time",
           ("infinity", "-infinity"), ("isfinite({c})",)),
    Column("tz", "TIMESTAMPTZ", "CASE WHEN h % 200 = 0 AND k % 2 = 1 THEN"
           " '-infinity'::TIMESTAMPTZ ELSE (epoch_ms(k * 4000000000 + x % 4000 * 1000000)"
           "::VARCHAR || '+00')::TIMESTAMPTZ END", "time", ("1970-01-01 00:00:00+00",)),
    Column("clock", "TIME", "CASE WHEN h % 300 = 0 THEN '24:00:00'::TIME ELSE TIME '00:00:00'"
           " + to_seconds(k * 3600 + x % 3600) END", "time", ("24:00:00", "01:00:00")),
    Column("clock_ns", "TIME_NS", "(TIME '00:00:00' + to_seconds(k * 3600 + x % 3600))::VARCHAR",
           "time", ("01:00:00.000000001",)),
    Column("clock_tz", "TIMETZ", "(lpad((h % 24)::VARCHAR, 2, '0') || ':00:00'"
           " || (['+05:30', '-03', '+00'])[1 + h % 3])::TIMETZ", "time", ("01:00:00+00",)),
    Column("span", "INTERVAL", "to_months(k) + to_days((h % 28)::INTEGER) + to_seconds(x % 7)",
           specials=("1 month", "0 days"), atoms=("{c} > INTERVAL 2 MONTH",), twin="VARCHAR"),
    Column("st", "STRUCT(a INTEGER, \"B b\" VARCHAR, c STRUCT(d DATE, e DECIMAL(20,3)))",
           "{'a': CASE WHEN h % 10 <> 0 THEN (k * 100 + x % 100)::INTEGER END,"
           " 'B b': 's' || (x % 30), 'c': CASE WHEN h % 9 <> 0 THEN"
           " {'d': DATE '2000-01-01' + (k * 10 + x % 10)::INTEGER,"
           " 'e': (k * 10 + x % 10)::DECIMAL(20,3)} END}", "nested", (),
           ("{c}.a = {n}", "{c}.a < {n}", "{c}.a >= {n}", "{c}.a <> {n}", "{c}.a IS NULL",
            "{c}.c.d IS NULL", "{c}.c IS NOT NULL", "{c}.\"B b\" = 's3'", "{c}.c.e IN (1, {n}, 3)",
            "{c}.c.d >= DATE '2000-01-01' + {n}", "{c}.a IN ({n}, 7, 105, NULL)",
            "{c}.a IS DISTINCT FROM {n}", "{c}.c.e IS NOT DISTINCT FROM NULL",
            "{c}.\"B b\" IS NOT NULL AND {c}.a BETWEEN {n} AND 300",
            "({c}.a IS DISTINCT FROM {n} OR {c}.c.d < DATE '2000-01-20')")),
    Column("st_odd", "STRUCT(h HUGEINT, i INTERVAL, z TIMETZ, n INTEGER, g DOUBLE)",
           "{'h': (k - 1) * 100000000000000000000::HUGEINT + x % 10,"
           " 'i': to_days((x % 5)::INTEGER), 'z': '01:00:00+01'::TIMETZ, 'n': (x % 9)::INTEGER,"
           " 'g': CASE WHEN h % 5 = 0 THEN 'nan'::DOUBLE ELSE x % 4 END}", "nested", (),
           ("{c}.h > ({n} % 5 - 2) * 100000000000000000000::HUGEINT", "{c}.n = {n} % 10",
            "{c}.i > INTERVAL 2 DAY", "{c}.z = '00:00:00+00'::TIMETZ", "{c}.n IS NULL",
            "isnan({c}.g)", "{c}.g > 1", "{c}.g IN (1.0, 'nan'::DOUBLE)")),
    Column("li", "INTEGER[]", "CASE h % 5 WHEN 0 THEN [] WHEN 1 THEN [NULL]"
           " WHEN 2 THEN [x % 10, k] ELSE [1, 2, x % 20] END", "nested", ("[]", "[NULL]"),
           ("{c}[1] = 1", "len({c}) = 0", "list_contains({c}, 3)", "{c}[1] IS NULL")),
    Column("mp", "MAP(VARCHAR, INTEGER)", "map(['a', 'k' || (x % 4)], [k, x % 10])", "nested",
           ("{a=1}",), ("{c}['a'] = {n} % 5", "cardinality({c}) = 2", "{c}['k1'] IS NULL")),
    Column("ar", "INTEGER[3]", "[k, x % 10, NULL]", "nested", ("[1, 2, 3]",),
           ("{c}[1] = {n} % 5", "{c}[3] IS NULL", "{c}[2] > 4"), "INTEGER[]"),
    Column("ls", "STRUCT(p VARCHAR, q HUGEINT)[]", "CASE WHEN h % 4 <> 0 THEN"
           " [{'p': 'p' || (x % 5), 'q': (x % 3)::HUGEINT}] END", "nested", ("[]",),
           ("{c}[1].p = 'p1'", "len({c}) > 0", "{c}[1].q IS NULL")),
)
ID = Column("id", "BIGINT", "", "number", ("0",))


@dataclass
class Table:
    """A table on both sides: `name` in the repository, `native` in DuckDB's temp catalog."""

    name: str
    columns: list
    batches: int = 0
    literals: dict = field(default_factory=dict)  # of a column's name: texts of values
    is_twin: bool = False
    has_old: bool = False  # whether @old is a version to read beside the newest

    @property
    def native(self):
        return f"temp.native_{self.name}"

    @property
    def definition(self):
        return ", ".join(f"{c.name} {c.type}" for c in self.columns)

    def of_kind(self, *kinds):
        return [c for c in self.columns if c.kind in kinds]

    def orderable(self):
        return [c for c in self.columns if c.kind != "nested"]

    def twin(self, name):
        """A table whose rows may lie in the files of this one, under other types."""
        columns = [replace(c, type=c.twin, kind="text" if c.twin == "VARCHAR" else c.kind,
                           atoms=() if c.twin == "VARCHAR" else c.atoms) if c.twin else c
                   for c in self.columns]
        return Table(name, columns, self.batches, self.literals, is_twin=True)


def make_table(random, name, like=None):
    """A table of about ten columns; half of them those of `like`."""
    always = {"i32", "f64b"}
    others = [c for c in COLUMNS if c.name not in always]
    shared = random.sample([c for c in like.columns if c in others], 4) if like else []
    chosen = shared + random.sample([c for c in others if c not in shared], 8 - len(shared))
    columns = [c for c in COLUMNS if c.name in always] + chosen
    random.shuffle(columns)
    return Table(name, [ID, *columns])


def _null_test(random):
    """When a value is NULL: a condition, or nothing."""
    salt = random.randrange(1000)
    return random.choices(["", f"hash(x, {salt}) % 3 = 0", f"hash(x, {salt}) % 97 = 0",
                           "x // 2048 % 2 = 0", "true"], [4, 2, 3, 1, 2])[0]


def batch(random, table, row_count, seed):
    """A query that gives `row_count` new rows for the table."""
    k = table.batches
    values = [f"k * {ID_STEP} + x AS id"]
    for column in table.columns[1:]:
        test = _null_test(random)
        value = f"CASE WHEN {test} THEN NULL ELSE {column.value} END" if test else column.value
        values.append(f"({value})::{column.type} AS {column.name}")
    table.batches += 1
    return f"SELECT {', '.join(values)} FROM {_source(k, row_count, seed)}"


def _source(k, row_count, seed):
    return (f"(SELECT range AS x, {k}::BIGINT AS k, (hash(range * 7 + {k} + {seed}) % 1000000007)"
            f"::BIGINT AS h FROM range({row_count}))")


def literal_query(random, table, row_count, seed):
    """A query of texts of values of the newest batch, NULL aside; a column a column."""
    rows = {0, row_count - 1} | {random.randrange(row_count) for _ in range(3)}
    values = ", ".join(f"({c.value})::{c.type}::VARCHAR" for c in table.columns[1:])
    return (f"SELECT (k * {ID_STEP} + x)::VARCHAR, {values} FROM "
            f"{_source(table.batches - 1, row_count, seed)} WHERE x IN "
            f"({', '.join(map(str, sorted(rows)))}) ORDER BY x")


def quoted(text, type_):
    return "'" + text.replace("'", "''") + f"'::{type_}"


def literal(random, table, column):
    """A value of the column's type, likely one the column has, as SQL."""
    known = table.literals.get(column.name, [])
    choices = known[-40:] + [s for s in column.specials for _ in range(2)]
    if not choices:
        return f"NULL::{column.type}"
    text = random.choice(choices)
    if column.kind == "text" and random.random() < 0.2:
        text = text[:-1]
    return quoted(text, column.type)
