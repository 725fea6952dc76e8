# SPDX-License-Identifier: Apache-2.0
"""The dialect of SQLAlchemy: what is ours. What all dialects do, test_sqlalchemy_suite.py asks."""

import datetime
import decimal
import importlib.metadata
import os
import subprocess
import sys
import threading
import uuid
import warnings

import armillaria as arm
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from armillaria import dbapi
from armillaria.sqlalchemy import LeftOut, insert
from duckdb_engine.datatypes import Map, Struct, UInteger
from sqlalchemy import exc, orm


@pytest.fixture
def engine(path):
    made = sa.create_engine(f"armillaria:///{path}?create=true")
    with made.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR)"))
    yield made
    made.dispose()


def count(connection, table="t"):
    return connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()


# ---- Names, URLs ----


def test_entry_point():
    found = {point.name: point.value for point in
             importlib.metadata.entry_points(group="sqlalchemy.dialects")
             if point.value.startswith("armillaria")}
    assert found == {"armillaria": "armillaria.sqlalchemy:Dialect",
                     "armillaria.dbapi": "armillaria.sqlalchemy:Dialect"}


@pytest.mark.parametrize("module", ["sqlalchemy", "armillaria.sqlalchemy"])
def test_found_by_name(path, module):
    """By the entry point; and by the module's import alone, where nothing is installed."""
    hide = "import importlib.metadata as m; m.entry_points = lambda **_: ()\n" \
        if module != "sqlalchemy" else ""
    done = subprocess.run(
        [sys.executable, "-c", f"{hide}import {module}, sqlalchemy as sa\n"
         f"e = sa.create_engine('armillaria:///{path}?create=1')\n"
         "print(e.connect().execute(sa.text('SELECT 42')).scalar())"],
        text=True, capture_output=True, check=False, timeout=300)
    assert done.stdout == "42\n", done.stderr


def test_relative_and_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sa.create_engine("armillaria:///here?create=yes").connect():
        assert (tmp_path / "here" / "FORMAT").exists()
    with sa.create_engine(f"armillaria:///{tmp_path}/there?create=1").connect():
        assert (tmp_path / "there" / "FORMAT").exists()


@pytest.mark.parametrize("url, said", [
    ("armillaria://repo", "three slashes"), ("armillaria://", "names no repository"),
    ("armillaria://user@/repo", "no user"), ("armillaria:///r?nope=1", "no option nope"),
    ("armillaria:///r?create=perhaps", "create=perhaps"),
    ("armillaria:///r?threads=x", "threads=x"),
    ("armillaria:///r?branch=a&branch=b", "twice"),
])
def test_wrong_urls(url, said):
    with pytest.raises(exc.ArgumentError, match=said):
        sa.create_engine(url).connect()


def test_options_of_the_url(engine, path):
    with pytest.raises(exc.ProgrammingError, match="nothere"):
        sa.create_engine("armillaria:///nothere").connect()
    with pytest.raises(exc.ProgrammingError, match="no branch"):
        sa.create_engine(f"armillaria:///{path}?branch=b").connect()
    with sa.create_engine(f"armillaria:///{path}?read_only=true").connect() as connection:
        assert count(connection) == 0
        with pytest.raises(exc.OperationalError, match="only reads"):
            connection.execute(sa.text("INSERT INTO t VALUES (1, 'a')"))


# ---- Transactions ----


def test_begin_commit_rollback(engine):
    with engine.connect() as connection, engine.connect() as other:
        connection.execute(sa.text("INSERT INTO t VALUES (1, 'a')"))
        assert count(other) == 0
        other.rollback()
        connection.commit()
        assert count(other) == 1
        connection.execute(sa.text("DELETE FROM t"))
        connection.rollback()
        assert count(connection) == 1
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM t"))
        raise ZeroDivisionError
    with engine.connect() as connection:
        assert count(connection) == 1


