#include "cli/hdf5_source.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "store/h5.h"

static bool exists(const char *path) {
    struct stat status;
    return !stat(path, &status);
}

const char *hdf5_source_colon(const char *text) {
    const char *colon = strstr(text, ":/");
    return colon && !exists(text) ? colon : NULL;
}

bool hdf5_source_is_one(const char *path) {
    const char *colon = hdf5_source_colon(path);
    char *file = colon ? memory_copy_span(path, (size_t)(colon - path)) : memory_copy_text(path);
    bool found = h5_has_signature(file);
    /* A file that cannot be read is later refused as the kind that its name suggests. */
    bool named =
        access(file, R_OK) && (text_ends_with(path, ".h5") || text_ends_with(path, ".hdf5"));
    memory_release(file);
    return found || named || colon;
}
