/* What a file holds: the members of groups, how arrays are stored, links to other files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "store/heap.h"
#include "store/internal.h"

/* The names of a group's members. */
struct Names {
    int64_t count;
    char **items;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *link, void *context) {
    struct Names *names = context;
    (void)group, (void)link;
    names->items = memory_room(names->items, names->count, "names");
    names->items[names->count++] = memory_copy_text(name);
    return 0;
}

/* Lists in the order of the file and sorts afterwards: for any other order HDF5 makes a table of
 * all links, and if a damaged one stops that, it frees entries that it never set. Returns false if
 * HDF5 came to no end; then *names has what came before. */
static bool list_names(hid_t group, struct Names *names) {
    hsize_t at = 0;
    *names = (struct Names){0};
    bool whole = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &at, add_name, names) >= 0;
    if (names->count)
        qsort(names->items, (size_t)names->count, sizeof *names->items, text_compare);
    return whole;
}

static int visit_member(struct H5File *file, hid_t group, const char *path, const char *name,
                        int (*visit)(void *context, const char *name, bool is_group,
                                     struct Error *error),
                        void *context, struct Error *error) {
    hid_t member = H5Oopen(group, name, H5P_DEFAULT);
    if (member < 0) {
        char *label = memory_print("%s%s%s", path, *path ? "/" : "", name);
        h5__damaged(file, label, "is damaged: HDF5 cannot open it", error);
        memory_release(label);
        return error->code;
    }
    bool is_group = H5Iget_type(member) == H5I_GROUP;
    H5Oclose(member);
    return visit(context, name, is_group, error);
}

int h5_list(struct H5File *file, const char *group,
            int (*visit)(void *context, const char *name, bool is_group, struct Error *error),
            void *context, struct Error *error) {
    h5__quiet();
    const char *relative = h5__relative(group);
    hid_t id = H5Gopen2(file->id, *relative ? relative : "/", H5P_DEFAULT);
    if (id < 0)
        return h5_check(file, error)
                   ? error->code
                   : fail(error, file->failure, "%s:/%s: is missing or not a group", file->path,
                          relative);
    struct Names names;
    int code = list_names(id, &names)
                   ? OK
                   : h5__damaged(file, relative, "is damaged: its members cannot be listed", error);
    for (int64_t i = 0; code == OK && i < names.count; i++)
        code = visit_member(file, id, relative, names.items[i], visit, context, error);
    memory_release_texts(names.items, names.count);
    H5Gclose(id);
    return code;
}

