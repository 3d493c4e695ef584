#include "cli/dataset/dataset.h"

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Dataset *dataset;
    int code = dataset_open(&dataset, arguments->operands[0], error);
    if (code != OK)
        return code;
    if (argument_given(arguments, "json"))
        dataset_print_json(dataset_to_json(dataset));
    else
        dataset_print(stdout, dataset);
    dataset_close(dataset);
    return OK;
}

static const struct Flag flags[] = {
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_info = {
    .name = "dataset info",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "say what a data set file holds",
    .help = "Prints the image size, the splits with their digests, the statistics of the training "
            "split and how many images each class has. An image with a soft label (a distribution "
            "over the classes) counts for its most probable class.\n\n"
            "Examples:\n"
            "  trainer dataset info shapes.h5\n"
            "  trainer dataset info shapes.h5 --json | python3 -m json.tool\n",
    .flags = flags,
    .run = run};
