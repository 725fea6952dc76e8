# SPDX-License-Identifier: Apache-2.0
"""The changelog: asked, subscribed to, acknowledged."""

import asyncio
import datetime
import re
import subprocess
import sys
import threading
import time

import armillaria as arm
import pytest


def insert(db, number):
    db.sql("INSERT INTO orders VALUES (?, 1)", [number])
    return db.latest_tx()


def test_changes(orders):
    first = orders.latest_tx()
    insert(orders, 4)
    orders.write("extra", {"a": [1]}, message="more")
    events = orders.changes()
    assert [event.tx_id for event in events][-3:] == sorted(event.tx_id for event in events)[-3:]
    last = events[-1]
    assert (last.message, last.branch, last.tables) == ("more", "main", ["extra"])
    assert isinstance(last.timestamp, datetime.datetime)
    change = last.changes[0]
    assert (change.old_version, change.new_version, change.is_new_table) == (None, 1, True)
    assert (change.rows_added, change.rows_removed) == (1, 0)
    assert len(orders.changes(since=first)) == 2
    assert [event.tables for event in orders.changes(since=first, tables=["ex*"])] == [["extra"]]
    assert len(orders.changes(until=first)) == len(events) - 2
    assert len(orders.changes(limit=1)) == 1 and orders.changes(branch="*")
    assert orders.changes(since=datetime.datetime.now(datetime.timezone.utc)) == []
    assert len(orders.changes().df()) == len(events)
    with pytest.raises(arm.NotFound):
        orders.changes(branch="nowhere")


def test_row_changes(orders):
    start = orders.latest_tx()
    orders.sql("UPDATE orders SET amount = 11 WHERE id = 1")
    orders.sql("DELETE FROM orders WHERE id = 2")
    rows = orders.row_changes("orders", since=start).dicts()
    assert [(row["id"], row["amount"], row["_change"], row["_version"]) for row in rows] == [
        (1, 10.0, "update_before", 2), (1, 11.0, "update_after", 2), (2, 20.0, "delete", 3)]
    assert len(orders.row_changes("orders").dicts()) == 6
    assert len(orders.row_changes("orders", until=start)) == 3


def test_poll_and_next(orders):
    with orders.subscribe(tables=["orders"]) as feed:
        assert feed.poll() == [] and feed.next(timeout=0.05) is None
        first = insert(orders, 4)
        orders.write("other", {"a": [1]})
        second = insert(orders, 5)
        assert [event.tx_id for event in feed.poll(timeout=5, limit=1)] == [first]
        assert feed.next(timeout=5).tx_id == second and feed.poll() == []
    with orders.subscribe(since=first) as feed:
        assert [event.tables for event in feed.poll()] == [["other"], ["orders"]]


def test_iteration_ends_with_stop(orders):
    feed = orders.subscribe(since=0)
    seen = []

    def read():
        for event in feed:
            seen.append(event.tx_id)

    thread = threading.Thread(target=read)
    thread.start()
    tx = insert(orders, 4)
    deadline = time.time() + 20
    while tx not in seen and time.time() < deadline:
        time.sleep(0.01)
    feed.stop()
    thread.join(20)
    assert not thread.is_alive() and seen[-1] == tx
    feed.stop()
    with pytest.raises((arm.Closed, StopIteration)):
        next(feed)


def test_commits_are_told_on_a_line_each(orders):
    orders.sql("UPDATE orders SET amount = 0 WHERE id = 1")
    with orders.transaction(message="two") as tx:
        tx.sql("CREATE TABLE other AS SELECT 1 AS a, 2 AS b")
        tx.sql("DELETE FROM orders WHERE id = 2")
    orders.sql("ALTER TABLE other DROP COLUMN b")
    orders.sql("DROP TABLE other")
    told = [["orders new (+3)"], ["orders 1 → 2 (+1 −1)"], ["orders 2 → 3 (−1)", "other new (+1)"],
            ["other 1 → 2"], ["other dropped (−1)"]]
    for listing, lines in ((orders.changes(), told), (orders.log(), told[::-1])):
        text, html = repr(listing), listing._repr_html_()
        assert [sorted(line.split("│")[-2].strip().split(", "))
                for line in text.splitlines()[4:-1]] == lines
        assert [sorted(line.split(", "))
                for line in re.findall(r"([^<>]*)</td></tr>", html)] == lines
        assert "STRUCT" not in text and "{" not in text + html
    assert ">other 1 → 2<" in orders.show("main~1")._repr_html_()
    # To programs they are what they were.
    assert orders.log().arrow()["changes"][0].as_py()[0]["table_name"] == "other"
    assert orders.changes()[1].changes[0].rows_added == 1
    assert orders.log().dicts()[0]["changes"][0]["new_version"] is None


def test_in_the_background(orders):
    seen = threading.Event()
    events = []

    def take(event):
        events.append(event.tx_id)
        seen.set()

    feed = orders.subscribe(tables=["orders"])
    assert repr(feed) == "<Subscription: open>"
    assert repr(feed.start_background(take)) == "<Subscription: in the background>"
    assert feed.is_running
    with pytest.raises(arm.InvalidArgument, match="background"):
        feed.poll()
    tx = insert(orders, 4)
    assert seen.wait(20)
    feed.stop()
    assert events == [tx] and not feed.is_running
    assert repr(feed) == "<Subscription: stopped>"


def test_stop_lets_the_callback_end_and_acknowledges(orders):
    begun, done = threading.Event(), []

    def take(event):
        begun.set()
        time.sleep(0.3)
        done.append(event.tx_id)

    feed = orders.subscribe(consumer="c", tables=["orders"]).start_background(take)
    assert begun.wait(20)
    feed.stop()
    assert len(done) == 1 and orders.consumers()[0].acked_tx >= done[0]


