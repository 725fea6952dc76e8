# SPDX-License-Identifier: Apache-2.0
"""The first interface's data frames and SQL, line by line."""

import subprocess
import sys
import threading

import armillaria as arm
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import udr
import udr_query


class Desk:
    """Everything of one repository."""

    def __init__(self, root):
        self.root = root
        self.store = udr.PyChunkStore(root / "chunks")
        self.catalog = udr.PyCatalog(root / "catalog")
        self.branches = udr.PyBranchManager(root / "branches")
        self.transactions = udr.PyTransactionManager(root / "transactions", root / "catalog",
                                                     root / "branches")
        self.writer = udr_query.TableWriter(self.store, self.catalog)
        self.reader = udr_query.TableReader(self.store, self.catalog)
        self.engine = udr_query.QueryEngine(self.store, self.catalog, self.branches,
                                            self.transactions)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "data")


@pytest.fixture
def users():
    return pd.DataFrame({"id": [1, 2, 3], "name": ["ann", "bob", None]})


def of(frame):
    return sorted(frame.itertuples(index=False, name=None), key=repr)


# ---- Writer and reader


def test_write_and_read(desk, users):
    version = desk.writer.write("users", users)
    assert isinstance(version, udr.PyTableVersion)
    assert (version.table_name, version.version, version.parent) == ("users", 1, None)
    assert version.row_count == 3 and version.schema == {"id": "BIGINT", "name": "VARCHAR"}
    assert len(version.chunk_hashes) == 1 and version.metadata is None
    assert desk.store.get_verified(version.chunk_hashes[0])[:4] == b"PAR1"
    assert desk.catalog.get_version("users") == version
    for frame in (desk.reader.read("users"), desk.reader.read_pandas(table="users", version=1)):
        assert isinstance(frame, pd.DataFrame)
        pd.testing.assert_frame_equal(frame, users)
    table = desk.reader.read_arrow("users", columns=["name"])
    assert isinstance(table, pa.Table) and table.column_names == ["name"]
    assert list(desk.reader.read("users", columns=["name", "id"]).columns) == ["name", "id"]
    assert desk.branches.get("main").head == {"users": 1}


def test_each_write_is_a_version(desk, users):
    first = desk.writer.write("users", users)
    second = desk.writer.write(table="users", data=users, metadata={"run": 2})
    assert second.version == 2 and second.parent == 1
    assert second.chunk_hashes == first.chunk_hashes  # stored once
    assert desk.catalog.get_version("users", 2).metadata == {"run": 2}
    assert len(desk.store.list()) == 1
    desk.writer.write("users", users.head(1))
    assert len(desk.reader.read("users")) == 1 and len(desk.reader.read("users", 1)) == 3


@pytest.mark.parametrize("rows, chunk_rows, sizes", [
    (10, 3, [3, 3, 3, 1]), (10, 10, [10]), (10, 100, [10]), (10, 1, [1] * 10), (0, 5, []),
    (5000, 2048, [2048, 2048, 904]), (5000, 4999, [4999, 1]), (10, None, [10]), (0, None, []),
])
def test_chunks_have_so_many_rows(desk, rows, chunk_rows, sizes):
    frame = pd.DataFrame({"n": pd.Series(range(rows), dtype="int64")})
    version = desk.writer.write("t", frame, chunk_rows=chunk_rows)
    found = [pa.parquet.read_table(pa.BufferReader(desk.store.get(chunk))).num_rows
             for chunk in version.chunk_hashes]
    assert found == sizes
    assert desk.reader.read("t")["n"].tolist() == list(range(rows))


def test_rows_that_stood_in_the_log_get_chunks(desk, users):
    with arm.open(desk.root) as db:
        db.write("users", users)
    version = desk.writer.write("users", users)
    assert version.version == 2 and len(version.chunk_hashes) == 1
    pd.testing.assert_frame_equal(desk.reader.read("users"), users)


@pytest.mark.parametrize("data", [
    {"a": [1, 2]}, [{"a": 1}, {"a": 2}], pl.DataFrame({"a": [1, 2]}), pa.table({"a": [1, 2]}),
    pa.table({"a": [1, 2]}).to_reader(), pd.DataFrame({"a": [1, 2]}),
], ids=lambda data: type(data).__name__)
def test_any_data(desk, data):
    desk.writer.write("t", data)
    assert desk.reader.read("t")["a"].tolist() == [1, 2]


