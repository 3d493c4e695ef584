/* What can be drawn, and where to. */
#include <string.h>

#include "cli/dataset.h"

int dataset_check_png(const char *flag, const char *path, struct Error *error) {
    static const char end[] = ".png";
    size_t length = strlen(path), tail = sizeof end - 1;
    if (length > tail && !strcmp(path + length - tail, end))
        return OK;
    return fail(error, ERROR_USAGE, "%s %s: expected a name that ends in .png", flag, path);
}

int dataset_check_picture(const struct Dataset *dataset, const char *what, struct Error *error) {
    if (dataset->height * dataset->width > 1)
        return OK;
    return fail(error, ERROR_USAGE, "%s: the images of %s are 1x1x%lld, which is no picture", what,
                dataset->path, (long long)dataset->channels);
}
