/* A virtual file driver: what HDF5 reads from and writes to instead of its own drivers. Reasons not
 * to use HDF5's own:
 *   - reading: ours takes no file locks (they fail on many cluster file systems), does not copy an
 *     image that is in memory, and reports a read beyond the end as an error;
 *   - writing: HDF5 never sees an I/O error (after one, its clean-up at exit crashes). All that it
 *     writes goes to pages in memory; commit.c writes them to disk and sees every error itself.
 * Large arrays do not pass through HDF5: they are written at their offsets (file_driver__write).
 * Not collective. */
#ifndef TRAINER_STORE_FILE_DRIVER_H
#define TRAINER_STORE_FILE_DRIVER_H

#define H5_USE_110_API
#include <hdf5.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_DRIVER_PAGE ((uint64_t)256 << 10)

struct FileDriver {
    int fd; /* reading: the file, if `image` is NULL. Writing: the temporary file, or −1 */
    const unsigned char *image; /* reading: the file's bytes in memory, not owned; or NULL */
    uint64_t bytes;             /* reading: how many bytes belong to HDF5 */
    bool writing;
    /* Writing: what HDF5 wrote, in pages of FILE_DRIVER_PAGE bytes; a NULL page is zeros. */
    unsigned char **pages;
    uint64_t page_count;
    uint64_t length; /* bytes of the finished file, known once HDF5 has closed it */
    /* Writing to fd: the first `base` bytes of it are the old file that is being changed. A page
     * starts as a copy of them. */
    uint64_t base;
    /* errno of a read that failed, but not of one beyond the end that the file had when it was
     * opened; HDF5 may go on as if something was missing. Writing: file_driver__flush reports it.
     */
    int failed;
    char *failed_path; /* reading: the file, if it is another one, to which this one refers */
    bool cut_short;    /* reading: it failed because that file became shorter since it was opened */
    /* Writing to fd: what was written to it directly, sorted; flushing pages skips these. */
    struct FileDriverRange {
        uint64_t offset, bytes;
    } * ranges;
    int64_t range_count;
    /* Reading: the file's name, and whether other files that it refers to may be opened. They have
     * to lie in its folder. */
    const char *path;
    bool follows;
    /* Asked before such a file is opened: NULL, or a function that returns false if it must not be.
     */
    bool (*may_open)(struct FileDriver *driver, const char *path);
    /* Reading: how many bytes of values HDF5 may ask for at once, in whole chunks or in parts of
     * them; 0 bytes: any. `refused`: it asked for others. */
    struct FileDriverChunk {
        uint64_t bytes;
        bool whole, refused;
    } chunk;
    hid_t registered; /* HDF5's handle of the driver while it is registered, else −1 */
};

/* Returns a file access list that makes H5Fopen and H5Fcreate use `driver`; −1 on failure. The
 * caller closes the list, and calls file_driver__release after H5Fclose. */
hid_t file_driver__access(struct FileDriver *driver);

/* Reads what HDF5 would read there; false if the file ends before, or if that fails, which is then
 * noted in `failed`. */
bool file_driver__read(struct FileDriver *driver, uint64_t address, void *buffer, uint64_t bytes);

/* Declares that file_driver__write, not HDF5, writes the bytes [offset, offset + bytes). */
void file_driver__claim(struct FileDriver *driver, uint64_t offset, uint64_t bytes);
/* Writes into a claimed range: to fd, or to the pages if fd is −1. Returns 0, or −1 and errno. */
int file_driver__write(struct FileDriver *driver, uint64_t offset, const void *data,
                       uint64_t bytes);
/* Writes all pages to fd, except the claimed ranges, and sets the file's length. Returns 0, or −1
 * and errno. */
int file_driver__flush(struct FileDriver *driver);

/* Releases the pages, the ranges and HDF5's handle; not `fd` and not `image`. */
void file_driver__release(struct FileDriver *driver);

/* The path of a file that another file refers to as `name`: beside that file, or as it stands if it
 * is in that folder or below it, links resolved. NULL if there is none; the caller releases it. */
char *file_driver__beside(const struct FileDriver *driver, const char *name);

/* pwrite(2) until all is written. Returns 0, or −1 and errno. */
int file_driver__pwrite_all(int fd, const void *data, uint64_t bytes, uint64_t offset);

#endif
