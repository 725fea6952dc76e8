#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two ways to clean the same data, tried on branches, compared, and one of them merged:
clean_data.py DIRECTORY FLIGHTS.csv"""

import sys

import armillaria as arm

WAYS = {
    "clean/drop": ["DELETE FROM flights WHERE arr_delay IS NULL"],
    "clean/fill": ["""UPDATE flights SET arr_delay = (
                          SELECT median(arr_delay) FROM flights f WHERE f.carrier = flights.carrier)
                      WHERE arr_delay IS NULL"""],
}
QUESTION = """SELECT carrier, count(*) AS flights, round(avg(arr_delay), 2) AS late
              FROM flights GROUP BY carrier ORDER BY carrier"""


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: clean_data.py DIRECTORY FLIGHTS.csv")
    with arm.open(sys.argv[1], create=True) as db:
        db.sql(f"""CREATE TABLE flights AS
                   SELECT month, day, carrier, TRY_CAST(arr_delay AS DOUBLE) AS arr_delay
                   FROM read_csv('{sys.argv[2].replace("'", "''")}', all_varchar = true)
                   WHERE month = '1'""", message="january, as it came")
        db.tags.create("raw")

        for name, statements in WAYS.items():
            db.branches.create(name, from_="raw")
            for statement in statements:
                db.sql(statement, branch=name)
            told = db.diff("main", name).tables[0]
            print(f"{name}: {told.rows_removed} rows gone, {told.rows_changed} changed")

        # The answers side by side: each branch is a version of every table.
        drop = db.sql(QUESTION, branch="clean/drop")
        fill = db.sql(QUESTION, branch="clean/fill")
        db.sql("""SELECT carrier, d.flights AS kept, f.flights AS all_of_them,
                         d.late AS late_dropped, f.late AS late_filled
                  FROM drop d JOIN fill f USING (carrier)
                  WHERE abs(d.late - f.late) > 0.05 ORDER BY carrier""").show()

        db.merge("clean/drop", into="main", message="flights that arrived")
        # From now on no commit brings a hole back.
        db.branches.protect("main", checks=["SELECT 1 FROM flights WHERE arr_delay IS NULL"])
        try:
            db.sql("INSERT INTO flights VALUES (1, 1, 'UA', NULL)")
        except arm.ConstraintError as error:
            print(f"refused: {str(error).splitlines()[0]}")
        print(f"main has {len(db.table('flights'))} flights, "
              f"raw has {len(db.table('flights', at='raw'))}")


if __name__ == "__main__":
    main()
