# SPDX-License-Identifier: Apache-2.0
"""The first interface, line by line: stores, catalog, branches, transactions."""

import os
import pathlib
import pickle
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import armillaria as arm
import pytest
import udr

HASH_OF_HELLO = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
NOBODY = "0" * 64


class Parts:
    """The managers of one repository."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.store = udr.PyChunkStore(self.root / "chunks")
        self.catalog = udr.PyCatalog(self.root / "catalog")
        self.branches = udr.PyBranchManager(self.root / "branches")
        self.transactions = udr.PyTransactionManager(
            self.root / "transactions", self.root / "catalog", self.root / "branches")

    def commit(self, table, version, *contents):
        hashes = [self.store.put(content) for content in contents]
        self.catalog.commit(udr.PyTableVersion(table, version, hashes))
        return hashes

    def file(self, chunk):
        return self.root / "chunks" / chunk[:2] / chunk[2:4] / chunk

    def gc(self, **options):
        with arm.open(self.root) as db:
            return db.gc(grace_seconds=0, **options)


@pytest.fixture
def parts(tmp_path):
    return Parts(tmp_path / "data")


def run(program, *arguments):
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], text=True,
                          capture_output=True, timeout=300, check=False)


# ---- Which repository


@pytest.mark.parametrize("part", ["chunks", "catalog", "branches", "transactions"])
@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_a_part_stands_for_its_parent(tmp_path, part, kind):
    udr.PyCatalog(kind(tmp_path / "r" / part))
    assert (tmp_path / "r" / "FORMAT").exists()
    with arm.open(tmp_path / "r") as db:
        assert list(db.tables()) == []


def test_any_other_path_is_the_repository(tmp_path):
    store = udr.PyChunkStore(tmp_path / "store")
    assert store.put(b"hello") == HASH_OF_HELLO
    assert (tmp_path / "store" / "FORMAT").exists()
    assert udr.PyChunkStore(tmp_path / "store" / "chunks").list() == [HASH_OF_HELLO]


def test_a_repository_is_made_among_other_things(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for part in ("chunks", "catalog", "branches", "transactions"):
        (tmp_path / part).mkdir()
    store = udr.PyChunkStore(tmp_path / "chunks")
    chunk = store.put(b"hello")
    assert udr.PyChunkStore(tmp_path / "chunks").get(chunk) == b"hello"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".udr-")]
    with arm.open(tmp_path) as db:
        assert db.verify(full=True)


def test_what_is_in_the_way_stays(tmp_path):
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "mine").write_text("mine")
    with pytest.raises(udr.Exists):
        udr.PyChunkStore(tmp_path / "chunks")
    assert (tmp_path / "chunks" / "mine").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".udr-")]


def test_a_repository_that_was_half_moved_in_is_gone_on_with(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    (root / "notes.txt").write_text("mine")
    udr.PyChunkStore(root / "chunks").put(b"hello")
    for moved in range(1, 7):  # as it was when so many pieces had come
        copy = tmp_path / f"copy{moved}"
        done = run("import shutil, sys; shutil.copytree(*sys.argv[1:])", root, copy)
        assert done.returncode == 0, done.stderr
        aside = copy / ".udr-left"
        aside.mkdir()
        for piece in ("chunks", "staging", "log", "index", "cold", "HEAD", "FORMAT")[moved:]:
            (copy / piece).rename(aside / piece)
        (copy / ".udr-never").mkdir()
        assert udr.PyChunkStore(copy / "chunks").get(HASH_OF_HELLO) == b"hello"
        assert not [name for name in os.listdir(copy) if name.startswith(".udr-")]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "f").write_text("x")
    for path in ("f", "f/chunks", "f/x", "f/x/chunks"):
        with pytest.raises(udr.NotARepository):
            udr.PyChunkStore(tmp_path / path)


MAKER = """
import sys, time, udr
while time.time() < float(sys.argv[2]):
    pass
