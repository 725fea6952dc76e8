# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from arm import Repo  # noqa: E402


@pytest.fixture
def repo(tmp_path):
    """An empty repository."""
    return Repo(tmp_path / "repo")


@pytest.fixture
def orders(repo, tmp_path):
    """A repository with a table `orders` in two versions: 3 rows, then 4."""
    first = tmp_path / "orders.csv"
    first.write_text("id,customer,amount\n1,ada,10.5\n2,bob,20.25\n3,cyd,30\n")
    second = tmp_path / "more.csv"
    second.write_text("id,customer,amount\n4,dan,40.75\n")
    repo.run("import", "orders", first, "-m", "first load")
    repo.run("import", "orders", second, "--mode", "append", "-m", "one more")
    return repo
