# SPDX-License-Identifier: Apache-2.0
"""What SQLAlchemy's inspector asks, answered from duckdb_tables() and its like.

DuckDB's dialect asks pg_catalog as if it were PostgreSQL's, and gets too much (all databases of the
session, which has three beside the repository) and too little (no keys, no sizes of DECIMAL, no
elements of lists). Here all tables of a schema are read at once and kept for the inspector's life.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, text, util
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.reflection import Inspector, cache

from ._sql_text import identifier
from ._sqlalchemy_types import type_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Of the repository; of a session's own TEMP tables, where no schema is named.
_HERE = "database_name = current_database() AND schema_name = coalesce(:schema, current_schema())"
_TEMP = "database_name = 'temp' AND :schema IS NULL"
_WHERE = f"WHERE NOT internal AND (({_HERE}) OR ({_TEMP}))"

_TABLES = f"""
    SELECT database_name = 'temp', table_name, FALSE, sql FROM duckdb_tables() {_WHERE}
    UNION ALL
    SELECT database_name = 'temp', view_name, TRUE, sql FROM duckdb_views() {_WHERE}
    ORDER BY ALL"""
_COLUMNS = f"""
    SELECT database_name = 'temp', table_name, column_name, data_type, is_nullable, column_default
    FROM duckdb_columns() {_WHERE} ORDER BY column_index"""
_CONSTRAINTS = f"""
    SELECT database_name = 'temp', table_name, constraint_type, constraint_column_names, expression
    FROM duckdb_constraints() WHERE ({_HERE}) OR ({_TEMP}) ORDER BY constraint_index"""
_SEQUENCES = f"""
    SELECT sequence_name FROM duckdb_sequences()
    WHERE ({_HERE}) OR ({_TEMP}) ORDER BY sequence_name"""
_SCHEMAS = """
    SELECT schema_name FROM duckdb_schemas()
    WHERE database_name = current_database() ORDER BY schema_name"""


@dataclasses.dataclass
class _Found:
    """A table or a view."""

    is_view: bool
    sql: str
    columns: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    constraints: list[tuple[str, list[str], str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class _Catalog:
    """Those of a schema, and, where none is named, those of the session."""

    lasting: dict[str, _Found] = dataclasses.field(default_factory=dict)
    temporary: dict[str, _Found] = dataclasses.field(default_factory=dict)

    def of(self, temporary: bool) -> dict[str, _Found]:
        return self.temporary if temporary else self.lasting


def _column(found: _Found, name: str, kind: str, nullable: bool,
            default: str | None) -> dict[str, Any]:
    """A column as SQLAlchemy has them. Generated ones are told by the table's SQL alone."""
    column: dict[str, Any] = {"name": name, "type": type_of(kind), "nullable": nullable,
                              "default": default, "autoincrement": False}
    if default is None or found.is_view:
        return column
    generated = f"{kind} GENERATED ALWAYS AS("
    if any(f"{spelled} {generated}" in found.sql for spelled in (name, identifier(name))):
        column.update(default=None, computed={"sqltext": default, "persisted": False})
    elif default.startswith("nextval("):
        column["autoincrement"] = True
    return column


