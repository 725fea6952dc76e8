# SPDX-License-Identifier: Apache-2.0
"""Every type of DuckDB and its values at the edges, as SQL.

`CASES` names each logical type that `duckdb_types()` knows, kept or refused: a test holds it to
that list, so that a new type cannot be forgotten. Values are SQL expressions without a cast; a
NULL comes with each column. Those of one case differ from each other.
"""

from dataclasses import dataclass

NINES = "9" * 38
HUGE_MAX = 2**127 - 1
ALL_BYTES = "".join(f"\\x{i:02X}" for i in range(256))


def text(*values):
    """SQL strings."""
    return tuple("'" + v.replace("'", "''") + "'" for v in values)


@dataclass(frozen=True)
class Case:
    """A type and its values. `logical`: as duckdb_types() calls it. `heavy`: a few rows only."""

    name: str
    logical: str
    type: str
    values: tuple
    heavy: bool = False
    is_nested: bool = False

    @property
    def column(self):
        return f'"{self.name}"'

    def literal(self, value):
        return f"({value})::{self.type}"


def _whole(name, low, high):
    return Case(name, name.upper(), name.upper(), tuple(f"({v})" for v in sorted(
        {low, low + 1, -1 if low < 0 else 2, 0, 1, high - 1, high})))


def _decimal(width, scale):
    digits = "9" * width
    whole, part = digits[:width - scale] or "0", digits[width - scale:]
    most = whole + ("." + part if part else "")
    least = "0." + "0" * (scale - 1) + "1" if scale else "1"
    return Case(f"dec_{width}_{scale}", "DECIMAL", f"DECIMAL({width},{scale})",
                text(most, "-" + most, "0", least, "-" + least))


_REALS = ("nan", "inf", "-inf", "0.0", "-0.0", "1.5", "-1.5")
_STAMPS = ("infinity", "-infinity", "1970-01-01 00:00:00", "1969-12-31 23:59:59",
           "0044-03-15 (BC) 12:00:00", "0001-01-01 00:00:00", "290309-12-22 (BC) 00:00:00",
           "9999-12-31 23:59:59")
_LABELS_FEW = ("zeta", "alpha", "", "it''s \"odd\"", "日本🦆", "NULL", "Zeta", " a,b ")


def enum_type(count):
    return "ENUM(" + ", ".join(f"'label {i}'" for i in range(count)) + ")"


