#include "store/file_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/read_file.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct OpenFile { /* HDF5's view of one open file */
    H5FD_t head;  /* must be first: HDF5 hands out pointers to it */
    struct FileDriver *driver;
    haddr_t end_of_allocation;
    int linked; /* another file, to which the driver's refers: its descriptor; else −1 */
    char *linked_path;
    uint64_t linked_bytes;
};

static const unsigned char zero_page[FILE_DRIVER_PAGE];

/* ---- pages ---- */

/* Reads the part of [offset, offset + bytes) that the old file has; leaves the rest as it is. A
 * failure is not reported to HDF5; file_driver__flush reports it. */
static void read_base(struct FileDriver *driver, uint64_t offset, void *data, uint64_t bytes) {
    uint64_t end = offset + bytes < driver->base ? offset + bytes : driver->base;
    if (offset >= end)
        return;
    int64_t got = read_file_part(driver->fd, data, end - offset, offset);
    if (got < 0 || (uint64_t)got < end - offset)
        driver->failed = got < 0 ? errno : EIO;
}

static unsigned char *page_for_writing(struct FileDriver *driver, uint64_t index) {
    if (index >= driver->page_count) {
        uint64_t count = index + index / 2 + 16;
        driver->pages = memory_resize(driver->pages, driver->page_count * sizeof *driver->pages,
                                      count * sizeof *driver->pages, "an HDF5 file's pages");
        driver->page_count = count;
    }
    if (!driver->pages[index]) {
        driver->pages[index] = memory_allocate(FILE_DRIVER_PAGE, "an HDF5 file's page");
        read_base(driver, index * FILE_DRIVER_PAGE, driver->pages[index], FILE_DRIVER_PAGE);
    }
    return driver->pages[index];
}

static const unsigned char *page_for_reading(struct FileDriver *driver, uint64_t index) {
    if (index * FILE_DRIVER_PAGE < driver->base)
        return page_for_writing(driver, index);
    return index < driver->page_count && driver->pages[index] ? driver->pages[index] : zero_page;
}

static void store_in_pages(struct FileDriver *driver, uint64_t offset, const void *data,
                           uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t at = (offset + done) % FILE_DRIVER_PAGE, part = FILE_DRIVER_PAGE - at;
        if (part > bytes - done)
            part = bytes - done;
        memcpy(page_for_writing(driver, (offset + done) / FILE_DRIVER_PAGE) + at,
               (const char *)data + done, part);
        done += part;
    }
}

static void load_from_pages(struct FileDriver *driver, uint64_t offset, void *data,
                            uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t at = (offset + done) % FILE_DRIVER_PAGE, part = FILE_DRIVER_PAGE - at;
        if (part > bytes - done)
            part = bytes - done;
        memcpy((char *)data + done,
               page_for_reading(driver, (offset + done) / FILE_DRIVER_PAGE) + at, part);
        done += part;
    }
}

/* ---- writing beside HDF5 ---- */

int file_driver__pwrite_all(int fd, const void *data, uint64_t bytes, uint64_t offset) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t part = bytes - done < (1u << 30) ? bytes - done : 1u << 30;
        ssize_t written = pwrite(fd, (const char *)data + done, part, (off_t)(offset + done));
        if (written < 0 && errno != EINTR)
            return -1;
        if (written == 0) {
            errno = ENOSPC;
            return -1;
        }
        if (written > 0)
            done += (uint64_t)written;
    }
    return 0;
}

void file_driver__claim(struct FileDriver *driver, uint64_t offset, uint64_t bytes) {
    driver->ranges = memory_room(driver->ranges, driver->range_count, "ranges");
    int64_t at = driver->range_count;
    for (; at > 0 && driver->ranges[at - 1].offset > offset; at--)
        driver->ranges[at] = driver->ranges[at - 1];
    driver->ranges[at] = (struct FileDriverRange){offset, bytes};
    driver->range_count++;
}

int file_driver__write(struct FileDriver *driver, uint64_t offset, const void *data,
                       uint64_t bytes) {
    if (driver->fd >= 0)
        return file_driver__pwrite_all(driver->fd, data, bytes, offset);
    store_in_pages(driver, offset, data, bytes);
    return 0;
}

