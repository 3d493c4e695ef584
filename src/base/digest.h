/* Digests: XXH3-128, to find damage and differences; no cryptographic hash. */
#ifndef TRAINER_BASE_DIGEST_H
#define TRAINER_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT 33 /* bytes of a digest in hexadecimal, with the NUL */

struct Digest {
    uint64_t high, low;
};

struct Digest digest_bytes(const void *data, size_t bytes);
/* The digest in hexadecimal; returns `text`. */
char *digest_text(struct Digest digest, char text[DIGEST_TEXT]);

#endif
