# SPDX-License-Identifier: Apache-2.0
"""Branches, tags, diffs, merges, and going back."""

import datetime
import re
import xml.etree.ElementTree

import armillaria as arm
import pytest


def test_branches(orders):
    made = orders.branches.create("feature/x", from_="main", description="try it")
    assert made.name == "feature/x" and made.description == "try it"
    assert made.head == {"orders": 1} and made.parent_branch == "main"
    assert isinstance(made.created_at, datetime.datetime)
    assert orders.branches.list() == ["feature/x", "main"]
    assert "feature/x" in orders.branches and orders.branches.exists("main")
    assert [branch.name for branch in orders.branches] == ["feature/x", "main"]
    assert orders.branches["main"].head == {"orders": 1} and len(orders.branches) == 2
    orders.checkout("feature/x")
    orders.sql("DELETE FROM orders")
    assert orders.branches.get("feature/x").head == {"orders": 2}
    assert orders.branches.rename("feature/x", "y").name == "y" and orders.branch == "y"
    orders.branches.describe("y", None)
    assert not orders.branches.get("y").description
    orders.checkout("main")
    assert len(orders.table("orders")) == 3
    orders.branches.delete("y")
    assert orders.branches.list() == ["main"]
    assert "feature" not in repr(orders.branches) and "main" in orders.branches._repr_html_()


def test_graph(orders):
    orders.branches.create("b", description="<i>")
    orders.sql("DELETE FROM orders WHERE id = 1", branch="b", message="</text><script>")
    orders.sql("DELETE FROM orders WHERE id = 2")
    orders.branches.create("empty")
    merged = orders.merge("b").tx
    picture = xml.etree.ElementTree.fromstring(orders.branches.graph())
    name = "{http://www.w3.org/2000/svg}"
    commits = {commit.commit for branch in ("main", "b") for commit in orders.log(at=branch)}
    assert len(picture.findall(f"{name}circle")) == len(commits) == 4
    parents = sum(len(commit.parents) for commit in
                  {commit.commit: commit for branch in ("main", "b")
                   for commit in orders.log(at=branch)}.values())
    assert len(picture.findall(f"{name}path")) == parents == 4
    words = [text.text for text in picture.findall(f"{name}text")]
    assert {"main", "b", "empty"} <= set(words) and f"{merged} " in " ".join(words)
    assert "<script>" not in orders.branches._repr_html_()
    for number in range(60):
        orders.sql("INSERT INTO orders VALUES (?, 1)", [100 + number])
    picture = xml.etree.ElementTree.fromstring(orders.branches.graph())
    assert len(picture.findall(f"{name}circle")) == 40


def test_graph_of_nothing(db):
    assert db.branches.graph().startswith("<svg")


def test_wrong_branches(orders):
    with pytest.raises(arm.Exists, match="main"):
        orders.branches.create("main")
    for name in ("a..b", "", "-x", "HEAD", "a b", "tx:1", "x\0"):
        with pytest.raises(arm.InvalidName):
            orders.branches.create(name)
    with pytest.raises(arm.NotFound, match="nowhere"):
        orders.branches.create("b", from_="nowhere")
    for call in (orders.branches.get, orders.branches.delete, orders.checkout,
                 lambda name: orders.branches.rename(name, "z")):
        with pytest.raises(arm.NotFound, match="nowhere"):
            call("nowhere")
    with pytest.raises(arm.InvalidType, match="from_"):
        orders.branches.create("b", from_=1.5)
    assert orders.branches.list() == ["main"] and orders.branch == "main"


def test_protected_branches(orders):
    orders.branches.protect("main", only_merges=True)
    with pytest.raises(arm.ConstraintError, match="main"):
        orders.sql("DELETE FROM orders")
    orders.branches.create("b")
    orders.sql("DELETE FROM orders WHERE id = 1", branch="b")
    orders.merge("b", into="main")
    orders.branches.protect("main", checks=["SELECT * FROM orders WHERE amount < 0"])
    with pytest.raises(arm.ConstraintError):
        orders.sql("UPDATE orders SET amount = -1")
    orders.branches.unprotect("main")
    orders.sql("UPDATE orders SET amount = -1")


def test_tags(orders):
    tag = orders.tags.create("v1", description="as sold")
    orders.sql("DELETE FROM orders")
    assert (tag.name, tag.branch, tag.tx) == ("v1", "main", orders.log()[1].tx)
    assert orders.sql("SELECT count(*) FROM orders", at="v1").fetchone() == (3,)
    assert orders.tags.get("v1").description == "as sold" and "v1" in orders.tags
    with pytest.raises(arm.Exists, match="v1"):
        orders.tags.create("v1")
    orders.tags.create("v0", orders.log()[-1].tx)
    assert orders.tags.list() == ["v0", "v1"] and len(orders.tags) == 2
    orders.tags.delete("v1")
    for call in (orders.tags.get, orders.tags.delete):
        with pytest.raises(arm.NotFound, match="v1"):
            call("v1")


