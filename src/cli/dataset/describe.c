#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/columns.h"
#include "cli/dataset/dataset.h"
#include "cli/shown.h"

/* Whether the targets are distributions over the classes. */
static bool has_soft_labels(const struct Dataset *dataset, const struct Split *split) {
    return dataset->targets.kind == TARGET_DISTRIBUTIONS && split->targets;
}

static int64_t count_of(const struct Dataset *dataset, const struct Split *split, int64_t label) {
    int64_t count = 0;
    for (int64_t i = 0; i < split->count; i++)
        count += split_has_class(split, dataset->targets.count, i, label);
    return count;
}

static void print_classes(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%-24s", "class");
    for (int s = 0; s < dataset->split_count; s++)
        fprintf(out, " %12s", shown(dataset->splits[s].name));
    fputc('\n', out);
    for (int64_t c = 0; c < targets_classes(&dataset->targets); c++) {
        fprintf(out, "%3" PRId64 " %-20s", c, shown(dataset->targets.names[c]));
        for (int s = 0; s < dataset->split_count; s++)
            fprintf(out, " %12" PRId64, count_of(dataset, &dataset->splits[s], c));
        fputc('\n', out);
    }
}

/* The least value, the mean and the largest value of one target over a split. */
struct TargetRange {
    double least, mean, most;
};

static struct TargetRange range_of(const struct Dataset *dataset, const struct Split *split,
                                   int64_t target) {
    struct TargetRange range = {.least = INFINITY, .most = -INFINITY};
    for (int64_t i = 0; i < split->count; i++) {
        double value = (double)split->targets[i * dataset->targets.count + target];
        range.least = fmin(range.least, value);
        range.most = fmax(range.most, value);
        range.mean += value / (double)split->count;
    }
    return range;
}

static void print_targets(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%-24s %-12s %12s %12s %12s\n", "target", "split", "least", "mean", "most");
    for (int64_t k = 0; k < targets_values(&dataset->targets); k++)
        for (int s = 0; s < dataset->split_count; s++) {
            struct TargetRange range = range_of(dataset, &dataset->splits[s], k);
            fprintf(out, "%-24s %-12s %12.6g %12.6g %12.6g\n",
                    s ? "" : shown(dataset->targets.names[k]), shown(dataset->splits[s].name),
                    range.least, range.mean, range.most);
        }
}

void dataset_print_head(FILE *out, const struct Dataset *dataset, const char *what) {
    const char *word = dataset_channel_word(dataset);
    fprintf(out, "%s %-*s", word, 12 - (int)strlen(word), what);
}

static void print_vector(FILE *out, const struct Dataset *dataset, const char *what,
                         const double *values) {
    dataset_print_head(out, dataset, what);
    for (int64_t c = 0; c < dataset->channels; c++)
        fprintf(out, " %.6g", values[c]);
    fputc('\n', out);
}

/* What a sample is, and its targets. */
static void print_shape(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%-13s ", dataset_samples_word(dataset));
    if (dataset_has_rows(dataset))
        fprintf(out, "%" PRId64 " column%s", dataset->channels, dataset->channels == 1 ? "" : "s");
    else
        fprintf(out, "%" PRId64 "x%" PRId64 "x%" PRId64 " (height, width, channels)",
                dataset->height, dataset->width, dataset->channels);
    fprintf(out, ", %" PRId64 " %s\n", dataset->targets.count,
            dataset->targets.count == 1 ? targets_word(&dataset->targets)
                                        : targets_words(&dataset->targets));
}

void dataset_print(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%s\n", shown(dataset->path));
    if (dataset->source && *dataset->source)
        fprintf(out, "%-13s %s\n", "source", shown(dataset->source));
    print_shape(out, dataset);
    for (int s = 0; s < dataset->split_count; s++) {
        const struct Split *split = &dataset->splits[s];
        double bytes = (double)split->count * (double)dataset->height * (double)dataset->width *
                       (double)dataset->channels * (split->bytes ? 1 : 4);
        char size[32];
        fprintf(out, "%-13s %" PRId64 " %s, %s, %s, %sdigest %s\n", shown(split->name),
                split->count, dataset_samples_word(dataset), split->bytes ? "uint8" : "float32",
                text_bytes(bytes, size),
                has_soft_labels(dataset, split)        ? "soft labels, "
                : dataset->targets.kind == TARGET_SETS ? "multi-label, "
                                                       : "",
                split->digest[0] ? shown(split->digest) : "none");
    }
    if (dataset->statistics.channel_mean)
        print_vector(out, dataset, "mean", dataset->statistics.channel_mean);
    if (dataset->statistics.channel_std)
        print_vector(out, dataset, "std", dataset->statistics.channel_std);
    if (targets_are_values(&dataset->targets))
        print_targets(out, dataset);
    else
        print_classes(out, dataset);
    columns_print(out, &dataset->encoding);
}

