# SPDX-License-Identifier: Apache-2.0
"""What the package uses of pyarrow, which has neither types nor stubs: for pyright."""

from typing import Any

import pandas

class ArrowException(Exception): ...

class Table:
    @classmethod
    def from_pandas(cls, df: pandas.DataFrame, *, preserve_index: bool) -> Table: ...
    def to_pandas(self) -> pandas.DataFrame: ...

class RecordBatchReader:
    @classmethod
    def from_stream(cls, data: Any) -> RecordBatchReader: ...

def table(data: Any) -> Table: ...
