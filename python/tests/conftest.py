# SPDX-License-Identifier: Apache-2.0
"""What tests of the package share: a repository in a folder of its own."""

import armillaria as arm
import pytest


@pytest.fixture
def path(tmp_path):
    """Where a repository may be made."""
    return str(tmp_path / "repo")


@pytest.fixture
def db(path):
    """A new repository, on main."""
    with arm.open(path, create=True) as handle:
        yield handle


@pytest.fixture
def orders(db):
    """The same with a keyed table of three rows, as version 1."""
    db.write("orders", {"id": [1, 2, 3], "amount": [10.0, 20.0, 30.0]}, key=["id"],
             message="first load")
    return db
