/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_SQL_CLIENT_H
#define ARM_TESTS_SUPPORT_SQL_CLIENT_H

/* One session through the public interface, and what its last statement gave. It judges nothing,
 * so that it serves in processes that are no tests; those speak through pipes (struct sql_peer). */

#include <sys/types.h>

#include <armillaria.h>

struct sql_client {
    arm_repo *repo;
    arm_session *session;
    struct arm_error err; /* of the last statement that failed */
    char *text;           /* rows of the last statement: "a,b|c,d|"; counts are left out */
    size_t text_size;
    size_t text_capacity;
};

/* Open the repository, made where there is none, with a session on main. */
arm_status sql_client_open(struct sql_client *client, const char *path);
void sql_client_close(struct sql_client *client);
/* Run one statement and read all its rows. */
arm_status sql_client_run(struct sql_client *client, const char *sql);

/* A client in a process of its own, which runs what it is handed. */
struct sql_peer {
    pid_t process;
    int ends[2]; /* to write to it, to read from it */
    arm_status status;
    char text[1004]; /* the rows, or the message */
};

/* Fork; the caller has no repository open. */
void sql_peer_start(struct sql_peer *peer, const char *path);
arm_status sql_peer_run(struct sql_peer *peer, const char *sql);
void sql_peer_stop(struct sql_peer *peer);

#endif
