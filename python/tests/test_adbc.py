# SPDX-License-Identifier: Apache-2.0
"""The ADBC driver, through the driver manager: what ADBC 1.1 wants of one, and `armillaria.adbc`."""

import datetime
import decimal
import gc
import os
import resource
import subprocess
import sys
import threading

import adbc_driver_manager as manager
import armillaria as arm
import pandas
import polars
import pyarrow as pa
import pytest
from adbc_driver_manager import dbapi
from armillaria import adbc

Status = manager.AdbcStatusCode


@pytest.fixture
def connection(path):
    """With autocommit, in a new repository."""
    with adbc.connect(path, create=True, autocommit=True) as made:
        yield made


@pytest.fixture
def low(path):
    """The same of the low-level interface."""
    with database(path) as opened, manager.AdbcConnection(opened) as made:
        yield made


def database(path, **options):
    options = {"adbc.armillaria.create": "true", **options}
    return manager.AdbcDatabase(driver=adbc.driver_path(), entrypoint=adbc.ENTRYPOINT, uri=path,
                                **options)


def rows(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters).fetchall()


def run(connection, *statements):
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def low_rows(statement, sql=None):
    if sql is not None:
        statement.set_sql_query(sql)
    stream, _ = statement.execute_query()
    with pa.RecordBatchReader._import_from_c(stream.address) as reader:
        return [tuple(row.values()) for row in reader.read_all().to_pylist()]


def refused(call, *arguments, status, state=None, says="", **keywords):
    with pytest.raises(manager.Error) as caught:
        call(*arguments, **keywords)
    error = caught.value
    assert error.status_code == status, error
    assert state is None or error.sqlstate == state, error
    assert says in str(error)
    return error


# ---- The module ----


def test_connect_gives_a_dbapi_connection(path):
    with adbc.connect(path, create=True) as connection:
        assert isinstance(connection, dbapi.Connection)
        assert rows(connection, "SELECT 42 AS a, 'x' AS b") == [(42, "x")]
        assert connection.adbc_get_info()["vendor_name"] == "Armillaria"


