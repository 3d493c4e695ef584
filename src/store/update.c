/* Changing a file that is there: a copy of it is changed and takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/internal.h"

#define COPY_BYTES ((size_t)1 << 20)

static int copy_by_hand(int from, int to) {
    void *buffer = memory_allocate(COPY_BYTES, "copying a file");
    int status = 0;
    for (ssize_t part = 1; status == 0 && part != 0;) {
        part = read(from, buffer, COPY_BYTES);
        if (part < 0 && errno != EINTR)
            status = -1;
        else if (part > 0)
            status = write_all(to, buffer, (uint64_t)part);
    }
    memory_release(buffer);
    return status;
}

/* By the kernel, which shares the blocks where the file system can; 0, or −1 and errno. */
static int copy_file(int from, int to) {
    for (bool any = false;; any = true) {
        ssize_t part = copy_file_range(from, NULL, to, NULL, SSIZE_MAX / 2 + 1, 0);
        if (part == 0)
            return any ? 0 : copy_by_hand(from, to); /* some file systems say so of all files */
        if (part < 0 && !any && errno != ENOSPC && errno != EIO && errno != EFBIG)
            return copy_by_hand(from, to);
        if (part < 0 && errno != EINTR)
            return -1;
    }
}

static int start(struct H5Writer *writer, int from, int code, struct Error *error) {
    struct stat status;
    if (fstat(from, &status) != 0)
        return fail(error, code, "%s: cannot be examined: %s", writer->path, strerror(errno));
    int result = h5_create_temporary(writer, error);
    if (result != OK)
        return result;
    if (copy_file(from, writer->medium.fd) != 0)
        return fail_errno(error, "%s: cannot be copied to be changed", writer->path);
    /* What group and others may do stays; where that is not ours to say, it does not matter. */
    if (fchmod(writer->medium.fd, status.st_mode & 0777) != 0)
        errno = 0;
    writer->medium.base = (uint64_t)status.st_size;
    h5_quiet();
    hid_t access = medium_access(&writer->medium);
    if (access >= 0) {
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
        H5Pset_alignment(access, 1024, MEMORY_ALIGNMENT);
        writer->id = H5Fopen(writer->path, H5F_ACC_RDWR, access);
        H5Pclose(access);
    }
    if (writer->id >= 0)
        return OK;
    char reason[200];
    return fail(error, code, "%s: HDF5 cannot change it (%s)", writer->path, h5_reason(reason));
}

int h5_update(struct H5Writer **out, const char *path, int code, struct Error *error) {
    *out = NULL;
    char *real = realpath(path, NULL);
    int from = open(real ? real : path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        free(real);
        return fail(error, code, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct H5Writer *writer = h5_make_writer(real ? real : path);
    free(real);
    writer->replaces = true;
    int result = start(writer, from, code, error);
    close(from);
    if (result != OK)
        h5_abandon(writer);
    else
        *out = writer;
    return result;
}

static bool same_room(hid_t id, hid_t type, hid_t space) {
    hid_t its_type = H5Dget_type(id), its_space = H5Dget_space(id);
    hid_t create = H5Dget_create_plist(id);
    bool same = H5Tequal(its_type, type) > 0 && H5Sextent_equal(its_space, space) > 0 &&
                H5Pget_layout(create) == H5D_CONTIGUOUS && H5Pget_external_count(create) == 0;
    H5Pclose(create);
    H5Sclose(its_space);
    H5Tclose(its_type);
    return same;
}

haddr_t h5_take_over(struct H5Writer *writer, const char *name, hid_t type, hid_t space) {
    haddr_t offset = HADDR_UNDEF;
    hid_t id = H5Oopen(writer->id, name, H5P_DEFAULT);
    if (id < 0)
        return offset;
    if (H5Iget_type(id) == H5I_DATASET && same_room(id, type, space))
        offset = H5Dget_offset(id);
    H5Oclose(id);
    if (offset == HADDR_UNDEF)
        H5Ldelete(writer->id, name, H5P_DEFAULT);
    return offset;
}
