/* Format idx: the files of MNIST and its relatives (http://yann.lecun.com/exdb/mnist), plain or
 * compressed. A file is two zero bytes, a type, the number of dimensions, a 32-bit size for each
 * dimension (big-endian), then the values. Whole splits are kept in memory.
 *
 * Files are found by their names, [PREFIX-]SPLIT-images-idx3-ubyte and the same with "labels":
 * EMNIST's and QMNIST's have a prefix. EMNIST's images are stored column by column
 * (https://arxiv.org/abs/1702.05373), and a file beside them says which character a label is. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "base/text.h"
#include "sources/arrays.h"
#include "sources/folder.h"

/* The name of a file of images, taken apart. */
struct IdxName {
    char *file;   /* its path */
    char *prefix; /* before the split: "emnist-letters"; or "" */
    const char *split;
    size_t start, end; /* where "images" begins and ends in the path */
};

static void name_release(struct IdxName *name) {
    memory_release(name->file);
    memory_release(name->prefix);
}

/* Returns the split that the last word before "images" names; NULL: the word is a part of the
 * prefix. */
static const char *split_of_word(const char *word, size_t length) {
    static const char *const words[][2] = {{"train", "train"},      {"training", "train"},
                                           {"t10k", "test"},        {"test", "test"},
                                           {"testing", "test"},     {"test10k", "test10k"},
                                           {"test50k", "test50k"},  {"val", "validation"},
                                           {"valid", "validation"}, {"validation", "validation"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i][0]) == length && !strncasecmp(words[i][0], word, length))
            return words[i][1];
    return NULL;
}

static bool is_separator(char c) {
    return c == '-' || c == '_' || c == '.';
}

/* Returns whether a name is that of a file of images, and takes it apart. */
static bool parse_name(const char *folder, const char *file, struct IdxName *name) {
    const char *images = strstr(file, "images");
    if (!images || !is_separator(images[6]) || strncmp(images + 7, "idx", 3) ||
        !isdigit((unsigned char)images[10]))
        return false;
    size_t end = (size_t)(images - file);
    while (end > 0 && is_separator(file[end - 1]))
        end--;
    size_t word = end;
    while (word > 0 && !is_separator(file[word - 1]))
        word--;
    name->split = split_of_word(file + word, end - word);
    size_t prefix = name->split ? word : end;
    while (prefix > 0 && is_separator(file[prefix - 1]))
        prefix--;
    name->split = name->split ? name->split : "train";
    name->prefix = memory_copy_span(file, prefix);
    name->file = memory_print("%s/%s", folder, file);
    name->start = strlen(folder) + 1 + (size_t)(images - file);
    name->end = name->start + 6;
    return true;
}

/* Returns the file of labels for a file of images: its name differs in the word, the number of
 * dimensions and the type only. NULL if there is none. The caller releases it. */
