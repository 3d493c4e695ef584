#include "pictures/image_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "pictures/image_formats.h"

int image_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                 struct ImageBytes *image, struct Error *error) {
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF}, png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
    CHECK(channels == 1 || channels == 3);
    *image = (struct ImageBytes){0};
    if (count == 0)
        return fail(error, ERROR_DATA, "%s: is empty; expected a JPEG or PNG image", path);
    if (count >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return jpeg__decode(path, bytes, count, channels, image, error);
    if (count >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return png__decode(path, bytes, count, channels, image, error);
    return fail(error, ERROR_DATA, "%s: is neither a JPEG nor a PNG image (by its first bytes)",
                path);
}

static int read_all(int file, const char *path, uint8_t *bytes, size_t count, struct Error *error) {
    for (size_t done = 0; done < count;) {
        ssize_t got = read(file, bytes + done, count - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, "%s: cannot read", path);
        if (got == 0)
            return fail(error, ERROR_DATA, "%s: became shorter while it was read", path);
        done += (size_t)got;
    }
    return OK;
}

int image_decode_file(const char *path, int64_t channels, struct ImageBytes *image,
                      struct Error *error) {
    *image = (struct ImageBytes){0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe must not wait */
    if (file < 0)
        return fail_errno(error, "%s: cannot open", path);
    struct stat about;
    uint8_t *bytes = NULL;
    int code;
    if (fstat(file, &about) != 0)
        code = fail_errno(error, "%s: cannot open", path);
    else if (!S_ISREG(about.st_mode))
        code = fail(error, ERROR_DATA, "%s: is not a regular file", path);
    else if (about.st_size > IMAGE_MOST_FILE_BYTES)
        code = fail(error, ERROR_DATA,
                    "%s: has %" PRId64 " bytes; expected an image of at most %" PRId64, path,
                    about.st_size, IMAGE_MOST_FILE_BYTES);
    else {
        bytes = memory_array(uint8_t, about.st_size, "image file");
        code = read_all(file, path, bytes, (size_t)about.st_size, error);
    }
    close(file);
    if (code == OK)
        code = image_decode(path, bytes, (size_t)about.st_size, channels, image, error);
    memory_release(bytes);
    return code;
}
