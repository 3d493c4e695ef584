/* The seal: 32 bytes after the HDF5 data, which HDF5 ignores: 8 bytes of magic, the length of the
 * sealed data (8 bytes, little endian), its XXH3-128 (16 bytes, big endian, the canonical form). */
#ifndef TRAINER_STORE_SEAL_H
#define TRAINER_STORE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include <xxhash.h>

#define SEAL_BYTES 32

/* Makes the seal of `length` bytes whose XXH3-128 is `hash`. */
void seal__write(unsigned char seal[SEAL_BYTES], uint64_t length, XXH128_hash_t hash);

/* Whether a file of `bytes` bytes has a seal, good or bad, or had one: up to SEAL_BYTES follow
 * `declared_end`, the end of the HDF5 data as its own superblock says (0: unknown). `tail` are its
 * last bytes; a file of fewer than SEAL_BYTES has none. */
bool seal__is_there(const unsigned char tail[SEAL_BYTES], uint64_t bytes, uint64_t declared_end);

enum SealVerdict { SEAL_ABSENT, SEAL_GOOD, SEAL_BAD };
/* Checks the seal of a whole file in memory (`bytes` bytes at `file`). *length becomes the number
 * of sealed bytes if the file ends with a seal; otherwise it is left alone. A seal of which only a
 * part is left is SEAL_BAD. */
enum SealVerdict seal__check(const unsigned char *file, uint64_t bytes, uint64_t declared_end,
                             uint64_t *length);

#endif
