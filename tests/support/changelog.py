# SPDX-License-Identifier: Apache-2.0
"""What the cases of the changelog begin with. `repo` is a fixture, for who imports it."""

import pytest
from arm import Repo

FIELDS = ["tx_id", "timestamp", "branch", "author", "message", "changes"]


@pytest.fixture
def repo(tmp_path):
    """Table t (id, v) on main, by four commits; tx 2 makes it."""
    made = Repo(tmp_path / "r")
    made.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, v VARCHAR);"
             "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');"
             "UPDATE t SET v = 'B' WHERE id = 2; DELETE FROM t WHERE id = 3")
    return made


def changes(repo, *args):
    return repo.run("changes", "--json", *args).json


def txs(repo, *args):
    return [event["tx_id"] for event in changes(repo, *args)]


def latest(repo):
    return repo.value("SELECT max(tx_id) FROM arm_changes(0, branch => '*')")
