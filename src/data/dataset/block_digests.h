/* Digests of the images of a split, block by block. With them each rank checks what it reads for
 * training, and no extra pass over the split is needed. A block is a few consecutive images that
 * have at least BLOCK_LEAST bytes together. The file holds the digests as /SPLIT/block_digests
 * (XXH3-64 of the bytes of each block's pixels) and the images of a block as the attribute
 * `block_samples` of /SPLIT. Not collective. */
#ifndef TRAINER_DATA_DATASET_BLOCK_DIGESTS_H
#define TRAINER_DATA_DATASET_BLOCK_DIGESTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BLOCK_LEAST 4096
#define BLOCK_DIGESTS "block_digests"
/* The end of messages about samples that changed after the file was written: what the user can
 * do. */
#define DAMAGE_REMEDY                                                                              \
    "; take a good copy of the file, or make it anew; if they were changed on purpose, remove "    \
    "the split's attribute digest and its array " BLOCK_DIGESTS
#define BLOCK_SAMPLES "block_samples"

struct BlockDigests {
    int64_t samples;      /* images of a block; the last block may have fewer */
    int64_t total, count; /* images of the split, blocks */
    int64_t *digests;     /* (count): the bits of unsigned numbers */
    _Atomic unsigned char
        *known;            /* (count): 1: the block was compared with its digest and matched it */
    _Atomic int64_t found; /* the digest that the block `bad` really has */
    _Atomic int64_t bad;   /* a block that differs from its digest; −1: none was found */
    /* The rest of the split matched its checksum: if all blocks are right, the whole split is. */
    bool covers_all;
};

/* Returns how many images of `image_bytes` bytes make a block. */
int64_t block_digests__samples(size_t image_bytes);
static inline int64_t block_digests__count(int64_t samples, int64_t total) {
    return (total + samples - 1) / samples;
}
/* Returns the digest of one block. */
int64_t block_digests__digest(const void *pixels, size_t bytes);

/* Computes the digests of a split whose images arrive a few at a time. block_digests__hasher
 * initialises it. */
struct BlockHasher {
    struct XXH3_state_s *state;
    size_t image_bytes;
    int64_t samples, total, done;
    int64_t *digests; /* (block_digests__count(samples, total)) */
};
void block_digests__hasher(struct BlockHasher *hasher, size_t image_bytes, int64_t total);
void block_digests__hash(struct BlockHasher *hasher, const void *images, int64_t count);
void block_digests__end(struct BlockHasher *hasher); /* releases its memory; {0} is allowed */

/* Takes ownership of `digests`, which must come from memory_allocate. No block counts as checked
 * yet. */
struct BlockDigests *block_digests__make(int64_t samples, int64_t total, int64_t *digests);
void block_digests__release(struct BlockDigests *blocks); /* NULL is allowed */

/* Compares block `index` with its digest; `pixels` are those of the whole block. Any thread may
 * call it. */
void block_digests__check(struct BlockDigests *blocks, int64_t index, const void *pixels,
                          size_t image_bytes);
/* Compares blocks [first, end) of the split; `pixels` points to the split's first image. Returns
 * false if a block differs from its digest. */
bool block_digests__check_all(struct BlockDigests *blocks, int64_t first, int64_t end,
                              const void *pixels, size_t image_bytes);
/* Compares all blocks that lie within images [first, first + count), whose pixels begin at
 * `pixels`. */
bool block_digests__check_rows(struct BlockDigests *blocks, int64_t first, int64_t count,
                               const void *pixels, size_t image_bytes);
/* Returns ERROR_DATA, with a message that names the bad block, or OK if none was found. */
int block_digests__damaged(const struct BlockDigests *blocks, const char *file, const char *split,
                           struct Error *error);
void block_digests__know_all(struct BlockDigests *blocks);
static inline int block_digests__is_known(const struct BlockDigests *blocks, int64_t index) {
    return atomic_load_explicit(&blocks->known[index], memory_order_relaxed);
}

#endif
