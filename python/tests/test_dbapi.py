# SPDX-License-Identifier: Apache-2.0
"""armillaria.dbapi: what PEP 249 promises, by its public tests and ours."""

import datetime
import decimal
import os
import shutil
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import armillaria as arm
import pandas as pd
import pytest
from armillaria import dbapi

sys.path.insert(0, str(Path(os.environ["ARM_DEPS"]) / "dbapi"))
import dbapi20  # noqa: E402


class TestPublic(dbapi20.DatabaseAPI20Test):
    """The public tests. What they leave to drivers is answered here."""

    driver = dbapi
    ddl1 = "CREATE TABLE dbapi20test_booze (name VARCHAR)"
    ddl2 = "CREATE TABLE dbapi20test_barflys (name VARCHAR, drink VARCHAR)"

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.connect_args = (os.path.join(self.folder, "repo"),)
        self.connect_kw_args = {"create": True}

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_nextset(self):
        assert not hasattr(dbapi.Cursor, "nextset")  # optional: several results are not given

    def test_setoutputsize(self):
        with self._connect() as connection:
            connection.cursor().setoutputsize(1000, 0)


@pytest.fixture
def connection(path):
    with dbapi.connect(path, create=True) as made:
        made.cursor().execute("CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR)")
        made.commit()
        yield made


def test_transactions(connection, path):
    cursor = connection.cursor()
    cursor.execute("INSERT INTO t VALUES (?, ?)", [1, "a"])
    with dbapi.connect(path) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
        connection.commit()
        other.rollback()
        assert other.execute("SELECT count(*) FROM t").fetchone() == (1,)
    cursor.execute("DELETE FROM t")
    connection.rollback()
    assert cursor.execute("SELECT s FROM t").fetchall() == [("a",)]
    connection.commit()
    connection.commit()
    connection.rollback()
    assert not connection.db._session.in_transaction


def test_autocommit(connection):
    connection.execute("INSERT INTO t VALUES (1, 'a')")
    connection.autocommit = True
    connection.execute("INSERT INTO t VALUES (2, 'b')")
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
    connection.autocommit = False
    connection.execute("DELETE FROM t")
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
    with pytest.raises(dbapi.InterfaceError):
        connection.autocommit = 1


def test_context_manager(path):
    with dbapi.connect(path, create=True) as made:
        made.execute("CREATE TABLE t AS SELECT 1 AS a")
    with pytest.raises(ZeroDivisionError):
        with dbapi.connect(path) as made:
            made.execute("DELETE FROM t")
            raise ZeroDivisionError
    with dbapi.connect(path) as made:
        assert made.execute("SELECT count(*) FROM t").fetchone() == (1,)
    with pytest.raises(dbapi.ProgrammingError, match="closed"):
        made.cursor()


def test_conflicts_can_be_run_again(connection, path):
    connection.execute("INSERT INTO t VALUES (1, 'a')")
    connection.commit()
    with dbapi.connect(path) as other:
        connection.execute("UPDATE t SET s = 'b'")
        other.execute("UPDATE t SET s = 'c'")
        other.commit()
        with pytest.raises(dbapi.OperationalError) as caught:
            connection.commit()
    assert isinstance(caught.value.__cause__, arm.TransactionConflict)
    connection.execute("UPDATE t SET s = 'b'")
    connection.commit()
    assert connection.execute("SELECT s FROM t").fetchone() == ("b",)