def test_a_callback_that_raises(orders):
    feed = orders.subscribe(since=0).start_background(lambda event: 1 / 0)
    deadline = time.time() + 20
    while feed.is_running and time.time() < deadline:
        time.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        feed.stop()
    with pytest.raises(arm.InvalidType):
        orders.subscribe().start_background(7)


def test_consumers(orders):
    insert(orders, 4)
    with orders.subscribe(consumer="c", tables=["orders"]) as feed:
        first, second = feed.poll()
        feed.ack(first)
        feed.rewind()
        assert [event.tx_id for event in feed.poll()] == [second.tx_id]
    consumer, = orders.consumers()
    assert (consumer.consumer, consumer.lag) == ("c", 0)
    third = insert(orders, 5)
    with orders.subscribe(consumer="c", tables=["orders"]) as feed:
        assert next(iter(feed)).tx_id == third
    orders.move_consumer("c", 0)
    with orders.subscribe(consumer="c", tables=["orders"]) as feed:
        assert len(feed.poll()) == 3
    orders.delete_consumer("c")
    assert orders.consumers() == []
    with pytest.raises(arm.NotFound):
        orders.delete_consumer("c")


def test_what_was_not_acknowledged_comes_again(orders):
    feed = orders.subscribe(consumer="c", tables=["orders"])
    event = feed.next(timeout=5)
    feed.stop()
    with orders.subscribe(consumer="c", tables=["orders"]) as feed:
        assert feed.next(timeout=5).tx_id == event.tx_id


def test_exactly_once(orders):
    orders.write("sums", {"tx": [0], "n": [0]})
    for number in (4, 5, 6):
        insert(orders, number)
    with orders.subscribe(consumer="sums", tables=["orders"]) as feed:
        while event := feed.next(timeout=1):
            with orders.transaction() as tx:
                tx.sql("INSERT INTO sums VALUES (?, 1)", [event.tx_id])
                feed.ack_in(tx, event)
    assert orders.sql("SELECT count(*), count(DISTINCT tx) FROM sums WHERE n = 1"
                      ).fetchone() == (4, 4)
    with orders.subscribe(consumer="sums", tables=["orders"]) as feed:
        assert feed.poll() == []
        with pytest.raises(arm.InvalidArgument):
            feed.ack()
        with pytest.raises(arm.InvalidType):
            feed.ack_in(7, 1)


def test_stop_inside_the_loop(orders):
    insert(orders, 4)
    for consumer in (None, "c"):
        seen = []
        with orders.subscribe(since=0, consumer=consumer, tables=["orders"]) as feed:
            for event in feed:
                seen.append(event.tx_id)
                feed.stop()
        assert len(seen) == 1
    with orders.subscribe(consumer="c", tables=["orders"]) as feed:
        assert feed.next(timeout=5).tx_id == seen[0]  # it was not acknowledged
    with orders.subscribe(consumer="d", tables=["orders"]) as feed:
        event = feed.next(timeout=5)
        with pytest.raises(arm.Closed, match="not begun"):
            feed.ack_in(orders.transaction(), event)


def test_async(orders):
    async def read():
        seen = []
        feed = orders.subscribe(since=0, tables=["orders"])
        asyncio.get_running_loop().call_later(0.3, insert, orders, 4)
        async for event in feed:
            seen.append(event.tables)
            if len(seen) == 2:
                break
        feed.stop()
        return seen

    assert asyncio.run(asyncio.wait_for(read(), 30)) == [["orders"], ["orders"]]


def test_async_is_cancelled(orders):
    async def read():
        feed = orders.subscribe()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(feed), 0.2)
        tx = insert(orders, 4)
        event = await asyncio.wait_for(anext(feed), 20)  # not lost to who left
        feed.stop()
        return event.tx_id == tx

    assert asyncio.run(read())


def test_commits_of_another_process(orders):
    with orders.subscribe(tables=["orders"]) as feed:
        subprocess.run([sys.executable, "-c", f"""
import armillaria as arm
arm.open({orders.path!r}).sql("INSERT INTO orders VALUES (7, 7)")"""], check=True, timeout=60)
        assert feed.next(timeout=10).tables == ["orders"]


def test_find_commit(orders):
    commit = orders.log()[0]
    assert orders.find_commit(commit.commit) == commit.tx
    assert orders.find_commit(bytes.fromhex(commit.commit)) == commit.tx
    with pytest.raises(arm.NotFound):
        orders.find_commit("00" * 16)
    for wrong in ("", "xyz", b"short"):
        with pytest.raises(arm.InvalidArgument):
            orders.find_commit(wrong)


def test_upkeep(orders):
    for number in range(4, 40):
        insert(orders, number)
    report = orders.verify(full=True)
    assert report and report.is_healthy and report.issues == [] and report.records > 0
    assert orders.recover().is_clean
    assert orders.compact("orders")["tables"] == 1
    assert orders.gc(dry_run=True).history_since is None
    stats = orders.stats()
    assert stats.tables == ["orders"] and stats.logical_bytes > 0 and stats.consumers == []
    assert len(orders.table("orders")) == 39


def test_history_that_was_given_up(orders):
    insert(orders, 4)
    insert(orders, 5)
    orders.gc(keep_days=0, grace_seconds=0)
    with pytest.raises(arm.HistoryExpired):
        orders.table("orders", version=1).dicts()
    with pytest.raises(arm.HistoryExpired):
        orders.sql("SELECT * FROM orders", versions={"orders": 1})
    assert len(orders.table("orders")) == 5