class Reflection(DefaultDialect):
    """Answers of the dialect to its inspector. Constraints have no names: the repository keeps
    none."""

    inspector = Inspector

    def _rows(self, connection: Connection, query: str, schema: str | None) -> list[Any]:
        return list(connection.execute(text(query), {"schema": schema}))

    @cache
    def _catalog(self, connection: Connection, schema: str | None = None, **kw: Any) -> _Catalog:
        catalog = _Catalog()
        for temporary, name, is_view, sql in self._rows(connection, _TABLES, schema):
            catalog.of(temporary)[name] = _Found(is_view, sql)
        for temporary, name, *column in self._rows(connection, _COLUMNS, schema):
            found = catalog.of(temporary)[name]
            found.columns.append(_column(found, *column))
        for temporary, name, *constraint in self._rows(connection, _CONSTRAINTS, schema):
            catalog.of(temporary)[name].constraints.append(tuple(constraint))
        return catalog

    def _find(self, connection: Connection, name: str, schema: str | None, kw: Any) -> _Found:
        """A session's own table comes before the repository's, as in FROM."""
        catalog = self._catalog(connection, schema, **_cached(kw))
        found: _Found | None = catalog.temporary.get(name) or catalog.lasting.get(name)
        if found is None:
            raise exc.NoSuchTableError(f"{schema}.{name}" if schema else name)
        return found

    def _names(self, connection: Connection, schema: str | None, kw: Any, *, temporary: bool,
               views: bool) -> list[str]:
        catalog = self._catalog(connection, schema, **_cached(kw))
        return [name for name, found in catalog.of(temporary).items() if found.is_view == views]

    def _columns_of(self, found: _Found, kind: str) -> list[list[str]]:
        return [columns for its, columns, _ in found.constraints if its == kind]

    # -- What there is

    @cache
    def has_table(self, connection: Connection, table_name: str, schema: str | None = None,
                  **kw: Any) -> bool:
        self._ensure_has_table_connection(connection)
        names = self._rows(connection, _TABLES, schema)
        return any(name == table_name for _, name, *_ in names)

    @cache
    def has_sequence(self, connection: Connection, sequence_name: str, schema: str | None = None,
                     **kw: Any) -> bool:
        return sequence_name in self.get_sequence_names(connection, schema)

    @cache
    def has_schema(self, connection: Connection, schema_name: str, **kw: Any) -> bool:
        return schema_name in self.get_schema_names(connection)

    def has_index(self, connection: Connection, table_name: str, index_name: str,
                  schema: str | None = None, **kw: Any) -> bool:
        return False

    @cache
    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        return [name for name, in connection.execute(text(_SCHEMAS))]

    @cache
    def get_sequence_names(self, connection: Connection, schema: str | None = None,
                           **kw: Any) -> list[str]:
        return [name for name, in self._rows(connection, _SEQUENCES, schema)]

    @cache
    def get_table_names(self, connection: Connection, schema: str | None = None,
                        **kw: Any) -> list[str]:
        return self._names(connection, schema, kw, temporary=False, views=False)

    @cache
    def get_view_names(self, connection: Connection, schema: str | None = None,
                       **kw: Any) -> list[str]:
        return self._names(connection, schema, kw, temporary=False, views=True)

    @cache
    def get_temp_table_names(self, connection: Connection, schema: str | None = None,
                             **kw: Any) -> list[str]:
        return self._names(connection, None, kw, temporary=True, views=False)

    @cache
    def get_temp_view_names(self, connection: Connection, schema: str | None = None,
                            **kw: Any) -> list[str]:
        return self._names(connection, None, kw, temporary=True, views=True)

    def get_materialized_view_names(self, connection: Connection, schema: str | None = None,
                                    **kw: Any) -> list[str]:
        return []

    # -- Of a table or a view

    def get_columns(self, connection: Connection, table_name: str, schema: str | None = None,
                    **kw: Any) -> Any:
        columns = self._find(connection, table_name, schema, kw).columns
        for column in columns:
            if column["type"]._isnull:
                util.warn(f"no type of SQLAlchemy is known for {table_name}.{column['name']}")
        return columns

    def get_pk_constraint(self, connection: Connection, table_name: str,
                          schema: str | None = None, **kw: Any) -> Any:
        found = self._find(connection, table_name, schema, kw)
        columns = self._columns_of(found, "PRIMARY KEY")
        return {"constrained_columns": columns[0] if columns else [], "name": None}

    def get_unique_constraints(self, connection: Connection, table_name: str,
                               schema: str | None = None, **kw: Any) -> Any:
        found = self._find(connection, table_name, schema, kw)
        return [{"name": None, "column_names": columns}
                for columns in self._columns_of(found, "UNIQUE")]

    def get_check_constraints(self, connection: Connection, table_name: str,
                              schema: str | None = None, **kw: Any) -> Any:
        found = self._find(connection, table_name, schema, kw)
        return [{"name": None, "sqltext": expression}
                for kind, _, expression in found.constraints if kind == "CHECK"]

    def get_foreign_keys(self, connection: Connection, table_name: str, schema: str | None = None,
                         **kw: Any) -> Any:
        self._find(connection, table_name, schema, kw)
        return []

    get_indexes = get_foreign_keys

    def get_table_comment(self, connection: Connection, table_name: str,
                          schema: str | None = None, **kw: Any) -> Any:
        self._find(connection, table_name, schema, kw)
        return {"text": None}

    def get_view_definition(self, connection: Connection, view_name: str,
                            schema: str | None = None, **kw: Any) -> str:
        found = self._find(connection, view_name, schema, kw)
        if not found.is_view:
            raise exc.NoSuchTableError(view_name)
        return found.sql

    # There are none of PostgreSQL's.
    get_table_options = DefaultDialect.get_table_options

    # -- Of many: one by one from what was read, where PostgreSQL's dialect has statements

    get_multi_columns = DefaultDialect.get_multi_columns
    get_multi_pk_constraint = DefaultDialect.get_multi_pk_constraint
    get_multi_unique_constraints = DefaultDialect.get_multi_unique_constraints
    get_multi_check_constraints = DefaultDialect.get_multi_check_constraints
    get_multi_foreign_keys = DefaultDialect.get_multi_foreign_keys
    get_multi_indexes = DefaultDialect.get_multi_indexes
    get_multi_table_options = DefaultDialect.get_multi_table_options
    get_multi_table_comment = DefaultDialect.get_multi_table_comment
    if hasattr(DefaultDialect, "has_multi_table"):  # since SQLAlchemy 2.1
        has_multi_table = DefaultDialect.has_multi_table


def _cached(kw: dict[str, Any]) -> dict[str, Any]:
    """The inspector's memory: the part of an answer's options that a catalog is kept by."""
    return {"info_cache": kw["info_cache"]} if kw.get("info_cache") is not None else {}
