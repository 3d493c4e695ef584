#include "data/dataset/contents.h"

#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

#define MOST_DEPTH 16 /* groups within groups */
#define SUMMARY 8     /* arrays named in one line */

struct Walk {
    struct H5File *file;
    struct Contents *contents;
    const char *group;
    int depth;
    uint64_t place[H5_PLACE]; /* of the group */
    /* the walk through the group that contains this one; NULL: this is the root */
    const struct Walk *outer;
};

static void walk(struct H5File *file, struct Contents *contents, const char *group,
                 const struct Walk *outer);

static void visit(void *context, const char *name, enum H5Member member);

/* A member of records is treated as an array of its own. */
static void visit_record(void *context, const char *member) {
    visit(context, member, H5_MEMBER_ARRAY);
}

static void visit(void *context, const char *name, enum H5Member member) {
    struct Walk *at = context;
    struct Contents *contents = at->contents;
    if (contents->count == CONTENTS_MOST) {
        contents->is_cut = true;
        return;
    }
    contents->items = memory_room(contents->items, contents->count, "contents");
    struct ContentsItem *item = &contents->items[contents->count++];
    *item = (struct ContentsItem){.path = memory_print("%s/%s", at->group, name), .member = member};
    struct Error error = {0};
    if (member == H5_MEMBER_LINK || member == H5_MEMBER_UNREADABLE) {
        struct H5Info ignored;
        h5_info(at->file, item->path, &ignored, &error);
        item->problem = memory_copy_text(*error.text ? error.text : "cannot be opened");
    } else if (member == H5_MEMBER_ARRAY &&
               h5_storage(at->file, item->path, &item->storage, &error)) {
        item->problem = memory_copy_text(error.text);
    } else if (member == H5_MEMBER_ARRAY) {
        struct Walk inner = *at;
        char *path = memory_copy_text(item->path); /* the array of items may move */
        inner.group = path;
        h5_record_members(at->file, path, visit_record, &inner);
        memory_release(path);
    } else if (member == H5_MEMBER_GROUP &&
               (!strcmp(item->path, "/#refs#") || !strncmp(name, "_i_", 3))) {
        return; /* elements of MATLAB's cell arrays, one array each; an index of PyTables */
    } else if (member == H5_MEMBER_GROUP && at->depth < MOST_DEPTH) {
        char *path = memory_copy_text(item->path); /* the array of items may move */
        walk(at->file, contents, path, at);
        memory_release(path);
    }
}

/* Returns whether the group is one of those that contain it: a link can lead back. */
static bool is_circle(const struct Walk *at) {
    for (const struct Walk *outer = at->outer; outer; outer = outer->outer)
        if (!memcmp(outer->place, at->place, sizeof at->place))
            return true;
    return false;
}

static void walk(struct H5File *file, struct Contents *contents, const char *group,
                 const struct Walk *outer) {
    struct Walk at = {.file = file,
                      .contents = contents,
                      .group = group,
                      .depth = outer ? outer->depth + 1 : 0,
                      .outer = outer};
    const char *path = *group ? group : "/";
    if (!h5_place(file, path, at.place) || !is_circle(&at))
        h5_members(file, path, visit, &at);
}

void contents_read(struct H5File *file, struct Contents *contents) {
    *contents = (struct Contents){0};
    walk(file, contents, "", NULL);
}

void contents_release(struct Contents *contents) {
    for (int i = 0; i < contents->count; i++) {
        memory_release(contents->items[i].path);
        memory_release(contents->items[i].problem);
    }
    memory_release(contents->items);
    *contents = (struct Contents){0};
}

void contents_describe(const struct ContentsItem *item, struct Text *text) {
    const struct H5Info *info = &item->storage.info;
    text_add(text, "%s%s ", info->type_name, item->storage.big_endian ? " (big-endian)" : "");
    if (info->rank)
        text_add_shape(text, info->size, info->rank);
    else
        text_add(text, "(one value)");
}

/* Appends the name that is nearest to a missing one. */
static void add_nearest(const struct Contents *contents, const char *missing, struct Text *text) {
    const char **paths = memory_array(const char *, contents->count, "paths");
    int count = 0;
    for (int i = 0; i < contents->count; i++)
        if (contents->items[i].member == H5_MEMBER_ARRAY)
            paths[count++] = contents->items[i].path;
    const char *near = strlen(missing) < 200 ? text_nearest(missing, paths, count) : NULL;
    if (near)
        text_add(text, "; did you mean '%s'?", near);
    memory_release(paths);
}

void contents__summary(struct H5File *file, const char *missing, struct Text *text) {
    struct Contents contents;
    int arrays = 0;
    contents_read(file, &contents);
    for (int i = 0; i < contents.count; i++) {
        const struct ContentsItem *item = &contents.items[i];
        bool bad = item->problem != NULL;
        if (item->member == H5_MEMBER_GROUP || item->member == H5_MEMBER_OTHER ||
            arrays++ >= SUMMARY)
            continue;
        text_add(text, "%s%s ", arrays > 1 ? ", " : "", item->path);
        if (bad)
            text_add(text,
                     item->member == H5_MEMBER_LINK ? "(a link to another file)" : "(unreadable)");
        else
            contents_describe(item, text);
    }
    if (arrays > SUMMARY)
        text_add(text, " and %d more", arrays - SUMMARY);
    if (!arrays)
        text_add(text, "no array");
    if (missing)
        add_nearest(&contents, missing, text);
    contents_release(&contents);
}
