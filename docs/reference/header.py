# SPDX-License-Identifier: Apache-2.0
"""The C header, made ready for Doxygen and cut into chapters, a page each.

The header is written to be read as it is. What a page wants besides is made here from how it is
written: a chapter begins at a line of `/* ---- title ---- */`; a comment in the first column that
is none of Doxygen's is prose of its chapter; "Errors:" begins a paragraph. So a new call shows up
in its chapter by itself."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

DOXYFILE = """
PROJECT_NAME = armillaria
INPUT = {header}
OUTPUT_DIRECTORY = {out}
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
OPTIMIZE_OUTPUT_FOR_C = YES
JAVADOC_AUTOBRIEF = YES
AUTOLINK_SUPPORT = NO
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = ARM_API=
QUIET = YES
WARNINGS = YES
WARN_IF_UNDOCUMENTED = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
"""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CHAPTER = re.compile(r"^/\* ---- (?P<text>.*?) (?:---- )?\*/$", re.DOTALL | re.MULTILINE)
_STATUS = re.compile(r'X\((ARM_\w+), (\d+), "([^"]*)"\)')
_DECLARED = re.compile(
    r"^(?:"
    r"typedef enum (?P<enum>\w+) \{"
    r"|typedef struct \w+ (?P<handle>\w+);"
    r"|typedef [^;({]*?(?P<callback>\w+)\([^;]*;"
    r"|struct (?P<struct>\w+) \{"
    r"|ARM_API (?P<head>[^;(]*?)(?P<function>\w+)\("
    r"|#define (?P<define>ARM_STATUS_MAP|ARM_API|A\w+_[A-Z_]+ (?:\d+|UINT\d+_MAX))"
    r"|(?P<prose>/\*(?!\*)(?! ----).*?\*/)"
    r"|(?P<chapter>/\* ---- .*?\*/)"
    r")", re.DOTALL | re.MULTILINE)

DIRECTIVES = {"enum": "doxygenenum", "handle": "doxygentypedef", "callback": "doxygentypedef",
              "struct": "doxygenstruct", "function": "doxygenfunction", "define": "doxygendefine"}


@dataclass
class Chapter:
    """A chapter of the header: its title, and what is in it, in order: (kind, name or text)."""

    title: str
    parts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def page(self) -> str:
        """Name of its file."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")

    @property
    def names(self) -> list[str]:
        """What it declares."""
        return [name for kind, name in self.parts if kind != "prose"]


def words_of(comment: str) -> str:
    """The text of a comment, without its stars."""
    lines = comment.removeprefix("/*").removesuffix("*/").split("\n")
    bare = [re.sub(r"^ \* ?", "", line) for line in lines]
    bare[0] = bare[0].strip()
    return "\n".join(line.rstrip() for line in bare).strip()


def chapters_of(source: str) -> list[Chapter]:
    """The header, cut."""
    begin = source.index("#define ARM_API")
    found = [Chapter("Statuses and errors")]
    for match in _DECLARED.finditer(source, begin):
        kind = match.lastgroup if match.lastgroup != "head" else "function"
        assert kind is not None
        text = match[kind]
        if kind == "chapter":
            title, _, prose = words_of(text).removeprefix("---- ").partition("----")
            if not prose.strip():
                title, prose = title.rstrip(" -"), ""
            title, _, more = re.sub(r"\s+", " ", title).strip().partition(". ")
            prose = f"{more.rstrip(' -')}\n\n{prose.rstrip(' -')}".strip()
            title, _, subtitle = title.partition(": ")
            found.append(Chapter(re.sub(r" \(.*", "", title)))
            if subtitle:
                found[-1].parts.append(("prose", f"{subtitle[0].upper()}{subtitle[1:]}."))
            if prose:
                found[-1].parts.append(("prose", prose))
        elif kind == "prose":
            if "arm-check" not in text:
                found[-1].parts.append(("prose", words_of(text)))
        else:
            found[-1].parts.append((kind, text.split()[0]))
    return [chapter for chapter in found if chapter.parts]


def preface_of(source: str) -> str:
    """The words that the header opens with."""
    return words_of(_COMMENT.findall(source)[1])


