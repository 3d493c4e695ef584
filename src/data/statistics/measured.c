#include "data/statistics/measured.h"

#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "data/statistics/statistics_file.h"

#define GROUP "/statistics"

void measured_release(struct MeasuredStatistics *measured) {
    memory_release(measured->split);
    memory_release(measured->digest);
    statistic_values_release(&measured->values);
    *measured = (struct MeasuredStatistics){0};
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct MeasuredStatistics *measured = value;
    const int64_t shape[] = {measured->height, measured->width, measured->channels}, three = 3;
    if (!measured->split)
        return OK;
    int code = statistics_write(writer, &measured->values, shape[0], shape[1], shape[2], error);
    if (code == OK)
        code = h5_write(writer, GROUP "/shape", H5_INT64, 1, &three, shape, error);
    if (code == OK)
        code = h5_write_attribute(writer, GROUP, "split", H5_TEXT, measured->split, error);
    if (code == OK)
        code = h5_write_attribute(writer, GROUP, "digest", H5_TEXT, measured->digest, error);
    return code ? code
                : h5_write_attribute(writer, GROUP, "sample", H5_INT64, &measured->sample, error);
}

static int load_row(struct MeasuredStatistics *measured, const struct StatisticRow *row,
                    struct H5File *file, struct Error *error) {
    int64_t size[3];
    int rank = statistic_shape(row, measured->height, measured->width, measured->channels, size);
    int64_t count = rank ? memory_product(size, rank) : 0;
    if (!count)
        return OK;
    char *name = memory_print(GROUP "/%s", row->name);
    void *values = memory_array(double, count, "statistics");
    *statistic_place(row, &measured->values) = values;
    int code =
        h5_read(file, name, row->single ? H5_FLOAT32 : H5_FLOAT64, rank, size, values, error);
    for (int64_t i = 0; i < count && code == OK; i++) {
        double element = statistic_element(row, values, i);
        if (!isfinite(element) || (row->of_deviation && !statistic_divides(element)))
            code = fail(error, ERROR_CHECKPOINT, "%s:%s: element %" PRId64 " is %g", h5_path(file),
                        name, i, element);
    }
    memory_release(name);
    return code;
}

static int load_shape(struct MeasuredStatistics *measured, struct H5File *file,
                      struct Error *error) {
    int64_t shape[3], three = 3;
    int code = h5_read(file, GROUP "/shape", H5_INT64, 1, &three, shape, error);
    int64_t count = code ? 0 : memory_product(shape, 3);
    if (code == OK &&
        (count < 1 || count > INT64_MAX / 8 || !memory_can_hold((uint64_t)count * sizeof(double))))
        code = fail(error, ERROR_CHECKPOINT,
                    "%s:" GROUP "/shape: (%" PRId64 ",%" PRId64 ",%" PRId64
                    ") is not an image that fits in memory",
                    h5_path(file), shape[0], shape[1], shape[2]);
    if (code != OK)
        return code;
    measured->height = shape[0];
    measured->width = shape[1];
    measured->channels = shape[2];
    return OK;
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct MeasuredStatistics *measured = value;
    if (!h5_exists(file, GROUP "/shape"))
        return OK;
    int code = load_shape(measured, file, error);
    if (code == OK)
        code = h5_read_attribute(file, GROUP, "split", H5_TEXT, &measured->split, error);
    if (code == OK)
        code = h5_read_attribute(file, GROUP, "digest", H5_TEXT, &measured->digest, error);
    if (code == OK)
        code = h5_read_attribute(file, GROUP, "sample", H5_INT64, &measured->sample, error);
    for (const struct StatisticRow *row = statistic_rows; row->name && code == OK; row++)
        code = load_row(measured, row, file, error);
    if (code != OK)
        measured_release(measured);
    return code;
}

static void release(void *value) {
    measured_release(value);
}

const struct SavedGroup measured_saved = {.save = save, .load = load, .release = release};
