#include "store/medium.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct Driver { /* one open file */
    H5FD_t head;
    struct Medium *medium;
    haddr_t end_of_allocation;
};

static const unsigned char zero_page[MEDIUM_PAGE];

/* --- pages ------------------------------------------------------------------------------------ */

/* Reads what the file to be changed has of [offset, offset + bytes); the rest is left alone. HDF5
 * is never told of a failure, medium_flush is. */
static void read_base(struct Medium *medium, uint64_t offset, void *data, uint64_t bytes) {
    uint64_t end = offset + bytes < medium->base ? offset + bytes : medium->base;
    while (offset < end) {
        ssize_t part = pread(medium->fd, data, end - offset, (off_t)offset);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0) {
            medium->failed = part < 0 ? errno : EIO;
            return;
        }
        offset += (uint64_t)part;
        data = (char *)data + part;
    }
}

static unsigned char *page_for_writing(struct Medium *medium, uint64_t index) {
    if (index >= medium->page_count) {
        uint64_t count = index + index / 2 + 16;
        medium->pages = memory_resize(medium->pages, medium->page_count * sizeof *medium->pages,
                                      count * sizeof *medium->pages, "an HDF5 file's pages");
        medium->page_count = count;
    }
    if (!medium->pages[index]) {
        medium->pages[index] = memory_allocate(MEDIUM_PAGE, "an HDF5 file's page");
        read_base(medium, index * MEDIUM_PAGE, medium->pages[index], MEDIUM_PAGE);
    }
    return medium->pages[index];
}

static const unsigned char *page_for_reading(struct Medium *medium, uint64_t index) {
    if (index * MEDIUM_PAGE < medium->base)
        return page_for_writing(medium, index);
    return index < medium->page_count && medium->pages[index] ? medium->pages[index] : zero_page;
}

static void store_in_pages(struct Medium *medium, uint64_t offset, const void *data,
                           uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t at = (offset + done) % MEDIUM_PAGE, part = MEDIUM_PAGE - at;
        if (part > bytes - done)
            part = bytes - done;
        memcpy(page_for_writing(medium, (offset + done) / MEDIUM_PAGE) + at,
               (const char *)data + done, part);
        done += part;
    }
}

static void load_from_pages(struct Medium *medium, uint64_t offset, void *data, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t at = (offset + done) % MEDIUM_PAGE, part = MEDIUM_PAGE - at;
        if (part > bytes - done)
            part = bytes - done;
        memcpy((char *)data + done, page_for_reading(medium, (offset + done) / MEDIUM_PAGE) + at,
               part);
        done += part;
    }
}

/* --- writing past HDF5 ------------------------------------------------------------------------ */

