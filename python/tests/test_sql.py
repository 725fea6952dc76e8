# SPDX-License-Identifier: Apache-2.0
"""Statements: parameters, branches, points in time, variables, errors."""

import datetime

import armillaria as arm
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

FRAME = pd.DataFrame({"id": [1, 2], "label": ["one", "two"]})


def test_the_last_statement_answers(db):
    assert db.sql("CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); "
                  "SELECT sum(a) FROM t").fetchall() == [(3,)]
    assert [v.version for v in db.versions("t")] == [2, 1]
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_what_changes_rows_counts_them(orders):
    result = orders.sql("UPDATE orders SET amount = 0 WHERE id > 1")
    assert result.columns == ["Count"] and result.fetchall() == [(2,)]
    assert orders.sql("DELETE FROM orders WHERE id = 1 RETURNING id").fetchall() == [(1,)]
    assert orders.sql("").fetchall() == [] and orders.sql("-- nothing").columns == []


def test_a_statement_that_fails_ends_the_text(db):
    with pytest.raises(arm.SqlError, match="nothere"):
        db.sql("CREATE TABLE t AS SELECT 1 AS a; SELECT * FROM nothere; DROP TABLE t")
    assert db.sql("SELECT a FROM t").fetchall() == [(1,)]
    with pytest.raises(arm.SqlError, match="syntax"):
        db.sql("SELEC 1")


@pytest.mark.parametrize("value", [
    None, True, 7, -2**63, 2**63, 2**100, 1.5, float("inf"), "x", "", "näive ☃", b"\0\xff",
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30, 1, 5),
    datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), datetime.time(1, 2, 3, 4),
    datetime.timedelta(days=3, microseconds=7), [1, 2, None], {"a": 1, "b": ["x"]},
])
def test_parameters_go_in_and_out(db, value):
    assert db.sql("SELECT ?", [value]).fetchone() == (value,)
    assert db.sql("SELECT $v", {"v": value}).fetchone() == (value,)


def test_parameters_are_data(orders):
    hostile = "x'; DROP TABLE orders; --"
    assert orders.sql("SELECT ?", [hostile]).fetchone() == (hostile,)
    assert orders.sql("SELECT id FROM orders WHERE amount > $least AND id <> $not",
                      {"least": 5, "not": 2}).fetchall() == [(1,), (3,)]
    assert orders.sql("SELECT $2 || $1", ["a", "b"]).fetchone() == ("ba",)
    assert orders.sql("INSERT INTO orders VALUES (?, ?)", (9, 1.5)).fetchone() == (1,)


@pytest.mark.parametrize("parameters, error, says", [
    ([1], arm.SqlError, "2"), ([1, 2, 3], arm.SqlError, "3"), ({"a": 1}, arm.SqlError, "a"),
    ("ab", arm.InvalidType, "list or a dict"), (7, arm.InvalidType, "int"),
    ([object(), 1], arm.SchemaError, "object"), ({1: 2}, arm.InvalidType, "int"),
])
def test_wrong_parameters(db, parameters, error, says):
    with pytest.raises(error, match=says):
        db.sql("SELECT ? + ?", parameters)
    assert db.sql("SELECT 1").fetchone() == (1,)


def test_parameters_are_of_one_statement(db):
    with pytest.raises(arm.SqlError, match="more than one"):
        db.sql("SELECT ?; SELECT ?", [1])


def test_branch_at_and_versions(orders):
    orders.sql("UPDATE orders SET amount = 99 WHERE id = 1", message="wrong")
    first = orders.versions("orders")[-1]
    count = "SELECT sum(amount) FROM orders"
    assert orders.sql(count).fetchone() == (149.0,)
    assert orders.sql(count, at=first.tx).fetchone() == (60.0,)
    assert orders.sql(count, at=f"tx:{first.tx}").fetchone() == (60.0,)
    assert orders.sql(count, at=first.created_at).fetchone() == (60.0,)
    assert orders.sql(count, versions={"orders": 1}).fetchone() == (60.0,)
    assert orders.sql("SELECT sum(amount) FROM orders AT (VERSION => 1)").fetchone() == (60.0,)
    orders.branches.create("other", from_=f"tx:{first.tx}")
    assert orders.sql(count, branch="other").fetchone() == (60.0,)
    orders.sql("DELETE FROM orders", branch="other")
    assert orders.sql(count).fetchone() == (149.0,)
    with pytest.raises(arm.NotFound, match="nowhere"):
        orders.sql(count, branch="nowhere")
    with pytest.raises(arm.NotFound, match="nowhere"):
        orders.sql(count, at="nowhere")
    with pytest.raises(arm.NotFound, match="7"):
        orders.sql(count, versions={"orders": 7})
    with pytest.raises(arm.NotFound, match="ordrs"):
        orders.sql(count, versions={"ordrs": 1})
    with pytest.raises(arm.InvalidArgument, match="VERSION"):
        orders.sql("DELETE FROM orders", versions={"orders": 1})
    with pytest.raises(arm.ReadOnly):
        orders.sql("DELETE FROM orders", at=first.tx)