print(udr.PyChunkStore(sys.argv[1]).put(b"hello"))
"""


@pytest.mark.parametrize("others", [False, True])
def test_processes_make_one_repository(tmp_path, others):
    if others:
        (tmp_path / "notes.txt").write_text("mine")
    root = tmp_path if others else tmp_path / "data"
    at = time.time() + 2
    makers = [subprocess.Popen([sys.executable, "-c", MAKER, str(root / "chunks"), str(at)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
              for _ in range(4)]
    told = [maker.communicate(timeout=300) for maker in makers]
    assert [out.strip() for out, _ in told] == [HASH_OF_HELLO] * 4, told
    assert udr.PyChunkStore(root / "chunks").list() == [HASH_OF_HELLO]


def test_two_repositories_are_not_mixed(tmp_path):
    with pytest.raises(udr.InvalidArgument, match="catalog_path"):
        udr.PyTransactionManager(tmp_path / "a" / "transactions", tmp_path / "b" / "catalog",
                                 tmp_path / "a" / "branches")


def test_two_spellings_of_one_repository_are_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")
    udr.PyCatalog(tmp_path / "a")
    udr.PyTransactionManager(tmp_path / "link" / "transactions", str(tmp_path / "a"),
                             tmp_path / "a" / ".." / "a" / "branches")


# ---- Chunks


def test_put_and_get(parts):
    store = parts.store
    chunk = store.put(b"hello")
    assert chunk == HASH_OF_HELLO
    assert store.get(chunk) == b"hello" and type(store.get(chunk)) is bytes
    assert store.get_verified(hash=chunk) == b"hello"
    assert store.exists(chunk) and store.size(chunk) == 5 and store.list() == [chunk]
    assert store.put(bytearray(b"hello")) == chunk and store.put(memoryview(b"hello")) == chunk
    assert store.put(memoryview(b"h.e.l.l.o")[::2]) == chunk
    assert len(store.list()) == 1
    store.delete(chunk)
    assert not store.exists(chunk) and store.list() == []


@pytest.mark.parametrize("content", [b"", b"\0", bytes(range(256)) * 5000])
def test_any_bytes(parts, content):
    chunk = parts.store.put(content)
    assert parts.store.get_verified(chunk) == content and parts.store.size(chunk) == len(content)


def test_what_is_not_there(parts):
    assert not parts.store.exists(NOBODY)
    for call in (parts.store.get, parts.store.get_verified, parts.store.size, parts.store.delete):
        with pytest.raises(udr.NotFound, match=NOBODY):
            call(NOBODY)


@pytest.mark.parametrize("wrong", ["", "abc", "A" * 64, "0" * 63, "0" * 65, "../" + "0" * 61,
                                   "0" * 63 + "\n", "0" * 63 + "\0"])
def test_an_ill_formed_hash(parts, wrong):
    store = parts.store
    for call in (store.get, store.get_verified, store.exists, store.size, store.delete):
        with pytest.raises(udr.InvalidHash):
            call(wrong)


@pytest.mark.parametrize("wrong", [None, 7, 1.5, b"x", [], {}, object, True])
def test_hostile_hashes_and_bytes(parts, wrong):
    store = parts.store
    for call in (store.get, store.get_verified, store.exists, store.size, store.delete):
        with pytest.raises(udr.InvalidType):
            call(wrong)
    if not isinstance(wrong, bytes):
        with pytest.raises(udr.InvalidType):
            store.put(wrong)
        with pytest.raises(udr.InvalidType):
            udr.PyChunkStore(wrong)
    with pytest.raises(udr.InvalidType):
        store.put("text")


def test_damage_is_told(parts):
    chunk = parts.store.put(b"hello")
    parts.file(chunk).chmod(0o644)
    parts.file(chunk).write_bytes(b"hellO")
    assert parts.store.get(chunk) == b"hellO"
    with pytest.raises(udr.HashMismatch) as caught:
        parts.store.get_verified(chunk)
    assert caught.value.expected == chunk and caught.value.actual != chunk
    assert len(caught.value.actual) == 64
    with pytest.raises(udr.HashMismatch):
        parts.store.put(b"hello")
    report = parts.transactions.verify_consistency()
    assert not report and [issue.object for issue in report.issues] == [chunk]


def test_a_loose_chunk_that_is_lost_is_damage(parts):
    chunk = parts.store.put(b"hello")
    parts.file(chunk).unlink()
    with arm.open(parts.root) as db:
        report = db.verify()
    assert [(issue.kind, issue.object) for issue in report.issues] == [("chunk", chunk)]


def test_gc_leaves_loose_chunks(parts):
    kept, dropped = parts.store.put(b"kept"), parts.store.put(b"dropped")
    parts.store.delete(dropped)
    assert parts.gc().chunks == 0
    assert parts.gc(keep_days=0).chunks == 0
    assert parts.store.get_verified(kept) == b"kept"


def test_what_was_put_survives_the_index(parts):
    chunk = parts.store.put(b"hello")
    parts.commit("t", 1, b"one")
    root = parts.root
    program = ("import shutil, sys, udr; from pathlib import Path; root = Path(sys.argv[1]);"
               "shutil.rmtree(root / 'index'); (root / 'index').mkdir();"
               "store = udr.PyChunkStore(root / 'chunks'); assert store.get(sys.argv[2]) == b'hello';"
               "import armillaria; db = armillaria.open(root);"
               "assert db.gc(grace_seconds=0).chunks == 0; assert db.verify(full=True)")
    # Whoever has it open keeps the index: a process of its own, on a copy.
    copy = root.parent / "copy"
    done = run("import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], "
               "ignore=shutil.ignore_patterns('index', 'shared', 'checkpoint')); ", root, copy)
    assert done.returncode == 0, done.stderr
    (copy / "index").mkdir()
    done = run(program, copy, chunk)
    assert done.returncode == 0, done.stderr


def test_a_chunk_that_a_version_uses_is_not_deleted(parts):
    (one,) = parts.commit("t", 1, b"one")
    (two,) = parts.commit("t", 2, b"two")
    for chunk in (one, two):
        with pytest.raises(udr.InvalidArgument, match="used"):
            parts.store.delete(chunk)
    assert parts.gc(keep_days=0).chunks == 0  # version 1 is given up, and its chunk is still loose
    parts.store.delete(one)
    with pytest.raises(udr.InvalidArgument):
        parts.store.delete(two)
    assert parts.store.list() == [two]
    with arm.open(parts.root) as db:
        assert db.verify(full=True)


def test_a_used_chunk_is_kept_though_it_is_loose_no_more(parts):
    """A chunk of an engine's table, put by its user as well, and let go by him."""
    with arm.open(parts.root) as db:
        db.write("t", {"a": list(range(30_000))})
    (chunk,) = parts.store.list()
    assert parts.store.put(parts.store.get(chunk)) == chunk
    with pytest.raises(udr.InvalidArgument):
        parts.store.delete(chunk)
    with arm.open(parts.root) as db:
        db.sql("DROP TABLE t")
        db.gc(keep_days=0, grace_seconds=0)
    assert parts.store.exists(chunk)  # it is the user's now, and only his
    parts.store.delete(chunk)
    assert not parts.store.exists(chunk)


