/* Whether a name exists: yes, no, or it cannot be told. */
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

int h5_check(const struct H5File *file, struct Error *error) {
    const struct FileDriver *driver = &file->driver;
    if (driver->cut_short)
        return fail(error, file->failure, "%s: was cut short while it was in use",
                    driver->failed_path ? driver->failed_path : file->path);
    if (driver->failed)
        return fail(error, file->failure, "%s: cannot be read: %s",
                    driver->failed_path ? driver->failed_path : file->path,
                    strerror(driver->failed));
    if (file->trouble.code != OK)
        *error = file->trouble;
    return file->trouble.code;
}

void h5__doubt(struct H5File *file, const char *name) {
    if (file->trouble.code == OK)
        h5__damaged(file, name, "is damaged: cannot be looked for", &file->trouble);
}

enum Answer { NO, YES, UNKNOWN };

/* What is at `name`, whose parents are groups. A link to nothing is no object, and neither is a
 * link to another file that cannot be opened, or one that leads back to itself: opening it says
 * why. */
static enum Answer look_for(struct H5File *file, const char *name) {
    char reason[200];
    htri_t linked = H5Lexists(file->id, name, H5P_DEFAULT);
    if (linked <= 0)
        return linked < 0 ? UNKNOWN : NO;
    htri_t there = H5Oexists_by_name(file->id, name, H5P_DEFAULT);
    if (there >= 0)
        return there ? YES : NO;
    if (h5_is_linked(file, name))
        return NO;
    H5Oexists_by_name(file->id, name, H5P_DEFAULT); /* once more, for its reason */
    return h5__is_circle(h5__reason(reason)) ? NO : UNKNOWN;
}

static enum Answer is_group(struct H5File *file, const char *name) {
    H5O_info_t info;
    if (H5Oget_info_by_name(file->id, name, &info, H5P_DEFAULT) < 0)
        return UNKNOWN;
    return info.type == H5O_TYPE_GROUP ? YES : NO;
}

bool h5_exists(struct H5File *file, const char *name) {
    h5__quiet();
    name = h5__relative(name);
    size_t length = strlen(name);
    char *prefix = memory_copy_text(name);
    enum Answer answer = YES;
    /* HDF5 can look for a name only in a group, so each group on the way is asked for in turn. */
    for (size_t i = 1; i <= length && answer == YES; i++) {
        if (i < length && name[i] != '/')
            continue;
        prefix[i] = '\0';
        answer = look_for(file, prefix);
        if (answer == YES && i < length)
            answer = is_group(file, prefix);
        if (answer == NO && i < length && h5__is_member(file, name)) {
            memory_release(prefix);
            return true;
        }
        if (answer == UNKNOWN)
            h5__doubt(file, prefix);
        prefix[i] = name[i];
    }
    memory_release(prefix);
    return answer == YES;
}

bool h5_is_named(struct H5File *file, const char *name) {
    if (h5_exists(file, name))
        return true;
    name = h5__relative(name);
    const char *last = strrchr(name, '/');
    char *group = memory_print("/%.*s", last ? (int)(last - name) : 0, name);
    bool named = h5_exists(file, group) && H5Lexists(file->id, name, H5P_DEFAULT) > 0;
    memory_release(group);
    return named;
}

bool h5_has_attribute(struct H5File *file, const char *object, const char *name) {
    if (!h5_exists(file, object))
        return false;
    const char *relative = h5__relative(object);
    if (h5__is_member(file, relative))
        return false; /* members of records have none */
    htri_t there = H5Aexists_by_name(file->id, *relative ? relative : "/", name, H5P_DEFAULT);
    if (there < 0)
        h5__doubt(file, relative);
    return there > 0;
}
