# SPDX-License-Identifier: Apache-2.0
"""One class a peer: how it makes a table, adds, changes, finds and upserts rows.

Tables have the columns id BIGINT, amount DOUBLE, note VARCHAR, as in bench/transactions. What a
peer has no call for raises Cannot with the reason. Imports are made when a peer is asked for, so
that one that is not installed is told by name and keeps none of the others from running.
"""

import contextlib
import importlib.util
import logging
import os
import warnings

UPSERT_ROWS = 10_000


class Cannot(Exception):
    """The peer has no call for it."""


def rows_of(ids, amount, note):
    import pyarrow as pa

    ids = list(ids)
    schema = pa.schema([("id", pa.int64()), ("amount", pa.float64()), ("note", pa.string())])
    return pa.table([ids, [amount] * len(ids), [note] * len(ids)], schema=schema)


def big_rows(count):
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pa.array(range(count), pa.int64())
    return pa.table({"id": pc.multiply(numbers, 2),
                     "amount": pc.divide(pc.cast(numbers, pa.float64()), 2.0),
                     "note": pc.binary_join_element_wise("note", pc.cast(numbers, pa.string()),
                                                         " ")})


class Peer:
    modules = ()
    by_threads = False  # else writers are processes
    note = ""

    @classmethod
    def missing(cls):
        return [m for m in cls.modules if importlib.util.find_spec(m) is None]

    def __init__(self, folder):
        self.folder = folder

    def path(self, table):
        return os.path.join(self.folder, table)

    def close(self):
        pass

    def version(self):
        import importlib.metadata

        return importlib.metadata.version(self.modules[0])


class Delta(Peer):
    name = "delta-rs"
    modules = ("deltalake",)
    note = "syncs nothing; 8 writers are processes"

    def make(self, count):
        from deltalake import write_deltalake

        write_deltalake(self.path("events"), rows_of([], 0, ""))
        write_deltalake(self.path("big"), big_rows(count))

    def table(self, name):
        from deltalake import DeltaTable

        return DeltaTable(self.path(name))

    def insert(self, number):
        from deltalake import write_deltalake

        write_deltalake(self.path("events"), rows_of([number], 0.5, f"note {number}"),
                        mode="append")

    def update(self, key):
        self.table("big").update(predicate=f"id = {key}", updates={"amount": "0.25"})

    def delete(self, key):
        self.table("big").delete(f"id = {key}")

    def lookup(self, key):
        import pyarrow.dataset as ds

        return self.table("big").to_pyarrow_dataset().to_table(filter=ds.field("id") == key)

    def upsert(self, first):
        rows = rows_of(range(first, first + UPSERT_ROWS), 0.75, "upserted")
        (self.table("big").merge(rows, "t.id = s.id", source_alias="s", target_alias="t")
         .when_matched_update_all().when_not_matched_insert_all().execute())

    def count(self, table):
        return self.table(table).to_pyarrow_dataset().count_rows()

    @staticmethod
    def is_conflict(error):
        return type(error).__name__ == "CommitFailedError"


class Iceberg(Peer):
    name = "pyiceberg"
    modules = ("pyiceberg",)
    note = "catalog in SQLite, which alone syncs; 8 writers are processes"

    def __init__(self, folder):
        super().__init__(folder)
        self.opened = None

    def catalog(self):
        from pyiceberg.catalog.sql import SqlCatalog

        if self.opened is None:
            logging.getLogger("pyiceberg").setLevel(logging.ERROR)
            warnings.filterwarnings("ignore", module="pyiceberg")
            self.opened = SqlCatalog("bench", uri=f"sqlite:///{self.folder}/catalog.db",
                                     warehouse=f"file://{self.folder}")
        return self.opened

    def make(self, count):
        self.catalog().create_namespace("b")
        for name, rows in (("events", rows_of([], 0, "")), ("big", big_rows(count))):
            table = self.catalog().create_table(f"b.{name}", schema=rows.schema)
            if rows.num_rows > 0:
                table.append(rows)

    def table(self, name):
        return self.catalog().load_table(f"b.{name}")

    def insert(self, number):
        self.table("events").append(rows_of([number], 0.5, f"note {number}"))

    def update(self, key):
        self.table("big").upsert(rows_of([key], 0.25, f"note {key // 2}"), join_cols=["id"])

    def delete(self, key):
        self.table("big").delete(f"id == {key}")

    def lookup(self, key):
        return self.table("big").scan(row_filter=f"id == {key}").to_arrow()

    def upsert(self, first):
        self.table("big").upsert(rows_of(range(first, first + UPSERT_ROWS), 0.75, "upserted"),
                                 join_cols=["id"])

    def count(self, table):
        return self.table(table).scan().count()

    @staticmethod
    def is_conflict(error):
        return (type(error).__name__ == "CommitFailedException" or
                "database is locked" in str(error))