FLAT = (
    Case("boolean", "BOOLEAN", "BOOLEAN", ("true", "false")),
    _whole("tinyint", -2**7, 2**7 - 1), _whole("smallint", -2**15, 2**15 - 1),
    _whole("integer", -2**31, 2**31 - 1), _whole("bigint", -2**63, 2**63 - 1),
    _whole("hugeint", -2**127, HUGE_MAX),
    _whole("utinyint", 0, 2**8 - 1), _whole("usmallint", 0, 2**16 - 1),
    _whole("uinteger", 0, 2**32 - 1), _whole("ubigint", 0, 2**64 - 1),
    _whole("uhugeint", 0, 2**128 - 1),
    Case("bignum", "BIGNUM", "BIGNUM", text("0", "1", "-1", str(2**127), str(-2**64), NINES * 20,
                                            "-" + NINES * 20)),
    Case("float", "FLOAT", "FLOAT", text(*_REALS, "1e-45", "-1e-45", "1.1754944e-38",
                                         "3.4028235e38", "-3.4028235e38", "0.1", "16777217")),
    Case("double", "DOUBLE", "DOUBLE", text(
        *_REALS, "5e-324", "-5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
        "-1.7976931348623157e308", "0.1", "9007199254740993", "0.30000000000000004")),
    *(_decimal(w, s) for w in (1, 4, 5, 9, 10, 18, 19, 38) for s in sorted({0, w // 2, w})),
    Case("varchar", "VARCHAR", "VARCHAR", (
        "''", "' '", "'NULL'", "'a' || chr(0) || 'b'", "chr(0)", "'e' || chr(769)", "'é'",
        "'🦆'", "chr(1114111)", "chr(10) || '\"quoted\", ''so'''", "'\\N'", "'12345678901'",
        "'123456789012'", "'1234567890123'", "repeat('x', 255)", "repeat('x', 256)",
        "repeat('x', 257)", "repeat(chr(1114111), 100)", "'1'", "'nan'")),
    Case("blob", "BLOB", "BLOB", text("", "\\x00", "\\xFF", ALL_BYTES, "\\xFF" * 300, "a", "a\\x00",
                                      "\\x27\\x22\\x5C")),
    Case("bit", "BIT", "BIT", text("0", "1", "00", "10101010", "101010101", "1" * 200,
                                   "0" * 65)),
    Case("uuid", "UUID", "UUID", text(
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "7fffffff-ffff-ffff-ffff-ffffffffffff", "80000000-0000-0000-0000-000000000000")),
    Case("date", "DATE", "DATE", text(
        "infinity", "-infinity", "5877642-06-25 (BC)", "5881580-07-10", "1970-01-01",
        "0001-01-01", "0001-12-31 (BC)", "2000-02-29", "1969-12-31")),
    Case("time", "TIME", "TIME", text("00:00:00", "00:00:00.000001", "23:59:59.999999", "24:00:00",
                                      "12:00:00.1")),
    Case("time_ns", "TIME_NS", "TIME_NS", text("00:00:00", "00:00:00.000000001",
                                               "23:59:59.999999999", "24:00:00")),
    Case("timetz", "TIME WITH TIME ZONE", "TIMETZ", text(
        "00:00:00+15:59:59", "24:00:00-15:59:59", "00:00:00+00", "24:00:00+00",
        "12:00:00.123456-00:01:01", "12:00:00+05:30", "06:30:00+00", "00:00:00-15:59:59",
        "24:00:00+15:59:59")),
    Case("timestamp", "TIMESTAMP", "TIMESTAMP", text(
        *_STAMPS, "294247-01-10 04:00:54.775806", "1970-01-01 00:00:00.000001",
        "1969-12-31 23:59:59.999999")),
    Case("timestamp_s", "TIMESTAMP_S", "TIMESTAMP_S", text(*_STAMPS, "294247-01-10 04:00:54")),
    Case("timestamp_ms", "TIMESTAMP_MS", "TIMESTAMP_MS", text(
        *_STAMPS, "294247-01-10 04:00:54.775", "1969-12-31 23:59:59.999")),
    Case("timestamp_ns", "TIMESTAMP_NS", "TIMESTAMP_NS", text(
        "infinity", "-infinity", "1677-09-22 00:00:00", "2262-04-11 23:47:16.854775806",
        "1970-01-01 00:00:00.000000001", "1969-12-31 23:59:59.999999999")),
    Case("timestamptz", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", text(
        *(s if "inf" in s else s + "+00" for s in _STAMPS), "294247-01-10 04:00:54.775806+00",
        "2020-06-01 12:00:00.000001+00")),
    Case("interval", "INTERVAL", "INTERVAL", text(
        "0 days", "1 month", "30 days", "720 hours", "-1 month 30 days",
        "178956970 years 7 months 2147483647 days 999999999:59:59.999999",
        "-178956970 years -8 months -2147483648 days -999999999:59:59.999999",
        "1 month -1 day -00:00:00.000001", "00:00:00.000001")),
    Case("enum", "ENUM", "ENUM('" + "', '".join(_LABELS_FEW) + "')",
         tuple(f"'{label}'" for label in _LABELS_FEW)),
    Case("enum_one", "ENUM", "ENUM('only')", ("'only'",)),
    Case("enum_300", "ENUM", enum_type(300), text("label 0", "label 255", "label 256",
                                                  "label 299")),
    Case("json", "VARCHAR", "JSON", text("null", "1e400", "{}", "[]", '{"a": [1, "é🦆"]}',
                                         '"\\u0000"', '{"a":1,"a":2}', " 1 ", "-0.0")),
)

_STRUCT_ODD = 'STRUCT("a b" INTEGER, "select" VARCHAR, "Ö""q" DOUBLE, "x.y" DATE, "" BOOLEAN)'
_DEEP = ('STRUCT(l STRUCT(m MAP(VARCHAR, STRUCT(h HUGEINT, i INTERVAL)[]), a TIMETZ[2])[], '
         'e ENUM(\'x\', \'y\'), n DECIMAL(38,38)[][])')

NESTED = tuple(Case(*case, is_nested=True) for case in (
    ("list", "LIST", "INTEGER[]", ("[]", "[NULL]", "[NULL, NULL]", "[2147483647]",
                                   "[-2147483648, NULL, 0]", "range(300)::INTEGER[]")),
    ("list_text", "LIST", "VARCHAR[]", ("[]", "['']", "[NULL]", "['NULL']", "['null', NULL]",
                                        "['a, b', '[c]', '\"d\"']", "[chr(0), '🦆']")),
    ("list_real", "LIST", "DOUBLE[]", ("['nan']", "['inf', '-inf']", "['-0.0']", "['0.0', NULL]",
                                       "['5e-324']")),
    ("list_list", "LIST", "BIGINT[][]", ("[]", "[[]]", "[NULL]", "[[NULL]]", "[[], NULL, [1]]",
                                         "[[9223372036854775807], []]")),
    ("list_huge", "LIST", "HUGEINT[]", (f"[{HUGE_MAX}::HUGEINT, NULL]", "[]", f"[(-{2**127})]")),
    ("list_uhuge", "LIST", "UHUGEINT[]", (f"[{2**128 - 1}::UHUGEINT, NULL]", "[]")),
    ("list_span", "LIST", "INTERVAL[]", ("['1 month', '30 days', NULL]", "['00:00:00.000001']")),
    ("list_clock", "LIST", "TIMETZ[]", ("['00:00:00+15:59:59', NULL]", "['24:00:00-15:59:59']")),
    ("list_stamp", "LIST", "TIMESTAMP_S[]", ("['infinity', '-infinity', NULL]", "[]")),
    ("list_enum", "LIST", "ENUM('b', 'a', '')[]", ("['a', NULL, '']", "['b']", "[]")),
    ("list_blob", "LIST", "BLOB[]", ("['\\x00\\xFF'::BLOB, NULL, ''::BLOB]", "[]")),
    ("list_bit", "LIST", "BIT[]", ("['0101'::BIT, NULL]", "[]")),
    ("list_json", "LIST", "JSON[]", ("['{\"a\":1}'::JSON, NULL, 'null'::JSON]", "[]")),
    ("array", "ARRAY", "INTEGER[3]", ("[1, 2, 3]", "[NULL, NULL, NULL]",
                                      "[-2147483648, NULL, 2147483647]")),
    ("array_one", "ARRAY", "VARCHAR[1]", ("['']", "[NULL]", "['🦆']")),
    ("array_array", "ARRAY", "FLOAT[2][2]", ("[['nan', '-0.0'], ['inf', NULL]]",
                                             "[NULL, ['1', '2']]")),
    ("array_big", "ARRAY", "SMALLINT[200]", ("range(200)::SMALLINT[200]",)),
    ("list_array", "LIST", "HUGEINT[2][]", (f"[[{HUGE_MAX}::HUGEINT, NULL]::HUGEINT[2], NULL]",
                                            "[]")),
    ("struct", "STRUCT", "STRUCT(a INTEGER, b VARCHAR)", (
        "{'a': 1, 'b': ''}", "{'a': NULL, 'b': NULL}", "{'a': -2147483648, 'b': 'NULL'}")),
    ("struct_case", "STRUCT", "STRUCT(\"Aa\" INTEGER, b STRUCT(\"Aa\" VARCHAR))", (
        "{'Aa': 1, 'b': NULL}", "{'Aa': 1, 'b': {'Aa': NULL}}", "{'Aa': 1, 'b': {'Aa': 'x'}}")),
    ("struct_odd", "STRUCT", _STRUCT_ODD.replace(', "" BOOLEAN', ""), (
        "row(1, 'x', 'nan'::DOUBLE, 'infinity'::DATE)", "row(NULL, NULL, '-0.0'::DOUBLE, NULL)")),
    ("struct_bent", "STRUCT", "STRUCT(h HUGEINT, z TIMETZ, i INTERVAL, s TIMESTAMP_S, b BIT)", (
        f"row({HUGE_MAX}::HUGEINT, '00:00:00+15:59:59'::TIMETZ, '30 days'::INTERVAL,"
        " 'infinity'::TIMESTAMP_S, '01'::BIT)", "row(NULL, NULL, NULL, NULL, NULL)")),
    ("map", "MAP", "MAP(VARCHAR, INTEGER)", (
        "map()", "map([''], [NULL])", "map(['a', 'A'], [1, 2])",
        "map(['NULL', chr(0)], [1, -2147483648])")),
    ("map_odd", "MAP", "MAP(DOUBLE, VARCHAR[])", ("map()", "map(['nan'::DOUBLE, '-0.0'::DOUBLE],"
                                                  " [[], NULL])", "map([1.0], [['x', NULL]])")),
    ("map_key", "MAP", "MAP(STRUCT(a HUGEINT, b DATE), MAP(BLOB, TIMESTAMPTZ))", (
        "map()", f"map([row({HUGE_MAX}::HUGEINT, 'infinity'::DATE)],"
        " [map(['\\x00'::BLOB], ['infinity'::TIMESTAMPTZ])])")),
    ("deep", "STRUCT", _DEEP, (
        f"row([row(map(['k', ''], [[row({HUGE_MAX}::HUGEINT, '1 month'::INTERVAL), NULL], NULL]),"
        " ['00:00:00+15:59:59'::TIMETZ, NULL]), NULL, row(NULL, NULL)], 'y',"
        f" [[('0.' || '{NINES}')::DECIMAL(38,38), NULL], [], NULL])",
        "row([], NULL, [])", "row(NULL, NULL, NULL)", "row([row(map(), NULL)], 'x', [[]])")),
    ("deep_list", "LIST", "INTEGER" + "[]" * 10, ("[" * 10 + "1" + "]" * 10, "[" * 9 + "]" * 9,
                                                  "[NULL]")),
))

HEAVY = (
    Case("long_text", "VARCHAR", "VARCHAR", ("repeat('é🦆', 300000)", "repeat(chr(0), 1100000)",
                                             "repeat('x', 5000000)", "''"), heavy=True),
    Case("long_blob", "BLOB", "BLOB", ("repeat('\\xFE'::BLOB, 3000000)", "'\\x00'::BLOB"),
         heavy=True),
    Case("long_list", "LIST", "HUGEINT[]", (
        f"list_transform(range(20000), lambda x: {HUGE_MAX} - x)", "[]"), heavy=True,
         is_nested=True),
    Case("enum_70000", "ENUM", enum_type(70_000), text("label 0", "label 255", "label 256",
                                                       "label 65535", "label 65536",
                                                       "label 69999"), heavy=True),
)

# Refused by name: the type, a value, the name in the message.
REFUSED = (
    ("UNION", "UNION(a INTEGER, b VARCHAR)", "union_value(a := 1)", "UNION"),
    ("GEOMETRY", "GEOMETRY", "'POINT(1 2)'::GEOMETRY", "GEOMETRY"),
    ("VARIANT", "VARIANT", "1::VARIANT", "VARIANT"),
    ("TYPE", "TYPE", "get_type(1)", "TYPE"),
    ("NULL", '"NULL"', "NULL", "NULL"),
)

CASES = FLAT + NESTED
ALL = CASES + HEAVY


def values_at(case, index):
    """SQL of the value of a row: they take turns, a NULL among them. `index`: SQL, from 0."""
    values = ", ".join(map(case.literal, case.values))
    return f"([{values}])[1 + ({index}) % {len(case.values) + 1}]"
