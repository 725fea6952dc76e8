# SPDX-License-Identifier: Apache-2.0
"""A process that has a repository open, waits in the middle of its statements, and goes on."""

import os
import subprocess
import tempfile
from pathlib import Path

from arm import BIN, TIMEOUT_S, Result, environment


class Held:
    """`armillaria sql` that runs `before`, waits, and then runs `after`.

        with Held(repo, "SELECT 1", "INSERT INTO t VALUES (1)") as held:
            …                          # it has run the first, and waits
            result = held.go_on()      # how it ended, the second run
    """

    def __init__(self, repo, before, after, prefix=(), **env):
        self.folder = tempfile.TemporaryDirectory(prefix="arm-held-")
        os.chmod(self.folder.name, 0o755)
        self.gate = Path(self.folder.name) / "gate"
        os.mkfifo(self.gate)
        os.chmod(self.gate, 0o644)
        wait = (f"SELECT * FROM read_csv('{self.gate}', auto_detect = false, header = false, "
                "columns = {'x': 'VARCHAR'})")
        self.process = subprocess.Popen(
            [*prefix, BIN, "-C", str(repo.path), "sql", "--json", "-c",
             f"{before}; {wait}; {after}"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**env))

    def __enter__(self):
        self.opened = self.gate.open("w", encoding="utf-8")  # once it has come to it
        return self

    def go_on(self, status=0):
        self.opened.write("go\n")
        self.opened.close()
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        result = Result(subprocess.CompletedProcess([], self.process.returncode, out, err))
        assert status is None or result.status == status, result
        return result

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.opened.close()
        self.folder.cleanup()
