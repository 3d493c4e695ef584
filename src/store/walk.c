/* Looking at everything that a file holds, as another program could read it. */
#include <stdlib.h>

#include "base/memory.h"
#include "store/heap.h"
#include "store/internal.h"

#define MOST_DEPTH 64                 /* groups within groups */
#define MOST_OBJECTS 1000000          /* links that are followed */
#define MOST_VALUES 1000              /* attributes of an object whose values are read */
#define MOST_READ ((hsize_t)64 << 20) /* bytes of each dataset */
#define MOST_ALL                                                                                   \
    ((hsize_t)192 << 20) /* bytes of numbers of all: a good file must not take long                \
                          */

/* Objects that were visited: links may lead to one over and over, and make circles. */
struct Visited {
    haddr_t *places; /* a hash table; HADDR_UNDEF: free */
    size_t room, count;
};

struct Walk {
    int64_t objects;
    int64_t attributes; /* of the object that is looked at, so far */
    hsize_t left;       /* of MOST_ALL */
    int depth;
    struct Visited visited;
};

static haddr_t *find_place(const struct Visited *visited, haddr_t address) {
    size_t at = (size_t)(address * 0x9e3779b97f4a7c15u >> 20) % visited->room;
    while (visited->places[at] != HADDR_UNDEF && visited->places[at] != address)
        at = (at + 1) % visited->room;
    return &visited->places[at];
}

static void grow(struct Visited *visited) {
    struct Visited larger = {.room = 2 * visited->room + 64, .count = visited->count};
    larger.places = memory_array(haddr_t, larger.room, "visited objects");
    for (size_t i = 0; i < larger.room; i++)
        larger.places[i] = HADDR_UNDEF;
    for (size_t i = 0; i < visited->room; i++)
        if (visited->places[i] != HADDR_UNDEF)
            *find_place(&larger, visited->places[i]) = visited->places[i];
    memory_release(visited->places);
    *visited = larger;
}

/* False if the object was visited before. */
static bool visit_first(struct Visited *visited, haddr_t address) {
    if (address == HADDR_UNDEF)
        return true;
    if (2 * visited->count >= visited->room)
        grow(visited);
    haddr_t *place = find_place(visited, address);
    if (*place == address)
        return false;
    *place = address;
    visited->count++;
    return true;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context);

static void walk_group(hid_t group, struct Walk *walk) {
    if (++walk->depth <= MOST_DEPTH)
        H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_link, walk);
    walk->depth--;
}

/* A space of the shape of a selection of whole rows. In a space of another rank HDF5 would place
 * the values one by one. */
static hid_t dense_space(hid_t space, hsize_t count) {
    hsize_t first[H5S_MAX_RANK], last[H5S_MAX_RANK], size[H5S_MAX_RANK], product = 1;
    int rank = H5Sget_simple_extent_ndims(space);
    bool shaped = rank > 0 && count > 0 && H5Sget_select_bounds(space, first, last) >= 0;
    for (int i = 0; shaped && i < rank; i++) {
        size[i] = last[i] - first[i] + 1;
        product *= size[i];
    }
    return shaped && product == count ? H5Screate_simple(rank, size, NULL)
                                      : H5Screate_simple(1, &count, NULL);
}

/* The type that readers ask for: the one that HDF5 itself chooses in memory, or the references of
 * what has a length of its own, as they stand in the file; −1 if nobody reads such values. */
static hid_t memory_type(hid_t object, hid_t type) {
    const char *unused;
    enum H5Type kind = h5__classify(type, &unused);
    if (kind == H5_OTHER || kind == H5_CELLS)
        return -1;
    if (!heap__is_reference(type))
        return H5Tget_native_type(type, H5T_DIR_DEFAULT);
    return heap__reference_type(object);
}

/* Reads the values that `space` selects as type `memory`, which is closed. */
static void read_as(hid_t object, bool attribute, hid_t memory, hid_t space) {
    hsize_t count = (hsize_t)H5Sget_select_npoints(space);
    size_t size = memory >= 0 ? H5Tget_size(memory) : 0;
    /* Not memory_allocate: an absurd size is only a reason to read nothing. */
    void *values = size && count <= MOST_READ / size ? calloc(count + 1, size) : NULL;
    hid_t dense = dense_space(space, count);
    if (values && attribute)
        H5Aread(object, memory, values);
    else if (values)
        H5Dread(object, memory, dense, space, H5P_DEFAULT, values);
    free(values);
    H5Sclose(dense);
    H5Tclose(memory);
}

