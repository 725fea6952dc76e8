#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the checks share: which files are ours, and the exceptions written into them.

An exception stands on the line it excuses, or, for file-length, anywhere in the file:

    arm-check: allow <rule>: <reason>

Rules: file-length, line-length (tools/sizes), include (tools/ranks). clang-tidy's own form is
`NOLINT(check): reason` or `NOLINTNEXTLINE(check): reason`, clang-format's `clang-format off:
reason`. Run as a program, this lists and counts all of them, and fails if one has no reason.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ("file-length", "line-length", "include")
SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".proto", ".py", ".sh", ".sql", ".cmake", ".map"}
SKIPPED_PARTS = {"__pycache__", "build", "corpus", "node_modules"}

ALLOW = re.compile(r"arm-check: allow ([\w-]+):[ \t]*(.*)")
NOLINT = re.compile(r"\b(NOLINT(?:NEXTLINE|BEGIN)?)\b(?:\(([^)]*)\))?:?[ \t]*(.*)")
FORMAT_OFF = re.compile(r"clang-format off:?[ \t]*(.*)")
COMMENT_END = re.compile(r"\s*\*/\s*$")


def sources(folders, suffixes=None):
    """Our text files under `folders` of the checkout, sorted; scripts are known by `#!`."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if not path.is_file() or SKIPPED_PARTS & set(path.relative_to(ROOT).parts):
                continue
            if suffixes is not None:
                keep = path.suffix in suffixes
            elif path.suffix:
                keep = path.suffix in SUFFIXES
            else:
                keep = path.open("rb").read(2) == b"#!"
            if keep:
                found.append(path)
    return found


def name_of(path):
    """The path as printed: relative to the checkout."""
    return path.relative_to(ROOT).as_posix()


def read_lines(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def exceptions(lines, rule):
    """Numbers of the lines (from 1) that carry an exception from `rule`."""
    found = set()
    for number, line in enumerate(lines, 1):
        match = ALLOW.search(line)
        if match and match.group(1) == rule:
            found.add(number)
    return found


def list_file(path):
    """(line number, rule, reason) of each exception in a file; a missing reason is ''."""
    for number, line in enumerate(read_lines(path), 1):
        if match := ALLOW.search(line):
            yield number, match.group(1), COMMENT_END.sub("", match.group(2)).strip()
        elif match := NOLINT.search(line):
            rule = match.group(2) or ""
            reason = COMMENT_END.sub("", match.group(3)).strip()
            yield number, f"{match.group(1)}({rule})", reason if rule else ""
        elif match := FORMAT_OFF.search(line):
            yield number, "clang-format", COMMENT_END.sub("", match.group(1)).strip()


def main():
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    count = bad = 0
    folders = ("src", "cli", "include", "tests", "bench", "examples", "python", "server")
    for path in sources(folders):
        for number, rule, reason in list_file(path):
            count += 1
            known = rule in RULES or rule.startswith("NOLINT") or rule == "clang-format"
            if not reason or not known:
                bad += 1
                reason = "no reason given" if known else "no such rule"
            print(f"  {name_of(path)}:{number}: {rule}: {reason}")
    print(f"{count} exceptions" + (f", {bad} of them not in order" if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