def test_inspecting_within_a_transaction(engine):
    """duckdb-engine 0.17 says BEGIN twice there."""
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE u (a INTEGER)"))
        assert sa.inspect(connection).get_table_names() == ["t", "u"]
        connection.rollback()
        assert sa.inspect(connection).get_table_names() == ["t"]
    with engine.begin() as connection:
        assert sa.inspect(connection).has_table("t")


def test_isolation_levels(engine, path):
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "SNAPSHOT"
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("INSERT INTO t VALUES (1, 'a')"))
        connection.rollback()
        assert count(connection) == 1
        assert connection.get_isolation_level() == "AUTOCOMMIT"
    serializable = sa.create_engine(f"armillaria:///{path}", isolation_level="SERIALIZABLE")
    with serializable.connect() as one, serializable.connect() as two:
        assert one.get_isolation_level() == "SERIALIZABLE"
        one.execute(sa.text("INSERT INTO t SELECT 10 + count(*), 'x' FROM t"))
        two.execute(sa.text("INSERT INTO t SELECT 20 + count(*), 'x' FROM t"))
        one.commit()
        with pytest.raises(exc.OperationalError) as caught:
            two.commit()
    assert isinstance(caught.value.orig.__cause__, arm.TransactionConflict)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "SNAPSHOT"
        with pytest.raises(exc.ArgumentError, match="SNAPSHOT"):
            connection.execution_options(isolation_level="READ COMMITTED")


def test_what_there_is_not(engine):
    with engine.connect() as connection:
        with pytest.raises(exc.InvalidRequestError, match="savepoints"):
            connection.begin_nested()
        connection.rollback()
        with pytest.raises(exc.InvalidRequestError, match="two-phase"):
            connection.begin_twophase()


@pytest.mark.parametrize("sql, error", [
    ("SELEC 1", exc.ProgrammingError), ("SELECT * FROM nothere", exc.ProgrammingError),
    ("INSERT INTO t VALUES (1, 'x'), (1, 'y')", exc.IntegrityError),
    ("INSERT INTO t VALUES (NULL, 'x')", exc.IntegrityError),
    ("CREATE TYPE e AS ENUM ('a')", exc.NotSupportedError),
])
def test_errors(engine, sql, error):
    with engine.connect() as connection:
        with pytest.raises(error) as caught:
            connection.execute(sa.text(sql))
        assert isinstance(caught.value.orig, dbapi.Error)
        connection.rollback()
        assert count(connection) == 0


# ---- Branches and versions ----


def test_branches(engine, path):
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE BRANCH b"))
    with engine.connect().execution_options(armillaria_branch="b") as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1, 'on b')"))
        connection.commit()
    with engine.connect() as connection:  # the same connection of the pool, on main again
        assert count(connection) == 0
        with pytest.raises(exc.InvalidRequestError, match="armillaria_branch"):
            connection.execution_options(armillaria_branch="b")
        connection.rollback()
        with pytest.raises(exc.ArgumentError, match="nope"):
            connection.execution_options(armillaria_branch="nope")
    on_b = engine.execution_options(armillaria_branch="b")
    for _ in range(2):
        with on_b.connect() as connection:
            assert count(connection) == 1
    with sa.create_engine(f"armillaria:///{path}?branch=b").connect() as connection:
        assert count(connection) == 1
    with orm.Session(engine) as session:
        session.connection(execution_options={"armillaria_branch": "b"})
        assert count(session) == 1


def test_use_branch_does_not_outlive_its_connection(engine):
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE BRANCH b"))
        connection.execute(sa.text("USE BRANCH b"))
        connection.execute(sa.text("INSERT INTO t VALUES (1, 'a')"))
        connection.commit()
    with engine.connect() as connection:
        assert connection.connection.driver_connection.db.branch == "main"
        assert count(connection) == 0


def test_a_home_that_was_dropped(path, engine):
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE BRANCH b"))
    homeless = sa.create_engine(f"armillaria:///{path}?branch=b")
    with homeless.connect() as connection:
        connection.execute(sa.text("USE BRANCH main"))
        connection.execute(sa.text("DROP BRANCH b"))
    with pytest.raises(exc.ProgrammingError, match="no branch"):
        homeless.connect()