static void read_values(hid_t object, bool attribute, hid_t type, hid_t space) {
    bool records = H5Tget_class(type) == H5T_COMPOUND && !attribute;
    for (int i = 0; records && i < H5Tget_nmembers(type); i++)
        read_as(object, false, h5__native_member(type, (unsigned)i), space);
    if (!records)
        read_as(object, attribute, memory_type(object, type), space);
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info,
                              void *context) {
    struct Walk *walk = context;
    (void)info;
    if (walk->attributes++ >= MOST_VALUES) /* HDF5 looks for each among all of them */
        return 1;
    hid_t id = H5Aopen(object, name, H5P_DEFAULT);
    if (id < 0)
        return 0;
    hid_t type = H5Aget_type(id), space = H5Aget_space(id);
    if (type >= 0 && space >= 0)
        read_values(id, true, type, space);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(id);
    return 0;
}

/* One run of bytes is as safe as the check of its place, which h5_info makes. */
static bool is_plain(hid_t id) {
    hid_t create = H5Dget_create_plist(id);
    bool packed = H5Pget_layout(create) == H5D_CHUNKED;
    H5Pclose(create);
    return !packed;
}

/* Selects the first or the last rows of a large dataset, so many that they can be read. */
static void select_rows(hid_t space, hsize_t row_bytes, bool last) {
    hsize_t size[H5S_MAX_RANK], start[H5S_MAX_RANK] = {0};
    H5Sget_simple_extent_dims(space, size, NULL);
    hsize_t rows = MOST_READ / 2 / row_bytes;
    if (rows > size[0])
        rows = size[0];
    start[0] = last ? size[0] - rows : 0;
    size[0] = rows;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
}

/* What readers ask for besides values: the number that stands for those that were never written. */
static void read_fill_value(hid_t id, hid_t type) {
    hid_t create = H5Dget_create_plist(id), memory = H5Tget_native_type(type, H5T_DIR_DEFAULT);
    size_t size = memory >= 0 ? H5Tget_size(memory) : 0;
    void *value = size > 0 && size <= MOST_READ ? calloc(1, size) : NULL;
    if (value && create >= 0)
        H5Pget_fill_value(create, memory, value);
    free(value);
    H5Tclose(memory);
    H5Pclose(create);
}

static void walk_dataset(hid_t id, struct Walk *walk) {
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    size_t element = H5Tget_size(type);
    hsize_t size[H5S_MAX_RANK], count = 1;
    int rank = H5Sget_simple_extent_dims(space, size, NULL);
    bool sane = rank >= 0 && element > 0;
    for (int i = 0; sane && i < rank; i++)
        sane = !__builtin_mul_overflow(count, size[i], &count);
    sane = sane && count > 0 && count < HSIZE_UNDEF / element && !is_plain(id);
    hsize_t bytes = sane && count * element < MOST_READ ? count * element : MOST_READ;
    bool numbers = H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT;
    if (numbers)
        read_fill_value(id, type);
    sane = sane && (!numbers || bytes <= walk->left);
    if (sane && numbers)
        walk->left -= bytes;
    if (sane && count * element <= MOST_READ) {
        read_values(id, false, type, space);
    } else if (sane && rank > 0 && count / size[0] * element <= MOST_READ / 2) {
        for (int end = 0; end < 2; end++) {
            select_rows(space, count / size[0] * element, end);
            read_values(id, false, type, space);
        }
    }
    H5Sclose(space);
    H5Tclose(type);
}

static void walk_object(hid_t id, struct Walk *walk) {
    hsize_t at = 0;
    walk->attributes = 0;
    H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, visit_attribute, walk);
    if (H5Iget_type(id) == H5I_GROUP)
        walk_group(id, walk);
    else if (H5Iget_type(id) == H5I_DATASET)
        walk_dataset(id, walk);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context) {
    struct Walk *walk = context;
    if (link->type != H5L_TYPE_HARD || !visit_first(&walk->visited, link->u.address) ||
        walk->objects++ >= MOST_OBJECTS)
        return 0;
    hid_t id = H5Oopen(group, name, H5P_DEFAULT);
    if (id >= 0)
        walk_object(id, walk);
    H5Oclose(id);
    return 0;
}

/* HDF5 gives back at once what it frees, so that an allocator that overwrites such memory makes its
 * use afterwards a crash. */
bool h5_walk(struct H5File *file) {
    h5__quiet();
    H5set_free_list_limits(0, 0, 0, 0, 0, 0);
    for (int times = 0; times < 2; times++) { /* the second meets what the first left in caches */
        struct Walk walk = {.left = times ? 0 : MOST_ALL};
        hid_t root = H5Gopen2(file->id, "/", H5P_DEFAULT);
        if (root >= 0)
            walk_object(root, &walk);
        H5Gclose(root);
        memory_release(walk.visited.places);
    }
    bool closed = H5Fclose(file->id) >= 0;
    file->id = -1;
    return closed;
}
