/* Reading numbers from a dataset: all of it, or a part. */
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "store/chunks.h"
#include "store/internal.h"

static bool is_integer(enum H5Type type) {
    return type == H5_UINT8 || type == H5_INT32 || type == H5_INT64;
}

static bool is_number(enum H5Type type) {
    return is_integer(type) || type == H5_FLOAT32 || type == H5_FLOAT64;
}

int h5__check_type(struct H5File *file, const char *name, const struct H5Info *info,
                   enum H5Type wanted, struct Error *error) {
    if (is_integer(info->type) || (is_number(info->type) && !is_integer(wanted)))
        return OK;
    return fail(error, file->failure, "%s:/%s: holds %s, expected %s", file->path, name,
                info->type_name, is_integer(wanted) ? "integers" : "numbers");
}

static int check_shape(struct H5File *file, const char *name, const struct H5Info *info, int rank,
                       const int64_t *size, struct Error *error) {
    bool equal = rank == info->rank;
    for (int i = 0; equal && i < rank; i++)
        equal = size[i] < 0 || size[i] == info->size[i];
    if (equal)
        return OK;
    char found[H5_SHAPE_TEXT], expected[H5_SHAPE_TEXT];
    return fail(error, file->failure, "%s:/%s: has shape %s, expected %s", file->path, name,
                h5__shape(info->rank, info->size, found), h5__shape(rank, size, expected));
}

/* HDF5 would clip an integer that does not fit. Here that is an error. */
static H5T_conv_ret_t refuse_overflow(H5T_conv_except_t kind, hid_t from, hid_t to, void *source,
                                      void *destination, void *overflowed) {
    (void)from, (void)source, (void)destination;
    if ((kind == H5T_CONV_EXCEPT_RANGE_HI || kind == H5T_CONV_EXCEPT_RANGE_LOW) &&
        H5Tget_class(to) == H5T_INTEGER) {
        *(bool *)overflowed = true;
        return H5T_CONV_ABORT;
    }
    return H5T_CONV_UNHANDLED;
}

/* How HDF5 transfers values between types; the caller closes it. */
static hid_t make_transfer(bool *overflowed) {
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    *overflowed = false;
    H5Pset_type_conv_cb(transfer, refuse_overflow, overflowed);
    return transfer;
}

static int fail_overflow(const struct H5File *file, const char *name, const struct H5Opened *opened,
                         enum H5Type type, struct Error *error) {
    return fail(error, file->failure, "%s:/%s: a value of type %s does not fit %zu bytes",
                file->path, name, opened->info.type_name, h5__size(type));
}

static int fail_values(struct H5File *file, const char *name, const char *reason,
                       struct Error *error) {
    fail(error, file->failure, "%s:/%s: is damaged: its values cannot be read (%s)", file->path,
         name, reason);
    return h5__keep_damage(file, error);
}

int h5__convert(struct H5File *file, const char *name, const struct H5Opened *opened,
                enum H5Type type, int64_t count, void *values, struct Error *error) {
    bool overflowed;
    char reason[200];
    hid_t transfer = make_transfer(&overflowed);
    herr_t status =
        H5Tconvert(opened->type, h5__native(type), (size_t)count, values, NULL, transfer);
    h5__reason(reason);
    H5Pclose(transfer);
    if (overflowed)
        return fail_overflow(file, name, opened, type, error);
    return status >= 0 ? OK : fail_values(file, name, reason, error);
}

static int read_selection(struct H5File *file, const char *name, const struct H5Opened *opened,
                          enum H5Type type, hid_t memory, hid_t selection, void *buffer,
                          struct Error *error) {
    bool overflowed;
    char reason[200];
    hid_t transfer = make_transfer(&overflowed);
    hid_t wanted = h5__memory_type(opened, type == H5_BYTES ? opened->type : h5__native(type));
    herr_t status = H5Dread(opened->id, wanted, memory, selection, transfer, buffer);
    h5__reason(reason);
    H5Tclose(wanted);
    H5Pclose(transfer);
    if (chunks__done(file, name, error) != OK)
        return h5__keep_damage(file, error);
    if (overflowed)
        return fail_overflow(file, name, opened, type, error);
    if (file->driver.failed)
        return h5_check(file, error);
    return status >= 0 ? OK : fail_values(file, name, reason, error);
}

/* Reads a part that has elements by H5Dread. */
static int read_by_hdf5(struct H5File *file, const char *name, const struct H5Opened *opened,
                        enum H5Type type, const int64_t *first, const int64_t *part, void *buffer,
                        struct Error *error) {
    hsize_t start[H5_RANK], extent[H5_RANK];
    int code = chunks__check(file, name, opened, first, part, error);
    if (code != OK)
        return code;
    for (int i = 0; i < opened->own_rank; i++) {
        start[i] = (hsize_t)first[i];
        extent[i] = (hsize_t)part[i];
    }
    hid_t memory = H5Screate_simple(opened->own_rank, extent, NULL);
    H5Sselect_hyperslab(opened->space, H5S_SELECT_SET, start, NULL, extent, NULL);
    code = read_selection(file, name, opened, type, memory, opened->space, buffer, error);
    H5Sclose(memory);
    return code;
}

/* The same for an array of chunks. Those that are packed in ways known here are unpacked and
 * converted here; otherwise they would be unpacked twice, since HDF5 has to be kept from reading
 * beyond its buffers (store/chunks.h). */
