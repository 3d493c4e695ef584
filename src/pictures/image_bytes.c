#include "pictures/image_bytes.h"

#include <inttypes.h>

#include "base/memory.h"

int image_check_size(const char *path, int64_t height, int64_t width, struct Error *error) {
    if (height < 1 || width < 1 || height > IMAGE_MOST_SIDE || width > IMAGE_MOST_SIDE ||
        height * width > IMAGE_MOST_PIXELS || !memory_can_hold((uint64_t)(height * width) * 8))
        return fail(error, ERROR_DATA,
                    "%s: says that it is %" PRId64 " pixels wide and %" PRId64
                    " high; expected at most %d a side and %" PRId64 " in all",
                    path, width, height, IMAGE_MOST_SIDE, IMAGE_MOST_PIXELS);
    return OK;
}
