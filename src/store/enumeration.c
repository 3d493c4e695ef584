/* The names that an enumeration gives to numbers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

#define MOST_MEMBERS 100000

struct Member {
    char *name;
    int64_t value;
};

static int by_value(const void *a, const void *b) {
    int64_t first = ((const struct Member *)a)->value, second = ((const struct Member *)b)->value;
    return (first > second) - (first < second);
}

/* A value stands as the base type has it, of at most 8 bytes. */
static bool read_member(hid_t type, hid_t base, unsigned i, struct Member *member) {
    int64_t value = 0;
    char *name = H5Tget_member_name(type, i);
    if (!name)
        return false;
    member->name = memory_copy_text(name);
    H5free_memory(name);
    bool good = H5Tget_member_value(type, i, &value) >= 0 &&
                H5Tconvert(base, H5T_NATIVE_INT64, 1, &value, NULL, H5P_DEFAULT) >= 0;
    member->value = value;
    return good;
}

static void sort_members(struct Member *members, struct H5Enumeration *enumeration) {
    qsort(members, (size_t)enumeration->count, sizeof *members, by_value);
    for (int64_t i = 0; i < enumeration->count; i++) {
        enumeration->names[i] = members[i].name;
        enumeration->values[i] = members[i].value;
    }
}

static int read_members(struct H5File *file, const char *name, hid_t type,
                        struct H5Enumeration *enumeration, struct Error *error) {
    int count = H5Tget_nmembers(type);
    if (count > MOST_MEMBERS)
        return fail(error, file->failure,
                    "%s:/%s: is an enumeration of %d members, at most %d are "
                    "read",
                    file->path, name, count, MOST_MEMBERS);
    hid_t base = H5Tget_super(type);
    struct Member *members = memory_array(struct Member, count, "members of an enumeration");
    bool good = base >= 0 && H5Tget_size(base) <= sizeof(int64_t);
    for (int i = 0; i < count && good; i++)
        good = read_member(type, base, (unsigned)i, &members[i]);
    *enumeration = (struct H5Enumeration){count, memory_array(char *, count, "members"),
                                          memory_array(int64_t, count, "members")};
    sort_members(members, enumeration);
    memory_release(members);
    if (base >= 0)
        H5Tclose(base);
    return good ? OK : h5__damaged(file, name, "is damaged: its enumeration cannot be read", error);
}

int h5_read_enumeration(struct H5File *file, const char *name, struct H5Enumeration *enumeration,
                        struct Error *error) {
    struct H5Opened opened;
    *enumeration = (struct H5Enumeration){0};
    name = h5__relative(name);
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    bool names = H5Tget_class(opened.type) == H5T_ENUM && opened.info.type != H5_OTHER &&
                 !h5__is_boolean(opened.type);
    if (names)
        code = read_members(file, name, opened.type, enumeration, error);
    h5__close_dataset(&opened);
    if (code != OK)
        h5_release_enumeration(enumeration);
    return code;
}

void h5_release_enumeration(struct H5Enumeration *enumeration) {
    memory_release_texts(enumeration->names, enumeration->count);
    memory_release(enumeration->values);
    *enumeration = (struct H5Enumeration){0};
}