def test_versions(engine):
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1, 'a')"))
    table = sa.table("t", sa.column("id"))
    alias = table.alias("z")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM t AT (VERSION => 1)")).all() == []
        for version, rows in ((1, []), (2, [(1,)])):
            for named in (table, alias):
                at = sa.select(named.c.id).with_hint(named, f"AT (VERSION => {version})")
                assert connection.execute(at).all() == rows


# ---- Definitions ----


class Base(orm.DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    score: orm.Mapped[float] = orm.mapped_column(default=0.1)
    posts: orm.Mapped[list["Post"]] = orm.relationship(back_populates="user",
                                                       cascade="all, delete-orphan")


class Post(Base):
    __tablename__ = "posts"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("users.id"), index=True)
    user: orm.Mapped[User] = orm.relationship(back_populates="posts")


def test_orm(engine):
    with pytest.warns(LeftOut) as caught:
        Base.metadata.create_all(engine)
    said = sorted(str(warning.message) for warning in caught)
    assert len(said) == 2 and "index ix_posts_user_id" in said[1] and "(user_id)" in said[0]
    assert {warning.filename for warning in caught} == {__file__}
    with orm.Session(engine) as session:
        session.add(User(name="a", posts=[Post(), Post()]))
        session.commit()
        user = session.scalars(sa.select(User)).one()
        assert (user.id, user.score, [post.id for post in user.posts]) == (1, 0.1, [1, 2])
        session.add_all([User(name=f"u{i}") for i in range(1500)])
        session.commit()
        ids = dict(session.execute(sa.select(User.name, User.id)).all())
        assert len(set(ids.values())) == 1501
        assert [user.id for user in session.scalars(sa.select(User).order_by(User.id)).all()
                if ids[user.name] != user.id] == []
        del user.posts[0]
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Post)) == 1
        joined = sa.select(User.name).join(Post)
        assert session.scalars(joined).all() == ["a"]
    Base.metadata.drop_all(engine)
    assert sa.inspect(engine).get_sequence_names() == []


