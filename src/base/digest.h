/* Digests: XXH3-128, for finding damage and differences, not for secrecy. */
#ifndef TRAINER_BASE_DIGEST_H
#define TRAINER_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT 33 /* hexadecimal, with its NUL */

struct Digest {
    uint64_t high, low;
};

struct Digest digest_bytes(const void *data, size_t bytes);
char *digest_text(struct Digest digest, char text[DIGEST_TEXT]); /* returns text */

#endif