/* Writes the page that starts at byte `start` of the file, except the claimed ranges. */
static int flush_page(struct FileDriver *driver, uint64_t start, const unsigned char *page) {
    uint64_t from = start;
    uint64_t to =
        start + FILE_DRIVER_PAGE < driver->length ? start + FILE_DRIVER_PAGE : driver->length;
    for (int64_t i = 0; i < driver->range_count && from < to; i++) {
        const struct FileDriverRange *range = &driver->ranges[i];
        if (range->offset + range->bytes <= from)
            continue;
        if (range->offset >= to)
            break;
        if (range->offset > from && file_driver__pwrite_all(driver->fd, page + (from - start),
                                                            range->offset - from, from) != 0)
            return -1;
        from = range->offset + range->bytes;
    }
    if (from < to)
        return file_driver__pwrite_all(driver->fd, page + (from - start), to - from, from);
    return 0;
}

int file_driver__flush(struct FileDriver *driver) {
    if (driver->failed) {
        errno = driver->failed;
        return -1;
    }
    if (ftruncate(driver->fd, (off_t)driver->length) != 0)
        return -1;
    for (uint64_t index = 0; index < driver->page_count; index++)
        if (driver->pages[index] && index * FILE_DRIVER_PAGE < driver->length &&
            flush_page(driver, index * FILE_DRIVER_PAGE, driver->pages[index]) != 0)
            return -1;
    return 0;
}

void file_driver__release(struct FileDriver *driver) {
    for (uint64_t index = 0; index < driver->page_count; index++)
        memory_release(driver->pages[index]);
    memory_release(driver->pages);
    memory_release(driver->ranges);
    memory_release(driver->failed_path);
    driver->pages = NULL;
    driver->ranges = NULL;
    driver->failed_path = NULL;
    driver->page_count = 0;
    driver->range_count = 0;
    if (driver->registered >= 0)
        H5FDunregister(driver->registered);
    driver->registered = -1;
}

/* ---- HDF5's side ---- */

static void *access_copy(const void *info) {
    struct FileDriver **copy = memory_allocate(sizeof *copy, "an HDF5 access list");
    *copy = *(struct FileDriver *const *)info;
    return copy;
}

static herr_t access_free(void *info) {
    memory_release(info);
    return 0;
}

/* The folder of a file, with its links resolved; from malloc, or NULL. */
static char *folder_of(const char *path) {
    char *real = realpath(path, NULL);
    if (real)
        *(strrchr(real, '/') + (strrchr(real, '/') == real)) = '\0';
    return real;
}

char *file_driver__beside(const struct FileDriver *driver, const char *name) {
    char *folder = folder_of(driver->path), *found = NULL;
    if (!folder)
        return NULL;
    size_t length = strlen(folder);
    char *path = *name == '/' ? memory_copy_text(name) : memory_print("%s/%s", folder, name);
    char *real = realpath(path, NULL);
    if (real && !strncmp(real, folder, length) && (real[length] == '/' || length == 1))
        found = memory_copy_text(real);
    free(real);
    free(folder);
    memory_release(path);
    return found;
}

/* Keeps errno of the first failure; `path`: of another file, or NULL. */
/* Whether all of what should be there was read (`got` bytes, -1: errno says why not); notes if it
 * was not. `path`: the file, if it is not the driver's own. */
static bool judge_read(struct FileDriver *driver, const char *path, int64_t got, uint64_t bytes) {
    if (got >= 0 && (uint64_t)got == bytes)
        return true;
    if (driver->failed)
        return false;
    driver->cut_short = got >= 0;
    driver->failed = got < 0 ? errno : EIO;
    driver->failed_path = path ? memory_copy_text(path) : NULL;
    return false;
}

/* Opens a file that the driver's file refers to; NULL if it must not be opened. */
static struct OpenFile *open_linked(struct FileDriver *driver, const char *name) {
    struct stat status;
    char *path = driver->follows ? file_driver__beside(driver, name) : NULL;
    bool may = path && (!driver->may_open || driver->may_open(driver, path));
    int fd = may ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode)) {
        if (fd >= 0)
            close(fd);
        memory_release(path);
        return NULL;
    }
    struct OpenFile *opened = memory_allocate(sizeof *opened, "an open HDF5 file");
    *opened = (struct OpenFile){.driver = driver,
                                .linked = fd,
                                .linked_path = path,
                                .linked_bytes = (uint64_t)status.st_size};
    return opened;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t maximum) {
    (void)flags, (void)maximum;
    struct FileDriver *const *driver = H5Pget_driver_info(access);
    if (!driver)
        return NULL;
    struct OpenFile *opened = NULL;
    if ((*driver)->writing || ((*driver)->path && !strcmp(name, (*driver)->path))) {
        opened = memory_allocate(sizeof *opened, "an open HDF5 file");
        *opened = (struct OpenFile){.driver = *driver, .linked = -1};
    } else if ((*driver)->path) {
        opened = open_linked(*driver, name);
    }
    return opened ? &opened->head : NULL;
}

