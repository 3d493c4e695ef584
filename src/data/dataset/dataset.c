#include "data/dataset/dataset.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/block_digests.h"
#include "data/dataset/cache.h"
#include "data/dataset/opening.h"
#include "data/statistics/pca.h"

void dataset_close(struct Dataset *dataset) {
    if (!dataset)
        return;
    struct DatasetStorage *storage = dataset->storage;
    for (int i = 0; i < dataset->split_count; i++)
        memory_release(dataset->splits[i].name);
    cache__release(storage->cache);
    for (int i = 0; i < storage->pair_count; i++)
        pair__release(&storage->pairs[i]);
    for (int i = 0; i < storage->file_count; i++)
        h5_close(storage->files[i]);
    memory_release(storage->files);
    for (int i = 0; i < storage->map_count; i++)
        h5_unmap(storage->maps[i]);
    for (int64_t i = 0; i < storage->owned_count; i++)
        memory_release(storage->owned[i]);
    memory_release_texts(dataset->notes, dataset->note_count);
    memory_release(dataset->unapplied.array);
    targets_release(&dataset->targets);
    table_encoding_release(&dataset->encoding);
    memory_release(storage->pairs);
    memory_release(storage->maps);
    memory_release(storage->owned);
    memory_release(storage);
    dataset_set_statistics(dataset, NULL, &(struct StatisticValues){0}, NULL);
    memory_release(dataset->splits);
    memory_release(dataset->source);
    memory_release(dataset->path);
    memory_release(dataset);
}

void dataset_set_statistics(struct Dataset *dataset, const struct Split *split,
                            const struct StatisticValues *values, struct Pca *pca) {
    statistic_values_release(&dataset->statistics);
    if (dataset->pca)
        pca_release(dataset->pca);
    memory_release(dataset->pca);
    memory_release(dataset->target_mean);
    memory_release(dataset->target_std);
    dataset->target_mean = dataset->target_std = NULL;
    dataset->statistics = *values;
    dataset->statistics_of = split;
    dataset->pca = pca;
}

void dataset__note(struct Dataset *dataset, char *note) {
    dataset->notes = memory_room(dataset->notes, dataset->note_count, "notes");
    dataset->notes[dataset->note_count++] = note;
}

const char **dataset_files(const struct Dataset *dataset, int *count) {
    const struct DatasetStorage *storage = dataset->storage;
    int most = 1;
    for (int i = 0; i < storage->pair_count; i++) {
        const struct Pair *pair = &storage->pairs[i];
        most += pair->images.count + pair->labels.count + pair->targets.count;
    }
    const char **files = memory_array(const char *, most, "names of files");
    *count = 0;
    files[(*count)++] = dataset->path;
    for (int i = 0; i < storage->pair_count; i++) {
        const struct Pair *pair = &storage->pairs[i];
        const struct Arrays *lists[] = {&pair->images, &pair->labels, &pair->targets};
        for (int list = 0; list < 3; list++)
            for (int k = 0; k < lists[list]->count; k++)
                files[(*count)++] = lists[list]->items[k].name.file;
    }
    return files;
}

