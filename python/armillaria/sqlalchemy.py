# SPDX-License-Identifier: Apache-2.0
"""The dialect of SQLAlchemy: `armillaria:///path?branch=main`.

>>> from sqlalchemy import create_engine, text
>>> engine = create_engine("armillaria:///repo?create=true")
>>> with engine.connect() as connection:
...     connection = connection.execution_options(armillaria_branch="main")
...     _ = connection.execute(text("CREATE TABLE t AS SELECT 42 AS a"))
...     connection.commit()

Three slashes before a relative path, four before an absolute one. Options of the URL: `branch`,
`create`, `read_only`, and the others of `armillaria.open`. It is DuckDB's dialect over
`armillaria.dbapi`; what is overridden here says why.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import FrameType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from duckdb_engine import Dialect as DuckDBDialect
from duckdb_engine import datatypes, visit_try_cast
from sqlalchemy import event, exc, types, util
from sqlalchemy.dialects import postgresql, registry
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.base import (
    PGCompiler,
    PGDDLCompiler,
    PGDialect,
    PGExecutionContext,
    PGTypeCompiler,
)
from sqlalchemy.dialects.sqlite.json import JSONIndexType, JSONPathType
from sqlalchemy.engine import processors
from sqlalchemy.engine.characteristics import ConnectionCharacteristic
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateSequence, DropSequence, Sequence
from sqlalchemy.sql.compiler import DDLCompiler

from . import __version__, dbapi
from . import errors as _errors
from ._sql_text import parts
from ._sqlalchemy_reflection import Reflection

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine

__all__ = ["Dialect", "LeftOut", "insert"]


class LeftOut(exc.SAWarning):
    """A foreign key or an index was left out of a table: nobody checks it, nothing is faster. As an
    error: `warnings.simplefilter("error", LeftOut)`."""


# ---- Statements ----


class _Compiler(PGCompiler):
    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text

    def format_from_hint_text(self, sqltext: str, table: Any, hint: str, iscrud: bool) -> str:
        """`with_hint(table, "AT (VERSION => 1)")`: PostgreSQL's dialect takes ONLY alone."""
        return f"{sqltext} {hint}"

    def visit_json_getitem_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """One arrow, and a path like SQLite's: DuckDB has no #>, PostgreSQL's for paths. Anything
        but JSON is taken out as text, and cast."""
        if binary.type._type_affinity is types.JSON:
            return self._arrow(binary, "->", kw)
        kind = self.dialect.type_compiler_instance.process(binary.type)
        return f"CAST({self._arrow(binary, '->>', kw)} AS {kind})"

    visit_json_path_getitem_op_binary = visit_json_getitem_op_binary

    def _arrow(self, binary: Any, arrow: str, kw: Any) -> str:
        left, right = self.process(binary.left, **kw), self.process(binary.right, **kw)
        return f"({left} {arrow} {right})"

    def _regexp_match(self, base_op: str, binary: Any, operator: Any, kw: Any) -> str:
        """DuckDB's ~ wants the whole text to match."""
        sides = [self.process(binary.left, **kw), self.process(binary.right, **kw)]
        if binary.modifiers["flags"] is not None:
            sides.append(self.render_literal_value(binary.modifiers["flags"], types.STRINGTYPE))
        return f"{'NOT ' if base_op == '!~' else ''}regexp_matches({', '.join(sides)})"

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """DuckDB has a function where PostgreSQL has #."""
        return f"xor({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"


class _Interval(postgresql.INTERVAL):
    """An INTERVAL whose values can be written into a statement: there is no make_interval()."""

    @classmethod
    def adapt_emulated_to_native(cls, interval: Any, **kw: Any) -> Any:
        return cls()

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        return lambda value: f"to_microseconds({value // timedelta(microseconds=1)})"


class _Map(datatypes.Map):
    """A MAP from a dict, which is a STRUCT to us, and to DuckDB's own module a MAP."""

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any]:
        return lambda value: value if value is None else [
            {"key": key, "value": item} for key, item in value.items()]

    def bind_expression(self, bindvalue: Any) -> Any:
        return sa.func.map_from_entries(bindvalue, type_=self)


class _Numeric(types.Numeric[Any]):
    """Decimals, which a division does not give: DuckDB's is of DOUBLEs."""

    def bind_processor(self, dialect: Any) -> None:
        return None

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        if not self.asdecimal:
            return processors.to_float
        if str(coltype).startswith("DECIMAL"):
            return None
        return lambda value: None if value is None else Decimal(str(value))


