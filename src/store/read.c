/* Reading from an open file: datasets and attributes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/chunks.h"
#include "store/heap.h"
#include "store/internal.h"

void h5__close_dataset(struct H5Opened *opened) {
    if (opened->create >= 0)
        H5Pclose(opened->create);
    if (opened->space >= 0)
        H5Sclose(opened->space);
    if (opened->type >= 0)
        H5Tclose(opened->type);
    if (opened->whole >= 0)
        H5Tclose(opened->whole);
    if (opened->id >= 0)
        H5Dclose(opened->id);
}

int h5__damaged(struct H5File *file, const char *name, const char *what, struct Error *error) {
    char reason[200];
    h5__reason(reason);
    if (file->driver.failed)
        return h5_check(file, error);
    if (h5__is_newer(reason))
        return h5__fail_newer(file, name, reason, error);
    fail(error, file->failure, "%s:/%s: %s (%s)", file->path, name, what, reason);
    return h5__keep_damage(file, error);
}

int h5__keep_damage(struct H5File *file, const struct Error *error) {
    if (file->trouble.code == OK)
        file->trouble = *error;
    return error->code;
}

static int read_shape(struct H5File *file, const char *name, struct H5Opened *opened,
                      struct Error *error) {
    hsize_t size[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_ndims(opened->space);
    if (rank < 0 || H5Sget_simple_extent_type(opened->space) == H5S_NULL)
        return fail(error, file->failure, "%s:/%s: holds nothing", file->path, name);
    if (rank > H5_RANK)
        return fail(error, file->failure, "%s:/%s: has %d dimensions, at most %d are read",
                    file->path, name, rank, H5_RANK);
    if (H5Sget_simple_extent_dims(opened->space, size, NULL) < 0)
        return h5__damaged(file, name, "its shape cannot be read", error);
    opened->info.rank = opened->own_rank = rank;
    for (int i = 0; i < rank; i++) {
        if (size[i] > INT64_MAX)
            return fail(error, file->failure,
                        "%s:/%s: dimension %d is %" PRIu64 ", beyond any memory", file->path, name,
                        i, (uint64_t)size[i]);
        opened->info.size[i] = (int64_t)size[i];
    }
    if (!h5__enter_array(opened))
        return fail(error, file->failure,
                    "%s:/%s: has arrays as elements, with more than %d dimensions in all",
                    file->path, name, H5_RANK);
    return OK;
}

/* Filters that programs use, by the numbers under which The HDF Group registers them; each is a
 * plug-in, which the package hdf5plugin has. */
static const char *known_filter(H5Z_filter_t id) {
    static const struct {
        H5Z_filter_t id;
        const char *name;
    } known[] = {{307, "bzip2"},        {32001, "blosc"},     {32004, "lz4"},
                 {32008, "bitshuffle"}, {32013, "zfp"},       {32015, "zstd"},
                 {32017, "sz"},         {32018, "fcidecomp"}, {32026, "blosc2"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].id == id)
            return known[i].name;
    return NULL;
}

static int refuse_filter(const struct H5File *file, const char *name, H5Z_filter_t id,
                         const char *stored, struct Error *error) {
    const char *known = known_filter(id), *filter = known ? known : *stored ? stored : "no name";
    unsigned state = 0;
    H5PLget_loading_state(&state);
    return fail(error, file->failure,
                "%s:/%s: is packed with the filter '%s' (number %d), which this HDF5 lacks; %s",
                file->path, name, filter, (int)id,
                state & H5PL_FILTER_PLUGIN
                    ? "no plug-in in HDF5_PLUGIN_PATH or HDF5's own folder has it"
                    : "data.plugins: load looks for a plug-in that has it");
}

static int check_filters(struct H5File *file, const char *name, const struct H5Opened *opened,
                         struct Error *error) {
    for (int i = 0; i < H5Pget_nfilters(opened->create) && !file->lists_filters; i++) {
        char filter[64] = "";
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(opened->create, (unsigned)i, &flags, &values, NULL,
                                         sizeof filter, filter, &config);
        if (H5Zfilter_avail(id) <= 0)
            return refuse_filter(file, name, id, filter, error);
    }
    return OK;
}

