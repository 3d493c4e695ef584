/* Format idx: the files of MNIST and its relatives (http://yann.lecun.com/exdb/mnist), plain or
 * compressed. A file is two zero bytes, a type (8: unsigned byte), the number of dimensions, a
 * 32-bit size for each dimension (big-endian), then the values. These data sets are small: whole
 * splits are kept in memory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "sources/source.h"

struct IdxState {
    uint8_t *images[2]; /* train, test */
};

/* The first of the usual names that exists in the folder, with '-' or '.' before "idx", plain or
 * compressed; NULL if none does. The caller releases it. */
static char *find_file(const char *folder, const char *stem, const char *kind) {
    static const char *const separators[] = {"-", "."}, *const ends[] = {"", ".gz"};
    const char *idx = strcmp(kind, "images") == 0 ? "idx3-ubyte" : "idx1-ubyte";
    for (int i = 0; i < 4; i++) {
        char *path =
            memory_print("%s/%s-%s%s%s%s", folder, stem, kind, separators[i / 2], idx, ends[i % 2]);
        if (access(path, F_OK) == 0)
            return path;
        memory_release(path);
    }
    return NULL;
}

static int read_exactly(gzFile file, const char *path, uint8_t *bytes, int64_t count,
                        struct Error *error) {
    for (int64_t done = 0; done < count;) {
        unsigned piece = count - done < (1 << 30) ? (unsigned)(count - done) : 1u << 30;
        int got = gzread(file, bytes + done, piece);
        if (got < 0) {
            int code;
            return fail(error, ERROR_DATA, "%s: cannot read: %s", path, gzerror(file, &code));
        }
        if (got == 0)
            return fail(error, ERROR_DATA, "%s: ends %" PRId64 " bytes too early", path,
                        count - done);
        done += got;
    }
    return OK;
}

static int64_t big_endian(const uint8_t *bytes) {
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* Reads and checks the head; says the size of each dimension. */
static int read_head(gzFile file, const char *path, int dimensions, int64_t *size,
                     struct Error *error) {
    uint8_t head[16];
    int code = read_exactly(file, path, head, 4 + 4 * dimensions, error);
    if (code != OK)
        return code;
    if (head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] != dimensions)
        return fail(
            error, ERROR_DATA,
            "%s: begins with %02x%02x%02x%02x; expected 000008%02x, an idx file of bytes with "
            "%d dimension%s",
            path, head[0], head[1], head[2], head[3], (unsigned)dimensions, dimensions,
            dimensions == 1 ? "" : "s");
    for (int i = 0; i < dimensions; i++)
        size[i] = big_endian(head + 4 + 4 * i);
    int64_t bytes = memory_product(size, dimensions);
    if (bytes < 1 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s: declares %s", path,
                    bytes == 0 ? "no values" : "more than memory can hold");
    return OK;
}

/* Reads a whole file of `dimensions` dimensions. The caller releases *values. */
static int read_file(const char *path, int dimensions, int64_t *size, uint8_t **values,
                     struct Error *error) {
    *values = NULL;
    gzFile file = gzopen(path, "rbe"); /* reads plain files as well */
    if (!file)
        return fail_errno(error, "%s: cannot open", path);
    gzbuffer(file, 1 << 18);
    int code = read_head(file, path, dimensions, size, error);
    if (code == OK) {
        int64_t bytes = memory_product(size, dimensions);
        *values = memory_array(uint8_t, bytes, "idx values");
        code = read_exactly(file, path, *values, bytes, error);
    }
    uint8_t more;
    if (code == OK && gzread(file, &more, 1) != 0)
        code = fail(error, ERROR_DATA, "%s: goes on after its last value", path);
    gzclose(file);
    return code;
}

/* Images have the same size in all splits. */
static int agree_on_size(struct Source *source, const char *path, const int64_t *size,
                         struct Error *error) {
    if (source->height == 0) {
        source->height = size[1];
        source->width = size[2];
        source->channels = 1;
    }
    if (source->height != size[1] || source->width != size[2])
        return fail(error, ERROR_DATA,
                    "%s: images of %" PRId64 "x%" PRId64 "; the other split has %" PRId64
                    "x%" PRId64,
                    path, size[1], size[2], source->height, source->width);
    return OK;
}

static int read_pair(struct Source *source, const char *name, int which, const char *images_path,
                     const char *labels_path, struct Error *error) {
    struct IdxState *state = source->state;
    int64_t size[3], label_count;
    uint8_t *labels = NULL;
    int code = read_file(images_path, 3, size, &state->images[which], error);
    if (code == OK)
        code = agree_on_size(source, images_path, size, error);
    if (code == OK)
        code = read_file(labels_path, 1, &label_count, &labels, error);
    if (code == OK && label_count != size[0])
        code = fail(error, ERROR_DATA, "%s: %" PRId64 " labels for the %" PRId64 " images of %s",
                    labels_path, label_count, size[0], images_path);
    if (code == OK) {
        struct SourceSplit *split = source_add_split(source, name, size[0]);
        for (int64_t i = 0; i < size[0]; i++) {
            split->labels[i] = labels[i];
            split->items[i] = (int64_t)which << 48 | i;
        }
    }
    memory_release(labels);
    return code;
}

static int open_split(struct Source *source, const char *folder, const char *name, int which,
                      const char *stem, struct Error *error) {
    char *images = find_file(folder, stem, "images"), *labels = find_file(folder, stem, "labels");
    int code = OK;
    if (images && labels)
        code = read_pair(source, name, which, images, labels, error);
    else if (images || labels || which == 0)
        code = fail(error, ERROR_DATA, "%s: no %s-%s-%s-ubyte, plain or .gz", folder, stem,
                    images ? "labels" : "images", images ? "idx1" : "idx3");
    memory_release(images);
    memory_release(labels);
    return code;
}

static int open_idx(struct Source *source, const struct SourceOptions *options,
                    const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    source->state = memory_allocate(sizeof(struct IdxState), "idx files");
    if (options->path_count != 1)
        return fail_option(error, "format", "idx",
                           "expected one folder with train-images-idx3-ubyte and the like; "
                           "found %d paths",
                           options->path_count);
    int code = open_split(source, options->paths[0], "train", 0, "train", error);
    if (code == OK)
        code = open_split(source, options->paths[0], "test", 1, "t10k", error);
    if (code != OK)
        return code;
    int32_t most = 0;
    for (int i = 0; i < source->split_count; i++)
        for (int64_t k = 0; k < source->splits[i].count; k++)
            most = source->splits[i].labels[k] > most ? source->splits[i].labels[k] : most;
    char digits[256][4];
    const char *names[256];
    for (int i = 0; i <= most; i++) {
        snprintf(digits[i], sizeof digits[i], "%d", i);
        names[i] = digits[i];
    }
    source_set_classes(source, names, most + 1);
    return OK;
}

static int read_idx(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                    struct Error *error) {
    (void)error;
    const struct IdxState *state = source->state;
    uint8_t *pixels = samples;
    int64_t bytes = source->height * source->width;
    for (int64_t i = 0; i < count; i++) {
        int64_t image = items[i] & ((1ll << 48) - 1);
        memcpy(pixels + i * bytes, state->images[items[i] >> 48] + image * bytes, (size_t)bytes);
    }
    return OK;
}

static void release_idx(struct Source *source) {
    struct IdxState *state = source->state;
    if (state) {
        memory_release(state->images[0]);
        memory_release(state->images[1]);
    }
    memory_release(state);
}

extern const struct SourceFormat source_idx;
const struct SourceFormat source_idx = {
    .name = "idx", .open = open_idx, .read = read_idx, .release = release_idx};
