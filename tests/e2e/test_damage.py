# SPDX-License-Identifier: Apache-2.0
"""Damage of every kind: found, located, named; what is good stays readable; nothing damaged is
ever read without a word."""

import os
import random
import re
import shutil
import signal
import subprocess

import pytest
from arm import BIN, Repo, environment

GOOD = "SELECT sum(i) FROM good"
OLD = "SELECT sum(i) FROM t AT (VERSION => 1)"
NEW = "SELECT count(*) FROM t WHERE d >= 0"
HOT = "SELECT count(*) FROM hot WHERE s LIKE 'row%'"
ANSWERS = {GOOD: sum(range(11_000)), OLD: sum(range(12_000)), NEW: 27_002, HOT: 5}


@pytest.fixture(name="original", scope="module")
def fixture_original(tmp_path_factory):
    """A table of two chunks and hot rows in three versions, one of a chunk, one of hot rows."""
    repo = Repo(tmp_path_factory.mktemp("damage") / "repo")
    repo.sql("CREATE TABLE t AS SELECT range AS i, range * 0.5::DOUBLE AS d FROM range(12000)")
    repo.old_chunk = repo.path / repo.files("chunks")[0]
    repo.sql("INSERT INTO t SELECT range + 12000, 1 FROM range(15000)")
    (repo.new_chunk,) = (repo.path / c for c in repo.files("chunks")
                         if repo.path / c != repo.old_chunk)
    repo.sql("INSERT INTO t VALUES (100000, 1), (100001, 2)")
    repo.sql("CREATE TABLE good AS SELECT range AS i FROM range(11000)")
    repo.sql("CREATE TABLE hot (a INTEGER, s VARCHAR)")
    for i in range(5):
        repo.sql(f"INSERT INTO hot VALUES ({i}, 'row {i}')")
    return repo


@pytest.fixture(name="victim")
def fixture_victim(original, tmp_path):
    """A copy that was opened and closed clean, so that its index is trusted."""
    shutil.copytree(original.path, tmp_path / "victim")
    repo = Repo(tmp_path / "victim", make=False)
    repo.old_chunk = repo.path / original.old_chunk.relative_to(original.path)
    repo.new_chunk = repo.path / original.new_chunk.relative_to(original.path)
    repo.run("tables")
    all_answers(repo)
    return repo


def segment(repo, number=0):
    return repo.path / "log" / f"{number:016x}.seg"


