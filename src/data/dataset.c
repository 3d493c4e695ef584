#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset_storage.h"
#include "data/dataset_targets.h"
#include "store/h5.h"

#define FORMAT_VERSION 1
#define LABEL_BLOCK 65536 /* rows read at a time */
#define NAMELESS 1000000  /* most classes of a file without /classes */

/* What is known while a file is being opened. */
struct Opening {
    struct Dataset *dataset;
    struct H5File *file;
};

/* --- root ------------------------------------------------------------------------------------- */

static int read_root(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t version = FORMAT_VERSION;
    int result = OK;
    if (h5_has_attribute(opening->file, "/", "format_version"))
        result = h5_read_attribute(opening->file, "/", "format_version", H5_INT64, &version, error);
    if (result == OK && version != FORMAT_VERSION)
        result = fail(error, ERROR_DATA, "%s: has format_version %lld, this program reads %d",
                      dataset->path, (long long)version, FORMAT_VERSION);
    if (result == OK && h5_has_attribute(opening->file, "/", "source"))
        result = h5_read_attribute(opening->file, "/", "source", H5_TEXT, &dataset->source, error);
    if (result == OK && !dataset->source)
        dataset->source = memory_copy_text("");
    return result;
}

static int read_classes(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    if (!h5_exists(opening->file, "classes"))
        return OK; /* named by number once the labels are known */
    int result = h5_read_texts(opening->file, "classes", &dataset->class_names,
                               &dataset->class_count, error);
    if (result == OK && (dataset->class_count < 1 || dataset->class_count > INT32_MAX))
        result = fail(error, ERROR_DATA, "%s:/classes: has %lld names, expected one a class",
                      dataset->path, (long long)dataset->class_count);
    return result;
}

/* --- splits ----------------------------------------------------------------------------------- */

/* A split is a group that holds images, labels or targets. */
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

static int check_image_shape(struct Dataset *dataset, const struct Split *split,
                             const struct H5Info *info, struct Error *error) {
    const int64_t *size = info->size;
    const char *path = dataset->path, *name = split->name;
    if (strcmp(info->type_name, "uint8") != 0 && info->type != H5_FLOAT32)
        return fail(error, ERROR_DATA, "%s:/%s/images: holds %s, expected uint8 or float32", path,
                    name, info->type_name);
    if (info->rank != 4)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has %d dimensions, expected 4: (N, height, width, channels)",
                    path, name, info->rank);
    if (size[0] == 0)
        return fail(error, ERROR_DATA, "%s:/%s/images: has no samples", path, name);
    if (size[1] < 1 || size[2] < 1 || size[3] < 1)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has images of (%lld,%lld,%lld), expected at least (1,1,1)",
                    path, name, (long long)size[1], (long long)size[2], (long long)size[3]);
    if (dataset->height &&
        (size[1] != dataset->height || size[2] != dataset->width || size[3] != dataset->channels))
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has images of (%lld,%lld,%lld), expected (%lld,%lld,%lld) as "
                    "in /%s/images",
                    path, name, (long long)size[1], (long long)size[2], (long long)size[3],
                    (long long)dataset->height, (long long)dataset->width,
                    (long long)dataset->channels, dataset->splits[0].name);
    return OK;
}

static int map_images(struct Opening *opening, struct Split *split, const struct H5Info *info,
                      int64_t bytes, struct Error *error) {
    struct DatasetStorage *storage = opening->dataset->storage;
    uint64_t length = h5_bytes(opening->file);
    if (info->offset > length || (uint64_t)bytes > length - info->offset)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: is cut short: wants bytes %llu to %llu of a file of %llu",
                    opening->dataset->path, split->name, (unsigned long long)info->offset,
                    (unsigned long long)info->offset + (unsigned long long)bytes,
                    (unsigned long long)length);
    if (!storage->map) {
        int result = h5_map(opening->file, &storage->map, &storage->map_bytes, error);
        if (result != OK)
            return result;
    }
    split->images = (const char *)storage->map + info->offset;
    return OK;
}

