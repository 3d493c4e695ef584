#include "data/dataset/blocks.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

#define CHUNKS_BYTES ((int64_t)64 << 10) /* bytes of a block that consists of small chunks */
#define RUN_BYTES ((int64_t)256 << 10)   /* bytes of a block of an array without chunks */
#define PICTURES 64                      /* pictures in a block */
#define LOAD_BYTES ((int64_t)16 << 20)   /* bytes read at a time when a whole array is read */

static int64_t image_bytes(const struct Pair *pair) {
    return memory_product(pair->layouts[0].sizes + 1, 3) *
           (pair->bytes ? 1 : (int64_t)sizeof(float));
}

static int64_t chunk_of(const struct Array *array, int samples) {
    struct H5Storage storage;
    struct Error ignored;
    if (h5_storage(array->file, array->name.path, &storage, &ignored) != OK || !storage.is_chunked)
        return 0;
    return storage.chunk[samples];
}

static int64_t rows_of(const struct Pair *pair, int i) {
    const struct Array *array = &pair->images.items[i];
    int64_t bytes = image_bytes(pair);
    if (pair->encoded)
        return PICTURES;
    if (pair->layouts[i].samples < 0)
        return 1;
    int64_t chunk = chunk_of(array, pair->layouts[i].samples);
    int64_t wanted = (chunk ? CHUNKS_BYTES : RUN_BYTES) / bytes;
    chunk = chunk < 1 ? 1 : chunk;
    if (!pair->options && wanted >= chunk * block_digests__samples((size_t)bytes))
        /* so that a block consists of whole blocks of digests */
        chunk *= block_digests__samples((size_t)bytes);
    return wanted < chunk ? chunk : wanted - wanted % chunk;
}

void blocks__measure(struct Pair *pair) {
    for (int i = 0; i < pair->images.count; i++) {
        int64_t rows = rows_of(pair, i), count = pair->images.items[i].count;
        pair->layouts[i].block = rows < count ? rows : count;
    }
}

char *split_block_digest(const struct Split *split, char text[DIGEST_TEXT]) {
    const struct Pair *pair = split->pair;
    int64_t *sizes = memory_array(int64_t, 2 * pair->images.count, "sizes of blocks");
    for (int i = 0; i < pair->images.count; i++) {
        sizes[2 * i] = pair->images.items[i].count;
        sizes[2 * i + 1] = pair->layouts[i].block;
    }
    size_t bytes = 2 * (size_t)pair->images.count * sizeof *sizes;
    digest_text(digest_bytes(sizes, bytes), text);
    memory_release(sizes);
    return text;
}

int blocks__of(const struct Pair *pair, int64_t row, int64_t *first, int64_t *end) {
    int i = 0, high = pair->images.count - 1;
    while (i < high) {
        int middle = i + (high - i + 1) / 2;
        if (pair->runs[middle].first <= row)
            i = middle;
        else
            high = middle - 1;
    }
    int64_t begin = pair->runs[i].first, block = pair->layouts[i].block;
    int64_t last = begin + pair->images.items[i].count;
    *first = begin + (row - begin) / block * block;
    *end = *first + block < last ? *first + block : last;
    return i;
}

/* ---- Reading ---- */

struct BlockReader {
    const struct Pair *pair;
    /* one for each array; NULL: the array is mapped, or holds pictures */
    struct H5Reader **readers;
    void *turned; /* rows in the order of the file, if they must be reordered */
    int64_t room; /* rows that `turned` has room for */
};

static bool is_read(const struct Pair *pair, int i) {
    return !pair->encoded && !pair->runs[i].images;
}

static int64_t rows_to_turn(const struct Pair *pair) {
    int64_t rows = 0;
    for (int i = 0; i < pair->images.count; i++)
        if (is_read(pair, i) && !axes__are_own(&pair->layouts[i].axes) &&
            pair->layouts[i].block > rows)
            rows = pair->layouts[i].block;
    return rows;
}

int blocks__open(struct BlockReader **out, const struct Pair *pair, struct Error *error) {
    struct BlockReader *reader = memory_allocate(sizeof *reader, "a reader of blocks");
    int count = pair->images.count, code = OK;
    *reader = (struct BlockReader){.pair = pair, .room = rows_to_turn(pair)};
    reader->readers = memory_array(struct H5Reader *, count, "a reader of blocks");
    if (reader->room)
        reader->turned = memory_allocate((size_t)(reader->room * image_bytes(pair)), "a block");
    for (int i = 0; i < count && code == OK; i++) {
        const struct Array *array = &pair->images.items[i];
        if (is_read(pair, i) && pair->layouts[i].samples >= 0)
            code = h5_reader_open(&reader->readers[i], array->file, array->name.path,
                                  pair->bytes ? H5_UINT8 : H5_FLOAT32, pair->layouts[i].samples,
                                  error);
    }
    *out = code == OK ? reader : NULL;
    if (code != OK)
        blocks__close(reader);
    return code;
}

void blocks__close(struct BlockReader *reader) {
    if (!reader)
        return;
    for (int i = 0; i < reader->pair->images.count; i++)
        h5_reader_close(reader->readers[i]);
    memory_release(reader->readers);
    memory_release(reader->turned);
    memory_release(reader);
}

