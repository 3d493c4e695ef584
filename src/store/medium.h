/* What HDF5 reads from and writes to, in place of its own drivers: a virtual file driver over one
 * `struct Medium`. Why not HDF5's own:
 *   - reading: no file locks (which fail on many cluster file systems), no copy of an image in
 *     memory, a read beyond the end is an error;
 *   - writing: HDF5 never meets an I/O error (after one, its clean-up at exit crashes). All that it
 *     writes goes to pages in memory; h5_commit.c writes them out and sees every error itself.
 * Large arrays never pass through HDF5: they are written at their offsets (medium_write). */
#ifndef TRAINER_STORE_MEDIUM_H
#define TRAINER_STORE_MEDIUM_H

#define H5_USE_110_API
#include <hdf5.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIUM_PAGE ((uint64_t)256 << 10)

struct Medium {
    int fd; /* reading: the file, when `image` is NULL. Writing: the temporary file, or −1 */
    const unsigned char *image; /* reading from memory */
    uint64_t bytes;             /* reading: bytes that belong to HDF5 */
    bool writing;
    /* Writing: what HDF5 wrote, sparse; NULL pages are zeros. */
    unsigned char **pages;
    uint64_t page_count;
    uint64_t length; /* of the finished file, known when HDF5 has closed it */
    /* Writing to fd: its first `base` bytes are a file to be changed; a page begins as they are. */
    uint64_t base;
    int failed; /* errno of a page that could not be read; medium_flush reports it */
    /* Writing to fd: what was written there directly, sorted; pages leave it alone. */
    struct MediumRange {
        uint64_t offset, bytes;
    } * ranges;
    int64_t range_count;
    hid_t driver; /* HDF5's handle of the driver while registered, else −1 */
};

/* A file access list that makes H5Fopen and H5Fcreate use `medium`; −1 on failure. The caller
 * closes the list, and calls medium_release after H5Fclose. */
hid_t medium_access(struct Medium *medium);

/* Declares [offset, offset + bytes) as written by medium_write, not by HDF5. */
void medium_claim(struct Medium *medium, uint64_t offset, uint64_t bytes);
/* Writes into a claimed range: to fd where there is one, else to the pages. 0, or −1 and errno. */
int medium_write(struct Medium *medium, uint64_t offset, const void *data, uint64_t bytes);
/* Writes all pages to fd, except the claimed ranges, and sets the file's length. 0, or −1 and
 * errno. */
int medium_flush(struct Medium *medium);

/* write(2) and pwrite(2) until all is done. 0, or −1 and errno. */
int write_all(int fd, const void *data, uint64_t bytes);

void medium_release(struct Medium *medium); /* pages, ranges, driver; not fd or image */

#endif
