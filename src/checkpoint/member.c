#include "checkpoint/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/ensemble.h"
#include "checkpoint/format.h"
#include "store/h5.h"

char *ensemble_file_member(const char *path, int number) {
    return memory_print("%s:/" ENSEMBLE_MEMBERS "%d", path, number);
}

static bool has_format(struct H5File *file) {
    struct Error ignored;
    char *format = NULL;
    bool found = h5_has_attribute(file, "/", "format") &&
                 !h5_read_attribute(file, "/", "format", H5_TEXT, &format, &ignored) &&
                 !strcmp(format, ENSEMBLE_FORMAT);
    memory_release(format);
    return found;
}

bool ensemble_file_is_one(const char *path) {
    struct H5File *file;
    struct Error ignored;
    if (!h5_has_signature(path) || h5_open(&file, path, ERROR_CHECKPOINT, &ignored))
        return false;
    bool found = has_format(file);
    h5_close(file);
    return found;
}

/* Finds the number in "FILE:/members/NUMBER". Returns the length of FILE; 0 for any other path. */
static size_t split_path(const char *path, int *number) {
    const char *found = NULL, *at = path;
    int end = 0;
    while ((at = strstr(at, ":/" ENSEMBLE_MEMBERS)))
        found = at++;
    if (!found || sscanf(found, ":/" ENSEMBLE_MEMBERS "%6d%n", number, &end) != 1 || found[end] ||
        *number < 0)
        return 0;
    return (size_t)(found - path);
}

bool ensemble_file_is_member(const char *path) {
    int number;
    return split_path(path, &number) > 0;
}

static int check_format(struct H5File *file, bool sealed, struct Error *error) {
    if (!has_format(file))
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is not an ensemble (no attribute \"format\" that says \"%s\")",
                    h5_path(file), ENSEMBLE_FORMAT);
    if (!sealed)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: has no seal: it was cut short, or changed after it was written",
                    h5_path(file));
    return OK;
}

static int refuse_unsealed(struct H5File *file, struct Error *error) {
    return check_format(file, false, error);
}

int checkpoint__open_ensemble(struct H5File **file, const char *path, struct Error *error) {
    bool sealed;
    int64_t version = 0;
    int code = h5_open_sealed(file, path, ERROR_CHECKPOINT, refuse_unsealed, &sealed, error);
    if (code)
        return code;
    code = check_format(*file, sealed, error);
    if (!code)
        code = h5_read_attribute(*file, "/", "format_version", H5_INT64, &version, error);
    if (!code && version != ENSEMBLE_VERSION)
        code = fail(error, ERROR_CHECKPOINT,
                    "%s: is of format version %" PRId64 ", this program reads %d", path, version,
                    ENSEMBLE_VERSION);
    if (!code)
        return OK;
    h5_close(*file);
    *file = NULL;
    return code;
}

/* Makes the image of a file that holds only the group of a member. */
static int extract(struct H5File *file, const char *group, const char *path, void **image,
                   uint64_t *bytes, struct Error *error) {
    struct H5Writer *writer;
    int code = h5_create_in_memory(&writer, path, error);
    if (code)
        return code;
    code = h5_copy_group(writer, "/", file, group, NULL, error);
    if (!code)
        return h5_take_image(writer, image, bytes, error);
    h5_abandon(writer);
    return code;
}

int checkpoint__open_member(struct H5File **member, const char *path, bool *sealed,
                            struct Error *error) {
    int number;
    char *name = memory_copy_span(path, split_path(path, &number));
    char *group = memory_print(ENSEMBLE_MEMBERS "%d", number);
    struct H5File *file;
    void *image;
    uint64_t bytes;
    *member = NULL;
    int code = checkpoint__open_ensemble(&file, name, error);
    if (!code && !h5_exists(file, group))
        code = fail(error, ERROR_CHECKPOINT, "%s: has no member %d", name, number);
    if (!code)
        code = extract(file, group, path, &image, &bytes, error);
    if (!code)
        code = h5_open_image(member, path, image, bytes, ERROR_CHECKPOINT, sealed, error);
    h5_close(file);
    memory_release(group);
    memory_release(name);
    return code;
}