/* Returns the run of images that contains a row of the pair. */
static const struct ImageRun *run_of(const struct Split *split, int64_t row) {
    int low = 0, high = split->run_count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (split->runs[middle].first <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return &split->runs[low];
}

/* Compares the block of a row with its digest, unless that was done. Such images are one array. */
static void check_block(const struct Split *split, int64_t row, size_t image_bytes) {
    struct BlockDigests *blocks = split->block_digests;
    int64_t index = row / blocks->samples;
    size_t offset = (size_t)(index * blocks->samples) * image_bytes;
    if (!block_digests__is_known(blocks, index))
        block_digests__check(blocks, index, (const char *)split->runs[0].images + offset,
                             image_bytes);
}

const void *dataset_image(const struct Dataset *dataset, const struct Split *split,
                          int64_t sample) {
    size_t bytes = dataset_image_bytes(dataset, split);
    if (split->window) {
        const struct SampleWindow *window = split->window;
        CHECK(sample >= window->first && sample < window->first + window->count);
        return (const char *)window->images + (size_t)(sample - window->first) * bytes;
    }
    if (split->block_digests && split->runs[0].images)
        check_block(split, split->rows ? split->rows[sample] : sample, bytes);
    if (split->images)
        return (const char *)split->images + (size_t)sample * bytes;
    int64_t row = split->rows ? split->rows[sample] : sample;
    const struct ImageRun *run = run_of(split, row);
    if (!run->images)
        return cache__image(dataset->storage, split->pair, row, bytes);
    return (const char *)run->images + (size_t)(row - run->first) * bytes;
}

void dataset_copy_image(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        float *pixels) {
    const void *stored = dataset_image(dataset, split, sample);
    for (int64_t i = 0; i < dataset_elements(dataset); i++)
        pixels[i] = split->bytes ? (float)((const uint8_t *)stored)[i] : ((const float *)stored)[i];
}

/* Reads the names of samples that an import wrote beside the images. This happens at the first
 * request, because training needs none. */
static int read_sources(struct Pair *pair, struct Error *error) {
    const struct ArrayName *name = &pair->images.items[0].name;
    pair->sources_read = true;
    if (pair->images.count != 1 || !text_ends_with(name->path, "/images"))
        return OK;
    char *path = memory_print("%.*s" DATASET_SOURCES, (int)(strlen(name->path) - strlen("images")),
                              name->path);
    struct H5File *file;
    struct Error unusual; /* another program's array of that name is ignored */
    struct H5Info info;
    int64_t count;
    int code = h5_open(&file, name->file, ERROR_DATA, error);
    if (code == OK && h5_exists(file, path) && h5_info(file, path, &info, &unusual) == OK &&
        info.type == H5_TEXT && info.rank == 1 && info.size[0] == pair->count)
        code = h5_read_texts(file, path, &pair->sources, &count, error);
    if (code == OK)
        code = h5_check(file, error);
    h5_close(file);
    memory_release(path);
    return code;
}

void dataset_name_channel(const struct Dataset *dataset, int64_t channel, struct Text *text) {
    text_add(text, "%s %" PRId64, dataset_has_rows(dataset) ? "feature" : "channel", channel);
    int64_t count = table_encoding_features(&dataset->encoding);
    if (!dataset->encoding.has_head || channel >= count)
        return;
    char **names = table_encoding_feature_names(&dataset->encoding);
    text_add(text, " (%s)", names[channel]);
    memory_release_texts(names, (int)count);
}

int dataset_name_sample(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        struct Text *text, struct Error *error) {
    int64_t row = split->rows ? split->rows[sample] : sample;
    for (int i = 0; i < dataset->storage->pair_count; i++) {
        struct Pair *pair = &dataset->storage->pairs[i];
        if (pair->runs != split->runs)
            continue;
        if (!pair->sources_read && read_sources(pair, error) != OK)
            return error->code;
        if (pair->sources) {
            text_add(text, "%s", pair->sources[row]);
            return OK;
        }
        const struct ImageRun *run = run_of(split, row);
        const struct ArrayName *name = &pair->images.items[run - split->runs].name;
        text_add(text, "%s:%s[%" PRId64 "]", name->file, name->path, row - run->first);
        break;
    }
    return OK;
}

int dataset_failed(const struct Dataset *dataset, struct Error *error) {
    const struct Error *failure = &dataset->storage->failure;
    if (failure->code != OK)
        *error = *failure;
    return failure->code;
}

int dataset__refuse_split(const struct Dataset *dataset, const struct WantedSplit *wanted,
                          struct Error *error) {
    struct Text all = {0};
    const char **names = memory_array(const char *, dataset->split_count, "names of splits");
    for (int i = 0; i < dataset->split_count; i++) {
        names[i] = dataset->splits[i].name;
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *nearest = text_nearest(wanted->name, names, dataset->split_count);
    fail(error, ERROR_DATA, "%s%s has no split '%s'; it has %s%s%s%s%s", dataset->path,
         wanted->key ? "" : ":", wanted->name, all.data, wanted->hint ? wanted->hint : "",
         nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    text_release(&all);
    memory_release(names);
    return error_advise(error, ADVICE_IN_TEXT, NULL, NULL, 0);
}

const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error) {
    for (int i = 0; i < dataset->split_count; i++)
        if (strcmp(dataset->splits[i].name, name) == 0)
            return &dataset->splits[i];
    dataset__refuse_split(dataset, &(struct WantedSplit){.name = name}, error);
    return NULL;
}
