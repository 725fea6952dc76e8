# SPDX-License-Identifier: Apache-2.0
"""A full disk, through every door of the package that writes: `Full` (or what a door calls it),
nothing lost, nothing done by half, and the same call does it once there is room.

On a file system of its own in memory; without the right to mount one it is skipped."""

import pathlib
import subprocess

import armillaria as arm
import armillaria.adbc
import armillaria.dbapi
import pyarrow as pa
import pytest
import udr
import udr_query
from adbc_driver_manager import OperationalError

ROOM_KB = 12_000
STEP_KB = 96


@pytest.fixture(name="disk")
def fixture_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM_KB}k", "tmpfs", folder],
                      capture_output=True).returncode != 0:
        pytest.skip("file systems may not be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


class Filler:
    """A file that takes the room; so much of it may be left."""

    def __init__(self, folder: pathlib.Path):
        self.path = folder / "filler"

    def leave(self, room_kb):
        with self.path.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            size = self.path.stat().st_size // 4096 * 4096
            file.truncate(max(size - room_kb * 1024, 0))

    def remove(self):
        self.path.unlink(missing_ok=True)


#: As many rows as do not fit what is left at first, and different ones each time.
def rows(n, count=60_000):
    return pa.table({"i": pa.array(range(n * count, (n + 1) * count), pa.int64()),
                     "v": pa.array([(i * 2654435761 + n) % 2**31 for i in range(count)],
                                   pa.int64())})


def by_write(path, n):
    with arm.open(path) as db:
        db.write("t", rows(n), mode="append")


def by_transaction(path, n):
    with arm.open(path) as db, db.transaction() as tx:
        tx.write("t", rows(n), mode="append")
        tx.sql("DELETE FROM small WHERE false")


def by_dbapi(path, n):
    with armillaria.dbapi.connect(path) as connection:
        connection.cursor().execute(
            "INSERT INTO t SELECT range, hash(range) % 1000000007 FROM range(?, ?)",
            [n * 60_000, (n + 1) * 60_000])
        connection.commit()


def by_adbc(path, n):
    with armillaria.adbc.connect(path) as connection:
        connection.cursor().adbc_ingest("t", rows(n), mode="append")
        connection.commit()


def by_udr_query(path, n):
    udr_query.TableWriter(udr.PyChunkStore(path), udr.PyCatalog(path)).write("t", rows(n))


WAYS = {"write": by_write, "transaction": by_transaction, "dbapi": by_dbapi, "adbc": by_adbc,
        "udr_query": by_udr_query}


@pytest.mark.parametrize("way", WAYS)
def test_a_write_that_finds_no_room(disk, way):
    path = str(disk / "repo")
    filler = Filler(disk)
    refused = 0
    with arm.open(path, create=True) as db:
        db.write("t", rows(0))
        db.sql("CREATE TABLE small (i BIGINT)")
    for n, room_kb in enumerate(range(0, ROOM_KB, STEP_KB), start=1):
        with arm.open(path) as db:
            before = db.sql("SELECT count(*), sum(v) FROM t").fetchone()
            version = db.tables().df().set_index("table")["version"]["t"]
        filler.leave(room_kb)
        try:
            WAYS[way](path, n)
        except (arm.Full, armillaria.dbapi.OperationalError, OperationalError) as error:
            assert "space" in str(error), error
            assert str(disk) in str(error), error
        else:
            break
        finally:
            filler.remove()
        refused += 1
        with arm.open(path) as db:
            assert db.sql("SELECT count(*), sum(v) FROM t").fetchone() == before, room_kb
            assert db.tables().df().set_index("table")["version"]["t"] == version
    else:
        pytest.fail("it was never done")
    assert refused > 0, "it needs no room at all"
    with arm.open(path) as db:
        count = db.sql("SELECT count(*) FROM t").fetchone()[0]
        assert count == (60_000 if way == "udr_query" else before[0] + 60_000)
        assert db.verify(full=True)
        assert len(db.versions("t")) == version + 1


def test_chunks_of_udr_that_find_no_room(disk):
    path = str(disk / "repo")
    store = udr.PyChunkStore(path)
    first = store.put(b"one")
    filler = Filler(disk)
    filler.leave(0)
    big = bytes(range(256)) * 2000
    with pytest.raises(arm.Full, match="space"):
        store.put(big)
    assert store.list() == [first]
    filler.remove()
    assert store.get_verified(store.put(big)) == big
    with arm.open(path) as db:
        assert db.verify(full=True)


def test_a_handle_goes_on_when_there_is_room_again(disk):
    filler = Filler(disk)
    with arm.open(str(disk / "repo"), create=True) as db:
        db.write("t", rows(0))
        with db.subscribe(tables=["t"]) as feed, db.cursor() as other:
            filler.leave(0)
            for _ in range(5):
                with pytest.raises(arm.Full):
                    db.write("t", rows(1), mode="append")
                with pytest.raises(arm.Full), other.transaction() as tx:
                    tx.write("t", rows(1), mode="append")
            assert db.sql("SELECT count(*) FROM t").fetchone() == (60_000,)
            assert feed.poll() == []
            filler.remove()
            db.write("t", rows(1), mode="append")
            assert len(feed.poll()) == 1
            assert other.sql("SELECT count(*) FROM t").fetchone() == (120_000,)
            assert db.verify(full=True)