GC = """
import sys, armillaria
db = armillaria.open(sys.argv[1])
removed = 0
for _ in range(int(sys.argv[2])):
    removed += db.gc(grace_seconds=0, keep_days=0).chunks
print(removed)
"""


def test_gc_in_another_process_takes_nothing(parts):
    """Put while it runs; each is there afterwards."""
    other = subprocess.Popen([sys.executable, "-c", GC, str(parts.root), "40"],
                             stdout=subprocess.PIPE, text=True)
    chunks = [parts.store.put(str(n).encode()) for n in range(150)]
    out, _ = other.communicate(timeout=300)
    assert other.returncode == 0 and out.strip() == "0"
    assert all(parts.store.get_verified(chunk) == str(n).encode()
               for n, chunk in enumerate(chunks))
    assert parts.gc().chunks == 0


KILLED = """
import os, sys, udr
store = udr.PyChunkStore(sys.argv[1])
n = 0
while True:
    print(store.put(b"%d of %d" % (n, os.getpid())), flush=True)
    n += 1
"""


def test_what_a_killed_process_put_is_there(parts):
    other = subprocess.Popen([sys.executable, "-c", KILLED, str(parts.root / "chunks")],
                             stdout=subprocess.PIPE, text=True)
    told = [other.stdout.readline().strip() for _ in range(20)]
    other.kill()
    told += [line.strip() for line in other.stdout if len(line) == 65]
    other.wait(timeout=60)
    assert parts.transactions.recover_and_apply().rolled_back >= 0
    parts.gc(keep_days=0)
    for chunk in told:
        assert parts.store.get_verified(chunk).endswith(b" of %d" % other.pid)
    assert parts.transactions.verify_consistency()


def test_threads_share_a_store(parts):
    failures = []

    def work(number):
        try:
            for n in range(25):
                content = b"%d" % (n if number % 2 else 1000 + number * 100 + n)
                chunk = parts.store.put(content)
                assert parts.store.get_verified(chunk) == content
        except BaseException as error:  # told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(parts.store.list()) == 25 + 3 * 25


# ---- The catalog


def test_a_version_has_what_it_was_given():
    before = datetime.now(timezone.utc)
    version = udr.PyTableVersion("users", 2, ["a", "b"], {"id": "int"}, 7, 1, {"by": "me"})
    assert (version.table_name, version.version, version.chunk_hashes) == ("users", 2, ["a", "b"])
    assert (version.schema, version.row_count, version.parent) == ({"id": "int"}, 7, 1)
    assert version.metadata == {"by": "me"}
    assert before <= version.created_at <= datetime.now(timezone.utc)
    assert "users" in repr(version) and "version=2" in repr(version)
    least = udr.PyTableVersion(table_name="t", version=1, chunk_hashes=[])
    assert (least.schema, least.row_count, least.parent, least.metadata) == (None,) * 4
    assert pickle.loads(pickle.dumps(version)) == version
    assert version != least and version == 2 and int(version) == 2


def test_commit_and_get(parts):
    hashes = [parts.store.put(b"hello"), parts.store.put(b"world")]
    given = udr.PyTableVersion("users", 1, hashes, schema={"c": ["x", None]}, row_count=9,
                               metadata={"k": ("t", 1, b"\xff", Decimal("1.5")), 3: {1, 2}})
    parts.catalog.commit(given)
    assert parts.catalog.get_version("users") == given
    assert parts.catalog.get_version("users", 1) == given
    assert parts.catalog.get_version(table="users", version=1).created_at == given.created_at
    later = udr.PyTableVersion("users", 2, list(reversed(hashes)), parent=1)
    parts.catalog.commit(version=later)
    assert parts.catalog.latest_version("users") == 2
    assert parts.catalog.list_versions("users") == [given, later] == [1, 2]
    assert parts.catalog.list_tables() == ["users"]
    again = udr.PyCatalog(str(parts.root))
    assert again.list_versions("users") == [given, later]


def test_a_version_without_chunks(parts):
    parts.catalog.commit(udr.PyTableVersion("t", 1, []))
    assert parts.catalog.get_version("t").chunk_hashes == []
    parts.catalog.commit(udr.PyTableVersion("t", 2, []))
    assert parts.catalog.latest_version("t") == 2


def test_the_same_chunks_again_are_a_new_version(parts):
    parts.commit("t", 1, b"one")
    parts.commit("t", 2, b"one")
    assert parts.catalog.list_versions("t") == [1, 2]


@pytest.mark.parametrize("number", [0, 1, 3, 7, 2**40])
def test_versions_come_in_sequence(parts, number):
    parts.commit("t", 1, b"one")
    with pytest.raises(udr.VersionConflict):
        parts.commit("t", number, b"two")
    assert parts.catalog.list_versions("t") == [1]


