#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/dataset/opening.h"

static int read_root(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t version = DATASET_FORMAT_VERSION;
    int code = OK;
    if (h5_has_attribute(opening->file, "/", "format_version"))
        code = h5_read_attribute(opening->file, "/", "format_version", H5_INT64, &version, error);
    if (code == OK && version != DATASET_FORMAT_VERSION)
        code = fail(error, ERROR_DATA, "%s: has format_version %" PRId64 ", this program reads %d",
                    dataset->path, version, DATASET_FORMAT_VERSION);
    if (code == OK && h5_has_attribute(opening->file, "/", "source"))
        code = h5_read_attribute(opening->file, "/", "source", H5_TEXT, &dataset->source, error);
    if (code == OK && !dataset->source)
        dataset->source = memory_copy_text("");
    return code;
}

static int read_classes(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    if (!h5_exists(opening->file, "classes"))
        return OK; /* they are named by number once the labels are known */
    struct Targets *classes = &dataset->targets;
    int code = h5_read_texts(opening->file, "classes", &classes->names, &classes->count, error);
    if (code == OK && (classes->count < 1 || classes->count > INT32_MAX))
        code = fail(error, ERROR_DATA,
                    "%s:/classes: has %" PRId64 " names; expected one for each class",
                    dataset->path, classes->count);
    return code;
}

/* Adds a split for each group that holds images, labels or targets. */
static int visit_group(void *context, const char *name, bool is_group, struct Error *error) {
    (void)error;
    struct Opening *opening = context;
    struct Dataset *dataset = opening->dataset;
    if (!is_group || strcmp(name, "statistics") == 0)
        return OK;
    char *images = memory_print("%s/images", name), *labels = memory_print("%s/labels", name);
    char *targets = memory_print("%s/targets", name);
    if (h5_exists(opening->file, images) || h5_exists(opening->file, labels) ||
        h5_exists(opening->file, targets)) {
        size_t count = (size_t)dataset->split_count;
        dataset->splits = memory_resize(dataset->splits, count * sizeof *dataset->splits,
                                        (count + 1) * sizeof *dataset->splits, "splits");
        dataset->splits[count].name = memory_copy_text(name);
        dataset->split_count++;
    }
    memory_release(images);
    memory_release(labels);
    memory_release(targets);
    return OK;
}

static int open_labels_and_targets(struct Opening *opening, int index, struct Error *error) {
    const char *split = opening->dataset->splits[index].name;
    char *labels = memory_print("%s/labels", split), *targets = memory_print("%s/targets", split);
    bool has_targets = h5_exists(opening->file, targets);
    int code = OK;
    if (!has_targets || h5_exists(opening->file, labels))
        code = opening__labels(opening, index, error);
    if (code == OK && has_targets)
        code = opening__targets(opening, index, error);
    memory_release(labels);
    memory_release(targets);
    return code;
}

static int read_digest(struct Opening *opening, struct Split *split, struct Error *error) {
    if (!h5_has_attribute(opening->file, split->name, "digest"))
        return OK;
    char *digest;
    int code = h5_read_attribute(opening->file, split->name, "digest", H5_TEXT, &digest, error);
    if (code != OK)
        return code;
    if (strlen(digest) == 32 && strspn(digest, "0123456789abcdef") == 32)
        memcpy(split->digest, digest, 33);
    else
        code = fail(error, ERROR_DATA,
                    "%s:/%s, attribute digest: is '%.40s', expected 32 hexadecimal digits",
                    opening->dataset->path, split->name, digest);
    memory_release(digest);
    return code;
}

static int open_splits(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int code = h5_list(opening->file, "/", visit_group, opening, error);
    if (code == OK && dataset->split_count == 0 && h5_exists(opening->file, "predictions"))
        code = fail(error, ERROR_DATA, "%s: holds predictions; expected a data set", dataset->path);
    else if (code == OK && dataset->split_count == 0)
        code = fail(error, ERROR_DATA,
                    "%s: has no split; expected a group with images and labels, such as /train",
                    dataset->path);
    dataset->storage->images = memory_array(void *, dataset->split_count, "splits");
    dataset->storage->labels = memory_array(int32_t *, dataset->split_count, "splits");
    dataset->storage->targets = memory_array(float *, dataset->split_count, "splits");
    for (int i = 0; code == OK && i < dataset->split_count; i++) {
        code = opening__images(opening, i, error);
        if (code == OK)
            code = open_labels_and_targets(opening, i, error);
        if (code == OK)
            code = read_digest(opening, &dataset->splits[i], error);
    }
    return code;
}

static void name_classes_by_number(struct Dataset *dataset) {
    int32_t largest = 0;
    for (int s = 0; s < dataset->split_count; s++)
        for (int64_t i = 0; i < dataset->splits[s].count; i++)
            if (dataset->splits[s].labels[i] > largest)
                largest = dataset->splits[s].labels[i];
    dataset->targets = targets_number(dataset->targets.kind, "", (int64_t)largest + 1);
}

static int check_names(const struct Dataset *dataset, struct Error *error) {
    const struct Targets *targets = &dataset->targets;
    const char *repeated = targets_repeated(targets);
    if (!repeated)
        return OK;
    return fail(error, ERROR_DATA, "%s:/%s: two %s are called '%s'; expected different names",
                dataset->path, targets_are_values(targets) ? "target_names" : "classes",
                targets_words(targets), repeated);
}

static void log_opened(const struct Dataset *dataset) {
    log_debug("%s: %d splits, %" PRId64 " %s", dataset->path, dataset->split_count,
              dataset->targets.count, targets_words(&dataset->targets));
    for (int i = 0; i < dataset->split_count; i++)
        log_debug("%s: split %s, %" PRId64 " samples, digest %s", dataset->path,
                  dataset->splits[i].name, dataset->splits[i].count, dataset->splits[i].digest);
}

int dataset_open(struct Dataset **out, const char *path, struct Error *error) {
    *out = NULL;
    struct Opening opening = {0};
    int code = h5_open(&opening.file, path, ERROR_DATA, error);
    if (code != OK)
        return code;
    struct Dataset *dataset = memory_allocate(sizeof *dataset, "a data set");
    opening.dataset = dataset;
    dataset->path = memory_copy_text(path);
    dataset->storage = memory_allocate(sizeof *dataset->storage, "a data set");
    code = read_root(&opening, error);
    if (code == OK)
        code = read_classes(&opening, error);
    if (code == OK)
        code = opening__target_names(&opening, error);
    if (code == OK)
        code = open_splits(&opening, error);
    if (code == OK)
        code = opening__check_targets(&opening, error);
    if (code == OK && !dataset->targets.names)
        name_classes_by_number(dataset);
    else if (code == OK)
        code = check_names(dataset, error);
    if (code == OK)
        code = opening__statistics(&opening, error);
    h5_close(opening.file);
    if (code != OK) {
        dataset_close(dataset);
        return code;
    }
    *out = dataset;
    log_opened(dataset);
    return OK;
}
