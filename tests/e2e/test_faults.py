# SPDX-License-Identifier: Apache-2.0
"""What the machine refuses: syncs, descriptors, permissions, room, the time; and a repository that
is moved, copied, replaced or removed under a process that has it open. Each time there is a
message that says where, nothing acknowledged is lost, and all is well when the cause is gone."""

import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from arm import BIN, BUILD, PRELOADED, TRACED, Repo, Result, environment, need, run
from held import Held

NOBODY = 65534
CAMPAIGN = bool(os.environ.get("ARM_FAULTS_ALL"))  # every n, not a sample


@pytest.fixture(name="original", scope="module")
def fixture_original(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("faults") / "repo")
    repo.sql("CREATE TABLE t AS SELECT range AS i FROM range(11000)")
    repo.sql("CREATE TABLE h (a INTEGER)")
    repo.sql("INSERT INTO h VALUES (1)")
    repo.sql("CREATE TABLE k (i BIGINT PRIMARY KEY)")
    repo.sql("INSERT INTO k SELECT range * 2 FROM range(11000)")
    repo.sql("INSERT INTO k VALUES (-1)")
    repo.csv = repo.path.parent / "x.csv"
    repo.csv.write_text("i\n" + "".join(f"{i}\n" for i in range(20_000)), encoding="utf-8")
    return repo


def copy_of(original, path):
    shutil.copytree(original.path, path)
    repo = Repo(path, make=False)
    repo.csv = original.csv
    repo.run("tables")  # its index is clean, as that of a repository in use
    return repo


@pytest.fixture(name="copy")
def fixture_copy(original, tmp_path):
    return copy_of(original, tmp_path / "copy")


def healthy(repo, h=None):
    """Nothing is damaged, the first rows are there, and one can write."""
    assert repo.run("verify", "--full").status == 0
    assert repo.value("SELECT sum(i) FROM t AT (VERSION => 1)") == sum(range(11_000))
    count = repo.value("SELECT count(*) FROM h")
    assert h is None or count == h
    repo.sql("INSERT INTO h VALUES (77)")
    assert repo.value("SELECT count(*) FROM h") == count + 1


CHANGES = {
    "sql": ["sql", "-c", "INSERT INTO h VALUES (2)"],
    "chunk": ["sql", "-c", "INSERT INTO t SELECT -range FROM range(12000)"],
    "import": ["import", "u"],
}
KEYED = {  # these write and read key runs
    "keyed import": ["import", "u", "--key", "i"],
    "upsert": ["import", "k", "--key", "i", "--mode", "upsert"],
    "compact": ["compact", "k"],
}


def change(name, repo):
    command = {**CHANGES, **KEYED}[name]
    return command + ([repo.csv] if command[0] == "import" else [])


def happened(name, repo):
    """Whether the change is there: whole, or not at all."""
    if name == "sql":
        return {1: False, 2: True}[repo.value("SELECT count(*) FROM h")]
    if name == "chunk":
        return {11_000: False, 23_000: True}[repo.value("SELECT count(*) FROM t")]
    if name == "upsert":  # every other row is there
        return {11_001: False, 21_001: True}[repo.value("SELECT count(*) FROM k")]
    is_there = "u" in repo.tables()
    assert not is_there or repo.value("SELECT count(*) FROM u") == 20_000
    return is_there


# ---- A sync that fails ----


def with_failing_sync(repo, nth, *args, status=None):
    """Run the command; its n-th sync fails. Also: whether it came so far."""
    told = repo.path.parent / f"told-{nth}-{time.monotonic_ns()}"
    result = repo.run(*args, status=status, env={
        "LD_PRELOAD": str(BUILD / "tests/fault_preload.so"), "ARM_FAULT_SYNC": str(nth),
        "ARM_FAULT_TOLD": str(told),
        **PRELOADED})
    return result, told.exists()