def test_the_first_version_is_1(parts):
    with pytest.raises(udr.VersionConflict):
        parts.commit("t", 2, b"one")
    assert parts.catalog.list_tables() == [] and parts.catalog.latest_version("t") is None


def test_what_is_not_in_the_catalog(parts):
    with pytest.raises(udr.NotFound):
        parts.catalog.get_version("t")
    parts.commit("t", 1, b"one")
    for number in (0, 2, 2**62):
        with pytest.raises(udr.NotFound):
            parts.catalog.get_version("t", number)
    assert parts.catalog.list_versions("u") == []


def test_chunks_of_a_version_are_there(parts):
    with pytest.raises(udr.NotFound):
        parts.catalog.commit(udr.PyTableVersion("t", 1, [NOBODY]))
    with pytest.raises(udr.InvalidHash):
        parts.catalog.commit(udr.PyTableVersion("t", 1, ["hash1"]))
    chunk = parts.store.put(b"hello")
    parts.file(chunk).chmod(0o644)
    parts.file(chunk).write_bytes(b"hellO")
    with pytest.raises(udr.HashMismatch):
        parts.catalog.commit(udr.PyTableVersion("t", 1, [chunk]))
    assert parts.catalog.list_tables() == []


@pytest.mark.parametrize("arguments", [
    (7, 1, []), ("", 1, []), ("t", "1", []), ("t", -1, []), ("t", True, []), ("t", 1.0, []),
    ("t", 1, "x"), ("t", 1, None), ("t", 1, [7]), ("t", 1, b"x"), ("t", 1, {}),
    ("t", 1, [], None, "7"), ("t", 1, [], None, None, "1"), ("t\0", 1, []), (None, 1, []),
    ("t", 2**70, []), ("t", 1, [], None, -1),
])
def test_hostile_versions(arguments):
    with pytest.raises(udr.Error):
        udr.PyTableVersion(*arguments)


def test_hostile_words(parts):
    loop = []
    loop.append(loop)
    for value in (object(), loop, {"a": object()}, lambda: 1, float):
        with pytest.raises(udr.InvalidType):
            parts.catalog.commit(udr.PyTableVersion("t", 1, [], metadata=value))
        with pytest.raises(udr.InvalidType):
            parts.catalog.commit(udr.PyTableVersion("t", 1, [], schema=value))
    for value in (None, 7, "t", [], object()):
        with pytest.raises(udr.InvalidType):
            parts.catalog.commit(value)
        if not isinstance(value, str):
            for call in (parts.catalog.get_version, parts.catalog.list_versions,
                         parts.catalog.latest_version):
                with pytest.raises(udr.InvalidType):
                    call(value)
    assert parts.catalog.list_tables() == []


@pytest.mark.parametrize("words", [
    "text", 7, 1.5, True, [], {}, {"a": {"b": [1, None]}}, ("a",), b"\0\xff", "\ud800\0é",
    {1: "a"}, {"$udr": 1}, datetime(2026, 1, 2, tzinfo=timezone.utc), {"x": float("inf")},
    "x" * 2_000_000,
])
def test_words_come_back(parts, words):
    parts.catalog.commit(udr.PyTableVersion("t", 1, [], metadata=words, schema=words))
    found = parts.catalog.get_version("t")
    assert found.metadata == words and found.schema == words
    assert type(found.metadata) is type(words)


@pytest.mark.parametrize("name", ["my-table", "with space", "Ünï", "select", "a'b", 'a"b', "1st",
                                  "x" * 200])
def test_odd_names(parts, name):
    parts.commit(name, 1, b"one")
    assert parts.catalog.latest_version(name) == 1
    assert parts.catalog.get_version(name).table_name == name
    assert parts.catalog.list_tables() == [name]
    assert parts.branches.get("main").head == {name: 1}
    assert parts.branches.get_table_version("main", name) == 1
    parts.branches.create("dev")
    parts.commit(name, 2, b"two")
    parts.branches.update_head("main", name, 1)
    assert parts.branches.get("main").head == {name: 1}
    handle = parts.transactions.begin()
    parts.transactions.record_read(handle, name, 1)
    parts.transactions.record_write(handle, name, 2)
    tx = parts.transactions.commit(handle)
    (entry,) = parts.transactions.get_changelog(since_tx_id=tx - 1)
    assert entry.get_change(name).new_version == 2


def test_versions_of_the_engine(parts):
    with arm.open(parts.root) as db:
        db.sql("CREATE TABLE hot (a INTEGER)")
        db.sql("INSERT INTO hot VALUES (1), (2)")
        db.write("large", {"n": list(range(30_000))})
    hot = parts.catalog.get_version("hot")
    assert (hot.version, hot.parent, hot.row_count, hot.chunk_hashes) == (2, 1, 2, [])
    assert hot.schema == {"a": "INTEGER"} and hot.metadata is None
    large = parts.catalog.get_version("large")
    assert large.row_count == 30_000 and len(large.chunk_hashes) == 1
    assert parts.store.get_verified(large.chunk_hashes[0])[:4] == b"PAR1"
    assert parts.catalog.list_tables() == ["hot", "large"]
    parts.commit("hot", 3, b"bytes")
    assert parts.catalog.latest_version("hot") == 3


