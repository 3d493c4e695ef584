#include "data/import_arrays.h"

#include "data/dataset/writer.h"

static int write_split(const struct Dataset *dataset, const struct Split *split,
                       struct DatasetWriter *writer, const struct Ticker *ticker,
                       struct Error *error) {
    int64_t columns = split->labels ? 0 : dataset->targets.count;
    int code = writer__begin_split(writer, split->name, split->count, error);
    for (int64_t i = 0; i < split->count && code == OK; i++) {
        const void *target = columns ? (const void *)(split->targets + i * columns)
                                     : (const void *)(split->labels + i);
        code = writer__append(writer, dataset_image(dataset, split, i), target, 1, error);
        if (code == OK && ticker && ticker->report)
            ticker->report(ticker->context, split->name, i + 1, split->count);
    }
    if (code == OK && split->weights)
        code = writer__weights(writer, split->name, split->weights, split->count, error);
    return code ? code : dataset_check_read(dataset, split, error);
}

static int check(const struct Dataset *dataset, struct Error *error) {
    for (int i = 0; i < dataset->split_count; i++) {
        const struct Split *split = &dataset->splits[i];
        if (split->bytes != dataset->splits[0].bytes)
            return fail(error, ERROR_DATA,
                        "%s: split '%s' holds bytes and another one does not; expected one type",
                        dataset->path, dataset->splits[split->bytes ? i : 0].name);
        if (dataset->targets.kind == TARGET_DISTRIBUTIONS)
            return fail(error, ERROR_DATA,
                        "%s: split '%s' has distributions over the classes, which an import does "
                        "not keep; a run reads them where they are",
                        dataset->path, split->name);
    }
    return OK;
}

static int write_all(const struct Dataset *dataset, const char *origin, const char *path,
                     const struct Ticker *ticker, struct Error *error) {
    const struct DatasetDescription description = {.height = dataset->height,
                                                   .width = dataset->width,
                                                   .channels = dataset->channels,
                                                   .floats = !dataset->splits[0].bytes,
                                                   .targets = dataset->targets.kind,
                                                   .target_count = dataset->targets.count,
                                                   .target_names =
                                                       (const char *const *)dataset->targets.names,
                                                   .source = origin,
                                                   .pictures = dataset->pictures,
                                                   .encoding = &dataset->encoding};
    struct DatasetWriter *writer;
    int code = writer__create(&writer, path, &description, error);
    if (code != OK)
        return code;
    for (int i = 0; i < dataset->split_count && code == OK; i++)
        code = write_split(dataset, &dataset->splits[i], writer, ticker, error);
    if (code == OK)
        return writer__commit(writer, error);
    writer__abandon(writer);
    return code;
}

int import_arrays(const struct DataOptions *options, const char *origin, const char *path,
                  const struct Ticker *ticker, struct Error *error) {
    const struct DatasetRequest request = {.options = options};
    struct Dataset *dataset;
    int code = dataset_open_request(&dataset, &request, error);
    if (code != OK)
        return code;
    dataset_warn_of_arrays(dataset);
    code = check(dataset, error);
    if (code == OK)
        code = write_all(dataset, origin, path, ticker, error);
    dataset_close(dataset);
    return code;
}
