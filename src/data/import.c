#include "data/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/dataset/part.h"
#include "data/dataset/writer.h"

#define BATCH_BYTES (64 << 20)
#define BATCH_MOST 1024

/* A class must keep samples in both splits. */
static int check_part(const struct Source *source, const struct SourceSplit *train,
                      const bool *chosen, struct Error *error) {
    int64_t classes = train->labels ? source->targets.count : 1;
    int64_t *present = memory_array(int64_t, classes, "validation split");
    int64_t *taken = memory_array(int64_t, classes, "validation split");
    int code = OK;
    for (int64_t i = 0; i < train->count; i++) {
        int64_t label = train->labels ? train->labels[i] : 0;
        present[label]++;
        taken[label] += chosen[i];
    }
    for (int64_t label = 0; label < classes && code == OK; label++)
        if (present[label] > 0 && (taken[label] == 0 || taken[label] == present[label]))
            code = fail(error, ERROR_DATA,
                        "class '%s' has %" PRId64 " training images, so none would be left for %s",
                        train->labels ? source->targets.names[label] : "(all)", present[label],
                        taken[label] == 0 ? "validation" : "training");
    memory_release(present);
    memory_release(taken);
    return code;
}

/* Moves the chosen samples; those that stay close up. */
static void move_chosen(struct SourceSplit *train, struct SourceSplit *validation, int64_t columns,
                        const bool *chosen) {
    int64_t kept = 0, moved = 0;
    for (int64_t i = 0; i < train->count; i++) {
        struct SourceSplit *to = chosen[i] ? validation : train;
        int64_t place = chosen[i] ? moved++ : kept++;
        to->items[place] = train->items[i];
        if (train->labels)
            to->labels[place] = train->labels[i];
        if (train->targets)
            memmove(to->targets + place * columns, train->targets + i * columns,
                    (size_t)columns * sizeof *to->targets);
    }
    train->count = kept;
}

int import_split_validation(struct Source *source, double part, uint64_t seed,
                            struct Error *error) {
    struct SourceSplit *train = source_find_split(source, "train");
    if (!train)
        return fail(error, ERROR_DATA,
                    "there is no split 'train' to take the validation split from");
    if (source_find_split(source, "validation"))
        return fail(error, ERROR_DATA, "the source already has a split 'validation'");
    bool *chosen = memory_array(bool, train->count, "validation split");
    const struct PartRequest request = {.count = train->count,
                                        .labels = train->labels,
                                        .classes = train->labels ? source->targets.count : 1,
                                        .part = part,
                                        .seed = seed};
    int64_t total = part__choose(&request, chosen);
    int code = check_part(source, train, chosen, error);
    if (code == OK) {
        struct SourceSplit *validation = source_add_split(source, "validation", total);
        train = source_find_split(source, "train"); /* adding a split may have moved it */
        move_chosen(train, validation, targets_values(&source->targets), chosen);
    }
    memory_release(chosen);
    return code;
}

/* Samples a batch: enough for all threads, few enough for any memory. */
static int64_t batch_size(int64_t sample_bytes) {
    int64_t count = BATCH_BYTES / sample_bytes;
    return count < 1 ? 1 : count > BATCH_MOST ? BATCH_MOST : count;
}

/* The names are padded to one length in the file, so that a long one costs as much for each. */
#define NAMES_MOST_BYTES ((int64_t)1 << 30)

static int write_names(const struct Source *source, const struct SourceSplit *split,
                       struct DatasetWriter *writer, struct Error *error) {
    if (split->count < 1 || !source_name(source, split->items[0]))
        return OK;
    const char **names = memory_array(const char *, split->count, "names of samples");
    int64_t longest = 1;
    for (int64_t i = 0; i < split->count; i++) {
        names[i] = source_name(source, split->items[i]);
        int64_t length = (int64_t)strlen(names[i]);
        longest = length > longest ? length : longest;
    }
    int code = OK;
    if (longest > NAMES_MOST_BYTES / split->count)
        log_warning("split %s: the names of its samples are too long to be kept", split->name);
    else
        code = writer__name_samples(writer, names, error);
    memory_release(names);
    return code;
}