static bool is_external(hid_t group, const char *name) {
    H5L_info_t link;
    return H5Lget_info(group, name, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_EXTERNAL;
}

static enum H5Member member_of(hid_t group, const char *name) {
    hid_t member = H5Oopen(group, name, H5P_DEFAULT);
    if (member < 0)
        return is_external(group, name) ? H5_MEMBER_LINK : H5_MEMBER_UNREADABLE;
    H5I_type_t type = H5Iget_type(member);
    H5Oclose(member);
    return type == H5I_GROUP     ? H5_MEMBER_GROUP
           : type == H5I_DATASET ? H5_MEMBER_ARRAY
                                 : H5_MEMBER_OTHER;
}

void h5_members(struct H5File *file, const char *group,
                void (*visit)(void *context, const char *name, enum H5Member member),
                void *context) {
    h5__quiet();
    const char *relative = h5__relative(group);
    hid_t id = H5Gopen2(file->id, *relative ? relative : "/", H5P_DEFAULT);
    if (id < 0) {
        h5__doubt(file, relative);
        return;
    }
    struct Names names;
    if (!list_names(id, &names))
        h5__doubt(file, relative);
    for (int64_t i = 0; i < names.count; i++)
        visit(context, names.items[i], member_of(id, names.items[i]));
    memory_release_texts(names.items, names.count);
    H5Gclose(id);
}

bool h5_place(struct H5File *file, const char *name, uint64_t place[H5_PLACE]) {
    H5O_info_t info;
    h5__quiet();
    const char *relative = h5__relative(name);
    if (H5Oget_info_by_name(file->id, *relative ? relative : "/", &info, H5P_DEFAULT) < 0)
        return false;
    place[0] = info.fileno;
    place[1] = info.addr;
    return true;
}

static void describe_filters(const struct H5Opened *opened, struct Text *text) {
    for (int i = 0; i < H5Pget_nfilters(opened->create); i++) {
        char name[64] = "";
        unsigned flags, config, values[8] = {0};
        size_t count = sizeof values / sizeof *values;
        H5Z_filter_t id = H5Pget_filter2(opened->create, (unsigned)i, &flags, &count, values,
                                         sizeof name, name, &config);
        if (id == H5Z_FILTER_DEFLATE)
            text_add(text, "%sgzip %u", text->length ? ", " : "", values[0]);
        else
            text_add(text, "%s%s%s", text->length ? ", " : "", *name ? name : "unknown filter",
                     H5Zfilter_avail(id) > 0 ? "" : " (not available)");
    }
}

int h5_storage(struct H5File *file, const char *name, struct H5Storage *storage,
               struct Error *error) {
    struct H5Opened opened;
    *storage = (struct H5Storage){0};
    file->lists_filters = true; /* a filter that is lacking is described, not refused */
    int code = h5__open_dataset(file, h5__relative(name), &opened, error);
    file->lists_filters = false;
    if (code != OK)
        return code;
    storage->info = opened.info;
    hsize_t chunk[H5_RANK];
    H5D_layout_t layout = H5Pget_layout(opened.create);
    for (int i = 0; i < opened.info.rank; i++)
        chunk[i] = (hsize_t)opened.info.size[i];
    if (layout == H5D_CHUNKED &&
        H5Pget_chunk(opened.create, opened.own_rank, chunk) == opened.own_rank)
        for (int i = 0; i < opened.info.rank; i++)
            storage->chunk[i] = (int64_t)chunk[i];
    storage->is_chunked = layout == H5D_CHUNKED;
    storage->is_virtual = layout == H5D_VIRTUAL;
    storage->big_endian = H5Tget_order(opened.type) == H5T_ORDER_BE && H5Tget_size(opened.type) > 1;
    struct Text filters = {0};
    describe_filters(&opened, &filters);
    snprintf(storage->filters, sizeof storage->filters, "%s", filters.data ? filters.data : "");
    text_release(&filters);
    h5__close_dataset(&opened);
    return OK;
}

/* ---- links to other files ---- */

void h5_allow_plugins(struct H5File *file) {
    (void)file; /* HDF5 has one setting for all of them */
    H5PLset_loading_state(H5PL_FILTER_PLUGIN);
}

void h5_follow_links(struct H5File *file, bool follow) {
    file->driver.follows = follow;
}

/* Finds the first part of `name` that is an external link, and what it points to. */
static bool find_link(struct H5File *file, const char *name, char target[300]) {
    char prefix[1024];
    size_t length = strlen(name);
    for (size_t i = 1; i <= length && i < sizeof prefix; i++) {
        if (i < length && name[i] != '/')
            continue;
        memcpy(prefix, name, i);
        prefix[i] = '\0';
        H5L_info_t link;
        char value[2048];
        const char *path, *object;
        unsigned flags;
        if (H5Lget_info(file->id, prefix, &link, H5P_DEFAULT) < 0)
            return false;
        if (link.type != H5L_TYPE_EXTERNAL || link.u.val_size > sizeof value)
            continue;
        if (H5Lget_val(file->id, prefix, value, sizeof value, H5P_DEFAULT) < 0 ||
            H5Lunpack_elink_val(value, link.u.val_size, &flags, &path, &object) < 0)
            return false;
        snprintf(target, 300, "%.140s:%.140s", path, object);
        return true;
    }
    return false;
}

bool h5_is_linked(struct H5File *file, const char *name) {
    char target[300];
    h5__quiet();
    return find_link(file, h5__relative(name), target);
}

int h5__refuse_link(struct H5File *file, const char *name, const char *reason,
                    struct Error *error) {
    char target[300];
    if (!find_link(file, name, target))
        return OK;
    if (!file->driver.follows)
        return fail(error, file->failure,
                    "%s:/%s: is a link to another file, %s; links: follow reads what lies in the "
                    "folder of the file",
                    file->path, name, target);
    return fail(error, file->failure,
                "%s:/%s: is a link to %s, which cannot be opened in the folder of the file (%s)",
                file->path, name, target, reason);
}

/* HDF5 would follow views of views, and one of itself for ever. */
static int check_own_source(struct H5File *file, const char *name, const char *array,
                            struct Error *error) {
    hid_t source = H5Dopen2(file->id, array, H5P_DEFAULT);
    if (source < 0)
        return fail(error, file->failure, "%s:/%s: is a view of %s, which is missing", file->path,
                    name, array);
    hid_t create = H5Dget_create_plist(source);
    bool is_view = H5Pget_layout(create) == H5D_VIRTUAL;
    H5Pclose(create);
    H5Dclose(source);
    return is_view ? fail(error, file->failure, "%s:/%s: is a view of %s, which is a view itself",
                          file->path, name, array)
                   : OK;
}

/* Whether a source of a virtual dataset can be opened; HDF5 gives fill values for one that is
 * missing, and says nothing. */
static int check_source(struct H5File *file, const char *name, const struct H5Opened *opened,
                        size_t i, struct Error *error) {
    char path[1024], array[1024];
    if (H5Pget_virtual_filename(opened->create, i, path, sizeof path) < 0 ||
        H5Pget_virtual_dsetname(opened->create, i, array, sizeof array) < 0)
        return h5__damaged(file, name, "is damaged: its sources cannot be read", error);
    if (!strcmp(path, "."))
        return check_own_source(file, name, array, error);
    char *place = file_driver__beside(&file->driver, path);
    struct H5File *source = NULL;
    int code = place ? h5_open(&source, place, file->failure, error)
                     : fail(error, file->failure,
                            "%s:/%s: is a view of %s:%s, which is not in the folder of the file",
                            file->path, name, path, array);
    struct H5Info info;
    if (code == OK && h5_info(source, array, &info, error) != OK)
        code = error->code;
    if (code != OK && place)
        error_context(error, "%s:/%s is a view of other files", file->path, name);
    h5_close(source);
    memory_release(place);
    return code;
}

int h5__check_virtual(struct H5File *file, const char *name, const struct H5Opened *opened,
                      struct Error *error) {
    size_t count = 0;
    if (!file->driver.follows && !file->lists_filters)
        return fail(error, file->failure,
                    "%s:/%s: is a virtual dataset, a view of other files; links: follow reads what "
                    "lies in the folder of the file",
                    file->path, name);
    if (file->lists_filters)
        return OK;
    if (heap__is_reference(opened->type) || opened->info.type == H5_CELLS)
        return fail(error, file->failure,
                    "%s:/%s: is a virtual dataset of values of variable length or references, "
                    "which are read only from the files that hold them",
                    file->path, name);
    if (H5Pget_virtual_count(opened->create, &count) < 0)
        return h5__damaged(file, name, "is damaged: its sources cannot be read", error);
    int64_t covered = 0, elements = memory_product(opened->info.size, opened->own_rank);
    int code = OK;
    for (size_t i = 0; i < count && code == OK; i++) {
        hid_t space = H5Pget_virtual_vspace(opened->create, i);
        hssize_t points = space < 0 ? -1 : H5Sget_select_npoints(space);
        covered += points < 0 ? 0 : (int64_t)points;
        if (space >= 0)
            H5Sclose(space);
        code = check_source(file, name, opened, i, error);
    }
    if (code == OK && covered < elements)
        code = fail(error, file->failure,
                    "%s:/%s: is a virtual dataset of %" PRId64 " values, of which its sources have "
                    "%" PRId64,
                    file->path, name, elements, covered);
    return code;
}
