/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a log on a disk that keeps what was synced and nothing else for certain.
 *
 * The disk passes everything to real files (what the kernel shows) and remembers beside them
 * what the medium holds. When the power goes, each 512-byte sector written since the last sync
 * is there, or not, or garbled (unless it held the same bytes before); a truncation has happened
 * or not; a new file whose directory was not synced is there or not. A sync that fails has
 * written some of it, and the kernel takes all for clean from then on.
 *
 * Promised after every life: no damage is seen, every acknowledged tx is there, nothing is
 * there that was not appended. ARM_POWER_SEED runs one seed, ARM_POWER_SEEDS so many. */

#include "log/log_fixture.h"

enum { SECTOR_BYTES = 512, FILES_MAX = 64, SEGMENT_BYTES_MAX = 131072, DEFAULT_SEEDS = 150 };

struct pending { /* a write, or (data NULL) a truncation to `offset` */
    struct pending *next;
    uint64_t offset;
    size_t size;
    uint8_t *data;
};

struct medium { /* one file as the medium holds it */
    char path[TEMP_PATH_BYTES];
    bool entry_synced;
    struct arm_buf bytes;
    struct pending *first;
    struct pending **last;
};

struct disk {
    struct arm_io io;
    const struct arm_io *real;
    struct medium media[FILES_MAX];
    size_t count;
    uint64_t random;
    int64_t ops_left; /* then the power is gone */
    bool fail_next_sync;
};

struct disk_file {
    struct arm_file *real;
    struct medium *medium;
};

static uint64_t random_next(struct disk *disk)
{
    disk->random ^= disk->random << 13;
    disk->random ^= disk->random >> 7;
    disk->random ^= disk->random << 17;
    return disk->random;
}

static uint64_t random_below(struct disk *disk, uint64_t limit)
{
    return random_next(disk) % limit;
}

static bool dead(struct disk *disk)
{
    return disk->ops_left-- <= 0;
}

static struct medium *medium_of(struct disk *disk, const char *path)
{
    for (size_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->media[i].path, path) == 0) {
            return &disk->media[i];
        }
    }
    assert_true(disk->count < FILES_MAX);
    (void)snprintf(disk->media[disk->count].path, TEMP_PATH_BYTES, "%s", path);
    disk->media[disk->count].bytes = ARM_BUF_INIT(1 << 20);
    disk->media[disk->count].last = &disk->media[disk->count].first;
    return &disk->media[disk->count++];
}

static void forget_pending(struct medium *medium)
{
    while (medium->first != NULL) {
        struct pending *op = medium->first;

        medium->first = op->next;
        free(op->data);
        free(op);
    }
    medium->last = &medium->first;
}

static void remember(struct medium *medium, uint64_t offset, const void *data, size_t size)
{
    struct pending *op = calloc(1, sizeof *op);

    assert_non_null(op);
    op->offset = offset;
    op->size = size;
    if (data != NULL) {
        op->data = malloc(size + 1);
        assert_non_null(op->data);
        memcpy(op->data, data, size);
    }
    *medium->last = op;
    medium->last = &op->next;
}

static void resize(struct arm_buf *bytes, uint64_t size)
{
    if (size > bytes->size) {
        assert_int_equal(arm__buf_zeros(bytes, size - bytes->size, NULL), ARM_OK);
    }
    bytes->size = (size_t)size;
}

enum fate { KEEP, DROP, GARBLE };

/* Put one write on the medium, sector by sector as fate has it. */
static void apply_write(struct disk *disk, struct arm_buf *bytes, const struct pending *op,
                        bool all)
{
    for (uint64_t at = op->offset; at < op->offset + op->size;) {
        uint64_t end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        uint64_t dice = random_below(disk, 16);
        enum fate fate = all || dice < 8 ? KEEP : dice < 15 ? DROP : GARBLE;

        end = end < op->offset + op->size ? end : op->offset + op->size;
        if (fate != DROP && end > bytes->size) {
            resize(bytes, end);
        }
        for (; at < end; at++) {
            uint8_t wanted = op->data[at - op->offset];

            if (fate != DROP && bytes->data[at] != wanted) {
                bytes->data[at] = fate == KEEP ? wanted : (uint8_t)random_next(disk);
            }
        }
    }
}

