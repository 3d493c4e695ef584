#include "data/dataset/block_digests.h"

#include <inttypes.h>

#include <xxhash.h>

#include "base/memory.h"

int64_t block_digests__samples(size_t image_bytes) {
    return (int64_t)((BLOCK_LEAST + image_bytes - 1) / image_bytes);
}

int64_t block_digests__digest(const void *pixels, size_t bytes) {
    return (int64_t)XXH3_64bits(pixels, bytes);
}

void block_digests__hasher(struct BlockHasher *hasher, size_t image_bytes, int64_t total) {
    int64_t samples = block_digests__samples(image_bytes);
    *hasher = (struct BlockHasher){.state = XXH3_createState(),
                                   .image_bytes = image_bytes,
                                   .samples = samples,
                                   .total = total};
    hasher->digests =
        memory_array(int64_t, block_digests__count(samples, total), "digests of blocks");
    XXH3_64bits_reset(hasher->state);
}

void block_digests__hash(struct BlockHasher *hasher, const void *images, int64_t count) {
    const char *at = images;
    for (int64_t i = 0; i < count; i++, at += hasher->image_bytes) {
        XXH3_64bits_update(hasher->state, at, hasher->image_bytes);
        if (++hasher->done % hasher->samples && hasher->done < hasher->total)
            continue;
        hasher->digests[(hasher->done - 1) / hasher->samples] =
            (int64_t)XXH3_64bits_digest(hasher->state);
        XXH3_64bits_reset(hasher->state);
    }
}

void block_digests__end(struct BlockHasher *hasher) {
    XXH3_freeState(hasher->state);
    memory_release(hasher->digests);
    *hasher = (struct BlockHasher){0};
}

struct BlockDigests *block_digests__make(int64_t samples, int64_t total, int64_t *digests) {
    struct BlockDigests *blocks = memory_allocate(sizeof *blocks, "digests of blocks");
    int64_t count = block_digests__count(samples, total);
    *blocks = (struct BlockDigests){
        .samples = samples, .total = total, .count = count, .digests = digests, .bad = -1};
    blocks->known = memory_array(atomic_uchar, count, "digests of blocks");
    return blocks;
}

void block_digests__release(struct BlockDigests *blocks) {
    if (!blocks)
        return;
    memory_release(blocks->digests);
    memory_release((void *)(uintptr_t)blocks->known);
    memory_release(blocks);
}

void block_digests__check(struct BlockDigests *blocks, int64_t index, const void *pixels,
                          size_t image_bytes) {
    int64_t first = index * blocks->samples, left = blocks->total - first, none = -1;
    size_t bytes = (size_t)(left < blocks->samples ? left : blocks->samples) * image_bytes;
    int64_t digest = block_digests__digest(pixels, bytes);
    if (digest == blocks->digests[index])
        atomic_store_explicit(&blocks->known[index], 1, memory_order_relaxed);
    else if (atomic_compare_exchange_strong(&blocks->bad, &none, index))
        atomic_store(&blocks->found, digest);
}

bool block_digests__check_all(struct BlockDigests *blocks, int64_t first, int64_t end,
                              const void *pixels, size_t image_bytes) {
    const char *at = (const char *)pixels;
    size_t block = (size_t)blocks->samples * image_bytes;
    for (int64_t i = first; i < end; i++)
        block_digests__check(blocks, i, at + (size_t)i * block, image_bytes);
    return atomic_load(&blocks->bad) < 0;
}

void block_digests__know_all(struct BlockDigests *blocks) {
    for (int64_t i = 0; i < blocks->count; i++)
        atomic_store_explicit(&blocks->known[i], 1, memory_order_relaxed);
}

bool block_digests__check_rows(struct BlockDigests *blocks, int64_t first, int64_t count,
                               const void *pixels, size_t image_bytes) {
    int64_t samples = blocks->samples, end = first + count;
    for (int64_t i = (first + samples - 1) / samples; i < blocks->count; i++) {
        int64_t last =
            i * samples + samples < blocks->total ? i * samples + samples : blocks->total;
        if (last > end)
            break;
        if (!block_digests__is_known(blocks, i))
            block_digests__check(blocks, i,
                                 (const char *)pixels + (size_t)(i * samples - first) * image_bytes,
                                 image_bytes);
    }
    return atomic_load(&blocks->bad) < 0;
}

int block_digests__damaged(const struct BlockDigests *blocks, const char *file, const char *split,
                           struct Error *error) {
    int64_t bad = atomic_load(&blocks->bad);
    if (bad < 0)
        return OK;
    int64_t first = bad * blocks->samples, end = first + blocks->samples;
    end = end < blocks->total ? end : blocks->total;
    return fail(error, ERROR_DATA,
                "%s:/%s/images: images %" PRId64 " to %" PRId64
                " are damaged: their digest is %016" PRIx64
                ", the file says %016" PRIx64 DAMAGE_REMEDY,
                file, split, first, end - 1, (uint64_t)atomic_load(&blocks->found),
                (uint64_t)blocks->digests[bad]);
}