/* The access list that HDF5 opens linked files with. */
static void *driver_access(H5FD_t *file) {
    struct FileDriver *driver = ((struct OpenFile *)file)->driver;
    return access_copy(&driver);
}

static herr_t driver_close(H5FD_t *file) {
    struct OpenFile *opened = (struct OpenFile *)file;
    if (opened->linked >= 0)
        close(opened->linked);
    else
        opened->driver->length = opened->end_of_allocation;
    memory_release(opened->linked_path);
    memory_release(opened);
    return 0;
}

/* The accumulator of metadata copies to wrong places if an address in the file is damaged (seen in
 * HDF5 1.10.8), so only files that start empty get it. `file` may be NULL. */
static herr_t driver_query(const H5FD_t *file, unsigned long *flags) {
    const struct FileDriver *driver = file ? ((const struct OpenFile *)file)->driver : NULL;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
    if (driver && driver->writing && driver->base == 0)
        *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
#ifdef H5FD_FEAT_DEFAULT_VFD_COMPATIBLE
    *flags |= H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
#endif
    return 0;
}

static haddr_t driver_get_end_of_allocation(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const struct OpenFile *)file)->end_of_allocation;
}

static herr_t driver_set_end_of_allocation(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((struct OpenFile *)file)->end_of_allocation = address;
    return 0;
}

static haddr_t driver_get_end_of_file(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    const struct OpenFile *opened = (const struct OpenFile *)file;
    const struct FileDriver *driver = opened->driver;
    if (!driver->writing)
        return opened->linked >= 0 ? opened->linked_bytes : driver->bytes;
    return opened->end_of_allocation > driver->base ? opened->end_of_allocation : driver->base;
}

bool file_driver__read(struct FileDriver *driver, uint64_t address, void *buffer, uint64_t bytes) {
    if (address > driver->bytes || bytes > driver->bytes - address)
        return false;
    if (driver->image) {
        memcpy(buffer, driver->image + address, bytes);
        return true;
    }
    return judge_read(driver, NULL, read_file_part(driver->fd, buffer, bytes, address), bytes);
}

static bool read_linked(struct OpenFile *opened, uint64_t address, void *buffer, uint64_t bytes) {
    if (address > opened->linked_bytes || bytes > opened->linked_bytes - address)
        return false;
    int64_t got = read_file_part(opened->linked, buffer, bytes, address);
    return judge_read(opened->driver, opened->linked_path, got, bytes);
}

/* The size of a chunk stands in the file, and HDF5's buffer has that of the array's chunks. */
static bool may_read(struct FileDriverChunk *chunk, H5FD_mem_t type, size_t size) {
    if (type != H5FD_MEM_DRAW || !chunk->bytes ||
        (chunk->whole ? size == chunk->bytes : size <= chunk->bytes))
        return true;
    chunk->refused = true;
    return false;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *buffer) {
    (void)transfer;
    struct OpenFile *opened = (struct OpenFile *)file;
    struct FileDriver *driver = opened->driver;
    if (driver->writing) {
        load_from_pages(driver, address, buffer, size);
        return 0;
    }
    if (!may_read(&driver->chunk, type, size))
        return -1;
    bool whole = opened->linked >= 0 ? read_linked(opened, address, buffer, size)
                                     : file_driver__read(driver, address, buffer, size);
    return whole ? 0 : -1;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *buffer) {
    (void)type, (void)transfer;
    struct FileDriver *driver = ((struct OpenFile *)file)->driver;
    if (!driver->writing)
        return -1;
    store_in_pages(driver, address, buffer, size);
    return 0;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)510, /* 256 … 511 are free for unregistered drivers */
#endif
    .name = "trainer",
    .maxaddr = ((haddr_t)1 << 63) - 1,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct FileDriver *),
    .fapl_get = driver_access,
    .fapl_copy = access_copy,
    .fapl_free = access_free,
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_end_of_allocation,
    .set_eoa = driver_set_end_of_allocation,
    .get_eof = driver_get_end_of_file,
    .read = driver_read,
    .write = driver_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t file_driver__access(struct FileDriver *driver) {
    H5dont_atexit(); /* a file that was damaged and cannot be closed would crash it at the end */
    H5PLset_loading_state(0); /* a file that names an unknown filter must not load code */
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    driver->registered = H5FDregister(&driver_class);
    if (access < 0 || driver->registered < 0 ||
        H5Pset_driver(access, driver->registered, &driver) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) {
        H5Pclose(access);
        return -1;
    }
    return access;
}