class Lance(Peer):
    name = "Lance"
    modules = ("lance",)
    note = "syncs nothing; 8 writers are processes"

    def version(self):
        import lance

        return lance.__version__

    def make(self, count):
        import lance

        lance.write_dataset(rows_of([], 0, ""), self.path("events"))
        lance.write_dataset(big_rows(count), self.path("big"))

    def table(self, name):
        import lance

        return lance.dataset(self.path(name))

    def insert(self, number):
        import lance

        lance.write_dataset(rows_of([number], 0.5, f"note {number}"), self.path("events"),
                            mode="append")

    def update(self, key):
        self.table("big").update({"amount": "0.25"}, where=f"id = {key}")

    def delete(self, key):
        self.table("big").delete(f"id = {key}")

    def lookup(self, key):
        return self.table("big").to_table(filter=f"id = {key}")

    def upsert(self, first):
        (self.table("big").merge_insert("id").when_matched_update_all()
         .when_not_matched_insert_all()
         .execute(rows_of(range(first, first + UPSERT_ROWS), 0.75, "upserted")))

    def count(self, table):
        return self.table(table).count_rows()

    @staticmethod
    def is_conflict(error):
        return "onflict" in str(error)


class DuckLake(Peer):
    name = "DuckLake"
    modules = ("duckdb", "duckdb_extensions")
    by_threads = True  # a catalog in a DuckDB file belongs to one process
    note = "catalog in a DuckDB file, which syncs; 8 writers are threads"

    def __init__(self, folder, connection=None):
        super().__init__(folder)
        self.connection = connection

    def connect(self):
        if self.connection is None:
            import duckdb
            from duckdb_extensions import import_extension

            os.makedirs(self.folder, exist_ok=True)
            connection = duckdb.connect(":memory:")
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                import_extension("ducklake", con=connection)
            connection.execute("LOAD ducklake")
            connection.execute(f"ATTACH 'ducklake:{self.path('catalog.ducklake')}' AS lake "
                               f"(DATA_PATH '{self.path('data')}/')")
            connection.execute("USE lake")
            self.connection = connection
        return self.connection

    def another(self):
        """A writer's own, of the same process."""
        cursor = self.connect().cursor()
        cursor.execute("USE lake")
        return DuckLake(self.folder, cursor)

    def close(self):
        if self.connection is not None:
            self.connection.close()

    def make(self, count):
        run = self.connect().execute
        for name in ("events", "big"):
            run(f"CREATE TABLE {name} (id BIGINT, amount DOUBLE, note VARCHAR)")
        run(f"INSERT INTO big SELECT 2 * range, range / 2.0, 'note ' || range FROM range({count})")

    def insert(self, number):
        self.connect().execute(f"INSERT INTO events VALUES ({number}, 0.5, 'note {number}')")

    def update(self, key):
        self.connect().execute(f"UPDATE big SET amount = 0.25 WHERE id = {key}")

    def delete(self, key):
        self.connect().execute(f"DELETE FROM big WHERE id = {key}")

    def lookup(self, key):
        return self.connect().execute(f"SELECT * FROM big WHERE id = {key}").fetchall()

    def upsert(self, first):
        self.connect().execute(
            f"MERGE INTO big t USING (SELECT range AS id, 0.75 AS amount, 'upserted' AS note "
            f"FROM range({first}, {first + UPSERT_ROWS})) s ON t.id = s.id WHEN MATCHED THEN "
            f"UPDATE SET amount = s.amount, note = s.note WHEN NOT MATCHED THEN INSERT VALUES "
            f"(s.id, s.amount, s.note)")

    def count(self, table):
        return self.connect().execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    @staticmethod
    def is_conflict(error):
        return "onflict" in str(error)


PEERS = (Delta, Iceberg, DuckLake, Lance)