@pytest.mark.parametrize("sql, parameters, error", [
    ("SELEC 1", None, dbapi.ProgrammingError), ("SELECT * FROM nothere", None,
                                                dbapi.ProgrammingError),
    ("INSERT INTO t VALUES (1, 'x'), (1, 'y')", None, dbapi.IntegrityError),
    ("INSERT INTO t VALUES (NULL, 'x')", None, dbapi.IntegrityError),
    ("SELECT ?", [], dbapi.ProgrammingError), ("SELECT ?", [1, 2], dbapi.ProgrammingError),
    ("SELECT 'x'::INTEGER", None, dbapi.DataError),
    ("SELECT 9223372036854775807::BIGINT + 1::BIGINT", None, dbapi.DataError),
    (7, None, dbapi.InterfaceError), ("SELECT ?", 7, dbapi.InterfaceError),
    ("SELECT * FROM t AT (VERSION => 99)", None, dbapi.ProgrammingError),
])
def test_errors(connection, sql, parameters, error):
    with pytest.raises(error) as caught:
        connection.execute(sql, parameters)
    assert isinstance(caught.value, (dbapi.Error, arm.Error)) and caught.value.__cause__
    connection.rollback()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_branches_are_said_between_transactions(connection):
    connection.execute("CREATE BRANCH b")
    connection.execute("USE BRANCH b")
    connection.execute("INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(dbapi.Error):
        connection.execute("USE BRANCH main")
    connection.rollback()
    connection.execute("INSERT INTO t VALUES (1, 'a')")
    connection.commit()
    connection.execute("USE BRANCH main")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.commit()
    connection.execute("MERGE BRANCH b")
    connection.commit()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_description_and_types(connection):
    cursor = connection.execute(
        "SELECT 1 AS a, 'x' AS b, DATE '2024-01-01' AS c, 1.5::DECIMAL(9,2) AS d, "
        "'x'::BLOB AS e, now() AS f, TIME '01:02:03' AS g, 2.5::DOUBLE AS h")
    kinds = [dbapi.NUMBER, dbapi.STRING, dbapi.DATETIME, dbapi.NUMBER, dbapi.BINARY,
             dbapi.DATETIME, dbapi.DATETIME, dbapi.NUMBER]
    assert [column[0] for column in cursor.description] == list("abcdefgh")
    for column, kind in zip(cursor.description, kinds):
        assert column[1] == kind and len(column) == 7
        assert sum(column[1] == other for other in (dbapi.NUMBER, dbapi.STRING, dbapi.DATETIME,
                                                    dbapi.BINARY, dbapi.ROWID)) == 1
    assert cursor.fetchone()[3] == decimal.Decimal("1.50")
    cursor.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    assert cursor.description is None and cursor.rowcount == 2
    cursor.execute("DELETE FROM t WHERE id = 1 RETURNING s")
    assert cursor.fetchall() == [("a",)]
    cursor.execute("CREATE TABLE u (a INTEGER)")
    assert cursor.description is None


def test_values(connection):
    values = [datetime.datetime(2024, 2, 29, 1, 2, 3), dbapi.Date(2024, 2, 29),
              dbapi.Time(1, 2, 3), dbapi.Binary(b"\0x"), None, True, 2**40, "ü"]
    assert connection.execute("SELECT " + ", ".join("?" * len(values)), values).fetchone() == \
        tuple(values)
    assert dbapi.DateFromTicks(0).year in (1969, 1970)
    assert isinstance(dbapi.TimestampFromTicks(1e9), datetime.datetime)
    assert isinstance(dbapi.TimeFromTicks(1e9), datetime.time)


def test_executemany(connection):
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"s{i}") for i in range(50)])
    assert cursor.rowcount == 50 and cursor.description is None
    cursor.executemany("INSERT INTO t VALUES (?, ?)", iter([]))
    assert cursor.rowcount == 0
    cursor.execute("SELECT id FROM t ORDER BY id")
    cursor.arraysize = 7
    assert len(cursor.fetchmany()) == 7 and cursor.fetchmany(1) == [(7,)]
    assert [row[0] for row in cursor] == list(range(8, 50))
    for wrong in ("text", 7, {"a": 1}, [7]):
        with pytest.raises(dbapi.InterfaceError):
            cursor.executemany("SELECT ?", wrong)
        connection.rollback()


def test_pandas(connection):
    connection.cursor().executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, None)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.read_sql("SELECT * FROM t WHERE id >= ? ORDER BY id", connection, params=[1])
    assert list(frame.columns) == ["id", "s"] and list(frame["id"]) == [1, 2]
    assert connection.execute("SELECT * FROM t").fetch_arrow_table().num_rows == 2
    assert len(connection.execute("SELECT * FROM t").fetch_df()) == 2


def test_what_is_closed(path):
    connection = dbapi.connect(path, create=True)
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    closed = connection.cursor()
    closed.close()
    for call in (closed.fetchone, closed.close, lambda: closed.execute("SELECT 1")):
        with pytest.raises(dbapi.Error, match="cursor is closed"):
            call()
    connection.close()
    for call in (connection.close, connection.commit, connection.rollback, connection.cursor,
                 cursor.fetchone, lambda: cursor.execute("SELECT 1")):
        with pytest.raises(dbapi.Error, match="closed"):
            call()
    with pytest.raises(dbapi.ProgrammingError):
        dbapi.connect(path + "-nothere")
    with pytest.raises(dbapi.InterfaceError, match="autocommit"):
        dbapi.connect(path, autocommit="yes")


def test_threads_share_a_connection(connection):
    connection.autocommit = True

    def work(start):
        for i in range(start, start + 20):
            connection.execute("INSERT INTO t VALUES (?, 'x')", [i])

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (80,)


@pytest.mark.parametrize("before", ["", "  -- of the day\n", "/* one\n of two */ ", ";;",
                                    "-- a\n /* b */ -- c\n"])
def test_comments_before_what_begins_a_transaction(path, before):
    with dbapi.connect(path, create=True) as connection:
        cursor = connection.cursor()
        cursor.execute(before + "CREATE BRANCH b")
        assert not connection.db._session.in_transaction
        cursor.execute(before + "BEGIN")
        cursor.execute("CREATE TABLE t (a INTEGER)")
        cursor.execute(before + "ROLLBACK")
        assert connection.db.tables() == []


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_autocommit_is_a_bool(path, value):
    with dbapi.connect(path, create=True) as connection:
        with pytest.raises(dbapi.Error, match="autocommit is to be a bool"):
            connection.autocommit = value
        with pytest.raises(dbapi.Error, match="autocommit is to be a bool"):
            dbapi.connect(path, autocommit=value)


def test_many_comments_are_read_once(path):
    """Before what is no BEGIN: a pattern that tries all ways to part them would not end."""
    with dbapi.connect(path, create=True) as connection:
        assert connection.execute("/* a * b */" * 60 + " SELECT 1").fetchone() == (1,)
