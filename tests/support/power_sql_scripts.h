/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_SQL_SCRIPTS_H
#define ARM_TESTS_SUPPORT_POWER_SQL_SCRIPTS_H

/* What the tests of crash/ do to a repository by SQL: every kind of statement, on tables with keys
 * whose rows stand in the log and in chunks, so that key runs are written, read and swept. */

#include "support/power_play.h"

#define DO(op_) {.op = PLAY_##op_}
#define SQL(text_) {.op = PLAY_SQL, .name = (text_)}
#define NAME(op_, name_) {.op = PLAY_##op_, .name = (name_)}
#define ROWS(op_, name_, from_, to_)                                                               \
    {.op = PLAY_##op_, .name = (name_), .from = (from_), .to = (to_)}

/* More rows than a commit keeps in the log. */
#define CHUNK_OF(from_) "range(" #from_ ", " #from_ " + 10100) r(i)"

#define TABLE_K "CREATE TABLE k (id BIGINT PRIMARY KEY, v VARCHAR)"
#define HOT_K "INSERT INTO k VALUES (-1, 'a'), (-2, 'b'), (-3, 'c')"
#define CHUNK_K "INSERT INTO k SELECT i, 'v' || i FROM " CHUNK_OF(0)

static const struct power_script power_sql_scripts[] = {
    {.name = "sql-create",
     .base = {DO(CREATE)},
     .steps = {DO(OPEN),
               SQL("CREATE TABLE k (id BIGINT PRIMARY KEY, v VARCHAR UNIQUE,"
                   " n INTEGER NOT NULL DEFAULT 7 CHECK (n > 0))"),
               SQL("INSERT INTO k (id, v) VALUES (-1, 'a'), (-2, NULL)"),
               SQL("INSERT INTO k SELECT i, 'v' || i, 1 FROM " CHUNK_OF(0)),
               SQL("INSERT INTO k (id) VALUES (-3)"), DO(CLOSE)}},
    {.name = "sql-change", /* of rows in the log, and of a chunk's */
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K), DO(CLOSE)},
     .steps = {DO(OPEN), SQL("UPDATE k SET v = 'u' WHERE id IN (-2, 17)"),
               SQL("DELETE FROM k WHERE id IN (-3, 18)"),
               SQL("INSERT INTO k VALUES (17, 'x'), (-9, 'y') ON CONFLICT DO UPDATE"
                   " SET v = excluded.v"),
               SQL("INSERT INTO k VALUES (17, 'z'), (18, 'back') ON CONFLICT DO NOTHING"),
               SQL("UPDATE k SET id = id + 20000 WHERE id > 50"), /* a chunk of ids and keys */
               SQL("DELETE FROM k WHERE id % 3 = 0"), DO(CLOSE)}},
    {.name = "sql-merge",
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K), DO(CLOSE)},
     .steps = {DO(OPEN),
               SQL("MERGE INTO k USING (SELECT i AS id FROM range(-5, 5) r(i)) s USING (id)"
                   " WHEN MATCHED AND id > 2 THEN DELETE"
                   " WHEN MATCHED THEN UPDATE SET v = 'm'"
                   " WHEN NOT MATCHED THEN INSERT VALUES (id, 'new')"),
               SQL("TRUNCATE k"), SQL(HOT_K), DO(CLOSE)}},
    {.name = "sql-import",
     .base = {DO(CREATE)},
     .steps = {DO(OPEN), ROWS(IMPORT, "k", 0, 10100), ROWS(UPSERT, "k", 5000, 15200),
               ROWS(UPSERT, "k", 15195, 15205), DO(COMPACT), DO(GC),
               ROWS(UPSERT, "k", 15200, 15210), DO(CLOSE)}},
    {.name = "sql-alter",
     .base = {DO(CREATE), DO(OPEN),
              SQL("CREATE TABLE k (id BIGINT PRIMARY KEY, v VARCHAR, w TINYINT)"),
              SQL("INSERT INTO k VALUES (-1, 'a', 1), (-2, 'b', 2)"),
              SQL("INSERT INTO k SELECT i, 'v' || i, i % 100 FROM " CHUNK_OF(0)), DO(CLOSE)},
     .steps = {DO(OPEN), SQL("ALTER TABLE k ADD COLUMN n BIGINT DEFAULT 5"),
               SQL("ALTER TABLE k RENAME COLUMN v TO text"),
               SQL("ALTER TABLE k ALTER COLUMN w TYPE INTEGER"),
               SQL("INSERT INTO k VALUES (5000000000, 'c', 3, 4)"),
               SQL("ALTER TABLE k DROP COLUMN w"), SQL("ALTER TABLE k ALTER COLUMN n SET NOT NULL"),
               SQL("ALTER TABLE k RENAME TO l"), SQL("INSERT INTO l VALUES (-3, 'd', 6)"),
               DO(CLOSE)}},
    {.name = "sql-objects",
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), DO(CLOSE)},
     .steps = {DO(OPEN), SQL("CREATE SCHEMA a"), SQL("CREATE VIEW x AS SELECT id FROM k"),
               SQL("CREATE OR REPLACE VIEW x AS SELECT id, v FROM k WHERE id < -1"),
               SQL("CREATE TABLE a.k (id BIGINT PRIMARY KEY)"),
               SQL("CREATE VIEW a.y AS SELECT 1 AS i"), SQL("DROP VIEW x"),
               SQL("DROP SCHEMA a CASCADE"), DO(CLOSE)}},
    {.name = "sql-numbers", /* given, kept, thrown away; and again by the next process */
     .numbers = true,
     .base = {DO(CREATE), DO(OPEN), SQL("CREATE SEQUENCE s"),
              SQL("CREATE TABLE q (serial BIGINT PRIMARY KEY DEFAULT nextval('s'), v VARCHAR)"),
              DO(CLOSE)},
     .steps = {DO(OPEN), NAME(NEXTVAL, "s"), NAME(NEXTVAL, "s"),
               SQL("INSERT INTO q (v) VALUES ('a'), ('b')"), NAME(NEXTVAL, "s"),
               SQL("BEGIN; INSERT INTO q (v) VALUES ('c'); ROLLBACK"), NAME(NEXTVAL, "s"),
               SQL("INSERT INTO q (v) SELECT 'v' || i FROM " CHUNK_OF(0)), DO(ABANDON), DO(OPEN),
               NAME(NEXTVAL, "s"), SQL("INSERT INTO q (v) VALUES ('d')"),
               SQL("CREATE SEQUENCE t START 5 INCREMENT 2"), SQL("DROP SEQUENCE t"), DO(CLOSE)}},
    {.name = "sql-tables",
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), DO(CLOSE)},
     .steps = {DO(OPEN), SQL("CREATE TABLE c AS SELECT id, v FROM k"),
               SQL("CREATE OR REPLACE TABLE c AS SELECT i, i::VARCHAR AS v FROM " CHUNK_OF(0)),
               SQL("DROP TABLE k"), SQL("CREATE TABLE k (id VARCHAR PRIMARY KEY)"),
               SQL("TRUNCATE c"), SQL("DROP TABLE c"), DO(CLOSE)}},
    {.name = "sql-several", /* one transaction over tables, views and a schema */
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K),
              SQL("CREATE TABLE m AS SELECT 1 AS n"), DO(CLOSE)},
     .steps = {DO(OPEN),
               SQL("BEGIN; INSERT INTO k VALUES (-8, 'h'); UPDATE m SET n = 2;"
                   " DELETE FROM k WHERE id = -1; CREATE TABLE o (id BIGINT PRIMARY KEY);"
                   " INSERT INTO o SELECT i FROM " CHUNK_OF(
                       7) "; CREATE VIEW w AS SELECT id FROM o;"
                          " COMMIT"),
               SQL("BEGIN; DROP VIEW w; DROP TABLE o; INSERT INTO k VALUES (-1, 'i'); ROLLBACK"),
               SQL("BEGIN; ALTER TABLE m ADD COLUMN x INTEGER; INSERT INTO m VALUES (3, 4);"
                   " TRUNCATE k; INSERT INTO k VALUES (-1, 'j'); COMMIT"),
               DO(CLOSE)}},
    {.name = "sql-upkeep", /* key runs of chunks that come and go */
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K),
              SQL("UPDATE k SET v = 'u' WHERE id < 5000"), DO(LITTER)},
     .steps = {DO(OPEN), DO(COMPACT), SQL("DELETE FROM k WHERE id % 2 = 0"), DO(COMPACT), DO(GC),
               DO(CHECKPOINT), SQL("INSERT INTO k VALUES (0, 'again'), (-9, 'n')"), DO(ABANDON),
               DO(OPEN), DO(COMPACT), SQL("DROP TABLE k"), DO(GC), DO(CLOSE)}},
    {.name = "sql-rows", /* row calls in serializable transactions */
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K), DO(CLOSE)},
     .steps = {DO(OPEN), ROWS(ROW_CALLS, "k", -2, -1), ROWS(ROW_CALLS, "k", 10, 12),
               ROWS(ROW_CALLS, "k", 10099, 10101), DO(CLOSE)}},
    {.name = "sql-rebuild", /* the index is lost, with all there is in it */
     .numbers = true,
     .base = {DO(CREATE), DO(OPEN), SQL(TABLE_K), SQL(HOT_K), SQL(CHUNK_K),
              SQL("CREATE SEQUENCE s"),
              SQL("CREATE TABLE q (serial BIGINT PRIMARY KEY DEFAULT nextval('s'), v VARCHAR)"),
              SQL("INSERT INTO q (v) VALUES ('a')"), SQL("CREATE SCHEMA a"),
              SQL("CREATE VIEW a.x AS SELECT v FROM k"), DO(CHECKPOINT),
              SQL("ALTER TABLE k ADD COLUMN n INTEGER"), SQL("UPDATE k SET n = 1 WHERE id < 3"),
              DO(CLOSE), DO(LOSE_INDEX)},
     .steps = {DO(OPEN), NAME(NEXTVAL, "s"), SQL("INSERT INTO q (v) VALUES ('b')"),
               SQL("INSERT INTO k VALUES (-7, 'c', 3)"), DO(CLOSE)}},
};

#undef DO
#undef SQL
#undef NAME
#undef ROWS
#undef CHUNK_OF
#undef TABLE_K
#undef HOT_K
#undef CHUNK_K

enum { POWER_SQL_SCRIPTS = sizeof power_sql_scripts / sizeof *power_sql_scripts };

#endif
