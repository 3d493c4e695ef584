/* Opening and closing files for reading. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_kind.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/read_file.h"
#include "store/guard.h"
#include "store/internal.h"
#include "store/seal.h"
#include "store/unpack.h"

static H5Examiner *file_examiner;

void h5_set_examiner(H5Examiner *examiner) {
    file_examiner = examiner;
}

/* Opens a regular, non-empty file. O_NONBLOCK: opening a pipe must not block. */
static int open_regular(const char *path, int failure, int *fd, uint64_t *bytes,
                        struct Error *error) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return fail(error, failure, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    int code = OK;
    if (fstat(*fd, &status) != 0)
        code = fail(error, failure, "%s: cannot be examined: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        code = fail(error, failure, "%s: is %s, expected an HDF5 file", path,
                    S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
    else if (status.st_size == 0)
        code = fail(error, failure, "%s: is empty (0 bytes), expected an HDF5 file", path);
    if (code != OK)
        close(*fd);
    *bytes = (uint64_t)status.st_size;
    return code;
}

/* The same for a file that HDF5 is to read. */
static int open_examined(const char *path, int failure, int *fd, uint64_t *bytes,
                         struct Error *error) {
    int code = open_regular(path, failure, fd, bytes, error);
    if (code == OK && file_examiner) {
        code = file_examiner(path, failure, error);
        if (code)
            close(*fd);
    }
    return code;
}

static int read_all(int fd, void *buffer, uint64_t bytes, const char *path, int failure,
                    struct Error *error) {
    int64_t got = read_file_part(fd, buffer, bytes, 0);
    if (got < 0)
        return fail(error, failure, "%s: cannot be read: %s", path, strerror(errno));
    if ((uint64_t)got < bytes)
        return fail(error, failure,
                    "%s: ended at byte %" PRId64 " while being read, expected %" PRIu64 "", path,
                    got, bytes);
    return OK;
}

static int fail_part(const struct H5File *file, struct Error *error) {
    return fail(
        error, file->failure,
        "%s: is one of the files that a driver of HDF5 made of one; expected one file (h5py "
        "opens them with driver='split' or 'family')",
        file->path);
}

/* Checks what can be checked before HDF5 parses the file. */
static int check_head(struct H5File *file, const struct Superblock *superblock,
                      struct Error *error) {
    uint64_t bytes = file->driver.bytes;
    if (superblock->at < 0) {
        unsigned char head[FILE_KIND_HEAD];
        uint64_t length = bytes < sizeof head ? bytes : sizeof head;
        if (!file_driver__read(&file->driver, 0, head, length) || file->driver.failed)
            return h5_check(file, error);
        const char *kind = file_kind(head, length);
        if (h5__begins(head, length))
            return fail(error, file->failure,
                        "%s: is cut short or damaged: the header of HDF5 cannot be read from its "
                        "%" PRIu64 " bytes",
                        file->path, bytes);
        if (kind)
            return fail(error, file->failure, "%s: is not an HDF5 file: it %s", file->path, kind);
        return fail(error, file->failure,
                    "%s: is not an HDF5 file (%" PRIu64 " bytes without its signature)", file->path,
                    bytes);
    }
    if (superblock->end > bytes && h5__is_part(&file->driver, superblock))
        return fail_part(file, error);
    if (superblock->end > bytes)
        return fail(error, file->failure,
                    "%s: is cut short: has %" PRIu64 " bytes, its header says %" PRIu64 "",
                    file->path, bytes, superblock->end);
    return OK;
}

static int open_hdf5(struct H5File *file, struct Error *error) {
    int code = OK;
    h5__quiet();
    unpack__register_lzf();
    hid_t access = file_driver__access(&file->driver);
    if (access < 0)
        return fail(error, file->failure, "%s: HDF5 cannot set up its driver", file->path);
    file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    if (file->id < 0) {
        char reason[200];
        h5__reason(reason);
        code =
            file->driver.failed ? h5_check(file, error)
            : h5__was_never_closed(&file->driver)
                ? fail(error, file->failure,
                       "%s: was never closed by the program that wrote it, so that what it holds "
                       "was not written",
                       file->path)
            : strstr(reason, "driver should be used") ? fail_part(file, error)
            : h5__is_newer(reason)
                ? h5__fail_newer(file, "", reason, error)
                : fail(error, file->failure, "%s: is damaged: HDF5 cannot open it (%s)", file->path,
                       reason);
    }
    H5Pclose(access);
    return code;
}

int h5__judge_guard(enum GuardVerdict verdict, const char *path, int failure, struct Error *error) {
    if (verdict == GUARD_UNREADABLE)
        return fail(error, failure, "%s: cannot be read: %s", path, strerror(errno));
    if (verdict == GUARD_BAD) /* only data sets have one, whatever the reader was looking for */
        return fail(error, ERROR_DATA,
                    "%s: is damaged: its structure, labels or statistics do not match the checksum "
                    "at its end",
                    path);
    return OK;
}

/* Checks the guard of a file on disk, if it has one, before HDF5 parses anything. */
static int check_guard(struct H5File *file, const struct Superblock *superblock,
                       struct Error *error) {
    uint64_t length;
    enum GuardVerdict verdict =
        guard__check(file->driver.fd, file->driver.bytes, superblock->end, &length, NULL, NULL);
    file->guarded = verdict == GUARD_GOOD;
    return h5__judge_guard(verdict, file->path, file->failure, error);
}

/* A file to which another one has a link is as strange as that one. */
static bool may_open(struct FileDriver *driver, const char *path) {
    struct H5File *file = (struct H5File *)((char *)driver - offsetof(struct H5File, driver));
    struct Error error;
    if (!file_examiner || file_examiner(path, file->failure, &error) == OK)
        return true;
    h5__keep_damage(file, &error);
    return false;
}

static struct H5File *make_file(const char *path, int failure) {
    struct H5File *file = memory_allocate(sizeof *file, "an HDF5 file");
    file->path = memory_copy_text(path);
    file->failure = failure;
    file->id = -1;
    file->driver.fd = -1;
    file->driver.registered = -1;
    file->driver.path = file->path;
    file->driver.may_open = may_open;
    return file;
}

/* Hands `file` to the caller if `code` is OK; otherwise closes it. */
static int finish(struct H5File *file, int code, struct H5File **out) {
    if (code != OK) {
        h5_close(file);
        file = NULL;
    }
    *out = file;
    return code;
}

int h5_open(struct H5File **out, const char *path, int failure, struct Error *error) {
    *out = NULL;
    int fd;
    uint64_t bytes = 0;
    int code = open_examined(path, failure, &fd, &bytes, error);
    if (code != OK)
        return code;
    struct H5File *file = make_file(path, failure);
    file->driver.fd = fd;
    file->driver.bytes = bytes;
    struct Superblock superblock = h5__find_superblock(&file->driver);
    code = check_head(file, &superblock, error);
    if (code == OK)
        code = check_guard(file, &superblock, error);
    if (code == OK)
        code = open_hdf5(file, error);
    return finish(file, code, out);
}

/* Checks the seal of the image in `file`; a good one is taken off the bytes that HDF5 reads. */
static int check_seal(struct H5File *file, const struct Superblock *superblock, bool *sealed,
                      struct Error *error) {
    uint64_t bytes = file->driver.bytes;
    switch (seal__check(file->driver.image, bytes, superblock->end, &file->driver.bytes)) {
    case SEAL_GOOD:
        *sealed = true;
        return OK;
    case SEAL_BAD:
        return fail(error, file->failure,
                    "%s: is damaged: its %" PRIu64 " bytes do not match the checksum at its end",
                    file->path, bytes);
    case SEAL_ABSENT:
        break;
    }
    return OK;
}

/* Checks and opens the image that `file` has taken over. */
static int open_owned_image(struct H5File *file, bool *sealed, struct Error *error) {
    file->driver.image = file->owned_image;
    file->driver.bytes = file->image_bytes;
    struct Superblock superblock = h5__find_superblock(&file->driver);
    int code = check_seal(file, &superblock, sealed, error);
    if (code == OK)
        code = check_head(file, &superblock, error);
    return code ? code : open_hdf5(file, error);
}

int h5_open_image(struct H5File **out, const char *path, void *image, uint64_t bytes, int failure,
                  bool *sealed, struct Error *error) {
    struct H5File *file = make_file(path, failure);
    *sealed = false;
    file->owned_image = image;
    file->image_bytes = bytes;
    return finish(file, open_owned_image(file, sealed, error), out);
}

/* Lets `accept` look at a file without a seal before all of it is read. */
static int look(struct H5File *whole, const struct Superblock *superblock, H5Accept *accept,
                struct Error *error) {
    unsigned char tail[SEAL_BYTES];
    uint64_t bytes = whole->driver.bytes;
    if (!file_driver__read(&whole->driver, bytes - SEAL_BYTES, tail, sizeof tail) ||
        seal__is_there(tail, bytes, superblock->end))
        return OK;
    struct H5File *file = make_file(whole->path, whole->failure);
    file->driver.fd = dup(whole->driver.fd);
    file->driver.bytes = bytes;
    int code = check_head(file, superblock, error);
    if (code == OK)
        code = open_hdf5(file, error);
    if (code == OK) {
        code = accept(file, error);
        code = h5_check(file, error) ? error->code : code;
    }
    h5_close(file);
    return code;
}

static int read_image(struct H5File *file, int fd, struct Error *error) {
    uint64_t bytes = file->driver.bytes;
    if (!memory_can_hold(bytes)) {
        char words[MEMORY_WORDS];
        return fail(error, file->failure, "%s: %s", file->path,
                    memory_too_large((int64_t)bytes, words));
    }
    file->owned_image = memory_allocate(bytes, "an HDF5 file's image");
    file->image_bytes = bytes;
    return read_all(fd, file->owned_image, bytes, file->path, file->failure, error);
}

int h5_open_sealed(struct H5File **out, const char *path, int failure, H5Accept *accept,
                   bool *sealed, struct Error *error) {
    *out = NULL;
    *sealed = false;
    int fd;
    uint64_t bytes = 0;
    double start = clock_seconds();
    int code = open_examined(path, failure, &fd, &bytes, error);
    if (code != OK)
        return code;
    struct H5File *file = make_file(path, failure);
    file->driver.fd = fd;
    file->driver.bytes = bytes;
    struct Superblock superblock = h5__find_superblock(&file->driver);
    if (superblock.at < 0) /* not all of a file of another kind needs to be read */
        code = check_head(file, &superblock, error);
    else if (accept)
        code = look(file, &superblock, accept, error);
    if (code == OK)
        code = read_image(file, fd, error);
    file->driver.fd = -1;
    close(fd);
    if (code == OK)
        code = open_owned_image(file, sealed, error);
    if (code == OK)
        log_debug("%s: %" PRIu64 " bytes read in %.3f s, %s", path, bytes, clock_seconds() - start,
                  *sealed ? "the seal is right" : "no seal");
    return finish(file, code, out);
}

const void *h5_image(const struct H5File *file, uint64_t *bytes) {
    *bytes = file->image_bytes;
    return file->owned_image;
}

void h5_close(struct H5File *file) {
    if (!file)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    file_driver__release(&file->driver);
    if (file->driver.fd >= 0)
        close(file->driver.fd);
    memory_release(file->owned_image);
    memory_release(file->path);
    memory_release(file);
}

bool h5_is_guarded(const struct H5File *file) {
    return file->guarded;
}

const char *h5_path(const struct H5File *file) {
    return file->path;
}

int h5_failure(const struct H5File *file) {
    return file->failure;
}

uint64_t h5_bytes(const struct H5File *file) {
    return file->driver.bytes;
}
