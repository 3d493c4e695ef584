#include "cli/dataset.h"

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Dataset *dataset;
    int status = dataset_open(&dataset, arguments->operands[0], error);
    if (status != OK)
        return status;
    if (argument_given(arguments, "json"))
        dataset_print_json(dataset_to_json(dataset));
    else
        dataset_print(stdout, dataset);
    dataset_close(dataset);
    return OK;
}

static const struct Flag flags[] = {
    {.name = "json", .help = "as one JSON object, for scripts"},
    {.name = NULL},
};

const struct Command command_dataset_info = {
    .name = "dataset info",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "say what a data set file holds",
    .help = "Prints the image size, the splits with their digests, the statistics of the training "
            "split and how many images each class has; of soft labels (distributions over the "
            "classes) the largest counts.\n\n"
            "Example:\n"
            "  trainer dataset info shapes.h5\n"
            "  trainer dataset info shapes.h5 --json | python3 -m json.tool\n",
    .flags = flags,
    .run = run};