def judge_failed_sync(name, repo, result):
    """The answer was true, and the repository is sound."""
    unknown = re.search(r"commit ([0-9a-f]{32}) is written but its outcome is unknown", result.err)
    if result.status == 0:
        assert happened(name, repo)
    else:
        assert result.status == 1 and "Input/output error" in result.err, result
        assert str(repo.path) in result.err, "it does not say where"
        log = {entry["commit"] for entry in repo.run("log", "--json").json}
        assert happened(name, repo) == bool(unknown and unknown.group(1) in log)
    if unknown:
        assert "armillaria log" in result.err
    healthy(repo)
    return bool(unknown)


@pytest.mark.parametrize("name", CHANGES)
def test_every_sync_of_a_change_fails(original, tmp_path, name):
    unknown = 0
    for nth in range(1, 100):
        repo = copy_of(original, tmp_path / f"copy{nth}")
        result, struck = with_failing_sync(repo, nth, *change(name, repo))
        if not struck:
            assert result.status == 0 and nth > 5
            break
        unknown += judge_failed_sync(name, repo, result)
    assert unknown == 1  # the sync of the log


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
@pytest.mark.parametrize("name", ["sql", "import"])
def test_every_sync_fails_as_the_kernel_would_say_it(original, tmp_path, name, call):
    """The same by strace, at the system call; each thread has its own n there."""
    need("strace")
    trace = tmp_path / "trace"
    for nth in range(1, 100):
        repo = copy_of(original, tmp_path / f"copy{nth}")
        result = run("-f", "-o", trace, "-e", f"trace={call}", "-e",
                     f"inject={call}:error=EIO:when={nth}", BIN, "-C", repo.path,
                     *change(name, repo), binary="strace", status=None, env=TRACED)
        if "ptrace" in result.err:
            pytest.skip("processes may not be traced here")
        if "(INJECTED)" not in trace.read_text(encoding="utf-8"):
            assert nth > 1
            break
        judge_failed_sync(name, repo, result)


def nth_sync_of_the_log(original, folder):
    """Which sync it is whose failure leaves the outcome unknown."""
    for nth in range(1, 100):
        repo = copy_of(original, folder / f"search{nth}")
        result, _ = with_failing_sync(repo, nth, *CHANGES["sql"])
        if "unknown" in result.err:
            return nth
    raise AssertionError("no sync is that of the log")


def test_a_failed_sync_stops_all_processes(original, tmp_path):
    """Until the last of them has closed; what was durable can be read all the while."""
    repo = copy_of(original, tmp_path / "copy")
    with Held(repo, "INSERT INTO h VALUES (2)", "INSERT INTO h VALUES (4)") as held:
        for nth in range(1, 20):  # who joins syncs less than who comes first
            result, _ = with_failing_sync(repo, nth, "sql", "-c", "INSERT INTO h VALUES (3)")
            if result.status != 0:
                break
            repo.sql("DELETE FROM h WHERE a = 3")
        lost = re.search(r"commit ([0-9a-f]{32}) is written", result.err).group(1)
        for args in (CHANGES["sql"], ["import", "u", repo.csv], ["recover"]):
            refused = repo.run(*args, status=1)
            assert "earlier write" in refused.err and "open it again" in refused.err, refused
        assert repo.value("SELECT count(*) FROM h WHERE a < 3") == 2
        assert repo.value("SELECT count(*) FROM h WHERE a = 3") == 0
        assert "earlier write" in held.go_on(status=1).err
    assert lost not in {entry["commit"] for entry in repo.run("log", "--json").json}
    assert repo.sql("SELECT a FROM h ORDER BY a") == [{"a": 1}, {"a": 2}]
    healthy(repo)


# ---- Descriptors ----


def with_descriptors(repo, limit, *args):
    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    completed = subprocess.run([BIN, "-C", str(repo.path), *map(str, args)], text=True,
                               capture_output=True, preexec_fn=lower, check=False, timeout=120,
                               env=environment())
    return Result(completed)


