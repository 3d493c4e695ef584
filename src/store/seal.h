/* The seal: 32 bytes behind the HDF5 data, which HDF5 ignores: 8 bytes of magic, the length of what
 * is sealed (little endian), its XXH3-128 (big endian, the canonical form). */
#ifndef TRAINER_STORE_SEAL_H
#define TRAINER_STORE_SEAL_H

#include <stdint.h>

#include <xxhash.h>

#define SEAL_BYTES 32

void seal_write(unsigned char seal[SEAL_BYTES], uint64_t length, XXH128_hash_t hash);

enum SealVerdict { SEAL_ABSENT, SEAL_GOOD, SEAL_BAD };
/* Judges a whole file in memory. *length is what is sealed when the seal is good. `declared_end` is
 * the end of the HDF5 data by its own superblock (0: unknown): a file that goes on for up to
 * SEAL_BYTES behind it had a seal, whose bytes were damaged or cut off. */
enum SealVerdict seal_check(const unsigned char *file, uint64_t bytes, uint64_t declared_end,
                            uint64_t *length);

#endif