def test_a_stale_row_is_told(engine):
    """ORM asks how many rows an UPDATE matched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        user = User(name="a")
        session.add(user)
        session.flush()
        session.execute(sa.text("DELETE FROM users"))
        user.name = "b"
        with pytest.raises(orm.exc.StaleDataError):
            session.flush()


def table(*columns, name="u"):
    return sa.Table(name, sa.MetaData(), *columns)


def test_left_out_as_an_error(engine):
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("child", metadata, sa.Column("a", sa.Integer, sa.ForeignKey("t.id")))
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeftOut)
        with pytest.raises(LeftOut, match="foreign key"):
            metadata.create_all(engine)
    assert sa.inspect(engine).get_table_names() == ["t"]


@pytest.mark.parametrize("part, said", [
    (sa.Index("i", "a", unique=True), "UNIQUE INDEX"),
    (sa.Column("b", sa.Integer, sa.Identity(always=True)), "GENERATED ALWAYS AS IDENTITY"),
    (sa.Column("b", sa.Integer, sa.Computed("a + 1", persisted=True)), "no stored"),
])
def test_promises_that_cannot_be_kept(engine, part, said):
    with pytest.raises(exc.CompileError, match=said):
        table(sa.Column("a", sa.Integer), part).create(engine)


def test_add_constraint(engine):
    made = table(sa.Column("a", sa.Integer))
    with engine.connect() as connection, pytest.raises(exc.CompileError, match="ADD CONSTRAINT"):
        connection.execute(sa.schema.AddConstraint(sa.UniqueConstraint(made.c.a)))


def test_identity_and_sequences(engine):
    made = table(sa.Column("id", sa.Integer, sa.Identity(start=10, increment=5), primary_key=True),
                 sa.Column("n", sa.Integer, sa.Sequence("s", start=3)), name="Odd name")
    made.metadata.create_all(engine)
    assert sa.inspect(engine).get_sequence_names() == ["Odd name_id_seq", "s"]
    with engine.begin() as connection:
        rows = [connection.execute(made.insert().returning(made)).one() for _ in range(3)]
        assert rows == [(10, 3), (15, 4), (20, 5)]
    reflected = sa.Table("Odd name", sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(reflected.insert(), {"n": 1})
    reflected.drop(engine)
    assert sa.inspect(engine).get_sequence_names() == ["s"]


def test_a_sequence_of_another_name_is_not_the_tables(engine):
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SEQUENCE x_u_id_seq START 7"))
        connection.execute(sa.text(
            "CREATE TABLE u (id INTEGER PRIMARY KEY DEFAULT nextval('x_u_id_seq'), a INTEGER)"))
    made = sa.Table("u", sa.MetaData(), autoload_with=engine)
    assert "x_u_id_seq" in str(sa.schema.CreateTable(made).compile(engine))
    with engine.begin() as connection:
        assert connection.execute(made.insert().returning(made.c.id), {"a": 1}).scalar() == 7
    made.drop(engine)
    assert sa.inspect(engine).get_sequence_names() == ["x_u_id_seq"]


def test_a_temporary_table(engine):
    made = sa.Table("tmp", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
                    prefixes=["TEMPORARY"])
    with engine.connect() as connection:
        made.create(connection)
        assert connection.execute(made.insert().returning(made.c.id)).scalar() == 1
        inspector = sa.inspect(connection)
        assert inspector.get_table_names() == ["t"]
        assert inspector.get_temp_table_names() == ["tmp"]
        connection.commit()
    assert arm.open(engine.url.database).sql(
        "SELECT count(*) FROM duckdb_sequences()").fetchone() == (0,)


# ---- Types ----

TYPES = {
    "s": (Struct({"a": sa.Integer, "b c": sa.String}), {"a": 1, "b c": "q"}),
    "m": (Map(sa.String, sa.Integer), {"x": 1, "y": 2}),
    "l": (sa.ARRAY(sa.Integer), [1, None, 3]),
    "e": (sa.Enum("x", "y's", name="e"), "y's"),
    "u": (sa.Uuid, uuid.UUID(int=5)),
    "n": (sa.Numeric(20, 4), decimal.Decimal("1234567890123456.0001")),
    "f": (sa.Float, 0.1),
    "d": (sa.Double, 1e300),
    "i": (UInteger, 2**32 - 1),
    "j": (sa.JSON, {"k": [1, {"z": "ü"}]}),
    "v": (sa.Interval, datetime.timedelta(days=3, microseconds=1)),
    "b": (sa.LargeBinary, b"\0x"),
    "z": (sa.DateTime(timezone=True), datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)),
    "t": (sa.DateTime, datetime.datetime(2024, 1, 2, 3, 4, 5, 6)),
    "c": (sa.Time, datetime.time(1, 2, 3)),
    "o": (sa.Boolean, True),
}
REFLECTED = {
    "s": "Struct", "m": "Map", "l": "ARRAY", "e": "Enum", "u": "UUID", "n": "NUMERIC(20, 4)",
    "f": "DOUBLE", "d": "DOUBLE", "i": "UInteger", "j": "JSON", "v": "INTERVAL", "b": "BLOB",
    "z": "TIMESTAMP WITH TIME ZONE", "t": "TIMESTAMP WITHOUT TIME ZONE",
    "c": "TIME WITHOUT TIME ZONE", "o": "BOOLEAN",
}


def test_types(engine):
    made = table(*(sa.Column(name, kind) for name, (kind, _) in TYPES.items()),
                 sa.Column("g", sa.Integer, sa.Computed("i % 7")))
    made.create(engine)
    values = {name: value for name, (_, value) in TYPES.items()}
    with engine.begin() as connection:
        connection.execute(made.insert(), [values, {name: None for name in values}])
        rows = connection.execute(made.select().order_by(made.c.i)).mappings().all()
        assert dict(rows[0]) == {**values, "g": (2**32 - 1) % 7}
        assert set(rows[1].values()) == {None}
        path = made.c.j["k"][1]["z"]
        assert connection.execute(sa.select(path.as_string(), made.c.j[("k", 0)].as_integer())
                                  .where(path.as_string() == "ü")).all() == [("ü", 1)]
        assert connection.execute(sa.select(sa.try_cast("x", sa.Integer))).scalar() is None
    columns = {column["name"]: column for column in sa.inspect(engine).get_columns("u")}
    assert "i" in columns["g"]["computed"]["sqltext"]
    for name, said in REFLECTED.items():
        kind = columns[name]["type"]
        assert said in (type(kind).__name__, kind.compile(engine.dialect)), name
    assert columns["s"]["type"].fields.keys() == {"a", "b c"}
    assert columns["e"]["type"].enums == ["x", "y's"]
    again = sa.Table("u", sa.MetaData(), autoload_with=engine)
    made.drop(engine)
    again.create(engine)
    with engine.begin() as connection:
        connection.execute(again.insert(), values)
        assert dict(connection.execute(again.select()).mappings().one())["e"] == "y's"


@pytest.mark.parametrize("sql, said", [
    ("INTEGER[][3]", "INTEGER[][]"), ("STRUCT(\"a,)\" INTEGER, b STRUCT(c VARCHAR[]))", None),
    ("MAP(VARCHAR, DECIMAL(3,1))", "MAP(VARCHAR, NUMERIC(3, 1))"),
    ("ENUM('a, b', 'it''s (')", "ENUM('a, b', 'it''s (')"), ("HUGEINT", "HugeInt"),
    ("TIME WITH TIME ZONE", "TIME WITH TIME ZONE"),
])
def test_types_of_sql(engine, sql, said):
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE TABLE k (c {sql})"))
        kind = sa.inspect(connection).get_columns("k")[0]["type"]
        spelled = kind.compile(engine.dialect)
        assert spelled == said or said is None
        connection.execute(sa.text(f"CREATE TABLE again (c {spelled})"))


def test_a_type_that_nobody_knows(engine):
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE k (c BIGNUM)"))
        with pytest.warns(exc.SAWarning, match="k.c"):
            kind = sa.inspect(connection).get_columns("k")[0]["type"]
    assert isinstance(kind, sa.types.NullType)


# ---- Reflection ----


def test_reflection(engine):
    with engine.begin() as connection:
        for statement in (
                "CREATE SCHEMA s", "CREATE SEQUENCE q", "CREATE VIEW v AS SELECT id FROM t",
                "CREATE TABLE s.t (a INTEGER, b VARCHAR DEFAULT 'x', c DECIMAL(9, 2) NOT NULL, "
                "PRIMARY KEY (c, a), UNIQUE (b, a), CHECK (a > 1))"):
            connection.execute(sa.text(statement))
    inspector = sa.inspect(engine)
    assert inspector.default_schema_name == "main"
    assert inspector.get_schema_names() == ["main", "s"]
    assert inspector.get_table_names() == ["t"] and inspector.get_table_names("s") == ["t"]
    assert inspector.get_view_names() == ["v"] and inspector.get_sequence_names() == ["q"]
    assert "SELECT id FROM t" in inspector.get_view_definition("v")
    assert inspector.has_table("v") and inspector.has_table("t", "s")
    assert not inspector.has_table("q") and inspector.has_sequence("q")
    assert inspector.get_pk_constraint("t", "s")["constrained_columns"] == ["c", "a"]
    assert inspector.get_unique_constraints("t", "s") == [{"name": None,
                                                           "column_names": ["b", "a"]}]
    assert inspector.get_check_constraints("t", "s") == [{"name": None, "sqltext": "(a > 1)"}]
    assert inspector.get_foreign_keys("t", "s") == inspector.get_indexes("t", "s") == []
    assert inspector.get_table_comment("t") == {"text": None}
    a, b, c = inspector.get_columns("t", "s")
    assert (b["default"], c["nullable"], a["autoincrement"]) == ("'x'", False, False)
    assert [column["name"] for column in inspector.get_columns("v")] == ["id"]
    with pytest.raises(exc.NoSuchTableError):
        inspector.get_columns("nothere")
    metadata = sa.MetaData()
    metadata.reflect(engine, views=True)
    assert set(metadata.tables) == {"t", "v"}


# ---- Rows ----


def test_rows(engine):
    made = sa.Table("t", sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(made.insert(), [{"id": i, "s": str(i)} for i in range(2500)])
        assert count(connection) == 2500
        assert connection.execute(made.update().where(made.c.id < 10).values(s="z")).rowcount == 10
        both = connection.execute(made.update().where(made.c.id == sa.bindparam("k")),
                                  [{"k": 1, "s": "a"}, {"k": 2, "s": "b"}])
        assert both.rowcount == 2
        upsert = insert(made).values(id=1, s="new")
        upsert = upsert.on_conflict_do_update(index_elements=["id"],
                                              set_={"s": upsert.excluded.s})
        assert connection.execute(upsert.returning(made.c.s)).all() == [("new",)]
        tens = made.c.id % 10
        assert len(connection.execute(sa.select(tens, sa.func.count()).group_by(tens)).all()) == 10
        matching = made.c.s.regexp_match("99")
        assert connection.execute(sa.select(sa.func.count()).where(matching)).scalar() == \
            sum("99" in str(i) for i in range(2500))
        parts = connection.execution_options(yield_per=100).execute(made.select()).partitions()
        assert [len(part) for part in parts] == [100] * 25


def test_statements_are_cached(engine):
    made = sa.Table("t", sa.MetaData(), autoload_with=engine)
    said = []
    with engine.connect() as connection:
        for i in range(3):
            result = connection.execute(sa.select(made).where(made.c.id == i))
            said.append(result.context.cache_hit.name)
    assert said[1:] == ["CACHE_HIT", "CACHE_HIT"]


def test_pandas_and_polars(engine):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.1, 0.2],
                          "d": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    assert frame.to_sql("f", engine, index=False) == 2
    frame.to_sql("f", engine, index=False, if_exists="append", method="multi")
    with pytest.warns(LeftOut):
        frame.to_sql("f", engine, if_exists="replace")
    read = pd.read_sql_table("f", engine, index_col="index")
    assert list(read["c"]) == [0.1, 0.2] and list(read["d"]) == list(frame["d"])
    read = pd.read_sql("SELECT a FROM f WHERE a > ?", engine, params=(1,))
    assert list(read["a"]) == [2]
    assert [len(part) for part in pd.read_sql("SELECT * FROM f", engine, chunksize=1)] == [1, 1]
    assert pl.read_database("SELECT a, c FROM f ORDER BY a", engine).rows() == [(1, 0.1), (2, 0.2)]
    assert pl.DataFrame({"a": [7]}).write_database("g", engine) == 1
    with engine.connect() as connection:
        assert count(connection, "g") == 1


# ---- Pools ----


def test_threads(engine):
    def work(start):
        for i in range(start, start + 10):
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO t VALUES (:i, 'x')"), {"i": i})

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert count(connection) == 40


def test_pre_ping_and_closed_connections(path, engine):
    pinged = sa.create_engine(f"armillaria:///{path}", pool_pre_ping=True)
    with pinged.connect() as connection:
        connection.connection.driver_connection.close()
        with pytest.raises(exc.DBAPIError) as caught:
            count(connection)
        assert caught.value.connection_invalidated
    with pinged.connect() as connection:
        driver = connection.connection.driver_connection
        assert count(connection) == 0
    driver.close()
    with pinged.connect() as connection:
        assert count(connection) == 0


def test_fork(engine):
    with engine.connect() as connection:
        assert count(connection) == 0
    child = os.fork()
    if child == 0:
        try:
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO t VALUES (1, 'child')"))
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with engine.connect() as connection:
        assert count(connection) == 1
