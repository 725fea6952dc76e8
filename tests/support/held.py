# SPDX-License-Identifier: Apache-2.0
"""A process that has a repository open, waits in the middle of its statements, and goes on."""

import errno
import os
import subprocess
import tempfile
import time
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
        """Once it has come to the gate; a process that ends before that fails the test."""
        end = time.monotonic() + TIMEOUT_S
        while True:
            try:
                descriptor = os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as failed:
                if failed.errno != errno.ENXIO:
                    raise
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                self.folder.cleanup()
                raise AssertionError(("never came to the gate", self.process.communicate()))
            time.sleep(0.002)
        os.set_blocking(descriptor, True)
        self.opened = os.fdopen(descriptor, "w", encoding="utf-8")
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
