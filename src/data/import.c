#include "data/import.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "data/writer.h"

const struct ImportFormat *const import_formats[] = {&import_image_folder,
                                                     &import_cifar10,
                                                     &import_cifar100,
                                                     &import_idx,
                                                     &import_table,
                                                     &import_image_list,
                                                     NULL};

static const struct ImportFormat *find_format(const char *name, struct Error *error) {
    const char *names[sizeof import_formats / sizeof *import_formats] = {NULL};
    int count = 0;
    for (; import_formats[count]; count++) {
        names[count] = import_formats[count]->name;
        if (strcmp(names[count], name) == 0)
            return import_formats[count];
    }
    const char *near = text_nearest(name, names, count);
    struct Text all = {0};
    for (int i = 0; i < count; i++)
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
    fail(error, ERROR_USAGE, "unknown format '%s'; expected one of %s%s%s%s", name, all.data,
         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    text_release(&all);
    return NULL;
}

struct ImportSplit *import_add_split(struct ImportSource *source, const char *name, int64_t count) {
    size_t bytes = (size_t)source->split_count * sizeof *source->splits;
    source->splits = memory_resize(source->splits, bytes, bytes + sizeof *source->splits, "splits");
    struct ImportSplit *split = &source->splits[source->split_count++];
    split->name = memory_copy_text(name);
    split->count = count;
    split->labels = memory_allocate((size_t)count * sizeof *split->labels, "labels");
    split->targets =
        memory_allocate((size_t)(count * source->target_count) * sizeof *split->targets, "targets");
    split->items = memory_allocate((size_t)count * sizeof *split->items, "image numbers");
    return split;
}

static void release_names(char **names, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        memory_release(names[i]);
    memory_release(names);
}

static char **copy_names(const char *const *names, int64_t count) {
    char **copies = memory_allocate((size_t)count * sizeof *copies, "names");
    for (int64_t i = 0; i < count; i++)
        copies[i] = memory_copy_text(names[i]);
    return copies;
}

void import_set_classes(struct ImportSource *source, const char *const *names, int64_t count) {
    char **copies = copy_names(names, count);
    release_names(source->class_names, source->class_count);
    source->class_names = copies;
    source->class_count = count;
}

void import_set_targets(struct ImportSource *source, const char *const *names, int64_t count) {
    source->target_names = copy_names(names, count);
    source->target_count = count;
}

static void release_source(struct ImportSource *source) {
    if (source->format)
        source->format->release(source);
    release_names(source->class_names, source->class_count);
    release_names(source->target_names, source->target_count);
    for (int i = 0; i < source->split_count; i++) {
        memory_release(source->splits[i].name);
        memory_release(source->splits[i].labels);
        memory_release(source->splits[i].items);
        memory_release(source->splits[i].targets);
    }
    memory_release(source->splits);
    *source = (struct ImportSource){0};
}

static int find_split(const struct ImportSource *source, const char *name) {
    for (int i = 0; i < source->split_count; i++)
        if (strcmp(source->splits[i].name, name) == 0)
            return i;
    return -1;
}

/* Marks round(part · n) of the n images of a class, chosen by the seed; returns how many. */
static int64_t choose(const struct ImportSplit *split, int32_t label, double part, uint64_t seed,
                      bool *chosen, int64_t *present) {
    int64_t *places = memory_allocate((size_t)split->count * sizeof *places, "validation split");
    int64_t count = 0;
    for (int64_t i = 0; i < split->count; i++)
        if (split->labels[i] == label)
            places[count++] = i;
    int64_t *order = memory_allocate((size_t)count * sizeof *order, "validation split");
    struct RandomStream stream = random_stream(seed, RANDOM_SPLIT, 0, 0, (uint64_t)label);
    random_permutation(&stream, count, order);
    int64_t taken = llround(part * (double)count);
    for (int64_t i = 0; i < taken; i++)
        chosen[places[order[i]]] = true;
    memory_release(order);
    memory_release(places);
    *present = count;
    return taken;
}

/* Moves a part of every class of "train" to a new split "validation", which images: by the seed. */
static int split_validation(struct ImportSource *source, double part, uint64_t seed,
                            struct Error *error) {
    int train_index = find_split(source, "train");
    if (train_index < 0)
        return fail(error, ERROR_DATA,
                    "--split-validation: there is no split 'train' to take from");
    if (find_split(source, "validation") >= 0)
        return fail(error, ERROR_DATA,
                    "--split-validation: the source already has a split 'validation'");
    struct ImportSplit *train = &source->splits[train_index];
    bool *chosen = memory_allocate((size_t)train->count * sizeof *chosen, "validation split");
    int64_t total = 0;
    int status = OK;
    /* Where there are no classes, all images are of one. */
    int64_t classes = source->target_count ? 1 : source->class_count,
            columns = source->target_count;
    for (int64_t label = 0; label < classes && status == OK; label++) {
        int64_t present, taken = choose(train, (int32_t)label, part, seed, chosen, &present);
        total += taken;
        if (present > 0 && (taken == 0 || taken == present))
            status =
                fail(error, ERROR_DATA,
                     "--split-validation %g: of class '%s' with %lld training images, %s would "
                     "be left for %s",
                     part, columns ? "(all)" : source->class_names[label], (long long)present,
                     "none", taken == 0 ? "validation" : "training");
    }
    if (status == OK) {
        struct ImportSplit *validation = import_add_split(source, "validation", total);
        train = &source->splits[train_index]; /* import_add_split may have moved it */
        int64_t kept = 0, moved = 0;
        for (int64_t i = 0; i < train->count; i++) {
            struct ImportSplit *to = chosen[i] ? validation : train;
            int64_t place = chosen[i] ? moved++ : kept++;
            to->labels[place] = train->labels[i];
            to->items[place] = train->items[i];
            if (columns)
                memmove(to->targets + place * columns, train->targets + i * columns,
                        (size_t)columns * sizeof *to->targets);
        }
        train->count = kept;
    }
    memory_release(chosen);
    return status;
}

/* Images a batch: large enough for all threads, small enough for any memory. */
static int64_t batch_size(int64_t image_bytes) {
    int64_t count = (64 << 20) / image_bytes;
    return count < 1 ? 1 : count > 1024 ? 1024 : count;
}

static int write_split(const struct ImportSource *source, const struct ImportSplit *split,
                       struct DatasetWriter *writer, const struct JobProgress *progress,
                       struct Error *error) {
    int64_t columns = source->target_count;
    int64_t bytes = source->height * source->width * source->channels *
                    (source->floats ? (int64_t)sizeof(float) : 1);
    int64_t most = batch_size(bytes);
    uint8_t *pixels = memory_allocate((size_t)(most * bytes), "images");
    int status = writer_begin_split(writer, split->name, split->count, error);
    for (int64_t first = 0; first < split->count && status == OK; first += most) {
        int64_t count = split->count - first < most ? split->count - first : most;
        status = source->format->read(source, split->items + first, count, pixels, error);
        if (status == OK)
            status = writer_append(writer, pixels,
                                   columns ? (const void *)(split->targets + first * columns)
                                           : split->labels + first,
                                   count, error);
        if (status == OK && progress && progress->report)
            progress->report(progress->context, split->name, first + count, split->count);
    }
    memory_release(pixels);
    return status;
}

static int write_all(const struct ImportSource *source, const char *text, const char *path,
                     const struct JobProgress *progress, struct Error *error) {
    const struct DatasetDescription description = {
        .height = source->height,
        .width = source->width,
        .channels = source->channels,
        .floats = source->floats,
        .target_count = source->target_count,
        .target_names = (const char *const *)source->target_names,
        .class_count = source->class_count,
        .class_names = (const char *const *)source->class_names,
        .source = text};
    struct DatasetWriter *writer;
    int status = writer_create(&writer, path, &description, error);
    if (status != OK)
        return status;
    for (int i = 0; i < source->split_count && status == OK; i++)
        status = write_split(source, &source->splits[i], writer, progress, error);
    if (status == OK)
        return writer_commit(writer, error);
    writer_abandon(writer);
    return status;
}

/* What was imported and how, so that the file can be made again. */
static char *describe(const struct ImportOptions *options) {
    struct Text text = {0};
    text_add(&text, "trainer dataset import --format %s", options->format);
    for (int i = 0; i < options->source_count; i++)
        text_add(&text, " %s", options->sources[i]);
    for (int i = 0; i < options->split_count; i++)
        text_add(&text, " --split %s=%s", options->splits[i].name, options->splits[i].folder);
    if (strcmp(options->format, import_image_folder.name) == 0 ||
        strcmp(options->format, import_image_list.name) == 0) {
        if (options->height > 0)
            text_add(&text, " --size %lldx%lld --resize %s", (long long)options->width,
                     (long long)options->height, resize_rule_names[options->resize]);
        text_add(&text, " --channels %lld%s", (long long)options->channels,
                 options->skip_bad ? " --skip-bad" : "");
    }
    for (int64_t i = 0; i < options->target_count; i++)
        text_add(&text, " --target '%s'", options->targets[i]);
    if (options->coarse_labels)
        text_add(&text, " --labels coarse");
    if (options->validation > 0)
        text_add(&text, " --split-validation %g --seed %llu", options->validation,
                 (unsigned long long)options->seed);
    return text.data;
}

/* The user's names in place of the format's own. */
static int rename_classes(struct ImportSource *source, const struct ImportOptions *options,
                          struct Error *error) {
    if (options->class_count < source->class_count)
        return fail(error, ERROR_USAGE, "--classes names %lld classes; the labels need %lld",
                    (long long)options->class_count, (long long)source->class_count);
    import_set_classes(source, options->classes, options->class_count);
    return OK;
}

int import_dataset(const struct ImportOptions *options, const char *path,
                   const struct JobProgress *progress, int64_t *skipped, struct Error *error) {
    const struct ImportFormat *format = find_format(options->format, error);
    if (!format)
        return ERROR_USAGE;
    struct ImportSource source = {.format = format};
    int status = format->open(&source, options, progress, error);
    if (status == OK && options->classes)
        status = rename_classes(&source, options, error);
    if (status == OK && options->validation > 0)
        status = split_validation(&source, options->validation, options->seed, error);
    if (status == OK) {
        char *text = describe(options);
        status = write_all(&source, text, path, progress, error);
        memory_release(text);
    }
    *skipped = source.skipped;
    release_source(&source);
    return status;
}
