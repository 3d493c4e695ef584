/* Reading attributes. */
#include <stdio.h>

#include "store/internal.h"

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
    int code = h5__check_type(file, label, &info, wanted, error);
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
