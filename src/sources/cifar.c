/* Formats cifar10 and cifar100: the binary versions (https://www.cs.toronto.edu/~kriz/cifar.html).
 * A record is a label byte (CIFAR-100: two, coarse and fine), then 3 planes of 32x32 bytes: red,
 * green, blue. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "sources/source.h"

#define SIDE 32
#define AREA (SIDE * SIDE)
#define FILES 16

struct CifarKind {
    const char *name;
    const char *folder;   /* in the published archive */
    int label_bytes;      /* before the pixels of a record */
    const char *files[8]; /* in the folder, NULL-terminated */
};

static const struct CifarKind cifar10 = {"cifar10",
                                         "cifar-10-batches-bin",
                                         1,
                                         {"data_batch_1.bin", "data_batch_2.bin",
                                          "data_batch_3.bin", "data_batch_4.bin",
                                          "data_batch_5.bin", "test_batch.bin", NULL}};
static const struct CifarKind cifar100 = {
    "cifar100", "cifar-100-binary", 2, {"train.bin", "test.bin", NULL}};

struct CifarState {
    const struct CifarKind *kind;
    int file_count;
    struct CifarFile {
        char *path;
        int descriptor;
        bool test; /* "test" is in its name: it belongs to split "test", else to "train" */
        int64_t records;
    } files[FILES];
};

static int64_t record_bytes(const struct CifarKind *kind) {
    return kind->label_bytes + 3 * AREA;
}

static int64_t record_offset(const struct CifarKind *kind, int64_t record) {
    return record * record_bytes(kind);
}

/* Opens one file; takes over `path`. */
static int add_file(struct CifarState *state, char *path, struct Error *error) {
    if (state->file_count == FILES) {
        memory_release(path);
        return fail_option(error, "format", state->kind->name, "more than %d files", FILES);
    }
    struct CifarFile *file = &state->files[state->file_count++];
    const char *slash = strrchr(path, '/');
    file->path = path;
    file->test = strstr(slash ? slash + 1 : path, "test") != NULL;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0)
        return fail_errno(error, "%s: cannot open", path);
    int64_t record = record_bytes(state->kind);
    if (!S_ISREG(about.st_mode) || about.st_size == 0 || about.st_size % record != 0)
        return fail(error, ERROR_DATA,
                    "%s: %" PRId64 " bytes; expected a multiple of %" PRId64
                    ", the size of a record of the binary "
                    "version of %s",
                    path, about.st_size, record, state->kind->name);
    file->records = about.st_size / record;
    return OK;
}

/* The archive's folder inside `source` if there is one, else `source` itself. The caller releases
 * it. */
static char *batches_folder(const struct CifarKind *kind, const char *source) {
    char *inner = memory_print("%s/%s", source, kind->folder);
    if (path_is_folder(inner))
        return inner;
    memory_release(inner);
    return memory_copy_text(source);
}

static int add_source(struct CifarState *state, const char *source, struct Error *error) {
    if (!path_is_folder(source))
        return add_file(state, memory_copy_text(source), error);
    char *folder = batches_folder(state->kind, source);
    int code = OK;
    for (int i = 0; state->kind->files[i] && code == OK; i++)
        code = add_file(state, memory_print("%s/%s", folder, state->kind->files[i]), error);
    memory_release(folder);
    return code;
}

/* Reads the class names: one on each line; blank lines do not count. If the file is missing and
 * `optional`, no names are set. */
static int read_names(struct Source *source, const char *path, int64_t expected, bool optional,
                      struct Error *error) {
    FILE *file = fopen(path, "re");
    if (!file && optional && errno == ENOENT)
        return OK;
    if (!file)
        return fail_errno(error, "%s: cannot open; it names the classes", path);
    char *names[256], line[256];
    int64_t count = 0;
    while (count < 256 && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0])
            names[count++] = memory_copy_text(line);
    }
    fclose(file);
    int code = OK;
    if (count == expected)
        source_set_classes(source, (const char *const *)names, count);
    else
        code = fail(error, ERROR_DATA, "%s: %" PRId64 " class names; expected %" PRId64, path,
                    count, expected);
    for (int64_t i = 0; i < count; i++)
        memory_release(names[i]);
    return code;
}

/* The archives have a file of class names. CIFAR-10 can do without: its ten are known here. */
static int name_classes(struct Source *source, const struct SourceOptions *options,
                        struct Error *error) {
    static const char *const ten[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};
    const struct CifarState *state = source->state;
    bool is_ten = state->kind == &cifar10;
    int64_t count = is_ten ? 10 : options->coarse_labels ? 20 : 100;
    if (options->classes && options->class_count != count)
        return fail_option(error, "classes", NULL, "names %" PRId64 " classes; expected %" PRId64,
                           options->class_count, count);
    if (is_ten || options->classes)
        source_set_classes(source, options->classes ? options->classes : ten, count);
    if (options->classes)
        return OK;
    const char *name = is_ten                   ? "batches.meta.txt"
                       : options->coarse_labels ? "coarse_label_names.txt"
                                                : "fine_label_names.txt";
    const char *first = state->files[0].path, *slash = strrchr(first, '/');
    char *path = memory_print("%.*s%s", slash ? (int)(slash - first) + 1 : 0, first, name);
    int code = read_names(source, path, count, is_ten, error);
    memory_release(path);
    return code;
}

