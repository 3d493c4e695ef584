#include "cli/dataset.h"

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Dataset *dataset;
    int status = dataset_open(&dataset, arguments->operands[0], error);
    if (status != OK)
        return status;
    status = dataset_verify(dataset, error);
    if (status == OK) {
        printf("%s: good:", dataset->path);
        for (int s = 0; s < dataset->split_count; s++)
            printf(" %s %lld images%s", dataset->splits[s].name,
                   (long long)dataset->splits[s].count, s + 1 < dataset->split_count ? "," : "\n");
    }
    dataset_close(dataset);
    return status;
}

const struct Command command_dataset_verify = {
    .name = "dataset verify",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "check a data set file from end to end",
    .help =
        "Checks types, shapes and the range of the labels, computes the digest of every split and "
        "the statistics again and compares them with what the file says. Exit code 4 and one "
        "line if something is wrong.\n\n"
        "Example:\n"
        "  trainer dataset verify shapes.h5\n",
    .run = run};
