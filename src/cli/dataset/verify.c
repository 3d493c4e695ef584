#include <inttypes.h>

#include "cli/dataset/dataset.h"
#include "cli/shown.h"

static void print_words(const struct Dataset *dataset, bool listed) {
    printf("%s: good:", shown(dataset->path));
    for (int s = 0; s < dataset->split_count; s++)
        printf(" %s %" PRId64 " images%s", shown(dataset->splits[s].name), dataset->splits[s].count,
               s + 1 < dataset->split_count ? "," : "\n");
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (dataset_lacks_statistic(dataset, row))
            printf("missing: /statistics/%s; a run that needs it measures it at its start; "
                   "trainer dataset statistics adds it\n",
                   row->name);
    if (!listed)
        printf("missing: a list of what the file must hold (attribute splits); that nothing was "
               "lost cannot be told\n");
    for (int s = 0; s < dataset->split_count; s++)
        if (!dataset->splits[s].digest[0])
            printf("missing: the digest of split %s; its pixels were compared with nothing\n",
                   shown(dataset->splits[s].name));
}

static void print_json(const struct Dataset *dataset, bool listed) {
    json_t *object = dataset_to_json(dataset), *missing = json_array();
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (dataset_lacks_statistic(dataset, row))
            json_array_append_new(missing, json_string(row->name));
    json_object_set_new(object, "good", json_true());
    json_object_set_new(object, "listed", json_boolean(listed));
    json_object_set_new(object, "missing_statistics", missing);
    dataset_print_json(object);
}

int dataset_verify_file(const char *path, bool json, struct Error *error) {
    struct Dataset *dataset;
    const struct DatasetRequest request = {.path = path, .defers = true};
    int code = dataset_open_request(&dataset, &request, error);
    if (code != OK)
        return code;
    bool listed = false;
    code = dataset_verify(dataset, &listed, error);
    if (code == OK && json)
        print_json(dataset, listed);
    else if (code == OK)
        print_words(dataset, listed);
    dataset_close(dataset);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command, (void)ranks;
    return dataset_verify_file(arguments->operands[0], argument_given(arguments, "json"), error);
}

static const struct Flag flags[] = {
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_verify = {
    .name = "dataset verify",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "check a data set file from end to end",
    .help =
        "Checks types, shapes and the range of the labels. Computes the digest of every split and "
        "the statistics again, and compares them with those in the file. If something is wrong, "
        "the command prints one line and ends with exit code 4: also if a split is gone that the "
        "file's own list has. It names what the file lacks.\n\n"
        "Example:\n"
        "  trainer dataset verify shapes.h5\n",
    .flags = flags,
    .run = run};
