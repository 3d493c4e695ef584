#include "pictures/png_write.h"

#include <errno.h>
#include <string.h>

#include <png.h>

#include "base/memory.h"
#include "base/whole_file.h"

static png_image describe(int64_t height, int64_t width) {
    return (png_image){.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB};
}

void *png_encode(int64_t height, int64_t width, const uint8_t *pixels, size_t *bytes) {
    png_image image = describe(height, width);
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *memory = memory_allocate(size, "a picture");
    if (!png_image_write_to_memory(&image, memory, &size, 0, pixels, 0, NULL)) {
        memory_release(memory);
        return NULL;
    }
    *bytes = size;
    return memory;
}

int png_write(const char *path, int64_t height, int64_t width, const uint8_t *pixels,
              struct Error *error) {
    png_image image = describe(height, width);
    struct WholeFile file;
    int code = whole_file_open(&file, path, error);
    errno = 0; /* libpng says "Write Error" and no reason */
    if (!code && !png_image_write_to_stdio(&image, file.stream, 0, pixels, 0, NULL))
        code = fail(error, ERROR_SYSTEM, "%s: cannot be written: %s", path,
                    errno ? strerror(errno) : image.message);
    if (!code)
        code = whole_file_publish(&file, error);
    whole_file_close(&file);
    return code;
}
