/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/share.h"

static void add_folded(struct arm_hasher *hasher, const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        char byte = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);

        arm__hasher_update(hasher, &byte, 1);
    }
}

uint32_t arm__share_of(const char *schema_name, const char *name)
{
    struct arm_hasher hasher;
    struct arm_hash hash;

    arm__hasher_init(&hasher);
    add_folded(&hasher, schema_name);
    arm__hasher_update(&hasher, "", 1);
    add_folded(&hasher, name);
    hash = arm__hasher_finish(&hasher);
    return hash.bytes[0] % ARM_CONSUMER_SHARES;
}
