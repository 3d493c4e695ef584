/* Copies of objects from file to file: whole checkpoints into one file, and out of it again. */
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

struct Copying {
    struct H5Writer *writer;
    struct H5File *file;
    const char *from, *to;      /* groups; "" is the file's own */
    const char *const *without; /* members that are left out; or NULL */
};

static int not_copied(const struct Copying *copying, const char *name, struct Error *error) {
    char reason[200];
    h5__reason(reason);
    return fail(error, copying->file->failure, "%s:/%s%s%s: cannot be copied to %s (%s)",
                copying->file->path, copying->from, *copying->from ? "/" : "", name,
                copying->writer->path, reason);
}

static char *join(const char *group, const char *name) {
    return memory_print("%s%s%s", group, *group ? "/" : "", name);
}

static bool is_left_out(const struct Copying *copying, const char *name) {
    for (const char *const *out = copying->without; out && *out; out++)
        if (!strcmp(name, *out))
            return true;
    return false;
}

static int copy_member(void *context, const char *name, bool is_group, struct Error *error) {
    const struct Copying *copying = context;
    (void)is_group;
    if (is_left_out(copying, name))
        return OK;
    char *from = join(copying->from, name), *to = join(copying->to, name);
    hid_t link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    int code = OK;
    if (H5Ocopy(copying->file->id, from, copying->writer->id, to, H5P_DEFAULT, link) < 0)
        code = not_copied(copying, name, error);
    H5Pclose(link);
    memory_release(from);
    memory_release(to);
    return code;
}

/* The value of an attribute: of any type that is not of variable length. */
static int copy_value(hid_t from, hid_t to, const char *name) {
    hid_t attribute = H5Aopen(from, name, H5P_DEFAULT), copy = -1;
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    int failed = -1;
    if (type >= 0 && space >= 0 && H5Tis_variable_str(type) == 0 &&
        H5Tdetect_class(type, H5T_VLEN) == 0) {
        hsize_t bytes = H5Aget_storage_size(attribute);
        void *value = memory_allocate(bytes, "an attribute");
        copy = H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
        if (copy >= 0 && H5Aread(attribute, type, value) >= 0 && H5Awrite(copy, type, value) >= 0)
            failed = 0;
        memory_release(value);
    }
    if (copy >= 0)
        H5Aclose(copy);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return failed;
}

static herr_t copy_attribute(hid_t object, const char *name, const H5A_info_t *info,
                             void *context) {
    (void)info;
    return copy_value(object, *(hid_t *)context, name);
}

static hid_t open_group(hid_t file, const char *name) {
    return H5Gopen2(file, *name ? name : "/", H5P_DEFAULT);
}

static int copy_attributes(const struct Copying *copying, struct Error *error) {
    hid_t from = open_group(copying->file->id, copying->from);
    hid_t to = open_group(copying->writer->id, copying->to);
    hsize_t at = 0;
    int code = OK;
    if (from < 0 || to < 0 ||
        H5Aiterate2(from, H5_INDEX_NAME, H5_ITER_NATIVE, &at, copy_attribute, &to) < 0)
        code = not_copied(copying, "(attributes)", error);
    if (from >= 0)
        H5Gclose(from);
    if (to >= 0)
        H5Gclose(to);
    return code;
}

int h5_copy_group(struct H5Writer *writer, const char *to, struct H5File *file, const char *from,
                  const char *const *without, struct Error *error) {
    struct Copying copying = {writer, file, h5__relative(from), h5__relative(to), without};
    h5__quiet();
    int code = h5_list(file, copying.from, copy_member, &copying, error);
    return code ? code : copy_attributes(&copying, error);
}
