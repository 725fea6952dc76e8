# SPDX-License-Identifier: Apache-2.0
"""Several processes on one repository, and processes that die."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time

import library
import pytest
from arm import BIN, BUILD, SANITIZED, environment


def start(repo, *args):
    return subprocess.Popen([BIN, "-C", str(repo.path), *map(str, args)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())


def finish(process, status=0):
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, (out, err)
    return out, err


def test_two_writers_at_once_both_commit(repo):
    repo.sql("CREATE TABLE t (who INTEGER, n INTEGER)")
    script = "".join("INSERT INTO t VALUES ({w}, %d);" % n for n in range(50))
    writers = [start(repo, "sql", "-c", script.replace("{w}", str(w))) for w in range(2)]
    for writer in writers:
        finish(writer)
    assert repo.sql("SELECT who, count(*) AS c, sum(n) AS s FROM t GROUP BY who ORDER BY who") == [
        {"who": 0, "c": 50, "s": 1225}, {"who": 1, "c": 50, "s": 1225}]
    versions = repo.run("versions", "t", "--json").json
    assert [v["version"] for v in versions] == list(range(101, 0, -1))
    assert repo.run("verify", "--full").status == 0


def test_two_creations_of_one_name(repo):
    writers = [start(repo, "sql", "-c", "CREATE TABLE t AS SELECT * FROM range(100000) r(i)")
               for _ in range(2)]
    statuses = sorted(w.wait(timeout=60) for w in writers)
    for writer in writers:
        writer.communicate()
    assert statuses[0] == 0 and statuses[1] in (1, 3)
    assert repo.value("SELECT count(*) FROM t") == 100000


def test_a_reader_sees_whole_commits_while_another_writes(repo):
    """Each commit inserts a pair whose sum is 0."""
    repo.sql("CREATE TABLE t (n INTEGER)")
    script = "".join(f"INSERT INTO t VALUES ({i}), (-{i});" for i in range(1, 200))
    writer = start(repo, "sql", "-c", script)
    seen = []
    while writer.poll() is None:
        (row,) = repo.sql("SELECT count(*) AS c, coalesce(sum(n), 0) AS s FROM t")
        assert row["s"] == 0 and row["c"] % 2 == 0
        seen.append(row["c"])
    finish(writer)
    assert seen == sorted(seen) and len(seen) >= 2
    assert repo.value("SELECT count(*) FROM t") == 398


@pytest.fixture(name="gate")
def fixture_gate(tmp_path):
    """A pipe: a statement that reads it waits until the test has opened and closed it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def through(gate):
    return (f"SELECT * FROM read_csv('{gate}', auto_detect = false, header = false, "
            "columns = {'x': 'VARCHAR'})")


def test_a_conflict_has_its_own_status(repo, gate):
    """Two transactions delete the same row; the second to commit is told so."""
    repo.sql("CREATE TABLE t AS SELECT * FROM range(10) r(i)")
    first = start(repo, "sql", "-c", f"BEGIN; DELETE FROM t WHERE i = 3; {through(gate)}; COMMIT")
    with gate.open("w", encoding="utf-8") as opened:  # once the other has come to it
        repo.sql("DELETE FROM t WHERE i = 3")
        opened.write("go\n")
    _, err = finish(first, status=3)
    assert "run it again" in err
    assert repo.value("SELECT count(*) FROM t") == 9


def big_csv(path, rows=600_000):
    with path.open("w", encoding="utf-8") as file:
        file.write("id,a,b,text\n")
        file.writelines(f"{i},{i * 7},{i / 3},row number {i}\n" for i in range(rows))
    return path


def test_a_load_killed_at_any_moment_leaves_a_clean_repository(orders, tmp_path):
    file = big_csv(tmp_path / "big.csv")
    expected = orders.sql("SELECT * FROM orders ORDER BY id")
    killed = 0
    chance = random.Random(7)
    for _ in range(5):
        before = orders.tables()
        loader = start(orders, "import", "big", file, "--mode", "replace" if "big" in before
                       else "create")
        time.sleep(chance.uniform(0.02, 0.7))
        loader.kill()
        loader.communicate()
        killed += loader.returncode == -signal.SIGKILL
        tables = orders.tables()
        assert tables == before or "big" in tables
        if "big" in tables:
            assert orders.value("SELECT count(*) FROM big") == 600_000
            orders.sql("DROP TABLE big")
        assert orders.sql("SELECT * FROM orders ORDER BY id") == expected
        assert orders.run("verify", "--full").status == 0
    assert killed > 0
    assert orders.run("recover").status == 0
    assert orders.run("recover", "--json").json["is_clean"]
    assert [f for f in orders.files("staging") if "lock" not in f and "lease" not in f] == []
    orders.run("import", "big", file, "--mode", "create")
    assert orders.value("SELECT sum(id) FROM big") == sum(range(600_000))


