/* SPDX-License-Identifier: Apache-2.0 */
/* Pins of this process are a list in order of tx; the oldest is published in the header of the
 * process's lease file (lease.c), which is mapped. It goes with its owner, and so do the pins.
 *
 * A process that can have no lease file, on a full disk say, is blind: as long as it has a pin it
 * holds the blind byte of staging/lock, shared, which says that it may need anything. */

#include "store/pin.h"

#include <assert.h>
#include <string.h>

#include "store/store_private.h"

static const struct arm_range BLIND_LOCK = {1024, 1}; /* behind the stripes */

/* What the header says of a tx; 0: no pin. */
static uint64_t publish_as(const struct arm_pin *oldest)
{
    return oldest == NULL ? 0 : oldest->tx + 1;
}

static void publish(struct arm_pins *pins)
{
    _Atomic uint64_t *header = atomic_load(&pins->header);

    if (header != NULL) {
        atomic_store(header, publish_as(pins->oldest));
    }
}

/* Under the mutex of the pins. */
static arm_status lock_blind(struct arm_store *store, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__lease_lock(store, err)); /* which makes the file */
    arm__lease_unlock(store);
    ARM_TRY(store->io->lock(store->io->self, store->lease.lock_file, BLIND_LOCK, ARM_LOCK_SHARED,
                            true, err));
done:
    return st;
}

static void unlock_blind(struct arm_store *store)
{
    (void)store->io->lock(store->io->self, store->lease.lock_file, BLIND_LOCK, ARM_LOCK_NONE, false,
                          NULL);
}

/* A place to publish in, made with the first pin. */
static arm_status prepare(struct arm_store *store, struct arm_error *err)
{
    struct arm_pins *pins = &store->pins;
    struct arm_error why;
    arm_status st;

    if (atomic_load(&pins->header) != NULL) {
        return ARM_OK;
    }
    st = arm__lease_begin(store, &why);
    if (st == ARM_FORKED) {
        return arm__fail(err, st, "%s", why.message);
    }
    if (st == ARM_OK) { /* else the pin is a blind one */
        arm__mutex_lock(&store->mutex);
        atomic_store(&pins->header, store->lease.header);
        arm__mutex_unlock(&store->mutex);
    }
    return ARM_OK;
}

static void unlink_pin(struct arm_pins *pins, struct arm_pin *pin)
{
    *(pin->older == NULL ? &pins->oldest : &pin->older->newer) = pin->newer;
    *(pin->newer == NULL ? &pins->newest : &pin->newer->older) = pin->older;
    pin->is_held = false;
}

/* In order of tx: nearly always it is the newest. */
static void link_pin(struct arm_pins *pins, struct arm_pin *pin, uint64_t tx)
{
    struct arm_pin *older = pins->newest;

    while (older != NULL && older->tx > tx) {
        older = older->older;
    }
    pin->tx = tx;
    pin->is_held = true;
    pin->older = older;
    pin->newer = older == NULL ? pins->oldest : older->newer;
    *(pin->older == NULL ? &pins->oldest : &pin->older->newer) = pin;
    *(pin->newer == NULL ? &pins->newest : &pin->newer->older) = pin;
}

/* Under the mutex. */
static arm_status hold(struct arm_store *store, uint64_t tx, struct arm_pin *pin,
                       struct arm_error *err)
{
    struct arm_pins *pins = &store->pins;
    arm_status st = ARM_OK;

    if (pin->is_held) {
        unlink_pin(pins, pin);
    } else {
        pin->is_blind = atomic_load(&pins->header) == NULL;
        if (pin->is_blind && atomic_load(&pins->blind_count) == 0) {
            ARM_TRY(lock_blind(store, err));
        }
        atomic_fetch_add(&pins->blind_count, pin->is_blind);
    }
    link_pin(pins, pin, tx);
    publish(pins);
done:
    return st;
}

arm_status arm__pin_take(struct arm_store *store, uint64_t tx, struct arm_pin *pin,
                         struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (pin->is_held && pin->tx <= tx) {
        return ARM_OK;
    }
    ARM_TRY(arm__store_check_process(store, err));
    ARM_TRY(prepare(store, err));
    arm__mutex_lock(&store->pins.mutex);
    st = hold(store, tx, pin, err);
    arm__mutex_unlock(&store->pins.mutex);
done:
    return st;
}

void arm__pin_drop(struct arm_store *store, struct arm_pin *pin)
{
    struct arm_pins *pins = &store->pins;

    if (!pin->is_held || arm__store_check_process(store, NULL) != ARM_OK) {
        return;
    }
    arm__mutex_lock(&pins->mutex);
    unlink_pin(pins, pin);
    publish(pins);
    if (pin->is_blind && atomic_fetch_sub(&pins->blind_count, 1) == 1) {
        unlock_blind(store);
    }
    arm__mutex_unlock(&pins->mutex);
}

/* Whether a process is blind: this one by its count, since its own lock does not hinder it. */
static arm_status anyone_blind(struct arm_store *store, bool *out, struct arm_error *err)
{
    struct arm_error why;
    arm_status st;

    *out = atomic_load(&store->pins.blind_count) > 0;
    if (*out) {
        return ARM_OK;
    }
    st = store->io->lock(store->io->self, store->lease.lock_file, BLIND_LOCK, ARM_LOCK_EXCLUSIVE,
                         false, &why);
    if (st == ARM_OK) {
        unlock_blind(store);
        return ARM_OK;
    }
    *out = st == ARM_BUSY;
    return st == ARM_BUSY ? ARM_OK : arm__fail(err, st, "%s", why.message);
}

static arm_status keep_oldest(void *context, uint64_t header, struct arm_error *err)
{
    uint64_t *oldest = context;

    (void)err;
    if (header != 0 && header - 1 < *oldest) {
        *oldest = header - 1;
    }
    return ARM_OK;
}

arm_status arm__pins_oldest(struct arm_store *store, uint64_t *out, struct arm_error *err)
{
    uint64_t oldest = UINT64_MAX;
    bool blind = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__lease_lock(store, err)); /* LE1: who has no lease file yet has no pin either */
    if (store->lease.header != NULL) {
        (void)keep_oldest(&oldest, atomic_load(store->lease.header), NULL);
    }
    st = arm__lease_headers(store, keep_oldest, &oldest, err);
    if (st == ARM_OK) {
        st = anyone_blind(store, &blind, err);
    }
    arm__lease_unlock(store);
    if (st == ARM_OK) {
        *out = blind ? 0 : oldest;
    }
done:
    return st;
}
