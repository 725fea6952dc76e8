/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_PEER_SQL_H
#define ARM_BENCH_PEER_SQL_H

/* What is asked of the peers that speak SQL. */

enum peer_statement {
    PEER_BEGIN,
    PEER_COMMIT,
    PEER_ROLLBACK,
    PEER_INSERT,
    PEER_UPDATE,
    PEER_DELETE,
    PEER_LOOK_HOT,
    PEER_LOOK,
    PEER_UPSERT,
    PEER_ACCOUNT,
    PEER_TELLER,
    PEER_BRANCH,
    PEER_HISTORY,
    PEER_STATEMENTS,
};

/* What both spell alike; `p` is how a parameter begins. */
#define PEER_SQL(p)                                                                                \
    [PEER_COMMIT] = "COMMIT", [PEER_ROLLBACK] = "ROLLBACK",                                        \
    [PEER_INSERT] = "INSERT INTO events VALUES (" p "1, " p "2, " p "3)",                          \
    [PEER_UPDATE] = "UPDATE big SET amount = " p "2 WHERE id = " p "1",                            \
    [PEER_DELETE] = "DELETE FROM big WHERE id = " p "1",                                           \
    [PEER_LOOK_HOT] = "SELECT * FROM events WHERE id = " p "1",                                    \
    [PEER_LOOK] = "SELECT * FROM big WHERE id = " p "1",                                           \
    [PEER_ACCOUNT] = "UPDATE accounts SET balance = balance + " p "2 WHERE id = " p "1",           \
    [PEER_TELLER] = "UPDATE tellers SET balance = balance + " p "2 WHERE id = " p "1",             \
    [PEER_BRANCH] = "UPDATE branches SET balance = balance + " p "2 WHERE id = " p "1",            \
    [PEER_HISTORY] = "INSERT INTO history VALUES (" p "1, " p "2, " p "3, " p "4, " p "5)"

#endif
