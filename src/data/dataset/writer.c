#include "data/dataset/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/digest.h"
#include "base/memory.h"
#include "data/dataset/block_digests.h"
#include "data/dataset/dataset.h"
#include "data/dataset/listed.h"
#include "data/dataset/saved_encoding.h"
#include "data/preprocessing/target_scale.h"
#include "data/statistics/statistics_file.h"
#include "store/h5.h"

/* The split being written. */
struct OpenSplit {
    char *name, *images_name; /* the name is NULL between splits */
    int64_t count, done;
    bool without_truth;
    void *targets; /* (count): labels or rows of values */
    struct BlockHasher blocks;
};

struct DatasetWriter {
    char *path;
    struct H5Writer *file;
    int64_t height, width, channels, target_count;
    bool values; /* targets are values; else classes */
    bool sets;   /* the values are sets of classes */
    bool floats;
    struct Statistics statistics;
    bool has_train;
    struct Text list; /* the list of splits (listed.h) */
    struct OpenSplit split;
    XXH3_state_t *hash;               /* of the current split */
    size_t target_bytes;              /* bytes of the target of one sample */
    double *target_mean, *target_std; /* of split "train", set when it is complete */
};

static void end_split(struct DatasetWriter *writer) {
    struct OpenSplit *split = &writer->split;
    memory_release(split->name);
    memory_release(split->images_name);
    memory_release(split->targets);
    block_digests__end(&split->blocks);
    *split = (struct OpenSplit){.name = NULL};
}

static void release(struct DatasetWriter *writer) {
    end_split(writer);
    statistics_release(&writer->statistics);
    XXH3_freeState(writer->hash);
    text_release(&writer->list);
    memory_release(writer->target_mean);
    memory_release(writer->target_std);
    memory_release(writer->path);
    memory_release(writer);
}

static int check_names(const char *path, const char *what, const char *const *names, int64_t count,
                       struct Error *error) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return fail(error, ERROR_DATA,
                            "%s: %s %" PRId64 " and %" PRId64 " have the same name '%s'", path,
                            what, j, i, names[i]);
    return OK;
}

static const char *names_place(const struct DatasetWriter *writer) {
    return writer->values && !writer->sets ? "/target_names" : "/classes";
}

static int write_head(struct DatasetWriter *writer, const struct DatasetDescription *description,
                      struct Error *error) {
    const int32_t version = DATASET_FORMAT_VERSION;
    int code = h5_write_attribute(writer->file, "/", "format_version", H5_INT32, &version, error);
    if (code == OK)
        code = h5_write_attribute(writer->file, "/", "source", H5_TEXT, description->source, error);
    if (code == OK)
        code = picture_rule_write(&description->pictures, writer->file, "/", error);
    const int32_t sets = writer->sets;
    if (code == OK && sets)
        code = h5_write_attribute(writer->file, "/", MULTI_LABEL, H5_INT32, &sets, error);
    if (code == OK)
        code = h5_write_texts(writer->file, names_place(writer), description->target_names,
                              description->target_count, error);
    if (code == OK && description->encoding)
        code = encoding_saved.save(description->encoding, writer->file, error);
    return code;
}

int writer__create(struct DatasetWriter **out, const char *path,
                   const struct DatasetDescription *description, struct Error *error) {
    *out = NULL;
    bool sets = description->targets == TARGET_SETS;
    bool values = description->targets == TARGET_VALUES || sets; /* stored as rows of values */
    int code = check_names(path, values && !sets ? "targets" : "classes", description->target_names,
                           description->target_count, error);
    if (code != OK)
        return code;
    struct DatasetWriter *writer = memory_allocate(sizeof *writer, "data set writer");
    writer->path = memory_copy_text(path);
    writer->height = description->height;
    writer->width = description->width;
    writer->channels = description->channels;
    writer->floats = description->floats;
    writer->values = values;
    writer->sets = sets;
    writer->target_count = description->target_count;
    writer->target_bytes = values ? (size_t)writer->target_count * sizeof(float) : sizeof(int32_t);
    writer->hash = XXH3_createState();
    statistics_start(&writer->statistics, writer->height, writer->width, writer->channels);
    code = h5_create(&writer->file, path, error);
    if (code == OK)
        code = write_head(writer, description, error);
    if (code != OK) {
        writer__abandon(writer);
        return code;
    }
    *out = writer;
    return OK;
}

