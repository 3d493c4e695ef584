#include "sources/picture_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "base/text.h"
#include "pictures/picture_decode.h"
#include "sources/csv.h"
#include "sources/fields.h"
#include "sources/first_error.h"
#include "sources/folder.h"

static void add_file(struct PictureList *list, char *path, char *name) {
    list->files = memory_room(list->files, list->count, "names of pictures");
    list->files[list->count++] = (struct PictureFile){.path = path, .name = name};
}

void picture_list_release(struct PictureList *list) {
    for (int64_t i = 0; i < list->count; i++) {
        memory_release(list->files[i].path);
        memory_release(list->files[i].name);
    }
    memory_release(list->files);
    *list = (struct PictureList){0};
}

/* Returns a failure, or, with skip_bad, leaves out the file that caused it. */
static int leave_out(struct PictureList *list, const struct PictureListOptions *options,
                     struct Error *error) {
    if (!options->skip_bad)
        return error->code;
    source_notice(options->ticker, error->text);
    list->skipped++;
    return OK;
}

/* ---- What a file is ---- */

enum PictureSource picture_source(const char *path) {
    struct stat status;
    unsigned char head[4096];
    if (stat(path, &status))
        return PICTURE_SOURCE_UNKNOWN;
    if (S_ISDIR(status.st_mode))
        return PICTURE_SOURCE_FOLDER;
    size_t length = read_file_head(path, head, sizeof head);
    if (length && picture_format(head, length, NULL))
        return PICTURE_SOURCE_FILE;
    bool binary = !length || memchr(head, '\0', length);
    return binary ? PICTURE_SOURCE_UNKNOWN : PICTURE_SOURCE_TEXT;
}

/* Returns whether a name is one that pictures have. The decoder determines later whether it is a
 * picture. */
static bool has_picture_name(const char *name) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp",
                                           ".bmp", ".gif",  ".pbm", ".pgm", ".ppm",  ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcasecmp(dot, suffixes[i]))
            return true;
    return false;
}

/* ---- Folders ---- */

static int add_folder(struct PictureList *list, const char *path, const struct FolderNest *outer,
                      const struct PictureListOptions *options, struct Error *error);

/* Adds an entry of a folder. Takes ownership of the path. */
static int add_entry(struct PictureList *list, char *path, const struct PictureListOptions *options,
                     struct Error *error) {
    bool deep;
    if (has_picture_name(path) || picture_source(path) == PICTURE_SOURCE_FILE ||
        !picture_is_deep_file(path, &deep, error)) { /* says what it is instead */
        add_file(list, path, memory_copy_text(path));
        return OK;
    }
    memory_release(path);
    error_advise(error, ADVICE_SKIP_BAD, NULL, NULL, 0);
    return leave_out(list, options, error);
}

/* Lists the pictures of a folder, then those of its subfolders. */
static int list_folder(struct PictureList *list, const char *path, const struct FolderNest *nest,
                       const struct Folder *folder, const struct PictureListOptions *options,
                       struct Error *error) {
    const char *slash = text_ends_with(path, "/") ? "" : "/";
    int code = OK;
    for (int64_t i = 0; i < folder->files.count && !code; i++)
        code = add_entry(list, memory_print("%s%s%s", path, slash, folder->files.names[i]), options,
                         error);
    for (int64_t i = 0; i < folder->folders.count && !code; i++) {
        char *inner = memory_print("%s%s%s", path, slash, folder->folders.names[i]);
        code = add_folder(list, inner, nest, options, error);
        memory_release(inner);
    }
    return code;
}

static int add_folder(struct PictureList *list, const char *path, const struct FolderNest *outer,
                      const struct PictureListOptions *options, struct Error *error) {
    const struct BadLinks links = {options->skip_bad, &list->skipped, options->ticker};
    struct Folder folder = {0};
    struct FolderNest nest;
    bool enters;
    int code = folder__enter(&nest, path, outer, &links, &enters, error);
    if (!code && enters)
        code = folder__list(&folder, path, &links, error);
    if (!code && enters)
        code = list_folder(list, path, &nest, &folder, options, error);
    folder__release(&folder);
    return code;
}

/* ---- Lists ---- */

static bool is_file(const char *path) {
    struct stat status;
    return !stat(path, &status) && !S_ISDIR(status.st_mode);
}

/* Adds a file that line `line` of a list names. */
static int add_named(struct PictureList *list, const char *source, int64_t line, const char *name,
                     const struct PictureListOptions *options, struct Error *error) {
    char *path = path_beside(source, name);
    if (!is_file(path)) {
        memory_release(path);
        path = memory_copy_text(name);
    }
    if (is_file(path)) {
        add_file(list, path, memory_copy_text(name));
        return OK;
    }
    fail(error, ERROR_DATA, "%s:%" PRId64 ": %.200s: no such file", source, line, name);
    memory_release(path);
    return leave_out(list, options, error);
}

static int add_table(struct PictureList *list, const char *path,
                     const struct PictureListOptions *options, struct Error *error) {
    struct Csv csv;
    int code = csv__read(&csv, path, error);
    int64_t column = code ? -1 : column_names__of_files(csv.fields, csv.columns);
    if (!code && column < 0)
        code = fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": has no column `path`; expected one, or a list with a file on "
                    "each line",
                    path, csv.lines[0]);
    for (int64_t row = 0; !code && row < csv.rows; row++)
        code = add_named(list, path, csv.lines[row + 1], csv__field(&csv, row, column), options,
                         error);
    csv__release(&csv);
    return code;
}

/* Adds the files of a list: one on each line, or before each zero byte, as `find -print0` writes
 * them. Blank lines are skipped. */
