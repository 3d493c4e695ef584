#include "data/dataset/cache.h"

#include <string.h>

#include "base/memory.h"

#define ENTRIES 2

struct Entry {
    const struct Pair *pair; /* NULL: none */
    struct BlockReader *reader;
    int64_t first, end; /* rows */
    char *pixels;
    size_t room;
};

struct BlockCache {
    struct Entry entries[ENTRIES];
    int newest;
};

static bool holds(const struct Entry *entry, const struct Pair *pair, int64_t row) {
    return entry->pair == pair && row >= entry->first && row < entry->end;
}

static int fill(struct Entry *entry, const struct Pair *pair, int64_t row, size_t image_bytes,
                struct Error *error) {
    int code = OK;
    if (entry->pair != pair) {
        blocks__close(entry->reader);
        entry->pair = pair;
        code = blocks__open(&entry->reader, pair, error);
    }
    blocks__of(pair, row, &entry->first, &entry->end);
    size_t bytes = (size_t)(entry->end - entry->first) * image_bytes;
    if (bytes > entry->room) {
        memory_release(entry->pixels);
        entry->pixels = memory_allocate(bytes, "a block of images");
        entry->room = bytes;
    }
    if (code == OK && entry->reader)
        code = blocks__read(entry->reader, entry->first, entry->end - entry->first, true,
                            entry->pixels, error);
    if (code != OK)
        memset(entry->pixels, 0, bytes);
    return code;
}

const void *cache__image(struct DatasetStorage *storage, const struct Pair *pair, int64_t row,
                         size_t image_bytes) {
    if (!storage->cache)
        storage->cache = memory_allocate(sizeof *storage->cache, "blocks of images");
    struct BlockCache *cache = storage->cache;
    int i = cache->newest;
    while (i < cache->newest + ENTRIES && !holds(&cache->entries[i % ENTRIES], pair, row))
        i++;
    struct Error error = {0};
    struct Entry *entry = &cache->entries[i % ENTRIES];
    if (i == cache->newest + ENTRIES) {
        entry = &cache->entries[(cache->newest + 1) % ENTRIES];
        int code = fill(entry, pair, row, image_bytes, &error);
        if (code != OK && storage->failure.code == OK)
            storage->failure = error;
    }
    cache->newest = (int)(entry - cache->entries);
    return entry->pixels + (size_t)(row - entry->first) * image_bytes;
}

void cache__release(struct BlockCache *cache) {
    if (!cache)
        return;
    for (int i = 0; i < ENTRIES; i++) {
        blocks__close(cache->entries[i].reader);
        memory_release(cache->entries[i].pixels);
    }
    memory_release(cache);
}