static size_t image_bytes(const struct DatasetWriter *writer) {
    return (size_t)(writer->height * writer->width * writer->channels) *
           (writer->floats ? sizeof(float) : 1);
}

int writer__begin_split(struct DatasetWriter *writer, const char *name, int64_t count,
                        struct Error *error) {
    CHECK(writer->split.name == NULL);
    if (count < 1)
        return fail(error, ERROR_DATA, "%s: split '%s' holds no images", writer->path, name);
    const int64_t size[4] = {count, writer->height, writer->width, writer->channels};
    if (memory_product(size, 4) < 0)
        return fail(error, ERROR_DATA,
                    "%s: split '%s' of %" PRId64 " images of %" PRId64 "x%" PRId64 "x%" PRId64
                    " is too large",
                    writer->path, name, count, size[1], size[2], size[3]);
    writer->split = (struct OpenSplit){
        .name = memory_copy_text(name),
        .images_name = memory_print("/%s/images", name),
        .count = count,
        .targets = memory_allocate((size_t)count * writer->target_bytes, "targets")};
    block_digests__hasher(&writer->split.blocks, image_bytes(writer), count);
    XXH3_128bits_reset(writer->hash);
    return h5_reserve(writer->file, writer->split.images_name,
                      writer->floats ? H5_FLOAT32 : H5_UINT8, 4, size, error);
}

int writer__name_samples(struct DatasetWriter *writer, const char *const *names,
                         struct Error *error) {
    CHECK(writer->split.name != NULL);
    char *name = memory_print("/%s/" DATASET_SOURCES, writer->split.name);
    int code = h5_write_texts(writer->file, name, names, writer->split.count, error);
    memory_release(name);
    return code;
}

static int write_targets(struct DatasetWriter *writer, struct Error *error) {
    const struct OpenSplit *split = &writer->split;
    const int64_t size[] = {split->count, writer->target_count};
    bool values = writer->values;
    char *name = memory_print("/%s/%s", split->name, values ? "targets" : "labels");
    int code = h5_write(writer->file, name, values ? H5_FLOAT32 : H5_INT32, values ? 2 : 1, size,
                        split->targets, error);
    memory_release(name);
    if (!values || writer->sets || strcmp(split->name, "train") != 0)
        return code;
    writer->target_mean = memory_array(double, writer->target_count, "statistics");
    writer->target_std = memory_array(double, writer->target_count, "statistics");
    target_statistics(split->targets, split->count, writer->target_count, writer->target_mean,
                      writer->target_std);
    return code;
}

static int write_blocks(struct DatasetWriter *writer, const char *group, struct Error *error) {
    const struct BlockHasher *blocks = &writer->split.blocks;
    int64_t count = block_digests__count(blocks->samples, blocks->total);
    char *name = memory_print("%s/" BLOCK_DIGESTS, group);
    int code = h5_write(writer->file, name, H5_INT64, 1, &count, blocks->digests, error);
    memory_release(name);
    return code ? code
                : h5_write_attribute(writer->file, group, BLOCK_SAMPLES, H5_INT64, &blocks->samples,
                                     error);
}

