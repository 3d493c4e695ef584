/* Copies of objects from file to file: whole checkpoints into one file, and out of it again. What
 * is copied passes through the readers of this module and not through H5Ocopy, which crashes on
 * damaged structures. */
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

#define DEEPEST 8 /* groups within groups; a group may hold itself in a damaged file */
#define ATTRIBUTE_BYTES ((size_t)1 << 20)

struct Copying {
    struct H5Writer *writer;
    struct H5File *file;
    const char *from, *to;      /* groups; "" is the file's own */
    const char *const *without; /* members that are left out; or NULL */
    int depth;
};

static char *join(const char *group, const char *name) {
    return memory_print("%s%s%s", group, *group ? "/" : "", name);
}

/* ---- Attributes ---- */

/* Numbers and texts of a fixed length. */
static bool can_copy(hid_t type, hid_t space, size_t *bytes) {
    const char *name;
    hssize_t elements = H5Sget_simple_extent_npoints(space);
    enum H5Type kind = h5__classify(type, &name);
    if (elements < 0 || kind == H5_OTHER || kind == H5_CELLS || kind == H5_BYTES ||
        H5Tis_variable_str(type) != 0 || H5Tget_size(type) == 0 ||
        (uint64_t)elements > ATTRIBUTE_BYTES / H5Tget_size(type))
        return false;
    *bytes = (size_t)elements * H5Tget_size(type);
    return true;
}

static int copy_value(hid_t attribute, hid_t type, hid_t space, hid_t to, const char *name) {
    size_t bytes;
    if (type < 0 || space < 0 || !can_copy(type, space, &bytes) ||
        H5Aget_storage_size(attribute) != bytes)
        return -1;
    void *value = memory_allocate(bytes, "an attribute");
    hid_t copy = H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int failed = -1;
    if (copy >= 0 && H5Aread(attribute, type, value) >= 0 && H5Awrite(copy, type, value) >= 0)
        failed = 0;
    if (copy >= 0)
        H5Aclose(copy);
    memory_release(value);
    return failed;
}

static herr_t copy_attribute(hid_t object, const char *name, const H5A_info_t *info,
                             void *context) {
    (void)info;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return -1;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    int failed = copy_value(attribute, type, space, *(hid_t *)context, name);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    H5Aclose(attribute);
    return failed;
}

static hid_t open_object(hid_t file, const char *name) {
    return H5Oopen(file, *name ? name : "/", H5P_DEFAULT);
}

static int copy_attributes(const struct Copying *copying, const char *from, const char *to,
                           struct Error *error) {
    h5__quiet();
    hid_t source = open_object(copying->file->id, from);
    hid_t target = open_object(copying->writer->id, to);
    hsize_t at = 0;
    int code = OK;
    if (source < 0 || target < 0 ||
        H5Aiterate2(source, H5_INDEX_NAME, H5_ITER_NATIVE, &at, copy_attribute, &target) < 0)
        code = h5__damaged(copying->file, from, "has attributes that cannot be copied", error);
    if (source >= 0)
        H5Oclose(source);
    if (target >= 0)
        H5Oclose(target);
    return code;
}

/* ---- Arrays ---- */

static int copy_text(const struct Copying *copying, const char *from, const char *to, int rank,
                     struct Error *error) {
    char *text = NULL, **texts = NULL;
    int64_t count = 0;
    int code = rank == 0 ? h5_read_text(copying->file, from, &text, error)
                         : h5_read_texts(copying->file, from, &texts, &count, error);
    if (code)
        return code;
    code = rank == 0
               ? h5_write_text(copying->writer, to, text, error)
               : h5_write_texts(copying->writer, to, (const char *const *)texts, count, error);
    memory_release(text);
    memory_release_texts(texts, count);
    return code;
}

static int copy_array(const struct Copying *copying, const char *from, const char *to,
                      struct Error *error) {
    struct H5Info info;
    int code = h5_info(copying->file, from, &info, error);
    if (code)
        return code;
    if (info.type == H5_TEXT && info.rank <= 1)
        return copy_text(copying, from, to, info.rank, error);
    int64_t count = memory_product(info.size, info.rank);
    if (info.type >= H5_TEXT || !strcmp(info.type_name, "float16")) { /* it would become float32 */
        fail(error, copying->file->failure, "%s:/%s: holds %s, which is not copied",
             copying->file->path, from, info.type_name);
        return h5__keep_damage(copying->file, error);
    }
    if (count < 0 || count > INT64_MAX / 8 ||
        !memory_can_hold((uint64_t)count * h5__size(info.type)))
        return h5__damaged(copying->file, from, "is no array that can be copied", error);
    void *values = memory_allocate((size_t)count * h5__size(info.type), "an array");
    code = h5_read(copying->file, from, info.type, info.rank, info.size, values, error);
    if (!code)
        code = h5_write(copying->writer, to, info.type, info.rank, info.size, values, error);
    memory_release(values);
    return code;
}

/* ---- Groups ---- */

static bool is_left_out(const struct Copying *copying, const char *name) {
    for (const char *const *out = copying->without; out && *out; out++)
        if (!strcmp(name, *out))
            return true;
    return false;
}

static int copy_group(struct Copying copying, struct Error *error);

static int copy_member(void *context, const char *name, bool is_group, struct Error *error) {
    const struct Copying *copying = context;
    if (is_left_out(copying, name))
        return OK;
    char *from = join(copying->from, name), *to = join(copying->to, name);
    int code;
    if (is_group)
        code = copy_group((struct Copying){.writer = copying->writer,
                                           .file = copying->file,
                                           .from = from,
                                           .to = to,
                                           .depth = copying->depth + 1},
                          error);
    else
        code = copy_array(copying, from, to, error);
    if (!code && !is_group)
        code = copy_attributes(copying, from, to, error);
    memory_release(from);
    memory_release(to);
    return code;
}

/* Makes the group, if nothing in it does. */
static int make_group(const struct Copying *copying, struct Error *error) {
    hid_t link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    hid_t group = *copying->to && H5Lexists(copying->writer->id, copying->to, H5P_DEFAULT) <= 0
                      ? H5Gcreate2(copying->writer->id, copying->to, link, H5P_DEFAULT, H5P_DEFAULT)
                      : -1;
    if (group >= 0)
        H5Gclose(group);
    H5Pclose(link);
    return h5_check(copying->file, error);
}

static int copy_group(struct Copying copying, struct Error *error) {
    if (copying.depth > DEEPEST)
        return h5__damaged(copying.file, copying.from, "lies too deep", error);
    int code = h5_list(copying.file, copying.from, copy_member, &copying, error);
    if (!code)
        code = make_group(&copying, error);
    return code ? code : copy_attributes(&copying, copying.from, copying.to, error);
}

int h5_copy_group(struct H5Writer *writer, const char *to, struct H5File *file, const char *from,
                  const char *const *without, struct Error *error) {
    return copy_group((struct Copying){.writer = writer,
                                       .file = file,
                                       .from = h5__relative(from),
                                       .to = h5__relative(to),
                                       .without = without},
                      error);
}
