# SPDX-License-Identifier: Apache-2.0
"""Data frames and SQL over the stores of `udr`: the first interface's other half.

>>> import udr, udr_query
>>> store, catalog = udr.PyChunkStore("data/chunks"), udr.PyCatalog("data/catalog")
>>> udr_query.TableWriter(store, catalog).write("users", frame).row_count
1
>>> udr_query.QueryEngine(store, catalog).query("SELECT count(*) AS n FROM users", format="dict")
[{'n': 1}]
"""

from ._engine import EngineTransaction, QueryEngine
from ._reader import TableReader
from ._subscriber import ChangeEvent, Subscriber
from ._writer import TableWriter

__all__ = ["ChangeEvent", "EngineTransaction", "QueryEngine", "Subscriber", "TableReader",
           "TableWriter"]