def test_chunks_alone(desk, users):
    hashes = desk.writer.write_chunks_only(users)
    assert len(hashes) == 1 and desk.catalog.list_tables() == []
    assert desk.writer.write_chunks_only(users) == hashes
    desk.catalog.commit(udr.PyTableVersion("users", 1, hashes, row_count=3))
    pd.testing.assert_frame_equal(desk.reader.read("users"), users)
    assert desk.engine.query("SELECT count(*) AS n FROM users", format="dict") == [{"n": 3}]
    more = desk.writer.write_chunks_only(users.assign(id=[4, 5, 6]))
    desk.catalog.commit(udr.PyTableVersion("users", 2, hashes + more))
    assert desk.reader.read("users")["id"].tolist() == [1, 2, 3, 4, 5, 6]
    assert desk.reader.read("users", version=1)["id"].tolist() == [1, 2, 3]
    assert desk.catalog.get_version("users").chunk_hashes == hashes + more
    with pytest.raises(udr.InvalidArgument):
        desk.store.delete(hashes[0])
    large = pd.DataFrame({"n": range(130_000)})
    hashes = desk.writer.write_chunks_only(large)
    assert len(hashes) == 2
    desk.catalog.commit(udr.PyTableVersion("large", 1, hashes))
    assert desk.reader.read("large")["n"].tolist() == list(range(130_000))


def test_chunks_of_two_schemas_are_a_table_of_chunks(desk, users):
    hashes = [desk.writer.write_chunks_only(users)[0],
              desk.writer.write_chunks_only({"other": [1.5]})[0]]
    desk.catalog.commit(udr.PyTableVersion("mixed", 1, hashes))
    assert desk.reader.read("mixed")["chunk_hash"].tolist() == hashes
    damaged = desk.store.put(b"PAR1 this is no Parquet PAR1")
    desk.catalog.commit(udr.PyTableVersion("mixed", 2, [damaged]))
    assert desk.reader.read("mixed")["chunk_hash"].tolist() == [damaged]


def test_a_path_that_looks_like_a_pattern(tmp_path, users):
    desk = Desk(tmp_path / "a[b]*'c")
    desk.catalog.commit(udr.PyTableVersion("users", 1, desk.writer.write_chunks_only(users)))
    pd.testing.assert_frame_equal(desk.reader.read("users"), users)


def test_a_version_survives_compaction(desk, users):
    desk.writer.write("users", users, chunk_rows=1)
    with arm.open(desk.root) as db:
        db.compact()
        db.gc(grace_seconds=0)
        assert db.verify(full=True)
    version = desk.catalog.get_version("users", 1)
    assert version.version == 1 and version.row_count == 3
    assert all(desk.store.exists(chunk) for chunk in version.chunk_hashes)
    pd.testing.assert_frame_equal(desk.reader.read("users", 1), users)


def test_a_chunk_that_compaction_left_may_go(desk, users):
    old = desk.writer.write("users", users, chunk_rows=1).chunk_hashes
    with arm.open(desk.root) as db:
        db.compact()
    new = desk.catalog.get_version("users", 1).chunk_hashes
    assert not set(old) & set(new)
    for chunk in new:
        with pytest.raises(udr.InvalidArgument):
            desk.store.delete(chunk)
    for chunk in old:
        desk.store.delete(chunk)
    assert desk.engine.verify_integrity() == {"is_healthy": True, "issues": []}
    pd.testing.assert_frame_equal(desk.reader.read("users"), users)


def test_the_reader_reads_main(desk, users):
    desk.writer.write("users", users)
    desk.branches.create("dev")
    desk.engine.checkout("dev")
    desk.engine.write_table("users", users.head(1))
    desk.engine.write_table("fresh", {"a": [1]})
    assert len(desk.reader.read("users")) == 3 and len(desk.reader.read("users", 2)) == 1
    assert len(desk.reader.read("fresh")) == 1  # which main has not
    with pytest.raises(udr.NotFound):
        desk.reader.read("nobody")
    with pytest.raises(udr.NotFound):
        desk.reader.read("users", 9)
    with pytest.raises(udr.Error):
        desk.reader.read("users", columns=["nobody"])


def test_two_repositories_are_not_mixed(desk, tmp_path):
    other = udr.PyCatalog(tmp_path / "other" / "catalog")
    for kind in (udr_query.TableWriter, udr_query.TableReader, udr_query.QueryEngine):
        with pytest.raises(udr.InvalidArgument, match="other"):
            kind(desk.store, other)
    with pytest.raises(udr.InvalidArgument):
        udr_query.QueryEngine(desk.store, desk.catalog,
                              branch_manager=udr.PyBranchManager(tmp_path / "other"))


