#include "store/heap.h"
#include "store/chunks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/chunks.h"
#include "store/internal.h"

#define SIGNATURE "GCOL"
#define MOST_WIDTH 8 /* bytes of an address or a length */

struct HeapObject {
    uint32_t index;
    uint64_t at, bytes; /* in the collection */
};

struct Collection {
    uint64_t address, bytes;
    int64_t count;
    struct HeapObject *objects; /* sorted by index */
};

struct Heap {
    struct H5File *file;
    struct FileDriver other; /* what `file` has a link to; fd −1: nothing */
    uint64_t base;           /* where addresses begin */
    size_t address_width, length_width;
    int64_t count;
    struct Collection *collections; /* sorted by address; they do not overlap */
    struct HeapImage {
        uint64_t address, bytes; /* of the collection that was walked last */
        unsigned char *data;
    } last;
};

/* ---- References ---- */

/* In the file a reference has another size than in memory, where HDF5 puts a pointer. */
static void widths(hid_t object, uint64_t *base, size_t *address, size_t *length) {
    hid_t file = H5Iget_file_id(object), create = H5Fget_create_plist(file);
    hsize_t user_block = 0;
    *address = *length = 0;
    H5Pget_sizes(create, address, length);
    H5Pget_userblock(create, &user_block);
    *base = user_block;
    H5Pclose(create);
    H5Fclose(file);
}

bool heap__is_reference(hid_t type) {
    return H5Tget_class(type) == H5T_VLEN || H5Tis_variable_str(type) > 0;
}

int64_t heap__reference_size(hid_t object) {
    uint64_t base;
    size_t address, length;
    widths(object, &base, &address, &length);
    return 4 + (int64_t)address + 4;
}

/* HDF5 calls this to turn references into bytes that it does not look at. */
static herr_t keep_bytes(hid_t from, hid_t to, H5T_cdata_t *conversion, size_t count, size_t stride,
                         size_t other_stride, void *buffer, void *background, hid_t transfer) {
    (void)count, (void)stride, (void)other_stride, (void)buffer, (void)background, (void)transfer;
    conversion->need_bkg = H5T_BKG_NO;
    return conversion->command != H5T_CONV_INIT || H5Tget_size(from) == H5Tget_size(to) ? 0 : -1;
}

/* Registers the conversion, once for the process. */
static void register_conversion(void) {
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    hid_t bytes = H5Tcreate(H5T_OPAQUE, H5Tget_size(text));
    H5T_cdata_t *unused;
    if (H5Tfind(text, bytes, &unused) != keep_bytes)
        H5Tregister(H5T_PERS_SOFT, "reference", text, bytes, keep_bytes);
    H5Tclose(bytes);
    H5Tclose(text);
}

