/* Reads images that an HDF5 file holds as picture files (JPEG, PNG and others): byte strings of any
 * length, rows of bytes that are padded with zeros, or one array of bytes for each picture. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"
#include "pictures/picture_decode.h"

#define BLOCK 64   /* pictures that are decoded at a time */
#define CHANNELS 3 /* channels after decoding */

static bool is_padded_rows(const struct H5Info *info) {
    return info->rank == 2 && !strcmp(info->type_name, "uint8") && info->size[0] > 0 &&
           info->size[1] > 32;
}

/* Returns whether the elements of an array are the bytes of one picture. */
static bool is_bytes_of_one(const struct H5Info *info) {
    return info->rank == 1 && info->size[0] > 1 &&
           (!strcmp(info->type_name, "uint8") || !strcmp(info->type_name, "int8"));
}

/* Returns whether the shape is (N), (N, 1, ...) or (). */
static bool is_list(const struct H5Info *info) {
    bool list = info->rank == 0 || info->size[0] > 0;
    for (int i = 1; i < info->rank; i++)
        list &= info->size[i] == 1;
    return list;
}

static bool is_picture(const void *bytes, size_t count) {
    bool readable = false;
    picture_format(bytes, count < PICTURE_HEAD ? count : PICTURE_HEAD, &readable);
    return readable;
}

bool opening__is_encoded(const struct Array *array) {
    const struct H5Info *info = &array->info;
    uint8_t head[PICTURE_HEAD] = {0};
    int64_t length = info->rank ? info->size[info->rank - 1] : 0;
    int64_t head_length = length < PICTURE_HEAD ? length : PICTURE_HEAD;
    const int64_t first[] = {0, 0}, count[] = {1, head_length};
    struct H5Bytes row = {0};
    struct Error ignored;
    if (info->type == H5_BYTES)
        return is_list(info);
    if (info->type == H5_TEXT && is_list(info)) { /* h5py writes Python's bytes as texts */
        bool encoded = h5_read_bytes(array->file, array->name.path, 0, 1, &row, &ignored) == OK &&
                       is_picture(row.data, row.bytes);
        memory_release(row.data);
        return encoded;
    }
    bool one = is_bytes_of_one(info);
    return (one || is_padded_rows(info)) &&
           h5_read_part(array->file, array->name.path, H5_UINT8, info->rank, first, count + one,
                        head, &ignored) == OK &&
           is_picture(head, (size_t)head_length);
}

static int64_t count_pictures(const struct Array *array) {
    const struct H5Info *info = &array->info;
    return info->rank == 0 || is_bytes_of_one(info) ? 1 : info->size[0];
}

/* Returns how many bytes of a padded row belong to its file. Only JPEG, PNG and GIF files never end
 * in zeros, so other rows keep theirs. */
static size_t without_padding(const uint8_t *row, size_t length) {
    const char *format = picture_format(row, length < PICTURE_HEAD ? length : PICTURE_HEAD, NULL);
    if (!format || (strcmp(format, "JPEG") && strcmp(format, "PNG") && strcmp(format, "GIF")))
        return length;
    while (length > 0 && row[length - 1] == 0)
        length--;
    return length;
}

/* Reads rows [first, first + count) of an array as files. */
static int read_files(const struct Array *array, int64_t first, int64_t count,
                      struct H5Bytes *files, struct Error *error) {
    const struct ArrayName *name = &array->name;
    if (array->info.type == H5_BYTES || array->info.type == H5_TEXT) {
        return h5_read_bytes(array->file, name->path, first, count, files, error);
    }
    bool one = is_bytes_of_one(&array->info);
    int64_t length = array->info.size[array->info.rank - 1];
    const int64_t start[] = {one ? 0 : first, 0}, part[] = {count, length};
    uint8_t *rows = memory_array(uint8_t, count * length, "image files");
    int code = h5_read_part(array->file, name->path, H5_UINT8, array->info.rank, start, part + one,
                            rows, error);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *row = rows + i * length;
        size_t used = without_padding(row, (size_t)length);
        files[i] = (struct H5Bytes){memory_copy(row, used, "an image file"), used};
    }
    memory_release(rows);
    return code;
}

