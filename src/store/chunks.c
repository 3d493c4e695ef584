#include "store/chunks.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "store/heap.h"

/* What a dataset's cache of chunks holds, as HDF5 sets it: larger chunks are read in parts. */
#define CACHED ((uint64_t)1 << 20)

static const char wrong_size[] = "it has another size than the chunks of the array";

static int find_bytes(struct H5Chunks *chunks, struct Error *error) {
    char words[MEMORY_WORDS];
    int rank = chunks->opened->own_rank;
    chunks->bytes = (uint64_t)h5__stored_size(chunks->opened);
    for (int i = 0; i < rank; i++)
        if (!chunks->size[i] ||
            __builtin_mul_overflow(chunks->bytes, chunks->size[i], &chunks->bytes) ||
            !memory_can_hold(chunks->bytes))
            return fail(
                error, chunks->file->failure, "%s:/%s: a chunk %s", chunks->file->path,
                chunks->name,
                memory_too_large(chunks->bytes < INT64_MAX ? (int64_t)chunks->bytes : -1, words));
    return OK;
}

static void find_fill(struct H5Chunks *chunks) {
    const struct H5Opened *opened = chunks->opened;
    if (opened->whole >= 0 || heap__is_reference(opened->type) || opened->info.type >= H5_CELLS)
        return;
    chunks->fill = memory_allocate(H5Tget_size(opened->type), "an element of an HDF5 file");
    chunks->readable = H5Pget_fill_value(opened->create, opened->type, chunks->fill) >= 0;
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
    int code = find_bytes(chunks, error);
    if (code == OK && chunks->understood)
        find_fill(chunks);
    return code;
}