@pytest.mark.parametrize("name", ["sql", "chunk", "import", "read", "verify", "tables"])
def test_no_more_descriptors(original, tmp_path, name):
    """For every number of them that does not do."""
    args = {"read": ["sql", "--json", "-c", "SELECT sum(i) FROM t"], "verify": ["verify", "--full"],
            "tables": ["tables"]}
    repo = copy_of(original, tmp_path / "copy")
    refused = 0
    for limit in range(5, 60):
        command = args.get(name) or change(name, repo)
        result = with_descriptors(repo, limit, *command)
        if result.status == 0:
            break
        refused += 1
        if limit > 6:  # with fewer the program may not even load
            assert result.status == 1, (limit, result)
            assert "oo many open files" in result.err, (limit, result)
            assert "damage" not in result.err, (limit, result)
        if name in CHANGES:
            assert not happened(name, repo)
    assert result.status == 0 and refused > 5
    if name in CHANGES:
        assert happened(name, repo)
    assert [f for f in repo.files("staging") if not f.endswith("lock")] == []
    healthy(repo)


# ---- The clock ----


def test_the_clock_is_set_back(original, tmp_path):
    """Times of commits rise all the same, and a time still names what was there then."""
    need("faketime")
    repo = copy_of(original, tmp_path / "copy")

    def at(when, *args, **options):
        return run("-f", when, BIN, "-C", repo.path, *args, binary="faketime", env=PRELOADED,
                   **options)

    at("+2h", "sql", "-c", "INSERT INTO h VALUES (2)")
    for value, when in ((3, "-300d"), (4, "1971-01-01 00:00:00"), (5, "+0")):
        at(when, "sql", "-c", f"INSERT INTO h VALUES ({value})")
    log = repo.run("log", "--json").json
    times = [entry["created_at"] for entry in reversed(log)]
    assert times == sorted(times) and len(set(times)) == len(times)
    for entry, rows in zip(log, [5, 4, 3, 2, 1]):
        assert repo.value("SELECT count(*) FROM h", "--at", entry["created_at"]) == rows
    assert repo.value("SELECT count(*) FROM h", "--at", "2999-01-01T00:00:00Z") == 5
    # What is not there any more, or not yet, is not swept, nor kept, because of the clock.
    (repo.path / "staging/0123456789abcdef0123456789abcdef-0").write_bytes(b"left by a dead one")
    at("-300d", "recover")
    assert [f for f in repo.files("staging") if not f.endswith("lock")] == []
    with Held(repo, "BEGIN; INSERT INTO t SELECT range FROM range(12000)", "COMMIT") as held:
        at("+300d", "recover")
        held.go_on()
    assert repo.value("SELECT count(*) FROM t") == 23_000
    assert repo.run("verify", "--full").status == 0


# ---- Permissions ----


