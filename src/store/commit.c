/* Finishing a file: under its own name it is either complete or not there at all. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/whole_file.h"
#include "store/internal.h"
#include "store/seal.h"

/* Writes the pages in order, then their seal. Returns 0, or −1 and errno. */
static int write_sealed(struct H5Writer *writer) {
    struct FileDriver *driver = &writer->driver;
    unsigned char *zeros = memory_allocate(FILE_DRIVER_PAGE, "a page of zeros");
    XXH3_state_t *hash = XXH3_createState();
    XXH3_128bits_reset(hash);
    int failed = 0;
    for (uint64_t start = 0; !failed && start < driver->length; start += FILE_DRIVER_PAGE) {
        uint64_t index = start / FILE_DRIVER_PAGE, bytes = driver->length - start;
        const unsigned char *page =
            index < driver->page_count && driver->pages[index] ? driver->pages[index] : zeros;
        bytes = bytes < FILE_DRIVER_PAGE ? bytes : FILE_DRIVER_PAGE;
        XXH3_128bits_update(hash, page, bytes);
        failed = file_driver__pwrite_all(driver->fd, page, bytes, start);
    }
    unsigned char seal[SEAL_BYTES];
    seal__write(seal, driver->length, XXH3_128bits_digest(hash));
    if (!failed)
        failed = file_driver__pwrite_all(driver->fd, seal, sizeof seal, driver->length);
    XXH3_freeState(hash);
    memory_release(zeros);
    return failed;
}

static int finish_hdf5(struct H5Writer *writer, struct Error *error) {
    herr_t status = H5Fclose(writer->id);
    writer->id = -1;
    if (status < 0)
        return fail(error, ERROR_SYSTEM, "%s: HDF5 cannot finish the file", writer->path);
    return OK;
}

static int write_out(struct H5Writer *writer, struct Error *error) {
    h5__quiet();
    double start = clock_seconds();
    bool in_memory = writer->driver.fd < 0;
    int code = finish_hdf5(writer, error);
    if (code == OK && in_memory)
        code = h5__create_temporary(writer, error);
    if (code != OK)
        return code;
    if ((in_memory ? write_sealed(writer) : file_driver__flush(&writer->driver)) != 0 ||
        fsync(writer->driver.fd) != 0)
        return fail_errno(error, "%s: cannot be written", writer->path);
    int fd = writer->driver.fd;
    writer->driver.fd = -1;
    if (close(fd) != 0) /* network file systems report a full disk only here */
        return fail_errno(error, "%s: cannot be written", writer->path);
    log_info("%s: %" PRIu64 " bytes written in %.3f s", writer->path, writer->driver.length,
             clock_seconds() - start);
    return OK;
}

int h5_commit_temporary(struct H5Writer *writer, char *temporary, struct Error *error) {
    int code = write_out(writer, error);
    if (code == OK && strlen(writer->temporary) >= PATH_MAX)
        code = fail(error, ERROR_SYSTEM, "%s: the path is too long", writer->path);
    if (code == OK) {
        strcpy(temporary, writer->temporary);
        memory_release(writer->temporary);
        writer->temporary = NULL;
    }
    h5_abandon(writer);
    return code;
}

static int sync_folder_of(const char *path, struct Error *error) {
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? memory_copy_text(".")
                   : slash == path ? memory_copy_text("/")
                                   : memory_copy_span(path, (size_t)(slash - path));
    int code = sync_folder(folder, error);
    memory_release(folder);
    return code;
}

int h5_publish(const char *temporary, const char *path, struct Error *error) {
    if (rename(temporary, path) != 0) {
        int code = fail_errno(error, "%s: cannot be put in place", path);
        unlink(temporary);
        return code;
    }
    return sync_folder_of(path, error);
}

int h5_commit(struct H5Writer *writer, struct Error *error) {
    char *path = memory_copy_text(writer->path);
    char temporary[PATH_MAX];
    int code = h5_commit_temporary(writer, temporary, error);
    if (code == OK)
        code = h5_publish(temporary, path, error);
    memory_release(path);
    return code;
}
