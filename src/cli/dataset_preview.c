#include "cli/dataset.h"
#include "data/preview.h"

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    const char *out = argument_value(arguments, "out"), *name = argument_value(arguments, "split");
    long long count, seed;
    struct Dataset *dataset = NULL;
    if (!out)
        return fail(error, ERROR_USAGE, "dataset preview: --out FILE.png is missing");
    int status = argument_integer(arguments, "count", 1, 1000, 10, &count, error);
    if (status == OK)
        status = argument_integer(arguments, "seed", 0, INT64_MAX, 0, &seed, error);
    if (status == OK)
        status = dataset_open(&dataset, arguments->operands[0], error);
    if (status != OK)
        return status;
    const struct Split *split = dataset_split(dataset, name ? name : "train", error);
    status = split ? OK : error->code;
    if (split) {
        const struct Preview preview = {
            .count = count, .random = argument_given(arguments, "seed"), .seed = (uint64_t)seed};
        status = preview_write(dataset, split, &preview, out, error);
    }
    dataset_close(dataset);
    return status;
}

static const struct Flag flags[] = {
    {.name = "out", .argument = "FILE.png", .short_name = 'o', .help = "the picture to write"},
    {.name = "split", .argument = "NAME", .help = "the split to show (train)"},
    {.name = "count", .argument = "N", .help = "images a class (10)"},
    {.name = "seed", .argument = "N", .help = "choose at random by this seed instead of the first"},
    {.name = NULL},
};

const struct Command command_dataset_preview = {
    .name = "dataset preview",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "draw a contact sheet of a data set",
    .help =
        "Writes a PNG with one row of images a class and the class's name in front, so that you "
        "can look at what the network will learn from.\n\n"
        "Example:\n"
        "  trainer dataset preview shapes.h5 -o sheet.png --split test --count 12\n",
    .flags = flags,
    .run = run};
