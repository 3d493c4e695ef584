/* A writer from its creation to its release, and the temporary file that it writes to. */
#include <unistd.h>

#include "base/memory.h"
#include "base/temporary.h"
#include "store/internal.h"

struct H5Writer *h5__make_writer(const char *path) {
    struct H5Writer *writer = memory_allocate(sizeof *writer, "an HDF5 writer");
    writer->path = memory_copy_text(path);
    writer->id = -1;
    writer->driver.fd = -1;
    writer->driver.registered = -1;
    writer->driver.writing = true;
    return writer;
}

int h5__create_temporary(struct H5Writer *writer, struct Error *error) {
    int fd = create_temporary(writer->path, &writer->temporary);
    if (fd < 0)
        return fail_errno(error, "%s: cannot be created", writer->path);
    writer->driver.fd = fd;
    return OK;
}

/* The earliest format: its superblock has no checksum of its own, and every reader knows it. Arrays
 * are aligned to cache lines, for programs that map the file. */
hid_t h5__writer_access(struct H5Writer *writer) {
    hid_t access = file_driver__access(&writer->driver);
    if (access >= 0) {
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
        H5Pset_alignment(access, 1024, MEMORY_ALIGNMENT);
    }
    return access;
}

void h5__drop_temporary(struct H5Writer *writer) {
    if (writer->temporary) {
        unlink(writer->temporary);
        memory_release(writer->temporary);
        writer->temporary = NULL;
    }
    if (writer->driver.fd >= 0)
        close(writer->driver.fd);
    writer->driver.fd = -1;
}

void h5_abandon(struct H5Writer *writer) {
    if (!writer)
        return;
    h5__quiet();
    if (writer->id >= 0)
        H5Fclose(writer->id);
    file_driver__release(&writer->driver);
    h5__drop_temporary(writer);
    memory_release(writer->apart);
    text_release(&writer->written);
    memory_release(writer->path);
    memory_release(writer);
}
