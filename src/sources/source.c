#include "sources/source.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

extern const struct SourceFormat source_image_folder, source_cifar10, source_cifar100, source_stl10,
    source_idx, source_numpy, source_matlab, source_table, source_image_list;

const struct SourceFormat *const source_formats[] = {
    &source_image_folder, &source_cifar10, &source_cifar100, &source_stl10,      &source_idx,
    &source_numpy,        &source_matlab,  &source_table,    &source_image_list, NULL};

const char *const source_depth_names[SOURCE_DEPTHS] = {"auto", "byte", "float"};

/* Returns the format's name here: NumPy's two sorts of files are one format. */
static const char *own_name(const char *format) {
    return strcmp(format, "npy") && strcmp(format, "npz") ? format : "numpy";
}

bool source_takes(const char *format, enum SourceTakes option) {
    format = own_name(format);
    for (const struct SourceFormat *const *known = source_formats; *known; known++)
        if (!strcmp((*known)->name, format))
            return ((*known)->takes & option) != 0;
    return false;
}

static const struct SourceFormat *find_format(const char *name, struct Error *error) {
    name = own_name(name);
    const char *names[sizeof source_formats / sizeof *source_formats] = {NULL};
    int count = 0;
    for (; source_formats[count]; count++) {
        names[count] = source_formats[count]->name;
        if (strcmp(names[count], name) == 0)
            return source_formats[count];
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

bool source_names_by_value(const struct SourceOptions *options) {
    return options->class_count == 1 && !strcmp(options->classes[0], "values");
}

/* Replaces the format's own names of classes by the user's. */
static int rename_classes(struct Source *source, const struct SourceOptions *options,
                          struct Error *error) {
    if (source_names_by_value(options) && source->format->takes & SOURCE_TAKES_AXES)
        return OK;
    if (options->class_count < targets_classes(&source->targets))
        return fail_option(error, "classes", NULL,
                           "names %" PRId64 " classes; the labels need %" PRId64,
                           options->class_count, targets_classes(&source->targets));
    source_set_classes(source, options->classes, options->class_count);
    return OK;
}

static int check_names(const struct Source *source, const struct SourceOptions *options,
                       struct Error *error) {
    const char *repeated = targets_repeated(&source->targets);
    if (!repeated)
        return OK;
    if (options->classes)
        return fail_option(error, "classes", NULL, "'%s' occurs twice; expected different names",
                           repeated);
    return fail(error, ERROR_DATA, "%s: two %s are called '%s'; expected different names",
                options->path_count ? options->paths[0] : source->format->name,
                targets_words(&source->targets), repeated);
}

int source_open(struct Source *source, const struct SourceOptions *options,
                const struct Ticker *ticker, struct Error *error) {
    *source = (struct Source){.format = find_format(options->format, error)};
    if (!source->format)
        return error->code;
    int code = source->format->open(source, options, ticker, error);
    if (code == OK && options->classes)
        code = rename_classes(source, options, error);
    if (code == OK)
        code = check_names(source, options, error);
    if (code != OK)
        source_release(source);
    return code;
}

void source_release(struct Source *source) {
    if (source->format)
        source->format->release(source);
    targets_release(&source->targets);
    table_encoding_release(&source->encoding);
    for (int i = 0; i < source->split_count; i++) {
        memory_release(source->splits[i].name);
        memory_release(source->splits[i].labels);
        memory_release(source->splits[i].items);
        memory_release(source->splits[i].targets);
    }
    memory_release(source->splits);
    *source = (struct Source){0};
}

int source_settle(struct Source *source, struct Error *error) {
    return source->format->settle ? source->format->settle(source, error) : OK;
}

int source_read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                struct Error *error) {
    return source->format->read(source, items, count, samples, error);
}

const char *source_name(const struct Source *source, int64_t item) {
    return source->format->name_of ? source->format->name_of(source, item) : NULL;
}

int source_weights(const struct Source *source, const struct SourceSplit *split, float *weights,
                   bool *has_any, struct Error *error) {
    *has_any = false;
    return source->format->weights ? source->format->weights(source, split, weights, has_any, error)
                                   : OK;
}

void source_notice(const struct Ticker *ticker, const char *line) {
    if (ticker && ticker->notice)
        ticker->notice(ticker->context, line);
}

int64_t source_sample_bytes(const struct Source *source) {
    return source->height * source->width * source->channels *
           (source->floats ? (int64_t)sizeof(float) : 1);
}

struct SourceSplit *source_find_split(const struct Source *source, const char *name) {
    for (int i = 0; i < source->split_count; i++)
        if (strcmp(source->splits[i].name, name) == 0)
            return &source->splits[i];
    return NULL;
}

struct SourceSplit *source_add_unlabelled(struct Source *source, const char *name, int64_t count) {
    source->splits = memory_room(source->splits, source->split_count, "splits");
    struct SourceSplit *split = &source->splits[source->split_count++];
    split->name = memory_copy_text(name);
    split->count = count;
    split->items = memory_array(int64_t, count, "sample numbers");
    return split;
}

struct SourceSplit *source_add_split(struct Source *source, const char *name, int64_t count) {
    struct SourceSplit *split = source_add_unlabelled(source, name, count);
    if (targets_are_values(&source->targets))
        split->targets = memory_array(float, count * source->targets.count, "targets");
    else
        split->labels = memory_array(int32_t, count, "labels");
    return split;
}

/* `names` may be the names that are replaced. */
static void set_targets(struct Source *source, enum TargetKind kind, const char *const *names,
                        int64_t count) {
    struct Targets targets = targets_copy(kind, names, count);
    targets_release(&source->targets);
    source->targets = targets;
}

void source_set_classes(struct Source *source, const char *const *names, int64_t count) {
    set_targets(source, TARGET_CLASSES, names, count);
}

void source_set_targets(struct Source *source, const char *const *names, int64_t count) {
    set_targets(source, TARGET_VALUES, names, count);
}
