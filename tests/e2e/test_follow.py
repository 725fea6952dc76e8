# SPDX-License-Identifier: Apache-2.0
"""The changelog as it comes: subscribers and consumers in processes of their own."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from arm import BIN, environment
from changelog import FIELDS, latest, repo, txs

class Following:
    """`armillaria changes --follow`, in a process of its own."""

    def __init__(self, repo, *args):
        self.process = subprocess.Popen(
            [BIN, "-C", str(repo.path), "changes", "--follow", "--json", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def next(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def stop(self, number=signal.SIGTERM):
        """Its exit status, and the lines that were left."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        assert err == ""
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]

    def wait_until_it_listens(self, repo, name):
        """It has joined its consumer."""
        for _ in range(600):
            if any(c["consumer"] == name and c["members"] > 0
                   for c in repo.run("consumer", "--json").json):
                return
            time.sleep(0.05)
        raise AssertionError("it never joined")


# ---- As it comes ----


def test_follow_wakes_by_commits_of_other_processes(repo):
    following = Following(repo, "--since", "4")
    assert following.next()["tx_id"] == 5
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    event = following.next()
    assert event["changes"][0]["rows_added"] == 1 and list(event) == FIELDS
    repo.sql("INSERT INTO t VALUES (8, 'x')")
    assert following.next()["tx_id"] == event["tx_id"] + 1
    assert following.stop() == (0, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_follow_begins_now_and_ends_clean(repo, number):
    following = Following(repo, "--consumer", "c", "--since", "now")
    following.wait_until_it_listens(repo, "c")
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    tx = following.next()["tx_id"]
    assert following.stop(number) == (0, [])
    (consumer,) = repo.run("consumer", "--json").json
    assert consumer["acked_tx"] >= tx and consumer["lag"] == consumer["members"] == 0


def test_follow_filters_and_rows(repo):
    following = Following(repo, "--since", "5", "--tables", "u*", "--rows")
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    repo.sql("BEGIN; CREATE TABLE u(a INTEGER); INSERT INTO u VALUES (1);"
             "INSERT INTO t VALUES (8, 'x'); COMMIT")
    (change,) = following.next()["changes"]
    assert change["table_name"] == "u" and change["is_new_table"]
    assert [(row["a"], row["_change"]) for row in change["rows"]] == [(1, "insert")]
    assert following.stop() == (0, [])


def test_follow_ends_when_its_branch_is_dropped(repo):
    repo.sql("CREATE BRANCH b")
    following = Following(repo, "--branch", "b", "--since", "0")
    repo.sql("INSERT INTO t VALUES (7, 'x')", "--branch", "b")
    assert following.next()["branch"] == "b"
    repo.sql("ALTER TABLE t ADD COLUMN n INTEGER")
    repo.run("branch", "rename", "b", "c")
    repo.sql("INSERT INTO t VALUES (8, 'x')", "--branch", "c")
    assert following.next()["branch"] == "c"
    repo.run("branch", "delete", "c")
    assert following.process.wait(timeout=60) == 1
    assert "dropped" in following.process.stderr.read()


# ---- Consumers ----


def test_a_consumer_goes_on_where_it_stands(repo):
    assert txs(repo, "--consumer", "c") == [2, 3, 4, 5]
    assert txs(repo, "--consumer", "c") == []
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    assert len(txs(repo, "--consumer", "c")) == 1
    assert txs(repo, "--consumer", "late", "--since", "4")[0] == 5
    assert txs(repo, "--consumer", "c", "--since", "0") == [], "it stands where it stands"
    names = [c["consumer"] for c in repo.run("consumer", "list", "--json").json]
    assert names == ["c", "late"]
    stats = repo.run("stats", "--json").json["consumers"]
    assert stats == repo.run("consumer", "--json").json
    assert stats == repo.sql("FROM arm_consumers()")


def test_lag_and_moving(repo):
    txs(repo, "--consumer", "c", "-n", "1")
    (consumer,) = repo.run("consumer", "--json").json
    assert (consumer["acked_tx"], consumer["lag"]) == (2, 3)
    first_waiting = repo.run("changes", "--json", "--since", "2").json[0]["timestamp"]
    assert consumer["waiting_since"] == first_waiting
    assert "Consumers" in repo.run("stats").out
    repo.run("consumer", "move", "c", "4")
    assert txs(repo, "--consumer", "c") == [5]
    repo.run("consumer", "move", "c", "0")
    assert txs(repo, "--consumer", "c") == [2, 3, 4, 5]
    repo.run("consumer", "move", "new", "now")
    assert txs(repo, "--consumer", "new") == []
    repo.run("consumer", "delete", "c")
    assert [c["consumer"] for c in repo.run("consumer", "--json").json] == ["new"]
    assert "new" not in repo.run("consumer", "delete", "c", status=1).out
    assert "not there yet" in repo.run("consumer", "move", "new", "999", status=1).err
    assert "a..b" in repo.run("consumer", "move", "a..b", "1", status=1).err
    assert repo.run("verify", "--full").status == 0


def test_a_consumer_killed_between_line_and_acknowledgement_gets_it_again(repo):
    following = Following(repo, "--consumer", "c")
    assert [following.next()["tx_id"] for _ in range(4)] == [2, 3, 4, 5]
    time.sleep(0.5)  # it acknowledges what it wrote, within some milliseconds
    following.process.kill()
    following.process.wait()
    assert txs(repo, "--consumer", "c") == []
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    assert len(txs(repo, "--consumer", "c")) == 1


def test_what_cannot_be_written_is_not_acknowledged(repo):
    with open("/dev/full", "w", encoding="utf8") as full:
        process = subprocess.run([BIN, "-C", str(repo.path), "changes", "--consumer", "c"],
                                 stdout=full, stderr=subprocess.PIPE, env=environment(),
                                 check=False)
    assert process.returncode == 1 and process.stderr
    assert txs(repo, "--consumer", "c") == [2, 3, 4, 5]


def test_consumers_survive_a_lost_index(repo):
    txs(repo, "--consumer", "c", "-n", "3")
    before = repo.run("consumer", "--json").json
    for file in repo.path.joinpath("index").glob("*.mdb*"):
        file.unlink()
    assert repo.run("consumer", "--json").json == before
    assert txs(repo, "--consumer", "c") == [5]
    for root, _, files in os.walk(repo.path / "index"):
        for file in files:
            os.unlink(os.path.join(root, file))
    assert txs(repo, "--consumer", "c") == []


def test_members_share_tables_and_take_over(repo):
    names = [f"s{i}" for i in range(8)]
    repo.sql("".join(f"CREATE TABLE {name}(a INTEGER);" for name in names))
    repo.run("consumer", "move", "c", "now")
    members = [Following(repo, "--consumer", "c", "--tables", "s?") for _ in range(2)]
    for _ in range(600):
        if repo.run("consumer", "--json").json[0]["members"] == 2:
            break
        time.sleep(0.05)
    time.sleep(1)  # the first gives up what is the second's
    repo.sql("".join(f"INSERT INTO {name} VALUES (1);" for name in names))
    time.sleep(1)
    told_by = []
    for member in members[1:]:
        status, left = member.stop()
        assert status == 0
        told_by.append({c["table_name"] for event in left for c in event["changes"]})
    assert len(told_by[0]) == 4
    time.sleep(1)
    repo.sql("".join(f"INSERT INTO {name} VALUES (2);" for name in names))
    time.sleep(1)
    status, left = members[0].stop()
    assert status == 0
    tables = [c["table_name"] for event in left for c in event["changes"]]
    assert sorted(tables) == sorted([n for n in names if n not in told_by[0]] + names)


def test_a_newer_program_alone_knows_consumers(repo):
    """An older one would take the records for damage: FORMAT says so before the first."""
    before = (repo.path / "FORMAT").read_text()
    txs(repo, "--consumer", "c")
    assert (repo.path / "FORMAT").read_text() != before


def consumers(repo):
    return {c["consumer"]: c for c in repo.run("consumer", "--json").json}


# ---- What happens to a follower ----


def test_a_follower_goes_on_when_the_index_is_lost(repo):
    following = Following(repo, "--since", "5")
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    first = following.next()["tx_id"]
    shutil.rmtree(repo.path / "index")
    for key in (8, 9):
        repo.sql(f"INSERT INTO t VALUES ({key}, 'x')")
    later = [following.next()["tx_id"] for _ in range(2)]
    assert first < later[0] < later[1] == latest(repo)
    assert following.stop() == (0, [])


def test_follow_ends_where_it_is_told(repo):
    """At once, if that is past."""
    done = repo.run("changes", "--follow", "--json", "--since", "2", "--until", "4")
    assert [json.loads(line)["tx_id"] for line in done.out.splitlines()] == [3, 4]
    assert repo.run("changes", "--follow", "--until", "1").out == ""


def test_follow_ends_when_nobody_reads(repo):
    following = Following(repo, "--since", "now")
    following.process.stdout.close()
    assert following.process.wait(timeout=60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_who_waits_for_a_reader(repo, number):
    repo.sql("INSERT INTO t SELECT i, repeat('x', 100) FROM range(10, 9000) r(i)")
    following = Following(repo, "--since", "5", "--rows")
    time.sleep(1)
    following.process.send_signal(number)
    assert following.process.wait(timeout=30) in (0, 128 + number)


def test_a_follower_goes_where_its_consumer_is_moved(repo):
    following = Following(repo, "--consumer", "c")
    seen = [following.next()["tx_id"] for _ in range(4)]
    following.wait_until_it_listens(repo, "c")
    repo.run("consumer", "move", "c", "3")
    assert [following.next()["tx_id"] for _ in range(2)] == [tx for tx in seen if tx > 3]
    repo.run("consumer", "move", "c", "2000-01-01")
    assert following.next()["tx_id"] == seen[0]
    assert following.stop()[0] == 0


def test_members_with_nothing_to_do_do_not_lag(repo):
    repo.sql("CREATE TABLE u(a INTEGER)")
    members = [Following(repo, "--consumer", "c", "--since", "now") for _ in range(2)]
    for _ in range(600):
        if consumers(repo).get("c", {}).get("members") == 2:
            break
        time.sleep(0.05)
    repo.sql("INSERT INTO t VALUES (7, 'x')")
    repo.sql("INSERT INTO u VALUES (7)")
    for _ in range(600):
        if consumers(repo)["c"]["lag"] == 0:
            break
        time.sleep(0.05)
    assert consumers(repo)["c"]["lag"] == 0
    before = consumers(repo)["c"]["acked_tx"]
    time.sleep(2.5)
    assert consumers(repo)["c"]["acked_tx"] == before  # it is said once
    lines = [member.stop()[1] for member in members]
    assert len(lines[0]) + len(lines[1]) == 2


def test_tables_may_be_named_with_blanks_between(repo):
    repo.sql("CREATE TABLE u(a INTEGER)")
    assert len(repo.run("changes", "--json", "--tables", "t, u").json) == 5


@pytest.mark.parametrize("ref", ["2x", "2026-13-45", "0x5", "2024-rle", "9" * 30,
                                 "2026-01-01T99:00", "2026-01-01T00:00:00Q"])
@pytest.mark.parametrize("bound", ["--since", "--until"])
def test_a_bound_that_is_none_is_an_error(repo, bound, ref):
    assert repo.run("changes", bound, ref, status=1).out == ""
    repo.run("changes", "--consumer", "c", bound, ref, status=1)
    assert "c" not in consumers(repo)


@pytest.mark.parametrize("time_", ["2000-01-01", "2000-01-01T00:00", "2000-01-01T00:00:00Z",
                                   "2000-01-01 00:00:00.5+02:00"])
def test_a_time_before_all_is_the_beginning(repo, time_):
    assert len(repo.run("changes", "--json", "--since", time_).json) == 4
    assert repo.run("changes", "--json", "--until", time_).json == []


def test_now_is_a_bound(repo):
    assert len(repo.run("changes", "--json", "--until", "now").json) == 4


def test_an_array_is_whole_though_it_ends_early(repo):
    repo.sql("UPDATE t SET v = 'z'")
    repo.run("compact")
    repo.run("gc", "--keep-days", "0", "--grace", "0")
    done = repo.run("changes", "--rows", "--json", status=1)
    assert isinstance(json.loads(done.out or "[]"), list)


def test_rows_of_tables_with_odd_names(repo):
    repo.sql("CREATE SCHEMA s; CREATE TABLE s.t(a INTEGER); INSERT INTO s.t VALUES (1)")
    since = latest(repo)
    repo.sql('CREATE TABLE "s.t"(zz INTEGER); INSERT INTO "s.t" VALUES (77);'
             'CREATE TABLE "we""ird.na,me"(a INTEGER); INSERT INTO "we""ird.na,me" VALUES (5);'
             'CREATE TABLE "a*"(a INTEGER); INSERT INTO "a*" VALUES (6);'
             'INSERT INTO s.t VALUES (8)')
    events = repo.run("changes", "--json", "--rows", "--since", str(since)).json
    rows = [list(row.values())[0] for event in events for row in event["changes"][0]["rows"]]
    assert rows == [77, 5, 6, 8]
    for name, count in (('"s.t"', 2), ('"we""ird.na,me"', 2), ('"a*"', 2), ("s.t", 3)):
        assert len(repo.run("changes", "--json", "--tables", name).json) == count
    text = repo.run("changes", "--rows", "--since", str(since)).out
    assert "zz=77" in text and "a=5" in text and "a=8" in text


def test_consumer_knows_no_create(repo):
    assert "create" not in repo.run("consumer", "foo", status=2).err
