/* How a file comes to stand under its name: whole, or not at all. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/whole_file.h"
#include "store/internal.h"
#include "store/seal.h"

/* The pages in order, then their seal. */
static int write_sealed(struct H5Writer *writer) {
    struct Medium *medium = &writer->medium;
    unsigned char *zeros = memory_allocate(MEDIUM_PAGE, "a page of zeros");
    XXH3_state_t *hash = XXH3_createState();
    XXH3_128bits_reset(hash);
    int status = 0;
    for (uint64_t start = 0; status == 0 && start < medium->length; start += MEDIUM_PAGE) {
        uint64_t index = start / MEDIUM_PAGE, bytes = medium->length - start;
        const unsigned char *page =
            index < medium->page_count && medium->pages[index] ? medium->pages[index] : zeros;
        bytes = bytes < MEDIUM_PAGE ? bytes : MEDIUM_PAGE;
        XXH3_128bits_update(hash, page, bytes);
        status = write_all(medium->fd, page, bytes);
    }
    unsigned char seal[SEAL_BYTES];
    seal_write(seal, medium->length, XXH3_128bits_digest(hash));
    if (status == 0)
        status = write_all(medium->fd, seal, sizeof seal);
    XXH3_freeState(hash);
    memory_release(zeros);
    return status;
}

static int finish_hdf5(struct H5Writer *writer, struct Error *error) {
    herr_t status = H5Fclose(writer->id);
    writer->id = -1;
    if (status < 0)
        return fail(error, ERROR_SYSTEM, "%s: HDF5 cannot finish the file", writer->path);
    return OK;
}

static int write_out(struct H5Writer *writer, struct Error *error) {
    h5_quiet();
    bool in_memory = writer->medium.fd < 0;
    int result = finish_hdf5(writer, error);
    if (result == OK && in_memory)
        result = h5_create_temporary(writer, error);
    if (result != OK)
        return result;
    if ((in_memory ? write_sealed(writer) : medium_flush(&writer->medium)) != 0 ||
        fsync(writer->medium.fd) != 0)
        return fail_errno(error, "%s: cannot be written", writer->path);
    int fd = writer->medium.fd;
    writer->medium.fd = -1;
    if (close(fd) != 0) /* network file systems report a full disk here */
        return fail_errno(error, "%s: cannot be written", writer->path);
    return OK;
}

int h5_commit_temporary(struct H5Writer *writer, char *temporary, struct Error *error) {
    int result = write_out(writer, error);
    if (result == OK && strlen(writer->temporary) >= PATH_MAX)
        result = fail(error, ERROR_SYSTEM, "%s: the path is too long", writer->path);
    if (result == OK) {
        strcpy(temporary, writer->temporary);
        memory_release(writer->temporary);
        writer->temporary = NULL;
    }
    h5_abandon(writer);
    return result;
}

static int sync_folder_of(const char *path, struct Error *error) {
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? memory_copy_text(".")
                   : slash == path ? memory_copy_text("/")
                                   : memory_copy_span(path, (size_t)(slash - path));
    int result = sync_folder(folder, error);
    memory_release(folder);
    return result;
}

int h5_publish(const char *temporary, const char *path, struct Error *error) {
    if (rename(temporary, path) != 0) {
        int result = fail_errno(error, "%s: cannot be put in place", path);
        unlink(temporary);
        return result;
    }
    return sync_folder_of(path, error);
}

int h5_commit(struct H5Writer *writer, struct Error *error) {
    char *path = memory_copy_text(writer->path);
    char temporary[PATH_MAX];
    int result = h5_commit_temporary(writer, temporary, error);
    if (result == OK)
        result = h5_publish(temporary, path, error);
    memory_release(path);
    return result;
}

void h5_abandon(struct H5Writer *writer) {
    if (!writer)
        return;
    h5_quiet();
    if (writer->id >= 0)
        H5Fclose(writer->id);
    medium_release(&writer->medium);
    if (writer->medium.fd >= 0)
        close(writer->medium.fd);
    if (writer->temporary) {
        unlink(writer->temporary);
        memory_release(writer->temporary);
    }
    memory_release(writer->path);
    memory_release(writer);
}
