#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random SQL on a repository's tables beside the same on DuckDB's own.

A seed names a run: two tables (random_columns.py) are filled, changed and asked for some hundred
steps (random_statements.py), in one session whose temp catalog holds the same tables in DuckDB's
own storage. Each statement runs on both. They must both fail, or give the same rows (in order,
where the order is total) and counts. After each change the contents are compared; a version that
was the newest is summed up then, and must have that sum for ever after. An error of DuckDB's that
says FATAL or INTERNAL is a failure wherever it comes from.

Tolerated, and counted: a query that casts a text that is no number (Predicates.may_fail) may fail
on one side only, with a conversion error: which rows get as far as the cast is the optimizer's
choice. PRAGMA enable_verification may find DuckDB's own tables answering two plans unalike, and
they refuse BETWEEN on some structs.

As a program this runs one seed and prints what it found as JSON; run_seed starts it, so that what
brings the process down is a failure like any other, and says after which statement.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from arm import environment
from random_run import Run, Stop

SEED_TIMEOUT_S = 300


def run_here(seed, steps, folder, verify):
    """What run_seed starts in a process of its own."""
    run = Run(seed, folder, verify)
    try:
        run.prepare()
        for _ in range(steps):
            run.step()
        run.finish()
    except Stop:
        pass
    return run.found


def run_seed(seed, steps, verify=False):
    """Run a seed in a process of its own; what it found, and `log`: the statements it ran."""
    with tempfile.TemporaryDirectory(prefix="arm-random-sql-") as folder:
        command = [sys.executable, __file__, str(seed), "--steps", str(steps), "--folder", folder]
        found, note = None, ""
        try:
            done = subprocess.run(command + ["--verify"] * verify, text=True, check=False,
                                  capture_output=True, timeout=SEED_TIMEOUT_S, env=environment())
            note = f"ended with {done.returncode}: {done.stderr[-1500:]}"
            if done.returncode == 0:
                found = json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            note = f"still running after {SEED_TIMEOUT_S} s"
        log = Path(folder) / "statements.sql"
        text = log.read_text(encoding="utf-8") if log.exists() else ""
    if found is None:
        lines = text.splitlines() or [""]
        failure = {"statement": lines[-1], "note": f"the process {note}"}
        found = {"seed": seed, "statements": len(lines), "queries": 0, "refused": 0,
                 "tolerated": 0, "failures": [failure]}
    return {**found, "log": text}


def report(found):
    """The failures of a seed, to be read by people."""
    return "\n".join(f"seed {found['seed']}: {failure['statement']}\n"
                     + "\n".join(f"    {line}" for line in failure["note"].splitlines())
                     for failure in found["failures"])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--folder", required=True, help="for the repository and statements.sql")
    parser.add_argument("--verify", action="store_true", help="PRAGMA enable_verification")
    arguments = parser.parse_args()
    found = run_here(arguments.seed, arguments.steps, arguments.folder, arguments.verify)
    print(json.dumps(found), flush=True)
    os._exit(0)  # a session left open by a failure has nothing to close


if __name__ == "__main__":
    sys.exit(main())