/* Writes what follows the last image of a split: labels or targets, and digests. */
static int complete_split(struct DatasetWriter *writer, struct Error *error) {
    const struct OpenSplit *split = &writer->split;
    char *group = memory_print("/%s", split->name);
    if (!split->without_truth)
        XXH3_128bits_update(writer->hash, split->targets,
                            (size_t)split->count * writer->target_bytes);
    XXH128_hash_t hash = XXH3_128bits_digest(writer->hash);
    char digest[DIGEST_TEXT];
    digest_text((struct Digest){.high = hash.high64, .low = hash.low64}, digest);
    int code = split->without_truth ? OK : write_targets(writer, error);
    if (code == OK)
        code = h5_write_attribute(writer->file, group, "digest", H5_TEXT, digest, error);
    if (code == OK)
        code = write_blocks(writer, group, error);
    if (!split->without_truth) /* listed splits are opened without being requested */
        listed__add(&writer->list, split->name, split->count, digest);
    memory_release(group);
    end_split(writer);
    return code;
}

static void check_targets(const struct DatasetWriter *writer, const void *targets, int64_t count) {
    const int32_t *labels = targets;
    const float *values = targets;
    for (int64_t i = 0; writer->values && i < count * writer->target_count; i++)
        CHECK(isfinite(values[i]));
    for (int64_t i = 0; !writer->values && i < count; i++)
        CHECK(labels[i] >= 0 && labels[i] < writer->target_count);
}

int writer__append(struct DatasetWriter *writer, const void *images, const void *targets,
                   int64_t count, struct Error *error) {
    struct OpenSplit *split = &writer->split;
    CHECK(split->name != NULL && split->done + count <= split->count);
    split->without_truth = !targets;
    if (targets)
        check_targets(writer, targets, count);
    int code =
        h5_write_rows(writer->file, split->images_name, writer->floats ? H5_FLOAT32 : H5_UINT8,
                      split->done, count, images, error);
    if (code != OK)
        return code;
    XXH3_128bits_update(writer->hash, images, (size_t)count * image_bytes(writer));
    block_digests__hash(&split->blocks, images, count);
    if (targets)
        memcpy((char *)split->targets + (size_t)split->done * writer->target_bytes, targets,
               (size_t)count * writer->target_bytes);
    if (strcmp(split->name, "train") == 0) {
        writer->has_train = true;
        statistics_add(&writer->statistics, !writer->floats, images, count);
    }
    split->done += count;
    return split->done == split->count ? complete_split(writer, error) : OK;
}

int writer__weights(struct DatasetWriter *writer, const char *split, const float *weights,
                    int64_t count, struct Error *error) {
    char *name = memory_print("/%s/weights", split);
    int code = h5_write(writer->file, name, H5_FLOAT32, 1, &count, weights, error);
    memory_release(name);
    return code;
}

static int write_statistics(struct DatasetWriter *writer, struct Error *error) {
    struct StatisticValues values;
    statistics_result(&writer->statistics, &values);
    int code = statistics_write(writer->file, &values, writer->height, writer->width,
                                writer->channels, error);
    statistic_values_release(&values);
    if (code == OK && writer->target_mean)
        code = h5_write(writer->file, "/statistics/target_mean", H5_FLOAT64, 1,
                        &writer->target_count, writer->target_mean, error);
    if (code == OK && writer->target_mean)
        code = h5_write(writer->file, "/statistics/target_std", H5_FLOAT64, 1,
                        &writer->target_count, writer->target_std, error);
    return code;
}

int writer__commit(struct DatasetWriter *writer, struct Error *error) {
    CHECK(writer->split.name == NULL);
    int code = writer->has_train ? write_statistics(writer, error) : OK;
    if (code == OK)
        code = listed__write(writer->file, &writer->list, error);
    if (code == OK)
        code = listed__write_arrays(writer->file, error);
    if (code == OK) {
        struct H5Writer *file = writer->file;
        writer->file = NULL;
        code = h5_commit(file, error);
    }
    writer__abandon(writer);
    return code;
}

void writer__abandon(struct DatasetWriter *writer) {
    if (!writer)
        return;
    h5_abandon(writer->file);
    release(writer);
}