/* A reader holds a chunk, packed and unpacked, and a block in the order of the file. */
int64_t blocks__memory(const struct Pair *pair) {
    int64_t most = 0;
    for (int i = 0; i < pair->images.count; i++)
        if (is_read(pair, i) && pair->layouts[i].block > most)
            most = pair->layouts[i].block;
    return (2 * most + rows_to_turn(pair)) * image_bytes(pair);
}

/* Reads rows of an array. There are at most `room` if they must be reordered. */
static int read_rows(struct BlockReader *reader, int i, int64_t first, int64_t count, char *pixels,
                     struct Error *error) {
    const struct Pair *pair = reader->pair;
    const struct ImageLayout *layout = &pair->layouts[i];
    const struct Array *array = &pair->images.items[i];
    bool own = axes__are_own(&layout->axes);
    void *to = own ? pixels : reader->turned;
    int code = reader->readers[i]
                   ? h5_reader_read(reader->readers[i], first, count, to, error)
                   : h5_read(array->file, array->name.path, pair->bytes ? H5_UINT8 : H5_FLOAT32,
                             array->info.rank, array->info.size, to, error);
    if (code != OK || own)
        return code;
    int64_t part[AXES];
    memcpy(part, layout->shape, sizeof part);
    if (layout->samples >= 0)
        part[layout->axes.dimension[AXIS_SAMPLE]] = count;
    axes__reorder(&layout->axes, part, pair->bytes ? 1 : (int)sizeof(float), reader->turned,
                  pixels);
    return OK;
}

static int read_array(struct BlockReader *reader, int i, int64_t first, int64_t count,
                      bool together, char *pixels, struct Error *error) {
    const struct Pair *pair = reader->pair;
    int64_t bytes = image_bytes(pair);
    if (pair->encoded)
        return opening__decode_rows(&pair->images.items[i], pair->layouts[i].sizes, first, count,
                                    together, (uint8_t *)pixels, error);
    if (pair->runs[i].images) {
        memcpy(pixels, (const char *)pair->runs[i].images + first * bytes, (size_t)(count * bytes));
        return OK;
    }
    bool own = axes__are_own(&pair->layouts[i].axes);
    int64_t step = own ? count : reader->room;
    int code = OK;
    for (int64_t at = 0; at < count && code == OK; at += step)
        code = read_rows(reader, i, first + at, count - at < step ? count - at : step,
                         pixels + at * bytes, error);
    return code;
}

int blocks__read(struct BlockReader *reader, int64_t first, int64_t count, bool together,
                 void *pixels, struct Error *error) {
    const struct Pair *pair = reader->pair;
    const struct BlockCheck *check = &pair->check;
    int64_t begin, end;
    int i = blocks__of(pair, first, &begin, &end);
    int code = read_array(reader, i, first - pair->runs[i].first, count, together, pixels, error);
    if (code == OK && check->seen)
        code = check->seen(check->context, first, count, pixels, error);
    return code;
}

/* ---- All at once ---- */

int64_t blocks__bytes(const struct Pair *pair) {
    int64_t bytes = 0;
    for (int i = 0; i < pair->images.count; i++) {
        int64_t sizes[] = {pair->images.items[i].count, image_bytes(pair)};
        int64_t own = pair->runs[i].images ? 0 : memory_product(sizes, 2);
        bytes = own < 0 || own > INT64_MAX - bytes ? INT64_MAX : bytes + own;
    }
    return bytes;
}

/* Reads one worker's share of an array: of each `workers` consecutive parts of about LOAD_BYTES,
 * the one for which *turn is 0. *turn carries on from one array to the next. */
static int load_array(struct BlockReader *reader, int i, int *turn, int workers, char *pixels,
                      struct Error *error) {
    const struct Pair *pair = reader->pair;
    int64_t bytes = image_bytes(pair), block = pair->layouts[i].block;
    int64_t count = pair->images.items[i].count;
    int64_t step = (LOAD_BYTES / bytes + block - 1) / block * block;
    int code = OK;
    step = step < block ? block : step;
    for (int64_t at = 0; at < count && code == OK; at += step, *turn = (*turn + 1) % workers)
        if (*turn == 0)
            code = blocks__read(reader, pair->runs[i].first + at,
                                count - at < step ? count - at : step, true, pixels + at * bytes,
                                error);
    return code;
}

int blocks__load(const struct Pair *pair, int worker, int workers, void *pixels,
                 struct Error *error) {
    struct BlockReader *reader;
    char *at = pixels;
    int turn = worker, code = blocks__open(&reader, pair, error);
    if (code != OK)
        return code;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        if (pair->runs[i].images)
            continue;
        code = load_array(reader, i, &turn, workers, at, error);
        at += pair->images.items[i].count * image_bytes(pair);
    }
    blocks__close(reader);
    return code;
}

void blocks__take(struct Pair *pair, const void *pixels) {
    const char *at = pixels;
    for (int i = 0; i < pair->images.count; i++) {
        if (pair->runs[i].images)
            continue;
        pair->runs[i].images = at;
        at += pair->images.items[i].count * image_bytes(pair);
    }
}