/* `all`: everything pending reaches the medium; else what fate has it. */
static void apply(struct disk *disk, struct medium *medium, bool all)
{
    for (const struct pending *op = medium->first; op != NULL; op = op->next) {
        if (op->data != NULL) {
            apply_write(disk, &medium->bytes, op, all);
        } else if (all || random_below(disk, 2) == 0) {
            resize(&medium->bytes, op->offset);
        }
    }
    forget_pending(medium);
}

static struct disk_file *disk_file(struct arm_file *file)
{
    return (struct disk_file *)(void *)file;
}

static arm_status gone(struct arm_error *err)
{
    return arm__fail(err, ARM_IO, "the power is gone");
}

static arm_status disk_open(void *self, const char *path, unsigned flags, struct arm_file **out,
                            struct arm_error *err)
{
    struct disk *disk = self;
    struct disk_file *file;
    struct arm_file *real = NULL;
    arm_status st;

    if (dead(disk)) {
        return gone(err);
    }
    st = disk->real->open(disk->real->self, path, flags, &real, err);
    if (st == ARM_OK) {
        file = calloc(1, sizeof *file);
        assert_non_null(file);
        file->real = real;
        file->medium = medium_of(disk, path);
        *out = (struct arm_file *)(void *)file;
    }
    return st;
}

static void disk_close(void *self, struct arm_file *file)
{
    struct disk *disk = self;

    disk->real->close(disk->real->self, disk_file(file)->real);
    free(file);
}

static arm_status disk_read(void *self, struct arm_file *file, uint64_t offset, void *data,
                            size_t size, size_t *out_size, struct arm_error *err)
{
    struct disk *disk = self;

    return disk->real->read(disk->real->self, disk_file(file)->real, offset, data, size, out_size,
                            err);
}

static arm_status disk_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                             size_t size, struct arm_error *err)
{
    struct disk *disk = self;

    if (dead(disk)) {
        return gone(err);
    }
    remember(disk_file(file)->medium, offset, data, size);
    return disk->real->write(disk->real->self, disk_file(file)->real, offset, data, size, err);
}

/* A mapped file has no pending writes: what is there when it is synced counts. */
static void sync_mapped(struct disk *disk, struct disk_file *file)
{
    struct arm_buf *bytes = &file->medium->bytes;

    if (strstr(file->medium->path, "shared") != NULL) {
        resize(bytes, ARM_PAGE_BYTES);
        assert_int_equal(disk->real->read(disk->real->self, file->real, 0, bytes->data,
                                          ARM_PAGE_BYTES, &bytes->size, NULL),
                         ARM_OK);
        forget_pending(file->medium);
    }
}

static arm_status disk_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct disk *disk = self;
    bool fail = disk->fail_next_sync;

    if (dead(disk)) {
        return gone(err);
    }
    disk->fail_next_sync = false;
    sync_mapped(disk, disk_file(file));
    apply(disk, disk_file(file)->medium, !fail);
    return fail ? arm__fail(err, ARM_IO, "the sync failed") : ARM_OK;
}

static arm_status disk_truncate(void *self, struct arm_file *file, uint64_t size,
                                struct arm_error *err)
{
    struct disk *disk = self;

    if (dead(disk)) {
        return gone(err);
    }
    remember(disk_file(file)->medium, size, NULL, 0);
    return disk->real->truncate(disk->real->self, disk_file(file)->real, size, err);
}

