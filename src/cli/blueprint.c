#include "cli/blueprint.h"

#include <unistd.h>

#include "cli/overrides.h"
#include "run/transfer.h"

static int shape_of_flag(const char *text, struct Shape *shape, struct Error *error) {
    long long height, width, channels;
    char rest;
    if (sscanf(text, "%lldx%lldx%lld%c", &height, &width, &channels, &rest) != 3 || height < 1 ||
        width < 1 || channels < 1 || height > 1 << 20 || width > 1 << 20 || channels > 1 << 20)
        return fail(error, ERROR_USAGE, "--input %s: expected HEIGHTxWIDTHxCHANNELS, as 32x32x3",
                    text);
    *shape = (struct Shape){height, width, channels, 1, 1};
    return OK;
}

int blueprint_open(struct Blueprint *blueprint, const struct Arguments *arguments,
                   struct Error *error) {
    const char *input = argument_value(arguments, "input");
    *blueprint = (struct Blueprint){.without_data = input != NULL};
    struct Overrides overrides = overrides_collect(arguments);
    int code = run_parse(&blueprint->file, arguments->operands[0], NULL, overrides.texts,
                         overrides.count, &blueprint->options, error);
    overrides_release(&overrides);
    return !code && input ? shape_of_flag(input, &blueprint->input, error) : code;
}

/* If the data is not available, the donor need not be either. */
static bool lacks_donor(const struct Blueprint *blueprint) {
    const char *donor = blueprint->options.start_from.checkpoint;
    return blueprint->without_data && donor && access(donor, F_OK);
}

static int check(struct Blueprint *blueprint, int64_t ranks, run_checker *checker,
                 struct Error *error) {
    struct RunOptions *options = &blueprint->options;
    if (options->train.shards < 0)
        options->train.shards = ranks;
    blueprint->without_donor = lacks_donor(blueprint);
    int code = OK;
    if (!blueprint->without_donor)
        code = transfer_open_donor(blueprint->file, &options->start_from, &blueprint->donor, error);
    if (code)
        return code;
    transfer_settle(&options->start_from, blueprint->donor);
    struct RunRequest request = {.file = blueprint->file,
                                 .options = options,
                                 .ranks = ranks,
                                 .variant = run_best_variant(options),
                                 .donor = blueprint->donor,
                                 .input = blueprint->without_data ? &blueprint->input : NULL};
    code = run_check_variant(blueprint->file, options, request.variant, error);
    return code ? code : checker(&request, &blueprint->parts, error);
}

int blueprint_check_model(struct Blueprint *blueprint, struct Error *error) {
    int64_t shards = blueprint->options.train.shards;
    return check(blueprint, shards > 0 ? shards : 1, run_check_model, error);
}

int blueprint_check(struct Blueprint *blueprint, int64_t ranks, struct Error *error) {
    return check(blueprint, ranks, run_check, error);
}

void blueprint_release(struct Blueprint *blueprint) {
    run_parts_release(&blueprint->parts);
    checkpoint_close(blueprint->donor);
    runfile_release(blueprint->file);
}
