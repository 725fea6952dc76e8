#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small transactions by the peers that speak Python: delta-rs, pyiceberg, DuckLake and Lance.

usage: run.py WORK_DIRECTORY [ROUNDS]

The same acts as bench/transactions, whose figures bench/run prints beside them in the same run. A
conflict that a peer's own retries did not settle is counted and tried again; what fails otherwise,
or for the hundredth time, is counted as failed. In the end the rows that were inserted are counted.
"""

import multiprocessing
import os
import shutil
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kinds  # noqa: E402

TRIES_MAX = 100
ROWS = 1_000_000
WRITERS = 8
FULL = os.environ.get("FULL") == "1"

# name, what, act, writers, acts of each writer a round: usual and with FULL=1
WORKLOADS = (
    ("insert-1", "INSERT of one row, one writer", "insert", 1, 50, 500),
    ("insert-8", "INSERT of one row, 8 writers", "insert", WRITERS, 10, 50),
    ("lookup", "lookup by key, a row of a million", "lookup", 1, 10, 50),
    ("update", "UPDATE of one row by key, one writer", "update", 1, 5, 50),
    ("delete", "DELETE of one row by key, one writer", "delete", 1, 5, 50),
    ("upsert", "upsert of 10,000 rows, half of them there", "upsert", 1, 1, 3),
)


class Tally:
    def __init__(self):
        self.times = []
        self.rates = []
        self.conflicts = 0
        self.failed = 0
        self.done = 0
        self.why = ""


def argument_of(act, number):
    if act == "insert":
        return number
    if act == "upsert":
        return number * 48271 % (2 * ROWS // kinds.UPSERT_ROWS) * kinds.UPSERT_ROWS
    return 2 * (number * 48271 % ROWS)


def act_all(peer, act, numbers):
    """What became of each: (times in ms, conflicts, failed, the last reason)."""
    times, conflicts, failed, why = [], 0, 0, ""
    for number in numbers:
        start = time.perf_counter()
        for attempt in range(TRIES_MAX):
            try:
                getattr(peer, act)(argument_of(act, number))
                break
            except Exception as error:  # whatever a peer raises is its result
                why = f"{type(error).__name__}: {str(error)[:200]}"
                if not peer.is_conflict(error) or attempt == TRIES_MAX - 1:
                    failed += 1
                    break
                conflicts += 1
        times.append(1e3 * (time.perf_counter() - start))
    return times, conflicts, failed, why


def write(kind, folder, act, numbers, barrier, results):
    """A writer's process."""
    peer = kind(folder)
    if hasattr(peer, "table"):
        peer.table("events")  # imports, catalogs
    barrier.wait()
    begun = time.monotonic()
    result = act_all(peer, act, numbers)
    results.put((begun, time.monotonic(), *result))
    peer.close()


def run_processes(kind, folder, act, shares):
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(len(shares)), spawn.Queue()
    writers = [spawn.Process(target=write, args=(kind, folder, act, share, barrier, results))
               for share in shares]
    for writer in writers:
        writer.start()
    found = [results.get() for _ in writers]
    for writer in writers:
        writer.join()
    return found


def run_threads(peer, act, shares):
    barrier, found = threading.Barrier(len(shares)), []

    def run(own, numbers):
        barrier.wait()
        begun = time.monotonic()
        result = act_all(own, act, numbers)
        found.append((begun, time.monotonic(), *result))

    own = [peer.another() for _ in shares]
    threads = [threading.Thread(target=run, args=pair) for pair in zip(own, shares)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in own:
        one.close()
    return found


def run_round(peer, act, writers, numbers, tally):
    if writers == 1:
        begun = time.monotonic()
        found = [(begun, *(lambda r: (time.monotonic(), *r))(act_all(peer, act, numbers)))]
    else:
        shares = [numbers[i::writers] for i in range(writers)]
        found = (run_threads(peer, act, shares) if peer.by_threads
                 else run_processes(type(peer), peer.folder, act, shares))
    seconds = max(f[1] for f in found) - min(f[0] for f in found)
    tally.rates.append(len(numbers) / seconds)
    for _, _, times, conflicts, failed, why in found:
        tally.times += times
        tally.conflicts += conflicts
        tally.failed += failed
        tally.why = why or tally.why
    tally.done += len(numbers)


def report(what, tallies):
    print(f"| {what} | per second | median ms | mean ms | 99 % ms | conflicts | failed |\n"
          "|---|---|---|---|---|---|---|")
    for peer, tally in tallies.items():
        if isinstance(tally, str):
            print(f"| {peer.name} | cannot: {tally} | | | | | |")
            continue
        times = sorted(tally.times)
        print(f"| {peer.name} | {statistics.median(tally.rates):.1f} | "
              f"{statistics.median(times):.2f} | {statistics.mean(times):.2f} | "
              f"{times[len(times) * 99 // 100]:.2f} | {tally.conflicts} | {tally.failed} of "
              f"{tally.done} |")
    print(flush=True)
    for peer, tally in tallies.items():
        if not isinstance(tally, str) and tally.failed > 0:
            print(f"bench: {peer.name}: {what}: {tally.why}", file=sys.stderr)


def measure(made, workload, first, rounds):
    _, what, act, writers, usual, full = workload
    count = writers * (full if FULL else usual)
    tallies = {peer: Tally() for peer in made}
    for turn in range(rounds):
        for peer, tally in tallies.items():
            begin = first + turn * count
            run_round(peer, act, writers, list(range(begin, begin + count)), tally)
    report(what, tallies)
    return tallies, rounds * count


def make(work):
    made = []
    for kind in kinds.PEERS:
        missing = kind.missing()
        if missing:
            print(f"{kind.name} is not beside them: {', '.join(missing)} not installed; run "
                  "bench/setup-peers.\n")
            continue
        folder = os.path.join(work, f"peers-{kind.name}")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        peer = kind(folder)
        peer.make(ROWS)
        print(f"{kind.name} {peer.version()}: {kind.note}.")
        made.append(peer)
    print(flush=True)
    return made


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: run.py WORK_DIRECTORY [ROUNDS]")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    wanted = os.environ.get("ONLY", "").split()
    made = make(os.path.abspath(sys.argv[1]))
    first = 0
    inserted = {peer: 0 for peer in made}
    for workload in WORKLOADS:
        if wanted and not any(workload[0].startswith(word) for word in wanted):
            continue
        tallies, count = measure(made, workload, first, rounds)
        first += count
        for peer, tally in tallies.items():
            if workload[2] == "insert":
                inserted[peer] += count - tally.failed
    for peer in made:
        found = peer.count("events")
        if found != inserted[peer]:
            print(f"{peer.name}: {inserted[peer]} rows were acknowledged, {found} are there.")
        peer.close()
        shutil.rmtree(peer.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