def test_the_highest_over_branches(parts):
    parts.commit("t", 1, b"one")
    parts.branches.create("dev")
    with arm.open(parts.root, branch="dev") as db:
        db.sql("UPDATE t SET bytes = 7")
    assert parts.catalog.latest_version("t") == 2
    assert parts.branches.get("main").head == {"t": 1}
    with pytest.raises(udr.VersionConflict):
        parts.commit("t", 2, b"two")
    parts.commit("t", 3, b"three")
    assert parts.branches.get("main").head == {"t": 3}


def test_chunks_that_are_no_rows_are_a_table_of_chunks(parts):
    hashes = parts.commit("t", 1, b"one", b"twos")
    with arm.open(parts.root) as db:
        rows = db.sql("SELECT * FROM t ORDER BY position").fetchall()
    assert rows == [(0, hashes[0], 3), (1, hashes[1], 4)]


COMMITTER = """
import sys, udr
catalog = udr.PyCatalog(sys.argv[1]); store = udr.PyChunkStore(sys.argv[1])
won = 0
for n in range(1, 31):
    try:
        catalog.commit(udr.PyTableVersion("t", n, [store.put(b"%s %d" % (sys.argv[2].encode(), n))]))
        won += 1
    except udr.VersionConflict:
        pass
print(won)
"""


def test_each_number_is_given_once(parts):
    """Two processes that count up together: none is lost, none comes twice."""
    others = [subprocess.Popen([sys.executable, "-c", COMMITTER, str(parts.root), name],
                               stdout=subprocess.PIPE, text=True) for name in "ab"]
    won = [int(other.communicate(timeout=300)[0]) for other in others]
    assert [other.returncode for other in others] == [0, 0]
    assert parts.catalog.list_versions("t") == list(range(1, sum(won) + 1))
    assert parts.catalog.latest_version("t") == sum(won) >= 30


# ---- Branches


def test_branches(parts):
    branches = parts.branches
    assert branches.default_branch == "main" and branches.default_branch() == "main"
    parts.commit("t", 1, b"one")
    made = branches.create("dev", description="to try")
    assert (made.name, made.head, made.parent_branch, made.description) == \
        ("dev", {"t": 1}, "main", "to try")
    assert abs(datetime.now(timezone.utc) - made.created_at) < timedelta(hours=1)
    assert branches.get("dev") == made and "dev" in repr(made)
    assert [branch.name for branch in branches.list()] == ["dev", "main"]
    assert branches.exists("dev") and not branches.exists("nobody")
    assert branches.create("dev2", from_branch="dev").parent_branch == "dev"
    assert branches.create("dev3", "dev", "text").description == "text"
    branches.delete("dev")
    assert not branches.exists("dev")
    with pytest.raises(udr.NotFound):
        branches.get("dev")
    with pytest.raises(udr.NotFound):
        branches.delete("dev")
    with pytest.raises(udr.NotFound):
        branches.create("x", "nobody")
    with pytest.raises(udr.Exists):
        branches.create("main")
    with pytest.raises(udr.InvalidName):
        branches.create("a..b")
    with pytest.raises(udr.Error):
        branches.delete("main")


def test_update_head(parts):
    parts.commit("t", 1, b"one")
    parts.branches.create("dev")
    parts.commit("t", 2, b"two")
    assert parts.branches.get_table_version("dev", "t") == 1
    parts.branches.update_head("dev", "t", 2)
    assert parts.branches.get_table_version("dev", "t") == 2
    parts.branches.update_head(branch="main", table="t", version=1)
    assert parts.branches.get("main").head == {"t": 1}
    assert parts.catalog.list_versions("t") == [1, 2]  # none was made
    assert parts.branches.get_table_version("main", "nobody") is None
    with pytest.raises(udr.NotFound):
        parts.branches.get_table_version("nobody", "t")
    for branch, table, version in (("nobody", "t", 1), ("main", "u", 1), ("main", "t", 3),
                                   ("main", "t", 0)):
        with pytest.raises(udr.NotFound):
            parts.branches.update_head(branch, table, version)
    parts.commit("t", 3, b"three")  # goes on from there
    assert parts.branches.get("main").head == {"t": 3}
    assert parts.transactions.verify_consistency()


def test_update_head_of_an_empty_branch(parts):
    parts.branches.create("dev")
    parts.commit("t", 1, b"one")
    assert parts.branches.get("dev").head == {}
    parts.branches.update_head("dev", "t", 1)
    assert parts.branches.get("dev").head == {"t": 1}
    with arm.open(parts.root, branch="dev") as db:
        assert len(db.table("t")) == 1 and db.verify(full=True)


def test_a_head_that_goes_back_to_another_table_of_the_name(parts):
    parts.commit("t", 1, b"one")
    with arm.open(parts.root) as db:
        db.sql("DROP TABLE t")
        db.sql("CREATE TABLE t (x INTEGER)")
        parts.branches.update_head("main", "t", 1)
        assert db.table("t").columns == ["position", "chunk_hash", "bytes"]
        parts.branches.update_head("main", "t", 2)
        assert db.table("t").columns == ["x"] and db.verify(full=True)