static int read_at(const struct CifarFile *file, int64_t offset, void *bytes, size_t count,
                   struct Error *error) {
    int64_t got = read_file_part(file->descriptor, bytes, count, (uint64_t)offset);
    if (got < 0)
        return fail_errno(error, "%s: cannot read", file->path);
    if ((size_t)got < count)
        return fail(error, ERROR_DATA, "%s: became shorter while it was read", file->path);
    return OK;
}

/* An item is the number of a file and of a record in it. */
static int64_t make_item(int file, int64_t record) {
    return (int64_t)file << 48 | record;
}

static int read_labels(const struct Source *source, int index, int label_byte, int32_t *labels,
                       int64_t *items, struct Error *error) {
    const struct CifarState *state = source->state;
    const struct CifarFile *file = &state->files[index];
    for (int64_t i = 0; i < file->records; i++) {
        uint8_t label;
        int code = read_at(file, record_offset(state->kind, i) + label_byte, &label, 1, error);
        if (code != OK)
            return code;
        if (label >= source->targets.count)
            return fail(error, ERROR_DATA,
                        "%s: record %" PRId64 " has label %d; expected 0 ... %" PRId64
                        ": is it the binary version "
                        "of %s?",
                        file->path, i, label, source->targets.count - 1, state->kind->name);
        labels[i] = label;
        items[i] = make_item(index, i);
    }
    return OK;
}

static int add_split(struct Source *source, const char *name, bool test, int label_byte,
                     struct Error *error) {
    const struct CifarState *state = source->state;
    int64_t count = 0, done = 0;
    for (int i = 0; i < state->file_count; i++)
        count += state->files[i].test == test ? state->files[i].records : 0;
    if (count == 0)
        return OK;
    struct SourceSplit *split = source_add_split(source, name, count);
    int code = OK;
    for (int i = 0; i < state->file_count && code == OK; i++)
        if (state->files[i].test == test) {
            code = read_labels(source, i, label_byte, split->labels + done, split->items + done,
                               error);
            done += state->files[i].records;
        }
    return code;
}

static int open_cifar(struct Source *source, const struct SourceOptions *options,
                      const struct CifarKind *kind, struct Error *error) {
    struct CifarState *state = memory_allocate(sizeof *state, "CIFAR files");
    source->state = state;
    state->kind = kind;
    source->height = source->width = SIDE;
    source->channels = 3;
    if (options->path_count == 0)
        return fail_option(error, "format", kind->name,
                           "expected the folder or the files of its binary version");
    int code = OK;
    for (int i = 0; i < options->path_count && code == OK; i++)
        code = add_source(state, options->paths[i], error);
    if (code == OK)
        code = name_classes(source, options, error);
    int label_byte = kind->label_bytes == 2 && !options->coarse_labels ? 1 : 0;
    if (code == OK)
        code = add_split(source, "train", false, label_byte, error);
    if (code == OK)
        code = add_split(source, "test", true, label_byte, error);
    return code;
}

static int open_cifar10(struct Source *source, const struct SourceOptions *options,
                        const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    return open_cifar(source, options, &cifar10, error);
}

static int open_cifar100(struct Source *source, const struct SourceOptions *options,
                         const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    return open_cifar(source, options, &cifar100, error);
}

static int read_records(const struct Source *source, const int64_t *items, int64_t count,
                        void *samples, struct Error *error) {
    const struct CifarState *state = source->state;
    uint8_t planes[3 * AREA], *pixels = samples;
    for (int64_t i = 0; i < count; i++) {
        const struct CifarFile *file = &state->files[items[i] >> 48];
        int64_t record = items[i] & ((1ll << 48) - 1);
        int code = read_at(file, record_offset(state->kind, record) + state->kind->label_bytes,
                           planes, sizeof planes, error);
        if (code != OK)
            return code;
        for (int64_t p = 0; p < AREA; p++)
            for (int64_t c = 0; c < 3; c++)
                pixels[(i * AREA + p) * 3 + c] = planes[c * AREA + p];
    }
    return OK;
}

static void release_cifar(struct Source *source) {
    struct CifarState *state = source->state;
    for (int i = 0; state && i < state->file_count; i++) {
        if (state->files[i].descriptor >= 0)
            close(state->files[i].descriptor);
        memory_release(state->files[i].path);
    }
    memory_release(state);
}

extern const struct SourceFormat source_cifar10;
const struct SourceFormat source_cifar10 = {
    .name = "cifar10", .open = open_cifar10, .read = read_records, .release = release_cifar};
extern const struct SourceFormat source_cifar100;
const struct SourceFormat source_cifar100 = {.name = "cifar100",
                                             .takes = SOURCE_TAKES_LABELS,
                                             .open = open_cifar100,
                                             .read = read_records,
                                             .release = release_cifar};