def change(path, at, *, flip=0, data=None):
    """Change bytes of a file in place: the same file, written by somebody else."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at)
        new = data if data is not None else bytes([file.read(1)[0] ^ flip])
        file.seek(at)
        file.write(new)


def drop_index(repo):
    shutil.rmtree(repo.path / "index")


def all_answers(repo):
    for query, answer in ANSWERS.items():
        assert repo.value(query) == answer
    assert repo.run("verify", "--full").status == 0


def issues(repo, *args):
    """What verify finds; its two forms of output agree."""
    report = repo.run("verify", *args, "--json", status=4).json
    assert not report["is_healthy"] and report["issues"]
    text = repo.run("verify", *args, status=4).out
    assert f"damaged: {len(report['issues'])} issue" in text
    for issue in report["issues"]:
        assert issue["kind"] in ("log", "index", "chunk", "stray") and issue["message"]
        assert issue["object"] in text
    return report["issues"]


def told(repo, query, *words):
    """The query is refused as damage, and says where."""
    result = repo.run("sql", "--json", "-c", query, status=4)
    assert result.out.strip() in ("", "["), result
    for word in words:
        assert word in result.err, result


# ---- Chunks ----


def delete(path):
    path.unlink()


def truncate(path):
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    path.chmod(0o644)
    os.truncate(path, 0)


def flip_one_bit(path):
    change(path, path.stat().st_size // 2, flip=4)


def zeros(path):
    change(path, 0, data=bytes(path.stat().st_size))


@pytest.mark.parametrize("harm", [delete, truncate, empty, flip_one_bit, zeros])
def test_a_chunk_is_damaged(victim, harm):
    """Named by verify and by the query that needs it; older versions and other tables answer."""
    name = victim.new_chunk.name
    harm(victim.new_chunk)
    found = issues(victim, "--full")
    assert [(i["kind"], i["object"]) for i in found] == [("chunk", name)]
    if harm not in (flip_one_bit, zeros):  # which only --full can see
        assert [i["object"] for i in issues(victim)] == [name]
    told(victim, NEW, name, "table t")
    for query in (GOOD, OLD, HOT):
        assert victim.value(query) == ANSWERS[query]
    victim.sql("INSERT INTO good VALUES (7)")  # what is whole may be changed, too
    assert victim.value(GOOD) == ANSWERS[GOOD] + 7
    told(victim, NEW, name)
    assert victim.run("recover", "--json").status == 0  # there is nothing that it could bring back
    told(victim, NEW, name)


def test_a_chunk_that_came_back(victim):
    """A chunk restored from a copy is the chunk: its name is its content."""
    data = victim.new_chunk.read_bytes()
    victim.new_chunk.unlink()
    told(victim, NEW, victim.new_chunk.name)
    victim.new_chunk.write_bytes(data)
    all_answers(victim)


def test_two_chunks_swapped(victim):
    a, b = victim.old_chunk.read_bytes(), victim.new_chunk.read_bytes()
    change(victim.old_chunk, 0, data=b)
    change(victim.new_chunk, 0, data=a)
    assert {i["object"] for i in issues(victim, "--full")} == {victim.old_chunk.name,
                                                              victim.new_chunk.name}
    told(victim, OLD, victim.old_chunk.name)
    assert victim.value(GOOD) == ANSWERS[GOOD]


def test_no_chunks_at_all(victim):
    """Each is missed by name; hot rows are in the log."""
    shutil.rmtree(victim.path / "chunks")
    assert len(issues(victim)) == 3
    told(victim, NEW, "table t")
    assert victim.value(HOT) == ANSWERS[HOT]
    victim.sql("CREATE TABLE again AS SELECT range AS i FROM range(13000)")
    assert victim.value("SELECT count(*) FROM again") == 13_000


def test_the_same_load_does_not_build_on_a_damaged_chunk(victim):
    """Rows that are stored already are not stored twice, but what is there is checked."""
    flip_one_bit(victim.old_chunk)
    result = victim.run("sql", "-c", "CREATE TABLE twin AS SELECT range AS i, range * 0.5::DOUBLE "
                        "AS d FROM range(12000)", status=None)
    if result.status == 0:
        told(victim, "SELECT sum(i) FROM twin", victim.old_chunk.name)
        assert result.status == 0, "a commit names a chunk that is damaged"
    else:
        assert result.status == 4 and victim.old_chunk.name in result.err
        assert "twin" not in victim.tables()


# ---- The log ----


def test_a_flipped_bit_in_the_middle_of_the_log(victim):
    """With a trusted index all goes on, and verify finds it; without, what comes before it is
    served for reading, and nothing is written."""
    at = segment(victim).read_bytes().find(b"INSERT INTO t SELECT")
    change(segment(victim), at, flip=1)
    for query in (GOOD, OLD, NEW, HOT):
        assert victim.value(query) == ANSWERS[query]
    (issue,) = issues(victim)
    assert issue["kind"] == "log" and re.search(r"segment 0, byte \d+", issue["object"])
    drop_index(victim)
    (issue,) = issues(victim)
    assert re.search(r"segment 0, byte \d+", issue["message"])
    result = victim.run("sql", "--json", "-c", OLD)
    assert result.json == [{"sum(i)": ANSWERS[OLD]}]
    assert "reading only" in result.err and "byte" in result.err
    before = segment(victim).read_bytes()
    for verb in (["sql", "-c", "INSERT INTO t VALUES (1, 1)"], ["recover"],
                 ["import", "u", BIN, "--format", "csv"]):
        assert victim.run(*verb, status=4).err
    assert segment(victim).read_bytes() == before


def test_flipped_hot_rows_are_not_read(victim):
    """The index is trusted, but each frame is checked as it is read."""
    change(segment(victim), segment(victim).read_bytes().find(b"row 2"), flip=1)
    told(victim, HOT, "segment 0, byte")
    for query in (GOOD, OLD, NEW):
        assert victim.value(query) == ANSWERS[query]
    assert issues(victim)[0]["kind"] == "log"


def end_of(path):
    return len(path.read_bytes().rstrip(b"\0"))


@pytest.mark.parametrize("index_too", [False, True])
@pytest.mark.parametrize("by", ["zeros", "truncation"])
def test_the_end_of_the_log_is_lost(victim, by, index_too):
    """After a clean close, and after the index went too: the shared page of this boot knows."""
    end = end_of(segment(victim))
    if by == "zeros":
        change(segment(victim), end - 300, data=bytes(300))
    else:
        os.truncate(segment(victim), end - 300)
    if index_too:
        drop_index(victim)
    for _ in range(2):  # the first to find it forgets nothing
        found = issues(victim)
        assert found[0]["kind"] == "log" and "durable" in found[0]["message"]
        result = victim.run("sql", "--json", "-c", "SELECT count(*) AS c FROM hot")
        assert result.json == [{"c": 4}] and "reading only" in result.err
        assert victim.run("sql", "-c", "INSERT INTO hot VALUES (9, 'x')", status=4).err


def test_an_older_log_on_purpose(victim, tmp_path):
    """What the message says helps: the log as it was, index/ and log/shared away."""
    shutil.copytree(victim.path / "log", tmp_path / "log")
    victim.sql("INSERT INTO hot VALUES (5, 'row 5')")
    shutil.copy(tmp_path / "log" / segment(victim).name, segment(victim))
    said = victim.run("recover", status=4).err
    assert "delete index/" in said and "log/shared" in said
    drop_index(victim)
    (victim.path / "log/shared").unlink()
    all_answers(victim)
    victim.sql("INSERT INTO hot VALUES (5, 'row 5')")


@pytest.mark.parametrize("harm", ["header", "missing", "directory", "empty"])
def test_the_first_segment(victim, harm):
    if harm == "header":
        change(segment(victim), 40, flip=1)
    elif harm == "missing":
        segment(victim).unlink()
    elif harm == "empty":
        os.truncate(segment(victim), 0)
    else:
        shutil.rmtree(victim.path / "log")
    for args in (["verify"], ["tables"], ["sql", "-c", GOOD], ["recover"]):
        result = victim.run(*args, status=4)
        assert "log" in result.err + result.out
        assert "segment 0" in result.err + result.out or "missing" in result.err + result.out


def test_the_log_of_another_repository(victim, tmp_path):
    other = Repo(tmp_path / "other")
    shutil.copy(segment(other), segment(victim))
    assert "another" in victim.run("tables", status=4).err
    assert "another" in issues(victim)[0]["message"]


# ---- Several segments ----


@pytest.fixture(name="long", scope="module")
def fixture_long(tmp_path_factory):
    """A log of three segments, of 64 MiB each, written once: messages are part of the log."""
    repo = Repo(tmp_path_factory.mktemp("segments") / "repo")
    repo.sql("CREATE TABLE t (n INTEGER, text VARCHAR)")
    repo.sql("CREATE TABLE chunk AS SELECT range AS i FROM range(11000)")
    # hash() defeats the compression of the rows.
    one = "INSERT INTO t SELECT {n}, string_agg(hash(range * 31 + {n})::VARCHAR, '') " \
          "FROM range(50000);"
    for start in range(0, 160, 40):
        repo.sql("".join(one.format(n=n) for n in range(start, start + 40)))
        if segment(repo, 2).exists():
            break
    assert segment(repo, 2).exists()
    repo.rows = repo.value("SELECT count(*) FROM t")
    return repo


@pytest.fixture(name="longer")
def fixture_longer(long, tmp_path):
    """A copy by hard links: what is changed in it must be made its own first."""
    path = tmp_path / "longer"
    shutil.copytree(long.path, path, copy_function=os.link)
    for folder in ("index", "staging"):
        shutil.rmtree(path / folder)
    own(path / "log/shared")
    last = max(p for p in (path / "log").glob("*.seg"))
    own(last)  # which is appended to
    repo = Repo(path, make=False)
    repo.rows = long.rows
    return repo


def own(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def test_a_sound_log_of_several_segments(longer):
    assert longer.value("SELECT count(*) FROM t") == longer.rows
    assert longer.run("verify").status == 0


@pytest.mark.parametrize("number, index_too", [(1, True), (2, True), (1, False), (2, False)])
def test_a_segment_is_missing(longer, number, index_too):
    longer.run("tables")
    segment(longer, number).unlink()
    if index_too:
        drop_index(longer)
    found = issues(longer)
    assert found[0]["kind"] == "log"
    assert f"segment {number}" in found[0]["object"] + found[0]["message"]
    assert longer.run("sql", "--json", "-c", "SELECT count(*) FROM chunk").json
    result = longer.run("sql", "--json", "-c", "SELECT sum(length(text)) FROM t", status=None)
    # Either refused, or the rows of before the loss with a warning.
    assert result.status == 4 or (result.status == 0 and "reading only" in result.err), result
    if index_too:
        assert longer.run("sql", "-c", "INSERT INTO chunk VALUES (1)", status=4).err


@pytest.mark.parametrize("index_too", [True, False])
def test_two_segments_are_swapped(longer, index_too):
    longer.run("tables")
    one, two, spare = segment(longer, 1), segment(longer, 2), longer.path / "log/spare"
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    if index_too:
        drop_index(longer)
    found = issues(longer)
    assert found[0]["kind"] == "log"
    assert re.search(r"segment [12]", found[0]["object"] + found[0]["message"])
    result = longer.run("sql", "--json", "-c", "SELECT sum(length(text)) FROM t", status=None)
    assert result.status == 4 or (result.status == 0 and "reading only" in result.err), result


# ---- The index ----


NOISE = ["whole", "behind the metas", "one page", "first meta", "flips"]


def noise(path, kind, seed):
    chance = random.Random(seed)
    size = path.stat().st_size
    if kind == "flips":
        for _ in range(200):
            change(path, chance.randrange(8192, size), flip=1 << chance.randrange(8))
        return
    at, count = {"whole": (0, size), "behind the metas": (8192, size - 8192),
                 "one page": (4096 * chance.randrange(2, size // 4096), 4096),
                 "first meta": (0, 4096)}[kind]
    change(path, at, data=chance.randbytes(count))


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("clock", ["now", "as before"])
def test_the_index_becomes_noise(victim, kind, clock):
    """Even if its size and its time of modification are what they were."""
    path = victim.path / "index/data.mdb"
    before = path.stat()
    noise(path, kind, 5)
    if clock == "as before":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    all_answers(victim)
    victim.sql("INSERT INTO hot VALUES (9, 'x')")
    assert victim.run("verify").status == 0


def killed_writer(repo):
    """A process that wrote and was killed: an index that no clean close vouches for."""
    gate = repo.path.parent / "gate"
    if not gate.exists():
        os.mkfifo(gate)
    writer = subprocess.Popen([BIN, "-C", repo.path, "sql", "-c",
                               "INSERT INTO hot VALUES (9, 'x'); SELECT * FROM "
                               f"read_csv('{gate}', auto_detect = false, header = false, "
                               "columns = {'x': 'VARCHAR'})"],
                              env=environment(), stdout=subprocess.DEVNULL)
    with gate.open("w", encoding="utf-8"):
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(timeout=60) == -signal.SIGKILL


@pytest.mark.parametrize("kind", NOISE[:-1])
def test_the_index_of_the_killed_becomes_noise(victim, kind):
    """In the same boot it would be trusted: so its pages are looked at before."""
    killed_writer(victim)
    noise(victim.path / "index/data.mdb", kind, 6)
    for query in (GOOD, OLD, NEW, HOT):
        assert victim.value(query) == ANSWERS[query]
    assert victim.value("SELECT count(*) FROM hot") == 6
    assert victim.run("verify", "--full").status == 0


def test_the_index_of_the_killed_is_trusted(victim):
    killed_writer(victim)
    victim.run("recover")
    assert victim.value("SELECT count(*) FROM hot") == 6
    all_answers(victim)


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, 9000])
def test_the_index_is_truncated(victim, size):
    os.truncate(victim.path / "index/data.mdb", size)
    all_answers(victim)


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb", "trust", "lock"])
@pytest.mark.parametrize("harm", [delete, empty, zeros, "noise"])
def test_each_file_of_the_index(victim, name, harm):
    path = victim.path / "index" / name
    if harm == "noise":
        path.write_bytes(random.Random(3).randbytes(max(path.stat().st_size, 100)))
    else:
        harm(path)
    all_answers(victim)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("how", ["folder", "into the files"])
def test_an_old_copy_of_the_index_is_restored(victim, tmp_path, killed, how):
    """Together with its trust: noticed, or caught up; never older answers."""
    if killed:
        killed_writer(victim)
    subprocess.run(["cp", "-a", victim.path / "index", tmp_path / "old"], check=True)
    victim.sql("INSERT INTO hot VALUES (10, 'y'), (11, 'z')")
    victim.sql("DROP TABLE good")
    if killed:
        killed_writer(victim)
    expected = victim.run("log", "--json").json
    if killed:
        killed_writer(victim)
    if how == "folder":
        shutil.rmtree(victim.path / "index")
        subprocess.run(["cp", "-a", tmp_path / "old", victim.path / "index"], check=True)
    else:
        for name in ("data.mdb", "trust"):
            before = (tmp_path / "old" / name).stat()
            shutil.copyfile(tmp_path / "old" / name, victim.path / "index" / name)
            os.utime(victim.path / "index" / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    log = victim.run("log", "--json").json
    assert log[-len(expected):] == expected
    assert len(log) == len(expected) + killed
    assert "good" not in victim.tables()
    assert victim.run("verify", "--full").status == 0


# ---- The rest ----


@pytest.mark.parametrize("harm", ["delete", "short", "noise"])
def test_the_shared_page(victim, harm):
    path = victim.path / "log/shared"
    if harm == "delete":
        path.unlink()
    elif harm == "short":
        os.truncate(path, 100)
    else:
        path.write_bytes(random.Random(4).randbytes(4096))
    all_answers(victim)


def test_head_that_names_nothing(victim):
    """It is the command's own: any branch can still be named."""
    (victim.path / "HEAD").write_bytes(random.Random(2).randbytes(40))
    assert victim.run("verify").status == 0
    assert victim.run("tables", status=1).err
    assert victim.run("--branch", "main", "tables").status == 0


