/* Patterns in paths of arrays: "/sample_*" stands for all arrays of a file whose paths match. */
#include <fnmatch.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

struct Search {
    struct H5File *file;
    struct Matches *found;
    const char *group;    /* the path so far, "" or "/a" */
    const char *captured; /* the components so far that contained patterns */
    char *part;           /* the pattern that a name in this group must match */
    const char *rest;     /* the rest of the pattern; "" if there is none */
};

static void search(struct H5File *file, struct Matches *found, const char *group,
                   const char *captured, const char *rest);

static void take(struct Matches *found, const char *path, const char *captured) {
    found->items = memory_room(found->items, found->count, "arrays");
    found->items[found->count++] =
        (struct Match){memory_copy_text(path), memory_copy_text(captured)};
}

static void visit(void *context, const char *name, enum H5Member member) {
    const struct Search *at = context;
    bool last = !*at->rest;
    if (fnmatch(at->part, name, 0) || member != (last ? H5_MEMBER_ARRAY : H5_MEMBER_GROUP))
        return;
    char *path = memory_print("%s/%s", at->group, name);
    char *captured = memory_print("%s/%s", at->captured, name);
    if (last)
        take(at->found, path, captured);
    else
        search(at->file, at->found, path, captured, at->rest);
    memory_release(path);
    memory_release(captured);
}

/* `rest` begins with a slash. */
static void search(struct H5File *file, struct Matches *found, const char *group,
                   const char *captured, const char *rest) {
    const char *end = strchr(rest + 1, '/');
    size_t length = end ? (size_t)(end - rest) - 1 : strlen(rest + 1);
    struct Search at = {file,          found, group, captured, memory_copy_span(rest + 1, length),
                        end ? end : ""};
    if (pattern__is(at.part)) {
        h5_members(file, *group ? group : "/", visit, &at);
    } else {
        char *path = memory_print("%s/%s", group, at.part);
        bool there = h5_exists(file, path);
        if (there && end)
            search(file, found, path, captured, end);
        else if (there)
            take(found, path, captured);
        memory_release(path);
    }
    memory_release(at.part);
}

bool pattern__is(const char *path) {
    return strpbrk(path, "*?[") != NULL;
}

void pattern__find(struct H5File *file, const char *path, struct Matches *found) {
    *found = (struct Matches){0};
    search(file, found, "", "", path);
}

void pattern__release(struct Matches *found) {
    for (int i = 0; i < found->count; i++) {
        memory_release(found->items[i].path);
        memory_release(found->items[i].captured);
    }
    memory_release(found->items);
    *found = (struct Matches){0};
}
