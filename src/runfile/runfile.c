#include "runfile/runfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "runfile/parse.h"

struct RunFile {
    struct Pool pool;
    struct Source source;
    struct YamlNode *root; /* the tree of the file, with the overrides merged in */
};

/* Reads at most one byte more than a run file may have, so that a longer file is noticed. */
static int read_file(const char *path, char **text, size_t *length, struct Error *error) {
    FILE *stream;
    if (read_file_stream(path, &stream, error))
        return error->code;
    *text = memory_allocate(TREE_BYTES + 1, "the run file's text");
    *length = fread(*text, 1, TREE_BYTES + 1, stream);
    int code = ferror(stream) ? fail_errno(error, "%s: cannot read", path) : OK;
    static const char hdf5[] = "\211HDF\r\n\032\n"; /* checkpoints and data sets begin with this */
    if (!code && *length >= strlen(hdf5) && !memcmp(*text, hdf5, strlen(hdf5)))
        code = fail(error, ERROR_RUN_FILE, "%s: not a run file (it is an HDF5 file)", path);
    fclose(stream);
    return code;
}

static int read_tree(struct RunFile *file, const char *text, size_t length, struct Error *error) {
    file->root = pool__allocate(&file->pool, sizeof *file->root);
    *file->root = (struct YamlNode){.text = "", .source = &file->source, .line = 1};
    int code = yaml__read(&file->pool, file->root, true, text, length, error);
    if (!code && node__is_null(file->root))
        code = fail(error, ERROR_RUN_FILE, "%s: empty; expected keys with values (key: value)",
                    file->source.file ? file->source.file : "text");
    return code;
}

/* Where the text is, and what to put into it. */
struct Request {
    const char *path, *text;
    const char *const *overrides;
    int override_count;
    bool saved;
};

static int parse(struct RunFile **out, const struct Request *request, const struct Key *keys,
                 void *options, struct Error *error) {
    struct RunFile *file = memory_allocate(sizeof *file, "the run file");
    struct Parser parser = {
        .pool = &file->pool, .error = error, .root = keys, .saved = request->saved};
    const char *path = request->path, *text = request->text;
    char *loaded = NULL, *saved = NULL;
    size_t length = text ? strlen(text) : 0;
    file->source.file = path ? pool__copy(&file->pool, path, strlen(path)) : NULL;
    *out = NULL;

    int code = text ? OK : read_file(path, &loaded, &length, error);
    if (!code)
        code = read_tree(file, text ? text : loaded, length, error);
    for (int i = 0; i < request->override_count && !code; i++)
        code = override__apply(&parser, file->source.file, request->overrides[i], keys, file->root);
    if (!code)
        code = parse__keys(&parser, keys, file->root, options, 1);
    if (!code) { /* the run file that is saved for this run must be readable */
        saved = runfile_emit(keys, options);
        if (strlen(saved) > TREE_BYTES)
            code = fail(error, ERROR_RUN_FILE,
                        "%s: larger than %zu bytes once every default is written out", path,
                        TREE_BYTES);
    }
    memory_release(saved);
    memory_release(loaded);
    if (code)
        runfile_release(file);
    else
        *out = file;
    return code;
}

int runfile_parse(struct RunFile **file, const char *path, const char *text,
                  const char *const *overrides, int override_count, const struct Key *keys,
                  void *options, struct Error *error) {
    const struct Request request = {path, text, overrides, override_count, .saved = false};
    return parse(file, &request, keys, options, error);
}

int runfile_parse_saved(struct RunFile **file, const char *path, const char *text,
                        const char *const *overrides, int override_count, const struct Key *keys,
                        void *options, struct Error *error) {
    const struct Request request = {path, text, overrides, override_count, .saved = true};
    return parse(file, &request, keys, options, error);
}

void runfile_release(struct RunFile *file) {
    if (!file)
        return;
    pool__release(&file->pool);
    memory_release(file);
}

/* The item of a mapping with whose name, which may contain dots, `path` begins. *length gets the
 * length of that name. */
static const struct YamlNode *find_start(const struct YamlNode *mapping, const char *path,
                                         size_t *length) {
    for (int i = 0; mapping->type == NODE_MAPPING && i < mapping->count; i++) {
        *length = strlen(mapping->items[i]->name);
        if (!strncmp(mapping->items[i]->name, path, *length) && strchr(".", path[*length]))
            return mapping->items[i];
    }
    return NULL;
}

/* The item of `node` with which `path` begins; the name of the chosen kind may be left out. *length
 * gets the length of its part of the path. */
static const struct YamlNode *step_down(const struct YamlNode *node, const char *path,
                                        size_t *length) {
    if (node->type == NODE_LIST) {
        char *end;
        long index = strtol(path, &end, 10);
        *length = (size_t)(end - path);
        return !strchr(".", *end) || index < 0 || index >= node->count ? NULL : node->items[index];
    }
    const struct YamlNode *item = find_start(node, path, length);
    if (!item && node->type == NODE_MAPPING && node->count == 1)
        item = find_start(node->items[0], path, length);
    return item;
}

/* The node of `path`, or of its longest existing beginning; *whole tells which. */
static const struct YamlNode *find_place(const struct RunFile *file, const char *path,
                                         bool *whole) {
    const struct YamlNode *place = file->root;
    *whole = true;
    for (const char *at = path; *at;) {
        size_t length;
        const struct YamlNode *item = step_down(place, at, &length);
        if (!item) {
            *whole = false;
            break;
        }
        place = item;
        at += length + (at[length] == '.');
    }
    return place;
}

bool runfile_given(const struct RunFile *file, const char *path) {
    bool whole;
    find_place(file, path, &whole);
    return whole;
}

bool runfile_overridden(const struct RunFile *file, const char *path) {
    bool whole;
    const struct YamlNode *place = find_place(file, path, &whole);
    return whole && place->source->override;
}

int runfile_locate(const struct RunFile *file, struct Error *error) {
    bool whole;
    if (!*error->key || error->located)
        return error->code;
    char key[sizeof error->key];
    memcpy(key, error->key, sizeof key);
    return node__locate(find_place(file, key, &whole), key, error);
}

/* The last node that an override set, at or below `node`; NULL if there is none. */
static const struct YamlNode *last_overridden(const struct YamlNode *node) {
    for (int i = node->count; i-- > 0;) {
        const struct YamlNode *found = last_overridden(node->items[i]);
        if (found)
            return found;
    }
    return node->source->override ? node : NULL;
}

int runfile_locate_below(const struct RunFile *file, struct Error *error) {
    bool whole;
    if (!*error->key || error->located)
        return error->code;
    char key[sizeof error->key];
    memcpy(key, error->key, sizeof key);
    const struct YamlNode *overridden = last_overridden(find_place(file, key, &whole));
    return overridden && whole ? node__locate(overridden, key, error) : runfile_locate(file, error);
}

int runfile_fail(const struct RunFile *file, struct Error *error, int code, const char *path,
                 const char *format, ...) {
    char message[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fail_key(error, code, path, "%s", message);
    return runfile_locate(file, error);
}
