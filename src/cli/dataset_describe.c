/* A data set in words and in JSON: for info, import, synthesize and inspect. */
#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/dataset.h"

static int64_t count_of(const struct Split *split, int64_t label) {
    int64_t count = 0;
    for (int64_t i = 0; i < split->count; i++)
        count += split->labels[i] == label;
    return count;
}

static void print_classes(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%-24s", "class");
    for (int s = 0; s < dataset->split_count; s++)
        fprintf(out, " %12s", dataset->splits[s].name);
    fputc('\n', out);
    for (int64_t c = 0; c < dataset->class_count; c++) {
        fprintf(out, "%3" PRId64 " %-20s", c, dataset->class_names[c]);
        for (int s = 0; s < dataset->split_count; s++)
            fprintf(out, " %12" PRId64, count_of(&dataset->splits[s], c));
        fputc('\n', out);
    }
}

static void print_vector(FILE *out, const char *name, const double *values, int64_t count) {
    fprintf(out, "%-13s", name);
    for (int64_t i = 0; i < count; i++)
        fprintf(out, " %.6g", values[i]);
    fputc('\n', out);
}

void dataset_print(FILE *out, const struct Dataset *dataset) {
    fprintf(out, "%s\n", dataset->path);
    if (dataset->source)
        fprintf(out, "%-13s %s\n", "source", dataset->source);
    fprintf(out,
            "%-13s %" PRId64 "x%" PRId64 "x%" PRId64 " (height, width, channels), %" PRId64
            " classes\n",
            "images", dataset->height, dataset->width, dataset->channels, dataset->class_count);
    for (int s = 0; s < dataset->split_count; s++) {
        const struct Split *split = &dataset->splits[s];
        double bytes = (double)split->count * (double)dataset->height * (double)dataset->width *
                       (double)dataset->channels * (split->bytes ? 1 : 4);
        char size[32];
        fprintf(out, "%-13s %" PRId64 " images, %s, %s, digest %s\n", split->name, split->count,
                split->bytes ? "uint8" : "float32", text_bytes(bytes, size),
                split->digest[0] ? split->digest : "none");
    }
    if (dataset->statistics.channel_mean)
        print_vector(out, "channel mean", dataset->statistics.channel_mean, dataset->channels);
    if (dataset->statistics.channel_std)
        print_vector(out, "channel std", dataset->statistics.channel_std, dataset->channels);
    print_classes(out, dataset);
}

static json_t *vector_to_json(const double *values, int64_t count) {
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

/* Text from a file need not be UTF-8, which JSON must be. */
static json_t *text_to_json(const char *text) {
    json_t *string = json_string(text);
    return string ? string : json_string("(not UTF-8)");
}

static json_t *split_to_json(const struct Dataset *dataset, const struct Split *split) {
    json_t *counts = json_array();
    for (int64_t c = 0; c < dataset->class_count; c++)
        json_array_append_new(counts, json_integer(count_of(split, c)));
    return json_pack("{s:I, s:s, s:o?, s:o}", "count", (json_int_t)split->count, "type",
                     split->bytes ? "uint8" : "float32", "digest",
                     split->digest[0] ? json_string(split->digest) : NULL, "class_counts", counts);
}

json_t *dataset_to_json(const struct Dataset *dataset) {
    json_t *classes = json_array(), *splits = json_object(), *statistics = json_object();
    for (int64_t c = 0; c < dataset->class_count; c++)
        json_array_append_new(classes, text_to_json(dataset->class_names[c]));
    for (int s = 0; s < dataset->split_count; s++)
        json_object_set_new(splits, dataset->splits[s].name,
                            split_to_json(dataset, &dataset->splits[s]));
    if (dataset->statistics.channel_mean)
        json_object_set_new(statistics, "channel_mean",
                            vector_to_json(dataset->statistics.channel_mean, dataset->channels));
    if (dataset->statistics.channel_std)
        json_object_set_new(statistics, "channel_std",
                            vector_to_json(dataset->statistics.channel_std, dataset->channels));
    return json_pack("{s:o, s:o, s:[I,I,I], s:o, s:o, s:o}", "file", text_to_json(dataset->path),
                     "source", dataset->source ? text_to_json(dataset->source) : json_null(),
                     "image_shape", (json_int_t)dataset->height, (json_int_t)dataset->width,
                     (json_int_t)dataset->channels, "classes", classes, "splits", splits,
                     "statistics", statistics);
}

void dataset_print_json(json_t *object) {
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}