class _TypeCompiler(PGTypeCompiler):
    def visit_INTERVAL(self, type_: Any, **kw: Any) -> str:
        """It has no precision and no fields."""
        return "INTERVAL"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        """FLOAT is 4 bytes in DuckDB, and 8 in PostgreSQL unless it says less: a float of Python
        would not come back."""
        return "FLOAT" if type_.precision is not None and type_.precision <= 24 else "DOUBLE"

    def visit_enum(self, type_: Any, **kw: Any) -> str:
        """ENUM(...) in place: there is no CREATE TYPE."""
        if not type_.native_enum:
            return self.visit_VARCHAR(type_, **kw)
        quoted = ("'" + label.replace("'", "''") + "'" for label in type_.enums)
        return f"ENUM({', '.join(quoted)})"


def _compile_types() -> None:
    """DuckDB's own types, which DuckDB's dialect compiles for its own name alone."""

    def with_preparer(visit: Callable[..., str]) -> Callable[..., str]:
        def compile_it(element: Any, compiler: Any, **kw: Any) -> str:
            kw.setdefault("identifier_preparer", compiler.dialect.identifier_preparer)
            return visit(element, compiler, **kw)

        return compile_it

    for kind in datatypes.types:
        compiles(kind, Dialect.name)(datatypes.compile_uint)
    compiles(datatypes.Struct, Dialect.name)(with_preparer(datatypes.visit_struct))
    compiles(datatypes.Union, Dialect.name)(with_preparer(datatypes.visit_union))
    compiles(datatypes.Map, Dialect.name)(datatypes.visit_map)
    compiles(sa.TryCast, Dialect.name)(visit_try_cast)


# ---- Definitions ----


def _own_sequence(column: Any) -> Sequence | None:
    """The sequence of a column that counts by itself: an integer primary key, or one with Identity.
    It stands for SERIAL and GENERATED AS IDENTITY, which there are not; its values are never given
    twice, on no branch."""
    table = column.table
    # As PostgreSQL's dialect calls it where it takes a value itself.
    head = table.name[:29 + max(0, 29 - len(column.name))]
    name = f"{head}_{column.name[:29 + max(0, 29 - len(head))]}_seq"
    if column.identity is not None:
        if column.identity.always:
            raise exc.CompileError(f"{table.name}.{column.name}: there is no GENERATED ALWAYS AS "
                                   "IDENTITY: use Identity(), or Identity(always=False)")
        options = ("start", "increment", "minvalue", "maxvalue", "nominvalue", "nomaxvalue",
                   "cycle")
        return Sequence(name, schema=table.schema,
                        **{option: getattr(column.identity, option) for option in options})
    default = column.default
    if column is not table._autoincrement_column or \
            not (default is None or isinstance(default, Sequence) and default.optional):
        return None
    if column.server_default is not None and not _is_nextval(column.server_default, name):
        return None
    return Sequence(name, schema=table.schema)


def _is_nextval(default: Any, sequence: str) -> bool:
    """Whether a default, as it is reflected, takes the values of this sequence."""
    said = re.fullmatch(r"nextval\('(.*)'\)", str(getattr(default, "arg", "")))
    return said is not None and parts(said[1].replace("''", "'"))[-1] == sequence


