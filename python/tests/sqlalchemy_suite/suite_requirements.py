# SPDX-License-Identifier: Apache-2.0
"""What SQLAlchemy's dialect tests may ask of the dialect: what there is beyond what they take for
granted, and, with the reason, what of that there is not. The rest stays as they have it."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.testing import exclusions
from sqlalchemy.testing.provision import (
    set_default_schema_on_connection,
    temp_table_keyword_args,
    upsert,
)
from sqlalchemy.testing.requirements import SuiteRequirements

HAS = """
    aggregate_order_by array_type autocommit boolean_col_expressions computed_columns
    computed_columns_virtual create_or_replace_view create_table_as create_temp_table_as ctes
    ctes_with_update_delete ctes_with_values date_historic datetime_historic
    datetime_interval datetime_literals datetime_timezone datetime_timezone_historic
    default_schema_name_switch delete_from except_ expression_server_defaults fetch_expression
    fetch_first fetch_no_order_by float_or_double_precision_behaves_generically has_temp_table
    implicit_default_schema infinity_floats intersect isolation_level json_type
    mod_operator_as_percent_sign nullsordering order_by_label_with_expression percent_schema_names
    precision_generic_float_type precision_numerics_enotation_small
    precision_numerics_many_significant_digits precision_numerics_retains_significant_digits
    regexp_match regexp_replace schema_create_delete server_defaults skip_autocommit_rollback
    supports_bitwise_and supports_bitwise_not supports_bitwise_or supports_bitwise_shift
    supports_bitwise_xor supports_distinct_on table_ddl_if_exists table_value_constructor
    temp_table_names temporary_views timestamp_microseconds tuple_in unicode_ddl update_from
    uuid_data_type views window_functions window_range window_range_non_numeric
    window_range_numeric
""".split()

LACKS = {
    "foreign_key_constraint_reflection": "foreign keys are left out of tables",
    "index_reflection": "indexes are left out of tables",
    "indexes_with_ascdesc": "the same",
    "reflect_indexes_with_ascdesc": "the same",
    "temp_table_reflect_indexes": "the same",
    "named_constraints": "the repository keeps no names of constraints",
    "implicitly_named_constraints": "the same",
    "unique_constraint_reflection": "these tests find constraints by name; "
                                    "test_sqlalchemy.py finds them by column",
}


class Requirements(SuiteRequirements):
    def get_isolation_levels(self, config):
        return {"default": "SNAPSHOT", "supported": ["SNAPSHOT", "SERIALIZABLE", "AUTOCOMMIT"]}


for name in HAS:
    setattr(Requirements, name, property(lambda self: exclusions.open()))
for name in LACKS:
    setattr(Requirements, name, property(lambda self: exclusions.closed()))


@temp_table_keyword_args.for_db("armillaria")
def _temporary(cfg, eng):
    return {"prefixes": ["TEMPORARY"]}


@set_default_schema_on_connection.for_db("armillaria")
def _set_schema(cfg, dbapi_connection, schema_name):
    dbapi_connection.db.sql(f"SET schema = '{schema_name}'")


@upsert.for_db("armillaria")
def _upsert(cfg, table, returning, *, set_lambda=None, sort_by_parameter_order=False,
            index_elements=None):
    statement = insert(table)
    keys = index_elements or table.primary_key
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_=set_lambda(statement.excluded)) if set_lambda else \
        statement.on_conflict_do_nothing()
    return statement.returning(*returning, sort_by_parameter_order=sort_by_parameter_order)