int64_t h5__stored_size(const struct H5Opened *opened) {
    if (opened->whole >= 0)
        return (int64_t)H5Tget_size(opened->whole);
    return heap__is_reference(opened->type) ? heap__reference_size(opened->id)
                                            : (int64_t)H5Tget_size(opened->type);
}

/* HDF5 reads beyond its buffers if a damaged file stores fewer bytes than the shape needs. Only an
 * array that was never written may store none: it reads as fill values. */
static int check_storage(struct H5File *file, const char *name, const struct H5Opened *opened,
                         H5D_layout_t layout, struct Error *error) {
    const struct H5Info *info = &opened->info;
    bool is_array = layout == H5D_CONTIGUOUS || layout == H5D_COMPACT;
    if (!is_array || info->type == H5_OTHER) /* H5_OTHER is never read */
        return OK;
    H5D_space_status_t status = H5D_SPACE_STATUS_ERROR;
    H5Dget_space_status(opened->id, &status);
    if (layout == H5D_CONTIGUOUS && status == H5D_SPACE_STATUS_NOT_ALLOCATED)
        return OK;
    int64_t elements = memory_product(info->size, opened->own_rank);
    int64_t element = h5__stored_size(opened);
    int64_t needed = memory_product((int64_t[]){elements, element}, 2);
    if (needed >= 0 && info->stored >= (uint64_t)needed)
        return OK;
    char shape[H5_SHAPE_TEXT];
    fail(error, file->failure,
         "%s:/%s: is damaged: stores %" PRIu64 " bytes, too few for shape %s of %s", file->path,
         name, info->stored, h5__shape(info->rank, info->size, shape), info->type_name);
    return h5__keep_damage(file, error);
}

/* What no filter packs more tightly, deflate's limit with some room, and what is small enough to be
 * believed without it. */
#define MOST_PACKED 1100
#define BELIEVED ((int64_t)64 << 20)

/* A file of a few bytes may declare any shape: what was never written reads as fill values, and
 * takes memory all the same. */
static int check_declared(struct H5File *file, const char *name, const struct H5Opened *opened,
                          struct Error *error) {
    const struct H5Info *info = &opened->info;
    int64_t elements = memory_product(info->size, opened->own_rank);
    int64_t bytes = memory_product((int64_t[]){elements, h5__stored_size(opened)}, 2);
    if (info->type == H5_OTHER || (bytes >= 0 && bytes <= BELIEVED) ||
        (bytes >= 0 && (uint64_t)bytes / MOST_PACKED <= info->stored))
        return OK;
    char shape[H5_SHAPE_TEXT];
    return fail(error, file->failure,
                "%s:/%s: declares shape %s of %s and stores %" PRIu64
                " bytes of it; no packing is as tight, so most was never written",
                file->path, name, h5__shape(info->rank, info->size, shape), info->type_name,
                info->stored);
}

/* A filter gives back as many bytes as were packed, and HDF5 does not compare them with the size of
 * a chunk. A writer makes no chunk that is larger than a dimension that cannot grow. */
static int check_chunks(struct H5File *file, const char *name, const struct H5Opened *opened,
                        struct Error *error) {
    if (H5Pget_nfilters(opened->create) <= 0)
        return OK;
    int rank = opened->own_rank;
    hsize_t chunk[H5_RANK], most[H5_RANK];
    if (H5Pget_chunk(opened->create, rank, chunk) != rank ||
        H5Sget_simple_extent_dims(opened->space, NULL, most) != rank)
        return h5__damaged(file, name, "its layout cannot be read", error);
    for (int i = 0; i < rank; i++)
        if (most[i] != H5S_UNLIMITED && chunk[i] > most[i]) {
            fail(error, file->failure,
                 "%s:/%s: is damaged: a chunk has %" PRIu64
                 " elements in dimension %d, which has at most %" PRIu64,
                 file->path, name, (uint64_t)chunk[i], i, (uint64_t)most[i]);
            return h5__keep_damage(file, error);
        }
    return OK;
}