static int load_images(struct Opening *opening, int index, const char *name,
                       const struct H5Info *info, int64_t bytes, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    if (!memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:/%s: its %lld bytes are beyond this machine's memory",
                    dataset->path, name, (long long)bytes);
    if (info->stored == 0)
        return fail(error, ERROR_DATA, "%s:/%s: has no values: they were never written",
                    dataset->path, name);
    struct Split *split = &dataset->splits[index];
    void *images = memory_allocate((size_t)bytes, "images");
    dataset->storage->images[index] = images;
    split->images = images;
    return h5_read(opening->file, name, split->bytes ? H5_UINT8 : H5_FLOAT32, 4, info->size, images,
                   error);
}

/* Maps what lies in the file as it is needed in memory; reads everything else once. */
static int open_images(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/images", split->name);
    struct H5Info info;
    int64_t bytes = 0;
    int result = h5_info(opening->file, name, &info, error);
    if (result == OK)
        result = check_image_shape(dataset, split, &info, error);
    if (result == OK) {
        split->bytes = info.type == H5_UINT8;
        split->count = info.size[0];
        int64_t size[] = {info.size[0], info.size[1], info.size[2], info.size[3],
                          split->bytes ? 1 : (int64_t)sizeof(float)};
        bytes = memory_product(size, 5);
        if (bytes < 0)
            result =
                fail(error, ERROR_DATA, "%s:/%s: shape (%lld,%lld,%lld,%lld) is beyond any memory",
                     dataset->path, name, (long long)size[0], (long long)size[1],
                     (long long)size[2], (long long)size[3]);
    }
    if (result == OK) {
        dataset->height = info.size[1];
        dataset->width = info.size[2];
        dataset->channels = info.size[3];
        bool aligned = split->bytes || info.offset % sizeof(float) == 0;
        result = info.contiguous && aligned
                     ? map_images(opening, split, &info, bytes, error)
                     : load_images(opening, index, name, &info, bytes, error);
    }
    memory_release(name);
    return result;
}

static int check_labels(const struct Dataset *dataset, const char *name, int64_t first,
                        int64_t count, const int64_t *block, int32_t *labels, struct Error *error) {
    int64_t limit = dataset->class_names ? dataset->class_count : NAMELESS;
    for (int64_t i = 0; i < count; i++) {
        if (block[i] < 0 || block[i] >= limit)
            return fail(error, ERROR_DATA, "%s:/%s: row %lld is %lld, expected 0 to %lld%s",
                        dataset->path, name, (long long)(first + i), (long long)block[i],
                        (long long)(limit - 1),
                        dataset->class_names ? " (one for each name in /classes)" : "");
        labels[first + i] = (int32_t)block[i];
    }
    return OK;
}

static int read_label_rows(struct Opening *opening, const char *name, int index,
                           struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t total = dataset->splits[index].count;
    int32_t *labels = memory_allocate((size_t)total * sizeof *labels, "labels");
    dataset->storage->labels[index] = labels;
    dataset->splits[index].labels = labels;
    int64_t *block = memory_allocate(LABEL_BLOCK * sizeof *block, "a block of labels");
    int result = OK;
    for (int64_t first = 0; result == OK && first < total; first += LABEL_BLOCK) {
        int64_t count = total - first < LABEL_BLOCK ? total - first : LABEL_BLOCK;
        result = h5_read_rows(opening->file, name, H5_INT64, first, count, block, error);
        if (result == OK)
            result = check_labels(dataset, name, first, count, block, labels, error);
    }
    memory_release(block);
    return result;
}

static int open_labels(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/labels", split->name);
    struct H5Info info;
    int result = h5_info(opening->file, name, &info, error);
    if (result != OK)
        goto done;
    if (info.type != H5_UINT8 && info.type != H5_INT32 && info.type != H5_INT64)
        result = fail(error, ERROR_DATA, "%s:/%s: holds %s, expected integers", dataset->path, name,
                      info.type_name);
    else if (info.rank != 1)
        result = fail(error, ERROR_DATA, "%s:/%s: has %d dimensions, expected 1: (N)",
                      dataset->path, name, info.rank);
    else if (info.size[0] != split->count)
        result = fail(error, ERROR_DATA, "%s:/%s: has %lld labels for %lld images", dataset->path,
                      name, (long long)info.size[0], (long long)split->count);
    else if (!memory_can_hold((uint64_t)split->count * sizeof(int32_t)))
        result = fail(error, ERROR_DATA, "%s:/%s: %lld labels are beyond this machine's memory",
                      dataset->path, name, (long long)split->count);
    else
        result = read_label_rows(opening, name, index, error);
done:
    memory_release(name);
    return result;
}