def test_a_head_that_is_given_up(parts):
    parts.commit("t", 1, b"one")
    parts.commit("t", 2, b"two")
    parts.gc(keep_days=0)
    with pytest.raises(udr.HistoryExpired):
        parts.branches.update_head("main", "t", 1)
    assert parts.branches.get("main").head == {"t": 2}


def test_history_goes_on_over_a_move(parts):
    """What came back is kept, what was left is given up; changes, reverts and rows follow."""
    with arm.open(parts.root) as db:
        db.write("t", {"a": [1, 2]})
        db.write("t", {"a": [2, 3]}, mode="replace")
        parts.branches.update_head("main", "t", 1)
        rows = {}
        for a, change, _, _ in db.row_changes("t", since=0).fetchall():
            rows[a] = rows.get(a, 0) + (1 if change in ("insert", "update_after") else -1)
        assert {a: n for a, n in rows.items() if n} == {1: 1, 2: 1}
        with db.transaction() as tx:
            parts.branches.update_head("main", "t", 2)
            assert tx.sql("SELECT min(a) FROM t").fetchone() == (1,)
        db.revert("main")
        assert sorted(db.sql("FROM t").fetchall()) == [(1,), (2,)]
        parts.branches.update_head("main", "t", 1)
        db.gc(keep_days=0, grace_seconds=0)
        assert sorted(db.sql("FROM t").fetchall()) == [(1,), (2,)] and db.verify(full=True)
    with pytest.raises(udr.HistoryExpired):
        parts.branches.update_head("main", "t", 2)
    assert parts.catalog.list_versions("t") == [1, 2, 3]


def test_diff_and_merge(parts):
    parts.commit("same", 1, b"one")
    parts.commit("theirs", 1, b"one")
    parts.branches.create("dev")
    parts.commit("ours_new", 1, b"one")
    parts.commit("theirs", 2, b"two")
    parts.branches.update_head("main", "theirs", 1)
    parts.branches.update_head("dev", "theirs", 2)
    parts.commit("new", 1, b"one")
    with arm.open(parts.root) as db:
        db.sql("DROP TABLE new")
    parts.branches.update_head("dev", "new", 1)
    diff = parts.branches.diff("dev", "main")
    assert (diff.unchanged, diff.modified) == (["same"], ["theirs"])
    assert (diff.added_in_source, diff.added_in_target) == (["new"], ["ours_new"])
    assert diff.conflicts == [] and not diff.has_conflicts and "theirs" in repr(diff)
    back = parts.branches.diff(source="main", target="dev")
    assert (back.added_in_source, back.added_in_target) == (["ours_new"], ["new"])
    parts.branches.merge("dev")
    assert parts.branches.get("main").head == {"same": 1, "theirs": 2, "new": 1, "ours_new": 1}
    parts.branches.merge("main", into="dev")
    assert parts.branches.diff("dev", "main").unchanged == ["new", "ours_new", "same", "theirs"]


def test_a_merge_that_conflicts(parts):
    parts.commit("t", 1, b"one")
    parts.commit("u", 1, b"one")
    parts.branches.create("dev")
    parts.commit("t", 2, b"two")
    parts.branches.update_head("dev", "t", 2)
    parts.branches.update_head("main", "t", 1)
    parts.commit("t", 3, b"three")
    diff = parts.branches.diff("dev", "main")
    assert (diff.modified, diff.conflicts, diff.unchanged) == (["t"], ["t"], ["u"])
    with pytest.raises(udr.MergeConflict) as caught:
        parts.branches.merge("dev", "main")
    assert caught.value.tables == ["t"]
    assert parts.branches.get("main").head == {"t": 3, "u": 1}
    with pytest.raises(udr.NotFound):
        parts.branches.merge("nobody")


def test_chunks_that_a_merge_put_together(parts):
    one, two = parts.commit("t", 1, b"one", b"two")
    parts.branches.create("dev")
    three = parts.store.put(b"three")
    parts.catalog.commit(udr.PyTableVersion("t", 2, [three, two]))
    parts.branches.update_head("dev", "t", 2)
    parts.branches.update_head("main", "t", 1)
    four = parts.store.put(b"four")
    parts.catalog.commit(udr.PyTableVersion("t", 3, [one, four]))
    parts.branches.merge("dev")
    assert parts.catalog.get_version("t").chunk_hashes == [three, four]


@pytest.mark.parametrize("wrong", [None, 7, b"x", [], object()])
def test_hostile_branches(parts, wrong):
    parts.commit("t", 1, b"one")
    b = parts.branches
    for call in (lambda: b.create(wrong), lambda: b.create("x", wrong), lambda: b.get(wrong),
                 lambda: b.exists(wrong), lambda: b.delete(wrong), lambda: b.diff(wrong, "main"),
                 lambda: b.diff("main", wrong), lambda: b.merge(wrong),
                 lambda: b.merge("main", wrong), lambda: b.update_head(wrong, "t", 1),
                 lambda: b.update_head("main", wrong, 1), lambda: b.get_table_version(wrong, "t"),
                 lambda: b.get_table_version("main", wrong)):
        with pytest.raises(udr.InvalidType):
            call()
    if wrong != 7:
        with pytest.raises(udr.InvalidType):
            b.update_head("main", "t", wrong)


