/* Opening a dataset, and all that can be checked before its values are read. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
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

static bool in_other_file(const struct H5File *file, const struct H5Opened *opened) {
    H5O_info_t root, object;
    return file->driver.follows &&
           (H5Oget_info(file->id, &root) < 0 || H5Oget_info(opened->id, &object) < 0 ||
            root.fileno != object.fileno);
}

/* Finds out where the bytes are. Refuses data in other files: a file must be complete by itself. */
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
    if (h5__is_circle(reason))
        return fail(error, file->failure,
                    "%s:/%s: is a link that leads back to itself, or through more than 16 others",
                    file->path, name);
    bool there = h5_exists(file, name);
    if (h5_check(file, error) != OK)
        return error->code;
    if (!there)
        return fail(error, file->failure, "%s:/%s: is missing%s", file->path, name,
                    h5_is_named(file, name) ? " (a link that leads to nothing)" : "");
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