void chunks__close(struct H5Chunks *chunks) {
    unpacker__release(chunks->unpacker);
    memory_release(chunks->fill);
    chunks->unpacker = NULL;
    chunks->fill = NULL;
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

/* Reads and unpacks the chunk whose first element is at `at`. *chunk is NULL if it was never
 * written, and else lives until the next call. */
static int load(struct H5Chunks *chunks, const hsize_t *at, const void **chunk,
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

/* The first chunk that has elements of the part from `first` on. */
static void find_first(const struct H5Chunks *chunks, const int64_t *first, hsize_t *at) {
    for (int i = 0; i < chunks->opened->own_rank; i++)
        at[i] = (hsize_t)first[i] - (hsize_t)first[i] % chunks->size[i];
}

/* The next one, in the order of the file; false after the last. */
static bool find_next(const struct H5Chunks *chunks, const int64_t *first, const int64_t *part,
                      hsize_t *at) {
    for (int i = chunks->opened->own_rank - 1; i >= 0; i--) {
        at[i] += chunks->size[i];
        if ((int64_t)at[i] < first[i] + part[i])
            return true;
        at[i] = (hsize_t)first[i] - (hsize_t)first[i] % chunks->size[i];
    }
    return false;
}

/* ---- Reading a part ---- */

/* A box of elements on its way from one array to another. */
struct Box {
    int rank;
    size_t element; /* bytes */
    int64_t extent[H5_RANK];
    int64_t from_strides[H5_RANK], to_strides[H5_RANK]; /* bytes */
    const unsigned char *fill;                          /* stands for each element of no array */
};

/* `from` and `to` are the first element of the box in the two arrays; from NULL: no array. */
static void copy_box(const struct Box *box, int dimension, const char *from, char *to) {
    int64_t extent = box->extent[dimension];
    if (dimension == box->rank - 1) {
        if (from)
            memcpy(to, from, (size_t)extent * box->element);
        for (int64_t i = 0; !from && i < extent; i++)
            memcpy(to + (size_t)i * box->element, box->fill, box->element);
        return;
    }
    for (int64_t i = 0; i < extent; i++)
        copy_box(box, dimension + 1, from ? from + i * box->from_strides[dimension] : NULL,
                 to + i * box->to_strides[dimension]);
}

static void set_strides(int rank, size_t element, const int64_t *sizes, int64_t *strides) {
    int64_t stride = (int64_t)element;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= sizes[i];
    }
}

struct Part {
    const int64_t *first, *sizes;
    enum H5Type type;
    size_t stored, element; /* bytes of an element in the file and in the buffer */
    char *buffer;
    char *converted; /* room for the elements of one chunk; NULL: they are wanted as stored */
};

/* Converts the elements of a chunk, at `from` with the strides of `box`, into their place `to`. */
static int convert_box(const struct H5Chunks *chunks, const struct Part *part,
                       const struct Box *box, const char *from, char *to, struct Error *error) {
    struct Box in = *box, out = *box;
    set_strides(box->rank, part->stored, box->extent, in.to_strides);
    copy_box(&in, 0, from, part->converted);
    int code = h5__convert(chunks->file, chunks->name, chunks->opened, part->type,
                           memory_product(box->extent, box->rank), part->converted, error);
    out.element = part->element;
    set_strides(box->rank, part->element, box->extent, out.from_strides);
    if (code == OK)
        copy_box(&out, 0, part->converted, to);
    return code;
}

static int read_chunk(struct H5Chunks *chunks, const struct Part *part, const hsize_t *at,
                      struct Error *error) {
    struct Box box = {
        .rank = chunks->opened->own_rank, .element = part->stored, .fill = chunks->fill};
    const void *chunk;
    int64_t sizes[H5_RANK], from = 0, to = 0;
    int code = load(chunks, at, &chunk, error);
    if (code != OK)
        return code;
    for (int i = 0; i < box.rank; i++)
        sizes[i] = (int64_t)chunks->size[i];
    set_strides(box.rank, part->stored, sizes, box.from_strides);
    set_strides(box.rank, part->element, part->sizes, box.to_strides);
    for (int i = 0; i < box.rank; i++) {
        int64_t start = (int64_t)at[i], first = part->first[i];
        int64_t begin = start > first ? start : first;
        int64_t end = start + sizes[i], last = first + part->sizes[i];
        box.extent[i] = (end < last ? end : last) - begin;
        from += (begin - start) * box.from_strides[i];
        to += (begin - first) * box.to_strides[i];
    }
    const char *elements = chunk ? (const char *)chunk + from : NULL;
    if (part->converted)
        return convert_box(chunks, part, &box, elements, part->buffer + to, error);
    copy_box(&box, 0, elements, part->buffer + to);
    return OK;
}

/* Room for the elements that a chunk and the part have in common, before and after conversion. */
static char *make_room(const struct H5Chunks *chunks, const struct Part *part) {
    int64_t count = 1;
    for (int i = 0; i < chunks->opened->own_rank; i++) {
        int64_t size = (int64_t)chunks->size[i];
        count *= size < part->sizes[i] ? size : part->sizes[i];
    }
    size_t element = part->stored > part->element ? part->stored : part->element;
    return memory_allocate((size_t)count * element, "a chunk of an HDF5 file");
}

int chunks__read(struct H5Chunks *chunks, enum H5Type type, const int64_t *first,
                 const int64_t *part, void *buffer, struct Error *error) {
    hid_t stored = chunks->opened->type;
    bool same = type == H5_BYTES || H5Tequal(stored, h5__native(type)) > 0;
    struct Part wanted = {
        .first = first, .sizes = part, .type = type, .stored = H5Tget_size(stored)};
    hsize_t at[H5_RANK];
    int code;
    wanted.element = same ? wanted.stored : h5__size(type);
    wanted.buffer = buffer;
    wanted.converted = same ? NULL : make_room(chunks, &wanted);
    find_first(chunks, first, at);
    do
        code = read_chunk(chunks, &wanted, at, error);
    while (code == OK && find_next(chunks, first, part, at));
    memory_release(wanted.converted);
    return code;
}

/* ---- Checks for H5Dread ---- */

static int check_packed(struct H5Chunks *chunks, const int64_t *first, const int64_t *part,
                        struct Error *error) {
    hsize_t at[H5_RANK];
    const void *chunk;
    int code;
    find_first(chunks, first, at);
    do
        code = load(chunks, at, &chunk, error);
    while (code == OK && find_next(chunks, first, part, at));
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
    if (H5Pget_layout(opened->create) != H5D_CHUNKED || !has_known_size(opened) ||
        memory_product(part, opened->own_rank) == 0)
        return OK;
    struct H5Chunks chunks;
    int code = chunks__open(&chunks, file, name, opened, error);
    if (code == OK && H5Pget_nfilters(opened->create) == 0)
        file->driver.chunk =
            (struct FileDriverChunk){.bytes = chunks.bytes, .whole = chunks.bytes <= CACHED};
    else if (code == OK && chunks.understood)
        code = check_packed(&chunks, first, part, error);
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
