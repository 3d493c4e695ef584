#include "base/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_folder(const char *path) {
    size_t length = (size_t)(path_base(path) - path);
    if (length == 0)
        return memory_copy_text(".");
    return memory_copy_span(path, length == 1 ? 1 : length - 1);
}

char *path_beside(const char *file, const char *name) {
    int length = (int)(path_base(file) - file);
    return memory_print("%.*s%s", name[0] == '/' ? 0 : length, file, name);
}

bool path_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool path_is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool path_is_same_file(const char *path, const char *other) {
    struct stat a, b;
    return !stat(path, &a) && !stat(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* `already`: whether it was there. */
static int make_folder(const char *path, bool *already, struct Error *error) {
    *already = mkdir(path, 0777) != 0;
    if (*already && errno != EEXIST)
        return fail_errno(error, "%s: the folder cannot be made", path);
    if (!path_is_folder(path))
        return fail(error, ERROR_SYSTEM, "%s is a file, expected a folder", path);
    return OK;
}

int path_make_folders(const char *path, size_t *made, struct Error *error) {
    char *copy = memory_copy_text(path);
    size_t first = 0;
    int code = OK;
    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        bool already;
        if (slash)
            *slash = '\0';
        code = make_folder(copy, &already, error);
        if (!already && !first)
            first = strlen(copy);
        if (slash)
            *slash = '/';
        if (!slash || code)
            break;
    }
    memory_release(copy);
    if (made)
        *made = first;
    if (!code && access(path, W_OK | X_OK))
        code = fail_errno(error, "%s: cannot be written to", path);
    return code;
}

char *path_inner_folder(const char *folder, const char *name) {
    char *inner = memory_print("%s/%s", folder, name);
    if (path_is_folder(inner))
        return inner;
    memory_release(inner);
    return NULL;
}