def symbols_of(source: str) -> set[str]:
    """Every name that the header gives to who includes it, members as "struct.member": what the
    pages must have. Read in another way than they are made."""
    bare = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    names = set(re.findall(r"^ARM_API [^;]*?(\w+)\(", bare, re.MULTILINE))
    names |= set(re.findall(r"^typedef [^{;]*?(\w+)(?:\([^;]*)?;", bare, re.MULTILINE))
    names |= {code for code, _, _ in _STATUS.findall(bare)}
    names |= set(re.findall(r"^#define (?!ARM_STATUS_CODE)(\w+)[ (]+\S", bare, re.MULTILINE))
    for name, body in re.findall(r"\bstruct (\w+) \{(.*?)\n\}", bare, re.DOTALL):
        names.add(name)
        for member in re.findall(r"[^;]+;", body):
            called = re.search(r"\(\*(\w+)\)", member) or re.search(r"(\w+)(?:\[\w+\])?;", member)
            assert called is not None, member
            names.add(f"{name}.{called[1]}")
    for name, body in re.findall(r"\benum (\w+) \{(.*?)\n\}", bare, re.DOTALL):
        names |= {name, *re.findall(r"^\s+(A\w+)\s*=", body, re.MULTILINE)}
    return names


def _escaped(words: str) -> str:
    """So that Doxygen takes `<` and `>` for what they are, outside of code."""
    parts = re.split(r"(`[^`]*`)", words)
    return "".join(part if i % 2 else re.sub(r"([<>])", r"\\\1", part)
                   for i, part in enumerate(parts))


def _commented(match: re.Match[str], pairs: dict[str, str], source: str) -> str:
    """A comment of the header, as Doxygen is to see it."""
    text = match[0]
    if not text.startswith("/**"):
        return text
    text = text.replace("/**<", "/**\0", 1) if text.startswith("/**<") else text
    text = _escaped(text.replace("\0", "\1")).replace("\1", "<")
    text = re.sub(r"\s(?:\* )?(Errors(?: besides)?):", r"\n *\n * **\1:**", text)
    follows = re.match(r"\s*ARM_API [^;(]*?(\w+)\(", source[match.end():])
    if follows and follows[1] in pairs:
        bare = text.removesuffix("*/").rstrip(" *\n")
        text = f"{bare}\n *\n * In Python: {pairs[follows[1]]}.\n */"
    return text


def prepared(source: str, pairs: dict[str, str]) -> str:
    """The header as Doxygen is to see it. `pairs`: what a call is in Python."""
    codes = "".join(f" {code} = {number}, /**< {words[0].upper()}{words[1:]}. */"
                    for code, number, words in _STATUS.findall(source))
    made = _COMMENT.sub(lambda match: _commented(match, pairs, source), source)
    made = made.replace("    ARM_STATUS_MAP(ARM_STATUS_CODE)\n", f"   {codes}\n", 1)
    made = re.sub(r"(#define ARM_STATUS_MAP\(X\)) +\\\n(?:.*\\\n)*.*\n", r"\1\n", made)
    made = re.sub(r"#(?:define|undef) (?:ARM_STATUS_CODE|ARROW_\w+_INTERFACE)\b.*\n", "\n", made)
    return made.replace("#ifndef ARMILLARIA_H", "/** @file */\n#ifndef ARMILLARIA_H", 1)


def run_doxygen(source: str, pairs: dict[str, str], out: Path) -> str:
    """Have Doxygen read it; what it complains of ("": nothing)."""
    out.mkdir(parents=True, exist_ok=True)
    header = out / "armillaria.h"
    header.write_text(prepared(source, pairs))
    done = subprocess.run(["doxygen", "-"], input=DOXYFILE.format(header=header, out=out),
                          text=True, capture_output=True, check=False, timeout=300)
    said = done.stdout + done.stderr
    if done.returncode or "warning:" in said:
        return said
    # Of the values of an enum it says nothing before 1.9.5.
    page = ElementTree.parse(out / "xml" / "armillaria_8h.xml")
    return "".join(f"Value {value.findtext('name')} of an enum is not documented.\n"
                   for value in page.iter("enumvalue")
                   if not "".join(value.find("detaileddescription").itertext()).strip()
                   and not "".join(value.find("briefdescription").itertext()).strip())
