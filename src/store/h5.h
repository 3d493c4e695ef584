/* HDF5, wrapped: the one place that includes hdf5.h. Opens files read-only, reads and writes typed
 * arrays and attributes, says in one line what is wrong. HDF5's own error stack is silenced. Every
 * name in a message is "FILE:/group/dataset". Not collective; any thread, one at a time. */
#ifndef TRAINER_STORE_H5_H
#define TRAINER_STORE_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum H5Type { H5_UINT8, H5_INT32, H5_INT64, H5_FLOAT32, H5_FLOAT64, H5_TEXT, H5_OTHER };
#define H5_RANK 8

struct H5File;

/* What a dataset is, before anything is read. */
struct H5Info {
    enum H5Type type; /* integers: the narrowest of these that holds it */
    const char *type_name;
    int rank;
    int64_t size[H5_RANK];
    bool contiguous; /* one run of bytes in the file, native byte order, no filter */
    uint64_t offset; /* of that run */
    uint64_t stored; /* bytes it takes in the file; 0: never written, reads as zeros */
};

/* `code` is what failures are called: ERROR_DATA or ERROR_CHECKPOINT. Refuses missing, empty,
 * truncated and non-HDF5 files each with its own line. */
int h5_open(struct H5File **file, const char *path, int code, struct Error *error);
void h5_close(struct H5File *file); /* NULL is allowed */
const char *h5_path(const struct H5File *file);
uint64_t h5_bytes(const struct H5File *file); /* the file's length */

/* Maps the whole file that h5_open opened, read-only and shared, for the contiguous datasets at
 * their offsets. The map outlives h5_close; the caller gives it back with h5_unmap (NULL is
 * allowed). */
int h5_map(struct H5File *file, const void **image, size_t *bytes, struct Error *error);
void h5_unmap(const void *image, size_t bytes);

bool h5_exists(struct H5File *file, const char *name);
int h5_info(struct H5File *file, const char *name, struct H5Info *info, struct Error *error);
/* Calls visit for every member of a group, sorted by name; stops at the first non-OK. */
int h5_list(struct H5File *file, const char *group,
            int (*visit)(void *context, const char *name, bool is_group, struct Error *error),
            void *context, struct Error *error);

/* Reads a whole dataset into `buffer` as `type` (numbers are converted), after checking that its
 * rank and sizes are those given (size −1: any). */
int h5_read(struct H5File *file, const char *name, enum H5Type type, int rank, const int64_t *size,
            void *buffer, struct Error *error);
/* Rows [first, first+count) of the first dimension. */
int h5_read_rows(struct H5File *file, const char *name, enum H5Type type, int64_t first,
                 int64_t count, void *buffer, struct Error *error);
/* A scalar text dataset or a vector of texts; the caller releases each and the array. */
int h5_read_text(struct H5File *file, const char *name, char **text, struct Error *error);
int h5_read_texts(struct H5File *file, const char *name, char ***texts, int64_t *count,
                  struct Error *error);
/* Attributes of `object` ("/" for the file's own). */
bool h5_has_attribute(struct H5File *file, const char *object, const char *name);
int h5_read_attribute(struct H5File *file, const char *object, const char *name, enum H5Type type,
                      void *value, struct Error *error); /* a scalar; H5_TEXT: char ** */

/* "1.10.8", of the library that runs; into `buffer`, which is returned. */
#define H5_VERSION_LENGTH 40
const char *h5_version(char buffer[H5_VERSION_LENGTH]);

/* Writing, in one of three ways. */
struct H5Writer;
/* Straight to `path` under a temporary name in the same folder, for data sets larger than memory;
 * h5_commit renames. */
int h5_create(struct H5Writer **writer, const char *path, struct Error *error);
/* Built in memory; h5_commit writes it out with a seal. */
int h5_create_in_memory(struct H5Writer **writer, const char *path, struct Error *error);

/* To a copy of the file `path` (of that which a link points at), under a temporary name in the
 * same folder; h5_commit renames. So the file is the old one or the new one at any time, and who
 * has the old one open keeps it. What is written takes the place of what has that name; everything
 * else stays, whoever made it. Costs a copy of the file, where the file system cannot share blocks.
 * `code` is what failures of the old file are called. */
int h5_update(struct H5Writer **writer, const char *path, int code, struct Error *error);

int h5_write(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
             const int64_t *size, const void *data, struct Error *error); /* parents are made */
/* A contiguous dataset of known shape, filled by rows in any order, of exactly that type; rows
 * never written are zeros. Fails at once where the file system says that it has no room. */
int h5_reserve(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
               const int64_t *size, struct Error *error);
int h5_write_rows(struct H5Writer *writer, const char *name, enum H5Type type, int64_t first,
                  int64_t count, const void *data, struct Error *error);
int h5_write_text(struct H5Writer *writer, const char *name, const char *text, struct Error *error);
int h5_write_texts(struct H5Writer *writer, const char *name, const char *const *texts,
                   int64_t count, struct Error *error);
int h5_write_attribute(struct H5Writer *writer, const char *object, const char *name,
                       enum H5Type type, const void *value, struct Error *error);

/* Finishes: flush, fsync, rename over `path`, fsync of the folder. In memory: the image is followed
 * by a seal (magic, length, XXH3-128 of the image), which HDF5 ignores and h5_open_sealed checks.
 * Clean errors on a full disk (who limits file sizes ignores SIGXFSZ); nothing half-written is
 * left. Releases the writer either way. */
int h5_commit(struct H5Writer *writer, struct Error *error);
/* The same without renaming: writes and fsyncs the temporary file, whose name is put into
 * `temporary` (PATH_MAX bytes), and releases the writer. So that ranks can agree before h5_publish
 * renames it. */
int h5_commit_temporary(struct H5Writer *writer, char *temporary, struct Error *error);
int h5_publish(const char *temporary, const char *path, struct Error *error);
void h5_abandon(struct H5Writer *writer); /* removes the temporary file; NULL is allowed */

/* Reads a whole file, checks its seal when there is one (*sealed says), and opens it. The image
 * belongs to the file object. */
int h5_open_sealed(struct H5File **file, const char *path, int code, bool *sealed,
                   struct Error *error);

#endif