/* What is not finite would make every statistic, and the first step, NaN. */
static int check_finite(const struct Source *source, const struct SourceSplit *split,
                        const float *samples, int64_t first, int64_t count, struct Error *error) {
    int64_t elements = source->height * source->width * source->channels;
    for (int64_t i = 0; source->floats && i < count * elements; i++)
        if (!isfinite(samples[i])) {
            int64_t sample = first + i / elements;
            const char *name = source_name(source, split->items[sample]);
            return fail(error, ERROR_DATA,
                        "split '%s', sample %" PRId64 "%s%s: a value is not finite", split->name,
                        sample, name ? ", " : "", name ? name : "");
        }
    return OK;
}

static int write_weights(const struct Source *source, const struct SourceSplit *split,
                         struct DatasetWriter *writer, struct Error *error) {
    bool has_any;
    float *weights = memory_array(float, split->count, "weights");
    int code = source_weights(source, split, weights, &has_any, error);
    if (code == OK && has_any)
        code = writer__weights(writer, split->name, weights, split->count, error);
    memory_release(weights);
    return code;
}

static int write_split(const struct Source *source, const struct SourceSplit *split,
                       struct DatasetWriter *writer, const struct Ticker *ticker,
                       struct Error *error) {
    int64_t columns = targets_values(&source->targets), bytes = source_sample_bytes(source);
    int64_t most = batch_size(bytes);
    void *samples = memory_allocate((size_t)(most * bytes), "samples");
    int code = writer__begin_split(writer, split->name, split->count, error);
    if (code == OK)
        code = write_names(source, split, writer, error);
    for (int64_t first = 0; first < split->count && code == OK; first += most) {
        int64_t count = split->count - first < most ? split->count - first : most;
        code = source_read(source, split->items + first, count, samples, error);
        if (code == OK)
            code = check_finite(source, split, samples, first, count, error);
        const void *truth = split->targets  ? (const void *)(split->targets + first * columns)
                            : split->labels ? split->labels + first
                                            : NULL;
        if (code == OK)
            code = writer__append(writer, samples, truth, count, error);
        if (code == OK && ticker && ticker->report)
            ticker->report(ticker->context, split->name, first + count, split->count);
    }
    if (code == OK)
        code = write_weights(source, split, writer, error);
    memory_release(samples);
    return code;
}

/* Other pictures become images in this way, too. */
static struct PictureRule rule_of(const struct Source *source,
                                  const struct SourceOptions *options) {
    struct PictureRule rule = {0};
    if (!source_takes(options->format, SOURCE_TAKES_SIZE))
        return rule;
    if (options->pictures.height)
        strcpy(rule.resize, resize_rule_names[options->pictures.resize]);
    strcpy(rule.values,
           source->floats ? picture_scale_names[options->pictures.scale] : PICTURE_RULE_BYTES);
    return rule;
}

static int write_all(const struct Source *source, const struct ImportOptions *options,
                     const char *path, const struct Ticker *ticker, struct Error *error) {
    const struct DatasetDescription description = {.height = source->height,
                                                   .width = source->width,
                                                   .channels = source->channels,
                                                   .floats = source->floats,
                                                   .targets = source->targets.kind,
                                                   .target_count = source->targets.count,
                                                   .target_names =
                                                       (const char *const *)source->targets.names,
                                                   .source = options->origin,
                                                   .pictures = rule_of(source, &options->source),
                                                   .encoding = &source->encoding};
    struct DatasetWriter *writer;
    int code = writer__create(&writer, path, &description, error);
    if (code != OK)
        return code;
    for (int i = 0; i < source->split_count && code == OK; i++)
        code = write_split(source, &source->splits[i], writer, ticker, error);
    if (code == OK)
        return writer__commit(writer, error);
    writer__abandon(writer);
    return code;
}

static int split_off(struct Source *source, const struct ImportOptions *options,
                     struct Error *error) {
    char part[32];
    int code = import_split_validation(source, options->validation, options->seed, error);
    if (code == OK)
        return OK;
    snprintf(part, sizeof part, "%g", options->validation);
    return error_blame_option(error, "split-validation", part);
}

int import_dataset(const struct ImportOptions *options, const char *path,
                   const struct Ticker *ticker, int64_t *skipped, struct Error *error) {
    struct Source source;
    int code = source_open(&source, &options->source, ticker, error);
    if (code != OK)
        return code;
    if (options->validation > 0)
        code = split_off(&source, options, error);
    if (code == OK)
        code = source_settle(&source, error);
    if (code == OK)
        code = write_all(&source, options, path, ticker, error);
    *skipped = source.skipped;
    source_release(&source);
    return code;
}