@pytest.mark.parametrize("wrong", [None, 7, "x", b"x", [], object()])
def test_hostile_values(desk, users, wrong):
    for kind in (udr_query.TableWriter, udr_query.TableReader, udr_query.QueryEngine):
        with pytest.raises(udr.InvalidType):
            kind(wrong, desk.catalog)
        with pytest.raises(udr.InvalidType):
            kind(desk.store, wrong)
    desk.writer.write("users", users)
    calls = [lambda: desk.writer.write("t", wrong), lambda: desk.writer.write_chunks_only(wrong),
             lambda: desk.engine.query("SELECT 1", format=wrong),
             lambda: desk.engine.query("SELECT 1", versions=wrong or "x"),
             lambda: desk.engine.diff_versions("users", wrong, 1)]
    if wrong != 7:
        calls += [lambda: desk.writer.write("t", users, chunk_rows=wrong or "x"),
                  lambda: desk.engine.subscribe(since_tx_id=wrong or "x")]
    if wrong != "x":
        calls += [lambda: desk.writer.write(wrong, users), lambda: desk.reader.read(wrong),
                  lambda: desk.engine.query(wrong), lambda: desk.engine.checkout(wrong),
                  lambda: desk.engine.write_table(wrong, users)]
    for call in calls:
        with pytest.raises(udr.Error):
            call()
    for rows in (0, -1, 2**40, 1.5, True):
        with pytest.raises(udr.Error):
            desk.writer.write("t", users, chunk_rows=rows)
    assert desk.catalog.list_tables() == ["users"]


def test_threads_share_a_writer(desk):
    failures = []

    def work(number):
        try:
            for n in range(5):
                desk.writer.write("shared", {"n": [number, n]})
                desk.writer.write(f"own_{number}", {"n": [n]})
                assert desk.reader.read(f"own_{number}")["n"].tolist() == [n]
        except BaseException as error:  # told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert desk.catalog.list_versions("shared") == list(range(1, 21))


# ---- The engine


def test_query(desk, users):
    engine = desk.engine
    engine.write_table("users", users)
    frame = engine.query("SELECT * FROM users WHERE id > 1 ORDER BY id")
    assert isinstance(frame, pd.DataFrame) and frame["id"].tolist() == [2, 3]
    assert isinstance(engine.query("SELECT 1 AS a", format="arrow"), pa.Table)
    assert engine.query("SELECT id FROM users ORDER BY id", format="dict") == \
        [{"id": 1}, {"id": 2}, {"id": 3}]
    engine.query("UPDATE users SET name = 'eve' WHERE id = 3")
    assert engine.query("SELECT name FROM users WHERE id = 3", format="dict") == [{"name": "eve"}]
    assert engine.query("SELECT name FROM users WHERE id = 3", {"users": 1}, format="dict") == \
        [{"name": None}]
    assert engine.query("SELECT sum(id) AS s FROM users", versions={"users": 2},
                        branch="main", format="dict") == [{"s": 6}]
    extra = pd.DataFrame({"id": [3], "city": ["Rome"]})
    assert extra.shape == (1, 2)
    assert engine.query("SELECT city FROM users JOIN extra USING (id)", format="dict") == \
        [{"city": "Rome"}]
    with pytest.raises(udr.SqlError):
        engine.query("SELEC 1")
    with pytest.raises(udr.InvalidArgument):
        engine.query("SELECT 1", format="csv")


def test_without_managers_it_works_on_main(desk, users):
    engine = udr_query.QueryEngine(desk.store, desk.catalog)
    assert engine.current_branch == "main" and engine.current_branch() == "main"
    assert engine.write_table("users", users).version == 1
    assert len(engine.query("FROM users")) == 3
    assert desk.branches.get("main").head == {"users": 1}


def test_another_schema(desk, users):
    desk.engine.write_table("users", users)
    version = desk.engine.write_table("users", pd.DataFrame({"x": [1.5]}))
    assert version.version == 2 and version.schema == {"x": "DOUBLE"}
    assert desk.engine.query("FROM users", format="dict") == [{"x": 1.5}]


def test_branches(desk, users):
    engine = desk.engine
    engine.write_table("users", users)
    desk.branches.create("dev")
    engine.checkout("dev")
    assert engine.current_branch == "dev" and "dev" in repr(engine)
    engine.write_table("users", users.head(1))
    assert len(engine.query("FROM users")) == 1
    assert len(engine.query("FROM users", branch="main")) == 3
    engine.checkout("main")
    assert len(engine.query("FROM users")) == 3
    assert len(engine.query("FROM users", branch="dev")) == 1
    with pytest.raises(udr.NotFound):
        engine.checkout("nobody")
    with pytest.raises(udr.NotFound):
        engine.query("SELECT 1", branch="nobody")
    desk.branches.merge("dev")
    assert len(engine.query("FROM users")) == 1