def _warn(message: str) -> None:
    """At the line that is neither ours nor SQLAlchemy's."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in (
            "sqlalchemy", "armillaria"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, LeftOut, stacklevel=level)


class _DDLCompiler(PGDDLCompiler):
    def _own_sequences(self, table: Any) -> list[Sequence]:
        return [found for found in map(_own_sequence, table.columns) if found is not None]

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        """PostgreSQL's dialect says SERIAL."""
        return DDLCompiler.get_column_specification(self, column, **kw)

    def get_column_default_string(self, column: Any) -> str | None:
        sequence = _own_sequence(column)
        if sequence is None:
            return super().get_column_default_string(column)
        name = self.preparer.format_sequence(sequence).replace("'", "''")
        return f"nextval('{name}')"

    def visit_create_table(self, create: Any, **kw: Any) -> str:
        """After its sequences, in one text; those of a TEMP table are TEMP."""
        prefixes = {str(prefix).upper() for prefix in create.element._prefixes}
        kind = "TEMPORARY " if prefixes & {"TEMP", "TEMPORARY"} else ""
        before = [f"CREATE {kind}{self.process(CreateSequence(sequence, if_not_exists=True))[7:]};"
                  for sequence in self._own_sequences(create.element)]
        return "\n".join([*before, super().visit_create_table(create, **kw)])

    def visit_drop_table(self, drop: Any, **kw: Any) -> str:
        after = [self.process(DropSequence(sequence, if_exists=True))
                 for sequence in self._own_sequences(drop.element)]
        return ";\n".join([super().visit_drop_table(drop, **kw), *after])

    def visit_foreign_key_constraint(self, constraint: Any, **kw: Any) -> Any:
        """There are none: models whose relationships need them would be of no use."""
        columns = ", ".join(column.name for column in constraint.columns)
        _warn(f"{constraint.table.name}: the foreign key of ({columns}) is left out, and nobody "
              "checks it")
        return None  # no line of CREATE TABLE

    def visit_add_constraint(self, create: Any, **kw: Any) -> str:
        raise exc.CompileError("there is no ADD CONSTRAINT: say it when the table is created")

    def visit_create_index(self, create: Any, **kw: Any) -> str:
        """There are none, and none is needed to find a row by its key. One that is UNIQUE is a
        promise, though."""
        index = create.element
        if index.unique:
            raise exc.CompileError(f"there is no CREATE UNIQUE INDEX (of {index.name}): use a "
                                   "UniqueConstraint, or unique=True of the column")
        _warn(f"the index {index.name} of {index.table.name} is left out: there are none")
        return "-- " + " ".join(super().visit_create_index(create, **kw).split())

    def visit_drop_index(self, drop: Any, **kw: Any) -> str:
        return "-- " + " ".join(super().visit_drop_index(drop, **kw).split())

    def visit_computed_column(self, generated: Any, **kw: Any) -> str:
        """VIRTUAL, whatever the version of SQLAlchemy says for PostgreSQL: none is stored."""
        if generated.persisted:
            raise exc.CompileError(f"{generated.column}: there are no stored generated columns")
        text = self.sql_compiler.process(generated.sqltext, include_table=False,
                                         literal_binds=True)
        return f"GENERATED ALWAYS AS ({text}) VIRTUAL"

    def visit_create_sequence(self, create: Any, **kw: Any) -> str:
        """Without a type, which there is not: they count as BIGINT."""
        return DDLCompiler.visit_create_sequence(self, create, **kw)


# ---- Connections ----

_FLAGS = ("create", "read_only")
_NUMBERS = ("memory_limit", "threads")
_TEXTS = ("branch", "spill_directory")


def _option(name: str, value: Any) -> Any:
    """An option of a URL."""
    if not isinstance(value, str):
        raise exc.ArgumentError(f"{name} is said twice in the URL")
    try:
        if name in _FLAGS:
            return util.asbool(value)
        if name in _NUMBERS:
            return int(value)
    except ValueError as error:
        raise exc.ArgumentError(f"{name}={value} in the URL: {error}") from None
    if name in _TEXTS:
        return value
    raise exc.ArgumentError(f"there is no option {name} of a URL of armillaria: it may have "
                            f"{', '.join(_TEXTS + _FLAGS + _NUMBERS)}")


class _BranchOption(ConnectionCharacteristic):
    """`execution_options(armillaria_branch="fix")`: the branch that a connection, or what an engine
    gives, stands on. It is set back when the connection returns to the pool (`_go_home`)."""

    __slots__ = ()
    transactional = True

    def set_characteristic(self, dialect: Any, dbapi_conn: Any, value: Any) -> None:
        try:
            dbapi_conn.db.checkout(value)
        except _errors.Error as error:
            raise exc.ArgumentError(f"armillaria_branch={value!r}: {error}") from error

    def get_characteristic(self, dialect: Any, dbapi_conn: Any) -> Any:
        return dbapi_conn.db.branch

    def reset_characteristic(self, dialect: Any, dbapi_conn: Any) -> None:
        pass


def _remember_home(dbapi_connection: Any, record: Any) -> None:
    record.info["armillaria"] = (os.getpid(), dbapi_connection.db.branch)


def _go_home(dbapi_connection: Any, record: Any) -> None:
    """Back to the pool on the branch it came from, also after USE BRANCH: nobody is to write to the
    branch of somebody before them."""
    pid, branch = record.info.get("armillaria", (None, None))
    if dbapi_connection is not None and pid == os.getpid() and not dbapi_connection.db.closed and \
            dbapi_connection.db.branch != branch:
        try:
            dbapi_connection.db.checkout(branch)
        except _errors.Error as error:  # it was dropped: the next one opens anew, and is told
            record.invalidate(error)