/* Finds out where the bytes are. Refuses data in other files: a file must be complete by itself. */
static bool in_other_file(const struct H5File *file, const struct H5Opened *opened) {
    H5O_info_t root, object;
    return file->driver.follows &&
           (H5Oget_info(file->id, &root) < 0 || H5Oget_info(opened->id, &object) < 0 ||
            root.fileno != object.fileno);
}

static int read_layout(struct H5File *file, const char *name, struct H5Opened *opened,
                       struct Error *error) {
    H5D_layout_t layout = H5Pget_layout(opened->create);
    if (layout < 0)
        return h5__damaged(file, name, "its layout cannot be read", error);
    if (H5Pget_external_count(opened->create) > 0)
        return fail(error, file->failure,
                    "%s:/%s: keeps its values in other files, which is refused", file->path, name);
    struct H5Info *info = &opened->info;
    info->virtual = layout == H5D_VIRTUAL;
    if (info->virtual)
        return h5__check_virtual(file, name, opened, error);
    info->stored = H5Dget_storage_size(opened->id);
    int code = layout == H5D_CHUNKED ? check_chunks(file, name, opened, error)
                                     : check_storage(file, name, opened, layout, error);
    if (code == OK)
        code = check_declared(file, name, opened, error);
    if (code != OK)
        return code;
    if (in_other_file(file, opened))
        return OK; /* its offset is one of another file */
    if (layout != H5D_CONTIGUOUS || info->type >= H5_TEXT || opened->whole >= 0 ||
        H5Tequal(opened->type, h5__native(info->type)) <= 0)
        return OK;
    haddr_t offset = H5Dget_offset(opened->id);
    info->contiguous = offset != HADDR_UNDEF;
    info->offset = info->contiguous ? (uint64_t)offset : 0;
    return OK;
}

/* Why an object could not be opened. */
static int refuse_object(struct H5File *file, const char *name, struct Error *error) {
    char reason[200];
    h5__reason(reason);
    if (file->trouble.code != OK)
        return h5_check(file, error);
    if (h5__refuse_link(file, name, reason, error) != OK)
        return error->code;
    bool there = h5_exists(file, name);
    if (h5_check(file, error) != OK)
        return error->code;
    if (!there)
        return fail(error, file->failure, "%s:/%s: is missing", file->path, name);
    if (h5__is_newer(reason))
        return h5__fail_newer(file, name, reason, error);
    fail(error, file->failure, "%s:/%s: is damaged: HDF5 cannot open it (%s)", file->path, name,
         reason);
    return h5__keep_damage(file, error);
}

/* What lies in heaps is read only if it is all that an element has. */
static void classify(struct H5Opened *opened) {
    struct H5Info *info = &opened->info;
    info->type = h5__classify(opened->type, &info->type_name);
    if (opened->whole < 0 || info->type < H5_TEXT)
        return;
    bool fixed = info->type == H5_TEXT && !heap__is_reference(opened->type);
    if (fixed && opened->own_rank > 0)
        return;
    if (info->type != H5_OTHER)
        info->type_name = "texts or bytes of variable length inside records";
    info->type = H5_OTHER;
}

