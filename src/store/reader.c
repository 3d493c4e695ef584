/* Arrays that are read in runs of samples, ahead of their use. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "store/chunks.h"

struct H5Reader {
    struct H5File *file;
    char *name;
    enum H5Type type;
    int samples; /* the dimension of the samples */
    struct H5Opened opened;
    size_t element;
    bool direct;            /* chunks are read and unpacked here, not by HDF5 */
    struct H5Chunks chunks; /* if direct */
    unsigned char *fill;    /* an element that was never written */
};

bool h5_allows_threads(void) {
    hbool_t safe = false;
    return H5is_library_threadsafe(&safe) >= 0 && safe;
}

/* Whether chunks hold the very bytes that are wanted, packed in ways that are known here. */
static bool is_direct(struct H5Reader *reader) {
    const struct H5Opened *opened = &reader->opened;
    bool same = reader->type == H5_BYTES || H5Tequal(opened->type, h5__native(reader->type)) > 0;
    return same && reader->chunks.understood && opened->whole < 0 &&
           H5Pget_fill_value(opened->create, opened->type, reader->fill) >= 0;
}

static int find_chunks(struct H5Reader *reader, struct Error *error) {
    if (H5Pget_layout(reader->opened.create) != H5D_CHUNKED)
        return OK;
    int code = chunks__open(&reader->chunks, reader->file, reader->name, &reader->opened, error);
    reader->direct = code == OK && is_direct(reader);
    return code;
}

int h5_reader_open(struct H5Reader **out, struct H5File *file, const char *name, enum H5Type type,
                   int samples, struct Error *error) {
    struct H5Reader *reader = memory_allocate(sizeof *reader, "an array that is read in parts");
    *out = NULL;
    reader->file = file;
    reader->name = memory_copy_text(h5__relative(name));
    reader->type = type;
    reader->samples = samples;
    int code = h5__open_dataset(file, reader->name, &reader->opened, error);
    if (code != OK) {
        memory_release(reader->name);
        memory_release(reader);
        return code;
    }
    reader->element = type == H5_BYTES ? H5Tget_size(reader->opened.type) : h5__size(type);
    reader->fill = memory_allocate(reader->element, "an element of an HDF5 file");
    CHECK(samples >= 0 && samples < reader->opened.info.rank);
    code = find_chunks(reader, error);
    if (code == OK)
        *out = reader;
    else
        h5_reader_close(reader);
    return code;
}

void h5_reader_close(struct H5Reader *reader) {
    if (!reader)
        return;
    h5__close_dataset(&reader->opened);
    chunks__close(&reader->chunks);
    memory_release(reader->name);
    memory_release(reader->fill);
    memory_release(reader);
}

/* Copies what a chunk and the wanted rows have in common, dimension by dimension. `from` and `to`
 * are of the first common element; NULL: the fill value. */
struct Copying {
    const struct H5Reader *reader;
    int64_t extent[H5_RANK];                            /* common elements */
    int64_t from_strides[H5_RANK], to_strides[H5_RANK]; /* bytes */
};

static void copy_common(const struct Copying *copying, int dimension, const char *from, char *to) {
    const struct H5Reader *reader = copying->reader;
    int64_t extent = copying->extent[dimension];
    if (dimension == reader->opened.info.rank - 1) {
        if (from)
            memcpy(to, from, (size_t)extent * reader->element);
        for (int64_t i = 0; !from && i < extent; i++)
            memcpy(to + (size_t)i * reader->element, reader->fill, reader->element);
        return;
    }
    for (int64_t i = 0; i < extent; i++)
        copy_common(copying, dimension + 1,
                    from ? from + i * copying->from_strides[dimension] : NULL,
                    to + i * copying->to_strides[dimension]);
}

static void set_strides(const struct H5Reader *reader, const int64_t *sizes, int64_t *strides) {
    int64_t stride = (int64_t)reader->element;
    for (int i = reader->opened.info.rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= sizes[i];
    }
}

static int place_chunk(struct H5Reader *reader, const hsize_t *at, const int64_t *first,
                       const int64_t *part, char *buffer, struct Error *error) {
    struct Copying copying = {.reader = reader};
    const void *chunk;
    int64_t sizes[H5_RANK], from = 0, to = 0;
    int code = chunks__load(&reader->chunks, at, &chunk, error);
    if (code != OK)
        return code;
    for (int i = 0; i < reader->opened.info.rank; i++)
        sizes[i] = (int64_t)reader->chunks.size[i];
    set_strides(reader, sizes, copying.from_strides);
    set_strides(reader, part, copying.to_strides);
    for (int i = 0; i < reader->opened.info.rank; i++) {
        int64_t begin = (int64_t)at[i] > first[i] ? (int64_t)at[i] : first[i];
        int64_t end = (int64_t)at[i] + sizes[i], last = first[i] + part[i];
        copying.extent[i] = (end < last ? end : last) - begin;
        from += (begin - (int64_t)at[i]) * copying.from_strides[i];
        to += (begin - first[i]) * copying.to_strides[i];
    }
    copy_common(&copying, 0, chunk ? (const char *)chunk + from : NULL, buffer + to);
    return OK;
}

static int read_direct(struct H5Reader *reader, const int64_t *first, const int64_t *part,
                       void *buffer, struct Error *error) {
    hsize_t at[H5_RANK];
    int code;
    chunks__first(&reader->chunks, first, at);
    do
        code = place_chunk(reader, at, first, part, buffer, error);
    while (code == OK && chunks__next(&reader->chunks, first, part, at));
    return code;
}

int h5_reader_read(struct H5Reader *reader, int64_t first, int64_t count, void *buffer,
                   struct Error *error) {
    int64_t start[H5_RANK] = {0}, part[H5_RANK];
    const struct H5Info *info = &reader->opened.info;
    CHECK(first >= 0 && count > 0 && first <= info->size[reader->samples] - count);
    memcpy(part, info->size, sizeof part);
    start[reader->samples] = first;
    part[reader->samples] = count;
    if (reader->direct)
        return read_direct(reader, start, part, buffer, error);
    return h5__read_part(reader->file, reader->name, &reader->opened, reader->type, start, part,
                         buffer, error);
}
