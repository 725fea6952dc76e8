# SPDX-License-Identifier: Apache-2.0
"""A program of the first interface: sensors whose readings are chunks of bytes, and a table of what
they mean; a branch to try a correction on; transactions that move both together.

    first_interface.py DIRECTORY
"""

import json
import sys

import udr
import udr_query


class Station:
    """Everything that it keeps, in one directory."""

    def __init__(self, directory: str) -> None:
        self.store = udr.PyChunkStore(f"{directory}/chunks")
        self.catalog = udr.PyCatalog(f"{directory}/catalog")
        self.branches = udr.PyBranchManager(f"{directory}/branches")
        self.transactions = udr.PyTransactionManager(
            f"{directory}/transactions", f"{directory}/catalog", f"{directory}/branches",
            auto_recover=True, epoch_config=udr.PyEpochConfig.single_node())
        self.writer = udr_query.TableWriter(self.store, self.catalog)
        self.engine = udr_query.QueryEngine(self.store, self.catalog, self.branches,
                                            self.transactions)

    def record(self, readings: list[dict]) -> int:
        """Keep readings as they came, and their table; both in one transaction."""
        handle = self.transactions.begin("main")
        raw = [self.store.put(json.dumps(reading).encode()) for reading in readings]
        number = (self.catalog.latest_version("raw") or 0) + 1
        before = self.catalog.get_version("raw").chunk_hashes if number > 1 else []
        self.catalog.commit(udr.PyTableVersion(
            "raw", number, before + raw, row_count=len(before) + len(raw),
            parent=number - 1 or None, metadata={"source": "station 7"}))
        rows = [json.loads(self.store.get_verified(chunk)) for chunk in before + raw]
        table = self.writer.write("readings", rows, metadata={"raw": number})
        self.transactions.record_write(handle, "raw", number)
        self.transactions.record_write(handle, "readings", table.version)
        return self.transactions.commit(handle)

    def correct(self) -> None:
        """On a branch: what is too warm was told in Fahrenheit."""
        self.branches.create("fix", from_branch="main", description="Fahrenheit")
        self.engine.checkout("fix")
        self.engine.query("UPDATE readings SET celsius = (celsius - 32) / 1.8 WHERE celsius > 60")
        self.engine.checkout("main")
        diff = self.branches.diff("fix", "main")
        print("modified:", diff.modified, "unchanged:", diff.unchanged)
        self.branches.merge("fix", into="main")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: first_interface.py DIRECTORY")
    station = Station(sys.argv[1])
    first = station.record([{"at": 1, "celsius": 20.5}, {"at": 2, "celsius": 71.6}])
    second = station.record([{"at": 3, "celsius": 21.0}])
    print("transactions in order:", first < second)
    late = station.transactions.begin()
    station.transactions.record_read(late, "readings", 2)
    station.transactions.record_write(late, "readings", 1)
    station.correct()
    try:
        station.transactions.commit(late)
    except udr.TransactionConflict:
        print("the late one is refused:", station.transactions.get_transaction(late).state)
    warmest = station.engine.query("SELECT max(celsius) AS c FROM readings", format="dict")
    print("warmest now:", round(warmest[0]["c"], 2))
    then = station.engine.query("SELECT max(celsius) AS c FROM readings",
                                versions={"readings": 2}, format="dict")
    print("warmest then:", then[0]["c"])
    for entry in station.transactions.get_changelog(since_tx_id=second):
        print("since then:", entry.branch, entry.changed_tables())
    print("healthy:", station.engine.verify_integrity()["is_healthy"])


if __name__ == "__main__":
    main()
