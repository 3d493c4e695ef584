/* Formats cifar10 and cifar100: the binary and the Python versions
 * (https://www.cs.toronto.edu/~kriz/cifar.html). In the binary version a record is a label byte
 * (CIFAR-100: two, coarse and fine), then 3 planes of 32x32 bytes: red, green, blue. A file of the
 * Python version is a pickle of the same planes as an array, and of the labels as lists. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "sources/class_list.h"
#include "sources/pickle.h"
#include "sources/source.h"

#define SIDE 32
#define AREA (SIDE * SIDE)
#define FILES 16

struct CifarKind {
    const char *name;
    int label_bytes; /* bytes of labels before the pixels of a record */
    /* The binary and the Python version: the folder in the published archive, and its files, ended
     * by NULL. */
    struct {
        const char *folder, *files[8];
    } versions[2];
    /* Python version: the keys of the lists of labels, the file of names and the keys of its lists;
     * coarse ones come first. */
    const char *labels[2], *names_file, *names[2];
};

static const struct CifarKind cifar10 = {
    "cifar10",
    1,
    {{"cifar-10-batches-bin",
      {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
       "data_batch_5.bin", "test_batch.bin", NULL}},
     {"cifar-10-batches-py",
      {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch",
       NULL}}},
    {NULL, "labels"},
    "batches.meta",
    {NULL, "label_names"}};
static const struct CifarKind cifar100 = {"cifar100",
                                          2,
                                          {{"cifar-100-binary", {"train.bin", "test.bin", NULL}},
                                           {"cifar-100-python", {"train", "test", NULL}}},
                                          {"coarse_labels", "fine_labels"},
                                          "meta",
                                          {"coarse_label_names", "fine_label_names"}};

struct CifarState {
    const struct CifarKind *kind;
    bool coarse;
    int file_count;
    struct CifarFile {
        char *path;
        int descriptor;
        bool test; /* its name contains "test", so it belongs to split "test", else to "train" */
        int64_t records;
        /* byte at which the pixels of the first record begin, and bytes from one record to the next
         * */
        int64_t first, step;
        int32_t *labels; /* the labels of a pickle; NULL: they are before the pixels */
        uint8_t *pixels; /* (records, 3, 32, 32), if the file stores them in another order */
    } files[FILES];
};

static int64_t record_bytes(const struct CifarKind *kind) {
    return kind->label_bytes + 3 * AREA;
}

static int read_at(const struct CifarFile *file, int64_t offset, void *bytes, int64_t count,
                   struct Error *error) {
    int64_t got = read_file_part(file->descriptor, bytes, (uint64_t)count, (uint64_t)offset);
    if (got < 0)
        return fail_errno(error, "%s: cannot read", file->path);
    if (got < count)
        return fail(error, ERROR_DATA, "%s: became shorter while it was read", file->path);
    return OK;
}

/* Transposes pixels that are stored column by column, (3072, records). */
static int turn_pixels(struct CifarFile *file, struct Error *error) {
    int64_t bytes = file->records * 3 * AREA;
    uint8_t *columns = memory_array(uint8_t, bytes, "pixels of CIFAR");
    file->pixels = memory_array(uint8_t, bytes, "pixels of CIFAR");
    int code = read_at(file, file->first, columns, bytes, error);
    for (int64_t i = 0; i < bytes && code == OK; i++)
        file->pixels[i % file->records * 3 * AREA + i / file->records] = columns[i];
    memory_release(columns);
    return code;
}

static int take_pickle(const struct CifarState *state, struct CifarFile *file,
                       const struct Pickle *pickle, struct Error *error) {
    const char *key = state->kind->labels[!state->coarse];
    int64_t columns = 0;
    bool by_columns = false;
    int64_t count = pickle__numbers(pickle, key, NULL, 0);
    file->step = 3 * AREA;
    if (count < 1 ||
        !pickle__bytes(pickle, "data", &file->records, &columns, &file->first, &by_columns) ||
        columns != 3 * AREA || file->records != count) {
        char *keys = pickle__keys(pickle);
        fail(error, ERROR_DATA,
             "%s: is a pickle of %s; expected '%s', a list of N labels, and 'data', an array of "
             "uint8 (N, %d), as in the Python version of %s",
             file->path, keys, key, 3 * AREA, state->kind->name);
        memory_release(keys);
        return error->code;
    }
    int64_t *numbers = memory_array(int64_t, count, "labels");
    pickle__numbers(pickle, key, numbers, count);
    file->labels = memory_array(int32_t, count, "labels");
    for (int64_t i = 0; i < count; i++)
        file->labels[i] = numbers[i] < 0 || numbers[i] > INT32_MAX ? -1 : (int32_t)numbers[i];
    memory_release(numbers);
    return by_columns ? turn_pixels(file, error) : OK;
}

static int add_pickle(const struct CifarState *state, struct CifarFile *file, struct Error *error) {
    struct Pickle *pickle;
    int code = pickle__open(&pickle, file->path, error);
    if (code == OK)
        code = take_pickle(state, file, pickle, error);
    pickle__close(pickle);
    return code;
}

