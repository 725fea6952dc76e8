# SPDX-License-Identifier: Apache-2.0
"""The completions of bash and zsh: right, quiet, and in step with `--help`."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from arm import BIN, SOURCE, environment, need, run
from help_text import global_options, names_of, options, verbs
from terminal import Terminal

BASH = SOURCE / "completions/armillaria.bash"
ZSH = SOURCE / "completions/_armillaria"


def bash(script, cwd=None):
    need("bash")
    result = subprocess.run(["bash", "--norc", "-c", f"source {shlex.quote(str(BASH))}\n{script}"],
                            text=True, capture_output=True, check=False, cwd=cwd,
                            env=environment())
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return result.stdout.split("\n")[:-1]


def complete(*words, cwd=None):
    """What bash offers for the last word."""
    array = " ".join(shlex.quote(str(word)) for word in [BIN, *words])
    return bash(f"COMP_WORDS=({array}); COMP_CWORD={len(words)}; _armillaria armillaria\n"
                '[ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"', cwd=cwd)


def test_verbs():
    assert set(complete("")) == set(verbs()) | {"help"}
    assert complete("ver") == ["versions", "verify"]
    assert complete("-q", "--branch", "main", "ver") == ["versions", "verify"]
    assert complete("help", "exp") == ["export"]
    assert complete("frobnicate", "x") == []


@pytest.mark.parametrize("verb", [None, "init", "import", "export", "sql", "tables", "versions",
                                  "schema", "log", "show", "diff", "branch", "checkout", "tag",
                                  "merge", "cherry-pick", "revert", "restore", "stats", "verify",
                                  "recover"])
def test_options_are_those_of_the_help(verb):
    known = names_of(global_options())
    if verb is not None:
        known |= names_of(options(verb))
    assert set(complete(*([verb] if verb else []), "-")) == known


def test_values(orders):
    assert complete("import", "t", "f", "--mode", "") == ["create", "append", "replace", "upsert"]
    assert complete("import", "t", "f", "--mode", "=", "a") == ["append"]
    assert complete("import", "t", "f", "--mode", "=") == ["create", "append", "replace", "upsert"]
    for verb in ["import", "sql"]:
        (told,) = [option.help for option in options(verb) if "--format" in option.names]
        assert complete(verb, "--format", "") == re.split(", | or ", told)
    assert complete("-C", orders.path, "log", "--table", "") == ["orders"]
    assert complete("-C", orders.path, "diff", "m") == ["main"]
    assert complete("-C", orders.path, "diff", "main", "m") == ["main"]
    assert complete("-C", orders.path, "merge", "--into", "") == ["main"]
    assert complete("merge", "b", "--strategy", "") == ["fail", "ours", "theirs"]
    assert complete("sql", "-c", "") == []
    assert complete("log", "-n", "") == []


def test_tables(orders, tmp_path):
    orders.sql('CREATE TABLE "Größe" (i INTEGER)')
    for odd in ['"a b"', '"$(touch x)"', '"`touch y`"', "\"quote'd\"", '"c*"']:
        orders.sql(f"CREATE TABLE {odd} (i INTEGER)")
    for verb in ["import", "export", "versions", "schema"]:
        assert set(complete("-C", orders.path, verb, "", cwd=tmp_path)) == {"orders", "Größe"}
    assert complete("versions", "o", cwd=orders.path) == ["orders"]
    assert complete("versions", "-C", orders.path, "--branch", "main", "o") == ["orders"]
    assert complete("versions", "-C", f'"{orders.path}"', "o") == ["orders"]
    assert complete("versions", f"-C{orders.path}", "o") == ["orders"]
    assert not {"x", "y"} & {p.name for p in [*tmp_path.iterdir(), *orders.path.iterdir()]}


def test_where_there_is_no_repository(tmp_path):
    """Nothing is offered, nothing is said, nothing is made."""
    assert complete("versions", "", cwd=tmp_path) == []
    assert complete("-C", tmp_path / "nowhere", "versions", "") == []
    assert complete("--branch", "nosuch", "versions", "", cwd=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_files(tmp_path):
    (tmp_path / "rows of 2026.csv").touch()
    (tmp_path / "folder").mkdir()
    assert complete("import", "t", "ro", cwd=tmp_path) == ["rows of 2026.csv"]
    assert set(complete("export", "t", "", cwd=tmp_path)) == {"rows of 2026.csv", "folder"}
    assert complete("export", "t", "x", "", cwd=tmp_path) == []
    assert complete("-C", "", cwd=tmp_path) == ["folder"]
    assert complete("init", "", cwd=tmp_path) == ["folder"]
    assert complete("sql", "-f", "rows", cwd=tmp_path) == ["rows of 2026.csv"]
    assert complete("sql", "-o", "fo", cwd=tmp_path) == ["folder"]


def test_bash_itself(orders):
    """As a person has it: Tab in a shell that knows the completion."""
    need("bash")
    shell = Terminal("--norc", "--noprofile", "-i", program="bash",
                     env={"PS1": "ready> ", "PATH": f"{Path(BIN).parent}:/usr/bin:/bin",
                          "HISTFILE": "", "INPUTRC": "/dev/null"})
    shell.read_until("ready> $")
    shell.type(f"source {shlex.quote(str(BASH))}; bind 'set enable-bracketed-paste off'\n",
               "ready> $")
    shell.type(f"cd {shlex.quote(str(orders.path))}\n", "ready> $")
    text = shell.type("armillaria vers\tord\t| head -n 1\n", r"table +version.*\n(.*\n)*ready> $")
    assert "error" not in text
    shell.send("exit\n")
    assert shell.end() == 0


# ---- zsh ----


def test_zsh_has_the_verbs_and_options():
    text = ZSH.read_text()
    block = re.search(r"verbs=\(\n(.*?)\n    \)", text, re.S).group(1)
    listed = dict(re.findall(r"'([\w-]+):([^']*)'", block))
    assert {**verbs(), "help": "tell more of a verb"} == listed

    def spellings(specs):
        found = set()
        for spec in re.findall(r"(?:'(?:\([^)]*\))?(-[^']*\[)|\{(-[^}]*)\})", specs):
            names = spec[1].split(",") if spec[1] else [re.match(r"[\w-]+", spec[0]).group()]
            found |= {name.rstrip("+=") for name in names}
        return found

    block = re.search(r"global=\(\n(.*?)\n    \)", text, re.S).group(1)
    assert spellings(block) == names_of(global_options())
    cases = {verb: own for named, own in re.findall(r"^        ([\w |-]+)\) own=\((.*?)\) ;;", text,
                                                    re.M | re.S) for verb in named.split(" | ")}
    for verb in verbs():
        assert spellings(cases.get(verb, "")) == names_of(options(verb)), verb
    for verb in ["import", "sql"]:
        (told,) = [option.help for option in options(verb) if "--format" in option.names]
        assert f"format:({' '.join(re.split(', | or ', told))})" in cases[verb]
    assert "mode:(create append replace upsert)" in cases["import"]


def test_zsh_reads_it():
    need("zsh")
    result = subprocess.run(["zsh", "-n", ZSH], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and result.stderr == ""


def test_zsh_itself(orders, tmp_path):
    need("zsh")
    shell = Terminal("-f", "-i", program="zsh",
                     env={"PATH": f"{Path(BIN).parent}:/usr/bin:/bin", "PS1": "ready> ",
                          "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    shell.read_until("ready> $")
    shell.type(f"fpath=({shlex.quote(str(ZSH.parent))} $fpath); "
               "autoload -Uz compinit && compinit -D -u; PS1='go> '\n", "go> $")
    shell.type(f"cd {shlex.quote(str(orders.path))}\n", "go> $")
    text = shell.type("armillaria vers\tord\t| head -n 1\n", r"table +version.*\n(.*\n)*.*go> $")
    assert "error" not in text
    text = shell.type("armillaria import t f --mo\tapp\t --he\t| head -n 1\n",
                      r"usage: armillaria import(.*\n)*.*go> $")
    assert "=append" in text and "--help" in text
    shell.send("exit\n")
    assert shell.end() == 0


def test_the_help_is_taken_apart_whole():
    """Of what the other tests compare, nothing is missing."""
    assert len(verbs()) == 24
    assert names_of(options("import")) == {"--mode", "--format", "-m", "--message", "--null",
                                           "--key"}
    assert "-C" in names_of(global_options()) and run("--help").status == 0
