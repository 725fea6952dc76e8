# SPDX-License-Identifier: Apache-2.0
"""What the cases of merges begin with. `plain` and `repo` are fixtures, for who imports them."""

import pytest
from arm import Repo


@pytest.fixture
def plain(tmp_path):
    """Table t (id, v, w) of ten rows on main and on branch b."""
    made = Repo(tmp_path / "r")
    made.few = ""
    made.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, v VARCHAR, w INTEGER);"
             "INSERT INTO t SELECT i, 'v' || i, i FROM range(10) r(i); CREATE BRANCH b")
    return made


@pytest.fixture(params=[256, 0], ids=["few", "statement"])
def repo(plain, request):
    """The same, merged without a statement and with one."""
    plain.few = f"SET arm_merge_few_rows = {request.param};"
    return plain


def on(repo, branch, text):
    return repo.sql(text, "--branch", branch)


def rows(repo, text="SELECT * FROM t ORDER BY id", branch="main"):
    return [tuple(row.values()) for row in on(repo, branch, text)]


def merge(repo, extra=""):
    return merge_from(repo, f"b {extra}")


def merge_from(repo, what):
    (row,) = repo.sql(f"{repo.few} MERGE BRANCH {what}")
    return row


def conflicts(repo, source="b"):
    return [row for row in repo.sql(f"{repo.few} BEGIN; MERGE BRANCH {source};"
                                    "SELECT * FROM arm_conflicts() ORDER BY key") if "kind" in row]
