/* Digests of the images of a split, block by block, so that each rank can check what it reads and
 * nobody has to read a split for that alone. A block is a few images that lie one after the other,
 * of at least BLOCK_LEAST bytes together. The file has them as /SPLIT/block_digests, XXH3-64 of the
 * bytes of each block's pixels, and their size as the attribute `block_samples` of /SPLIT. */
#ifndef TRAINER_DATA_DATASET_BLOCK_DIGESTS_H
#define TRAINER_DATA_DATASET_BLOCK_DIGESTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BLOCK_LEAST 4096
#define BLOCK_DIGESTS "block_digests"
/* What to do about samples that are not those that a file was written with. */
#define DAMAGE_REMEDY                                                                              \
    "; take a good copy of the file, or make it anew; if they were changed on purpose, remove "    \
    "the split's attribute digest and its array " BLOCK_DIGESTS
#define BLOCK_SAMPLES "block_samples"

struct BlockDigests {
    int64_t samples;      /* of a block; the last may have fewer */
    int64_t total, count; /* samples, blocks */
    int64_t *digests;     /* (count): the bits of unsigned numbers */
    _Atomic unsigned char
        *known;            /* (count): the block was compared with its digest, and was right */
    _Atomic int64_t found; /* what the digest of that block is */
    _Atomic int64_t bad;   /* the first block found that is not right; −1: none was */
    /* All else of the file has a checksum, which was right: if all blocks are, the split is. */
    bool covers_all;
};

/* The samples of a block for images of so many bytes. */
int64_t block_digests__samples(size_t image_bytes);
static inline int64_t block_digests__count(int64_t samples, int64_t total) {
    return (total + samples - 1) / samples;
}
/* The digest of one block. */
int64_t block_digests__digest(const void *pixels, size_t bytes);

/* Makes the digests of a split whose images come bit by bit. Start with block_digests__hasher. */
struct BlockHasher {
    struct XXH3_state_s *state;
    size_t image_bytes;
    int64_t samples, total, done;
    int64_t *digests; /* (block_digests__count(samples, total)) */
};
void block_digests__hasher(struct BlockHasher *hasher, size_t image_bytes, int64_t total);
void block_digests__hash(struct BlockHasher *hasher, const void *images, int64_t count);
void block_digests__end(struct BlockHasher *hasher); /* releases what it holds; {0} is allowed */

/* Takes `digests` over, from memory_allocate. */
struct BlockDigests *block_digests__make(int64_t samples, int64_t total, int64_t *digests);
void block_digests__release(struct BlockDigests *blocks); /* NULL is allowed */

/* Compares block `index` with its digest; `pixels` are those of the whole block. From any thread.
 */
void block_digests__check(struct BlockDigests *blocks, int64_t index, const void *pixels,
                          size_t image_bytes);
/* Blocks [first, end), of images that lie one after the other from `pixels` on. False if one is not
 * right. */
bool block_digests__check_all(struct BlockDigests *blocks, int64_t first, int64_t end,
                              const void *pixels, size_t image_bytes);
/* The blocks that lie in images [first, first + count), which are at `pixels`. */
bool block_digests__check_rows(struct BlockDigests *blocks, int64_t first, int64_t count,
                               const void *pixels, size_t image_bytes);
/* ERROR_DATA, which names the bad block; OK if there is none. */
int block_digests__damaged(const struct BlockDigests *blocks, const char *file, const char *split,
                           struct Error *error);
void block_digests__know_all(struct BlockDigests *blocks);
static inline int block_digests__is_known(const struct BlockDigests *blocks, int64_t index) {
    return atomic_load_explicit(&blocks->known[index], memory_order_relaxed);
}

#endif