def test_a_killed_transaction_is_not_there(repo, gate):
    repo.sql("CREATE TABLE t (n INTEGER)")
    process = start(repo, "sql", "-c", "INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2);"
                                       f"{through(gate)}; COMMIT")
    with gate.open("w", encoding="utf-8"):
        process.kill()
        process.communicate()
    assert repo.sql("SELECT n FROM t") == [{"n": 1}]
    assert repo.run("verify", "--full").status == 0


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_load_clean(orders, number, status):
    """A load that would take for ever, in the middle of its chunks."""
    before = orders.state()
    loader = start(orders, "sql", "-c", "CREATE TABLE big AS SELECT i, hash(i) AS h "
                                        "FROM range(1000000000000) r(i)")
    end = time.monotonic() + 60
    while not any("chunks" in str(f) for f in orders.files("chunks")) and time.monotonic() < end:
        time.sleep(0.01)
    loader.send_signal(number)
    _, err = finish(loader, status=status)
    assert "interrupted" in err
    assert orders.state() == before
    assert orders.run("verify", "--full").status == 0
    assert orders.run("recover", "--json").json["is_clean"]


def test_many_processes_open_and_close_at_once(orders):
    failures = []

    def work(seed):
        chance = random.Random(seed)
        for _ in range(6):
            verb = chance.choice([["tables"], ["log"], ["stats"],
                                  ["sql", "-c", "SELECT count(*) FROM orders"],
                                  ["sql", "-c", "INSERT INTO orders VALUES (9, 'x', 1)"]])
            result = orders.run(*verb, status=None)
            if result.status != 0:
                failures.append((verb, result))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert orders.run("verify", "--full").status == 0


def test_two_copies_of_the_library_in_one_process(orders, tmp_path):
    """LMDB allows one environment a process and path: the second copy refuses, harming nothing."""
    if SANITIZED:
        pytest.skip("a library with sanitizers cannot be loaded into Python")
    copy = shutil.copytree(BUILD, tmp_path / "copy", symlinks=True, ignore=lambda _, names: [
        n for n in names if not n.startswith("libarmillaria.so")])
    first = library.Session(orders.path)
    second = None
    try:
        for _ in range(2):
            with pytest.raises(library.ArmError) as refused:
                second = library.Session(orders.path, folder=copy)
            assert refused.value.status == library.BUSY
            assert "this process" in str(refused.value)
        assert first.value("SELECT count(*) FROM orders") == "4"
        first.rows("INSERT INTO orders VALUES (5, 'eve', 1)")
        orders.sql("INSERT INTO orders VALUES (6, 'fay', 2)")  # by another process
        assert first.value("SELECT count(*) FROM orders") == "6"
    finally:
        first.close()
    assert second is None
    second = library.Session(orders.path, folder=copy)  # its turn
    assert second.value("SELECT count(*) FROM orders") == "6"
    second.close()
    assert orders.run("verify", "--full").status == 0


def test_a_repository_may_be_moved(orders, tmp_path):
    os.rename(orders.path, tmp_path / "elsewhere")
    orders.path = tmp_path / "elsewhere"
    assert orders.value("SELECT count(*) FROM orders") == 4
    assert orders.run("verify", "--full").status == 0


def test_the_index_is_throwaway(orders):
    before = orders.state()
    shutil.rmtree(orders.path / "index")
    (orders.path / "index").mkdir()
    assert orders.state() == before
    assert orders.value("SELECT count(*) FROM orders") == 4
    assert orders.run("verify", "--full").status == 0


def test_damage_is_found_and_told(repo):
    repo.sql("CREATE TABLE t AS SELECT i, i * 7 AS j FROM range(50000) r(i)")
    (chunk,) = repo.files("chunks")
    path = repo.path / chunk
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    result = repo.run("verify", "--full", status=4)
    assert os.path.basename(chunk) in result.out
    report = repo.run("verify", "--full", "--json", status=4).json
    assert not report["is_healthy"] and report["issues"][0]["kind"] == "chunk"
    assert repo.run("verify").status == 0  # the quick check does not read chunks
    path.unlink()
    assert not repo.run("verify", "--json", status=4).json["is_healthy"]


def test_no_flipped_bit_is_read_as_a_value(repo):
    """Parquet would read most of them so. What is good stays readable."""
    repo.sql("CREATE TABLE t AS SELECT i, i * 0.5::DOUBLE AS d, 'text ' || i AS v "
             "FROM range(12000) r(i)")
    repo.sql("CREATE TABLE good AS SELECT range AS i FROM range(12000)")
    path = max((repo.path / c for c in repo.files("chunks")), key=lambda p: p.stat().st_size)
    whole = path.read_bytes()
    path.chmod(0o644)
    chance = random.Random(11)
    for _ in range(20):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        result = repo.run("sql", "-c", "SELECT sum(d), max(v), sum(i) FROM t", status=4)
        assert path.name in result.err
        assert repo.value("SELECT count(*) FROM good WHERE i >= 0") == 12000
    path.write_bytes(whole)
    assert repo.value("SELECT sum(i) FROM t") == sum(range(12000))


def test_a_damaged_log_is_refused_for_writing(repo):
    for i in range(5):
        repo.sql(f"CREATE TABLE t{i} AS SELECT {i} AS a")
    segment = sorted((repo.path / "log").glob("*.seg"))[0]
    data = bytearray(segment.read_bytes())
    at = data.find(b"CREATE TABLE t2")
    data[at if at > 0 else len(data.rstrip(b"\0")) // 2] ^= 1
    segment.write_bytes(data)
    shutil.rmtree(repo.path / "index")
    (repo.path / "index").mkdir()
    result = repo.run("sql", "-c", "CREATE TABLE u (a INTEGER)", status=None)
    assert result.status in (1, 4) and result.err
    report = repo.run("verify", "--json", status=4).json
    assert not report["is_healthy"] and report["issues"]