static arm_status disk_size(void *self, struct arm_file *file, uint64_t *out, struct arm_error *err)
{
    struct disk *disk = self;

    return disk->real->size(disk->real->self, disk_file(file)->real, out, err);
}

static arm_status disk_map(void *self, struct arm_file *file, size_t size, void **out,
                           struct arm_error *err)
{
    struct disk *disk = self;

    return disk->real->map(disk->real->self, disk_file(file)->real, size, out, err);
}

static arm_status disk_sync_directory(void *self, const char *path, struct arm_error *err)
{
    struct disk *disk = self;

    if (dead(disk)) {
        return gone(err);
    }
    for (size_t i = 0; i < disk->count; i++) {
        if (strncmp(disk->media[i].path, path, strlen(path)) == 0) {
            disk->media[i].entry_synced = true;
        }
    }
    return ARM_OK;
}

/* The kernel writes the mapped page when it likes. */
static void write_page_back(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        struct medium *medium = &disk->media[i];

        if (strstr(medium->path, "shared") != NULL) {
            assert_int_equal(arm__io_read_file(disk->real, medium->path, &medium->bytes, NULL),
                             ARM_OK);
        }
    }
}

static void disk_init(struct disk *disk, uint64_t seed)
{
    memset(disk, 0, sizeof *disk);
    disk->real = arm__io_system();
    disk->io = *disk->real;
    disk->io.self = disk;
    disk->io.open = disk_open;
    disk->io.close = disk_close;
    disk->io.read = disk_read;
    disk->io.write = disk_write;
    disk->io.sync = disk_sync;
    disk->io.truncate = disk_truncate;
    disk->io.size = disk_size;
    disk->io.map = disk_map;
    disk->io.sync_directory = disk_sync_directory;
    disk->random = seed * 0x9E3779B97F4A7C15U + 1;
    disk->ops_left = INT64_MAX;
}

static void show_medium(const struct fixture *f, const struct medium *medium)
{
    const void *data = medium->bytes.size > 0 ? (const void *)medium->bytes.data : "";

    temp_write_file(&f->dir, medium->path + strlen(f->dir.path) + 1, data, medium->bytes.size);
}

/* Give the files what the medium holds. `reboot`: the page is of another boot; else the file
 * system was only mounted anew, and the page is the one last synced, or a later one. */
static void power_cut(struct disk *disk, const struct fixture *f, bool reboot)
{
    for (size_t i = 0; i < disk->count; i++) {
        struct medium *medium = &disk->media[i];

        if (strstr(medium->path, "shared") != NULL) {
            if (reboot) {
                fixture_forget_page(f);
            } else if (random_below(disk, 2) == 0) {
                show_medium(f, medium);
            }
            forget_pending(medium);
            continue;
        }
        apply(disk, medium, false);
        if (!medium->entry_synced && random_below(disk, 2) == 0) {
            (void)remove(medium->path);
            medium->bytes.size = 0;
            continue;
        }
        if (medium->entry_synced || arm__io_exists(disk->real, medium->path)) {
            show_medium(f, medium);
        }
    }
}

/* What the log promised. */
struct model {
    uint64_t acknowledged;
    uint64_t appended; /* the most that can be there */
};

/* Open and recover; false if the power went. */
static bool begin_life(struct disk *disk, struct fixture *f, const struct model *model)
{
    struct arm_log_options options = {0};
    struct arm_log_position start;
    uint64_t known = random_below(disk, 2) == 0 ? model->acknowledged : 0;
    int64_t ops_left;
    arm_status st;

    f->log = NULL;
    f->buf = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    st = arm__log_open(&disk->io, f->dir.path, &FIXTURE_ID, &options, &f->log, &f->err);
    if (st == ARM_OK) {
        f->log->segment_bytes_max = SEGMENT_BYTES_MAX;
        start = arm__log_start(f->log);
        st = arm__log_recover(f->log, &start, known, &f->found, &f->err);
    }
    if (st != ARM_OK) {
        assert_int_equal(st, ARM_IO);
        return false;
    }
    if (f->found.damaged) {
        fail_msg("damaged: %s", f->found.problem);
    }
    f->tail = f->found.tail;
    assert_true(f->tail.next_tx - 1 >= model->acknowledged);
    assert_true(f->tail.next_tx - 1 <= model->appended);
    ops_left = disk->ops_left;
    disk->ops_left = INT64_MAX;
    assert_int_equal(fixture_check(f), f->tail.next_tx - 1);
    disk->ops_left = ops_left;
    return true;
}

