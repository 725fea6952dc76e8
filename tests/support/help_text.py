# SPDX-License-Identifier: Apache-2.0
"""What `armillaria --help` says, taken apart: what the manual and the completions are held to."""

import re

from arm import run


class Option:
    """One line of help: its spellings, what it takes (None: nothing)."""

    def __init__(self, line):
        spelling, _, self.help = re.match(r"  (\S.*?)(  +| (?=[a-z]))(\S.*)$", line).groups()
        words = spelling.replace(", ", " ").split()
        self.names = {word for word in words if word.startswith("-")}
        self.value = next((word for word in words if not word.startswith("-")), None)


def _options(text, head):
    match = re.search(rf"^{head}:\n((?:  .*\n)+)", text, re.M)
    return [Option(line) for line in match.group(1).splitlines()] if match else []


def verbs():
    """{verb: what it does}, of this version."""
    text = run("--help").out
    block = re.search(r"\n\n((?:  [\w-]+ +.*\n)+)\nOptions", text).group(1)
    return dict(re.match(r"  ([\w-]+) +(.*)", line).groups() for line in block.splitlines())


def options(verb):
    return _options(run(verb, "--help").out, "Options")


def global_options():
    return _options(run("--help").out, "Options, before or behind the verb")


def names_of(found):
    """All spellings of the options."""
    return {name for option in found for name in option.names}
