/* Global heaps: where HDF5 keeps what has a length of its own, texts and runs of bytes. An element
 * of such an array is a reference: a length, the address of a collection of objects, and the
 * object's number in it. HDF5 1.10 follows damaged ones beyond the ends of its buffers, or for
 * ever. So here HDF5 gives the references as they stand in the file, and collections are walked in
 * bounded code: each lies inside the file, is walked once, and shares no byte with another, so that
 * a file costs no more than its own length. (Format specification, "Disk Format: Level 1E - Global
 * Heap".) Inside store/ only. */
#ifndef TRAINER_STORE_HEAP_H
#define TRAINER_STORE_HEAP_H

#include "store/internal.h"

struct HeapReference {
    uint64_t length;  /* elements: characters or bytes */
    uint64_t address; /* of the collection, relative to the superblock; 0: nothing */
    uint32_t index;   /* of the object */
};

/* Where references are read from. */
struct HeapSource {
    hid_t object; /* a dataset or an attribute */
    bool attribute;
    hid_t memory, selection; /* of a dataset */
};

/* Whether the elements of a type are references: texts of variable length, or lists. */
bool heap__is_reference(hid_t type);
/* Bytes of a reference in the file that holds `object`, a dataset or an attribute. */
int64_t heap__reference_size(hid_t object);

/* The type to read them as, bytes that HDF5 does not look at; −1 if the file does not say how long
 * they are. The caller closes it. */
hid_t heap__reference_type(hid_t object);
/* Reads `count` references: all of an attribute, or the elements of a dataset that `selection`
 * chooses, into the shape of `memory`. `name` is for messages. */
int heap__references(struct H5File *file, const char *name, const struct HeapSource *from,
                     int64_t count, struct HeapReference *references, struct Error *error);

struct Heap;
/* The heap of the file that holds `object`, which may be another file than `file`, by a link. */
int heap__open(struct Heap **heap, struct H5File *file, hid_t object, struct Error *error);
void heap__close(struct Heap *heap); /* NULL is allowed */

/* Copies what a reference leads to, `bytes` bytes, to `buffer`. Returns NULL, or what is wrong, for
 * messages: "its heap ...". After an I/O error h5_check says it. */
const char *heap__read(struct Heap *heap, const struct HeapReference *reference, uint64_t bytes,
                       void *buffer);

#endif
