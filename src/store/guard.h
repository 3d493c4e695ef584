/* The guard of a data file: bytes after the HDF5 data, which HDF5 ignores, and which it cuts off
 * when a program changes the file. It has the XXH3-128 of everything but the large arrays, which
 * have digests of their own, so that no part of the file's structure can vanish unnoticed:
 *
 *   8 bytes  magic
 *   8        length of the HDF5 data
 *   8        number of ranges that are left out
 *   16 each  their offset and length, ascending
 *            zeros, so that the guard has at least GUARD_LEAST bytes
 *   16       XXH3-128 of the data outside the ranges and of the guard so far, canonical form
 *   8        bytes of the guard
 *   8        magic
 *
 * Numbers are little endian. One block that is lost never takes both magics. Inside store/ only. */
#ifndef TRAINER_STORE_GUARD_H
#define TRAINER_STORE_GUARD_H

#include "store/file_driver.h"

#define GUARD_LEAST 2048

/* Appends the guard to the `length` bytes of the file. Returns 0, or −1 and errno. */
int guard__write(int fd, uint64_t length, const struct FileDriverRange *ranges, int64_t count);

enum GuardVerdict { GUARD_ABSENT, GUARD_GOOD, GUARD_BAD, GUARD_UNREADABLE /* errno says why */ };
/* Checks the guard of a file of `bytes` bytes. `declared_end`: of the HDF5 data as its superblock
 * says. If it is good: *length is that of the HDF5 data, and *ranges, if not NULL, the ranges that
 * are left out, from memory_allocate. */
enum GuardVerdict guard__check(int fd, uint64_t bytes, uint64_t declared_end, uint64_t *length,
                               struct FileDriverRange **ranges, int64_t *count);

#endif