# ---- Transactions


def test_a_transaction(parts):
    tm = parts.transactions
    parts.commit("a", 1, b"one")
    before = tm.latest_tx_id()
    handle = tm.begin()
    info = tm.get_transaction(handle)
    assert (info.handle, info.state, info.branch) == (handle, "active", "main")
    assert (info.read_set, info.write_set, info.tx_id) == ({}, {}, None)
    parts.commit("a", 2, b"two")
    parts.commit("b", 1, b"one")
    tm.record_read(handle, "a", 1)
    tm.record_write(handle, "a", 2)
    tm.record_write(handle=handle, table="b", version=1)
    info = tm.get_transaction(handle)
    assert (info.read_set, info.write_set) == ({"a": 1}, {"a": 2, "b": 1})
    tx = tm.commit(handle)
    assert tx > before and tx == tm.latest_tx_id()
    info = tm.get_transaction(handle)
    assert (info.state, info.tx_id) == ("committed", tx) and "committed" in repr(info)
    (entry,) = tm.get_changelog(since_tx_id=tx - 1)
    assert (entry.tx_id, entry.branch) == (tx, "main")
    assert sorted(entry.changed_tables()) == ["a", "b"]
    assert entry.contains_table("a") and not entry.contains_table("c")
    a, b = entry.get_change("a"), entry.get_change("b")
    assert (a.table_name, a.old_version, a.new_version, a.is_new_table()) == ("a", 1, 2, False)
    assert (b.old_version, b.new_version, b.is_new_table()) == (None, 1, True)
    assert entry.get_change("c") is None


def test_tables_move_together(parts):
    tm = parts.transactions
    for table in "ab":
        parts.commit(table, 1, b"one")
        parts.commit(table, 2, b"two")
    parts.branches.create("dev")
    handle = tm.begin("dev")
    tm.record_write(handle, "a", 1)
    tm.record_write(handle, "b", 1)
    commits = len(tm.get_changelog(branch="dev"))
    tm.commit(handle)
    assert parts.branches.get("dev").head == {"a": 1, "b": 1}
    assert parts.branches.get("main").head == {"a": 2, "b": 2}
    assert len(tm.get_changelog(branch="dev")) == commits + 1