def fork_in_two(db):
    """Both sides change row 1; one deletes row 2, the other adds row 4."""
    db.branches.create("b")
    db.sql("UPDATE orders SET amount = 11 WHERE id = 1; DELETE FROM orders WHERE id = 2")
    db.sql("UPDATE orders SET amount = 12 WHERE id = 1; INSERT INTO orders VALUES (4, 40)",
           branch="b")


def test_diff(orders):
    orders.branches.create("b")
    assert not orders.diff("main", "b") and orders.diff("main", "b").tables == []
    orders.sql("UPDATE orders SET amount = 12 WHERE id = 1; INSERT INTO orders VALUES (4, 40); "
               "CREATE TABLE extra AS SELECT 1 AS a; ALTER TABLE orders ADD COLUMN note VARCHAR",
               branch="b")
    diff = orders.diff("main", "b")
    assert [(table.table, table.status) for table in diff.tables] == [
        ("extra", "added"), ("orders", "modified")]
    changed = diff.tables[1]
    assert (changed.rows_added, changed.rows_removed, changed.rows_changed) == (1, 0, 1)
    assert not diff.has_conflicts and len(diff) == 2 and bool(diff)
    rows = [(row["id"], row["amount"], row["_change"]) for row in diff.rows("orders").dicts()]
    assert sorted(rows) == [(1, 10.0, "update_before"), (1, 12.0, "update_after"),
                            (4, 40.0, "insert")]
    assert "note" in repr(diff.columns("orders")) and "orders" in repr(diff)
    assert "#e6ffec" in diff.rows("orders")._repr_html_() and "orders" in diff._repr_html_()
    orders.branches.create("<b>")
    assert "&lt;b&gt;" in orders.diff("main", "<b>")._repr_html_()
    with pytest.raises(arm.NotFound):
        orders.diff("main", "nowhere")
    with pytest.raises(arm.NotFound):
        diff.rows("nothere")


def test_merge(orders):
    orders.branches.create("b")
    orders.sql("UPDATE orders SET amount = 12 WHERE id = 1", branch="b")
    told = orders.merge("b", into="main", dry_run=True)
    assert told.tables == ["orders"] and told.tx is None
    done = orders.merge("b", into="main", strategy="fail")
    assert done.fast_forward and done.tables == ["orders"] and done.conflicts == []
    assert orders.merge("b").up_to_date
    orders.sql("DELETE FROM orders WHERE id = 3")
    orders.sql("UPDATE orders SET amount = 13 WHERE id = 1", branch="b")
    done = orders.merge("b", message="both")
    assert not done.fast_forward and len(orders.show(done.tx).parents) == 2
    assert orders.log()[0].message == "both"
    assert sorted(orders.table("orders").scan().fetchall()) == [(1, 13.0), (2, 20.0)]


def test_conflicts(orders):
    fork_in_two(orders)
    before = orders.latest_tx()
    with pytest.raises(arm.MergeConflict, match="orders") as caught:
        orders.merge("b", into="main")
    assert caught.value.tables == ["orders"] and orders.latest_tx() == before
    conflict, = caught.value.conflicts
    assert conflict.table == "orders" and conflict.columns == ["amount"]
    assert conflict.key == {"id": 1}
    assert [conflict[side]["amount"] for side in ("base", "ours", "theirs")] == [10.0, 11.0, 12.0]
    assert orders.diff("main", "b").has_conflicts
    told = orders.merge("b", dry_run=True)
    assert len(told.conflicts) == 1 and orders.latest_tx() == before
    assert orders.merge("b", strategy="ours", dry_run=True).conflicts == []
    orders.merge("b", strategy="theirs")
    assert sorted(orders.table("orders").scan().fetchall()) == [(1, 12.0), (3, 30.0), (4, 40.0)]


def shown(value):
    """The rows of an HTML table, as texts."""
    return [re.findall(r"<td[^>]*>(.*?)</td>", row)
            for row in re.findall(r"<tr[^>]*>.*?</tr>", value._repr_html_())][1:]