static char *find_labels(const struct IdxName *name, const struct Folder *folder) {
    const char *slash = strrchr(name->file, '/');
    size_t stem = name->start - (size_t)(slash + 1 - name->file);
    for (int64_t i = 0; i < folder->files.count; i++) {
        const char *file = folder->files.names[i];
        if (!strncmp(file, slash + 1, stem) && !strncmp(file + stem, "labels", 6) &&
            is_separator(file[stem + 6]) && !strncmp(file + stem + 7, "idx", 3))
            return memory_print("%.*s/%s", (int)(slash - name->file), name->file, file);
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

static bool take_type(uint8_t type, struct Array *array) {
    static const struct {
        uint8_t type;
        enum NumberKind kind;
        int element;
    } types[] = {{0x08, NUMBER_UNSIGNED, 1}, {0x09, NUMBER_SIGNED, 1}, {0x0B, NUMBER_SIGNED, 2},
                 {0x0C, NUMBER_SIGNED, 4},   {0x0D, NUMBER_FLOAT, 4},  {0x0E, NUMBER_FLOAT, 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type) {
            array->kind = types[i].kind;
            array->element = types[i].element;
            array->swapped = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
            return true;
        }
    return false;
}

/* Reads and checks the head. */
static int read_head(gzFile file, int least, int most, struct Array *array, struct Error *error) {
    uint8_t head[4], size[4];
    int code = read_exactly(file, array->name, head, sizeof head, error);
    if (code != OK)
        return code;
    array->rank = head[3];
    if (head[0] != 0 || head[1] != 0 || !take_type(head[2], array) || array->rank < least ||
        array->rank > most)
        return fail(error, ERROR_DATA,
                    "%s: begins with %02x%02x%02x%02x; expected 000008%02x, an idx file of bytes "
                    "with %d dimension%s, or the like of another type",
                    array->name, head[0], head[1], head[2], head[3], (unsigned)least, least,
                    least == 1 ? "" : "s");
    for (int i = 0; i < array->rank && code == OK; i++) {
        code = read_exactly(file, array->name, size, sizeof size, error);
        array->size[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    if (code == OK)
        code = array__lay_out(array, false, error);
    return code == OK ? array__check_size(array, error) : code;
}

/* The most bytes that one byte of deflate can become. */
#define MOST_INFLATED 1032
/* Bytes that are allocated without looking at the file's size. */
#define BELIEVED ((int64_t)64 << 20)

/* Refuses a declared size that the file cannot fill, before memory is allocated for it. */
static int check_declared(gzFile file, const char *path, int64_t bytes, struct Error *error) {
    struct stat about;
    if (bytes <= BELIEVED)
        return OK;
    if (stat(path, &about))
        return fail_errno(error, "%s: cannot be examined", path);
    int64_t most = gzdirect(file) ? about.st_size : about.st_size * MOST_INFLATED;
    if (bytes > most)
        return fail(error, ERROR_DATA,
                    "%s: declares %" PRId64 " bytes of values, but its %" PRId64
                    " bytes can hold at most %" PRId64,
                    path, bytes, (int64_t)about.st_size, most);
    return OK;
}

/* Reads a whole file of `least` to `most` dimensions. The caller releases the array. */
static int read_file(const char *path, int least, int most, struct Array *array,
                     struct Error *error) {
    *array = (struct Array){.name = memory_copy_text(path), .file = -1};
    gzFile file = gzopen(path, "rbe"); /* reads plain files as well */
    if (!file)
        return fail_errno(error, "%s: cannot open", path);
    gzbuffer(file, 1 << 18);
    int code = read_head(file, least, most, array, error);
    int64_t bytes = code ? 0 : array__bytes(array);
    if (code == OK)
        code = check_declared(file, path, bytes, error);
    if (code == OK) {
        array->bytes = memory_array(uint8_t, bytes, "idx values");
        code = read_exactly(file, path, array->bytes, bytes, error);
    }
    uint8_t more;
    if (code == OK && gzread(file, &more, 1) != 0)
        code = fail(error, ERROR_DATA, "%s: goes on after its last value", path);
    gzclose(file);
    return code;
}

/* Keeps the first of the 8 numbers that QMNIST has for each sample: the class. */
static void take_first_column(struct Array *labels) {
    if (labels->rank == 2)
        labels->size[1] = 1;
}

static int add_split(struct Source *source, const struct IdxName *name, const struct Folder *folder,
                     const struct SourceOptions *options, struct Error *error) {
    char *labels_path = find_labels(name, folder);
    struct Array images = {.file = -1}, labels = {.file = -1};
    if (source_find_split(source, name->split)) {
        log_warning("%s: is a second file of images of split %s, and is not read", name->file,
                    name->split);
        memory_release(labels_path);
        return OK;
    }
    if (!labels_path)
        return fail(error, ERROR_DATA,
                    "%s: no file of labels beside it; expected the same name with 'labels'",
                    name->file);
    int code = read_file(name->file, 3, 4, &images, error);
    if (code == OK)
        code = read_file(labels_path, 1, 2, &labels, error);
    if (code == OK) {
        take_first_column(&labels);
        code = arrays__add(source, name->split, &images, &labels, options, error);
    }
    array__release(&images);
    array__release(&labels);
    memory_release(labels_path);
    return code;
}

/* Reads PREFIX-mapping.txt, which has a label and one or several codes of characters on each line.
 * These are the classes; the first may have a label other than 0. */
static int read_mapping(struct Source *source, const char *folder, const char *prefix,
                        struct Error *error) {
    char *path = memory_print("%s/%s-mapping.txt", folder, prefix), line[200];
    struct Arrays *state = source->state;
    FILE *file;
    int failed = read_file_regular(path, &file, error), label, code, first = -1, count = 0;
    char names[256][2] = {{0}};
    while (file && count < 256 && fgets(line, sizeof line, file))
        if (sscanf(line, "%d %d", &label, &code) == 2 && label >= 0 && label < 1000000 &&
            isgraph(code & 127) && code < 128) {
            first = count == 0 ? label : first;
            if (label != first + count)
                break;
            names[count++][0] = (char)code;
        }
    if (file)
        fclose(file);
    memory_release(path);
    bool fits = count > 0 && first >= 0 && state->last_label - first < count;
    for (int i = 0; i < source->split_count && fits; i++)
        for (int64_t k = 0; k < source->splits[i].count && fits; k++)
            fits = source->splits[i].labels && source->splits[i].labels[k] >= first;
    if (failed || !fits)
        return failed;
    for (int i = 0; i < source->split_count; i++)
        for (int64_t k = 0; k < source->splits[i].count; k++)
            source->splits[i].labels[k] -= first;
    const char *classes[256];
    for (int i = 0; i < count; i++)
        classes[i] = names[i];
    source_set_classes(source, classes, count);
    return OK;
}

/* Drops the files of data sets with another prefix. If the prefix is NULL, there must be one data
 * set only. */
static int keep_prefix(struct IdxName *names, int *count, const char *folder, const char *prefix,
                       struct Error *error) {
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        if (!prefix && strcmp(names[i].prefix, names[0].prefix))
            return fail(error, ERROR_DATA,
                        "%s: holds the data sets '%s' and '%s'; expected one: name it, as in %s/%s",
                        folder, names[0].prefix, names[i].prefix, folder, names[0].prefix);
        if (prefix && strcmp(names[i].prefix, prefix))
            name_release(&names[i]);
        else
            names[kept++] = names[i];
    }
    *count = kept;
    return OK;
}

static bool has_train(const struct IdxName *names, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i].split, "train"))
            return true;
    return false;
}

static int add_splits(struct Source *source, const struct IdxName *names, int count,
                      const struct Folder *files, const char *folder, const char *prefix,
                      const struct SourceOptions *options, struct Error *error) {
    struct Arrays *state = source->state;
    if (!has_train(names, count))
        return fail(error, ERROR_DATA, "%s: holds no %s%strain-images-idx3-ubyte%s, plain or .gz",
                    folder, prefix ? prefix : "", prefix ? "-" : "",
                    prefix ? "" : " or PREFIX-train-images-idx3-ubyte");
    bool emnist = !strncasecmp(names[0].prefix, "emnist", 6);
    state->transposed = options->arrays.transpose == TRANSPOSE_YES ||
                        (options->arrays.transpose == TRANSPOSE_AUTO && emnist);
    int code = OK;
    for (int pass = 0; pass < 2; pass++) /* train first */
        for (int i = 0; i < count && code == OK; i++)
            if (!strcmp(names[i].split, "train") == (pass == 0))
                code = add_split(source, &names[i], files, options, error);
    if (code != OK)
        return code;
    arrays__name_classes(source, options);
    if (*names[0].prefix && !options->arrays.first_label && !targets_are_values(&source->targets))
        code = read_mapping(source, folder, names[0].prefix, error);
    return code;
}

/* Returns whether a file is FILE.gz and FILE exists, too. */
static bool is_packed_twin(const struct Folder *folder, int64_t i) {
    const char *name = folder->files.names[i];
    for (int64_t k = 0; k < i && text_ends_with(name, ".gz"); k++)
        if (strlen(folder->files.names[k]) + 3 == strlen(name) &&
            !strncmp(folder->files.names[k], name, strlen(name) - 3))
            return true;
    return false;
}

static int open_folder(struct Source *source, const char *path, const char *prefix,
                       const struct SourceOptions *options, struct Error *error) {
    int64_t skipped = 0;
    const struct BadLinks links = {.skip_bad = true, .skipped = &skipped};
    struct IdxName names[64];
    struct Folder folder;
    int count = 0, code = folder__list(&folder, path, &links, error);
    for (int64_t i = 0; i < folder.files.count && count < 64; i++)
        if (!is_packed_twin(&folder, i))
            count += parse_name(path, folder.files.names[i], &names[count]);
    if (code == OK)
        code = keep_prefix(names, &count, path, prefix, error);
    if (code == OK)
        code = add_splits(source, names, count, &folder, path, prefix, options, error);
    for (int i = 0; i < count; i++)
        name_release(&names[i]);
    folder__release(&folder);
    return code;
}

static int open_idx(struct Source *source, const struct SourceOptions *options,
                    const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    if (options->path_count != 1)
        return fail_option(error, "format", "idx",
                           "expected one folder with train-images-idx3-ubyte and the like; "
                           "found %d paths",
                           options->path_count);
    arrays__start(source);
    const char *path = options->paths[0];
    struct stat about;
    if (path_is_folder(path))
        return open_folder(source, path, NULL, options, error);
    char *folder = path_folder(path); /* FOLDER/PREFIX */
    int code = stat(folder, &about) ? fail_errno(error, "%s: cannot open", path)
                                    : open_folder(source, folder, path_base(path), options, error);
    memory_release(folder);
    return code;
}

extern const struct SourceFormat source_idx;
const struct SourceFormat source_idx = {.name = "idx",
                                        .takes = SOURCE_TAKES_ARRAYS,
                                        .open = open_idx,
                                        .read = arrays__read,
                                        .release = arrays__release};