def test_the_environment_chooses_no_branch(desk, users, monkeypatch):
    desk.branches.create("dev")
    monkeypatch.setenv("ARMILLARIA_BRANCH", "dev")
    again = Desk(desk.root)
    again.writer.write("users", users)
    assert desk.branches.get("main").head == {"users": 1}
    assert again.engine.current_branch == "main"


def test_differences_without_a_key(desk):
    desk.writer.write("t", {"a": [1, 2, 2, 3]})
    desk.writer.write("t", {"a": [2, 3, 4, 4]})
    diff = desk.engine.diff_versions("t", 1, 2)
    assert of(diff["added"]) == [(4,), (4,)] and of(diff["removed"]) == [(1,), (2,)]
    assert len(diff["changed"]) == 0 and list(diff["changed"].columns) == ["a"]
    assert (diff["added_count"], diff["removed_count"], diff["changed_count"]) == (2, 2, 0)
    back = desk.engine.diff_versions(table="t", a=2, b=1)
    assert (back["added_count"], back["removed_count"]) == (2, 2)
    same = desk.engine.diff_versions("t", 1, 1)
    assert (same["added_count"], same["removed_count"], same["changed_count"]) == (0, 0, 0)


def test_differences_by_key(desk):
    with arm.open(desk.root) as db:
        db.write("t", {"id": [1, 2, 3], "v": ["a", "b", "c"]}, key=["id"])
        db.sql("UPDATE t SET v = 'B' WHERE id = 2")
        db.sql("DELETE FROM t WHERE id = 1")
        db.sql("INSERT INTO t VALUES (4, 'd')")
    diff = desk.engine.diff_versions("t", 1, 4)
    assert of(diff["added"]) == [(4, "d")] and of(diff["removed"]) == [(1, "a")]
    assert of(diff["changed"]) == [(2, "B")]
    assert (diff["added_count"], diff["removed_count"], diff["changed_count"]) == (1, 1, 1)
    with pytest.raises(udr.NotFound):
        desk.engine.diff_versions("t", 1, 9)


def test_differences_of_two_schemas(desk):
    desk.writer.write("t", {"a": [1]})
    desk.writer.write("t", {"b": ["x", "y"]})
    diff = desk.engine.diff_versions("t", 1, 2)
    assert diff["added_count"] + diff["changed_count"] == 2


def test_a_transaction(desk, users):
    engine = desk.engine
    engine.write_table("users", users)
    with engine.transaction() as tx:
        tx.query("DELETE FROM users WHERE id = 1")
        tx.write_table("audit", {"what": ["deleted"]})
        assert tx.query("SELECT count(*) AS n FROM users", format="dict") == [{"n": 2}]
        assert len(engine.query("FROM users")) == 3  # outside of it
        with pytest.raises(udr.SqlError):
            engine.query("FROM audit")
    assert tx.tx_id == engine.latest_tx_id()
    assert len(engine.query("FROM users")) == 2 and len(engine.query("FROM audit")) == 1
    (change,) = engine.get_changes(since_tx_id=tx.tx_id - 1)
    assert sorted(one["table_name"] for one in change["changes"]) == ["audit", "users"]


def test_a_transaction_that_raises_or_conflicts(desk, users):
    engine = desk.engine
    engine.write_table("users", users)
    with pytest.raises(ZeroDivisionError), engine.transaction() as tx:
        tx.write_table("users", users.head(1))
        raise ZeroDivisionError
    assert len(engine.query("FROM users")) == 3 and tx.tx_id is None
    with pytest.raises(udr.TransactionConflict), engine.transaction(branch="main") as tx:
        tx.query("UPDATE users SET name = 'x'")
        engine.query("UPDATE users SET name = 'y'")
    assert set(engine.query("FROM users")["name"]) == {"y"}
    desk.branches.create("dev")
    with engine.transaction("dev") as tx:
        tx.query("DELETE FROM users")
    assert len(engine.query("FROM users")) == 3 and len(engine.query("FROM users", branch="dev")) == 0