def test_conflicts_are_a_table_in_a_notebook(db):
    db.write("t", {"id": [1, 2, 3], "a": ["x", "y", "z"], "b": [1.0, 2.0, 3.0]}, key="id")
    db.branches.create("b")
    db.sql("UPDATE t SET a = 'o', b = 10 WHERE id = 1")
    db.sql("UPDATE t SET a = '<i>', b = 20 WHERE id = 1", branch="b")
    db.sql("DELETE FROM t WHERE id = 2")
    db.sql("UPDATE t SET b = 5 WHERE id = 2", branch="b")
    db.sql("INSERT INTO t VALUES (4, 'p', 1)")
    db.sql("INSERT INTO t VALUES (4, 'q', 1)", branch="b")
    told = db.merge("b", dry_run=True)
    assert sorted(shown(told.conflicts)) == [
        ["t", "delete/update", "id = 2", "b", "2.0", "(no row)", "5.0"],
        ["t", "insert/insert", "id = 4", "a", "(no row)", "p", "q"],
        ["t", "update/update", "id = 1", "a", "x", "o", "&lt;i&gt;"],
        ["t", "update/update", "id = 1", "b", "1.0", "10.0", "20.0"],
    ]
    assert shown(told)[0] == ["tx", "NULL"] and shown(told.conflicts)[0] in shown(told)
    with pytest.raises(arm.MergeConflict) as caught:
        db.merge("b")
    assert sorted(shown(caught.value.conflicts)) == sorted(shown(told.conflicts))
    assert isinstance(told.conflicts, list)

    db.sql("ALTER TABLE t ADD COLUMN c INTEGER", branch="b")
    db.sql("DROP TABLE t")  # of a table as a whole: words
    told = db.merge("b", dry_run=True)
    assert len(told.conflicts) == 1 and len(shown(told.conflicts)[0]) == 7
    assert "no conflicts" in db.merge("main", dry_run=True).conflicts._repr_html_()


def test_wrong_merges(orders):
    fork_in_two(orders)
    with pytest.raises(arm.InvalidArgument, match="'fail', 'ours', 'theirs'"):
        orders.merge("b", strategy="mine")
    with pytest.raises(arm.NotFound):
        orders.merge("nowhere")
    with pytest.raises(arm.NotFound):
        orders.merge("b", into="nowhere")
    with pytest.raises(arm.InvalidType, match="dry_run"):
        orders.merge("b", dry_run=1)


def test_going_back(orders):
    orders.sql("UPDATE orders SET amount = 0 WHERE id = 1", message="wrong")
    wrong = orders.latest_tx()
    orders.sql("INSERT INTO orders VALUES (4, 40)")
    orders.revert(wrong)
    assert sorted(orders.table("orders").scan().fetchall()) == [
        (1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)]
    orders.restore("orders", at="version:1")
    assert len(orders.table("orders")) == 3
    orders.branches.create("b", from_=f"tx:{wrong}~1")
    orders.checkout("b")
    orders.cherry_pick(wrong)
    assert orders.sql("SELECT amount FROM orders WHERE id = 1").fetchone() == (0.0,)


def test_history(orders):
    orders.sql("DELETE FROM orders WHERE id = 1", message="gone")
    newest, first = orders.versions("orders")
    assert (newest.version, newest.parent, newest.rows, newest.message) == (2, 1, 2, "gone")
    assert (first.version, first.parent, first.rows) == (1, None, 3)
    commit = orders.log()[0]
    assert commit.tx == newest.tx and commit.message == "gone" and commit.branch == "main"
    assert commit.changes[0].table_name == "orders" and commit.tables == ["orders"]
    assert orders.show(commit.tx) == commit
    assert len(orders.log(limit=1)) == 1 and len(orders.log(table="orders")) == 2
    assert orders.schema("orders") == ["id", "amount"]
    assert orders.schema("orders")[0].key and orders.schema("orders")[1].type == "DOUBLE"
    table = orders.table("orders", version=1)
    assert len(table) == 3 and table.columns == ["id", "amount"] and len(table.history()) == 2
    assert table.scan(columns=["amount"], where="id = ?", parameters=[2]).fetchall() == [(20.0,)]
    assert "orders at version:1" in repr(table) and "30.0" in table._repr_html_()
    assert len(orders.table("orders", at="tx:%d" % first.tx)) == 3
    hostile = "false; DELETE FROM orders"
    for where in (hostile, "true); DELETE FROM orders; --", hostile + "; SELECT 1"):
        with pytest.raises(arm.SqlError):
            table.scan(where=where)
    assert len(orders.table("orders")) == 2
    wanted = {"id": [1]}
    assert len(table.scan(where="id IN (SELECT id FROM wanted)")) == len(wanted["id"])
    for wrong in (lambda: orders.table("nothere"), lambda: orders.table("orders", version=9),
                  lambda: orders.schema("nothere"), lambda: orders.versions("nothere"),
                  lambda: orders.show("tx:999")):
        with pytest.raises(arm.NotFound):
            wrong()
    with pytest.raises(arm.InvalidArgument):
        orders.table("orders", version=0)
    with pytest.raises(arm.InvalidArgument, match="not both"):
        orders.table("orders", version=1, at="main")
