#include "store/chunks.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

/* What a dataset's cache of chunks holds, as HDF5 sets it: larger chunks are read in parts. */
#define CACHED ((uint64_t)1 << 20)

static const char wrong_size[] = "it has another size than the chunks of the array";

static int find_bytes(struct H5Chunks *chunks, struct Error *error) {
    int rank = chunks->opened->own_rank;
    chunks->bytes = (uint64_t)h5__stored_size(chunks->opened);
    for (int i = 0; i < rank; i++)
        if (!chunks->size[i] ||
            __builtin_mul_overflow(chunks->bytes, chunks->size[i], &chunks->bytes) ||
            !memory_can_hold(chunks->bytes))
            return fail(error, chunks->file->failure,
                        "%s:/%s: a chunk does not fit into this machine's memory",
                        chunks->file->path, chunks->name);
    return OK;
}

int chunks__open(struct H5Chunks *chunks, struct H5File *file, const char *name,
                 const struct H5Opened *opened, struct Error *error) {
    unsigned options = 0;
    *chunks = (struct H5Chunks){.file = file, .name = name, .opened = opened};
    if (H5Pget_chunk(opened->create, opened->own_rank, chunks->size) != opened->own_rank)
        return h5__damaged(file, name, "its layout cannot be read", error);
    H5Pget_chunk_opts(opened->create, &options);
    chunks->understood = !(options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) &&
                         unpack__understands(opened->create, &chunks->packing);
    return find_bytes(chunks, error);
}

void chunks__close(struct H5Chunks *chunks) {
    unpacker__release(chunks->unpacker);
    chunks->unpacker = NULL;
}

/* "(128,0,0,0)" */
static char *print_place(const struct H5Chunks *chunks, const hsize_t *at,
                         char text[H5_SHAPE_TEXT]) {
    int64_t place[H5_RANK];
    for (int i = 0; i < chunks->opened->own_rank; i++)
        place[i] = (int64_t)at[i];
    return h5__shape(chunks->opened->own_rank, place, text);
}

static int refuse_chunk(const struct H5Chunks *chunks, const hsize_t *at, const char *why,
                        struct Error *error) {
    char place[H5_SHAPE_TEXT];
    struct H5File *file = chunks->file;
    if (file->driver.failed)
        return h5_check(file, error);
    return fail(error, file->failure, "%s:/%s: the chunk at %s cannot be unpacked: %s", file->path,
                chunks->name, print_place(chunks, at, place), why);
}

int chunks__load(struct H5Chunks *chunks, const hsize_t *at, const void **chunk,
                 struct Error *error) {
    hsize_t bytes = 0;
    uint32_t mask = 0;
    size_t room;
    const char *why;
    struct FileDriver *driver = &chunks->file->driver;
    if (!chunks->unpacker)
        chunks->unpacker = unpacker__create(chunks->bytes);
    void *packed = unpacker__buffer(chunks->unpacker, &room);
    char reason[200];
    *chunk = NULL;
    h5__quiet();
    if (H5Dget_chunk_storage_size(chunks->opened->id, at, &bytes) < 0)
        bytes = 0; /* HDF5 1.10 fails if nothing was written there */
    if (bytes == 0)
        return OK;
    if (bytes > room)
        return refuse_chunk(chunks, at, "it takes more bytes than any packing of it has", error);
    /* For a chunk without filters this is the size that it should have, not the one stored. */
    driver->chunk = (struct FileDriverChunk){.bytes = bytes, .whole = true};
    herr_t status = H5Dread_chunk(chunks->opened->id, H5P_DEFAULT, at, &mask, packed);
    bool refused = driver->chunk.refused;
    driver->chunk = (struct FileDriverChunk){.bytes = 0};
    if (status < 0)
        return refuse_chunk(chunks, at, refused ? wrong_size : h5__reason(reason), error);
    *chunk = unpacker__run(chunks->unpacker, &chunks->packing, mask, bytes, &why);
    return *chunk ? OK : refuse_chunk(chunks, at, why, error);
}

void chunks__first(const struct H5Chunks *chunks, const int64_t *first, hsize_t *at) {
    for (int i = 0; i < chunks->opened->own_rank; i++)
        at[i] = (hsize_t)first[i] - (hsize_t)first[i] % chunks->size[i];
}

bool chunks__next(const struct H5Chunks *chunks, const int64_t *first, const int64_t *part,
                  hsize_t *at) {
    for (int i = chunks->opened->own_rank - 1; i >= 0; i--) {
        at[i] += chunks->size[i];
        if ((int64_t)at[i] < first[i] + part[i])
            return true;
        at[i] = (hsize_t)first[i] - (hsize_t)first[i] % chunks->size[i];
    }
    return false;
}

static int check_packed(struct H5Chunks *chunks, const int64_t *first, const int64_t *part,
                        struct Error *error) {
    hsize_t at[H5_RANK];
    const void *chunk;
    int code;
    chunks__first(chunks, first, at);
    do
        code = chunks__load(chunks, at, &chunk, error);
    while (code == OK && chunks__next(chunks, first, part, at));
    return code;
}

/* HDF5 tells the bytes in memory of records with texts or lists, which have other sizes there. */
static bool has_known_size(const struct H5Opened *opened) {
    return opened->whole < 0 || (H5Tdetect_class(opened->whole, H5T_STRING) <= 0 &&
                                 H5Tdetect_class(opened->whole, H5T_VLEN) <= 0 &&
                                 H5Tdetect_class(opened->whole, H5T_REFERENCE) <= 0);
}

int chunks__check(struct H5File *file, const char *name, const struct H5Opened *opened,
                  const int64_t *first, const int64_t *part, struct Error *error) {
    static const int64_t zeros[H5_RANK];
    const struct H5Info *info = &opened->info;
    part = part ? part : info->size;
    if (H5Pget_layout(opened->create) != H5D_CHUNKED || !has_known_size(opened) ||
        memory_product(part, opened->own_rank) == 0)
        return OK;
    struct H5Chunks chunks;
    int code = chunks__open(&chunks, file, name, opened, error);
    if (code == OK && H5Pget_nfilters(opened->create) == 0)
        file->driver.chunk =
            (struct FileDriverChunk){.bytes = chunks.bytes, .whole = chunks.bytes <= CACHED};
    else if (code == OK && chunks.understood)
        code = check_packed(&chunks, first ? first : zeros, part, error);
    chunks__close(&chunks);
    return code;
}

int chunks__done(struct H5File *file, const char *name, struct Error *error) {
    bool refused = file->driver.chunk.refused;
    file->driver.chunk = (struct FileDriverChunk){.bytes = 0};
    return refused ? fail(error, file->failure, "%s:/%s: is damaged: a chunk of it: %s", file->path,
                          name, wrong_size)
                   : OK;
}