int h5__open_dataset(struct H5File *file, const char *name, struct H5Opened *opened,
                     struct Error *error) {
    h5__quiet();
    if (file->driver.failed)
        return h5_check(file, error);
    memset(opened, 0, sizeof *opened);
    opened->type = opened->space = opened->create = opened->whole = -1;
    opened->id = H5Oopen(file->id, name, H5P_DEFAULT);
    if (opened->id < 0 && !h5__open_member(file, name, opened)) {
        H5Oopen(file->id, name, H5P_DEFAULT); /* once more, for its reason */
        return refuse_object(file, name, error);
    }
    if (H5Iget_type(opened->id) != H5I_DATASET) {
        H5Oclose(opened->id);
        return fail(error, file->failure, "%s:/%s: is a group, expected a dataset", file->path,
                    name);
    }
    if (opened->type < 0)
        opened->type = H5Dget_type(opened->id);
    opened->space = H5Dget_space(opened->id);
    opened->create = H5Dget_create_plist(opened->id);
    int code = OK;
    if (opened->type < 0 || opened->space < 0 || opened->create < 0)
        code = h5__damaged(file, name, "is damaged", error);
    if (code == OK)
        code = read_shape(file, name, opened, error);
    if (code == OK)
        classify(opened);
    if (code == OK)
        code = read_layout(file, name, opened, error);
    if (code == OK)
        code = check_filters(file, name, opened, error);
    if (code != OK)
        h5__close_dataset(opened);
    return code;
}

int h5_info(struct H5File *file, const char *name, struct H5Info *info, struct Error *error) {
    struct H5Opened opened;
    int code = h5__open_dataset(file, h5__relative(name), &opened, error);
    if (code != OK)
        return code;
    *info = opened.info;
    h5__close_dataset(&opened);
    return OK;
}

static bool is_integer(enum H5Type type) {
    return type == H5_UINT8 || type == H5_INT32 || type == H5_INT64;
}

static bool is_number(enum H5Type type) {
    return is_integer(type) || type == H5_FLOAT32 || type == H5_FLOAT64;
}

static int check_type(struct H5File *file, const char *name, const struct H5Info *info,
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
    code = check_type(file, name, &opened->info, type, error);
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
    int code = h5_read(file, name, H5_FLOAT32, rank, size, values, error);
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
    code = check_type(file, name, info, type, error);
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

/* ---- attributes ---- */

static const char *object_name(const char *object) {
    const char *relative = h5__relative(object);
    return *relative ? relative : "/";
}

static int read_attribute_value(struct H5File *file, const char *label, hid_t id, hid_t type,
                                hid_t space, enum H5Type wanted, void *value, struct Error *error) {
    struct H5Info info = {0};
    info.type = h5__classify(type, &info.type_name);
    if (H5Sget_simple_extent_npoints(space) != 1)
        return fail(error, file->failure, "%s:/%s: expected one value", file->path, label);
    if (wanted == H5_TEXT) {
        if (info.type == H5_TEXT)
            return h5__read_texts(file, label, &(struct TextSource){true, id, type}, 1, value,
                                  error);
        return fail(error, file->failure, "%s:/%s: holds %s, expected text", file->path, label,
                    info.type_name);
    }
    int code = check_type(file, label, &info, wanted, error);
    if (code == OK && H5Aread(id, h5__native(wanted), value) < 0)
        code = h5__damaged(file, label, "is damaged: its value cannot be read", error);
    return code;
}

int h5_read_attribute(struct H5File *file, const char *object, const char *name, enum H5Type type,
                      void *value, struct Error *error) {
    h5__quiet();
    char label[300];
    snprintf(label, sizeof label, "%s, attribute %s", h5__relative(object), name);
    bool there = h5_has_attribute(file, object, name);
    if (h5_check(file, error) != OK)
        return error->code;
    if (!there)
        return fail(error, file->failure, "%s:/%s: is missing", file->path, label);
    hid_t id = H5Aopen_by_name(file->id, object_name(object), name, H5P_DEFAULT, H5P_DEFAULT);
    if (id < 0)
        return h5__damaged(file, label, "is damaged", error);
    hid_t file_type = H5Aget_type(id), space = H5Aget_space(id);
    int code = file_type < 0 || space < 0
                   ? h5__damaged(file, label, "is damaged", error)
                   : read_attribute_value(file, label, id, file_type, space, type, value, error);
    if (space >= 0)
        H5Sclose(space);
    if (file_type >= 0)
        H5Tclose(file_type);
    H5Aclose(id);
    return code;
}