static uint64_t little_endian(const unsigned char *bytes, size_t width) {
    uint64_t value = 0;
    for (size_t i = width; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

hid_t heap__reference_type(hid_t object) {
    int64_t size = heap__reference_size(object);
    if (size < 8 + 2 || size > 8 + MOST_WIDTH)
        return -1;
    register_conversion();
    return H5Tcreate(H5T_OPAQUE, (size_t)size);
}

/* HDF5 would make references of a fill value, by ways that are not bounded. */
static int check_fill(struct H5File *file, const char *name, hid_t dataset, struct Error *error) {
    hid_t create = H5Dget_create_plist(dataset);
    H5D_fill_value_t fill = H5D_FILL_VALUE_ERROR;
    H5D_space_status_t status = H5D_SPACE_STATUS_ERROR;
    H5Pfill_value_defined(create, &fill);
    H5Dget_space_status(dataset, &status);
    H5Pclose(create);
    if (fill != H5D_FILL_VALUE_USER_DEFINED || status == H5D_SPACE_STATUS_ALLOCATED)
        return OK;
    return fail(error, file->failure,
                "%s:/%s: not all of it was written, and it has a fill value of variable length, "
                "which is not read",
                file->path, name);
}

/* The chunks of a dataset, as far as references in them are wanted. */
static int check_chunks(struct H5File *file, const char *name, hid_t selection,
                        struct Error *error) {
    struct H5Opened opened;
    hsize_t first[H5S_MAX_RANK], last[H5S_MAX_RANK];
    int64_t start[H5_RANK], part[H5_RANK];
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    bool all = selection == H5S_ALL || H5Sget_select_bounds(selection, first, last) < 0;
    for (int i = 0; i < opened.own_rank; i++) {
        start[i] = all ? 0 : (int64_t)first[i];
        part[i] = all ? opened.info.size[i] : (int64_t)(last[i] - first[i]) + 1;
    }
    code = chunks__check(file, name, &opened, start, part, error);
    h5__close_dataset(&opened);
    return code;
}

int heap__references(struct H5File *file, const char *name, const struct HeapSource *from,
                     int64_t count, struct HeapReference *references, struct Error *error) {
    int64_t size = heap__reference_size(from->object);
    size_t address = (size_t)size - 8;
    hid_t type = heap__reference_type(from->object);
    if (type < 0)
        return h5__damaged(file, name, "is damaged", error);
    if (!from->attribute && (check_fill(file, name, from->object, error) != OK ||
                             check_chunks(file, name, from->selection, error) != OK)) {
        H5Tclose(type);
        return error->code;
    }
    unsigned char *bytes = memory_array(unsigned char, count *size, "references of an HDF5 file");
    herr_t status = from->attribute ? H5Aread(from->object, type, bytes)
                                    : H5Dread(from->object, type, from->memory, from->selection,
                                              H5P_DEFAULT, bytes);
    int code = chunks__done(file, name, error);
    if (code == OK && status < 0)
        code = h5__damaged(file, name, "is damaged: it cannot be read", error);
    H5Tclose(type);
    for (int64_t i = 0; code == OK && i < count; i++) {
        const unsigned char *at = bytes + i * size;
        references[i] = (struct HeapReference){little_endian(at, 4), little_endian(at + 4, address),
                                               (uint32_t)little_endian(at + 4 + address, 4)};
    }
    memory_release(bytes);
    return code;
}

/* ---- The file's bytes ---- */

/* Opens the file that holds `object`, if it is another one than `file`. */
static int open_other(struct Heap *heap, hid_t object, struct Error *error) {
    char name[4096] = "";
    struct stat status;
    struct H5File *file = heap->file;
    if (H5Fget_name(object, name, sizeof name) < 0 || !strcmp(name, file->path))
        return OK;
    char *path = file_driver__beside(&file->driver, name);
    heap->other.fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    memory_release(path);
    if (heap->other.fd < 0 || fstat(heap->other.fd, &status))
        return fail(error, file->failure, "%s: has a link to %s, which cannot be opened",
                    file->path, name);
    heap->other.bytes = (uint64_t)status.st_size;
    return OK;
}

int heap__open(struct Heap **out, struct H5File *file, hid_t object, struct Error *error) {
    struct Heap *heap = memory_allocate(sizeof *heap, "a heap of an HDF5 file");
    heap->file = file;
    heap->other.fd = -1;
    widths(object, &heap->base, &heap->address_width, &heap->length_width);
    int code = open_other(heap, object, error);
    if (code != OK) {
        heap__close(heap);
        heap = NULL;
    }
    *out = heap;
    return code;
}

void heap__close(struct Heap *heap) {
    if (!heap)
        return;
    for (int64_t i = 0; i < heap->count; i++)
        memory_release(heap->collections[i].objects);
    memory_release(heap->collections);
    memory_release(heap->last.data);
    if (heap->other.fd >= 0)
        close(heap->other.fd);
    memory_release(heap);
}

static bool read_at(struct Heap *heap, uint64_t address, void *buffer, uint64_t bytes) {
    struct FileDriver *own = &heap->file->driver, *other = &heap->other;
    if (address > UINT64_MAX - heap->base)
        return false;
    bool whole =
        file_driver__read(other->fd >= 0 ? other : own, heap->base + address, buffer, bytes);
    if (other->failed)
        own->failed = other->failed;
    return whole;
}

static uint64_t file_bytes(const struct Heap *heap) {
    uint64_t bytes = heap->other.fd >= 0 ? heap->other.bytes : heap->file->driver.bytes;
    return bytes > heap->base ? bytes - heap->base : 0;
}

/* ---- Collections ---- */

static uint64_t aligned(uint64_t bytes) {
    return (bytes + 7) & ~(uint64_t)7;
}

/* Bytes before the data of an object, and before the first object. */
static uint64_t head_bytes(const struct Heap *heap) {
    return aligned(8 + heap->length_width);
}

static int compare_objects(const void *one, const void *other) {
    uint32_t a = ((const struct HeapObject *)one)->index;
    uint32_t b = ((const struct HeapObject *)other)->index;
    return (a > b) - (a < b);
}

static void add_object(struct Collection *collection, struct HeapObject object) {
    collection->objects =
        memory_room(collection->objects, collection->count, "objects of a heap of an HDF5 file");
    collection->objects[collection->count++] = object;
}

/* Walks the objects of a collection. What is free between or after them is one of number 0, whose
 * size counts its head, or too short for any. */
static const char *walk(const struct Heap *heap, struct Collection *collection,
                        const unsigned char *data) {
    uint64_t head = head_bytes(heap), at = head, end = collection->bytes;
    while (at <= end - head) {
        struct HeapObject object = {(uint32_t)little_endian(data + at, 2), at + head,
                                    little_endian(data + at + 8, heap->length_width)};
        bool is_free = object.index == 0;
        if (is_free && object.bytes < head)
            return "free space of its heap has no size";
        if (object.bytes > end - (is_free ? at : object.at))
            return "an object of its heap is longer than the collection that holds it";
        if (!is_free)
            add_object(collection, object);
        at = is_free ? at + object.bytes : object.at + aligned(object.bytes);
    }
    if (collection->count)
        qsort(collection->objects, (size_t)collection->count, sizeof *collection->objects,
              compare_objects);
    for (int64_t i = 1; i < collection->count; i++)
        if (collection->objects[i].index == collection->objects[i - 1].index)
            return "two objects of its heap have one number";
    return NULL;
}

/* The place of the first collection that begins after `address`. */
static int64_t place_after(const struct Heap *heap, uint64_t address) {
    int64_t low = 0, high = heap->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (heap->collections[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct Heap *heap, int64_t place, const struct Collection *collection) {
    heap->collections = memory_room(heap->collections, heap->count, "the heap of an HDF5 file");
    for (int64_t i = heap->count; i > place; i--)
        heap->collections[i] = heap->collections[i - 1];
    heap->collections[place] = *collection;
    heap->count++;
}

/* Reads the head of the collection at `address`: its size. */
static const char *measure(struct Heap *heap, uint64_t address, uint64_t *bytes) {
    unsigned char head[8 + MOST_WIDTH];
    uint64_t length = file_bytes(heap);
    if (address > length || !read_at(heap, address, head, 8 + heap->length_width) ||
        memcmp(head, SIGNATURE, 4) != 0)
        return "a reference leads to no heap";
    *bytes = little_endian(head + 8, heap->length_width);
    if (head[4] != 1)
        return "its heap has an unknown version";
    if (*bytes < head_bytes(heap) || *bytes > length - address)
        return "a collection of its heap does not end inside the file";
    return memory_can_hold(*bytes) ? NULL : "its heap does not fit into this machine's memory";
}

/* Reads the collection at `address`, which belongs at `place` among the others. */
static const char *load(struct Heap *heap, int64_t place, uint64_t address) {
    struct Collection collection = {.address = address};
    const char *why = measure(heap, address, &collection.bytes);
    if (why)
        return why;
    const struct Collection *before = place > 0 ? &heap->collections[place - 1] : NULL;
    const struct Collection *after = place < heap->count ? &heap->collections[place] : NULL;
    if ((before && address - before->address < before->bytes) ||
        (after && after->address - address < collection.bytes))
        return "two collections of its heap overlap";
    memory_release(heap->last.data);
    heap->last = (struct HeapImage){address, collection.bytes,
                                    memory_allocate(collection.bytes, "a heap of an HDF5 file")};
    if (!read_at(heap, address, heap->last.data, collection.bytes))
        return "its heap cannot be read";
    why = walk(heap, &collection, heap->last.data);
    if (why)
        memory_release(collection.objects);
    else
        insert(heap, place, &collection);
    return why;
}

static const struct HeapObject *find_object(const struct Collection *collection, uint32_t index) {
    const struct HeapObject wanted = {.index = index};
    return collection->count ? bsearch(&wanted, collection->objects, (size_t)collection->count,
                                       sizeof wanted, compare_objects)
                             : NULL;
}

const char *heap__read(struct Heap *heap, const struct HeapReference *reference, uint64_t bytes,
                       void *buffer) {
    uint64_t address = reference->address;
    if (bytes == 0)
        return NULL;
    int64_t place = place_after(heap, address);
    if (place == 0 || heap->collections[place - 1].address != address) {
        const char *why = load(heap, place, address);
        if (why)
            return why;
        place++;
    }
    const struct HeapObject *object = find_object(&heap->collections[place - 1], reference->index);
    if (!object)
        return "a reference leads to no object of its heap";
    if (object->bytes < bytes)
        return "a reference is longer than the object of its heap";
    if (heap->last.address == address && heap->last.data)
        memcpy(buffer, heap->last.data + object->at, bytes);
    else if (!read_at(heap, address + object->at, buffer, bytes))
        return "its heap cannot be read";
    return NULL;
}
