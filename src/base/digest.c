#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

struct Digest digest_bytes(const void *data, size_t bytes) {
    XXH128_hash_t hash = XXH3_128bits(data, bytes);
    return (struct Digest){hash.high64, hash.low64};
}

char *digest_text(struct Digest digest, char text[DIGEST_TEXT]) {
    snprintf(text, DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64, digest.high, digest.low);
    return text;
}
