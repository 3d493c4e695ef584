#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/dataset/dataset.h"
#include "cli/shown.h"
#include "data/dataset/contents.h"
#include "data/dataset/saved_encoding.h"
#include "data/statistics/statistics_file.h"

#define SHOWN 8 /* arrays in one line */

/* The rest of a path if it lies in a group; else NULL. */
static const char *inside(const char *path, const char *group) {
    size_t length = strlen(group);
    return !strncmp(path, group, length) && path[length] == '/' ? path + length + 1 : NULL;
}

/* Whether an array is part of what a data set is made of, all of which is checked. */
static bool is_checked(const struct Dataset *dataset, const char *path) {
    static const char *const of_split[] = {"images",  "labels",  "targets",
                                           "weights", "sources", "block_digests"};
    const char *name;
    bool values = targets_are_values(&dataset->targets);
    if (!strcmp(++path, values ? "target_names" : "classes"))
        return true;
    if ((name = inside(path, "statistics")))
        return statistics_have(dataset, name);
    if ((name = inside(path, "encoding")))
        return encoding_has(&dataset->encoding, name);
    for (int s = 0; s < dataset->split_count; s++)
        if ((name = inside(path, dataset->splits[s].name)))
            return text_index(name, of_split, sizeof of_split / sizeof *of_split) >= 0;
    return false;
}

/* Adds the paths of the other arrays of the file, and of its links to other files, to a list. Fails
 * if something in the file is damaged. */
static int find_unchecked(const struct Dataset *dataset, json_t *unchecked, struct Error *error) {
    struct H5File *file;
    struct Contents contents;
    int code = h5_open(&file, dataset->path, ERROR_DATA, error);
    if (code)
        return code;
    contents_read(file, &contents);
    for (int i = 0; i < contents.count; i++) {
        const struct ContentsItem *item = &contents.items[i];
        bool is_array = item->member != H5_MEMBER_GROUP && item->member != H5_MEMBER_OTHER;
        if (is_array && !is_checked(dataset, item->path))
            json_array_append_new(unchecked, shown_json(item->path));
    }
    contents_release(&contents);
    code = h5_check(file, error);
    h5_close(file);
    return code;
}

static void print_unchecked(const json_t *unchecked) {
    size_t count = json_array_size(unchecked);
    if (!count)
        return;
    printf("not checked: ");
    for (size_t i = 0; i < count && i < SHOWN; i++)
        printf("%s%s", i ? ", " : "", shown(json_string_value(json_array_get(unchecked, i))));
    if (count > SHOWN)
        printf(" and %zu more", count - SHOWN);
    printf(" (no part of this data set)\n");
}

static void print_words(const struct Dataset *dataset, bool listed, const json_t *unchecked) {
    printf("%s: good:", shown(dataset->path));
    for (int s = 0; s < dataset->split_count; s++)
        printf(" %s %" PRId64 " %s%s", shown(dataset->splits[s].name), dataset->splits[s].count,
               dataset_samples_word(dataset), s + 1 < dataset->split_count ? "," : "\n");
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
    print_unchecked(unchecked);
}

static void print_json(const struct Dataset *dataset, bool listed, json_t *unchecked) {
    json_t *object = dataset_to_json(dataset), *missing = json_array();
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (dataset_lacks_statistic(dataset, row))
            json_array_append_new(missing, json_string(row->name));
    json_object_set_new(object, "good", json_true());
    json_object_set_new(object, "listed", json_boolean(listed));
    json_object_set_new(object, "missing_statistics", missing);
    json_object_set(object, "not_checked", unchecked);
    dataset_print_json(object);
}

int dataset_verify_file(const char *path, bool json, struct Error *error) {
    struct Dataset *dataset;
    const struct DatasetRequest request = {.path = path, .defers = true};
    int code = dataset_open_request(&dataset, &request, error);
    if (code != OK)
        return code;
    bool listed = false;
    json_t *unchecked = json_array();
    code = dataset_verify(dataset, &listed, error);
    if (code == OK)
        code = find_unchecked(dataset, unchecked, error);
    if (code == OK && json)
        print_json(dataset, listed, unchecked);
    else if (code == OK)
        print_words(dataset, listed, unchecked);
    json_decref(unchecked);
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
        "file's own list has. It names what the file lacks, and what else it holds.\n"
        "\n"
        "Example:\n"
        "  trainer dataset verify shapes.h5\n",
    .flags = flags,
    .run = run};
