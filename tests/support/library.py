# SPDX-License-Identifier: Apache-2.0
"""The library itself, called through its one public header: a repository, a session, rows, and
transactions of row calls.

libarmillaria.so is taken from the build folder (ARM_BUILD_DIR, or where ARMILLARIA_BIN is).
"""

import ctypes

import pyarrow
from arm import BUILD

RENDER_TEXT = 1
BUSY = 15  # ARM_BUSY


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("commit_id", ctypes.c_uint8 * 16),
                ("message", ctypes.c_char * 1004)]


class _RepoOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("create", ctypes.c_bool),
                ("read_only", ctypes.c_bool), ("epoch", ctypes.c_int),
                ("memory_limit_bytes", ctypes.c_uint64), ("thread_count", ctypes.c_uint32),
                ("spill_directory", ctypes.c_char_p)]


class _SqlOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("at", ctypes.c_char_p), ("render", ctypes.c_int),
                ("timeout_us", ctypes.c_uint64), ("message", ctypes.c_char_p)]


class _Stream(ctypes.Structure):
    _fields_ = [("members", ctypes.c_void_p * 5)]


class ArmError(Exception):
    """A call that failed: its status and its message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def _load(folder):
    library = ctypes.CDLL(str(folder / "libarmillaria.so"))
    pointer = ctypes.c_void_p
    for name, arguments in (
            ("arm_repo_open", [ctypes.c_char_p, pointer, pointer, pointer]),
            ("arm_session_open", [pointer, ctypes.c_char_p, pointer, pointer]),
            ("arm_sql", [pointer, ctypes.c_char_p, pointer, pointer, pointer, pointer]),
            ("arm_compact", [pointer, ctypes.c_char_p, pointer, pointer, pointer]),
            ("arm_txn_begin", [pointer] * 4),
            ("arm_txn_commit", [pointer, ctypes.c_char_p, pointer, pointer]),
            ("arm_get", [pointer, ctypes.c_char_p, pointer, pointer, pointer]),
            ("arm_put", [pointer, ctypes.c_char_p, pointer, pointer, pointer]),
            ("arm_delete", [pointer, ctypes.c_char_p, pointer, pointer, pointer])):
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int
    for name in ("arm_repo_close", "arm_session_close", "arm_txn_rollback"):
        function = getattr(library, name)
        function.argtypes, function.restype = [pointer], None
    return library


def _exported(batch):
    """The rows of a pyarrow.RecordBatch as a stream, which the call that gets it releases."""
    stream = _Stream()
    reader = pyarrow.RecordBatchReader.from_batches(batch.schema, [batch])
    reader._export_to_c(ctypes.addressof(stream))
    return stream


class Transaction:
    """An open transaction of row calls. Rows and keys are pyarrow.RecordBatches."""

    def __init__(self, session, handle):
        self._session, self._handle = session, handle

    def _changed(self, name, table, batch):
        count = ctypes.c_uint64()
        self._session.call(name, self._handle, table.encode(), ctypes.byref(_exported(batch)),
                           ctypes.byref(count))
        return count.value

    def put(self, table, rows):
        """How many rows were put."""
        return self._changed("arm_put", table, rows)

    def delete(self, table, keys):
        """How many rows were deleted."""
        return self._changed("arm_delete", table, keys)

    def get(self, table, keys):
        """The rows that have the keys, as dicts."""
        stream = _Stream()
        self._session.call("arm_get", self._handle, table.encode(), ctypes.byref(_exported(keys)),
                           ctypes.byref(stream))
        with pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream)) as reader:
            return reader.read_all().to_pylist()

    def commit(self):
        """The tx id; 0 if nothing was changed."""
        handle, self._handle = self._handle, None
        tx = ctypes.c_uint64()
        self._session.call("arm_txn_commit", handle, None, ctypes.byref(tx))
        return tx.value

    def rollback(self):
        handle, self._handle = self._handle, None
        self._session.give_up(handle)


class Session:
    """A repository made in `path`, and one session of it. `folder`: of the library."""

    def __init__(self, path, thread_count=2, folder=BUILD):
        self._library = _load(folder)
        self._repo, self._session = ctypes.c_void_p(), ctypes.c_void_p()
        options = _RepoOptions(ctypes.sizeof(_RepoOptions), create=True,
                               thread_count=thread_count)
        self.call("arm_repo_open", str(path).encode(), ctypes.byref(options),
                   ctypes.byref(self._repo))
        self.call("arm_session_open", self._repo, None, ctypes.byref(self._session))

    def call(self, name, *arguments):
        error = _Error()
        status = getattr(self._library, name)(*arguments, ctypes.byref(error))
        if status:
            raise ArmError(status, error.message.decode(errors="replace"))

    def rows(self, text):
        """The rows of one statement, each value as the text DuckDB prints, or None."""
        stream = _Stream()
        options = _SqlOptions(ctypes.sizeof(_SqlOptions), render=RENDER_TEXT)
        self.call("arm_sql", self._session, text.encode(), ctypes.byref(options),
                   ctypes.byref(stream), None)
        reader = pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream))
        try:
            table = reader.read_all()
        except (pyarrow.ArrowException, OSError) as failure:
            raise ArmError(-1, str(failure)) from failure
        finally:
            reader.close()
        return list(zip(*[column.to_pylist() for column in table.columns]))

    def value(self, text):
        """The one value of a query."""
        ((value,),) = self.rows(text)
        return value

    def compact(self, table):
        self.call("arm_compact", self._session, table.encode(), None, None)

    def begin(self):
        """A transaction of row calls."""
        handle = ctypes.c_void_p()
        self.call("arm_txn_begin", self._session, None, ctypes.byref(handle))
        return Transaction(self, handle)

    def put(self, table, rows):
        """Put rows in a transaction of their own: its tx id. One that is refused is rolled back."""
        txn = self.begin()
        try:
            txn.put(table, rows)
        except ArmError:
            txn.rollback()
            raise
        return txn.commit()

    def give_up(self, handle):
        self._library.arm_txn_rollback(handle)

    def close(self):
        self._library.arm_session_close(self._session)
        self._library.arm_repo_close(self._repo)
