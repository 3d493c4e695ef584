/* Changing an existing file: a copy of it is changed and then takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/guard.h"
#include "store/internal.h"

#define COPY_BYTES ((size_t)1 << 20)

static int copy_by_hand(int from, int to) {
    void *buffer = memory_allocate(COPY_BYTES, "copying a file");
    uint64_t done = 0;
    int failed = 0;
    for (ssize_t part = 1; !failed && part != 0;) {
        part = read(from, buffer, COPY_BYTES);
        if (part < 0 && errno != EINTR)
            failed = -1;
        if (part > 0) {
            failed = file_driver__pwrite_all(to, buffer, (uint64_t)part, done);
            done += (uint64_t)part;
        }
    }
    memory_release(buffer);
    return failed;
}

/* Lets the kernel copy, which shares the blocks if the file system can. Returns 0,
 * or −1 and errno. */
static int copy_file(int from, int to) {
    for (bool any = false;; any = true) {
        ssize_t part = copy_file_range(from, NULL, to, NULL, SSIZE_MAX / 2 + 1, 0);
        if (part == 0)
            return any ? 0 : copy_by_hand(from, to); /* some file systems copy nothing and say 0 */
        if (part < 0 && !any && errno != ENOSPC && errno != EIO && errno != EFBIG)
            return copy_by_hand(from, to);
        if (part < 0 && errno != EINTR)
            return -1;
    }
}

static int start(struct H5Writer *writer, int from, int failure, struct Error *error) {
    struct stat status;
    if (fstat(from, &status) != 0)
        return fail(error, failure, "%s: cannot be examined: %s", writer->path, strerror(errno));
    int code = h5__create_temporary(writer, error);
    if (code != OK)
        return code;
    if (copy_file(from, writer->driver.fd) != 0)
        return fail_errno(error, "%s: cannot be copied to be changed", writer->path);
    /* Keep the permissions; if the file system does not let us, that does no harm. */
    if (fchmod(writer->driver.fd, status.st_mode & 0777) != 0)
        errno = 0;
    uint64_t base = (uint64_t)status.st_size;
    enum GuardVerdict verdict =
        guard__check(from, base, 0, &base, &writer->apart, &writer->apart_count);
    if (h5__judge_guard(verdict, writer->path, failure, error) != OK)
        return error->code;
    writer->guarded = verdict == GUARD_GOOD;
    writer->driver.base = base;
    h5__quiet();
    hid_t access = h5__writer_access(writer);
    if (access >= 0) {
        writer->id = H5Fopen(writer->path, H5F_ACC_RDWR, access);
        H5Pclose(access);
    }
    if (writer->id >= 0)
        return OK;
    char reason[200];
    if (writer->driver.failed) {
        errno = writer->driver.failed;
        return fail_errno(error, "%s: cannot be read", writer->path);
    }
    return fail(error, failure, "%s: HDF5 cannot change it (%s)", writer->path, h5__reason(reason));
}

int h5_update(struct H5Writer **out, const char *path, int failure, struct Error *error) {
    *out = NULL;
    char *real = realpath(path, NULL);
    int from = open(real ? real : path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        free(real);
        return fail(error, failure, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct H5Writer *writer = h5__make_writer(real ? real : path);
    free(real);
    writer->replaces = true;
    int code = start(writer, from, failure, error);
    close(from);
    if (code != OK)
        h5_abandon(writer);
    else
        *out = writer;
    return code;
}
