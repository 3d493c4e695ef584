#include "store/seal.h"

#include <string.h>

static const char seal_magic[8] = "trnrseal";

void seal__write(unsigned char seal[SEAL_BYTES], uint64_t length, XXH128_hash_t hash) {
    memcpy(seal, seal_magic, sizeof seal_magic);
    for (int i = 0; i < 8; i++)
        seal[8 + i] = (unsigned char)(length >> 8 * i);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(seal + 16, canonical.digest, 16);
}

static bool ends_with_seal(const unsigned char tail[SEAL_BYTES]) {
    return memcmp(tail, seal_magic, sizeof seal_magic) == 0;
}

bool seal__is_there(const unsigned char tail[SEAL_BYTES], uint64_t bytes, uint64_t declared_end) {
    bool rest = declared_end && bytes > declared_end && bytes - declared_end <= SEAL_BYTES;
    return rest || ends_with_seal(tail);
}

enum SealVerdict seal__check(const unsigned char *file, uint64_t bytes, uint64_t declared_end,
                             uint64_t *length) {
    if (bytes <= SEAL_BYTES || !seal__is_there(file + bytes - SEAL_BYTES, bytes, declared_end))
        return SEAL_ABSENT;
    const unsigned char *tail = file + bytes - SEAL_BYTES;
    if (!ends_with_seal(tail))
        return SEAL_BAD;
    *length = bytes - SEAL_BYTES;
    unsigned char expected[SEAL_BYTES];
    seal__write(expected, *length, XXH3_128bits(file, *length));
    return memcmp(expected, tail, SEAL_BYTES) == 0 ? SEAL_GOOD : SEAL_BAD;
}
