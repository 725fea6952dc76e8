# SPDX-License-Identifier: Apache-2.0
"""The library itself, called through its one public header: a repository, a session, rows.

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
            ("arm_sql", [pointer, ctypes.c_char_p, pointer, pointer, pointer, pointer])):
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int
    for name in ("arm_repo_close", "arm_session_close"):
        function = getattr(library, name)
        function.argtypes, function.restype = [pointer], None
    return library


class Session:
    """A repository made in `path`, and one session of it. `folder`: of the library."""

    def __init__(self, path, thread_count=2, folder=BUILD):
        self._library = _load(folder)
        self._repo, self._session = ctypes.c_void_p(), ctypes.c_void_p()
        options = _RepoOptions(ctypes.sizeof(_RepoOptions), create=True,
                               thread_count=thread_count)
        self._call("arm_repo_open", str(path).encode(), ctypes.byref(options),
                   ctypes.byref(self._repo))
        self._call("arm_session_open", self._repo, None, ctypes.byref(self._session))

    def _call(self, name, *arguments):
        error = _Error()
        status = getattr(self._library, name)(*arguments, ctypes.byref(error))
        if status:
            raise ArmError(status, error.message.decode(errors="replace"))

    def rows(self, text):
        """The rows of one statement, each value as the text DuckDB prints, or None."""
        stream = _Stream()
        options = _SqlOptions(ctypes.sizeof(_SqlOptions), render=RENDER_TEXT)
        self._call("arm_sql", self._session, text.encode(), ctypes.byref(options),
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

    def close(self):
        self._library.arm_session_close(self._session)
        self._library.arm_repo_close(self._repo)
