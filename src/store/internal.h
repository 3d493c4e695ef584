/* What the files of store/ share. Not for other modules. */
#ifndef TRAINER_STORE_INTERNAL_H
#define TRAINER_STORE_INTERNAL_H

#include "store/file_driver.h"
#include "store/h5.h"

struct H5File {
    char *path;
    int failure; /* the code that failures return: ERROR_DATA or ERROR_CHECKPOINT */
    hid_t id;
    struct FileDriver driver;
    void *owned_image; /* a whole file in memory: h5_open_sealed, h5_open_image */
    uint64_t image_bytes;
};

struct H5Writer {
    char *path, *temporary; /* temporary: NULL until the file exists */
    hid_t id;
    struct FileDriver driver;
    bool replaces; /* writing under a name that exists replaces what is there (h5_update) */
};

/* writer.c. A writer that has no file yet. */
struct H5Writer *h5__make_writer(const char *path);
/* Makes its temporary file, in the folder of its path. */
int h5__create_temporary(struct H5Writer *writer, struct Error *error);
/* The access list to open or create that file with; −1 on failure. The caller closes it. */
hid_t h5__writer_access(struct H5Writer *writer);

/* Stops HDF5 from printing its error stack. The setting is per thread, so every function that
 * others call does it. */
void h5__quiet(void);
/* The innermost entry of HDF5's error stack, for messages, into `buffer`, which is returned. Call
 * it before any other function of HDF5, which would clear the stack. */
const char *h5__reason(char buffer[200]);
/* `name` without leading slashes, for "FILE:/name". */
const char *h5__relative(const char *name);

hid_t h5__native(enum H5Type type); /* of H5_UINT8 … H5_FLOAT64; any other is a bug */
size_t h5__size(enum H5Type type);  /* bytes of one element; the same types */
/* The H5Type that values of HDF5's `type` are read as, and a name for messages in *name. */
enum H5Type h5__classify(hid_t type, const char **name);

/* "(50000,32,32,3)", −1 as "any"; into `buffer`, which is returned. */
#define H5_SHAPE_TEXT 200
char *h5__shape(int rank, const int64_t *size, char buffer[H5_SHAPE_TEXT]);

/* The end of the HDF5 data as the superblock says, or 0 if there is no readable superblock. `head`
 * holds the first `bytes` bytes of the file, at most H5_HEAD of them are needed. *superblock is the
 * offset at which the superblock starts, −1 if there is none. */
#define H5_HEAD 8192
uint64_t h5__declared_end(const unsigned char *head, uint64_t bytes, int64_t *superblock);

#endif