# ---- Tomorrow's formats ----


def with_format(repo, version=None, **bits):
    """Rewrite FORMAT as a later program would: its hash is right."""
    result = subprocess.run([BIN, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("armillaria ")
    path = repo.path / "FORMAT"
    text = path.read_text(encoding="utf-8")
    if version is not None:
        text = re.sub(r"(?m)^format \d+", f"format {version}", text)
    for name, value in bits.items():
        text = re.sub(rf"(?m)^{name.replace('_', '-')} [0-9a-f]+", f"{name.replace('_', '-')} "
                      f"{value:016x}", text)
    text = re.sub(r"(?m)^reads-with .*", "reads-with 7.8.9", text)
    body = text[:text.index("blake3 ")]
    path.write_text(f"{body}blake3 {hash_of(repo, body)}\n", encoding="utf-8")


def hash_of(repo, body):
    """BLAKE3 by the program itself: a wrong hash in the name of a chunk says the right one."""
    folder = repo.path / "chunks/00/00"
    folder.mkdir(parents=True)
    stray = folder / ("0" * 64)
    stray.write_text(body, encoding="utf-8")
    (issue,) = issues(repo, "--full")
    shutil.rmtree(repo.path / "chunks/00")
    return re.search(r"hash to ([0-9a-f]{64})", issue["message"]).group(1)


def test_tomorrows_format(victim):
    with_format(victim, version=2)
    for args in (["tables"], ["sql", "-c", GOOD], ["verify"], ["recover"]):
        result = victim.run(*args, status=1)
        assert "7.8.9" in result.err and "upgrade" in result.err


def test_a_feature_that_may_be_ignored(victim):
    with_format(victim, compatible=1 << 40)
    all_answers(victim)
    victim.sql("INSERT INTO hot VALUES (9, 'x')")
    assert "compatible 0000010000000000" in (victim.path / "FORMAT").read_text(encoding="utf-8")


def test_a_feature_that_only_reading_may_ignore(victim):
    with_format(victim, read_only_compatible=1 << 3)
    before = {p: p.read_bytes() for p in victim.path.rglob("*.seg")}
    for query, answer in ANSWERS.items():
        assert victim.value(query) == answer
    for args in (["sql", "-c", "INSERT INTO hot VALUES (9, 'x')"],
                 ["import", "u", __file__, "--format", "csv"], ["recover"]):
        result = victim.run(*args, status=1)
        assert "7.8.9" in result.err, result
    assert {p: p.read_bytes() for p in victim.path.rglob("*.seg")} == before


def test_a_feature_that_must_be_known(victim):
    with_format(victim, incompatible=1 << 63)
    for args in (["tables"], ["sql", "-c", GOOD], ["verify"], ["recover"]):
        result = victim.run(*args, status=1)
        assert "7.8.9" in result.err and "feature" in result.err
