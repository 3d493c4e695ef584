/* The filters of chunked arrays that this program undoes itself, outside of HDF5's lock: gzip,
 * shuffle, fletcher32 and lzf. Inside store/ only. */
#ifndef TRAINER_STORE_UNPACK_H
#define TRAINER_STORE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#define UNPACK_FILTERS 8
#define UNPACK_LZF 32000 /* registered by h5py */

/* How the chunks of an array are packed: filters in the order in which a writer applies them. */
struct Packing {
    int count;
    int filters[UNPACK_FILTERS];
    size_t element; /* bytes, for shuffle */
};

/* False if a filter is none of these. */
bool unpack__understands(hid_t create, struct Packing *packing);

/* What one thread needs to unpack chunks. */
struct Unpacker;
struct Unpacker *unpacker__create(size_t chunk_bytes);
void unpacker__release(struct Unpacker *unpacker); /* NULL is allowed */
/* Where a packed chunk is to be read to, and how many bytes fit: more than any packing of it has.
 */
void *unpacker__buffer(struct Unpacker *unpacker, size_t *room);
/* Unpacks the `bytes` bytes in that buffer. `mask`: bit i says that filter i was not applied.
 * Returns the chunk, which lives until the buffer is asked for again; or NULL, and *why. */
const void *unpacker__run(struct Unpacker *unpacker, const struct Packing *packing, uint32_t mask,
                          size_t bytes, const char **why);

/* Lets HDF5 itself read lzf, once for the process. */
void unpack__register_lzf(void);

#endif
