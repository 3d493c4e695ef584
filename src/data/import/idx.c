/* --format idx: the files of MNIST and its relatives (http://yann.lecun.com/exdb/mnist), plain or
 * compressed. Big-endian: two zero bytes, a type (8: unsigned byte), the number of dimensions, one
 * 32-bit size each, then the values. These sets are small: a split is read into memory. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "data/import.h"

struct IdxState {
    uint8_t *images[2]; /* train, test */
};

/* The first of the usual names that exists in the folder: with '-' or '.' before "idx", plain or
 * compressed. */
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
            return fail(error, ERROR_DATA, "%s: ends %lld bytes too early", path,
                        (long long)(count - done));
        done += got;
    }
    return OK;
}

static int64_t big_endian(const uint8_t *bytes) {
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* Reads the head and checks it. */
static int read_head(gzFile file, const char *path, int dimensions, int64_t *size,
                     struct Error *error) {
    uint8_t head[16];
    int status = read_exactly(file, path, head, 4 + 4 * dimensions, error);
    if (status != OK)
        return status;
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

/* Reads a whole file of `dimensions` dimensions; *values is released by the caller. */
static int read_file(const char *path, int dimensions, int64_t *size, uint8_t **values,
                     struct Error *error) {
    *values = NULL;
    gzFile file = gzopen(path, "rbe"); /* reads plain files too */
    if (!file)
        return fail_errno(error, "%s: cannot open", path);
    gzbuffer(file, 1 << 18);
    int status = read_head(file, path, dimensions, size, error);
    if (status == OK) {
        int64_t bytes = memory_product(size, dimensions);
        *values = memory_allocate((size_t)bytes, "idx values");
        status = read_exactly(file, path, *values, bytes, error);
    }
    uint8_t more;
    if (status == OK && gzread(file, &more, 1) != 0)
        status = fail(error, ERROR_DATA, "%s: goes on behind its last value", path);
    gzclose(file);
    return status;
}

/* The same image size in all splits. */
static int agree_on_size(struct ImportSource *source, const char *path, const int64_t *size,
                         struct Error *error) {
    if (source->height == 0) {
        source->height = size[1];
        source->width = size[2];
        source->channels = 1;
    }
    if (source->height != size[1] || source->width != size[2])
        return fail(error, ERROR_DATA, "%s: images of %lldx%lld; the other split has %lldx%lld",
                    path, (long long)size[1], (long long)size[2], (long long)source->height,
                    (long long)source->width);
    return OK;
}

static int read_pair(struct ImportSource *source, const char *name, int which,
                     const char *images_path, const char *labels_path, struct Error *error) {
    struct IdxState *state = source->state;
    int64_t size[3], label_count;
    uint8_t *labels = NULL;
    int status = read_file(images_path, 3, size, &state->images[which], error);
    if (status == OK)
        status = agree_on_size(source, images_path, size, error);
    if (status == OK)
        status = read_file(labels_path, 1, &label_count, &labels, error);
    if (status == OK && label_count != size[0])
        status = fail(error, ERROR_DATA, "%s: %lld labels for the %lld images of %s", labels_path,
                      (long long)label_count, (long long)size[0], images_path);
    if (status == OK) {
        struct ImportSplit *split = import_add_split(source, name, size[0]);
        for (int64_t i = 0; i < size[0]; i++) {
            split->labels[i] = labels[i];
            split->items[i] = (int64_t)which << 48 | i;
        }
    }
    memory_release(labels);
    return status;
}

static int open_split(struct ImportSource *source, const char *folder, const char *name, int which,
                      const char *stem, struct Error *error) {
    char *images = find_file(folder, stem, "images"), *labels = find_file(folder, stem, "labels");
    int status = OK;
    if (images && labels)
        status = read_pair(source, name, which, images, labels, error);
    else if (images || labels || which == 0)
        status = fail(error, ERROR_DATA, "%s: no %s-%s-%s-ubyte, plain or .gz", folder, stem,
                      images ? "labels" : "images", images ? "idx1" : "idx3");
    memory_release(images);
    memory_release(labels);
    return status;
}

static int open_idx(struct ImportSource *source, const struct ImportOptions *options,
                    const struct JobProgress *progress, struct Error *error) {
    (void)progress;
    source->state = memory_allocate(sizeof(struct IdxState), "idx files");
    if (options->source_count != 1)
        return fail(error, ERROR_USAGE,
                    "--format idx: expected one folder with train-images-idx3-ubyte and the like; "
                    "found %d operands",
                    options->source_count);
    int status = open_split(source, options->sources[0], "train", 0, "train", error);
    if (status == OK)
        status = open_split(source, options->sources[0], "test", 1, "t10k", error);
    if (status != OK)
        return status;
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
    import_set_classes(source, names, most + 1);
    return OK;
}

static int read_idx(const struct ImportSource *source, const int64_t *items, int64_t count,
                    uint8_t *pixels, struct Error *error) {
    (void)error;
    const struct IdxState *state = source->state;
    int64_t bytes = source->height * source->width;
    for (int64_t i = 0; i < count; i++) {
        int64_t image = items[i] & ((1ll << 48) - 1);
        memcpy(pixels + i * bytes, state->images[items[i] >> 48] + image * bytes, (size_t)bytes);
    }
    return OK;
}

static void release_idx(struct ImportSource *source) {
    struct IdxState *state = source->state;
    if (state) {
        memory_release(state->images[0]);
        memory_release(state->images[1]);
    }
    memory_release(state);
}

const struct ImportFormat import_idx = {
    .name = "idx",
    .help =
        "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-…, plain or .gz",
    .open = open_idx,
    .read = read_idx,
    .release = release_idx};
