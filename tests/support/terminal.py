# SPDX-License-Identifier: Apache-2.0
"""The command on a terminal: a pseudo-terminal of a given width."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from arm import BIN, environment

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def take_terminal():
    """In the child: the terminal on standard input sends it the signals of its keys."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A run of the command with all three streams on a terminal."""

    def __init__(self, *args, columns=80, env=None, stdout=None, program=BIN):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.process = subprocess.Popen([program, *map(str, args)], stdin=slave,
                                        stdout=slave if stdout is None else stdout,
                                        stderr=slave, close_fds=True, start_new_session=True,
                                        preexec_fn=take_terminal,
                                        env=environment(**{"TERM": "xterm",
                                                           "ARMILLARIA_HISTORY": "off",
                                                           **(env or {})}))
        os.close(slave)
        self.raw = ""

    def read_until(self, pattern, seconds=60):
        """Read until the output so far matches."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"{pattern!r} did not come: {self.text!r}"
            if not self._read(0.2) and self.process.poll() is not None:
                assert re.search(pattern, self.text), f"{pattern!r} did not come: {self.text!r}"
        return self.text

    def _read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    @property
    def text(self):
        """What a person sees, without colours."""
        return ESCAPES.sub("", self.raw)

    def send(self, text):
        os.write(self.master, text.encode())

    def type(self, text, pattern):
        """Send, and read until what comes from now on matches; that."""
        self.raw = ""
        self.send(text)
        return self.read_until(pattern)

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self, seconds=60):
        """Read to the end; the exit status."""
        end = time.monotonic() + seconds
        while self._read(0.2) or self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end: {self.text!r}"
        while self._read(0.05):
            pass
        os.close(self.master)
        return self.process.wait()


def show(*args, **options):
    """What the command prints on a terminal."""
    terminal = Terminal(*args, **options)
    status = terminal.end()
    assert status == 0, terminal.text
    return terminal
