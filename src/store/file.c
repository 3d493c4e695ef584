/* Opening and closing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/internal.h"
#include "store/seal.h"

/* Opens a regular, non-empty file. O_NONBLOCK: a pipe of that name must not make us wait. */
static int open_regular(const char *path, int code, int *fd, uint64_t *bytes, struct Error *error) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return fail(error, code, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    int result = OK;
    if (fstat(*fd, &status) != 0)
        result = fail(error, code, "%s: cannot be examined: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        result = fail(error, code, "%s: is %s, expected an HDF5 file", path,
                      S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
    else if (status.st_size == 0)
        result = fail(error, code, "%s: is empty (0 bytes), expected an HDF5 file", path);
    if (result != OK)
        close(*fd);
    *bytes = (uint64_t)status.st_size;
    return result;
}

static int read_all(int fd, void *buffer, uint64_t bytes, const char *path, int code,
                    struct Error *error) {
    for (uint64_t done = 0; done < bytes;) {
        ssize_t part = pread(fd, (char *)buffer + done, bytes - done, (off_t)done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return fail(error, code, "%s: cannot be read: %s", path, strerror(errno));
        if (part == 0)
            return fail(error, code, "%s: ended at byte %llu while being read, expected %llu", path,
                        (unsigned long long)done, (unsigned long long)bytes);
        done += (uint64_t)part;
    }
    return OK;
}

/* What can be said of the file before HDF5 parses anything. */
static int check_head(const struct H5File *file, const unsigned char *head, uint64_t head_bytes,
                      struct Error *error) {
    uint64_t bytes = file->medium.bytes;
    int64_t superblock;
    uint64_t end = h5_declared_end(head, head_bytes, &superblock);
    if (superblock < 0)
        return fail(error, file->code, "%s: is not an HDF5 file (%llu bytes without its signature)",
                    file->path, (unsigned long long)bytes);
    if (end > bytes)
        return fail(error, file->code, "%s: is cut short: has %llu bytes, its header says %llu",
                    file->path, (unsigned long long)bytes, (unsigned long long)end);
    return OK;
}

static int open_medium(struct H5File *file, const unsigned char *head, uint64_t head_bytes,
                       struct Error *error) {
    int result = check_head(file, head, head_bytes, error);
    if (result != OK)
        return result;
    h5_quiet();
    hid_t access = medium_access(&file->medium);
    if (access < 0)
        return fail(error, file->code, "%s: HDF5 cannot set up its driver", file->path);
    file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    if (file->id < 0) {
        char reason[200];
        result = fail(error, file->code, "%s: is damaged: HDF5 cannot open it (%s)", file->path,
                      h5_reason(reason));
    }
    H5Pclose(access);
    return result;
}

static struct H5File *make_file(const char *path, int code) {
    struct H5File *file = memory_allocate(sizeof *file, "an HDF5 file");
    file->path = memory_copy_text(path);
    file->code = code;
    file->id = -1;
    file->medium.fd = -1;
    file->medium.driver = -1;
    return file;
}

/* Hands `file` to the caller, or closes it. */
static int finish(struct H5File *file, int result, struct H5File **out) {
    if (result != OK) {
        h5_close(file);
        file = NULL;
    }
    *out = file;
    return result;
}

int h5_open(struct H5File **out, const char *path, int code, struct Error *error) {
    *out = NULL;
    int fd;
    uint64_t bytes;
    int result = open_regular(path, code, &fd, &bytes, error);
    if (result != OK)
        return result;
    struct H5File *file = make_file(path, code);
    file->medium.fd = fd;
    file->medium.bytes = bytes;
    unsigned char head[H5_HEAD];
    uint64_t head_bytes = bytes < sizeof head ? bytes : sizeof head;
    result = read_all(fd, head, head_bytes, path, code, error);
    if (result == OK)
        result = open_medium(file, head, head_bytes, error);
    return finish(file, result, out);
}

/* Checks the seal of the image in `file`, and leaves the bytes that are HDF5's. */
static int check_seal(struct H5File *file, bool *sealed, struct Error *error) {
    const unsigned char *image = file->medium.image;
    uint64_t bytes = file->medium.bytes;
    int64_t superblock;
    uint64_t end = h5_declared_end(image, bytes < H5_HEAD ? bytes : H5_HEAD, &superblock);
    switch (seal_check(image, bytes, end, &file->medium.bytes)) {
    case SEAL_GOOD:
        *sealed = true;
        return OK;
    case SEAL_BAD:
        return fail(error, file->code,
                    "%s: is damaged: its %llu bytes do not match the checksum at its end",
                    file->path, (unsigned long long)bytes);
    case SEAL_ABSENT:
        break;
    }
    return OK;
}

int h5_open_sealed(struct H5File **out, const char *path, int code, bool *sealed,
                   struct Error *error) {
    *out = NULL;
    *sealed = false;
    int fd;
    uint64_t bytes;
    int result = open_regular(path, code, &fd, &bytes, error);
    if (result != OK)
        return result;
    struct H5File *file = make_file(path, code);
    if (!memory_can_hold(bytes)) {
        result = fail(error, code, "%s: %llu bytes do not fit into this machine's memory", path,
                      (unsigned long long)bytes);
    } else {
        file->owned_image = memory_allocate(bytes, "an HDF5 file's image");
        file->medium.image = file->owned_image;
        file->medium.bytes = bytes;
        result = read_all(fd, file->owned_image, bytes, path, code, error);
    }
    close(fd);
    if (result == OK)
        result = check_seal(file, sealed, error);
    if (result == OK)
        result = open_medium(file, file->owned_image, bytes < H5_HEAD ? bytes : H5_HEAD, error);
    return finish(file, result, out);
}

void h5_close(struct H5File *file) {
    if (!file)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    medium_release(&file->medium);
    if (file->medium.fd >= 0)
        close(file->medium.fd);
    memory_release(file->owned_image);
    memory_release(file->path);
    memory_release(file);
}

const char *h5_path(const struct H5File *file) {
    return file->path;
}

uint64_t h5_bytes(const struct H5File *file) {
    return file->medium.bytes;
}

int h5_map(struct H5File *file, const void **image, size_t *bytes, struct Error *error) {
    CHECK(file->medium.fd >= 0);
    *bytes = file->medium.bytes;
    void *map = mmap(NULL, *bytes, PROT_READ, MAP_SHARED, file->medium.fd, 0);
    if (map == MAP_FAILED)
        return fail(error, file->code, "%s: cannot be mapped: %s", file->path, strerror(errno));
    *image = map;
    return OK;
}

void h5_unmap(const void *image, size_t bytes) {
    if (image)
        munmap((void *)(uintptr_t)image, bytes);
}
