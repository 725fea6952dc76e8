/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_PROPERTY_MODEL_RANDOM_H
#define ARM_TESTS_PROPERTY_MODEL_RANDOM_H

/* Random numbers with a seed that is printed; ARM_SEED=<seed> replays one. */

#include <stdint.h>
#include <stdlib.h>

#include "support/cmocka_all.h"

struct random {
    uint64_t state;
};

static inline struct random random_seeded(uint64_t seed)
{
    const char *text = getenv("ARM_SEED");
    uint64_t chosen = text == NULL ? seed : strtoull(text, NULL, 0);

    print_message("seed %llu\n", (unsigned long long)chosen);
    return (struct random){chosen};
}

/* splitmix64 */
static inline uint64_t random_u64(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline uint64_t random_below(struct random *random, uint64_t limit)
{
    return random_u64(random) % limit;
}

/* Of any magnitude: as many small ones as large. */
static inline uint64_t random_wide(struct random *random)
{
    return random_u64(random) >> random_below(random, 64);
}

#endif