static int open_truth(struct Opening *opening, int index, struct Error *error) {
    const char *split = opening->dataset->splits[index].name;
    char *labels = memory_print("%s/labels", split), *targets = memory_print("%s/targets", split);
    bool has_targets = h5_exists(opening->file, targets);
    int result = OK;
    if (!has_targets || h5_exists(opening->file, labels))
        result = open_labels(opening, index, error);
    if (result == OK && has_targets)
        result = dataset_open_targets(opening->dataset, opening->file, index, error);
    memory_release(labels);
    memory_release(targets);
    return result;
}

static int read_digest(struct Opening *opening, struct Split *split, struct Error *error) {
    if (!h5_has_attribute(opening->file, split->name, "digest"))
        return OK;
    char *digest;
    int result = h5_read_attribute(opening->file, split->name, "digest", H5_TEXT, &digest, error);
    if (result != OK)
        return result;
    if (strlen(digest) == 32 && strspn(digest, "0123456789abcdef") == 32)
        memcpy(split->digest, digest, 33);
    else
        result = fail(error, ERROR_DATA,
                      "%s:/%s, attribute digest: is '%.40s', expected 32 hexadecimal digits",
                      opening->dataset->path, split->name, digest);
    memory_release(digest);
    return result;
}

static int open_splits(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int result = h5_list(opening->file, "/", visit_group, opening, error);
    if (result == OK && dataset->split_count == 0 && h5_exists(opening->file, "predictions"))
        result = fail(error, ERROR_DATA,
                      "%s: holds predictions, as trainer predict writes them; expected a data set",
                      dataset->path);
    else if (result == OK && dataset->split_count == 0)
        result = fail(error, ERROR_DATA,
                      "%s: has no split, expected a group with images and labels, such as /train",
                      dataset->path);
    size_t count = (size_t)dataset->split_count;
    dataset->storage->images = memory_allocate(count * sizeof(void *), "splits");
    dataset->storage->labels = memory_allocate(count * sizeof(void *), "splits");
    dataset->storage->targets = memory_allocate(count * sizeof(void *), "splits");
    for (int i = 0; result == OK && i < dataset->split_count; i++) {
        result = open_images(opening, i, error);
        if (result == OK)
            result = open_truth(opening, i, error);
        if (result == OK)
            result = read_digest(opening, &dataset->splits[i], error);
    }
    return result;
}

static void name_classes_by_number(struct Dataset *dataset) {
    int32_t largest = 0;
    for (int s = 0; s < dataset->split_count; s++)
        for (int64_t i = 0; i < dataset->splits[s].count; i++)
            if (dataset->splits[s].labels[i] > largest)
                largest = dataset->splits[s].labels[i];
    dataset->class_count = (int64_t)largest + 1;
    dataset->class_names =
        memory_allocate((size_t)dataset->class_count * sizeof(char *), "class names");
    for (int64_t i = 0; i < dataset->class_count; i++)
        dataset->class_names[i] = memory_print("%lld", (long long)i);
}

/* --- statistics ------------------------------------------------------------------------------- */

