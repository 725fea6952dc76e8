/* SPDX-License-Identifier: Apache-2.0 */
/* The host: one repository and one SQL engine, shared by sessions and streams. The engine is
 * opened by the first statement, so that what needs no SQL never waits for it. */

#include "base/alloc.h"
#include "query/query_private.h"
#include "query/upkeep.h"

struct arm_host {
    atomic_uint references;
    struct arm_repository *repository;
    struct arm_host_options options;
    char *spill_directory; /* owned */
    struct arm_mutex mutex;
    struct arm_engine *engine; /* NULL until asked for */
    struct arm_upkeep *upkeep; /* NULL: none wanted */
};

static arm_status set_spill(struct arm_host *host, const char *given, struct arm_error *err)
{
    if (given != NULL) {
        return arm__strdup(given, &host->spill_directory, err);
    }
    return arm__path_join(arm__repository_path(host->repository), "staging", &host->spill_directory,
                          err);
}

arm_status arm__host_new(struct arm_repository *repository, const struct arm_host_options *options,
                         struct arm_host **out, struct arm_error *err)
{
    struct arm_host *host = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *host, &host, err));
    atomic_init(&host->references, 1);
    host->repository = repository;
    host->options = *options;
    ARM_TRY(set_spill(host, options->engine.spill_directory, err));
    host->options.engine.spill_directory = host->spill_directory;
    if (options->upkeep) {
        ARM_TRY(arm__upkeep_new(host, &host->upkeep, err));
    }
    arm__mutex_init(&host->mutex);
    *out = host;
    host = NULL;
done:
    if (host != NULL) {
        arm__free(host->spill_directory);
    }
    arm__free(host);
    if (st != ARM_OK) {
        arm__repository_close(repository);
    }
    return st;
}

struct arm_host *arm__host_retain(struct arm_host *host)
{
    atomic_fetch_add_explicit(&host->references, 1, memory_order_relaxed);
    return host;
}

void arm__host_drop(struct arm_host *host)
{
    if (host == NULL || atomic_fetch_sub_explicit(&host->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    arm__upkeep_free(host->upkeep); /* U4 */
    arm__engine_close(host->engine);
    arm__repository_close(host->repository);
    arm__mutex_release(&host->mutex);
    arm__free(host->spill_directory);
    arm__free(host);
}

struct arm_upkeep *arm__host_upkeep(const struct arm_host *host)
{
    return host->upkeep;
}

struct arm_repository *arm__host_repository(struct arm_host *host)
{
    return host->repository;
}

bool arm__host_read_only(const struct arm_host *host)
{
    return host->options.read_only;
}

arm_status arm__host_engine(struct arm_host *host, struct arm_engine **out, struct arm_error *err)
{
    struct arm_engine *engine = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&host->mutex);
    if (host->engine == NULL) {
        ARM_TRY(arm__engine_open(&host->options.engine, &engine, err));
        ARM_TRY(arm__duck_register(engine, err));
        host->engine = engine;
        engine = NULL;
    }
    *out = host->engine;
done:
    arm__mutex_unlock(&host->mutex);
    arm__engine_close(engine);
    return st;
}
