#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package beside others: what a call costs, and a frame written and read.

usage: python_package.py LINEITEM_PARQUET WORK_DIRECTORY [ROUNDS]

Small calls beside DuckDB's module and sqlite3 (WAL, synchronous=FULL), both on files; the frame,
TPC-H's lineitem as a pyarrow Table, beside DuckDB, delta-rs and pyiceberg. Sides take turns, and
medians are told.
"""

import os
import shutil
import sqlite3
import statistics
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

import armillaria as arm

SMALL = int(os.environ.get("SMALL", 300))


class Statements:
    """Small calls of a side whose `run` takes a statement and its values."""

    def select(self, number):
        return self.run("SELECT 1").fetchone()

    def parameter(self, number):
        return self.run("SELECT ?", [number]).fetchone()

    def insert(self, number):
        self.run("INSERT INTO t VALUES (?)", [number])


class Armillaria(Statements):
    name = "armillaria"

    def __init__(self, folder):
        self.path = os.path.join(folder, "armillaria")
        self.db = arm.open(self.path, create=True)
        self.run = self.db.sql
        self.run("CREATE TABLE t (i BIGINT PRIMARY KEY)")

    def write(self, frame):
        self.db.write("frame", frame, mode="replace")

    def read(self):
        return self.db.table("frame").arrow()

    def drop(self):  # the repository with it, which would know the chunks again
        self.db.close()
        shutil.rmtree(self.path)
        self.db = arm.open(self.path, create=True)


class ArmillariaRows(Armillaria):
    name = "armillaria, row calls"
    select = parameter = write = None

    def insert(self, number):
        with self.db.transaction() as tx:
            tx.put("t", {"i": [-1 - number]})


class DuckDB(Statements):
    name = "duckdb"

    def __init__(self, folder):
        import duckdb

        self.connection = duckdb.connect(os.path.join(folder, "duckdb"))
        self.run = self.connection.execute
        self.run("CREATE TABLE t (i BIGINT PRIMARY KEY)")

    def write(self, frame):
        self.run("CREATE OR REPLACE TABLE frame AS SELECT * FROM frame")
        self.run("CHECKPOINT")

    def read(self):
        return self.run("SELECT * FROM frame").to_arrow_table()

    def drop(self):
        self.run("DROP TABLE frame")


class SQLite(Statements):
    name = "sqlite3"
    write = None

    def __init__(self, folder):
        self.connection = sqlite3.connect(os.path.join(folder, "sqlite"), isolation_level=None)
        self.run = self.connection.execute
        self.run("PRAGMA journal_mode=WAL")
        self.run("PRAGMA synchronous=FULL")
        self.run("CREATE TABLE t (i INTEGER PRIMARY KEY)")


class Delta:
    name = "deltalake"
    select = parameter = insert = None

    def __init__(self, folder):
        import deltalake

        self.deltalake = deltalake
        self.path = os.path.join(folder, "delta")

    def write(self, frame):
        self.deltalake.write_deltalake(self.path, frame, mode="overwrite")

    def read(self):
        return self.deltalake.DeltaTable(self.path).to_pyarrow_table()

    def drop(self):
        shutil.rmtree(self.path)


class Iceberg:
    name = "pyiceberg"
    select = parameter = insert = None

    def __init__(self, folder):
        from pyiceberg.catalog.sql import SqlCatalog

        place = os.path.join(folder, "iceberg")
        os.makedirs(place)
        self.catalog = SqlCatalog("c", uri=f"sqlite:///{place}/catalog.db",
                                  warehouse=f"file://{place}")
        self.catalog.create_namespace("n")

    def write(self, frame):
        self.catalog.create_table("n.frame", schema=frame.schema).append(frame)

    def read(self):
        return self.catalog.load_table("n.frame").scan().to_arrow()

    def drop(self):
        self.catalog.drop_table("n.frame")


def sides(folder):
    made = []
    for kind in (Armillaria, ArmillariaRows, DuckDB, SQLite, Delta, Iceberg):
        place = os.path.join(folder, kind.__name__)
        os.makedirs(place)
        try:
            made.append(kind(place))
        except ImportError as error:
            print(f"without {kind.name}: {error.name} is not installed (bench/setup-peers)")
    return made


def timed(call, *arguments):
    begun = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - begun


def small_calls(made, rounds):
    print("| us a call | " + " | ".join(side.name for side in made) + " |")
    print("|---|" + "---|" * len(made))
    number = 0
    for act, what in (("select", "`SELECT 1`, fetched"), ("parameter", "`SELECT ?`, fetched"),
                      ("insert", "INSERT of a row, durable")):
        times = {side.name: [] for side in made}
        for _ in range(rounds):
            for side in made:
                call = getattr(side, act)
                for _ in range(SMALL if call is not None else 0):
                    number += 1
                    times[side.name].append(timed(call, number))
        told = [f"{statistics.median(times[side.name]) * 1e6:.0f}" if times[side.name] else "-"
                for side in made]
        print(f"| {what} | " + " | ".join(told) + " |", flush=True)


def frames(made, frame, rounds):
    made = [side for side in made if side.write is not None]
    writes, reads = ({side.name: [] for side in made} for _ in range(2))
    for _ in range(rounds):
        for side in made:
            writes[side.name].append(timed(side.write, frame))
            reads[side.name].append(timed(side.read))
            side.drop()
    print(f"\n| {len(frame):,} rows, s | " + " | ".join(side.name for side in made) + " |")
    print("|---|" + "---|" * len(made))
    for what, times in (("write", writes), ("read", reads)):
        print(f"| {what} | " + " | ".join(f"{statistics.median(times[side.name]):.2f}"
                                          for side in made) + " |")
    for what, times in (("write", writes), ("read", reads)):
        base = statistics.median(times["duckdb"]) if "duckdb" in times else None
        if base:
            print(f"| {what}, x duckdb's | " + " | ".join(
                f"{statistics.median(times[side.name]) / base:.2f}" for side in made) + " |")


def plain(table):
    """With texts that every side takes."""
    return table.cast(pa.schema([
        field.with_type(pa.string()) if pa.types.is_string_view(field.type) else field
        for field in table.schema]))


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: python_package.py LINEITEM_PARQUET WORK_DIRECTORY [ROUNDS]")
    folder = os.path.join(sys.argv[2], "python")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    os.makedirs(folder)
    made = sides(folder)
    small_calls(made, rounds)
    frames(made, plain(pq.read_table(sys.argv[1])), rounds)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