/* One of them, where the file has it; its place stays NULL where it does not. */
static int read_statistic(struct Opening *opening, const struct StatisticRow *row,
                          struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t size[3];
    int rank = statistic_shape(row, dataset->height, dataset->width, dataset->channels, size);
    char *name = memory_print("statistics/%s", row->name);
    int result = OK;
    if (rank && h5_exists(opening->file, name)) {
        int64_t count = memory_product(size, rank);
        size_t bytes = (size_t)count * (row->single ? sizeof(float) : sizeof(double));
        void *values = NULL;
        if (memory_can_hold(bytes))
            *statistic_place(row, &dataset->statistics) = values =
                memory_allocate(bytes, "statistics of a data set");
        else
            result = fail(error, ERROR_DATA, "%s:/%s: is beyond this machine's memory",
                          dataset->path, name);
        if (result == OK)
            result = h5_read(opening->file, name, row->single ? H5_FLOAT32 : H5_FLOAT64, rank, size,
                             values, error);
        for (int64_t i = 0; result == OK && i < count; i++)
            if (!isfinite(statistic_element(row, values, i)))
                result =
                    fail(error, ERROR_DATA, "%s:/%s: element %lld is %g, expected a finite number",
                         dataset->path, name, (long long)i, statistic_element(row, values, i));
            else if (row->of_deviation && !statistic_divides(statistic_element(row, values, i)))
                result =
                    fail(error, ERROR_DATA, "%s:/%s: element %lld is %g, expected 0 or more%s",
                         dataset->path, name, (long long)i, statistic_element(row, values, i),
                         statistic_element(row, values, i) > 0 ? " that a float can hold" : "");
    }
    memory_release(name);
    return result;
}

static int read_statistics(struct Opening *opening, struct Error *error) {
    int result = OK;
    for (const struct StatisticRow *row = statistic_rows; result == OK && row->name; row++)
        result = read_statistic(opening, row, error);
    if (result == OK && opening->dataset->target_count)
        result = dataset_read_target_statistics(opening->dataset, opening->file, error);
    return result;
}

/* --- the whole -------------------------------------------------------------------------------- */

int dataset_open(struct Dataset **out, const char *path, struct Error *error) {
    *out = NULL;
    struct Opening opening = {0};
    int result = h5_open(&opening.file, path, ERROR_DATA, error);
    if (result != OK)
        return result;
    struct Dataset *dataset = memory_allocate(sizeof *dataset, "a data set");
    opening.dataset = dataset;
    dataset->path = memory_copy_text(path);
    dataset->storage = memory_allocate(sizeof *dataset->storage, "a data set");
    result = read_root(&opening, error);
    if (result == OK)
        result = read_classes(&opening, error);
    if (result == OK)
        result = dataset_read_target_names(dataset, opening.file, error);
    if (result == OK)
        result = open_splits(&opening, error);
    if (result == OK)
        result = dataset_check_targets(dataset, error);
    if (result == OK && !dataset->class_names && !dataset->target_count)
        name_classes_by_number(dataset);
    if (result == OK)
        result = read_statistics(&opening, error);
    h5_close(opening.file);
    if (result != OK) {
        dataset_close(dataset);
        return result;
    }
    *out = dataset;
    return OK;
}

void dataset_close(struct Dataset *dataset) {
    if (!dataset)
        return;
    for (int i = 0; i < dataset->split_count; i++) {
        memory_release(dataset->splits[i].name);
        if (dataset->storage->images)
            memory_release(dataset->storage->images[i]);
        if (dataset->storage->labels)
            memory_release(dataset->storage->labels[i]);
        if (dataset->storage->targets)
            memory_release(dataset->storage->targets[i]);
    }
    for (int64_t i = 0; dataset->class_names && i < dataset->class_count; i++)
        memory_release(dataset->class_names[i]);
    for (int64_t i = 0; dataset->target_names && i < dataset->target_count; i++)
        memory_release(dataset->target_names[i]);
    h5_unmap(dataset->storage->map, dataset->storage->map_bytes);
    memory_release(dataset->storage->images);
    memory_release(dataset->storage->labels);
    memory_release(dataset->storage->targets);
    memory_release(dataset->storage);
    memory_release(dataset->class_names);
    memory_release(dataset->target_names);
    memory_release(dataset->target_mean);
    memory_release(dataset->target_std);
    memory_release(dataset->splits);
    statistic_values_release(&dataset->statistics);
    memory_release(dataset->source);
    memory_release(dataset->path);
    memory_release(dataset);
}

const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error) {
    struct Text names = {0};
    for (int i = 0; i < dataset->split_count; i++) {
        if (strcmp(dataset->splits[i].name, name) == 0) {
            text_release(&names);
            return &dataset->splits[i];
        }
        text_add(&names, "%s%s", i ? ", " : "", dataset->splits[i].name);
    }
    fail(error, ERROR_DATA, "%s: has no split '%s'; it has %s", dataset->path, name, names.data);
    text_release(&names);
    return NULL;
}