static int pwrite_all(int fd, const void *data, uint64_t bytes, uint64_t offset) {
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

int write_all(int fd, const void *data, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        uint64_t part = bytes - done < (1u << 30) ? bytes - done : 1u << 30;
        ssize_t written = write(fd, (const char *)data + done, part);
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

void medium_claim(struct Medium *medium, uint64_t offset, uint64_t bytes) {
    int64_t count = medium->range_count;
    if ((count & (count - 1)) == 0) /* the capacity is the next power of two */
        medium->ranges =
            memory_resize(medium->ranges, (size_t)count * sizeof *medium->ranges,
                          (size_t)(count ? 2 * count : 1) * sizeof *medium->ranges, "ranges");
    int64_t at = count;
    for (; at > 0 && medium->ranges[at - 1].offset > offset; at--)
        medium->ranges[at] = medium->ranges[at - 1];
    medium->ranges[at] = (struct MediumRange){offset, bytes};
    medium->range_count++;
}

int medium_write(struct Medium *medium, uint64_t offset, const void *data, uint64_t bytes) {
    if (medium->fd >= 0)
        return pwrite_all(medium->fd, data, bytes, offset);
    store_in_pages(medium, offset, data, bytes);
    return 0;
}

/* Writes [from, to) of a page at `start`, without the claimed ranges. */
static int flush_page(struct Medium *medium, uint64_t start, const unsigned char *page) {
    uint64_t from = start;
    uint64_t to = start + MEDIUM_PAGE < medium->length ? start + MEDIUM_PAGE : medium->length;
    for (int64_t i = 0; i < medium->range_count && from < to; i++) {
        const struct MediumRange *range = &medium->ranges[i];
        if (range->offset + range->bytes <= from)
            continue;
        if (range->offset >= to)
            break;
        if (range->offset > from &&
            pwrite_all(medium->fd, page + (from - start), range->offset - from, from) != 0)
            return -1;
        from = range->offset + range->bytes;
    }
    if (from < to)
        return pwrite_all(medium->fd, page + (from - start), to - from, from);
    return 0;
}

int medium_flush(struct Medium *medium) {
    if (medium->failed) {
        errno = medium->failed;
        return -1;
    }
    if (ftruncate(medium->fd, (off_t)medium->length) != 0)
        return -1;
    for (uint64_t index = 0; index < medium->page_count; index++)
        if (medium->pages[index] && index * MEDIUM_PAGE < medium->length &&
            flush_page(medium, index * MEDIUM_PAGE, medium->pages[index]) != 0)
            return -1;
    return 0;
}

void medium_release(struct Medium *medium) {
    for (uint64_t index = 0; index < medium->page_count; index++)
        memory_release(medium->pages[index]);
    memory_release(medium->pages);
    memory_release(medium->ranges);
    medium->pages = NULL;
    medium->ranges = NULL;
    medium->page_count = 0;
    medium->range_count = 0;
    if (medium->driver >= 0)
        H5FDunregister(medium->driver);
    medium->driver = -1;
}

/* --- HDF5's side ------------------------------------------------------------------------------ */

static void *access_copy(const void *info) {
    struct Medium **copy = memory_allocate(sizeof *copy, "an HDF5 access list");
    *copy = *(struct Medium *const *)info;
    return copy;
}

static herr_t access_free(void *info) {
    memory_release(info);
    return 0;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t maximum) {
    (void)name, (void)flags, (void)maximum;
    struct Medium *const *medium = H5Pget_driver_info(access);
    if (!medium)
        return NULL;
    struct Driver *driver = memory_allocate(sizeof *driver, "an HDF5 driver");
    driver->medium = *medium;
    return &driver->head;
}

static herr_t driver_close(H5FD_t *file) {
    struct Driver *driver = (struct Driver *)file;
    driver->medium->length = driver->end_of_allocation;
    memory_release(driver);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags) {
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
#ifdef H5FD_FEAT_DEFAULT_VFD_COMPATIBLE
    *flags |= H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
#endif
    return 0;
}

static haddr_t driver_get_end_of_allocation(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const struct Driver *)file)->end_of_allocation;
}

static herr_t driver_set_end_of_allocation(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((struct Driver *)file)->end_of_allocation = address;
    return 0;
}

static haddr_t driver_get_end_of_file(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    const struct Driver *driver = (const struct Driver *)file;
    const struct Medium *medium = driver->medium;
    if (!medium->writing)
        return medium->bytes;
    return driver->end_of_allocation > medium->base ? driver->end_of_allocation : medium->base;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *buffer) {
    (void)type, (void)transfer;
    struct Medium *medium = ((struct Driver *)file)->medium;
    if (medium->writing) {
        load_from_pages(medium, address, buffer, size);
        return 0;
    }
    if (address > medium->bytes || size > medium->bytes - address)
        return -1;
    if (medium->image) {
        memcpy(buffer, medium->image + address, size);
        return 0;
    }
    for (size_t done = 0; done < size;) {
        ssize_t part =
            pread(medium->fd, (char *)buffer + done, size - done, (off_t)(address + done));
        if (part == 0 || (part < 0 && errno != EINTR))
            return -1;
        if (part > 0)
            done += (size_t)part;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *buffer) {
    (void)type, (void)transfer;
    struct Medium *medium = ((struct Driver *)file)->medium;
    if (!medium->writing)
        return -1;
    store_in_pages(medium, address, buffer, size);
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
    .fapl_size = sizeof(struct Medium *),
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

hid_t medium_access(struct Medium *medium) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    medium->driver = H5FDregister(&driver_class);
    if (access < 0 || medium->driver < 0 || H5Pset_driver(access, medium->driver, &medium) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) {
        H5Pclose(access);
        return -1;
    }
    return access;
}
