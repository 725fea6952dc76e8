# SPDX-License-Identifier: Apache-2.0
"""Transactions: what they see, how they end, rows by key."""

import armillaria as arm
import pyarrow as pa
import pytest


def test_commit_and_rollback(orders):
    with orders.transaction(message="both") as tx:
        tx.sql("UPDATE orders SET amount = amount * 2 WHERE id = 1")
        told = tx.write("audit", {"what": ["doubled"]})
        assert told.tx is None and told.rows == 1
        assert tx.sql("SELECT amount FROM orders WHERE id = 1").fetchone() == (20.0,)
        assert orders.sql("SELECT amount FROM orders WHERE id = 1").fetchone() == (10.0,)
        assert orders.tables() == ["orders"]
    assert tx.tx_id == orders.latest_tx() and orders.log()[0].message == "both"
    assert sorted(orders.log()[0].tables) == ["audit", "orders"] and str(tx.tx_id) in repr(tx)
    with pytest.raises(RuntimeError, match="mine"):
        with orders.transaction() as tx:
            tx.sql("DELETE FROM orders")
            raise RuntimeError("mine")
    assert len(orders.table("orders")) == 3 and tx.tx_id is None
    with orders.transaction() as tx:
        tx.sql("SELECT 1")
    assert tx.tx_id is None


def test_one_snapshot(orders):
    with orders.transaction() as tx:
        orders.sql("DELETE FROM orders")
        assert tx.sql("SELECT count(*) FROM orders").fetchone() == (3,)
        assert tx.query("SELECT count(*) FROM orders").fetchone() == (3,)
        assert tx.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def test_conflicts(orders):
    with pytest.raises(arm.TransactionConflict):
        with orders.transaction() as tx:
            tx.sql("UPDATE orders SET amount = 1 WHERE id = 1")
            orders.sql("UPDATE orders SET amount = 2 WHERE id = 1")
    assert orders.sql("SELECT amount FROM orders WHERE id = 1").fetchone() == (2.0,)
    with orders.transaction() as tx:
        tx.sql("UPDATE orders SET amount = 1 WHERE id = 1")
        orders.sql("UPDATE orders SET amount = 2 WHERE id = 2")
    assert sorted(orders.table("orders").scan().fetchall())[:2] == [(1, 1.0), (2, 2.0)]


def test_isolation(orders):
    orders.write("total", {"sum": [60.0]})
    with orders.transaction() as tx:  # a write skew that a snapshot lets pass
        tx.sql("UPDATE total SET sum = (SELECT sum(amount) FROM orders)")
        orders.sql("DELETE FROM orders WHERE id = 3")
    with pytest.raises(arm.TransactionConflict):
        with orders.transaction(isolation="serializable") as tx:
            tx.sql("UPDATE total SET sum = (SELECT sum(amount) FROM orders)")
            orders.sql("DELETE FROM orders WHERE id = 2")
    with pytest.raises(arm.InvalidArgument, match="'snapshot', 'serializable'"):
        orders.transaction(isolation="dirty")


def test_branches(orders):
    orders.branches.create("b")
    with orders.transaction(branch="b") as tx:
        tx.sql("DELETE FROM orders")
    assert len(orders.table("orders")) == 3
    assert orders.sql("SELECT count(*) FROM orders", branch="b").fetchone() == (0,)
    with pytest.raises(arm.NotFound):
        orders.transaction(branch="nowhere").__enter__()


def test_ends_early(orders):
    with orders.transaction() as tx:
        tx.sql("DELETE FROM orders WHERE id = 1")
        assert tx.commit("early") == orders.latest_tx()
        for call in (lambda: tx.sql("SELECT 1"), tx.commit, lambda: tx.write("x", {"a": [1]}),
                     lambda: tx.get("orders", {"id": [1]})):
            with pytest.raises(arm.Closed):
                call()
    with orders.transaction() as tx:
        tx.sql("DELETE FROM orders")
        tx.rollback()
    assert len(orders.table("orders")) == 2
    with pytest.raises(arm.Closed):
        tx.__enter__()
    with pytest.raises(arm.Closed, match="not begun"):
        orders.transaction().sql("SELECT 1")


def test_an_error_spoils_it(orders):
    with pytest.raises(arm.SqlError):
        with orders.transaction() as tx:
            tx.sql("DELETE FROM orders")
            with pytest.raises(arm.ConstraintError):
                tx.sql("INSERT INTO orders VALUES (9, 1), (9, 1)")
    assert len(orders.table("orders")) == 3


def test_rows_by_key(orders):
    with orders.transaction() as tx:
        assert sorted(tx.get("orders", {"id": [1, 3, 99]}).fetchall()) == [(1, 10.0), (3, 30.0)]
        assert tx.put("orders", [{"id": 1, "amount": 1.5}, {"id": 4, "amount": 4.5}]) == 2
        assert tx.delete("orders", {"id": [2, 99]}) == 1
        assert tx.get("orders", {"id": [1]}).fetchone() == (1, 1.5)
    assert sorted(orders.table("orders").scan().fetchall()) == [(1, 1.5), (3, 30.0), (4, 4.5)]
    orders.write("free", {"a": [1]})
    with pytest.raises(arm.SchemaError, match="key"):
        with orders.transaction() as tx:
            tx.get("free", {"a": [1]})
    with pytest.raises(arm.NotFound):
        with orders.transaction() as tx:
            tx.put("nothere", {"a": [1]})


def test_begin_and_commit_by_sql(orders):
    orders.sql("BEGIN")
    orders.sql("DELETE FROM orders")
    orders.write("more", {"a": [1]})
    with orders.cursor() as other:
        assert other.tables() == ["orders"] and len(other.table("orders")) == 3
    orders.sql("COMMIT")
    assert orders.tables() == ["more", "orders"] and len(orders.table("orders")) == 0


@pytest.mark.parametrize("first, last", [(0, 7000), (1, 2049), (4000, 6048), (4097, 7000)])
def test_row_calls_take_batches_of_any_size(db, first, last):
    """Also the middle of one, with validity bits, lists and half floats at odd places."""
    rows = pa.table({
        "id": pa.array(range(7000), pa.int32()),
        "t": [None if i % 3 == 0 else f"text {i}" for i in range(7000)],
        "l": [None if i % 7 == 0 else [i, None] for i in range(7000)],
        "h": pa.array([None if i % 5 == 0 else i / 2 for i in range(7000)], pa.float16()),
        "b": [i % 2 == 0 if i % 11 else None for i in range(7000)],
    }).slice(first, last - first)
    db.sql("CREATE TABLE r (id INTEGER PRIMARY KEY, t VARCHAR, l BIGINT[], h FLOAT, b BOOLEAN)")
    with db.transaction() as tx:
        assert tx.put("r", rows) == len(rows)
        found = tx.get("r", rows.select(["id"])).arrow().sort_by("id")
        assert found.to_pydict() == rows.to_pydict()
    assert db.sql("SELECT * FROM r ORDER BY id").arrow().to_pydict() == rows.to_pydict()
    struct = rows.to_struct_array().combine_chunks()
    batch = pa.RecordBatch.from_struct_array(struct.slice(1))
    with db.transaction() as tx:
        assert tx.delete("r", batch.select(["id"])) == len(rows) - 1
    assert db.sql("SELECT id FROM r").fetchall() == [(first,)]
    assert db.verify(full=True)
