/* Finishing a file: under its own name it is either complete or not there at all. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/temporary.h"
#include "base/whole_file.h"
#include "store/guard.h"
#include "store/internal.h"
#include "store/seal.h"

/* Where the finished file goes: to the temporary file, or to `image`. Returns 0, or −1 and errno.
 */
static int put(const struct H5Writer *writer, char *image, const void *data, uint64_t bytes,
               uint64_t offset) {
    if (!image)
        return file_driver__pwrite_all(writer->driver.fd, data, bytes, offset);
    memcpy(image + offset, data, bytes);
    return 0;
}

/* The pages in order, then their seal. Returns 0, or −1 and errno. */
static int put_sealed(const struct H5Writer *writer, char *image) {
    const struct FileDriver *driver = &writer->driver;
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
        failed = put(writer, image, page, bytes, start);
    }
    unsigned char seal[SEAL_BYTES];
    seal__write(seal, driver->length, XXH3_128bits_digest(hash));
    if (!failed)
        failed = put(writer, image, seal, sizeof seal, driver->length);
    XXH3_freeState(hash);
    memory_release(zeros);
    return failed;
}

static int finish_hdf5(struct H5Writer *writer, struct Error *error) {
    if (writer->finished)
        return OK;
    writer->finished = writer->id >= 0 && H5Fclose(writer->id) >= 0;
    writer->id = -1;
    if (!writer->finished)
        return fail(error, ERROR_SYSTEM, "%s: HDF5 cannot finish the file", writer->path);
    return OK;
}

/* Network file systems report a full disk only when a descriptor is closed. The writer keeps its
 * own, and with it the lock of the file, until the file has its name. */
static int close_duplicate(int fd) {
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return duplicate < 0 ? -1 : close(duplicate);
}

static int write_pages(struct H5Writer *writer) {
    struct FileDriver *driver = &writer->driver;
    int failed = file_driver__flush(driver);
    return failed || !writer->guarded
               ? failed
               : guard__write(driver->fd, driver->length, writer->apart, writer->apart_count);
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
    if ((in_memory ? put_sealed(writer, NULL) : write_pages(writer)) != 0 ||
        fsync(writer->driver.fd) != 0 || close_duplicate(writer->driver.fd) != 0)
        return fail_errno(error, "%s: cannot be written", writer->path);
    log_info("%s: %" PRIu64 " bytes written in %.3f s", writer->path, writer->driver.length,
             clock_seconds() - start);
    return OK;
}

static int publish(struct H5Writer *writer, struct Error *error) {
    if (temporary_publish(writer->temporary, writer->path, error) != OK)
        return error->code;
    memory_release(writer->temporary);
    writer->temporary = NULL;
    char *folder = path_folder(writer->path);
    int code = sync_folder(folder, error);
    memory_release(folder);
    return code;
}

int h5_try_commit(struct H5Writer *writer, struct Error *error) {
    int code = write_out(writer, error);
    if (code == OK)
        code = publish(writer, error);
    h5__drop_temporary(writer);
    return code;
}

int h5_commit(struct H5Writer *writer, struct Error *error) {
    int code = h5_try_commit(writer, error);
    h5_abandon(writer);
    return code;
}

int h5_take_image(struct H5Writer *writer, void **image, uint64_t *bytes, struct Error *error) {
    *image = NULL;
    h5__quiet();
    int code = finish_hdf5(writer, error);
    if (code == OK) {
        *bytes = writer->driver.length + SEAL_BYTES;
        *image = memory_allocate(*bytes, "a file in memory");
        put_sealed(writer, *image);
    }
    h5_abandon(writer);
    return code;
}
