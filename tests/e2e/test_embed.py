# SPDX-License-Identifier: Apache-2.0
"""The library as a program sees it: installed, found by pkg-config, one header."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from arm import BIN, BUILD, SANITIZED, SOURCE, Repo, environment, need, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The installed tree."""
    if SANITIZED:
        pytest.skip("a sanitizer's build is not for installing")
    need("cmake")
    need("pkg-config")
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True,
                   capture_output=True)
    return prefix


def pkg_config(prefix, *args):
    env = dict(os.environ, PKG_CONFIG_PATH=":".join(map(str, prefix.glob("lib*/**/pkgconfig"))))
    return subprocess.run(["pkg-config", *args, "armillaria"], check=True, text=True, env=env,
                          capture_output=True).stdout.split()


def build(prefix, source, out, compiler="cc", flags=()):
    libraries = pkg_config(prefix, "--libs")
    (folder,) = [flag[2:] for flag in libraries if flag.startswith("-L")]
    subprocess.run([compiler, *flags, "-Wall", "-Wextra", "-Werror", str(source),
                    *pkg_config(prefix, "--cflags"), *libraries, f"-Wl,-rpath,{folder}",
                    f"-Wl,-rpath-link,{folder}", "-o", str(out)], check=True)
    return out


def test_the_example_builds_and_runs(installed, tmp_path):
    program = build(installed, SOURCE / "examples/embed.c", tmp_path / "embed", flags=["-std=c11"])
    out = subprocess.run([program, tmp_path / "shop"], check=True, capture_output=True,
                         text=True).stdout
    assert "orders is at version 2" in out
    assert re.search(r"FROM orders\n +42\n", out) and re.search(r"VERSION => 1\)\n +20\n", out)
    assert Repo(tmp_path / "shop", make=False).tables()["orders"]["rows"] == 2


def test_the_changelog_by_c(installed, tmp_path):
    program = build(installed, SOURCE / "examples/changelog_demo.c", tmp_path / "demo",
                    flags=["-std=c11"])
    for _ in range(2):  # the second time there is a table, and says so
        done = subprocess.run([program, tmp_path / "shop"], check=False, capture_output=True,
                              text=True)
        if done.returncode:
            assert "orders" in done.stderr
            break
        assert "batch: 4 orders now, 3 at version 2\n" in done.stdout
        assert "5 commits, 6 row changes" in done.stdout
        told = re.findall(r"orders (\d) -> (\d)", done.stdout)
        assert told == [("0", "1"), ("1", "2"), ("2", "3"), ("3", "4"), ("4", "5")]
        assert "4 totals kept" in done.stdout
    repo = Repo(tmp_path / "shop", make=False)
    assert [row["amount"] for row in repo.sql("FROM totals ORDER BY tx")] == [0, 60, 65, 105]
    assert repo.sql("SELECT consumer, lag > 0 AS lags FROM arm_consumers()") == [
        {"consumer": "totals", "lags": True}], "of the results, and of what came after"


def test_the_changelog_by_the_command(tmp_path):
    env = dict(environment(), PATH=f"{Path(BIN).parent}:{os.environ['PATH']}")
    out = subprocess.run([SOURCE / "examples/changelog_demo.sh", tmp_path / "shop"], check=True,
                         capture_output=True, text=True, env=env).stdout
    assert "~ id=2, amount=20.0 -> 25.0" in out and "orders 4->5 -1" in out
    assert out.count("no changes") == 1


def test_the_header_alone_serves_c_and_cpp(installed, tmp_path):
    text = ("#include <armillaria.h>\n#include <stdio.h>\n"
            "int main(void) { puts(arm_version()); puts(arm_status_name(ARM_BUSY)); return 0; }\n")
    for compiler, name, flags in [("cc", "v.c", ["-std=c99", "-pedantic"]),
                                  ("c++", "v.cpp", ["-std=c++11"])]:
        need(compiler)
        (tmp_path / name).write_text(text)
        program = build(installed, tmp_path / name, tmp_path / f"{name}.out", compiler, flags)
        out = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        assert out.split() == [pkg_config(installed, "--modversion")[0], "ARM_BUSY"]


def test_the_installed_command_runs(installed, tmp_path):
    binary = str(installed / "bin/armillaria")
    run("init", tmp_path / "r", binary=binary)
    run("-C", tmp_path / "r", "sql", "-c", "CREATE TABLE t AS SELECT 1 AS a", binary=binary)
    version = run("--version", binary=binary).out.split()[1]
    assert version == pkg_config(installed, "--modversion")[0]
