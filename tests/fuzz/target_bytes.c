/* Texts, runs of bytes of one length or of their own, enumerations, MATLAB's cell arrays and
 * members of records, in the arrays of an HDF5 file. */
#include "base/memory.h"
#include "data/dataset/contents.h"
#include "fuzz/target.h"

#define PART 5 /* elements that are read at a time */

static int read_bytes(struct H5File *file, const char *path, int64_t count, XXH3_state_t *answer,
                      struct Error *error) {
    int code = OK;
    for (int64_t first = 0; first < count && !code; first += PART) {
        struct H5Bytes items[PART];
        int64_t part = count - first < PART ? count - first : PART;
        code = h5_read_bytes(file, path, first, part, items, error);
        for (int64_t i = 0; i < part; i++) {
            if (!code)
                answer_bytes(answer, items[i].data, items[i].bytes);
            memory_release(items[i].data);
        }
    }
    return code;
}

static int read_texts(struct H5File *file, const char *path, XXH3_state_t *answer,
                      struct Error *error) {
    char **texts;
    int64_t count;
    int code = h5_read_texts(file, path, &texts, &count, error);
    for (int64_t i = 0; i < count; i++)
        answer_text(answer, texts[i]);
    memory_release_texts(texts, count);
    return code;
}

static int read_enumeration(struct H5File *file, const char *path, XXH3_state_t *answer,
                            struct Error *error) {
    struct H5Enumeration members;
    int code = h5_read_enumeration(file, path, &members, error);
    for (int64_t i = 0; i < members.count; i++) {
        answer_text(answer, members.names[i]);
        answer_number(answer, members.values[i]);
    }
    h5_release_enumeration(&members);
    return code;
}

#define VALUES ((int64_t)1 << 20) /* at most, of an array of numbers */

static int read_numbers(struct H5File *file, const char *path, const struct H5Info *info,
                        XXH3_state_t *answer, struct Error *error) {
    int64_t count = memory_product(info->size, info->rank);
    if (count < 0 || count > VALUES)
        return OK;
    double *values = memory_array(double, count, "values");
    int code = h5_read(file, path, H5_FLOAT64, info->rank, info->size, values, error);
    if (!code)
        answer_bytes(answer, values, (size_t)count * sizeof *values);
    memory_release(values);
    return code;
}

static int read_item(struct H5File *file, const struct ContentsItem *item, XXH3_state_t *answer,
                     struct Error *error) {
    const struct H5Info *info = &item->storage.info;
    if (item->member != H5_MEMBER_ARRAY)
        return OK;
    answer_text(answer, item->path);
    if (item->problem)
        return fail(error, ERROR_DATA, "%s", item->problem);
    if (info->rank == 1 && (info->type == H5_BYTES || !strcmp(item->path, "/fixed")))
        return read_bytes(file, item->path, info->size[0], answer, error);
    if (info->type == H5_TEXT || info->type == H5_CELLS)
        return read_texts(file, item->path, answer, error);
    int code = info->type == H5_OTHER ? OK : read_numbers(file, item->path, info, answer, error);
    return code ? code : read_enumeration(file, item->path, answer, error);
}

static int read_file(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct H5File *file;
    struct Contents contents = {0};
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code)
        return code;
    contents_read(file, &contents);
    for (int i = 0; i < contents.count && !code; i++)
        code = read_item(file, &contents.items[i], answer, error);
    if (!code)
        code = h5_check(file, error);
    contents_release(&contents);
    h5_close(file);
    return code;
}

const struct FuzzTarget fuzz_target = {.hdf5 = true, .read = read_file};