/* Opens one file. Takes ownership of `path`. */
static int add_file(struct CifarState *state, char *path, struct Error *error) {
    if (state->file_count == FILES) {
        memory_release(path);
        return fail_option(error, "format", state->kind->name, "more than %d files", FILES);
    }
    struct CifarFile *file = &state->files[state->file_count++];
    const char *slash = strrchr(path, '/');
    file->path = path;
    file->test = strstr(slash ? slash + 1 : path, "test") != NULL;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0)
        return fail_errno(error, "%s: cannot open", path);
    if (pickle__is_one(path))
        return add_pickle(state, file, error);
    int64_t record = record_bytes(state->kind);
    if (file_kind_at(path))
        return fail(error, ERROR_DATA, "%s: is not a file of %s: it %s", path, state->kind->name,
                    file_kind_at(path));
    if (!S_ISREG(about.st_mode) || about.st_size == 0 || about.st_size % record != 0)
        return fail(error, ERROR_DATA,
                    "%s: %" PRId64 " bytes; expected a multiple of %" PRId64
                    ", the size of a record of the binary "
                    "version of %s",
                    path, about.st_size, record, state->kind->name);
    file->records = about.st_size / record;
    file->first = state->kind->label_bytes;
    file->step = record;
    return OK;
}

/* Returns the archive's folder inside `source` if there is one, else `source` itself, and sets
 * which version it holds. The caller releases it. */
static char *batches_folder(const struct CifarKind *kind, const char *source, int *version) {
    for (*version = 0; *version < 2; ++*version) {
        char *inner = path_inner_folder(source, kind->versions[*version].folder);
        if (inner)
            return inner;
    }
    char *first = memory_print("%s/%s", source, kind->versions[1].files[0]);
    *version = access(first, F_OK) == 0;
    memory_release(first);
    return memory_copy_text(source);
}

static int add_source(struct CifarState *state, const char *source, struct Error *error) {
    if (!path_is_folder(source))
        return add_file(state, memory_copy_text(source), error);
    int version, code = OK;
    char *folder = batches_folder(state->kind, source, &version);
    const char *const *files = state->kind->versions[version].files;
    for (int i = 0; files[i] && code == OK; i++)
        code = add_file(state, memory_print("%s/%s", folder, files[i]), error);
    memory_release(folder);
    return code;
}

/* Reads the names from the pickle that belongs to the others. Those of CIFAR-10 are known without
 * it. */
static int read_pickled_names(struct Source *source, const char *path, int64_t expected,
                              struct Error *error) {
    const struct CifarState *state = source->state;
    struct Pickle *pickle;
    if (state->kind == &cifar10 && access(path, F_OK) != 0)
        return OK;
    int code = pickle__open(&pickle, path, error);
    if (code != OK)
        return code;
    const char *key = state->kind->names[!state->coarse];
    char **names = memory_array(char *, expected, "class names");
    for (int64_t i = 0; i < expected && code == OK; i++) {
        names[i] = pickle__text(pickle, key, i);
        if (!names[i])
            code = fail(error, ERROR_DATA, "%s: expected '%s', a list of %" PRId64 " names", path,
                        key, expected);
    }
    if (code == OK)
        source_set_classes(source, (const char *const *)names, expected);
    memory_release_texts(names, expected);
    pickle__close(pickle);
    return code;
}

/* Names the classes by the archive's file of names. It may be missing for CIFAR-10, whose ten names
 * are known here. */
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
    bool pickled = state->files[0].labels != NULL;
    char *path = path_beside(state->files[0].path, pickled ? state->kind->names_file : name);
    int code = pickled ? read_pickled_names(source, path, count, error)
                       : class_names__read(source, path, count, is_ten, error);
    memory_release(path);
    return code;
}

/* An item combines the index of a file and of a record in it. */
static int64_t make_item(int file, int64_t record) {
    return (int64_t)file << 48 | record;
}

static int read_labels(const struct Source *source, int index, int label_byte, int32_t *labels,
                       int64_t *items, struct Error *error) {
    const struct CifarState *state = source->state;
    const struct CifarFile *file = &state->files[index];
    for (int64_t i = 0; i < file->records; i++) {
        uint8_t byte = 0;
        int code = file->labels ? OK : read_at(file, i * file->step + label_byte, &byte, 1, error);
        if (code != OK)
            return code;
        int32_t label = file->labels ? file->labels[i] : byte;
        if (label < 0 || label >= source->targets.count)
            return fail(error, ERROR_DATA,
                        "%s: record %" PRId64 " has label %d; expected 0 ... %" PRId64
                        ": is it a file of %s?",
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
    state->coarse = options->coarse_labels;
    source->height = source->width = SIDE;
    source->channels = 3;
    if (options->path_count == 0)
        return fail_option(error, "format", kind->name,
                           "expected the folder or the files of its binary or Python version");
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
    uint8_t read[3 * AREA], *pixels = samples;
    for (int64_t i = 0; i < count; i++) {
        const struct CifarFile *file = &state->files[items[i] >> 48];
        int64_t record = items[i] & ((1ll << 48) - 1);
        const uint8_t *planes = file->pixels ? file->pixels + record * 3 * AREA : read;
        int code = file->pixels
                       ? OK
                       : read_at(file, file->first + record * file->step, read, 3 * AREA, error);
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
        memory_release(state->files[i].labels);
        memory_release(state->files[i].pixels);
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