static json_t *vector_to_json(const double *values, int64_t count) {
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *counts_to_json(const struct Dataset *dataset, const struct Split *split) {
    json_t *counts = json_array();
    for (int64_t c = 0; c < targets_classes(&dataset->targets); c++)
        json_array_append_new(counts, json_integer(count_of(dataset, split, c)));
    return counts;
}

static json_t *ranges_to_json(const struct Dataset *dataset, const struct Split *split) {
    json_t *ranges = json_array();
    for (int64_t k = 0; k < targets_values(&dataset->targets); k++) {
        struct TargetRange range = range_of(dataset, split, k);
        json_array_append_new(ranges, json_pack("{s:f, s:f, s:f}", "least", range.least, "mean",
                                                range.mean, "most", range.most));
    }
    return ranges;
}

static json_t *names_to_json(char *const *names, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, shown_json(names[i]));
    return list;
}

static json_t *split_to_json(const struct Dataset *dataset, const struct Split *split) {
    json_t *object = json_pack("{s:I, s:s, s:o?}", "count", (json_int_t)split->count, "type",
                               split->bytes ? "uint8" : "float32", "digest",
                               split->digest[0] ? shown_json(split->digest) : NULL);
    if (targets_are_values(&dataset->targets))
        json_object_set_new(object, "targets", ranges_to_json(dataset, split));
    else
        json_object_set_new(object, "class_counts", counts_to_json(dataset, split));
    if (dataset->targets.kind == TARGET_SETS)
        json_object_set_new(object, "multi_label", json_true());
    else if (!targets_are_values(&dataset->targets))
        json_object_set_new(object, "soft_labels", json_boolean(has_soft_labels(dataset, split)));
    return object;
}

json_t *dataset_to_json(const struct Dataset *dataset) {
    json_t *splits = json_object(), *statistics = json_object();
    for (int s = 0; s < dataset->split_count; s++)
        shown_json_member(splits, dataset->splits[s].name,
                          split_to_json(dataset, &dataset->splits[s]));
    if (dataset->statistics.channel_mean)
        json_object_set_new(statistics, "channel_mean",
                            vector_to_json(dataset->statistics.channel_mean, dataset->channels));
    if (dataset->statistics.channel_std)
        json_object_set_new(statistics, "channel_std",
                            vector_to_json(dataset->statistics.channel_std, dataset->channels));
    if (dataset->target_mean)
        json_object_set_new(statistics, "target_mean",
                            vector_to_json(dataset->target_mean, dataset->targets.count));
    if (dataset->target_std)
        json_object_set_new(statistics, "target_std",
                            vector_to_json(dataset->target_std, dataset->targets.count));
    json_t *columns = dataset->encoding.column_count ? columns_to_json(&dataset->encoding) : NULL;
    return json_pack("{s:o, s:o, s:[I,I,I], s:o, s:o, s:o, s:o*}", "file",
                     shown_json(dataset->path), "source", shown_json(dataset->source),
                     "image_shape", (json_int_t)dataset->height, (json_int_t)dataset->width,
                     (json_int_t)dataset->channels, targets_words(&dataset->targets),
                     names_to_json(dataset->targets.names, dataset->targets.count), "splits",
                     splits, "statistics", statistics, "columns", columns);
}

void dataset_print_json(json_t *object) {
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

bool dataset_lacks_statistic(const struct Dataset *dataset, const struct StatisticRow *row) {
    int64_t size[3];
    return statistic_shape(row, dataset->height, dataset->width, dataset->channels, size) &&
           !statistic_of(row, &dataset->statistics);
}
