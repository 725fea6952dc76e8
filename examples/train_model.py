#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model that can be made again, for ever: its training data is a tag, its runs are a table.
train_model.py DIRECTORY FLIGHTS.csv"""

import sys

import armillaria as arm
import numpy as np


def features(db, tag):
    """What is learnt from, as it was at the tag, and what it is learnt for."""
    rows = db.sql("""SELECT hour::DOUBLE AS hour, distance::DOUBLE AS distance,
                            dep_delay::DOUBLE AS dep_delay, arr_delay::DOUBLE AS arr_delay
                     FROM flights WHERE arr_delay IS NOT NULL ORDER BY ALL""", at=tag).arrow()
    columns = [rows[name].to_numpy() for name in ("hour", "distance", "dep_delay")]
    return np.column_stack([np.ones(len(rows)), *columns]), rows["arr_delay"].to_numpy()


def train(db, tag):
    """Least squares: four numbers, and how far off they are."""
    x, y = features(db, tag)
    weights, *_ = np.linalg.lstsq(x, y, rcond=None)
    error = float(np.sqrt(np.mean((x @ weights - y) ** 2)))
    db.write("runs", {"tag": [tag], "rows": [len(y)], "weights": [weights.round(6).tolist()],
                      "error": [round(error, 4)]},
             mode="append" if "runs" in db.tables() else "create", message=f"trained on {tag}")
    return weights


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: train_model.py DIRECTORY FLIGHTS.csv")
    with arm.open(sys.argv[1], create=True) as db:
        path = sys.argv[2].replace("'", "''")
        db.sql(f"""CREATE TABLE flights AS
                   SELECT hour, distance, dep_delay, arr_delay
                   FROM read_csv('{path}', nullstr = 'NA') WHERE month = 1""")
        db.tags.create("january")
        first = train(db, "january")

        # The table goes on; the tag does not.
        db.sql(f"""INSERT INTO flights SELECT hour, distance, dep_delay, arr_delay
                   FROM read_csv('{path}', nullstr = 'NA') WHERE month = 2""")
        db.sql("DELETE FROM flights WHERE dep_delay > 300")
        db.tags.create("february")
        train(db, "february")

        again = train(db, "january")
        if not np.allclose(first, again, atol=1e-9):
            sys.exit("the same tag gave another model")
        db.table("runs").show()
        print(f"january's model was made twice, the same; {len(db.table('flights'))} rows by now")


if __name__ == "__main__":
    main()
