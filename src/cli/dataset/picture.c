#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/dataset/dataset.h"

int dataset_check_png(const char *flag, const char *path, struct Error *error) {
    if (text_ends_with(path, ".png") && strlen(path) > strlen(".png"))
        return OK;
    return fail(error, ERROR_USAGE, "%s %s: expected a name that ends in .png", flag, path);
}

int dataset_check_picture(const struct Dataset *dataset, const char *what, struct Error *error) {
    if (dataset->height * dataset->width > 1)
        return OK;
    return fail(error, ERROR_USAGE,
                "%s: the images of %s are 1x1x%" PRId64 ", which is not a picture", what,
                dataset->path, dataset->channels);
}
