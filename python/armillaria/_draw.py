# SPDX-License-Identifier: Apache-2.0
"""Rows as people see them: boxes of text, and HTML."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

CELL_MAX = 60


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None:
        text = "NULL"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, bytes):
        text = value.hex() if len(value) <= 30 else value[:29].hex() + "…"
    else:
        text = str(value)
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"


def width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def room() -> int | None:
    """Columns of the terminal that is printed to; None: there is none."""
    try:
        if sys.stdout is not None and sys.stdout.isatty():
            return shutil.get_terminal_size().columns
    except ValueError:  # it is closed
        pass
    return None


def _is_number(value: Any) -> bool:
    return not isinstance(value, (bool, str)) and hasattr(value, "__float__")


def _fitting(widths: Sequence[int], room: int) -> list[int | None]:
    """Which columns fit into so many, from both ends; None: where some are left out."""
    def taken(chosen: Sequence[int | None]) -> int:
        return 1 + sum(3 + (1 if i is None else widths[i]) for i in chosen)

    chosen: list[int | None] = list(range(len(widths)))
    if taken(chosen) <= room:
        return chosen
    left, right = len(widths) - len(widths) // 2, len(widths) // 2
    while left + right > 1:
        left, right = (left - 1, right) if left > right else (left, right - 1)
        chosen = [*range(left), None, *range(len(widths) - right, len(widths))]
        if taken(chosen) <= room:
            break
    return chosen


def box(columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]],
        more: str = "", room: int | None = None) -> str:
    """A table with a line around it, types under the names, `more` under it. `room`: columns of the
    terminal; what does not fit is left out in the middle."""
    if not columns:
        return more or "(no columns)"
    cells = [[cell(value) for value in row] for row in rows]
    heads = [[cell(name) for name in columns], [cell(name) for name in types]]
    widths = [max(width(row[i]) for row in heads + cells) for i in range(len(columns))]
    right = [any(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    if room is not None:
        chosen = _fitting(widths, room)
        if None in chosen:
            left_out = len(widths) - len(chosen) + 1
            note = f"{left_out} of {len(widths)} columns do not fit the terminal"
            more = f"{more}; {note}" if more else note
        heads, cells = ([["…" if i is None else row[i] for i in chosen] for row in part]
                        for part in (heads, cells))
        widths = [1 if i is None else widths[i] for i in chosen]
        right = [i is not None and right[i] for i in chosen]

    def line(texts: Sequence[str], is_head: bool = False) -> str:
        padded: list[str] = []
        for text, wide, is_right in zip(texts, widths, right):
            blank = " " * (wide - width(text))
            if is_head:
                left = len(blank) // 2
                padded.append(blank[:left] + text + blank[left:])
            else:
                padded.append(blank + text if is_right else text + blank)
        return "│ " + " │ ".join(padded) + " │"

    def rule(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * (wide + 2) for wide in widths) + end

    out = [rule("┌", "┬", "┐"), line(heads[0], True)]
    if any(types):
        out.append(line(heads[1], True))
    out.append(rule("├", "┼", "┤"))
    out += [line(row) for row in cells]
    out.append(rule("└", "┴", "┘"))
    if more:
        out.append(more)
    return "\n".join(out)


def html(columns: Sequence[str], rows: Sequence[Sequence[Any]], more: str = "",
         colours: Sequence[str] | None = None,
         marks: Mapping[tuple[int, int], str] | None = None) -> str:
    """A table in HTML; `colours` of its rows, "" for none; `marks`: of cells (row, column)."""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    body: list[str] = []
    for i, row in enumerate(rows):
        # The text is dark: a notebook may be, too, and its text is white then.
        style = f' style="background:{colours[i]};color:#1f2328"' if colours and colours[i] else ""
        cells: list[str] = []
        for j, value in enumerate(row):
            mark = f";background:{marks[i, j]}" if marks and (i, j) in marks else ""
            cells.append(f'<td style="text-align:{"right" if _is_number(value) else "left"}{mark}">'
                         f"{escape(cell(value))}</td>")
        body.append(f"<tr{style}>{''.join(cells)}</tr>")
    note = f"<p>{escape(more)}</p>" if more else ""
    return (f'<div><table class="dataframe"><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(body)}</tbody></table>{note}</div>")