static int decode(const struct Array *array, int64_t row, const struct H5Bytes *file,
                  struct Picture *image, struct Error *error) {
    static const struct PictureForm form = {.channels = CHANNELS};
    char *label = memory_print("%s:%s[%" PRId64 "]", array->name.file, array->name.path, row);
    int code = picture_decode(label, file->data, file->bytes, &form, image, error);
    error->advice.kind = ADVICE_NONE; /* that advice is for imports */
    memory_release(label);
    return code;
}

/* Takes the size of an array's images from its first picture. */
static int measure(struct Opening *opening, const struct Pair *pair, struct Array *array,
                   int64_t sizes[AXES], struct Error *error) {
    struct H5Bytes file = {0};
    struct Picture image = {0};
    if (!opening__is_encoded(array))
        return fail(error, ERROR_DATA, "%s:%s: holds %s, expected image files as in %s:%s",
                    array->name.file, array->name.path, array->info.type_name,
                    pair->images.items[0].name.file, pair->images.items[0].name.path);
    array->count = sizes[AXIS_SAMPLE] = count_pictures(array);
    if (array->count < 1)
        return fail(error, ERROR_DATA, "%s:%s: has no samples", array->name.file, array->name.path);
    int code = read_files(array, 0, 1, &file, error);
    if (code == OK)
        code = decode(array, 0, &file, &image, error);
    sizes[AXIS_HEIGHT] = image.height;
    sizes[AXIS_WIDTH] = image.width;
    sizes[AXIS_CHANNEL] = CHANNELS;
    memory_release(image.values);
    memory_release(file.data);
    return code ? code : opening__size(opening, pair, array, sizes, error);
}

static int place(const struct Array *array, int64_t row, const struct H5Bytes *file,
                 const int64_t sizes[AXES], uint8_t *pixels, struct Error *error) {
    struct Picture image = {0};
    int code = decode(array, row, file, &image, error);
    if (code == OK && (image.height != sizes[AXIS_HEIGHT] || image.width != sizes[AXIS_WIDTH]))
        code = fail(error, ERROR_DATA,
                    "%s:%s[%" PRId64 "]: is a picture of %" PRId64 "x%" PRId64
                    " (height, width), the first is of %" PRId64 "x%" PRId64
                    "; expected one size for all",
                    array->name.file, array->name.path, row, image.height, image.width,
                    sizes[AXIS_HEIGHT], sizes[AXIS_WIDTH]);
    if (code == OK)
        memcpy(pixels, image.values, (size_t)(image.height * image.width * CHANNELS));
    memory_release(image.values);
    return code;
}

/* Decodes files that were read; in all threads if `together`. */
static int place_all(const struct Array *array, int64_t first, int64_t count,
                     const struct H5Bytes *files, const int64_t sizes[AXES], bool together,
                     uint8_t *pixels, struct Error *error) {
    int64_t bytes = memory_product(sizes + 1, 3);
    int code = OK;
#pragma omp parallel for schedule(dynamic, 4) if (together)
    for (int64_t i = 0; i < count; i++) {
        struct Error own = {0};
        if (place(array, first + i, &files[i], sizes, pixels + i * bytes, &own)) {
#pragma omp critical(encoded_error)
            if (code == OK) {
                *error = own;
                code = own.code;
            }
        }
    }
    return code;
}

int opening__decode_rows(const struct Array *array, const int64_t sizes[AXES], int64_t first,
                         int64_t count, bool together, uint8_t *pixels, struct Error *error) {
    struct H5Bytes files[BLOCK];
    int64_t bytes = memory_product(sizes + 1, 3);
    int code = OK;
    for (int64_t at = 0; at < count && code == OK; at += BLOCK) {
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        memset(files, 0, sizeof files);
        code = read_files(array, first + at, part, files, error);
        if (code == OK)
            code = place_all(array, first + at, part, files, sizes, together, pixels + at * bytes,
                             error);
        for (int64_t i = 0; i < part; i++)
            memory_release(files[i].data);
    }
    return code;
}

int opening__encoded(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int code = OK;
    pair->bytes = true;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        struct Array *array = &pair->images.items[i];
        code = measure(opening, pair, array, pair->layouts[i].sizes, error);
        if (code == OK)
            code = opening__room(pair, array, pair->layouts[i].sizes, error);
        pair->runs[i].first = pair->count;
        pair->count += array->count;
    }
    return code;
}
