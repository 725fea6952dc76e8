# SPDX-License-Identifier: Apache-2.0
"""The manual page as reStructuredText: of mdoc what docs/man/armillaria.1 uses. Another macro is an
error, so that nothing of the page is lost."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

#: How the words behind a macro are shown.
STYLES = {"Fl": "**", "Cm": "**", "Ic": "**", "Ar": "*", "Li": "``", "Ql": "``", "Ev": "``",
          "Pa": "``", "No": "", "Nm": "**"}
_CLOSING = re.compile(r"^[.,:;)\]?!]+$")
_HEAD = {"Dd", "Dt", "Os", "Nd"}


def _plain(word: str) -> str:
    """A word without roff's escapes, and none that reStructuredText reads as its own."""
    return re.sub(r"\\&", "", word).replace("\\(aq", "'").replace("\\e", "\\")


def _escaped(word: str) -> str:
    return re.sub(r"([*`|_\\])", r"\\\1", _plain(word))


def _shown(style: str, words: list[str]) -> str:
    text = " ".join(_plain(word) for word in words)
    if not style or not text:
        return text
    return f"{style}{text if style == '``' else _escaped(text)}{style}"


def inline(words: list[str]) -> str:
    """The words of a macro's line, macros among them."""
    out: list[str] = []
    style, held, is_flag = "", list[str](), False
    closing: list[str] = []

    def flush() -> None:
        nonlocal held
        if held:
            flags = [f"-{word}" for word in held] if is_flag else held
            out.append(_shown(style, flags) if style else " ".join(map(_escaped, held)))
        held = []

    i = 0
    while i < len(words):
        word = words[i]
        if word in STYLES:
            flush()
            style, is_flag = STYLES[word], word == "Fl"
            if word == "Nm" and (i + 1 == len(words) or words[i + 1] in STYLES):
                held = ["armillaria"]
        elif word == "Dq":  # of one word
            flush()
            style, is_flag = "", False
            out.append(f"\"{_escaped(words[i + 1])}\"")
            i += 1
        elif word in ("Op", "Pq"):
            flush()
            style, is_flag = "", False
            out.append("[" if word == "Op" else "(")
            closing.append("]" if word == "Op" else ")")
        elif word == "Sx":
            flush()
            title = " ".join(words[i + 1:])
            end = re.search(r"[ .,;)]+$", title)
            bare = title[:end.start()] if end else title
            out.append(f"`{bare}`_")
            held, style = ([title[end.start():].replace(" ", "")] if end else []), ""
            flush()
            i = len(words)
        elif word == "Xr":
            flush()
            out.append(f"**{words[i + 1]}**\\ ({words[i + 2]})")
            i += 2
        elif _CLOSING.match(word) or word == "|":
            flush()
            out.append("\\|" if word == "|" else word)
        else:
            held.append(word)
        i += 1
    flush()
    behind = len(out)
    while closing and behind and re.fullmatch(r"[.,:;]", out[behind - 1]):
        behind -= 1
    text = " ".join(out[:behind] + closing[::-1] + out[behind:])
    text = re.sub(r" ([.,:;)\]?!]+)(?= |$)", r"\\ \1", text)
    return re.sub(r"([\[(]) ", r"\1\\ ", text)


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    return list(lexer)


def _lines(page: str) -> Iterator[tuple[str, list[str], str]]:
    """Of each line the macro ("": none), its words, the line."""
    for line in page.splitlines():
        if line.startswith('.\\"') or not line:
            continue
        if line.startswith("."):
            macro, *words = _words(line[1:])
            yield macro, words, line
        else:
            yield "", [], line


def _heading(text: str, rule: str) -> list[str]:
    return ["", text, rule * len(text), ""]


def to_rst(page: str, title: str) -> str:
    """The page, under a title."""
    out = [title, "=" * len(title), ""]
    depth, literal, paragraph = 0, False, list[str]()

    def end_paragraph() -> None:
        if paragraph:
            out.extend(["   " * depth + " ".join(paragraph), ""])
            paragraph.clear()

    for macro, words, line in _lines(page):
        if literal and macro != "Ed":
            out.append("   " * (depth + 1) + _plain(line))
        elif macro in ("Sh", "Ss"):
            end_paragraph()
            if words != ["NAME"]:
                out += _heading(" ".join(words), "-" if macro == "Sh" else "~")
        elif macro in ("Bl", "Bd", "El", "Ed", "Pp"):
            end_paragraph()
            if macro == "Bd":
                literal = True
                out += ["   " * depth + "::", ""]
            elif macro == "Ed":
                literal = False
                out.append("")
            elif macro == "El":
                depth -= 1
            elif macro == "Bl":
                depth += 1
        elif macro == "It":
            end_paragraph()
            out.append("   " * (depth - 1) + inline(words))
        elif macro == "":
            paragraph.append(_escaped(line))
        elif macro == "Nd":
            paragraph.append("armillaria: " + _escaped(" ".join(words)))
        elif macro in STYLES or macro in ("Op", "Pq", "Sx", "Xr"):
            if macro == "Nm" and paragraph == [] and len(out) < 6:
                continue
            paragraph.append(inline([macro, *words]))
        elif macro not in _HEAD:
            raise ValueError(f"a macro of mdoc that is not known here: {line}")
    end_paragraph()
    return "\n".join(out) + "\n"
