#include "base/path.h"

#include <string.h>
#include <sys/stat.h>

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

char *path_inner_folder(const char *folder, const char *name) {
    char *inner = memory_print("%s/%s", folder, name);
    if (path_is_folder(inner))
        return inner;
    memory_release(inner);
    return NULL;
}
