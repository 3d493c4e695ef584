#include "cli/dataset.h"

/* Whether images of this size have it and the file has not. */
static bool misses(const struct Dataset *dataset, const struct StatisticRow *row) {
    int64_t size[3];
    return statistic_shape(row, dataset->height, dataset->width, dataset->channels, size) &&
           !statistic_of(row, &dataset->statistics);
}

static void print_words(const struct Dataset *dataset) {
    printf("%s: good:", dataset->path);
    for (int s = 0; s < dataset->split_count; s++)
        printf(" %s %lld images%s", dataset->splits[s].name, (long long)dataset->splits[s].count,
               s + 1 < dataset->split_count ? "," : "\n");
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (misses(dataset, row))
            printf("missing: /statistics/%s; a run that asks for it in preprocess is refused; "
                   "trainer dataset statistics adds it\n",
                   row->name);
    for (int s = 0; s < dataset->split_count; s++)
        if (!dataset->splits[s].digest[0])
            printf("missing: the digest of split %s; its pixels were compared with nothing\n",
                   dataset->splits[s].name);
}

static void print_json(const struct Dataset *dataset) {
    json_t *object = dataset_to_json(dataset), *missing = json_array();
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (misses(dataset, row))
            json_array_append_new(missing, json_string(row->name));
    json_object_set_new(object, "good", json_true());
    json_object_set_new(object, "missing_statistics", missing);
    dataset_print_json(object);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Dataset *dataset;
    int status = dataset_open(&dataset, arguments->operands[0], error);
    if (status != OK)
        return status;
    status = dataset_verify(dataset, error);
    if (status == OK && argument_given(arguments, "json"))
        print_json(dataset);
    else if (status == OK)
        print_words(dataset);
    dataset_close(dataset);
    return status;
}

static const struct Flag flags[] = {
    {.name = "json", .help = "as one JSON object, for scripts"},
    {.name = NULL},
};

const struct Command command_dataset_verify = {
    .name = "dataset verify",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "check a data set file from end to end",
    .help =
        "Checks types, shapes and the range of the labels, computes the digest of every split and "
        "the statistics again and compares them with what the file says. Exit code 4 and one "
        "line if something is wrong. What the file does not have is named.\n\n"
        "Example:\n"
        "  trainer dataset verify shapes.h5\n",
    .flags = flags,
    .run = run};
