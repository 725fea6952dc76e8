# SPDX-License-Identifier: Apache-2.0
"""Bars for long work: a line on the terminal, an element in a notebook; nothing where nobody looks.

One appears when a call has taken two seconds, and goes when it is over. `ARMILLARIA_PROGRESS=off`
has none."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from . import _core

DELAY_S = 2.0
_STEP_S = 0.2


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")


def where() -> str:
    """Who looks: "terminal", "notebook", or "" for nobody."""
    if os.environ.get("ARMILLARIA_PROGRESS", "").lower() in ("off", "0", "no", "false"):
        return ""
    if _in_notebook():
        return "notebook"
    try:
        return "terminal" if sys.stderr is not None and sys.stderr.isatty() else ""
    except ValueError:  # it is closed
        return ""


class Bar:
    """How far something is. For one thread at a time."""

    def __init__(self, what: str, place: str) -> None:
        self._what = what
        self._place = place
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._handle: Any = None

    def tell(self, part: float) -> None:
        """It is this far, from 0 to 1; -1: nobody knows."""
        now = time.monotonic()
        if now - self._begun < DELAY_S or now - self._drawn < _STEP_S:
            return
        self._drawn = now
        seconds = now - self._begun
        if part < 0:
            self._draw("", f"{self._what} ({seconds:.0f} s)", None)
            return
        part = min(part, 1.0)
        left = f", {seconds / part - seconds:.0f} s left" if part > 0.01 else ""
        told = f"{part:4.0%} {self._what} ({seconds:.0f} s{left})"
        wide = max(10, min(40, shutil.get_terminal_size().columns - len(told) - 4))
        full = int(part * wide)
        self._draw(f"{'█' * full}{'░' * (wide - full)} ", told, part)

    def _draw(self, bar: str, told: str, part: float | None) -> None:
        if self._place == "notebook":
            value = "" if part is None else f" max='1' value='{part:.3f}'"
            self._show(f"<progress{value}></progress> {told}")
            return
        sys.stderr.write(f"\r\x1b[K{bar}{told}")
        sys.stderr.flush()

    def _show(self, html: str) -> None:
        # IPython says the types of a half of it.
        from IPython.display import HTML, display  # pyright: ignore[reportUnknownVariableType]

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(HTML(html))  # type: ignore[no-untyped-call]

    def end(self) -> None:
        """Take it away."""
        if self._drawn and self._place == "terminal":
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        elif self._handle is not None:
            self._show("")


@contextmanager
def calls(what: str) -> Generator[Callable[[int, int], None] | None, None, None]:
    """For a call that tells how far it is: what it is to call, or None."""
    place = where()
    if not place:
        yield None
        return
    bar = Bar(what, place)
    try:
        yield lambda done, total: bar.tell(done / total if total else 0.0)
    finally:
        bar.end()


@contextmanager
def watching(session: _core.Session, what: str) -> Generator[None, None, None]:
    """For a statement, whose session is asked how far it is."""
    place = where()
    if not place:
        yield
        return
    session.progress()  # statements that begin from now on count
    bar, over = Bar(what, place), threading.Event()

    def look() -> None:
        if over.wait(DELAY_S):
            return
        while not over.wait(_STEP_S):
            bar.tell(session.progress())

    thread = threading.Thread(target=look, name="armillaria-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        bar.end()
