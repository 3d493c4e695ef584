/* The chunks of an array, unpacked outside of HDF5. HDF5 1.10 compares neither the bytes that a
 * chunk stores nor those that it unpacks to with the size of the array's chunks: it reads beyond
 * its buffers, or writes beyond those of H5Dread_chunk. Inside store/ only. */
#ifndef TRAINER_STORE_CHUNKS_H
#define TRAINER_STORE_CHUNKS_H

#include "store/internal.h"
#include "store/unpack.h"

struct H5Chunks {
    struct H5File *file;
    const char *name;
    const struct H5Opened *opened; /* what these three point at has to outlive this */
    hsize_t size[H5_RANK];         /* elements of a chunk */
    uint64_t bytes;                /* of a chunk that is not packed */
    bool understood;               /* `packing` says how chunks are packed */
    bool readable;                 /* chunks__read can read the array */
    struct Packing packing;
    struct Unpacker *unpacker; /* NULL until it is needed */
    unsigned char *fill;       /* if readable: an element that was never written */
};

/* `opened`: a chunked array. Fails if its chunks do not fit into memory. */
int chunks__open(struct H5Chunks *chunks, struct H5File *file, const char *name,
                 const struct H5Opened *opened, struct Error *error);
void chunks__close(struct H5Chunks *chunks);

/* Reads a part of a readable array as h5__read_part does: each chunk is unpacked, and then
 * converted if `type` is another one than the file has. */
int chunks__read(struct H5Chunks *chunks, enum H5Type type, const int64_t *first,
                 const int64_t *part, void *buffer, struct Error *error);

/* Before H5Dread of a part of an array that chunks__read does not read. Fails if a packed chunk of
 * the part unpacks to another size than it should have, and makes the driver refuse a chunk that is
 * not packed and stores another size. chunks__done follows H5Dread, and fails if the driver refused
 * a chunk; it may fail for HDF5's error, too. */
int chunks__check(struct H5File *file, const char *name, const struct H5Opened *opened,
                  const int64_t *first, const int64_t *part, struct Error *error);
int chunks__done(struct H5File *file, const char *name, struct Error *error);

#endif
