# SPDX-License-Identifier: Apache-2.0
"""The commits of all branches as a picture: newest on top, a lane for each branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COMMITS_MAX = 40
_ROW, _LANE, _LEFT, _TOP = 26, 22, 16, 18
_COLOURS = ("#0969da", "#1a7f37", "#9a6700", "#cf222e", "#8250df", "#bf3989", "#57606a")


def _colour(lane: int) -> str:
    return _COLOURS[lane % len(_COLOURS)]


def _line(x1: int, y1: int, x2: int, y2: int, colour: str) -> str:
    """From a commit down to its parent."""
    if x1 == x2:
        path = f"M {x1} {y1} L {x2} {y2}"
    else:
        bend = y1 + _ROW
        path = (f"M {x1} {y1} C {x1} {y1 + _ROW / 2:.0f} {x2} {bend - _ROW / 2:.0f} {x2} {bend} "
                f"L {x2} {max(y2, bend)}")
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _label(x: int, y: int, text: str, colour: str) -> tuple[str, int]:
    """A branch's name in a box, and how wide that is."""
    wide = 7 * len(text) + 12
    return (f'<rect x="{x}" y="{y - 10}" width="{wide}" height="20" rx="10" fill="{colour}"/>'
            f'<text x="{x + 6}" y="{y + 4}" fill="white">{escape(text)}</text>', wide + 6)


def svg(commits: Sequence[Mapping[str, Any]], heads: Mapping[str, int]) -> str:
    """A picture of commits (of any branches; each once), and of where branches stand: name -> tx.
    Parents that are not among them are left out."""
    shown = sorted(commits, key=lambda commit: -commit["tx"])[:COMMITS_MAX]
    rows = {commit["commit"]: i for i, commit in enumerate(shown)}
    lanes: dict[str, int] = {}
    for name in ["main", *sorted(heads), *(commit["branch"] for commit in shown)]:
        lanes.setdefault(name, len(lanes))
    used = {commit["branch"] for commit in shown} | set(heads)
    lanes = {name: i for i, name in enumerate(name for name in lanes if name in used)}

    def x(commit: Mapping[str, Any]) -> int:
        return _LEFT + _LANE * lanes[commit["branch"]]

    def y(commit: Mapping[str, Any]) -> int:
        return _TOP + _ROW * rows[commit["commit"]]

    lines: list[str] = []
    dots: list[str] = []
    words: list[str] = []
    by_id = {commit["commit"]: commit for commit in shown}
    text_at = _LEFT + _LANE * len(lanes)
    for commit in shown:
        for parent in commit["parents"]:
            if parent in by_id:
                lane = lanes[commit["branch"]]
                lines.append(_line(x(commit), y(commit), x(by_id[parent]), y(by_id[parent]),
                                   _colour(lane)))
        dots.append(f'<circle cx="{x(commit)}" cy="{y(commit)}" r="5" '
                    f'fill="{_colour(lanes[commit["branch"]])}"/>')
        at = text_at
        for name, tx in sorted(heads.items()):
            if tx == commit["tx"]:
                label, wide = _label(at, y(commit), name[:40], _colour(lanes[name]))
                words.append(label)
                at += wide
        message = " ".join(str(commit["message"]).split())
        message = message if len(message) <= 60 else message[:59] + "…"
        words.append(f'<text x="{at}" y="{y(commit) + 4}" fill="#57606a">{commit["tx"]} '
                     f'{escape(message)}</text>')
    high, wide = _TOP * 2 + _ROW * max(len(shown) - 1, 0), text_at + 640
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
            f'font-family="monospace" font-size="12">{"".join(lines + dots + words)}</svg>')
