/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/member.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static struct arm_range share_range(uint32_t share)
{
    return (struct arm_range){share, 1};
}

static struct arm_range place_range(uint32_t place)
{
    return (struct arm_range){ARM_CONSUMER_SHARES + (uint64_t)place, 1};
}

/* index/consumers/<hash of the name>: any name will do. */
static arm_status path_of(const char *root, const char *consumer, char **out_directory, char **out,
                          struct arm_error *err)
{
    struct arm_hash hash = arm__hash(arm__bytes(consumer, strlen(consumer)));
    char hex[ARM_HASH_HEX + 1];
    char *index = NULL;
    arm_status st = ARM_OK;

    arm__hash_hex(&hash, hex);
    hex[32] = '\0';
    ARM_TRY(arm__path_join(root, "index", &index, err));
    ARM_TRY(arm__path_join(index, "consumers", out_directory, err));
    ARM_TRY(arm__path_join(*out_directory, hex, out, err));
done:
    arm__free(index);
    return st;
}

static arm_status make_directory(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_error why;
    arm_status st = io->make_directory(io->self, path, &why);

    return st == ARM_OK || st == ARM_EXISTS ? ARM_OK : arm__fail(err, st, "%s", why.message);
}

/* `create` false: `*out` NULL if there is no such file. */
static arm_status open_file(const struct arm_io *io, const char *root, const char *consumer,
                            bool create, struct arm_file **out, struct arm_error *err)
{
    struct arm_error why;
    char *directory = NULL;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(path_of(root, consumer, &directory, &path, err));
    if (create) {
        ARM_TRY(make_directory(io, directory, err));
    }
    st = io->open(io->self, path, ARM_OPEN_WRITE | (create ? ARM_OPEN_CREATE : 0), out, &why);
    if (st == ARM_NOT_FOUND && !create) {
        *out = NULL;
        st = ARM_OK;
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
    }
done:
    arm__free(path);
    arm__free(directory);
    return st;
}

/* `*out` false: another holds it. */
static arm_status try_lock(const struct arm_io *io, struct arm_file *file, struct arm_range range,
                           enum arm_lock_kind kind, bool *out, struct arm_error *err)
{
    struct arm_error why;
    arm_status st = io->lock(io->self, file, range, kind, false, &why);

    *out = st == ARM_OK;
    return st == ARM_OK || st == ARM_BUSY ? ARM_OK : arm__fail(err, st, "%s", why.message);
}

static void unlock(const struct arm_io *io, struct arm_file *file, struct arm_range range)
{
    (void)io->lock(io->self, file, range, ARM_LOCK_NONE, false, NULL);
}

/* Places that somebody holds, but for `own`. */
static arm_status look(const struct arm_io *io, struct arm_file *file, uint32_t own, uint64_t *out,
                       struct arm_error *err)
{
    uint64_t taken = 0;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; i < ARM_MEMBERS_MAX; i++) {
        bool is_free;

        if (i == own) {
            continue;
        }
        ARM_TRY(try_lock(io, file, place_range(i), ARM_LOCK_SHARED, &is_free, err));
        if (is_free) {
            unlock(io, file, place_range(i));
        } else {
            taken |= UINT64_C(1) << i;
        }
    }
    *out = taken;
done:
    return st;
}

arm_status arm__member_join(const struct arm_io *io, const char *root, const char *consumer,
                            struct arm_member *out, struct arm_error *err)
{
    struct arm_member member = {.io = io};
    bool is_free = false;
    arm_status st = ARM_OK;

    ARM_TRY(open_file(io, root, consumer, true, &member.file, err));
    for (uint32_t i = 0; !is_free && i < ARM_MEMBERS_MAX; i++) {
        member.place = i;
        ARM_TRY(try_lock(io, member.file, place_range(i), ARM_LOCK_EXCLUSIVE, &is_free, err));
    }
    if (!is_free) {
        st = arm__fail(err, ARM_FULL, "consumer \"%s\" has %d members: one more has no place",
                       consumer, ARM_MEMBERS_MAX);
        goto done;
    }
    ARM_TRY(arm__member_look(&member, err));
    *out = member;
    member.file = NULL;
done:
    arm__member_leave(&member);
    return st;
}

void arm__member_leave(struct arm_member *member)
{
    if (member->file != NULL) {
        /* A child that was forked has the file open too: closing it would free nothing. */
        unlock(member->io, member->file, (struct arm_range){0, ARM_CONSUMER_SHARES});
        unlock(member->io, member->file, place_range(member->place));
        member->io->close(member->io->self, member->file);
    }
    *member = (struct arm_member){.file = NULL};
}

arm_status arm__member_look(struct arm_member *member, struct arm_error *err)
{
    uint64_t others = 0;
    arm_status st = look(member->io, member->file, member->place, &others, err);

    if (st == ARM_OK) {
        member->fellows = others | UINT64_C(1) << member->place;
    }
    return st;
}

uint64_t arm__member_wants(const struct arm_member *member, uint64_t active)
{
    uint64_t below = (UINT64_C(1) << member->place) - 1;
    uint32_t count = (uint32_t)__builtin_popcountll(member->fellows);
    uint32_t own = (uint32_t)__builtin_popcountll(member->fellows & below);
    uint32_t turns[2] = {0, 0}; /* of shares that have no table, and of those that have */
    uint64_t wanted = 0;

    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        uint32_t *turn = &turns[arm__share_is_in(active, i)];

        wanted |= *turn % count == own ? UINT64_C(1) << i : 0;
        (*turn)++;
    }
    return wanted;
}

arm_status arm__member_settle(struct arm_member *member, uint64_t wanted, uint64_t *out_gained,
                              struct arm_error *err)
{
    uint64_t gained = 0;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        bool is_wanted = arm__share_is_in(wanted, i);
        bool is_owned = arm__share_is_in(member->owned, i);
        bool is_taken = false;

        if (is_owned && !is_wanted) {
            unlock(member->io, member->file, share_range(i));
            member->owned &= ~(UINT64_C(1) << i);
        } else if (is_wanted && !is_owned) {
            ARM_TRY(try_lock(member->io, member->file, share_range(i), ARM_LOCK_EXCLUSIVE,
                             &is_taken, err));
        }
        if (is_taken) {
            gained |= UINT64_C(1) << i;
            member->owned |= UINT64_C(1) << i;
        }
    }
done:
    *out_gained = gained;
    return st;
}

void arm__member_give_up(struct arm_member *member, uint64_t shares)
{
    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        if (arm__share_is_in(shares, i)) {
            unlock(member->io, member->file, share_range(i));
        }
    }
    member->owned &= ~shares;
}

arm_status arm__member_count(const struct arm_io *io, const char *root, const char *consumer,
                             uint32_t *out, struct arm_error *err)
{
    struct arm_file *file = NULL;
    uint64_t taken = 0;
    arm_status st = ARM_OK;

    ARM_TRY(open_file(io, root, consumer, false, &file, err));
    if (file != NULL) {
        ARM_TRY(look(io, file, ARM_MEMBERS_MAX, &taken, err));
    }
    *out = (uint32_t)__builtin_popcountll(taken);
done:
    if (file != NULL) {
        io->close(io->self, file);
    }
    return st;
}