static int read_chunks(struct H5File *file, const char *name, const struct H5Opened *opened,
                       enum H5Type type, const int64_t *first, const int64_t *part, void *buffer,
                       struct Error *error) {
    struct H5Chunks chunks;
    int code = chunks__open(&chunks, file, name, opened, error);
    if (code == OK && chunks.readable)
        code = chunks__read(&chunks, type, first, part, buffer, error);
    else if (code == OK)
        code = read_by_hdf5(file, name, opened, type, first, part, buffer, error);
    chunks__close(&chunks);
    return code;
}

/* Opens a dataset whose values can be read as `type`. On failure nothing stays open. */
static int open_typed(struct H5File *file, const char *name, enum H5Type type,
                      struct H5Opened *opened, struct Error *error) {
    int code = h5__open_dataset(file, name, opened, error);
    if (code != OK)
        return code;
    code = h5__check_type(file, name, &opened->info, type, error);
    if (code != OK)
        h5__close_dataset(opened);
    return code;
}

int h5_read(struct H5File *file, const char *name, enum H5Type type, int rank, const int64_t *size,
            void *buffer, struct Error *error) {
    name = h5__relative(name);
    struct H5Opened opened;
    int code = open_typed(file, name, type, &opened, error);
    if (code != OK)
        return code;
    code = check_shape(file, name, &opened.info, rank, size, error);
    if (code == OK)
        code = h5__read_part(file, name, &opened, type, (int64_t[H5_RANK]){0}, opened.info.size,
                             buffer, error);
    h5__close_dataset(&opened);
    return code;
}

int h5_read_finite(struct H5File *file, const char *name, int rank, const int64_t *size,
                   float *values, struct Error *error) {
    struct H5Info info;
    int code = h5_info(file, name, &info, error);
    if (code == OK && info.type != H5_FLOAT32 && info.type != H5_FLOAT64)
        code = fail(error, file->failure, "%s:/%s: holds %s, floats were expected", file->path,
                    h5__relative(name), info.type_name);
    if (code == OK)
        code = h5_read(file, name, H5_FLOAT32, rank, size, values, error);
    int64_t count = code == OK ? memory_product(size, rank) : 0;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return fail(error, file->failure, "%s:/%s[%" PRId64 "]: is %g", file->path,
                        h5__relative(name), i, (double)values[i]);
    return code;
}

int h5__check_part(struct H5File *file, const char *name, const struct H5Info *info, int rank,
                   const int64_t *first, const int64_t *count, struct Error *error) {
    if (rank != info->rank)
        return fail(error, file->failure, "%s:/%s: has %d dimensions, expected %d", file->path,
                    name, info->rank, rank);
    for (int i = 0; i < rank; i++)
        if (first[i] < 0 || count[i] < 0 || first[i] > info->size[i] - count[i])
            return fail(error, file->failure,
                        "%s:/%s: has %" PRId64 " rows, %" PRId64 " from row %" PRId64
                        " on were asked for",
                        file->path, name, info->size[i], count[i], first[i]);
    return OK;
}

int h5__read_part(struct H5File *file, const char *name, const struct H5Opened *opened,
                  enum H5Type type, const int64_t *first, const int64_t *count, void *buffer,
                  struct Error *error) {
    for (int i = 0; i < opened->info.rank; i++) {
        if (count[i] == 0)
            return OK;
        if (i >= opened->own_rank && count[i] != opened->info.size[i])
            return fail(error, file->failure,
                        "%s:/%s: has arrays as elements, which are read whole; expected samples "
                        "along dimension 0",
                        file->path, name);
    }
    if (opened->own_rank == 0)
        return read_selection(file, name, opened, type, H5S_ALL, H5S_ALL, buffer, error);
    return H5Pget_layout(opened->create) == H5D_CHUNKED
               ? read_chunks(file, name, opened, type, first, count, buffer, error)
               : read_by_hdf5(file, name, opened, type, first, count, buffer, error);
}

int h5_read_part(struct H5File *file, const char *name, enum H5Type type, int rank,
                 const int64_t *first, const int64_t *count, void *buffer, struct Error *error) {
    name = h5__relative(name);
    struct H5Opened opened;
    int code = open_typed(file, name, type, &opened, error);
    if (code != OK)
        return code;
    code = h5__check_part(file, name, &opened.info, rank, first, count, error);
    if (code == OK)
        code = h5__read_part(file, name, &opened, type, first, count, buffer, error);
    h5__close_dataset(&opened);
    return code;
}

int h5_read_rows(struct H5File *file, const char *name, enum H5Type type, int64_t first,
                 int64_t count, void *buffer, struct Error *error) {
    name = h5__relative(name);
    struct H5Opened opened;
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    const struct H5Info *info = &opened.info;
    code = h5__check_type(file, name, info, type, error);
    if (code == OK && (info->rank < 1 || first < 0 || count < 0 || first > info->size[0] - count))
        code =
            fail(error, file->failure,
                 "%s:/%s: has %" PRId64 " rows, %" PRId64 " from row %" PRId64 " on were asked for",
                 file->path, name, info->rank ? info->size[0] : 0, count, first);
    int64_t start[H5_RANK] = {first}, extent[H5_RANK] = {count};
    for (int i = 1; i < info->rank; i++)
        extent[i] = info->size[i];
    if (code == OK)
        code = h5__read_part(file, name, &opened, type, start, extent, buffer, error);
    h5__close_dataset(&opened);
    return code;
}
