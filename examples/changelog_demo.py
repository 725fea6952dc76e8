#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The four ways to use the changelog, from Python: changelog_demo.py DIRECTORY"""

import subprocess
import sys
import threading

import armillaria as arm


def batch(db):
    """The state, now and at a version."""
    now = db.sql("SELECT sum(amount) FROM orders").fetchone()[0]
    then = db.sql("SELECT sum(amount) FROM orders", versions={"orders": 1}).fetchone()[0]
    print(f"batch: {now:.0f} now, {then:.0f} at version 1")


def change(db, since):
    """What came behind a tx, commit by commit and row by row."""
    for event in db.changes(since=since, tables=["orders"]):
        print(f"change: tx {event.tx_id} by {event.branch}: {event.message}")
    for row in db.row_changes("orders", since=since).dicts():
        print(f"        {row['_change']:13} order {row['id']}: {row['amount']:.0f}")


def streaming(db):
    """A consumer: its results and how far it has come are committed as one, so that each event has
    its effect exactly once, whoever is killed when."""
    with db.subscribe(tables=["orders"], consumer="totals") as feed:
        while event := feed.next(timeout=0.2):
            with db.transaction() as tx:
                total = tx.sql("SELECT sum(amount) FROM orders").fetchone()[0]
                tx.sql("INSERT INTO totals VALUES (?, ?)", [event.tx_id, total])
                feed.ack_in(tx, event)
            print(f"streaming: tx {event.tx_id} is in the totals")


def background(db):
    """A thread that is called for each commit, whichever process makes it."""
    heard = threading.Event()

    def take(event):
        print(f"background: heard of tx {event.tx_id}, which changed {', '.join(event.tables)}")
        heard.set()

    feed = db.subscribe(tables=["orders"]).start_background(take)
    subprocess.run([sys.executable, "-c", f"""
import armillaria as arm
with arm.open({db.path!r}) as db:
    db.sql("UPDATE orders SET amount = 0 WHERE id = 1", message="by another process")
"""], check=True)
    if not heard.wait(30):
        sys.exit("nothing was heard")
    feed.stop()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: changelog_demo.py DIRECTORY")
    with arm.open(sys.argv[1], create=True) as db:
        db.write("orders", {"id": [1, 2], "amount": [10.0, 20.0]}, key=["id"], message="opening")
        db.write("totals", {"tx": [0], "total": [0.0]})
        since = db.latest_tx()
        db.sql("UPDATE orders SET amount = 12 WHERE id = 1", message="a discount")
        db.sql("INSERT INTO orders VALUES (3, 30)", message="one more")
        batch(db)
        change(db, since)
        streaming(db)
        streaming(db)  # there is nothing left to do
        background(db)
        streaming(db)
        print(f"the totals have {len(db.table('totals')) - 1} of {db.latest_tx()} commits")


if __name__ == "__main__":
    main()
