/* The preprocessing in a checkpoint, and the checks of one that is read. */
#include <inttypes.h>

#include "base/memory.h"
#include "data/preprocessing/preprocess.h"
#include "store/saved.h"

#define GROUP "/preprocessing/"

/* Writes a value for each channel, or for each element of an image. */
static int save_image(const struct Preprocess *preprocess, struct H5Writer *writer,
                      const char *name, int64_t count, const float *values, struct Error *error) {
    int64_t shape[] = {preprocess->height, preprocess->width, preprocess->channels};
    bool image = count > preprocess->channels;
    return h5_write_finite(writer, name, image ? 3 : 1, image ? shape : &count, values, error);
}

static int save_matrix(const struct Preprocess *preprocess, struct H5Writer *writer,
                       struct Error *error) {
    int64_t size[] = {preprocess->matrix_rows, preprocess->matrix_columns}, three = 3;
    int64_t out[] = {preprocess->out_height, preprocess->out_width, preprocess->out_channels};
    int code = h5_write_finite(writer, GROUP "matrix", 2, size, preprocess->matrix, error);
    return code ? code : h5_write(writer, GROUP "out_shape", H5_INT64, 1, &three, out, error);
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct Preprocess *preprocess = value;
    int64_t shape[] = {preprocess->height, preprocess->width, preprocess->channels}, three = 3;
    int code = h5_write(writer, GROUP "shape", H5_INT64, 1, &three, shape, error);
    if (!code && preprocess->mean_count)
        code = save_image(preprocess, writer, GROUP "mean", preprocess->mean_count,
                          preprocess->mean, error);
    if (!code)
        code = save_image(preprocess, writer, GROUP "factor", preprocess->factor_count,
                          preprocess->factor, error);
    if (!code)
        code = picture_rule_write(&preprocess->pictures, writer, "/preprocessing", error);
    return !code && preprocess->matrix ? save_matrix(preprocess, writer, error) : code;
}

static int load_shape(struct Preprocess *preprocess, struct H5File *file, struct Error *error) {
    int64_t shape[3], three = 3;
    int code = h5_read(file, GROUP "shape", H5_INT64, 1, &three, shape, error);
    if (code)
        return code;
    int64_t count = memory_product(shape, 3);
    if (count < 1 || count > INT64_MAX / 8 || !memory_can_hold((uint64_t)count * sizeof(float)))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:" GROUP "shape: (%" PRId64 ",%" PRId64 ",%" PRId64
                    ") is not an image that fits in memory",
                    h5_path(file), shape[0], shape[1], shape[2]);
    preprocess->height = preprocess->out_height = shape[0];
    preprocess->width = preprocess->out_width = shape[1];
    preprocess->channels = preprocess->out_channels = shape[2];
    return OK;
}

/* Reads what save_image wrote; refuses any other shape. */
static int load_image(const struct Preprocess *preprocess, struct H5File *file, const char *name,
                      int64_t *count, float **values, struct Error *error) {
    int64_t shape[] = {preprocess->height, preprocess->width, preprocess->channels};
    struct H5Info info;
    int code = h5_info(file, name, &info, error);
    if (code)
        return code;
    bool image = info.rank == 3;
    *count = image ? memory_product(shape, 3) : shape[2];
    *values = memory_array(float, *count, "preprocessing");
    return h5_read_finite(file, name, image ? 3 : 1, image ? shape : &shape[2], *values, error);
}

static bool same_shape(const int64_t a[3], const int64_t b[3]) {
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* A matrix turns whole images into images or vectors, or the channels of each pixel into others. */
static int check_matrix(const char *path, const int64_t shape[3], const int64_t size[2],
                        const int64_t out[3], struct Error *error) {
    int64_t elements = memory_product(shape, 3);
    int64_t vector[] = {1, 1, size[0]}, pixels[] = {shape[0], shape[1], size[0]};
    bool of_image = size[1] == elements && size[0] <= elements;
    bool of_pixel = size[1] == shape[2] && size[0] <= shape[2];
    if (size[0] < 1 || !(of_image || of_pixel))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:" GROUP "matrix: is (%" PRId64 ",%" PRId64
                    "), which does not fit images of (%" PRId64 ",%" PRId64 ",%" PRId64 ")",
                    path, size[0], size[1], shape[0], shape[1], shape[2]);
    if ((of_image &&
         (same_shape(out, vector) || (size[0] == elements && same_shape(out, shape)))) ||
        (of_pixel && same_shape(out, pixels)))
        return OK;
    return fail(error, ERROR_CHECKPOINT,
                "%s:" GROUP "out_shape: is (%" PRId64 ",%" PRId64 ",%" PRId64
                "), which a matrix of (%" PRId64 ",%" PRId64 ") does not make",
                path, out[0], out[1], out[2], size[0], size[1]);
}

static int check_room(const char *path, int64_t count, struct Error *error) {
    int64_t bytes = memory_product((int64_t[]){count, (int64_t)sizeof(float)}, 2);
    char words[MEMORY_WORDS];
    if (bytes >= 0 && memory_can_hold((uint64_t)bytes))
        return OK;
    return fail(error, ERROR_CHECKPOINT, "%s:" GROUP "matrix: %s", path,
                memory_too_large(bytes, words));
}

static int load_matrix(struct Preprocess *preprocess, struct H5File *file, struct Error *error) {
    int64_t shape[] = {preprocess->height, preprocess->width, preprocess->channels};
    int64_t out[3], three = 3;
    struct H5Info info;
    int code = h5_info(file, GROUP "matrix", &info, error);
    if (!code)
        code = h5_read(file, GROUP "out_shape", H5_INT64, 1, &three, out, error);
    if (!code && info.rank != 2)
        code = fail(error, ERROR_CHECKPOINT, "%s:" GROUP "matrix: has %d dimensions, expected 2",
                    h5_path(file), info.rank);
    if (!code)
        code = check_matrix(h5_path(file), shape, info.size, out, error);
    int64_t count = code ? 0 : memory_product(info.size, 2);
    if (!code)
        code = check_room(h5_path(file), count, error);
    if (code)
        return code;
    preprocess->matrix_rows = info.size[0];
    preprocess->matrix_columns = info.size[1];
    preprocess->out_height = out[0];
    preprocess->out_width = out[1];
    preprocess->out_channels = out[2];
    preprocess->matrix = memory_array(float, count, "preprocessing");
    return h5_read_finite(file, GROUP "matrix", 2, info.size, preprocess->matrix, error);
}

static int load_parts(struct Preprocess *preprocess, struct H5File *file, struct Error *error) {
    int code = load_shape(preprocess, file, error);
    if (!code && h5_exists(file, GROUP "mean"))
        code = load_image(preprocess, file, GROUP "mean", &preprocess->mean_count,
                          &preprocess->mean, error);
    if (!code)
        code = load_image(preprocess, file, GROUP "factor", &preprocess->factor_count,
                          &preprocess->factor, error);
    if (!code && h5_exists(file, GROUP "matrix"))
        code = load_matrix(preprocess, file, error);
    return code ? code : picture_rule_read(&preprocess->pictures, file, "/preprocessing", error);
}

static void release(void *value) {
    preprocess_release(value);
}

static int load(void *value, struct H5File *file, struct Error *error) {
    int code = load_parts(value, file, error);
    if (code)
        release(value);
    return code;
}

const struct SavedGroup preprocess_saved = {.save = save, .load = load, .release = release};