def test_the_second_writer_of_a_table_conflicts(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    first, second, other = tm.begin(), tm.begin(), tm.begin()
    parts.commit("t", 2, b"two")
    parts.commit("t", 3, b"three")
    parts.commit("u", 1, b"one")
    tm.record_write(first, "t", 2)
    tm.record_write(second, "t", 3)
    tm.record_write(other, "u", 1)
    tm.commit(first)
    assert parts.branches.get("main").head["t"] == 2
    with pytest.raises(udr.TransactionConflict, match="table t"):
        tm.commit(second)
    assert tm.get_transaction(second).state == "aborted"
    assert parts.branches.get("main").head["t"] == 2
    tm.commit(other)  # of another table


def test_two_that_move_to_one_version(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    first, second = tm.begin(), tm.begin()
    tm.record_write(first, "t", 1)
    tm.record_write(second, "t", 1)
    tm.commit(first)
    with pytest.raises(udr.TransactionConflict):
        tm.commit(second)


def test_a_read_that_is_old_conflicts(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    parts.commit("t", 2, b"two")
    parts.commit("u", 1, b"one")
    handle = tm.begin()
    tm.record_read(handle, "t", 1)
    tm.record_write(handle, "u", 1)
    with pytest.raises(udr.TransactionConflict, match="version 1"):
        tm.commit(handle)
    handle = tm.begin()
    tm.record_read(handle, "t", 2)
    tm.record_write(handle, "u", 1)
    other = tm.begin()
    tm.record_write(other, "t", 1)
    tm.commit(other)
    with pytest.raises(udr.TransactionConflict):
        tm.commit(handle)


def test_sql_conflicts_with_a_transaction(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    writes, reads, apart = tm.begin(), tm.begin(), tm.begin()
    tm.record_write(writes, "t", 1)
    tm.record_read(reads, "t", 1)
    parts.commit("u", 1, b"one")
    tm.record_write(apart, "u", 1)
    with arm.open(parts.root) as db:
        db.sql("UPDATE t SET bytes = 7")
    for handle in (writes, reads):
        with pytest.raises(udr.TransactionConflict):
            tm.commit(handle)
    tm.commit(apart)


def test_a_transaction_that_only_reads(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    handle = tm.begin()
    tm.record_read(handle, "t", 1)
    assert tm.commit(handle) == tm.latest_tx_id()
    assert tm.commit(tm.begin()) == tm.latest_tx_id()


def test_abort(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    parts.commit("t", 2, b"two")
    handle = tm.begin()
    tm.record_write(handle, "t", 1)
    tm.abort(handle)
    assert tm.get_transaction(handle).state == "aborted"
    assert parts.branches.get("main").head == {"t": 2}
    for call in (lambda: tm.commit(handle), lambda: tm.abort(handle),
                 lambda: tm.record_read(handle, "t", 1), lambda: tm.record_write(handle, "t", 1)):
        with pytest.raises(udr.InvalidArgument):
            call()


def test_what_nobody_committed(parts):
    tm = parts.transactions
    parts.commit("t", 1, b"one")
    for table, version in (("t", 2), ("u", 1)):
        handle = tm.begin()
        tm.record_write(handle, "t", 1)
        tm.record_write(handle, table, version)
        with pytest.raises(udr.NotFound):
            tm.commit(handle)
        assert tm.get_transaction(handle).state == "aborted"
    with pytest.raises(udr.NotFound):
        tm.begin("nobody")
    for call in (tm.commit, tm.abort, tm.get_transaction):
        with pytest.raises(udr.NotFound):
            call(10**9)


@pytest.mark.parametrize("wrong", [None, "1", 1.5, b"x", [], object(), True])
def test_hostile_transactions(parts, wrong):
    tm = parts.transactions
    handle = tm.begin()
    for call in (lambda: tm.commit(wrong), lambda: tm.abort(wrong),
                 lambda: tm.get_transaction(wrong), lambda: tm.record_read(wrong, "t", 1),
                 lambda: tm.record_write(handle, "t", wrong),
                 lambda: tm.get_changelog(since_tx_id=wrong) if wrong is not None else
                 tm.commit(wrong)):
        with pytest.raises(udr.InvalidType):
            call()
    if wrong is not None:
        with pytest.raises(udr.InvalidType):
            tm.get_changelog(since_time=wrong)
    if not isinstance(wrong, str):
        for call in (lambda: tm.begin(wrong), lambda: tm.record_read(handle, wrong, 1)):
            with pytest.raises(udr.InvalidType):
                call()
    with pytest.raises(udr.InvalidType):
        udr.PyTransactionManager(parts.root, parts.root, parts.root,
                                 epoch_config=wrong or "wrong")


def test_threads_count_in_transactions(parts):
    """Each moves a counter table on by one, and begins again when another was first."""
    tm = parts.transactions
    parts.commit("n", 1, b"")
    for version in range(2, 22):
        parts.commit("n", version, b"%d" % version)
    parts.branches.update_head("main", "n", 1)
    failures, conflicts = [], []

    def work():
        done = 0
        try:
            while done < 5:
                handle = tm.begin()
                at = parts.branches.get_table_version("main", "n")
                tm.record_read(handle, "n", at)
                tm.record_write(handle, "n", at + 1)
                try:
                    tm.commit(handle)
                    done += 1
                except udr.TransactionConflict:
                    conflicts.append(handle)
        except BaseException as error:  # told below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert parts.branches.get_table_version("main", "n") == 21


def test_the_changelog(parts):
    tm = parts.transactions
    assert tm.get_changelog() == []
    parts.commit("a", 1, b"one")
    first = tm.latest_tx_id()
    parts.branches.create("dev")
    parts.commit("b", 1, b"one")
    then = tm.get_changelog()[-1].timestamp
    parts.branches.update_head("dev", "b", 1)
    everything = tm.get_changelog()
    assert [entry.branch for entry in everything] == ["main", "main", "dev"]
    assert [entry.tx_id for entry in everything] == sorted(entry.tx_id for entry in everything)
    assert [entry.changed_tables() for entry in tm.get_changelog(first)] == [["b"], ["b"]]
    assert [entry.branch for entry in tm.get_changelog(branch="dev")] == ["dev"]
    assert [entry.changed_tables() for entry in tm.get_changelog(tables=["a"])] == [["a"]]
    assert [entry.branch for entry in tm.get_changelog(since_time=then)] == ["dev"]
    assert everything[0].timestamp.tzinfo is not None and "tx_id" in repr(everything[0])
    assert everything[0] == tm.get_changelog()[0] != everything[1]


def test_recovery(parts):
    tm = udr.PyTransactionManager(str(parts.root), str(parts.root), str(parts.root), True)
    for report in (tm.recover(), tm.recover_and_apply()):
        assert report.is_clean is True and report.rolled_back == 0 and "is_clean" in repr(report)
    assert tm.verify_consistency().is_healthy


@pytest.mark.parametrize("name", ["single_node", "high_throughput", "low_latency"])
def test_epochs(tmp_path, name):
    config = getattr(udr.PyEpochConfig, name)()
    assert config == getattr(udr.PyEpochConfig, name)() and name in repr(config)
    tm = udr.PyTransactionManager(tmp_path / "r" / "transactions", tmp_path / "r" / "catalog",
                                  tmp_path / "r" / "branches", epoch_config=config)
    udr.PyCatalog(tmp_path / "r").commit(udr.PyTableVersion("t", 1, []))
    handle = tm.begin()
    tm.record_write(handle, "t", 1)
    assert tm.commit(handle) == tm.latest_tx_id()


def test_exceptions_are_those_of_armillaria():
    for name in ("NotFound", "Exists", "HashMismatch", "InvalidHash", "InvalidName",
                 "VersionConflict", "TransactionConflict", "MergeConflict", "ConstraintError",
                 "SchemaError", "SqlError", "Corruption", "ReadOnly", "Closed", "Busy", "Forked",
                 "Full", "Interrupted", "HistoryExpired", "CommitUnknown", "Unsupported", "Error"):
        assert getattr(udr, name) is getattr(arm, name)
        assert name in udr.__all__


def test_everything_is_described():
    for name in udr.__all__:
        assert name == "__version__" or getattr(udr, name).__doc__
