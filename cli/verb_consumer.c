/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria consumer. */

#include <string.h>

#include "find_tx.h"
#include "list.h"
#include "sub.h"
#include "verbs.h"

static const struct cli_list_column consumer_columns[] = {
    {"consumer", CLI_LIST_PLAIN},      {"acked_tx", CLI_LIST_PLAIN}, {"lag", CLI_LIST_COUNT},
    {"waiting_since", CLI_LIST_PLAIN}, {"members", CLI_LIST_COUNT},
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

arm_status cli_list_consumers(const struct cli *cli, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    CLI_TRY(arm_consumers(cli->session, &stream, err));
    CLI_TRY(cli_list(cli, &stream, consumer_columns, COUNT_OF(consumer_columns), err));
done:
    return st;
}

arm_status cli_json_consumers(const struct cli *cli, struct cli_text *out, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    bool is_first = true;
    arm_status st = ARM_OK;

    CLI_TRY(arm_consumers(cli->session, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    cli_text_add(out, "[");
    for (;;) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        cli_text_add(out, is_first ? "" : ",\n ");
        cli_list_json_row(&reader, consumer_columns, COUNT_OF(consumer_columns), out);
        is_first = false;
    }
    cli_text_add(out, "]");
done:
    cli_reader_close(&reader);
    return st;
}

static arm_status do_list(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    (void)args;
    return cli_list_consumers(cli, err);
}

static arm_status do_move(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    const char *text = args->positional[2];
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    CLI_TRY(cli_find_tx(cli, text, &tx, err));
    CLI_TRY(arm_consumer_move(cli->session, name, tx, err));
    cli_tell_name(cli, "moved consumer", name);
done:
    return st;
}

static arm_status do_delete(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    arm_status st = ARM_OK;

    CLI_TRY(arm_consumer_drop(cli->session, name, err));
    cli_tell_name(cli, "deleted consumer", name);
done:
    return st;
}

static const char *hint_of(arm_status st, const struct cli_sub *sub)
{
    (void)sub;
    return st == ARM_NOT_FOUND ? "`armillaria consumer list` lists the consumers" : NULL;
}

static const struct cli_sub subs[] = {
    {"list", "", 0, 0, CLI_READ, false, NULL, do_list},
    {"move", "NAME TX", 2, 2, CLI_WRITE, false, NULL, do_move},
    {"delete", "NAME", 1, 1, CLI_WRITE, false, NULL, do_delete},
    {NULL, NULL, 0, 0, CLI_READ, false, NULL, NULL},
};

static int run_consumer(struct cli *cli, const struct cli_args *args)
{
    return cli_sub_run(cli, args, subs, hint_of);
}

const struct cli_verb cli_verb_consumer = {
    .name = "consumer",
    .usage = "[list | move NAME TX | delete NAME]",
    .summary = "list, move and delete consumers of the changelog",
    .help =
        "A consumer is a name under which the repository keeps how far somebody has read the\n"
        "changelog (`armillaria changes --consumer NAME`).\n"
        "\n"
        "    list              the consumers, and how many commits each is behind. The default\n"
        "    move NAME TX      it stands at TX, forward or back: a tx id (0: the beginning), "
        "`now`,\n"
        "                      or a ref that names a commit; one that is not there is made, and\n"
        "                      who follows goes on from there\n"
        "    delete NAME       it is forgotten",
    .examples = "armillaria consumer\n"
                "armillaria consumer move billing 120\n"
                "armillaria consumer delete billing",
    .exits = "",
    .positional_max = SIZE_MAX,
    .run = run_consumer,
    .options = {{NULL, 0, NULL, NULL}},
};
