/* Texts in MATLAB's cell arrays (files of version 7.3): each element is a reference to an array of
 * characters in the group /#refs#. A reference is the address of an object; only objects that the
 * group lists are opened, by their names, so that a damaged reference leads nowhere. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "store/chunks.h"
#include "store/internal.h"

#define GROUP "#refs#"
#define MOST_OBJECTS 4000000 /* in the group */
#define MOST_LENGTH 65536    /* characters of a text */

struct Object {
    haddr_t address;
    char *name;
};
struct Objects {
    struct Object *items;
    size_t count;
};

static herr_t list_object(hid_t group, const char *name, const H5L_info_t *link, void *context) {
    (void)group;
    struct Objects *objects = context;
    if (link->type != H5L_TYPE_HARD)
        return 0;
    if (objects->count == MOST_OBJECTS)
        return -1;
    objects->items =
        memory_room(objects->items, (int64_t)objects->count, "objects of an HDF5 file");
    objects->items[objects->count++] =
        (struct Object){link->u.address, memory_print(GROUP "/%s", name)};
    return 0;
}

static int by_address(const void *a, const void *b) {
    haddr_t first = ((const struct Object *)a)->address,
            second = ((const struct Object *)b)->address;
    return (first > second) - (first < second);
}

static int list_objects(struct H5File *file, const char *name, struct Objects *objects,
                        struct Error *error) {
    if (!h5_exists(file, GROUP))
        return h5_check(file, error) ? error->code
                                     : fail(error, file->failure,
                                            "%s:/%s: holds references, and there is no /" GROUP
                                            ", where MATLAB keeps the elements of cell arrays",
                                            file->path, name);
    if (H5Literate_by_name(file->id, GROUP, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, list_object,
                           objects, H5P_DEFAULT) < 0)
        return h5__damaged(file, GROUP, "is damaged: its members cannot be listed", error);
    if (objects->count)
        qsort(objects->items, objects->count, sizeof *objects->items, by_address);
    return OK;
}

/* UTF-16 as UTF-8. Half a pair becomes the sign for what cannot be told. */
static char *to_utf8(const int64_t *units, int64_t count) {
    char *text = memory_array(char, 3 * count + 1, "texts of an HDF5 file"), *at = text;
    for (int64_t i = 0; i < count; i++) {
        uint32_t code = (uint32_t)(units[i] & 0x1fffff);
        bool pair = code >> 10 == 0x36 && i + 1 < count && units[i + 1] >> 10 == 0x37;
        if (pair)
            code = 0x10000 + ((code & 0x3ff) << 10 | (uint32_t)(units[++i] & 0x3ff));
        else if (code >> 11 == 0x1b || code > 0xffff)
            code = 0xfffd;
        if (code < 0x80) {
            *at++ = (char)code;
        } else if (code < 0x800) {
            *at++ = (char)(0xc0 | code >> 6);
            *at++ = (char)(0x80 | (code & 0x3f));
        } else {
            if (code < 0x10000) {
                *at++ = (char)(0xe0 | code >> 12);
            } else {
                *at++ = (char)(0xf0 | code >> 18);
                *at++ = (char)(0x80 | (code >> 12 & 0x3f));
            }
            *at++ = (char)(0x80 | (code >> 6 & 0x3f));
            *at++ = (char)(0x80 | (code & 0x3f));
        }
    }
    return text;
}

/* Reads an array of characters. An empty one is stored as its size, and an attribute says so. */
static int read_characters(struct H5File *file, const char *name, char **text,
                           struct Error *error) {
    struct H5Opened opened;
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    const struct H5Info *info = &opened.info;
    int64_t start[H5_RANK] = {0}, count = memory_product(info->size, info->rank), longest = 1;
    for (int i = 0; i < info->rank; i++)
        longest = info->size[i] > longest ? info->size[i] : longest;
    if (h5_has_attribute(file, name, "MATLAB_empty")) {
        *text = memory_copy_text("");
    } else if (info->type >= H5_FLOAT32 || count != longest || count > MOST_LENGTH) {
        char shape[H5_SHAPE_TEXT];
        code = fail(error, file->failure, "%s:/%s: holds %s of shape %s, expected a text",
                    file->path, name, info->type_name, h5__shape(info->rank, info->size, shape));
    } else {
        int64_t *units = memory_array(int64_t, count, "characters of an HDF5 file");
        code = h5__read_part(file, name, &opened, H5_INT64, start, info->size, units, error);
        if (code == OK)
            *text = to_utf8(units, count);
        memory_release(units);
    }
    h5__close_dataset(&opened);
    return code;
}

static int read_cell(struct H5File *file, const char *name, const struct Objects *objects,
                     hobj_ref_t reference, int64_t i, char **text, struct Error *error) {
    const struct Object wanted = {.address = reference}, *found = NULL;
    if (objects->count)
        found = bsearch(&wanted, objects->items, objects->count, sizeof wanted, by_address);
    if (!found)
        return fail(error, file->failure,
                    "%s:/%s: element %" PRId64 " leads to nothing that /" GROUP " holds",
                    file->path, name, i);
    int code = read_characters(file, found->name, text, error);
    if (code != OK)
        error_context(error, "%s:/%s: element %" PRId64, file->path, name, i);
    return code;
}

int h5__read_cells(struct H5File *file, const char *name, const struct H5Opened *opened,
                   int64_t count, char **texts, struct Error *error) {
    struct Objects objects = {0};
    if (h5_is_linked(file, name))
        return fail(error, file->failure,
                    "%s:/%s: holds references to other arrays, which are read only from the file "
                    "that holds them",
                    file->path, name);
    hobj_ref_t *references = memory_array(hobj_ref_t, count, "references of an HDF5 file");
    int code = list_objects(file, name, &objects, error);
    if (code == OK)
        code = chunks__check(file, name, opened, (int64_t[H5_RANK]){0}, opened->info.size, error);
    bool bad = code == OK && count &&
               H5Dread(opened->id, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, references) < 0;
    if (code == OK)
        code = chunks__done(file, name, error);
    if (code == OK && bad)
        code = h5__damaged(file, name, "is damaged: its references cannot be read", error);
    for (int64_t i = 0; i < count && code == OK; i++)
        code = read_cell(file, name, &objects, references[i], i, &texts[i], error);
    for (int64_t i = 0; i < count && code != OK; i++) {
        memory_release(texts[i]);
        texts[i] = NULL;
    }
    for (size_t i = 0; i < objects.count; i++)
        memory_release(objects.items[i].name);
    memory_release(objects.items);
    memory_release(references);
    return code;
}
