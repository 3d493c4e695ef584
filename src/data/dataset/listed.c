#include "data/dataset/listed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "data/dataset/block_digests.h"

#define ARRAYS "arrays"

void listed__add(struct Text *list, const char *name, int64_t count, const char *digest) {
    text_add(list, "%" PRId64 " %s %s\n", count, digest, name);
}

int listed__write(struct H5Writer *file, const struct Text *list, struct Error *error) {
    return h5_write_attribute(file, "/", DATASET_LISTED, H5_TEXT, list->data ? list->data : "",
                              error);
}

static void add_arrays(struct Text *list, const char *names) {
    for (const char *next; *names; names = next) {
        next = strchr(names, '\n') + 1;
        int length = (int)(next - names);
        char *line = memory_print("\n%.*s", length, names);
        bool listed = strstr(list->data, line);
        if (!listed && !text_ends_with(line, "/" BLOCK_DIGESTS "\n"))
            text_add(list, "%s", line + 1);
        memory_release(line);
    }
}

static int write_arrays(struct H5Writer *file, const char *before, struct Error *error) {
    struct Text list = {0};
    /* an edited list may lack the last line end */
    bool ended = !*before || text_ends_with(before, "\n");
    text_add(&list, "\n%s%s", before, ended ? "" : "\n");
    add_arrays(&list, h5_written(file));
    int code = h5_write_attribute(file, "/", ARRAYS, H5_TEXT, list.data + 1, error);
    text_release(&list);
    return code;
}

int listed__write_arrays(struct H5Writer *file, struct Error *error) {
    return write_arrays(file, "", error);
}

int listed__update_arrays(struct H5Writer *file, const char *path, struct Error *error) {
    struct H5File *old;
    char *before = NULL;
    int code = h5_open(&old, path, ERROR_DATA, error);
    if (code == OK && h5_has_attribute(old, "/", ARRAYS))
        code = h5_read_attribute(old, "/", ARRAYS, H5_TEXT, &before, error);
    if (code == OK)
        code = h5_check(old, error);
    if (code == OK && before)
        code = write_arrays(file, before, error);
    memory_release(before);
    h5_close(old);
    return code;
}

static int check_array(struct H5File *file, const char *name, struct Error *error) {
    if (h5_exists(file, name))
        return OK;
    if (h5_check(file, error) != OK)
        return error->code;
    return fail(
        error, ERROR_DATA,
        "%s:/%.200s: is missing, although the file's list of its arrays (attribute arrays) has it; "
        "make the file again, or remove the line from the list if the array was removed on purpose",
        h5_path(file), name);
}

static int check_arrays(struct H5File *file, char *list,
                        bool (*concerns)(void *context, const char *group), void *context,
                        struct Error *error) {
    int code = OK;
    for (char *name; code == OK && (name = strsep(&list, "\n"));) {
        char *end = strchr(name, '/');
        char *group = memory_print("%.*s", end ? (int)(end - name) : 0, name);
        if (*name && (!concerns || concerns(context, group)))
            code = check_array(file, name, error);
        memory_release(group);
    }
    return code;
}

int listed__check_arrays(struct H5File *file, bool (*concerns)(void *context, const char *group),
                         void *context, struct Error *error) {
    char *list = NULL;
    int code = OK;
    if (h5_has_attribute(file, "/", ARRAYS))
        code = h5_read_attribute(file, "/", ARRAYS, H5_TEXT, &list, error);
    if (code == OK && list)
        code = check_arrays(file, list, concerns, context, error);
    memory_release(list);
    return code;
}

static const struct Split *find(const struct Dataset *dataset, const char *name) {
    for (int i = 0; i < dataset->split_count; i++)
        if (!strcmp(dataset->splits[i].name, name))
            return &dataset->splits[i];
    return NULL;
}

static int check_line(const struct Dataset *dataset, char *line, struct Error *error) {
    char *digest, *name = NULL;
    int64_t count = strtoll(line, &digest, 10);
    if (*digest == ' ' && strlen(++digest) > DIGEST_TEXT) {
        name = digest + DIGEST_TEXT;
        digest[DIGEST_TEXT - 1] = '\0';
    }
    if (!name || count < 1)
        return fail(error, ERROR_DATA,
                    "%s:/, attribute splits: '%.80s' is not a line \"COUNT DIGEST NAME\"",
                    dataset->path, line);
    const struct Split *split = find(dataset, name);
    if (!split)
        return fail(error, ERROR_DATA,
                    "%s: split '%s' is missing, although the file's list of its splits (attribute "
                    "splits) has it, with %" PRId64 " samples",
                    dataset->path, name, count);
    if (split->count != count)
        return fail(error, ERROR_DATA,
                    "%s:/%s: has %" PRId64
                    " samples, the file's list (attribute splits) says %" PRId64,
                    dataset->path, name, split->count, count);
    return OK;
}

/* The digests in the list are not compared here, because another program may have changed or left
 * them; the samples are compared with the split's own digest. */
static int check_lines(const struct Dataset *dataset, char *list, struct Error *error) {
    int code = OK;
    for (char *line; code == OK && (line = strsep(&list, "\n"));)
        if (*line)
            code = check_line(dataset, line, error);
    return code;
}

/* Files of earlier versions have no list, but statistics, which are of "train". */
static int check_statistics(const struct Dataset *dataset, struct H5File *file,
                            struct Error *error) {
    char *name = NULL;
    int code = OK;
    if (!h5_has_attribute(file, "/", "format_version") ||
        !h5_exists(file, "/statistics/mean_image"))
        return OK;
    if (h5_has_attribute(file, "/statistics", "split"))
        code = h5_read_attribute(file, "/statistics", "split", H5_TEXT, &name, error);
    if (code == OK && !find(dataset, name ? name : "train"))
        code = fail(error, ERROR_DATA,
                    "%s: split '%s' is missing: the file has its statistics, but no samples",
                    dataset->path, name ? name : "train");
    memory_release(name);
    return code;
}

int listed__check(const struct Dataset *dataset, bool *found, struct Error *error) {
    struct H5File *file;
    char *list = NULL;
    int code = h5_open(&file, dataset->path, ERROR_DATA, error);
    if (code != OK)
        return code;
    *found = h5_has_attribute(file, "/", DATASET_LISTED);
    if (*found)
        code = h5_read_attribute(file, "/", DATASET_LISTED, H5_TEXT, &list, error);
    if (code == OK && list)
        code = check_lines(dataset, list, error);
    if (code == OK)
        code = check_statistics(dataset, file, error);
    if (code == OK)
        code = listed__check_arrays(file, NULL, NULL, error);
    if (code == OK)
        code = h5_check(file, error);
    memory_release(list);
    h5_close(file);
    return code;
}