@pytest.fixture(name="shared")
def fixture_shared(original):
    """A copy that everybody may write."""
    need("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="arm-shared-"))
    folder.chmod(0o755)
    if run(*as_nobody(), BIN, "--version", binary="setpriv", status=None).status != 0:
        pytest.skip("an unprivileged user cannot run the command where it was built")
    repo = copy_of(original, folder / "repo")
    subprocess.run(["chmod", "-R", "a+rwX", repo.path], check=True)
    yield repo
    shutil.rmtree(folder)


def as_nobody():
    return [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def run_as_nobody(repo, *args, status=0):
    return run(*as_nobody(), BIN, "-C", repo.path, *args, binary="setpriv", status=status,
               env={"HOME": "/", "TMPDIR": "/tmp"})


def take_away(path, mode):
    """Of a folder and all in it."""
    old = [(p, p.stat().st_mode) for p in (path, *path.rglob("*"))]
    for p, was in reversed(old):
        p.chmod(was & ~mode)
    return old


LOST = [("chunks", 0o444, "read"), ("chunks", 0o222, "change"), ("log", 0o222, "change"),
        ("log", 0o222, "read"), ("index", 0o222, "change"), ("index", 0o222, "read"),
        ("staging", 0o222, "change")]


@pytest.mark.parametrize("folder, mode, what", LOST)
def test_permission_is_lost(shared, folder, mode, what):
    """Before: refused by the name of what may not be done where, as any other refusal."""
    old = take_away(shared.path / folder, mode)
    query = "SELECT sum(i) FROM t" if what == "read" else "INSERT INTO t SELECT * FROM range(12000)"
    for args in (["sql", "--json", "-c", query], ["verify"]):
        result = run_as_nobody(shared, *args, status=None)
        if result.status != 0:
            assert result.status == 1, result
            assert "ermission denied" in result.err and f"/{folder}" in result.err, result
        elif what == "change":
            assert args == ["verify"]
    for path, was in old:
        path.chmod(was)
    assert not happened("chunk", shared)
    healthy(shared, 1)


@pytest.mark.parametrize("folder, mode, what", LOST)
def test_permission_is_lost_while_open(shared, folder, mode, what):
    """What is open stays open; where it is not enough, the message says so, and nothing is lost."""
    query = ("SELECT sum(i) AS s FROM t" if what == "read" else
             "INSERT INTO t SELECT -range FROM range(12000)")
    with Held(shared, "INSERT INTO h VALUES (2)", query, HOME="/", TMPDIR="/tmp",
              prefix=["setpriv", *as_nobody()]) as held:
        old = take_away(shared.path / folder, mode)
        result = held.go_on(status=None)
    for path, was in old:
        path.chmod(was)
    if result.status != 0:
        assert result.status == 1 and "ermission denied" in result.err, result
        assert f"/{folder}" in result.err, result
    elif what == "read":
        assert f'"s":{sum(range(11_000))}' in result.out
    assert happened("chunk", shared) == (result.status == 0 and what == "change")
    assert shared.value("SELECT count(*) FROM h") == 2
    assert shared.run("verify", "--full").status == 0


# ---- Moved, copied, removed, replaced ----


def snapshot_of(path):
    """Every file but those of locks."""
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*"))
            if p.is_file() and "lock" not in p.name and p.name != "shared"}


WRITES = ["INSERT INTO h VALUES (3)", "INSERT INTO t SELECT -range FROM range(12000)",
          "CREATE TABLE u AS SELECT range AS i FROM range(12000)"]


@pytest.mark.parametrize("write", WRITES)
def test_moved_while_open(copy, write):
    elsewhere = copy.path.parent / "elsewhere"
    with Held(copy, "INSERT INTO h VALUES (2)", write) as held:
        copy.path.rename(elsewhere)
        result = held.go_on(status=1)
    assert str(copy.path) in result.err and "moved" in result.err and "open it where" in result.err
    assert not copy.path.exists(), "it was made again where it was"
    copy.path = elsewhere
    healthy(copy, 2)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("by", ["another", "an older copy"])
def test_replaced_while_open(copy, original, tmp_path, write, by):
    """Not a byte is written into what is there now."""
    elsewhere = tmp_path / "elsewhere"
    with Held(copy, "INSERT INTO h VALUES (2)", write) as held:
        copy.path.rename(elsewhere)
        if by == "another":
            other = Repo(copy.path)
            other.sql("CREATE TABLE h (a INTEGER)")
            other.sql("CREATE TABLE t AS SELECT range AS i FROM range(5)")
        else:
            shutil.copytree(original.path, copy.path)
            other = Repo(copy.path, make=False)
            other.run("tables")
        before = snapshot_of(copy.path)
        result = held.go_on(status=1)
        assert "moved, removed or replaced" in result.err
    assert snapshot_of(copy.path) == before
    assert other.run("verify", "--full").status == 0
    first = Repo(elsewhere, make=False)
    healthy(first, 2)


@pytest.mark.parametrize("part", ["index", "log", "chunks", "staging"])
def test_a_part_is_replaced_while_open(copy, tmp_path, part):
    """As by somebody who restores a folder, or clears one, without asking who is there. Two
    processes that do not see each other's locks must not both write."""
    with Held(copy, "INSERT INTO h VALUES (2)", WRITES[1]) as held:
        (copy.path / part).rename(tmp_path / part)
        if part in ("log", "chunks"):
            shutil.copytree(tmp_path / part, copy.path / part)
        if part == "log":  # the locks are those of the first, and its page is not there
            assert "close them all" in copy.run("sql", "-c", WRITES[0], status=1).err
        else:
            copy.sql(WRITES[0])
        result = held.go_on(status=1)
        assert "moved, removed or replaced" in result.err, result
    rows = [{"a": 1}, {"a": 2}, {"a": 3}][:2 if part == "log" else 3]
    assert copy.sql("SELECT a FROM h ORDER BY a") == rows
    healthy(copy, len(rows))


@pytest.mark.parametrize("write", WRITES)
def test_removed_while_open(copy, write):
    with Held(copy, "INSERT INTO h VALUES (2)", write) as held:
        shutil.rmtree(copy.path)
        result = held.go_on(status=1)
    assert "no longer there" in result.err or "o such file" in result.err
    assert not copy.path.exists(), "something of it was made again"


def test_reading_goes_on_or_says_why(copy):
    """A moved repository is not told to be damaged."""
    with Held(copy, "SELECT count(*) FROM h", "SELECT sum(i) FROM t") as held:
        copy.path.rename(copy.path.parent / "elsewhere")
        assert "moved" in held.go_on(status=1).err


@pytest.mark.parametrize("seed", range(8 if CAMPAIGN else 3))
def test_copied_while_a_writer_commits(copy, tmp_path, seed):
    """A copy is a prefix of what was committed, or says that it is damaged."""
    script = "".join(f"INSERT INTO h VALUES ({i});" for i in range(100, 500))
    script += "INSERT INTO t SELECT -range FROM range(12000);"
    writer = subprocess.Popen([BIN, "-C", str(copy.path), "sql", "-c", script], env=environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    copies = []
    while writer.poll() is None and len(copies) < 12:
        path = tmp_path / f"c{seed}-{len(copies)}"
        # 1: a file went while it was copied (staging/, a file put in another's place)
        assert subprocess.run(["cp", "-a", copy.path, path],
                              stderr=subprocess.DEVNULL).returncode in (0, 1)
        copies.append(Repo(path, make=False))
    assert writer.wait(timeout=120) == 0 and copies
    log = copy.run("log", "--json").json
    whole = 0
    for each in copies:
        result = each.run("log", "--json", status=None)
        assert result.status in (0, 4), result
        if result.status == 4:
            assert each.run("verify", status=None).status == 4
            continue
        assert log[-len(result.json):] == result.json, "it is no prefix"
        rows = each.run("sql", "--json", "-c", "SELECT a FROM h ORDER BY a", status=None)
        if rows.status == 0:
            values = [row["a"] for row in rows.json]
            assert values == [1, *range(100, 100 + len(values) - 1)]
        status = each.run("verify", "--full", status=None).status
        assert status in (0, 4)
        whole += status == 0
    assert whole > 0


def test_the_copy_of_an_open_repository_is_another(copy, tmp_path):
    """It is recovered on its own, whatever its shared page says, and both go on apart."""
    path = tmp_path / "second"
    with Held(copy, "INSERT INTO h VALUES (2)", "INSERT INTO h VALUES (3)") as held:
        subprocess.run(["cp", "-a", copy.path, path], check=True)
        second = Repo(path, make=False)
        second.sql("INSERT INTO h VALUES (30)")
        held.go_on()
    assert second.sql("SELECT a FROM h ORDER BY a") == [{"a": 1}, {"a": 2}, {"a": 30}]
    assert copy.sql("SELECT a FROM h ORDER BY a") == [{"a": 1}, {"a": 2}, {"a": 3}]
    for each in (copy, second):
        assert each.run("verify", "--full").status == 0


# ---- A full disk ----


@pytest.fixture(name="disk")
def fixture_disk(tmp_path):
    """Mounts file systems of a given size."""
    mounted = []

    def mount(size_kb):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        if run("-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", folder, binary="mount",
               status=None).status != 0:
            pytest.skip("file systems may not be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        run("-l", folder, binary="umount", status=None)


def fill(folder, leave_kb=0):
    """Leave so much room."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        size = path.stat().st_size // 4096 * 4096
        file.truncate(max(size - leave_kb * 1024, 0))
    return path


def used_kb(path):
    return sum(p.stat().st_blocks for p in path.rglob("*")) // 2


def keys_hold(repo):
    """One that is there is refused, whether its row lies in a chunk or in the log; a free one is
    not."""
    for key in (4, -1):
        refused = repo.run("sql", "-c", f"INSERT INTO k VALUES ({key})", status=1)
        assert "duplicate key" in refused.err
    repo.sql("INSERT INTO k VALUES (-77); DELETE FROM k WHERE i = -77")
    if repo.tables().get("u", {}).get("key"):
        assert "duplicate key" in repo.run("sql", "-c", "INSERT INTO u VALUES (5)", status=1).err


@pytest.mark.parametrize("name", [*CHANGES, *KEYED, "read", "tables", "verify", "recover"])
def test_no_room(original, disk, name):
    """With every number of free pages from none on until it is enough."""
    folder = disk(used_kb(original.path) + 6000)
    args = {"read": ["sql", "--json", "-c", "SELECT sum(i) FROM t"], "tables": ["tables"],
            "verify": ["verify", "--full"], "recover": ["recover"]}
    repo = copy_of(original, folder / "repo")
    command = args.get(name) or change(name, repo)
    changes = [*CHANGES, "keyed import", "upsert"]
    step = 4 if CAMPAIGN else 24
    refused = 0
    for leave in range(0, 2400, step):
        filler = fill(folder, leave)
        result = repo.run(*command, status=None)
        filler.unlink()
        if result.status == 0:
            break
        refused += 1
        assert result.status == 1, (leave, result)
        assert "o space left" in result.err or "No space" in result.err, (leave, result)
        assert str(folder) in result.err, (leave, result)
        if name in changes:
            unknown = "outcome is unknown" in result.err
            assert unknown or not happened(name, repo), (leave, result)
            if happened(name, repo):
                repo = None
                shutil.rmtree(folder / "repo")
                repo = copy_of(original, folder / "repo")
        if name in KEYED:
            keys_hold(repo)
        assert repo.run("verify").status == 0
    assert result.status == 0, result
    assert refused > 0 or name in ("read", "tables", "recover"), "it needs no room at all"
    if name in changes:
        assert happened(name, repo)
    if name in KEYED:
        keys_hold(repo)
    healthy(repo)


def test_the_disk_fills_up_while_it_is_open(original, disk):
    """In the middle of a session: some statements are refused, those before and after are there."""
    folder = disk(used_kb(original.path) + 3000)
    repo = copy_of(original, folder / "repo")
    script = "".join(f"INSERT INTO t SELECT hash(range + {n}) % 1000000007 FROM range(12000);"
                     for n in range(40))
    with Held(repo, "INSERT INTO h VALUES (2)", script) as held:
        filler = fill(folder, 400)
        result = held.go_on(status=1)
    assert "o space left" in result.err
    done = int(re.search(r"statement (\d+)", result.err).group(1)) - 3
    filler.unlink()
    versions = repo.run("versions", "t", "--json").json
    assert len(versions) in (done + 1, done + 2), (done, result)
    assert repo.value("SELECT count(*) FROM h") == 2
    healthy(repo)


def test_the_index_fills_the_disk(original, disk):
    """Thousands of small commits, whose index and log grow until there is no room."""
    folder = disk(used_kb(original.path) + 700)
    repo = copy_of(original, folder / "repo")
    script = "".join(f"INSERT INTO h VALUES ({i});" for i in range(100, 4100))
    result = repo.run("sql", "-c", script, status=1)
    assert "o space left" in result.err or "No space" in result.err, result
    said = int(re.search(r"statement (\d+)", result.err).group(1)) - 1
    for verb in (["tables"], ["sql", "-c", "SELECT count(*) FROM h"], ["verify"]):
        assert repo.run(*verb, status=None).status in (0, 1)
    bigger = disk(20_000)
    shutil.copytree(repo.path, bigger / "repo")
    for each in (Repo(bigger / "repo", make=False),):
        rows = each.value("SELECT count(*) FROM h WHERE a >= 100")
        assert rows in (said, said + 1), result
        assert each.value("SELECT max(a) FROM h") == 99 + rows
        healthy(each)
