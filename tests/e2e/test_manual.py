# SPDX-License-Identifier: Apache-2.0
"""The manual page says what `--help` says, and is well formed."""

import os
import re
import shutil
import subprocess

import pytest
from arm import BUILD, SOURCE, need, run
from help_text import global_options, options, verbs

PAGE = SOURCE / "docs/man/armillaria.1"
TEXT = PAGE.read_text()


def section(name):
    return re.search(rf"^\.S[hs] {name}\n(.*?)(?=^\.Sh |\Z)", TEXT, re.M | re.S).group(1)


def options_of(text):
    """{spellings: what it takes} of the .It Fl lines."""
    found = {}
    for line in re.findall(r"^\.It Fl (.*)$", text, re.M):
        spelling, _, value = line.partition(" Ar ")
        names = frozenset("-" + name for name in spelling.split(" , "))
        found[names] = value or None
    return found


def as_found(listed):
    return {frozenset(option.names): option.value for option in listed}


def test_every_verb_and_no_other():
    parts = re.split(r"^\.It Cm ([\w-]+)(?= |$)", section("VERBS"), flags=re.M)
    pages = dict(zip(parts[1::2], parts[2::2]))
    assert list(pages) == list(verbs())
    for verb, text in pages.items():
        assert options_of(text) == as_found(options(verb)), verb


def test_global_options():
    text = section("Options of every verb").split(".Ss")[0]
    assert options_of(text) == as_found(global_options())


def test_arguments_are_those_of_the_usage():
    for verb in verbs():
        usage = run(verb, "--help").lines[0].removeprefix(f"usage: armillaria {verb}")
        needed = re.findall(r"\b[A-Z]+\b", re.sub(r"\[-[^]]*\]", "", usage))
        line = re.search(rf"^\.It Cm {verb}\b(.*)$", section("VERBS"), re.M).group(1)
        assert re.findall(r"\b[A-Z]+\b", line) == needed, verb


def test_commands_of_the_shell():
    source = (SOURCE / "cli/dot.c").read_text()
    names = re.findall(r'^    \{"(\.\w+)", "', source, re.M)
    lines = re.findall(r"^\.It Ic (.*)$", section("THE SHELL"), re.M)
    assert len(names) >= 13
    assert [name for line in lines for name in re.findall(r"(?:^|, )(\.\w+)", line)] == names


def test_the_environment():
    """Each variable the sources read is in the manual."""
    read = set()
    for file in [*SOURCE.glob("cli/*.c"), *SOURCE.glob("src/*/*.c")]:
        if not file.name.endswith("_test.c"):
            read |= set(re.findall(r'"(ARMILLARIA_\w+)"', file.read_text()))
            read |= set(re.findall(r'(?:getenv|environment)\("(\w+)"\)', file.read_text()))
    told = set(re.findall(r"\b[A-Z]\w+\b", " ".join(
        re.findall(r"^\.It Ev (.*)$", section("ENVIRONMENT"), re.M))))
    assert {"ARMILLARIA_REPO", "ARMILLARIA_AUTHOR", "ARMILLARIA_HISTORY"} <= read
    assert told == read


def test_exit_statuses():
    told = re.findall(r"^\.It (\d+)", section("EXIT STATUS"), re.M)
    header = (SOURCE / "cli/cli.h").read_text()
    assert told == re.findall(r"CLI_(?!SIGNAL)[A-Z]+ = (\d+)", header) + ["128"]


def test_it_is_well_formed():
    if shutil.which("mandoc"):
        result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", PAGE], text=True,
                                capture_output=True, check=False)
        assert result.stdout == ""
        return
    if not shutil.which("man"):
        pytest.skip("neither mandoc nor man is installed")
    result = subprocess.run(["man", "--warnings", "-l", "-Tutf8", PAGE], text=True,
                            capture_output=True, check=False,
                            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})
    assert result.returncode == 0 and result.stderr == "" and "ARMILLARIA(1)" in result.stdout


def test_it_is_installed(tmp_path):
    need("cmake")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path], check=True,
                   capture_output=True)
    assert (tmp_path / "share/man/man1/armillaria.1").read_text() == TEXT
    for source, place in [("armillaria.bash", "bash-completion/completions/armillaria"),
                          ("_armillaria", "zsh/site-functions/_armillaria")]:
        assert ((tmp_path / "share" / place).read_text() ==
                (SOURCE / "completions" / source).read_text())
