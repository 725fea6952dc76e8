# SPDX-License-Identifier: Apache-2.0
"""The wheel: built without a network, whole, and installed where there is nothing else."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(os.environ["ARM_SOURCE_DIR"])
GLIBC_MAX = (2, 34)


def run(*command, **options):
    """What a command prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          check=False, timeout=600, env=clean, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, ROOT / "tools" / "wheel", folder)
    found, = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """A Python that has this package and no other."""
    folder = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check",
        "--no-index", wheel)
    return folder / "bin" / "python"


def test_what_is_in_it(wheel):
    assert re.fullmatch(r"armillaria-\d+\.\d+\.\d+-cp311-abi3-manylinux_2_34_\w+\.whl", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    assert "armillaria/_core.abi3.so" in names and "armillaria/py.typed" in names
    assert not [name for name in names if name.endswith((".c", ".h")) or "/tests/" in name]
    for library in ("libarmillaria", "libduckdb", "liblmdb"):
        assert [name for name in names
                if re.fullmatch(rf"armillaria/lib/{library}-arm[0-9a-f]{{8}}\.so[.\d]*", name)]


def test_it_asks_for_an_old_system(wheel, tmp_path):
    """manylinux_2_34, and no library from anywhere but beside it."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for file in [*tmp_path.glob("armillaria/*.so"), *tmp_path.glob("armillaria/lib/*")]:
        asked = {tuple(map(int, version.split("."))) for version in
                 re.findall(r"GLIBC_([\d.]+)", run("readelf", "-V", file))}
        assert max(asked) <= GLIBC_MAX, (file.name, max(asked))
        dynamic = run("readelf", "-d", file)
        assert set(re.findall(r"R(?:UN)?PATH\).*\[(.*)\]", dynamic)) <= {"$ORIGIN", "$ORIGIN/lib"}
        for name in re.findall(r"NEEDED\).*\[(.*)\]", dynamic):
            assert "-arm" in name or re.match(
                r"(libc|libm|libdl|libpthread|libgcc_s|libstdc\+\+|libz|ld-linux.*)\.so", name), name


def test_alone(bare, tmp_path):
    """Without pandas, Polars and pyarrow, from another folder."""
    code = f"""
import armillaria as arm
with arm.open({str(tmp_path / "repo")!r}, create=True) as db:
    db.write("t", {{"id": [1, 2], "s": ["a", None]}}, key="id")
    db.write("t", [{{"id": 2, "s": "b"}}], mode="upsert")
    print(db.sql("SELECT * FROM t WHERE id > ?", [0]).fetchall())
    db.sql("SELECT 1").show()
    for call, module in ((db.table("t").df, "pandas"), (db.table("t").arrow, "pyarrow"),
                         (db.table("t").pl, "polars"), (db.sql("SELECT 1").reader, "pyarrow")):
        try:
            call()
        except arm.Unsupported as error:
            assert f"pip install {{module}}" in str(error), error
        else:
            raise AssertionError(module)
"""
    told = run(bare, "-c", code, cwd=tmp_path)
    assert told.startswith("[(1, 'a'), (2, 'b')]\n")


def test_its_version(bare):
    version = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    code = "import armillaria, importlib.metadata as m; print(armillaria.__version__, " \
           "m.version('armillaria'))"
    assert run(bare, "-c", code).split() == [version, version]
