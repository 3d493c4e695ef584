#include "pictures/picture.h"

#include <inttypes.h>

#include "base/memory.h"

const char *const picture_scale_names[PICTURE_SCALES] = {"byte", "unit", "none"};

int picture_check_size(const char *path, int64_t height, int64_t width, int64_t pixel_bytes,
                       struct Error *error) {
    if (height < 1 || width < 1 || height > PICTURE_MOST_SIDE || width > PICTURE_MOST_SIDE ||
        height * width > PICTURE_MOST_PIXELS)
        return fail(error, ERROR_DATA,
                    "%s: says that it is %" PRId64 " pixels wide and %" PRId64
                    " high; expected at most %d a side and %" PRId64 " in all",
                    path, width, height, PICTURE_MOST_SIDE, PICTURE_MOST_PIXELS);
    int64_t bytes = height * width * pixel_bytes;
    /* The picture as the file has it, and as floats of the form that is wanted. */
    if (bytes > PICTURE_MOST_BYTES || !memory_can_hold((uint64_t)bytes * 5))
        return fail(error, ERROR_DATA,
                    "%s: says that it is %" PRId64 " pixels wide and %" PRId64 " high, of %" PRId64
                    " bytes each; expected at most %" PRId64 " bytes in all, and memory for them",
                    path, width, height, pixel_bytes, PICTURE_MOST_BYTES);
    return OK;
}