def _leave_the_parents(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    """What came over a fork is of no use: the pool opens another one."""
    if record.info.get("armillaria", (os.getpid(),))[0] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise exc.DisconnectionError("the connection belongs to the parent process")


class Dialect(Reflection, DuckDBDialect):
    """DuckDB's dialect, over a repository."""

    name = "armillaria"
    driver = "dbapi"
    # DuckDB's dialect says no; nothing in a compiled statement depends on its values here.
    supports_statement_cache = True
    # DML tells its count, of executemany too; with RETURNING it gives rows instead.
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = True
    supports_sane_rowcount_returning = False
    supports_comments = False
    # Constraints are said in CREATE TABLE alone.
    supports_alter = False
    # A sequence takes its place: see _own_sequence.
    supports_identity_columns = False
    sequences_optional = True
    returns_native_bytes = True
    supports_native_decimal = True
    max_identifier_length = 255
    # psycopg2's, which there is not: its notices, its version.
    execution_ctx_cls = PGExecutionContext
    minimum_dbapi_version = None

    statement_compiler = _Compiler
    ddl_compiler = _DDLCompiler
    type_compiler_cls = _TypeCompiler
    colspecs = util.update_copy(
        {kind: ours for kind, ours in DuckDBDialect.colspecs.items()
         # In place of PostgreSQL's, which are for CREATE TYPE and for numbers of its types.
         if kind not in (types.Enum, types.Float)},
        {datatypes.Map: _Map, types.Numeric: _Numeric,
         types.Interval: _Interval, postgresql.INTERVAL: _Interval,
         types.JSON.JSONPathType: JSONPathType, types.JSON.JSONIndexType: JSONIndexType})
    connection_characteristics = PGDialect.connection_characteristics.union(
        {"armillaria_branch": _BranchOption()})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # `?` twice is two things to SQL, `$1` twice is one: GROUP BY an expression with a value.
        kwargs.setdefault("paramstyle", "numeric_dollar")
        super().__init__(*args, **kwargs)

    # -- Its life

    @classmethod
    def import_dbapi(cls) -> Any:
        return dbapi

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        event.listen(engine.pool, "connect", _remember_home)
        event.listen(engine.pool, "checkin", _go_home)
        event.listen(engine.pool, "checkout", _leave_the_parents)

    @classmethod
    def get_pool_class(cls, url: URL) -> type[sa.Pool]:
        return sa.QueuePool

    def create_connect_args(self, url: URL) -> Any:
        if url.host or url.port or url.username or url.password:
            raise exc.ArgumentError(f"{url}: no host and no user; three slashes before a relative "
                                    "path, four before an absolute one")
        if not url.database:
            raise exc.ArgumentError(f"{url} names no repository: armillaria:///path")
        return (url.database,), {name: _option(name, value) for name, value in url.query.items()}

    def connect(self, *args: Any, **options: Any) -> Any:
        """DuckDB's dialect opens a file of DuckDB's."""
        return self.loaded_dbapi.connect(*args, **options)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """And no transaction stays open."""
        dbapi_connection.execute("SELECT 1")
        dbapi_connection.rollback()
        return True

    def do_close(self, dbapi_connection: Any) -> None:
        """What is closed already is no error to a pool."""
        if not dbapi_connection.db.closed:
            dbapi_connection.close()

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        return isinstance(e.__cause__, (_errors.Closed, _errors.Forked, _errors.Reopen)) or \
            connection is not None and connection.db.closed

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        return tuple(map(int, __version__.split(".")[:3]))

    # -- Transactions

    def do_begin(self, dbapi_connection: Any) -> None:
        """Nothing: the first statement begins one. DuckDB's dialect says BEGIN, also within a
        transaction and under AUTOCOMMIT."""

    # DuckDB's dialect looks for DuckDB's errors.
    do_rollback = DefaultDialect.do_rollback

    def get_isolation_level_values(self, dbapi_connection: Any) -> Any:
        return ("SNAPSHOT", "SERIALIZABLE", "AUTOCOMMIT")

    # DuckDB's dialect has none: the one that a new connection has.
    get_default_isolation_level = DefaultDialect.get_default_isolation_level

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        if dbapi_connection.autocommit:
            return "AUTOCOMMIT"
        row = dbapi_connection.db.sql("SELECT current_setting('arm_isolation')").fetchone()
        return row[0].upper()

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        dbapi_connection.autocommit = level == "AUTOCOMMIT"
        if level != "AUTOCOMMIT":
            dbapi_connection.execute(f"SET arm_isolation = '{level.lower()}'")
            dbapi_connection.rollback()  # a setting stays, and holds for the next transaction

    def do_savepoint(self, connection: Any, name: str) -> None:
        raise exc.InvalidRequestError("there are no savepoints: no begin_nested()")

    def do_begin_twophase(self, connection: Any, xid: Any) -> None:
        raise exc.InvalidRequestError("there is no two-phase commit: no begin_twophase()")


_compile_types()
for _name in (Dialect.name, f"{Dialect.name}.{Dialect.driver}"):
    registry.register(_name, __name__, "Dialect")