/* Commits, until enough or until something fails. */
static void live(struct disk *disk, struct fixture *f, struct model *model)
{
    /* What recovery kept is durable, and may be shown to readers. */
    model->acknowledged = f->tail.next_tx - 1;
    model->appended = f->tail.next_tx - 1;
    for (uint64_t i = random_below(disk, 40); i > 0; i--) {
        uint64_t dice = random_below(disk, 100);
        arm_status st = ARM_OK;

        if (dice < 55) {
            size_t size = random_below(disk, dice < 5 ? 60000 : 2000);

            model->appended = f->tail.next_tx; /* even if it fails, it may have been written */
            st = fixture_try_append(f, size);
        } else if (dice < 95) {
            st = arm__log_wait_durable(f->log, f->tail.next_tx - 1, &f->err);
            if (st == ARM_OK) {
                model->acknowledged = f->tail.next_tx - 1;
            }
        } else if (dice < 97) {
            disk->fail_next_sync = true;
        } else {
            st = arm__log_append_close(f->log, &f->tail, &f->err);
        }
        if (arm__log_poisoned(f->log) || st == ARM_REOPEN || st == ARM_COMMIT_UNKNOWN) {
            break;
        }
    }
}

static void run_seed(uint64_t seed)
{
    struct model model = {0, 0};
    struct fixture f = {.dir = temp_dir_make()};
    struct disk *disk = calloc(1, sizeof *disk);

    assert_non_null(disk);
    disk_init(disk, seed);
    assert_ok(arm__log_create(&disk->io, f.dir.path, &FIXTURE_ID, &f.err), f.err);
    for (int life = 0; life < 12; life++) {
        uint64_t end = random_below(disk, 4);

        disk->ops_left = end == 0 ? (int64_t)random_below(disk, 200) : INT64_MAX;
        disk->fail_next_sync = random_below(disk, 8) == 0; /* recovery's own */
        if (begin_life(disk, &f, &model)) {
            live(disk, &f, &model);
        }
        if (f.log != NULL) {
            fixture_close(&f);
        }
        disk->ops_left = INT64_MAX;
        disk->fail_next_sync = false;
        if (random_below(disk, 4) == 0) {
            write_page_back(disk);
        }
        if (end != 3) { /* else the process was killed, and the machine goes on */
            power_cut(disk, &f, random_below(disk, 3) > 0);
        }
    }
    for (size_t i = 0; i < disk->count; i++) {
        forget_pending(&disk->media[i]);
        arm__buf_release(&disk->media[i].bytes);
    }
    free(disk);
    temp_dir_remove(&f.dir);
}

static void test_power_L2_acknowledged_survives_every_cut(void **state)
{
    const char *one = getenv("ARM_POWER_SEED");
    const char *many = getenv("ARM_POWER_SEEDS");
    uint64_t *running = *state;
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : DEFAULT_SEEDS;

    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        *running = seed;
        run_seed(seed);
    }
    *running = 0;
}

static int setup(void **state)
{
    static uint64_t running;

    *state = &running;
    return 0;
}

static int say_seed(void **state)
{
    const uint64_t *running = *state;

    if (*running != 0) {
        print_message("to repeat it: ARM_POWER_SEED=%llu\n", (unsigned long long)*running);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_power_L2_acknowledged_survives_every_cut, setup,
                                        say_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