def test_the_writer_and_the_transaction_manager(desk, users):
    tm = desk.transactions
    desk.writer.write("users", users)
    handle = tm.begin()
    version = desk.writer.write("users", users.head(2))
    tm.record_read(handle, "users", 1)
    tm.record_write(handle, "users", version.version)
    tm.commit(handle)
    handle = tm.begin()
    desk.engine.write_table("users", users.head(1))
    tm.record_write(handle, "users", 2)
    with pytest.raises(udr.TransactionConflict):
        tm.commit(handle)


def test_changes(desk, users):
    engine = desk.engine
    engine.write_table("users", users)
    first = engine.latest_tx_id()
    engine.write_table("other", users)
    changes = engine.get_changes()
    assert [change["changes"] for change in changes] == [
        [{"table_name": "users", "old_version": None, "new_version": 1}],
        [{"table_name": "other", "old_version": None, "new_version": 1}]]
    assert [change["branch"] for change in changes] == ["main", "main"]
    assert changes[1]["tx_id"] == engine.latest_tx_id() > first
    assert [change["tx_id"] for change in engine.get_changes(first)] == [changes[1]["tx_id"]]
    assert len(engine.get_changes(tables=["users"])) == 1
    assert engine.get_changes(branch="main") == changes


# ---- Subscribers


def test_poll(desk, users):
    engine = desk.engine
    engine.write_table("before", users)
    subscriber = engine.subscribe()
    assert isinstance(subscriber, udr_query.Subscriber) and subscriber.poll() == []
    engine.write_table("users", users)
    desk.branches.create("dev")
    engine.query("DELETE FROM users", branch="dev")
    first, second = subscriber.poll(timeout=60)
    assert (first.table_name, first.old_version, first.new_version) == ("users", None, 1)
    assert (first.branch, second.branch) == ("main", "dev") and first.tx_id < second.tx_id
    assert second.old_version == 1 and second.new_version == 2
    assert first.timestamp.tzinfo is not None and "users" in repr(first)
    assert subscriber.poll() == []
    subscriber.stop()
    assert [event.table_name for event in engine.subscribe(since_tx_id=0).poll()] == \
        ["before", "users", "users"]
    assert [event.branch for event in engine.subscribe(["users"], "dev", 0).poll()] == ["dev"]


def test_iteration_and_a_callback(desk, users):
    subscriber = desk.engine.subscribe(tables=["users"], since_tx_id=0)
    for _ in range(3):
        desk.engine.write_table("users", users)
        desk.engine.write_table("other", users)
    seen = []
    for event in subscriber:
        seen.append(event.new_version)
        if event.new_version == 3:
            break
    assert seen == [1, 2, 3]
    subscriber.stop()
    assert list(subscriber) == []
    again, told = desk.engine.subscribe("users", since_tx_id=0), []

    def tell(event):
        told.append(event.new_version)
        if event.new_version == 3:
            again.stop()

    again.subscribe(tell)
    assert told == [1, 2, 3]


def test_in_the_background(desk, users):
    told, heard = [], threading.Event()

    def tell(event):
        told.append(event)
        if event.new_version == 2:
            heard.set()

    with desk.engine.subscribe(["users"]) as subscriber:
        subscriber.start_background(tell)
        desk.engine.write_table("users", users)
        done = subprocess.run(
            [sys.executable, "-c", "import sys, udr, udr_query\n"
             "store, catalog = udr.PyChunkStore(sys.argv[1]), udr.PyCatalog(sys.argv[1])\n"
             "udr_query.TableWriter(store, catalog).write('users', {'id': [1]})", str(desk.root)],
            capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert heard.wait(60) and subscriber.is_running
    assert [event.new_version for event in told] == [1, 2]
    assert not subscriber.is_running
    with pytest.raises(udr.InvalidType):
        desk.engine.subscribe().start_background("tell")


def test_integrity(desk, users):
    assert desk.engine.verify_integrity() == {"is_healthy": True, "issues": []}
    assert desk.engine.recover() == {"is_clean": True, "rolled_back": 0}
    (chunk,) = desk.writer.write("users", users).chunk_hashes
    file = desk.root / "chunks" / chunk[:2] / chunk[2:4] / chunk
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    told = desk.engine.verify_integrity()
    assert told["is_healthy"] is False and [issue["object"] for issue in told["issues"]] == [chunk]
    with pytest.raises(udr.HashMismatch):
        desk.store.get_verified(chunk)


def test_everything_is_described():
    for name in udr_query.__all__:
        kind = getattr(udr_query, name)
        assert kind.__doc__
        for member, value in vars(kind).items():
            assert member.startswith("_") or not callable(value) or value.__doc__, (name, member)
