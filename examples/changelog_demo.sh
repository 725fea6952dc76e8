#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The four ways to use the changelog, by the command line: changelog_demo.sh DIRECTORY
set -euo pipefail

export ARMILLARIA_REPO=${1:?"usage: changelog_demo.sh DIRECTORY"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number() { armillaria sql --format csv -c "$1" | tail -n 1; }

armillaria init "$ARMILLARIA_REPO"
armillaria sql -q -c "
    CREATE TABLE orders(id INTEGER PRIMARY KEY, amount DOUBLE);
    INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30);
    UPDATE orders SET amount = 25 WHERE id = 2;
    INSERT INTO orders VALUES (4, 40)"

echo "batch: the state, now and at version 2"
number "SELECT count(*) FROM orders"
number "SELECT count(*) FROM orders AT (VERSION => 2)"

echo "change: what came behind a tx, commit by commit and row by row"
armillaria changes --since 2
armillaria changes --since 3 --rows
number "SELECT count(*) FROM arm_row_changes('orders', 3)"

# Each line is acknowledged once it is written: who is stopped here goes on behind it.
echo "streaming: from where the consumer stands; twice, of which the second has nothing to do"
armillaria changes --consumer totals --tables orders
armillaria changes --consumer totals --tables orders

echo "background: another process waits, while this one does something else"
armillaria changes --follow --consumer totals --tables orders >"$work/heard" &
follower=$!
armillaria sql -q -c "DELETE FROM orders WHERE id = 2"
for _ in $(seq 200); do
    [ ! -s "$work/heard" ] || break
    sleep 0.05
done
kill -TERM "$follower"
wait "$follower"
cat "$work/heard"
armillaria consumer
