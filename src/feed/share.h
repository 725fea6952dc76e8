/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_SHARE_H
#define ARM_FEED_SHARE_H

/* Which share of a consumer's work a table's events belong to: by its name, so that those of one
 * table come to one member, in order. Part of the format: cursors are kept by share. */

#include "index/index.h"

/* From 0: the first byte of the BLAKE3 of "schema", 0, "name" (ASCII letters lowered), of which the
 * lowest six bits. An event that concerns no table: of the empty names. */
uint32_t arm__share_of(const char *schema_name, const char *name);

static inline bool arm__share_is_in(uint64_t shares, uint32_t share)
{
    return (shares >> share & 1) != 0;
}

#endif
