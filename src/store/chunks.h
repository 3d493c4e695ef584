/* The chunks of an array, unpacked without HDF5. HDF5 1.10 compares neither the bytes that a chunk
 * stores nor those that it unpacks to with the size of the array's chunks: it reads beyond its
 * buffers, or writes beyond those of H5Dread_chunk. Inside store/ only. */
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
    struct Packing packing;
    struct Unpacker *unpacker; /* NULL until it is needed */
};

/* `opened`: a chunked array. Fails if its chunks do not fit into memory. */
int chunks__open(struct H5Chunks *chunks, struct H5File *file, const char *name,
                 const struct H5Opened *opened, struct Error *error);
void chunks__close(struct H5Chunks *chunks);

/* Reads and unpacks the chunk whose first element is at `at`, if it is understood. *chunk is NULL
 * if it was never written, and else lives until the next call. */
int chunks__load(struct H5Chunks *chunks, const hsize_t *at, const void **chunk,
                 struct Error *error);
/* The first chunk that has elements of the part from `first` on, and the next, in the order of the
 * file; false after the last. */
void chunks__first(const struct H5Chunks *chunks, const int64_t *first, hsize_t *at);
bool chunks__next(const struct H5Chunks *chunks, const int64_t *first, const int64_t *part,
                  hsize_t *at);

/* Before H5Dread of a part of any array, `first` and `part` NULL: of all of it: fails if a packed
 * chunk of it unpacks to another size, and has the driver refuse one that is not packed and stores
 * another. chunks__done follows H5Dread, and fails if that happened; it may fail for HDF5's error,
 * too. */
int chunks__check(struct H5File *file, const char *name, const struct H5Opened *opened,
                  const int64_t *first, const int64_t *part, struct Error *error);
int chunks__done(struct H5File *file, const char *name, struct Error *error);

#endif
