/* Shared by the files of store/ alone. */
#ifndef TRAINER_STORE_INTERNAL_H
#define TRAINER_STORE_INTERNAL_H

#include "store/h5.h"
#include "store/medium.h"

struct H5File {
    char *path;
    int code; /* what failures are called */
    hid_t id;
    struct Medium medium;
    void *owned_image; /* h5_open_sealed's */
};

struct H5Writer {
    char *path, *temporary; /* temporary: NULL until the file exists */
    hid_t id;
    struct Medium medium;
    bool replaces; /* what it writes under a name takes the place of what is there */
};

/* A writer without a file, and the writer's temporary file beside its path. */
struct H5Writer *h5_make_writer(const char *path);
int h5_create_temporary(struct H5Writer *writer, struct Error *error);
/* Room for a dataset of that shape under a name that may exist: its offset where what is there has
 * that type and shape and lies in one run; else what is there is removed, and the answer is
 * HADDR_UNDEF. */
haddr_t h5_take_over(struct H5Writer *writer, const char *name, hid_t type, hid_t space);

/* Stops HDF5 from printing its error stack (per thread, so every entry calls it). */
void h5_quiet(void);
/* The innermost entry of HDF5's error stack, for messages: call it before anything else of HDF5. */
const char *h5_reason(char buffer[200]);
/* `name` without leading slashes, for "FILE:/name". */
const char *h5_relative(const char *name);

hid_t h5_native(enum H5Type type); /* H5_UINT8 … H5_FLOAT64 */
size_t h5_size(enum H5Type type);
enum H5Type h5_classify(hid_t type, const char **name);

/* "(50000,32,32,3)", −1 as "any"; into `buffer`, which is returned. */
#define H5_SHAPE_TEXT 200
char *h5_shape(int rank, const int64_t *size, char buffer[H5_SHAPE_TEXT]);

/* The end of the file as its superblock says, or 0 where there is none; *superblock is where that
 * starts. `head` holds the first `bytes` bytes of the file. */
#define H5_HEAD 8192
uint64_t h5_declared_end(const unsigned char *head, uint64_t bytes, int64_t *superblock);

#endif