static int add_lines(struct PictureList *list, const char *path, FILE *file, char end,
                     const struct PictureListOptions *options, struct Error *error) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int code = OK;
    for (int64_t number = 1; !code && (length = getdelim(&line, &capacity, end, file)) >= 0;
         number++) {
        while (length && (line[length - 1] == end || (end && line[length - 1] == '\r')))
            line[--length] = '\0';
        if (length)
            code = add_named(list, path, number, line, options, error);
    }
    if (!code && ferror(file))
        code = fail_errno(error, "%s: cannot be read", path);
    free(line);
    return code;
}

/* Returns whether the first line is a head and not a file. */
static bool begins_with_head(FILE *file) {
    char line[4096] = "";
    if (!fgets(line, sizeof line, file))
        return false;
    rewind(file);
    line[strcspn(line, "\r\n")] = '\0';
    char *at = line + (strncmp(line, "\xEF\xBB\xBF", 3) ? 0 : 3);
    for (char *name; (name = strsep(&at, ",;\t"));) {
        name += strspn(name, " \t\"");
        name[strcspn(name, " \t\"")] = '\0';
        if (column_names__of_files(&name, 1) == 0 && !is_file(name))
            return true;
    }
    return false;
}

/* Returns whether a binary file begins with the name of a file and a zero byte. */
static bool is_list_with_zeros(const char *path) {
    char head[4096];
    size_t length = read_file_head(path, head, sizeof head);
    return memchr(head, '\0', length) && is_file(head);
}

static int add_list(struct PictureList *list, const char *path, bool zeros,
                    const struct PictureListOptions *options, struct Error *error) {
    FILE *file;
    int code = read_file_stream(path, &file, error);
    if (code)
        return code;
    code = !zeros && begins_with_head(file)
               ? add_table(list, path, options, error)
               : add_lines(list, path, file, zeros ? '\0' : '\n', options, error);
    fclose(file);
    return code;
}

int picture_list_add(struct PictureList *list, const char *path,
                     const struct PictureListOptions *options, struct Error *error) {
    enum PictureSource kind = picture_source(path);
    if (kind == PICTURE_SOURCE_TEXT && has_picture_name(path))
        kind = PICTURE_SOURCE_FILE; /* the decoder will refuse it */
    switch (kind) {
    case PICTURE_SOURCE_FOLDER:
        return add_folder(list, path, NULL, options, error);
    case PICTURE_SOURCE_FILE:
        add_file(list, memory_copy_text(path), memory_copy_text(path));
        return OK;
    case PICTURE_SOURCE_TEXT:
        return add_list(list, path, false, options, error);
    default:
        if (access(path, R_OK))
            return fail_errno(error, "%s: cannot be read", path);
        if (is_list_with_zeros(path))
            return add_list(list, path, true, options, error);
        return fail(error, ERROR_DATA,
                    "%s: is neither a picture nor a folder, a list or an HDF5 file", path);
    }
}

/* ---- Reading ---- */

int64_t picture_shape_bytes(const struct PictureShape *shape) {
    int64_t element = shape->form.floats ? (int64_t)sizeof(float) : 1;
    return shape->height * shape->width * shape->form.channels * element;
}

static int load(const struct PictureList *list, const struct PictureShape *shape, int64_t item,
                void *values, struct Error *error) {
    struct Picture picture;
    int code = picture_decode_file(list->files[item].path, &shape->form, &picture, error);
    if (code)
        return code;
    if (values)
        resize_image(&picture, shape->resize, shape->height, shape->width, values);
    memory_release(picture.values);
    return OK;
}

int picture_list_read(const struct PictureList *list, const struct PictureShape *shape,
                      int64_t first, int64_t count, void *samples, struct Error *error) {
    int64_t bytes = picture_shape_bytes(shape);
    struct FirstError bad = {.error = error};
    char *values = samples;
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        struct Error own;
        const void *kept = list->files[first + i].values;
        if (kept)
            memcpy(values + i * bytes, kept, (size_t)bytes);
        else if (load(list, shape, first + i, values + i * bytes, &own))
            first_error__note(&bad, i, &own);
    }
    return bad.any ? error_advise(error, ADVICE_SKIP_BAD, NULL, NULL, 0) : OK;
}

void picture_list_check(const struct PictureList *list, const struct PictureShape *shape,
                        int64_t first, int64_t stride, const struct PictureStore *store,
                        int64_t *bad) {
    int64_t bytes = picture_shape_bytes(shape);
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = first; i < list->count; i += stride) {
        struct Error own;
        bool keeps = i < store->count;
        bad[i] = load(list, shape, i, keeps ? (char *)store->values + i * bytes : NULL, &own) != OK;
        if (keeps)
            store->kept[i] = !bad[i];
    }
}

void picture_list_take(struct PictureList *list, const struct PictureShape *shape,
                       const struct PictureStore *store) {
    int64_t bytes = picture_shape_bytes(shape);
    for (int64_t i = 0; i < store->count; i++)
        if (store->kept[i])
            list->files[i].values = (const char *)store->values + i * bytes;
}

void picture_list_drop(struct PictureList *list, const struct PictureShape *shape,
                       const int64_t *bad, const struct Ticker *ticker) {
    int64_t kept = 0;
    for (int64_t i = 0; i < list->count; i++) {
        struct Error own;
        if (!bad[i]) {
            list->files[kept++] = list->files[i];
            continue;
        }
        if (ticker && load(list, shape, i, NULL, &own))
            source_notice(ticker, own.text);
        memory_release(list->files[i].path);
        memory_release(list->files[i].name);
        list->skipped++;
    }
    list->count = kept;
}
