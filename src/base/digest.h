/* Digests that reveal damage and differences: XXH3-128, which is not a cryptographic hash. */
#ifndef TRAINER_BASE_DIGEST_H
#define TRAINER_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT 33 /* bytes of a digest in hexadecimal, with the NUL */

struct Digest {
    uint64_t high, low;
};

struct Digest digest_bytes(const void *data, size_t bytes);
/* Writes the digest in hexadecimal to `text`, and returns it. */
char *digest_text(struct Digest digest, char text[DIGEST_TEXT]);

#endif