def test_connect_and_open_share_one_library(path):
    """Two copies of the library would refuse each other with Busy."""
    with arm.open(path, create=True) as db, adbc.connect(path, autocommit=True) as connection:
        db.write("t", {"a": [1]})
        run(connection, "INSERT INTO t VALUES (2)")
        assert db.sql("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)]
        loaded = {line.split()[-1] for line in open("/proc/self/maps") if "libarmillaria" in line}
    assert loaded == {os.path.realpath(adbc.driver_path())}


def test_connect_where_nothing_is(path):
    refused(adbc.connect, path, status=Status.NOT_FOUND, state="3D000", says="no such directory")
    assert not os.path.exists(path)


def test_connect_read_only(path):
    arm.open(path, create=True).close()
    with adbc.connect(path, read_only=True, autocommit=True) as connection:
        assert rows(connection, "SELECT 1") == [(1,)]
        refused(run, connection, "CREATE TABLE t(a INT)", status=Status.UNAUTHORIZED,
                state="25006")


def test_connect_on_a_branch(path, monkeypatch):
    with arm.open(path, create=True) as db:
        db.branches.create("dev")
    key = "adbc.armillaria.branch"
    with adbc.connect(path, branch="dev") as connection:
        assert connection.adbc_connection.get_option(key) == "dev"
    monkeypatch.setenv("ARMILLARIA_BRANCH", "dev")
    with adbc.connect(path) as connection:
        assert connection.adbc_connection.get_option(key) == "dev"
    refused(adbc.connect, path, branch="nowhere", status=Status.NOT_FOUND)


def test_connect_takes_a_uri(tmp_path):
    place = tmp_path / "with space"
    with adbc.connect(f"file://{tmp_path}/with%20space", create=True):
        assert (place / "FORMAT").exists()
    for wrong in ("file://host/repo", "file:///repo?x=1", "file:///%zz", "file:///%00"):
        refused(adbc.connect, wrong, create=True, status=Status.INVALID_ARGUMENT)
    refused(manager.AdbcDatabase, driver=adbc.driver_path(), entrypoint=adbc.ENTRYPOINT,
            uri="postgresql://x", status=Status.INVALID_ARGUMENT, says="neither a path")


def test_connect_checks_its_arguments(path):
    for wrong in ({"create": 1}, {"read_only": "yes"}, {"branch": 7}, {"autocommit": None},
                  {"isolation": "none"}, {"message": b"x"}, {"threads": -1}, {"memory_limit": "1"}):
        with pytest.raises(arm.InvalidArgument):
            adbc.connect(path, **wrong)
    with pytest.raises(arm.InvalidType):
        adbc.connect(7)
    assert not os.path.exists(path)


def test_connect_without_the_driver_manager(path):
    """As where it is not installed."""
    program = ("import sys; sys.modules['adbc_driver_manager'] = None\n"
               "import armillaria as arm; from armillaria import adbc\n"
               "try: adbc.connect(sys.argv[1])\n"
               "except arm.Unsupported as error: print(error)")
    done = subprocess.run([sys.executable, "-c", program, path], text=True, capture_output=True,
                          check=False)
    assert "armillaria[adbc]" in done.stdout, done.stderr


def test_options_of_the_engine_arrive(path, tmp_path):
    with adbc.connect(path, create=True, threads=2, memory_limit=2**28,
                      spill_directory=tmp_path / "spill") as connection:
        found = rows(connection, "SELECT current_setting('threads'), "
                                 "current_setting('memory_limit'), "
                                 "current_setting('temp_directory')")
        assert found == [(2, "256.0 MiB", str(tmp_path / "spill"))]


# ---- Queries ----


def test_a_query_gives_its_rows(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT i, i * 2 AS twice FROM range(10000) r(i)")
        assert [column[0] for column in cursor.description] == ["i", "twice"]
        assert cursor.rowcount == -1
        assert cursor.fetchone() == (0, 0)
        assert len(cursor.fetchall()) == 9999


def test_changed_rows_are_counted(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t AS SELECT i AS a FROM range(5) r(i)")
        assert cursor.rowcount == 5
        cursor.execute("UPDATE t SET a = a + 1 WHERE a >= 2")
        assert (cursor.rowcount, cursor.description) == (3, [])
        assert cursor.fetchall() == []
        cursor.execute("DELETE FROM t RETURNING a")
        assert len(cursor.fetchall()) == 5
        cursor.execute("CREATE TABLE u(a INT)")
        assert cursor.rowcount == -1
    with manager.AdbcStatement(connection.adbc_connection) as statement:
        statement.set_sql_query("INSERT INTO u VALUES (1), (2)")
        assert statement.execute_update() == 2
        statement.set_sql_query("SELECT * FROM u")
        assert statement.execute_update() == -1


def test_a_query_without_a_result_is_read_to_its_end(connection):
    """Its errors are told where nobody wants its rows."""
    with manager.AdbcStatement(connection.adbc_connection) as statement:
        statement.set_sql_query("SELECT error('late') FROM range(100000) r(i) WHERE i = 99999")
        refused(statement.execute_update, status=Status.INVALID_DATA, says="late")


def test_several_results_are_open_at_once(connection):
    with connection.cursor() as a, connection.cursor() as b, connection.cursor() as c:
        a.execute("SELECT i FROM range(50000) r(i) ORDER BY i")
        assert a.fetchone() == (0,)
        b.execute("SELECT -i FROM range(50000) r(i) ORDER BY i")
        c.execute("CREATE TABLE t(a INT)")
        assert b.fetchmany(2) == [(0,), (-1,)]
        assert sum(row[0] for row in a.fetchall()) == 50000 * 49999 // 2
        assert len(b.fetchall()) == 49998


def test_a_result_outlives_all_it_came_from(path):
    """Statement, connection and database are released before it is read."""
    opened = database(path)
    connection = manager.AdbcConnection(opened)
    statement = manager.AdbcStatement(connection)
    statement.set_sql_query("SELECT i FROM range(100000) r(i)")
    stream, _ = statement.execute_query()
    reader = pa.RecordBatchReader._import_from_c(stream.address)
    statement.close()
    connection.close()
    opened.close()
    assert reader.read_all().num_rows == 100000


def test_a_result_goes_back_into_its_own_repository(connection):
    run(connection, "CREATE TABLE t AS SELECT i AS a FROM range(300000) r(i)")
    with connection.cursor() as cursor, connection.cursor() as other:
        reader = cursor.execute("SELECT a + 1 AS b FROM t").fetch_record_batch()
        assert other.adbc_ingest("u", reader) == 300000
    assert rows(connection, "SELECT sum(b) - sum(a) FROM t, u WHERE b = a + 1") == [(300000,)]


def test_one_statement_at_a_time(connection):
    refused(rows, connection, "SELECT 1; SELECT 2", status=Status.INVALID_ARGUMENT)
    assert rows(connection, "SELECT 1; -- done\n ;") == [(1,)]
    assert rows(connection, " -- nothing\n") == []


def test_the_schema_of_a_query_is_told_without_running_it(connection):
    run(connection, "CREATE TABLE t(a INT, b VARCHAR)")
    with connection.cursor() as cursor:
        def columns(sql):
            return [(field.name, str(field.type)) for field in cursor.adbc_execute_schema(sql)]

        assert columns("SELECT *, 1.5 AS c FROM t;  -- all") == [
            ("a", "int32"), ("b", "string"), ("c", "decimal128(2, 1)")]
        assert columns("SELECT 1 AS a, 2 AS a") == [("a", "int32"), ("a", "int32")]
        assert columns("SELECT 1 AS a LIMIT 5") == [("a", "int32")]
        assert columns("WITH x AS (SELECT 1 AS a) FROM x") == [("a", "int32")]
        assert columns("SELECT ?::DATE AS d, $2 AS x") == [("d", "date32[day]"), ("x", "int32")]
        assert columns("DESCRIBE t")[0] == ("column_name", "string")
        refused(columns, "INSERT INTO t VALUES (1, 'x') RETURNING a",
                status=Status.NOT_IMPLEMENTED)
        refused(columns, "WITH x AS (SELECT 1) INSERT INTO t SELECT 1, 'x'",
                status=Status.INVALID_ARGUMENT)
        refused(columns, "SELECT nope FROM t", status=Status.INVALID_ARGUMENT, says="nope")
    assert rows(connection, "SELECT count(*) FROM t") == [(0,)]


# ---- Types ----

UTC = datetime.timezone.utc
VALUES = [
    ("BOOLEAN", pa.bool_(), True), ("TINYINT", pa.int8(), -128), ("SMALLINT", pa.int16(), -2**15),
    ("INTEGER", pa.int32(), 2**31 - 1), ("BIGINT", pa.int64(), -2**63),
    ("UTINYINT", pa.uint8(), 255), ("USMALLINT", pa.uint16(), 2**16 - 1),
    ("UINTEGER", pa.uint32(), 2**32 - 1), ("UBIGINT", pa.uint64(), 2**64 - 1),
    ("FLOAT", pa.float32(), 1.5), ("DOUBLE", pa.float64(), 1e308),
    ("DECIMAL(38,10)", pa.decimal128(38, 10), decimal.Decimal("-1.0000000001")),
    ("VARCHAR", pa.string(), "ünï\U0001f344"), ("BLOB", pa.binary(), b"\0\xff"),
    ("DATE", pa.date32(), datetime.date(1, 1, 1)),
    ("TIME", pa.time64("us"), datetime.time(23, 59, 59, 999999)),
    ("TIMESTAMP", pa.timestamp("us"), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("TIMESTAMP_S", pa.timestamp("s"), datetime.datetime(2026, 1, 2, 3, 4, 5)),
    ("TIMESTAMP_MS", pa.timestamp("ms"), datetime.datetime(2026, 1, 2, 3, 4, 5, 6000)),
    ("INTEGER[]", pa.list_(pa.int32()), [1, None, 3]),
    ("STRUCT(a INTEGER, b VARCHAR)", pa.struct([("a", pa.int32()), ("b", pa.string())]),
     {"a": 1, "b": None}),
    ("MAP(VARCHAR, INTEGER)", pa.map_(pa.string(), pa.int32()), [("k", 1)]),
]


@pytest.mark.parametrize("sql_type, arrow_type, value", VALUES, ids=[row[0] for row in VALUES])
def test_types_go_in_and_come_back(connection, sql_type, arrow_type, value):
    """By a parameter, by ingestion, by a query: the same value, and NULL."""
    given = pa.table({"v": pa.array([value, None], arrow_type)})
    run(connection, f"CREATE TABLE t(v {sql_type})")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?)", given)
        assert cursor.rowcount == 2
        assert cursor.adbc_ingest("u", given) == 2
        for table in ("t", "u"):
            cursor.execute(f"SELECT v FROM {table} ORDER BY v NULLS LAST")
            found = cursor.fetch_arrow_table()
            assert found.schema.field("v").type == arrow_type
            assert found.column("v").to_pylist() == [value, None]


def test_other_types_come_as_what_holds_them(connection):
    given = pa.table({
        "view": pa.array(["a", None], pa.string_view()),
        "large": pa.array(["b", None], pa.large_string()),
        "dictionary": pa.array(["c", None]).dictionary_encode(),
        "fixed": pa.array([b"12", None], pa.binary(2)),
        "zone": pa.array([0, None], pa.timestamp("us", "UTC")),
    })
    with connection.cursor() as cursor:
        cursor.adbc_ingest("t", given)
        found = cursor.execute("SELECT * FROM t").fetch_arrow_table()
    assert found.to_pylist()[0] == {
        "view": "a", "large": "b", "dictionary": "c", "fixed": b"12",
        "zone": datetime.datetime(1970, 1, 1, tzinfo=UTC)}
    assert all(value is None for value in found.to_pylist()[1].values())


def test_sliced_batches_are_bound_from_where_they_begin(connection):
    given = pa.record_batch({"a": list(range(10)), "b": [str(i) for i in range(10)]})
    run(connection, "CREATE TABLE t(a INT, b VARCHAR)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?, ?)", given.slice(3, 4))
        cursor.adbc_ingest("u", given.slice(3, 4))
    wanted = [(i, str(i)) for i in range(3, 7)]
    assert rows(connection, "SELECT * FROM t ORDER BY a") == wanted
    assert rows(connection, "SELECT * FROM u ORDER BY a") == wanted


def test_slices_of_structs_are_taken_from_where_they_begin(connection):
    """A struct has an offset and a length of its own, which its columns do not know of."""
    given = pa.StructArray.from_arrays(
        [pa.array(range(9)), pa.array([None if i % 3 else str(i) for i in range(9)])],
        ["a", "b"]).slice(3, 4)
    run(connection, "CREATE TABLE t(a INT, b VARCHAR)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?, ?)", given)
        cursor.execute("INSERT INTO t VALUES (?, ?)", given.slice(3, 1))
        assert cursor.adbc_ingest("u", given) == 4
    wanted = [(3, "3"), (4, None), (5, None), (6, "6")]
    assert rows(connection, "SELECT * FROM u ORDER BY a") == wanted
    assert rows(connection, "SELECT * FROM t ORDER BY a") == [*wanted, (6, "6")]


# ---- Parameters ----


def test_parameters_by_place_and_by_name(connection):
    assert rows(connection, "SELECT ?, ?", [1, "x"]) == [(1, "x")]
    assert rows(connection, "SELECT $2, $1", [1, "x"]) == [("x", 1)]
    assert rows(connection, "SELECT $b, $a, $b", {"a": 1, "b": "x"}) == [("x", 1, "x")]
    assert rows(connection, "SELECT $b, $a", [1, "x"]) == [(1, "x")]  # by first use
    assert rows(connection, "SELECT $10 - $9 + $1 + $2 + $3 + $4 + $5 + $6 + $7 + $8",
                [0, 0, 0, 0, 0, 0, 0, 0, 1, 100]) == [(99,)]


def test_what_only_looks_like_a_parameter_is_none(connection):
    sql = """SELECT '?', E'\\'?', $$ ? $1 $$, $q$ $$ ? $q$, "?" -- ? $3
             /* ? /* $4 */ ? */ , ? FROM (SELECT 1 AS "?")"""
    assert rows(connection, sql, ["real"]) == [
        ("?", "'?", " ? $1 ", " $$ ? ", 1, "real")]


def test_each_bound_row_executes_the_statement_once(connection):
    run(connection, "CREATE TABLE t(a INT)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(10)])
        assert cursor.rowcount == 10
        cursor.execute("SELECT a FROM t WHERE a < ? ORDER BY a", pa.table({"limit": [2, 0, 1]}))
        assert cursor.fetchall() == [(0,), (1,), (0,)]
        cursor.execute("DELETE FROM t WHERE a = ? RETURNING a", pa.table({"a": [3, 99, 4]}))
        assert cursor.fetchall() == [(3,), (4,)]
        nothing = pa.table({"limit": pa.array([], pa.int32())})
        cursor.execute("SELECT a FROM t WHERE a < ?", nothing)
        assert [column[0] for column in cursor.description] == ["a"]
        assert cursor.fetchall() == []
        cursor.executemany("DELETE FROM t WHERE a >= ?", nothing)
        assert cursor.rowcount == 0
    assert rows(connection, "SELECT count(*) FROM t") == [(8,)]


def test_many_bound_rows_are_one_commit_or_none(path):
    with adbc.connect(path, create=True, autocommit=True, message="of many") as connection:
        run(connection, "CREATE TABLE t(a INT PRIMARY KEY)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(50)])
            refused(cursor.executemany, "INSERT INTO t VALUES (?)", [(60,), (61,), (7,)],
                    status=Status.INTEGRITY, state="23000")
        assert rows(connection, "SELECT count(*), max(a) FROM t") == [(50, 49)]
    with arm.open(path) as db:
        assert [version.version for version in db.versions("t")] == [2, 1]
        assert db.log()[0].message == "of many"


def test_wrong_parameters_are_refused(connection):
    def wrong(sql, parameters, **keywords):
        refused(rows, connection, sql, parameters, **keywords)

    wrong("SELECT ?, ?", [1], status=Status.INVALID_ARGUMENT, says="2 parameters, and 1 column")
    wrong("SELECT 1", [1], status=Status.INVALID_ARGUMENT, says="0 parameters")
    wrong("SELECT ?", None, status=Status.INVALID_STATE, state="07001")
    wrong("SELECT $a", {"b": 1}, status=Status.INVALID_STATE)
    assert rows(connection, "SELECT ?", ["after"]) == [("after",)]


def test_a_stream_that_fails_is_told(connection):
    def broken():
        yield pa.record_batch({"a": [1]})
        raise ValueError("the source broke")

    def reader():
        return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), broken())

    run(connection, "CREATE TABLE t(a INT)")
    with connection.cursor() as cursor:
        for call in (lambda: cursor.executemany("INSERT INTO t VALUES (?)", reader()),
                     lambda: cursor.adbc_ingest("t", reader(), mode="append")):
            with pytest.raises(manager.Error, match="the source broke"):
                call()
    assert rows(connection, "SELECT count(*) FROM t") == [(0,)]


def test_parameter_schema(connection):
    with connection.cursor() as cursor:
        schema = cursor.adbc_prepare("SELECT $b, ?::INT, $a, $B")
        assert [field.name for field in schema] == ["b", "", "a"]
        assert {field.type for field in schema} == {pa.null()}
        assert len(cursor.adbc_prepare("SELECT ?, ?")) == 2
    with manager.AdbcStatement(connection.adbc_connection) as statement:
        refused(statement.prepare, status=Status.INVALID_STATE)
        refused(statement.get_parameter_schema, status=Status.INVALID_STATE)


# ---- Ingestion ----

ORDERS = pa.table({"id": [1, 2], "amount": [9.5, 3.0]})


def test_ingest_modes(connection):
    with connection.cursor() as cursor:
        def count():
            return rows(connection, "SELECT count(*) FROM orders")[0][0]

        refused(cursor.adbc_ingest, "orders", ORDERS, mode="append", status=Status.NOT_FOUND)
        assert cursor.adbc_ingest("orders", ORDERS) == 2
        refused(cursor.adbc_ingest, "orders", ORDERS, mode="create",
                status=Status.ALREADY_EXISTS)
        assert cursor.adbc_ingest("orders", ORDERS, mode="append") == 2
        assert cursor.adbc_ingest("orders", ORDERS, mode="create_append") == 2
        assert count() == 6
        other = pa.table({"other": ["x"]})
        for mode in ("append", "create_append"):
            refused(cursor.adbc_ingest, "orders", other, mode=mode, status=Status.ALREADY_EXISTS,
                    state="42804")
        assert cursor.adbc_ingest("orders", other, mode="replace") == 1
        assert rows(connection, "SELECT * FROM orders") == [("x",)]
        assert cursor.adbc_ingest("fresh", ORDERS, mode="create_append") == 2
        assert cursor.adbc_ingest("fresher", ORDERS, mode="replace") == 2


def test_ingest_upserts_by_key(connection):
    upsert = "adbc.armillaria.ingest.mode.upsert"
    with manager.AdbcStatement(connection.adbc_connection) as statement:
        def ingest(data, mode, key=None):
            statement.set_options(**{"adbc.ingest.target_table": "t", "adbc.ingest.mode": mode,
                                     "adbc.armillaria.ingest.key": key})
            statement.bind_stream(data)
            return statement.execute_update()

        first = pa.table({"a b": [1, 2], 'say "x"': [1, 1], "v": ["x", "y"]})
        create = "adbc.ingest.mode.create"
        assert ingest(first, create, '"a b", "say ""x"""') == 2
        assert ingest(pa.table({"a b": [2, 3], 'say "x"': [1, 1], "v": ["Y", "z"]}), upsert) == 2
        assert rows(connection, "SELECT v FROM t ORDER BY 1") == [("Y",), ("x",), ("z",)]
        for wrong in ("a,,b", ",", '"a" b'):
            refused(ingest, first, create, wrong, status=Status.INVALID_ARGUMENT, says="between")


def test_ingest_into_a_schema(connection):
    run(connection, "CREATE SCHEMA s")
    with connection.cursor() as cursor:
        cursor.adbc_ingest('odd "name".x', ORDERS, db_schema_name="s")
        cursor.adbc_ingest("t", ORDERS, catalog_name="armillaria", db_schema_name="s")
        refused(cursor.adbc_ingest, "t", ORDERS, catalog_name="nope", status=Status.NOT_FOUND,
                state="3D000")
        refused(cursor.adbc_ingest, "t", ORDERS, db_schema_name="nope", status=Status.NOT_FOUND)
    with connection.cursor() as cursor:
        connection.adbc_current_db_schema = "s"
        cursor.adbc_ingest("here", ORDERS)
    assert rows(connection, 'SELECT count(*) FROM armillaria.s."odd ""name"".x", s.t, s.here') \
        == [(8,)]


def test_ingest_refuses_what_it_cannot(connection):
    with connection.cursor() as cursor:
        refused(cursor.adbc_ingest, "t", ORDERS, temporary=True, status=Status.NOT_IMPLEMENTED,
                says="TEMP")
        twice = pa.table([[1], [2]], names=["a", "a"])
        refused(cursor.adbc_ingest, "t", twice, status=Status.INVALID_ARGUMENT)
    with manager.AdbcStatement(connection.adbc_connection) as statement:
        statement.set_options(**{"adbc.ingest.target_table": "t"})
        refused(statement.execute_update, status=Status.INVALID_STATE, says="nothing is bound")
        refused(statement.set_options, **{"adbc.ingest.mode": "upward"},
                status=Status.INVALID_ARGUMENT)
    assert connection.adbc_get_objects(depth="tables").read_all().to_pylist()[0][
        "catalog_db_schemas"] == [{"db_schema_name": "main", "db_schema_tables": []}]


def test_ingest_of_much_streams(connection):
    batch = pa.record_batch({"i": list(range(100_000)), "s": ["x" * 20] * 100_000})

    def batches():
        for _ in range(30):
            yield batch

    with connection.cursor() as cursor:
        reader = pa.RecordBatchReader.from_batches(batch.schema, batches())
        assert cursor.adbc_ingest("big", reader) == 3_000_000
    assert rows(connection, "SELECT count(*), sum(i), max(s) FROM big") == [
        (3_000_000, 30 * 100_000 * 99_999 // 2, "x" * 20)]


def test_two_that_create_and_append_at_once_both_do(path):
    arm.open(path, create=True).close()
    failures = []

    def ingest(number):
        try:
            with adbc.connect(path, autocommit=True) as connection, connection.cursor() as cursor:
                while True:
                    try:
                        cursor.adbc_ingest("t", pa.table({"a": [number]}), mode="create_append")
                        return
                    except manager.OperationalError as error:
                        if error.sqlstate != "40001":
                            raise
        except Exception as error:  # noqa: BLE001 - told by the test's thread
            failures.append(error)

    threads = [threading.Thread(target=ingest, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with adbc.connect(path) as connection:
        assert rows(connection, "SELECT a FROM t ORDER BY a") == [(0,), (1,), (2,), (3,)]


# ---- Transactions ----


def test_without_autocommit_nothing_is_seen_before_commit(path):
    with adbc.connect(path, create=True) as one, adbc.connect(path, autocommit=True) as two:
        run(one, "CREATE TABLE t(a INT)")
        refused(rows, two, "SELECT * FROM t", status=Status.NOT_FOUND, state="42P01")
        one.commit()
        with one.cursor() as cursor:
            cursor.adbc_ingest("t", pa.table({"a": [1, 2]}), mode="append")
        assert (rows(one, "SELECT count(*) FROM t"), rows(two, "SELECT count(*) FROM t")) == \
            ([(2,)], [(0,)])
        one.rollback()
        assert rows(one, "SELECT count(*) FROM t") == [(0,)]
        run(one, "INSERT INTO t VALUES (1)")
        one.adbc_connection.set_autocommit(True)  # commits
        assert rows(two, "SELECT count(*) FROM t") == [(1,)]


def test_a_transaction_reads_one_snapshot(path):
    with adbc.connect(path, create=True) as one, adbc.connect(path, autocommit=True) as two:
        run(two, "CREATE TABLE t(a INT)")
        assert rows(one, "SELECT count(*) FROM t") == [(0,)]
        run(two, "INSERT INTO t VALUES (1)")
        assert rows(one, "SELECT count(*) FROM t") == [(0,)]
        one.commit()
        assert rows(one, "SELECT count(*) FROM t") == [(1,)]


def test_a_conflict_is_safe_to_retry(path):
    with adbc.connect(path, create=True) as one, adbc.connect(path) as two:
        run(one, "CREATE TABLE t AS SELECT 1 AS id, 0 AS n")
        one.commit()
        run(one, "UPDATE t SET n = n + 1")
        run(two, "UPDATE t SET n = n + 10")
        one.commit()
        error = refused(two.commit, status=Status.IO, state="40001")
        assert isinstance(error, manager.OperationalError)
        details = dict(error.details)
        assert details[b"adbc.armillaria.status"] == b"ARM_CONFLICT"
        with arm.open(path) as db:  # the other commit
            assert db.log()[0].commit.encode() == details[b"adbc.armillaria.commit_id"]
        run(two, "UPDATE t SET n = n + 10")
        two.commit()
        assert rows(one, "SELECT n FROM t") == [(11,)]


def test_serializable_refuses_a_write_skew(path):
    with adbc.connect(path, create=True, isolation="serializable") as one, \
            adbc.connect(path) as two:
        run(one, "CREATE TABLE t AS SELECT i AS id, 1 AS oncall FROM range(2) r(i)")
        one.commit()
        two.adbc_connection.set_options(**{
            "adbc.connection.transaction.isolation_level":
                "adbc.connection.transaction.isolation.serializable"})
        for number, connection in enumerate((one, two)):
            assert rows(connection, "SELECT sum(oncall) FROM t") == [(2,)]
            run(connection, f"UPDATE t SET oncall = 0 WHERE id = {number}")
        one.commit()
        refused(two.commit, status=Status.IO, state="40001")


def test_isolation_levels_that_there_are(connection):
    key, level = "adbc.connection.transaction.isolation_level", \
        "adbc.connection.transaction.isolation."
    low = connection.adbc_connection
    assert low.get_option(key) == level + "default"
    for name in ("snapshot", "serializable", "default"):
        low.set_options(**{key: level + name})
        assert low.get_option(key) == level + name
        wanted = "serializable" if name == "serializable" else "snapshot"
        assert rows(connection, "SELECT current_setting('arm_isolation')") == [(wanted,)]
    for name in ("read_committed", "linearizable", "x"):
        refused(low.set_options, **{key: level + name}, status=Status.NOT_IMPLEMENTED)
    low.set_autocommit(False)
    assert rows(connection, "SELECT 1") == [(1,)]
    refused(low.set_options, **{key: level + "snapshot"}, status=Status.INVALID_STATE)


def test_an_error_spoils_the_transaction(path):
    with adbc.connect(path, create=True) as connection:
        run(connection, "CREATE TABLE t(a INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
        refused(run, connection, "INSERT INTO t VALUES (1)", status=Status.INTEGRITY)
        refused(rows, connection, "SELECT 1", status=Status.INVALID_STATE, state="25P02")
        refused(connection.commit, status=Status.INVALID_STATE, state="25P02")
        run(connection, "CREATE TABLE t(a INT)")  # a new one
        connection.commit()


def test_commit_and_rollback_want_autocommit_off(connection):
    low = connection.adbc_connection
    refused(low.commit, status=Status.INVALID_STATE)
    refused(low.rollback, status=Status.INVALID_STATE)
    low.set_autocommit(False)
    low.commit()  # nothing is open
    low.rollback()


def test_sql_may_end_a_transaction(path):
    """What ADBC leaves undefined does no harm."""
    with adbc.connect(path, create=True) as connection:
        run(connection, "CREATE TABLE t(a INT)", "COMMIT", "INSERT INTO t VALUES (1)", "ROLLBACK",
            "BEGIN", "INSERT INTO t VALUES (2)")
        connection.commit()
        run(connection, "INSERT INTO t VALUES (3)", "COMMIT")
        connection.commit()
        connection.rollback()
        assert rows(connection, "SELECT a FROM t ORDER BY a") == [(2,), (3,)]


def test_branches_are_made_between_transactions(path):
    with adbc.connect(path, create=True) as connection:
        run(connection, "CREATE TABLE t(a INT)")
        connection.commit()
        run(connection, "-- apart\n CREATE BRANCH dev", "USE BRANCH dev",
            "INSERT INTO t VALUES (1)")
        connection.commit()
        key = "adbc.armillaria.branch"
        assert connection.adbc_connection.get_option(key) == "dev"
        connection.adbc_connection.set_options(**{key: "main"})
        assert rows(connection, "SELECT count(*) FROM t") == [(0,)]
        refused(connection.adbc_connection.set_options, **{key: "dev"},
                status=Status.INVALID_STATE, state="25001")
        connection.rollback()
        refused(connection.adbc_connection.set_options, **{key: "nope"}, status=Status.NOT_FOUND)


# ---- Options of our own ----


def test_at_reads_what_was(connection):
    run(connection, "CREATE TABLE t AS SELECT 1 AS a", "CREATE TAG before",
        "UPDATE t SET a = 2")
    with connection.cursor(adbc_stmt_kwargs={"adbc.armillaria.at": "before"}) as cursor:
        assert cursor.execute("SELECT a FROM t").fetchall() == [(1,)]
        assert cursor.execute("SELECT a + ? FROM t", [1]).fetchall() == [(2,)]
        refused(cursor.execute, "DELETE FROM t", status=Status.UNAUTHORIZED)
        refused(cursor.adbc_ingest, "u", ORDERS, status=Status.INVALID_STATE)
    with connection.cursor(adbc_stmt_kwargs={"adbc.armillaria.at": "never"}) as cursor:
        refused(cursor.execute, "SELECT a FROM t", status=Status.NOT_FOUND)


def test_at_stands_outside_of_transactions(path):
    """It opens none; in one that is open the snapshot is fixed."""
    with adbc.connect(path, create=True) as connection:
        run(connection, "CREATE TABLE t AS SELECT 1 AS a")
        connection.commit()
        run(connection, "UPDATE t SET a = 2")
        connection.commit()
        with connection.cursor(adbc_stmt_kwargs={"adbc.armillaria.at": "main~1"}) as cursor:
            assert cursor.execute("SELECT a FROM t").fetchall() == [(1,)]
            assert rows(connection, "SELECT a FROM t") == [(2,)]
            refused(cursor.execute, "SELECT a FROM t", status=Status.INVALID_ARGUMENT,
                    says="snapshot")
            connection.rollback()
            assert cursor.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_messages_are_of_the_commit(path):
    key = "adbc.armillaria.message"
    with adbc.connect(path, create=True, message="by default") as connection:
        run(connection, "CREATE TABLE t(a INT)")
        connection.commit()
        with connection.cursor(adbc_stmt_kwargs={key: "of the statement"}) as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        run(connection, "INSERT INTO t VALUES (2)")
        connection.commit()
        connection.adbc_connection.set_autocommit(True)
        with connection.cursor(adbc_stmt_kwargs={key: "alone"}) as cursor:
            cursor.execute("INSERT INTO t VALUES (3)")
            cursor.adbc_ingest("u", ORDERS)
        last = connection.adbc_connection.get_option_int("adbc.armillaria.last_tx")
    with arm.open(path) as db:
        assert [commit.message for commit in db.log()] == [
            "alone", "alone", "by default", "of the statement", "by default"]
        assert db.latest_tx() == last


def test_a_timeout_is_told_as_one(connection):
    slow = "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE random() < 0.001"
    with connection.cursor(adbc_stmt_kwargs={"adbc.armillaria.timeout_seconds": 0.05}) as cursor:
        with pytest.raises(manager.OperationalError) as caught:
            cursor.execute(slow).fetchall()
        assert (caught.value.status_code, caught.value.sqlstate) == (Status.TIMEOUT, "HYT00")
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]


# ---- Options, whatever is given ----


def test_options_come_back(low, path):
    low.set_options(**{"adbc.connection.autocommit": "false"})
    assert low.get_option("adbc.connection.autocommit") == "false"
    assert low.get_option_bytes("adbc.connection.autocommit") == b"false"
    assert low.get_option("adbc.connection.readonly") == "false"
    assert low.get_option("adbc.connection.catalog") == "armillaria"
    assert low.get_option("adbc.connection.db_schema") == "main"
    assert low.get_option_int("adbc.armillaria.last_tx") == 0
    assert low.get_option("adbc.armillaria.last_tx") == "0"
    with manager.AdbcStatement(low) as statement:
        for key, value in {"adbc.armillaria.at": "main~1", "adbc.armillaria.message": "m" * 5000,
                           "adbc.ingest.target_table": "t", "adbc.ingest.target_db_schema": "s",
                           "adbc.ingest.mode": "adbc.ingest.mode.append",
                           "adbc.statement.bind_by_name": "true",
                           "adbc.armillaria.ingest.key": "a"}.items():
            statement.set_options(**{key: value})
            assert statement.get_option(key) == value
        statement.set_options(**{"adbc.armillaria.timeout_seconds": 1.5})
        assert statement.get_option_float("adbc.armillaria.timeout_seconds") == 1.5
        assert statement.get_option("adbc.armillaria.timeout_seconds") == "1.5"
        assert statement.get_option_float("adbc.statement.exec.progress") == 0
        assert statement.get_option_float("adbc.statement.exec.max_progress") == 1
    with database(path) as opened:
        assert opened.get_option("uri") == path
        assert opened.get_option("adbc.armillaria.path") == path
        assert opened.get_option("adbc.armillaria.branch") == "main"
        assert opened.get_option_int("adbc.armillaria.threads") == 0


def test_wrong_options_are_refused(low, path):
    with manager.AdbcStatement(low) as statement, database(path) as opened:
        for thing in (low, statement, opened):
            refused(thing.get_option, "adbc.nope", status=Status.NOT_FOUND)
            refused(thing.get_option_int, "adbc.nope", status=Status.NOT_FOUND)
            refused(thing.get_option_float, "", status=Status.NOT_FOUND)
            refused(thing.get_option_bytes, "adbc.nope", status=Status.NOT_FOUND)
        for thing in (low, statement):
            for value in ("x", b"x", 1, 1.5, None):
                refused(thing.set_options, **{"adbc.nope": value}, status=Status.NOT_IMPLEMENTED)
        for key, values in {
                "adbc.connection.autocommit": ("", "TRUE", "1", 2, 1.5, b"true", None),
                "adbc.connection.readonly": ("maybe", 7),
                "adbc.connection.db_schema": ("nope", 1, b"main"),
                "adbc.connection.catalog": ("nope", None, 1),
                "adbc.armillaria.branch": (1, None, b"main", ""),
                "adbc.armillaria.message": (1, b"m", 0.5)}.items():
            for value in values:
                with pytest.raises(manager.Error):
                    low.set_options(**{key: value})
        assert low.get_option("adbc.connection.autocommit") == "true"
        assert low.get_option("adbc.connection.db_schema") == "main"
        for key, values in {
                "adbc.armillaria.timeout_seconds": (-1, float("nan"), float("inf"), "x", b"1"),
                "adbc.statement.bind_by_name": ("x", 2), "adbc.ingest.temporary": ("x",),
                "adbc.ingest.target_table": (1, b"t"),
                "adbc.statement.exec.incremental": ("true", "x")}.items():
            for value in values:
                with pytest.raises(manager.Error):
                    statement.set_options(**{key: value})
        refused(low.get_option_int, "adbc.connection.catalog", status=Status.INVALID_ARGUMENT)
    for key, value in {"adbc.armillaria.create": "x", "adbc.armillaria.threads": -1,
                       "adbc.armillaria.epoch": "daily", "username": "me", "adbc.nope": "x",
                       "adbc.armillaria.memory_limit_bytes": "1x"}.items():
        with pytest.raises(manager.Error, match=key):
            database(path, **{key: value})


def test_a_connection_may_be_read_only(path):
    with database(path) as opened:
        with manager.AdbcConnection(opened, **{"adbc.connection.readonly": "true"}) as low, \
                manager.AdbcStatement(low) as statement:
            assert low.get_option("adbc.connection.readonly") == "true"
            statement.set_sql_query("CREATE TABLE t(a INT)")
            refused(statement.execute_update, status=Status.UNAUTHORIZED, state="25006")
            low.set_options(**{"adbc.connection.readonly": "false"})
            statement.execute_update()
            low.set_options(**{"adbc.connection.readonly": "true"})
            assert low_rows(statement, "SELECT * FROM t") == []
            low.set_autocommit(False)
            assert low_rows(statement, "SELECT * FROM t") == []
            refused(low.set_options, **{"adbc.connection.readonly": "false"},
                    status=Status.INVALID_STATE)


def test_options_before_the_connection_is_made(path):
    with arm.open(path, create=True) as db:
        db.sql("CREATE SCHEMA s")
        db.branches.create("dev")
    with database(path) as opened:
        with manager.AdbcConnection(opened, **{"adbc.connection.autocommit": "false",
                                               "adbc.connection.db_schema": "s",
                                               "adbc.armillaria.branch": "dev"}) as low:
            assert low.get_option("adbc.connection.autocommit") == "false"
            assert low.get_option("adbc.connection.db_schema") == "s"
            assert low.get_option("adbc.armillaria.branch") == "dev"
        refused(manager.AdbcConnection, opened, **{"adbc.connection.db_schema": "nope"},
                status=Status.NOT_FOUND)


def test_what_there_is_not_is_refused(low):
    with manager.AdbcStatement(low) as statement:
        refused(statement.set_substrait_plan, b"x", status=Status.NOT_IMPLEMENTED)
        statement.set_sql_query("SELECT 1")
        refused(statement.execute_partitions, status=Status.NOT_IMPLEMENTED)
    refused(low.read_partition, b"x", status=Status.NOT_IMPLEMENTED)
    refused(low.get_statistics, status=Status.NOT_IMPLEMENTED)
    refused(low.get_statistic_names, status=Status.NOT_IMPLEMENTED)


def test_what_is_released_is_not_used(path):
    opened = database(path)
    low = manager.AdbcConnection(opened)
    statement = manager.AdbcStatement(low)
    refused(statement.execute_query, status=Status.INVALID_STATE)
    statement.set_sql_query("SELECT 1")
    statement.close()
    for call in (statement.execute_query, statement.prepare, statement.cancel,
                 statement.get_parameter_schema, lambda: statement.set_sql_query("SELECT 1"),
                 lambda: statement.get_option("adbc.armillaria.at"),
                 lambda: statement.set_options(**{"adbc.armillaria.at": "x"}),
                 lambda: statement.bind_stream(ORDERS)):
        refused(call, status=Status.INVALID_STATE)
    low.close()
    for call in (low.commit, low.rollback, low.get_info, low.get_table_types, low.cancel,
                 lambda: low.get_option("adbc.connection.autocommit"),
                 lambda: low.set_autocommit(False), lambda: manager.AdbcStatement(low),
                 lambda: low.get_table_schema(None, None, "t")):
        refused(call, status=Status.INVALID_STATE)
    opened.close()
    refused(manager.AdbcConnection, opened, status=Status.INVALID_ARGUMENT)  # the manager's word


# ---- Metadata ----


@pytest.fixture
def furnished(connection):
    run(connection, "CREATE SCHEMA s",
        "CREATE TABLE orders(id BIGINT PRIMARY KEY, note VARCHAR NOT NULL DEFAULT 'x', "
        "amount DECIMAL(9,2) UNIQUE, CHECK (id > 0))",
        "CREATE TABLE s.items(a INT, b INT, PRIMARY KEY (a, b))",
        "CREATE VIEW s.seen AS SELECT 1 AS x")
    return connection


def objects(connection, **filters):
    """{catalog: {schema: {table: table}}}"""
    found = connection.adbc_get_objects(**filters).read_all().to_pylist()
    return {catalog["catalog_name"]: catalog["catalog_db_schemas"] and {
        schema["db_schema_name"]: schema["db_schema_tables"] and {
            table["table_name"]: table for table in schema["db_schema_tables"]}
        for schema in catalog["catalog_db_schemas"]} for catalog in found}


def test_objects_at_each_depth(furnished):
    assert objects(furnished, depth="catalogs") == {"armillaria": None}
    assert objects(furnished, depth="db_schemas") == {"armillaria": {"main": None, "s": None}}
    tables = objects(furnished, depth="tables")["armillaria"]
    assert {name: table["table_type"] for name, table in tables["s"].items()} == {
        "items": "BASE TABLE", "seen": "VIEW"}
    assert tables["main"]["orders"]["table_columns"] is None
    assert tables["main"]["orders"]["table_constraints"] is None
    orders = objects(furnished, depth="all")["armillaria"]["main"]["orders"]
    columns = orders["table_columns"]
    assert [(column["column_name"], column["ordinal_position"], column["xdbc_type_name"],
             column["xdbc_is_nullable"], column["xdbc_column_def"]) for column in columns] == [
        ("id", 1, "BIGINT", "NO", None), ("note", 2, "VARCHAR", "NO", "'x'"),
        ("amount", 3, "DECIMAL(9,2)", "YES", None)]
    assert (columns[2]["xdbc_column_size"], columns[2]["xdbc_decimal_digits"]) == (9, 2)
    assert {constraint["constraint_type"]: constraint["constraint_column_names"]
            for constraint in orders["table_constraints"]} == {
        "PRIMARY KEY": ["id"], "UNIQUE": ["amount"], "CHECK": ["id"]}


def test_objects_are_filtered(furnished):
    def named(**filters):
        found = objects(furnished, **filters)
        return {name for schemas in found.values() for tables in schemas.values()
                for name in tables}

    assert named(depth="tables") == {"orders", "items", "seen"}
    assert named(depth="tables", table_name_filter="%e%s") == {"orders", "items"}
    assert named(depth="tables", table_name_filter="_rders") == {"orders"}
    assert named(depth="tables", table_name_filter="' OR 1 --") == set()
    assert named(depth="tables", table_types_filter=["VIEW"]) == {"seen"}
    assert named(depth="tables", table_types_filter=["VIEW", "BASE TABLE", "x"]) == {
        "orders", "items", "seen"}
    assert named(depth="tables", table_types_filter=["nope"]) == set()
    assert named(depth="tables", db_schema_filter="s") == {"items", "seen"}
    assert objects(furnished, depth="all", db_schema_filter="nope") == {"armillaria": []}
    assert objects(furnished, depth="all", catalog_filter="nope") == {}
    assert objects(furnished, depth="all", catalog_filter="arm%").keys() == {"armillaria"}
    columns = objects(furnished, depth="all", column_name_filter="_")["armillaria"]
    assert [column["column_name"] for column in columns["s"]["items"]["table_columns"]] == [
        "a", "b"]
    assert columns["main"]["orders"]["table_columns"] == []


def test_objects_of_the_open_transaction(path):
    with adbc.connect(path, create=True) as connection:
        run(connection, "CREATE TABLE t(a INT)", "CREATE TEMP TABLE gone(a INT)")
        found = objects(connection, depth="tables")
        assert list(found["armillaria"]["main"]) == ["t"]
        assert found["temp"]["main"]["gone"]["table_type"] == "LOCAL TEMPORARY"
        connection.rollback()
        assert objects(connection, depth="tables") == {"armillaria": {"main": []}}


def test_objects_have_the_schema_that_adbc_says(furnished):
    schema = furnished.adbc_get_objects(depth="all").schema
    assert schema.names == ["catalog_name", "catalog_db_schemas"]
    tables = schema.field(1).type.value_type.field(1).type.value_type
    assert [field.name for field in tables] == [
        "table_name", "table_type", "table_columns", "table_constraints"]
    assert not tables.field(0).nullable and tables.field(2).nullable
    assert tables.field(2).type.value_type.num_fields == 19
    run(furnished, "SET arrow_large_buffer_size = true")
    refused(furnished.adbc_get_objects, status=Status.INVALID_STATE, says="RESET")


def test_table_schema(furnished):
    assert furnished.adbc_get_table_schema("orders").names == ["id", "note", "amount"]
    assert str(furnished.adbc_get_table_schema("ORDERS").field("amount").type) == \
        "decimal128(9, 2)"
    assert furnished.adbc_get_table_schema("seen", db_schema_filter="s").names == ["x"]
    assert furnished.adbc_get_table_schema("items", catalog_filter="armillaria",
                                           db_schema_filter="s").names == ["a", "b"]
    for wrong in ("nope", "(SELECT CURRENT_TIME)", 'orders"; DROP TABLE orders; --', ""):
        refused(furnished.adbc_get_table_schema, wrong, status=Status.NOT_FOUND, state="42P01")
    refused(furnished.adbc_get_table_schema, "items", status=Status.NOT_FOUND)
    refused(furnished.adbc_get_table_schema, "orders", catalog_filter="nope",
            status=Status.NOT_FOUND)


def test_a_file_is_no_table(connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x.csv", "armillaria.main.x.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    refused(connection.adbc_get_table_schema, "x.csv", status=Status.NOT_FOUND)


def test_table_types_and_info(connection):
    assert connection.adbc_get_table_types() == ["BASE TABLE", "LOCAL TEMPORARY", "VIEW"]
    info = connection.adbc_get_info()
    assert info["driver_name"] == "ADBC Armillaria Driver"
    assert info["vendor_version"] == info["driver_version"] == arm.__version__
    assert info["driver_adbc_version"] == 1_001_000
    stream = connection.adbc_connection.get_info([100, 9999, 0])
    table = pa.RecordBatchReader._import_from_c(stream.address).read_all()
    assert table.column("info_name").to_pylist() == [0, 100]


# ---- Errors ----


@pytest.mark.parametrize("sql, status, state", [
    ("SELECT 1/", Status.INVALID_ARGUMENT, "42601"),
    ("SELECT nope", Status.INVALID_ARGUMENT, "42000"),
    ("SELECT * FROM nope", Status.NOT_FOUND, "42P01"),
    ("SELECT nope(1)", Status.NOT_FOUND, "42704"),
    ("SELECT CAST('x' AS INT)", Status.INVALID_DATA, "22000"),
    ("SELECT 2147483647::INT + 1::INT", Status.INVALID_DATA, "22003"),
    ("CREATE TABLE taken(a INT)", Status.ALREADY_EXISTS, "42710"),
    ("INSERT INTO taken VALUES (NULL)", Status.INTEGRITY, "23000"),
    ("USE BRANCH nope", Status.NOT_FOUND, "42704"),
    ("COMMENT ON TABLE taken IS 'x'", Status.NOT_IMPLEMENTED, "0A000"),
    ("COMMIT", Status.INVALID_STATE, "25000"),
])
def test_errors_say_what_they_are(connection, sql, status, state):
    run(connection, "CREATE TABLE taken(a INT NOT NULL)")
    error = refused(rows, connection, sql, status=status, state=state)
    assert dict(error.details)[b"adbc.armillaria.status"].startswith(b"ARM_")


def test_an_error_in_the_middle_of_a_result(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN i = 4999999 THEN error('late') ELSE i END "
                       "FROM range(5000000) r(i)")
        assert cursor.fetchone() == (0,)
        error = refused(cursor.fetch_arrow_table, status=Status.INVALID_DATA, says="late")
        assert error.sqlstate == "22000"
    assert rows(connection, "SELECT 1") == [(1,)]


# ---- Cancelling, and threads ----

SLOW = "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE random() < 0.001"


def cancel_soon(cancel):
    """Again and again, until told to end: nothing may run yet when it comes first."""
    done = threading.Event()

    def repeat():
        while not done.wait(0.02):
            try:
                cancel()
            except manager.Error as error:
                assert error.status_code == Status.INVALID_STATE

    thread = threading.Thread(target=repeat)
    thread.start()
    return done, thread


@pytest.mark.parametrize("by", ["statement", "connection"])
def test_a_statement_is_cancelled_from_another_thread(low, by):
    with manager.AdbcStatement(low) as statement:
        statement.set_sql_query(SLOW)
        done, thread = cancel_soon(statement.cancel if by == "statement" else low.cancel)
        error = refused(statement.execute_update, status=Status.CANCELLED)
        done.set()
        thread.join()
        assert error.sqlstate == "57014"
        assert low_rows(statement, "SELECT 1") == [(1,)]


def test_a_result_is_cancelled(low):
    with manager.AdbcStatement(low) as statement, manager.AdbcStatement(low) as other:
        statement.set_sql_query("SELECT i FROM range(1000000) r(i)")
        stream, _ = statement.execute_query()
        other.set_sql_query("SELECT 7")
        kept, _ = other.execute_query()
        statement.cancel()
        reader = pa.RecordBatchReader._import_from_c(stream.address)
        with pytest.raises(OSError, match="cancelled"):
            reader.read_all()
        reader.close()
        table = pa.RecordBatchReader._import_from_c(kept.address).read_all()
        assert table.to_pylist() == [{"7": 7}]
        refused(statement.cancel, status=Status.INVALID_STATE)
        refused(low.cancel, status=Status.INVALID_STATE)
        assert low_rows(statement, "SELECT 1") == [(1,)]


def test_bound_rows_are_cancelled_between_two(low):
    batch = pa.record_batch({"a": list(range(10000))})

    def endless():
        while True:
            yield batch

    with manager.AdbcStatement(low) as statement:
        low_rows(statement, "CREATE TABLE t(a INT)")
        statement.set_sql_query("INSERT INTO t VALUES (?)")
        statement.bind_stream(pa.RecordBatchReader.from_batches(batch.schema, endless()))
        done, thread = cancel_soon(statement.cancel)
        refused(statement.execute_update, status=Status.CANCELLED)
        done.set()
        thread.join()
        assert low_rows(statement, "SELECT count(*) FROM t") == [(0,)]


def test_connections_of_one_database_in_many_threads(path):
    failures = []
    with database(path) as opened, manager.AdbcConnection(opened) as first, \
            manager.AdbcStatement(first) as statement:
        low_rows(statement, "CREATE TABLE t(thread INT, i INT)")

        def work(number):
            try:
                with manager.AdbcConnection(opened) as low, \
                        manager.AdbcStatement(low) as own:
                    for i in range(20):
                        low_rows(own, f"INSERT INTO t VALUES ({number}, {i})")
                        assert low_rows(own, f"SELECT count(*) FROM t WHERE thread = {number}") \
                            == [(i + 1,)]
            except Exception as error:  # noqa: BLE001 - told by the test's thread
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert low_rows(statement, "SELECT count(*) FROM t") == [(120,)]


def test_options_are_asked_for_while_a_statement_runs(low):
    """And statements of one connection, from several threads, wait for each other."""
    results, failures = [], []

    def work(number):
        try:
            with manager.AdbcStatement(low) as statement:
                for _ in range(20):
                    results.append(low_rows(statement, f"SELECT {number}") == [(number,)])
                    assert low.get_option("adbc.connection.db_schema") == "main"
                    statement.get_option_float("adbc.statement.exec.progress")
        except Exception as error:  # noqa: BLE001 - told by the test's thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert results == [True] * 80


def test_a_source_of_rows_must_not_use_the_connection(connection):
    """Whatever thread it is read by, it is refused instead of waiting for itself."""
    def asking():
        yield pa.record_batch({"a": [1]})
        rows(connection, "SELECT 1")

    def source():
        return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), asking())

    run(connection, "CREATE TABLE t(a INT)")
    with connection.cursor() as cursor:
        for call in (lambda: cursor.adbc_ingest("t", source(), mode="append"),
                     lambda: cursor.executemany("INSERT INTO t VALUES (?)", source())):
            with pytest.raises(manager.Error, match="must not use it"):
                call()
    assert rows(connection, "SELECT count(*) FROM t") == [(0,)]


def test_the_library_is_not_unloaded():
    """A driver manager may close what it has opened; our threads would run into nothing."""
    program = """
import _ctypes, ctypes, sys
def loaded():
    return any("libarmillaria" in line for line in open("/proc/self/maps"))
handle = ctypes.CDLL(sys.argv[1])._handle
_ctypes.dlclose(handle)
print(loaded())
"""
    done = subprocess.run([sys.executable, "-c", program, adbc.driver_path()], text=True,
                          capture_output=True, check=False)
    assert done.stdout == "True\n", done.stderr


def test_a_forked_child_is_refused(path):
    program = """
import os, sys
from armillaria import adbc
connection = adbc.connect(sys.argv[1], create=True, autocommit=True)
cursor = connection.cursor()
child = os.fork()
if child == 0:
    try:
        cursor.execute("SELECT 1")
    except Exception as error:
        os._exit(7 if error.sqlstate == "HY010" else 8)
    os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), cursor.execute("SELECT 1").fetchall())
"""
    done = subprocess.run([sys.executable, "-c", program, path], text=True, capture_output=True,
                          check=False)
    assert done.stdout == "7 [(1,)]\n", done.stderr


# ---- Data frames ----


def test_pandas_reads_and_writes(connection):
    frame = pandas.DataFrame({"id": [1, 2], "name": ["a", "b"]})
    assert frame.to_sql("people", connection, index=False) == 2
    read = pandas.read_sql("SELECT * FROM people ORDER BY id", connection)
    assert read.to_dict("list") == {"id": [1, 2], "name": ["a", "b"]}
    assert frame.to_sql("people", connection, index=False, if_exists="append") == 2
    with pytest.raises(ValueError):
        frame.to_sql("people", connection, index=False)
    assert len(pandas.read_sql_table("people", connection)) == 4


def test_polars_reads_and_writes(connection):
    frame = polars.DataFrame({"id": [1, 2], "name": ["a", "b"]})
    assert frame.write_database("people", connection) == 2
    read = polars.read_database("SELECT * FROM people ORDER BY id", connection)
    assert read.to_dicts() == frame.to_dicts()
    assert frame.write_database("people", connection, if_table_exists="append") == 2
    assert polars.read_database("SELECT count(*) AS n FROM people", connection).item() == 4


# ---- Memory ----


def grown(work, times):
    """Bytes by which the process grew over `times` calls, after as many to warm up."""
    def resident():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    for _ in range(max(times // 4, 50)):
        work()
    before = resident()
    for _ in range(times):
        work()
    return resident() - before


def failing(low):
    with manager.AdbcStatement(low) as statement:
        statement.set_sql_query("SELECT * FROM nope")
        with pytest.raises(manager.Error):
            statement.execute_update()


def bind(low):
    with manager.AdbcStatement(low) as statement:
        statement.set_sql_query("SELECT ?, ?")
        statement.bind_stream(pa.table({"a": ["x" * 1000, "y"], "b": [1, 2]}))
        low_rows(statement)


def unread(low):
    with manager.AdbcStatement(low) as statement:
        statement.set_sql_query("SELECT i FROM range(100000) r(i)")
        statement.execute_query()


def listing(low):
    stream = low.get_objects(manager.GetObjectsDepth.ALL)
    pa.RecordBatchReader._import_from_c(stream.address).read_all()


def settings(low):
    low.set_options(**{"adbc.armillaria.message": "x" * 1000})
    low.get_option("adbc.armillaria.message")
    low.get_table_types()
    low.get_info()


LEAKS = {"failure": (failing, 1500), "bind": (bind, 800), "unread": (unread, 1000),
         "listing": (listing, 200), "settings": (settings, 3000)}


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""),
                    reason="the sanitizer keeps what is freed")
@pytest.mark.parametrize("name", LEAKS)
def test_memory_does_not_grow(low, name):
    """ARM_LEAK_CALLS=100000 for the long run."""
    work, times = LEAKS[name]
    times = int(os.environ.get("ARM_LEAK_CALLS", times))
    assert grown(lambda: work(low), times) < 24 * 2**20


def test_connections_do_not_leak(path):
    def connect():
        with adbc.connect(path, create=True) as connection:
            assert rows(connection, "SELECT 1") == [(1,)]

    times = int(os.environ.get("ARM_LEAK_CALLS", 60))
    assert grown(connect, times) < 24 * 2**20
