#include "data/png_write.h"

#include <png.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

int png_write(const char *path, int64_t height, int64_t width, const uint8_t *pixels,
              struct Error *error) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB};
    char *temporary = memory_print("%s.part%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "wbe");
    int status = OK;
    if (!file)
        status = fail_errno(error, "%s: cannot create", path);
    else if (!png_image_write_to_stdio(&image, file, 0, pixels, 0, NULL))
        status = fail(error, ERROR_SYSTEM, "%s: cannot write: %s", path, image.message);
    if (file && fclose(file) != 0 && status == OK)
        status = fail_errno(error, "%s: cannot write", path);
    if (status == OK && rename(temporary, path) != 0)
        status = fail_errno(error, "%s: cannot rename to", path);
    if (status != OK && file)
        unlink(temporary);
    memory_release(temporary);
    return status;
}
