/* Arrays that are read in runs of samples, ahead of their use. */
#include <string.h>

#include "base/memory.h"
#include "store/chunks.h"

struct H5Reader {
    struct H5File *file;
    char *name;
    enum H5Type type;
    int samples; /* the dimension of the samples */
    struct H5Opened opened;
    struct H5Chunks chunks; /* if they are readable, HDF5 does not read them */
};

bool h5_allows_threads(void) {
    hbool_t safe = false;
    return H5is_library_threadsafe(&safe) >= 0 && safe;
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
    CHECK(samples >= 0 && samples < reader->opened.info.rank);
    if (H5Pget_layout(reader->opened.create) == H5D_CHUNKED)
        code = chunks__open(&reader->chunks, file, reader->name, &reader->opened, error);
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
    memory_release(reader);
}

int h5_reader_read(struct H5Reader *reader, int64_t first, int64_t count, void *buffer,
                   struct Error *error) {
    int64_t start[H5_RANK] = {0}, part[H5_RANK];
    const struct H5Info *info = &reader->opened.info;
    CHECK(first >= 0 && count > 0 && first <= info->size[reader->samples] - count);
    memcpy(part, info->size, sizeof part);
    start[reader->samples] = first;
    part[reader->samples] = count;
    if (reader->chunks.readable)
        return chunks__read(&reader->chunks, reader->type, start, part, buffer, error);
    return h5__read_part(reader->file, reader->name, &reader->opened, reader->type, start, part,
                         buffer, error);
}