def test_messages(orders):
    orders.sql("DELETE FROM orders", message="all gone")
    assert orders.log()[0].message == "all gone"
    orders.sql("INSERT INTO orders VALUES (1, 1)")
    assert orders.log()[0].message == "INSERT INTO orders VALUES (1, 1)"


# ---- Variables ----

def test_variables_are_tables(orders):
    local = pl.DataFrame({"id": [2, 3], "bonus": [5, 6]})
    arrow = pa.table({"id": [3]})
    columns = {"id": [1, 1]}
    records = [{"id": 1}, {"id": 2}]
    ask = orders.sql
    assert ask("SELECT count(*) FROM local JOIN orders USING (id)").fetchone() == (2,)
    assert ask("SELECT count(*) FROM arrow a JOIN arrow b USING (id)").fetchone() == (1,)
    assert ask("SELECT sum(id) FROM columns").fetchone() == (2,)
    assert ask("SELECT sum(id) FROM records").fetchone() == (3,)
    assert ask("SELECT label FROM FRAME WHERE id = 2").fetchone() == ("two",)
    assert orders.execute("SELECT count(*) FROM local").fetchone() == (2,)
    with orders.transaction() as tx:
        assert tx.sql("SELECT sum(bonus) FROM local").fetchone() == (11,)
    result = ask("SELECT id FROM orders WHERE amount > 10")
    assert ask("SELECT max(id) FROM result").fetchone() == (3,)
    table = orders.table("orders", version=1)
    assert ask('SELECT count(*) FROM "table"').fetchone() == (3,)
    assert all(x is not None for x in (local, arrow, columns, records, result, table))


def test_tables_come_before_variables(orders):
    orders_ = [{"id": 7}]
    assert orders.sql("SELECT count(*) FROM orders_").fetchone() == (1,)
    orders.write("orders_", {"a": [1, 2]})
    assert orders.sql("SELECT count(*) FROM orders_").fetchone() == (2,)
    assert orders_


def test_what_is_no_table(db):
    number, text, empty = 7, "x", {}
    for name in ("number", "text", "empty", "pd", "nothing"):
        with pytest.raises(arm.SqlError, match=name):
            db.sql(f"SELECT * FROM {name}")
    assert number and text and empty == {}
    unequal = {"a": [1], "b": [1, 2]}
    with pytest.raises(arm.SchemaError, match="a: 1, b: 2"):
        db.sql("SELECT * FROM unequal")
    assert unequal
    with pytest.raises(arm.SqlError, match="FRAME"):
        db.sql("CREATE VIEW v AS SELECT * FROM FRAME")


def test_a_stream_is_read_once(db):
    reader = pa.table({"a": [1, 2]}).to_reader()
    assert db.sql("SELECT sum(a) FROM reader").fetchone() == (3,)
    assert reader


def test_register(orders):
    orders.register("extra", {"id": [1]})
    assert orders.sql("SELECT amount FROM orders JOIN extra USING (id)").fetchall() == [(10.0,)]
    orders.register("extra", pd.DataFrame({"id": [2, 3]}))
    assert orders.sql("SELECT count(*) FROM extra").fetchone() == (2,)
    orders.unregister("extra")
    orders.unregister("extra")
    with pytest.raises(arm.SqlError, match="extra"):
        orders.sql("SELECT * FROM extra")
    with pytest.raises(arm.Exists, match="orders"):
        orders.register("orders", {"id": [1]})
    with pytest.raises(arm.InvalidType, match="int"):
        orders.register("seven", 7)


def test_a_variable_outlives_its_name(db):
    def make():
        local = pl.DataFrame({"a": list(range(100_000))})
        assert len(local)
        return db.sql("SELECT a FROM local")

    result = make()
    assert len(result) == 100_000


def test_time_limit(db):
    with pytest.raises(arm.Interrupted):
        db.sql("SELECT count(*) FROM range(100000000) a, range(100000) b", timeout=0.1)
    assert db.sql("SELECT 1", timeout=60).fetchone() == (1,)
