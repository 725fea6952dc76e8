# SPDX-License-Identifier: Apache-2.0
"""DuckDB's own module in one process with ours, which carries another DuckDB: an older one and one
of our version, imported before and after, in threads."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DEPS = Path(os.environ["ARM_DEPS"])

WORK = """
    import threading
    FRAME = {"a": [1, 2, 3]}
    def ours(errors):
        try:
            with arm.open(PATH) as db:
                for i in range(30):
                    assert db.sql("SELECT sum(a) FROM FRAME").fetchone() == (6,)
                    db.sql("INSERT INTO t SELECT i FROM range(100) r(i)")
        except Exception as error:
            errors.append(error)
    def theirs(errors):
        try:
            connection = duckdb.connect()
            for i in range(30):
                assert connection.execute("SELECT sum(i) FROM range(100) r(i)").fetchone() == (4950,)
        except Exception as error:
            errors.append(error)
    with arm.open(PATH, create=True) as db:
        db.write("t", {"a": [1]})
    errors = []
    threads = [threading.Thread(target=work, args=(errors,)) for work in (ours, theirs) * 2]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not errors, errors
    with arm.open(PATH) as db:
        assert len(db.table("t")) == 1 + 2 * 30 * 100
        relation = duckdb.sql("SELECT 42 AS answer, 'x' AS s")
        assert db.write("u", relation).rows == 1
        assert db.sql("SELECT answer FROM relation").fetchone() == (42,)
        try:
            db.sql("SELECT * FROM nothere")
        except arm.SqlError as error:
            pass
        try:
            duckdb.sql("SELECT * FROM nothere")
        except duckdb.CatalogException as error:
            pass
        assert len(db.sql("SELECT * FROM t").arrow()) == 6001
    print(duckdb.__version__)
    """


@pytest.mark.parametrize("version", ["1.1.3", "1.5.5"])
@pytest.mark.parametrize("order", ["import armillaria as arm; import duckdb",
                                   "import duckdb; duckdb.sql('SELECT 1'); import armillaria as arm"])
def test_both_in_one_process(tmp_path, version, order):
    module = DEPS / f"duckdb-{version}"
    assert (module / "duckdb").is_dir()
    code = f"{order}\nPATH = {str(tmp_path / 'repo')!r}\n{textwrap.dedent(WORK)}"
    environment = {**os.environ,
                   "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(module)])}
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=300,
                          check=False, env=environment)
    assert (done.returncode, done.stdout.strip()) == (0, version), done.stderr


def test_nothing_of_ours_is_in_others_reach(tmp_path):
    """Our symbols are nobody else's: what is loaded after us finds none of them."""
    code = f"""
import ctypes, armillaria as arm
with arm.open({str(tmp_path / 'repo')!r}, create=True) as db:
    db.sql("SELECT 1")
    everybody = ctypes.CDLL(None)
    for name in ("duckdb_open", "arm_repo_open", "ZSTD_compress", "mdb_env_open"):
        assert not hasattr(everybody, name), name
"""
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
