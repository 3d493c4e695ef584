/* What the files of store/ share. Not for other modules. */
#ifndef TRAINER_STORE_INTERNAL_H
#define TRAINER_STORE_INTERNAL_H

#include "base/text.h"
#include "store/file_driver.h"
#include "store/guard.h"
#include "store/h5.h"

/* What tells whether a file was written to. */
struct FileState {
    int64_t bytes; /* 0: not known */
    struct timespec modified;
};

struct H5File {
    char *path;
    int failure; /* the code that failures return: ERROR_DATA or ERROR_CHECKPOINT */
    hid_t id;
    struct FileDriver driver;
    void *owned_image; /* a whole file in memory: h5_open_sealed, h5_open_image */
    uint64_t image_bytes;
    bool guarded;          /* it has a guard, which was right */
    struct Error trouble;  /* the first damage that was met (h5_check) */
    bool lists_filters;    /* h5_storage is looking: what cannot be read is described */
    struct FileState kept; /* when h5_keep was called */
};

/* A dataset while something is read from it, or one member of all its records. */
struct H5Opened {
    hid_t id, type, space, create;
    struct H5Info info;
    /* If the elements are records of which one member is read, or arrays: their type, while `type`
     * is that of the values, and the dimensions after the first `own_rank` are those of the member
     * or the element. Else −1. */
    hid_t whole;
    int own_rank;    /* dimensions of the dataset itself */
    unsigned member; /* of the records */
};
/* dataset.c. Checks all that can be checked before values are read. On failure nothing stays open.
 */
int h5__open_dataset(struct H5File *file, const char *name, struct H5Opened *opened,
                     struct Error *error);
void h5__close_dataset(struct H5Opened *opened);
/* Bytes of one element in the file. What has a length of its own is a reference to a heap. */
int64_t h5__stored_size(const struct H5Opened *opened);
/* Fails with "FILE:/name: WHAT (HDF5's reason)". */
int h5__damaged(struct H5File *file, const char *name, const char *what, struct Error *error);
/* Keeps the error, which says that the file is damaged, for h5_check. Returns its code. */
int h5__keep_damage(struct H5File *file, const struct Error *error);

/* read.c. Fails unless values of a dataset or attribute can be read as `type`, a number. */
int h5__check_type(struct H5File *file, const char *name, const struct H5Info *info,
                   enum H5Type type, struct Error *error);
/* Reads a part of an open dataset, which is known to have one, as `type`, a number; H5_BYTES: the
 * bytes of elements of a fixed length, as they stand in the file. */
int h5__read_part(struct H5File *file, const char *name, const struct H5Opened *opened,
                  enum H5Type type, const int64_t *first, const int64_t *count, void *buffer,
                  struct Error *error);
/* Converts `count` elements of the dataset's type at `values`, which has room for them in either
 * type, to `type`, a number, in place. `name` is the dataset's. */
int h5__convert(struct H5File *file, const char *name, const struct H5Opened *opened,
                enum H5Type type, int64_t count, void *values, struct Error *error);
/* Fails unless a dataset has the part [first[i], first[i] + count[i]) of each dimension. */
int h5__check_part(struct H5File *file, const char *name, const struct H5Info *info, int rank,
                   const int64_t *first, const int64_t *count, struct Error *error);

/* record.c. Opens "records/member", a member of all records of a dataset; false: it is none. */
bool h5__open_member(struct H5File *file, const char *name, struct H5Opened *opened);
/* If the type is of arrays, goes to the type of their elements, and adds their dimensions to the
 * shape. False if they are too many. */
bool h5__enter_array(struct H5Opened *opened);
/* The type to read values of type `value` as, in records or arrays if they are there. The caller
 * closes it. */
hid_t h5__memory_type(const struct H5Opened *opened, hid_t value);
/* Whether "records/member" is there. */
bool h5__is_member(struct H5File *file, const char *name);
/* The type as which h5__memory_type would have a member of records read, natively; −1: none, as
 * nobody reads such values. */
hid_t h5__native_member(hid_t record, unsigned member);

/* read_text.c. Where texts are read from: a dataset or an attribute. */
struct TextSource {
    bool attribute;
    hid_t id, type;
};
/* Reads `count` texts, all that there are, into `texts`; the caller releases each. */
int h5__read_texts(struct H5File *file, const char *name, const struct TextSource *from,
                   int64_t count, char **texts, struct Error *error);

/* cells.c. The same for a dataset of H5_CELLS. */
int h5__read_cells(struct H5File *file, const char *name, const struct H5Opened *opened,
                   int64_t count, char **texts, struct Error *error);

/* exists.c. Notes that HDF5 cannot tell what is at `name`. Right after the call that failed. */
void h5__doubt(struct H5File *file, const char *name);

/* list.c. Fails if `name`, which could not be opened for `reason`, leads through a link to another
 * file. */
int h5__refuse_link(struct H5File *file, const char *name, const char *reason, struct Error *error);
/* Refuses a virtual dataset if links are not followed, or if a source is not there. */
int h5__check_virtual(struct H5File *file, const char *name, const struct H5Opened *opened,
                      struct Error *error);

/* file.c. Fails if the guard of a file is wrong, or cannot be read (errno). */
int h5__judge_guard(enum GuardVerdict verdict, const char *path, int failure, struct Error *error);

struct H5Writer {
    char *path, *temporary; /* temporary: NULL until the file exists */
    hid_t id;
    struct FileDriver driver;
    bool finished; /* HDF5 has written its part */
    bool replaces; /* writing under a name that exists replaces what is there (h5_update) */
    bool guarded;  /* the file gets a guard (guard.h), without these ranges, which are sorted */
    struct FileDriverRange *apart;
    int64_t apart_count;
    struct Text written; /* h5_written, after a newline; of files on disk only */
};

/* writer.c. A writer that has no file yet. */
struct H5Writer *h5__make_writer(const char *path);
/* Makes its temporary file, in the folder of its path. */
int h5__create_temporary(struct H5Writer *writer, struct Error *error);
/* Removes that file, unless it has its name by now, and closes it. */
void h5__drop_temporary(struct H5Writer *writer);
/* The access list to open or create that file with; −1 on failure. The caller closes it. */
hid_t h5__writer_access(struct H5Writer *writer);

/* Stops HDF5 from printing its error stack. The setting is per thread, so every function that
 * others call does it. */
void h5__quiet(void);
/* The innermost entry of HDF5's error stack, for messages, into `buffer`, which is returned. Call
 * it before any other function of HDF5, which would clear the stack. */
const char *h5__reason(char buffer[200]);
/* Whether HDF5 gives this reason for links that lead to one another without an end; it follows 16.
 */
bool h5__is_circle(const char *reason);
/* Whether HDF5 gives this reason for a structure whose version it does not know, which is no
 * damage; and the failure that says so. `name` may be "". */
bool h5__is_newer(const char *reason);
int h5__fail_newer(const struct H5File *file, const char *name, const char *reason,
                   struct Error *error);
/* `name` without leading slashes, for "FILE:/name". */
const char *h5__relative(const char *name);

hid_t h5__native(enum H5Type type); /* of H5_UINT8 … H5_FLOAT64; any other is a bug */
size_t h5__size(enum H5Type type);  /* bytes of one element; the same types */
bool h5__is_boolean(hid_t type);    /* an enumeration that stands for booleans */
/* The H5Type that values of HDF5's `type` are read as, and a name for messages in *name. */
enum H5Type h5__classify(hid_t type, const char **name);

/* "(50000,32,32,3)", −1 as "any"; into `buffer`, which is returned. */
#define H5_SHAPE_TEXT 200
char *h5__shape(int rank, const int64_t *size, char buffer[H5_SHAPE_TEXT]);

/* Where HDF5's data begin in a file, after a user block of other data; -1: nowhere. Where they end
 * as their head says; 0: it does not say. A read error is noted in driver->failed. */
struct Superblock {
    int64_t at;
    uint64_t end;
};
struct Superblock h5__find_superblock(struct FileDriver *driver);
/* Whether the root of a file (of the usual, oldest format) was never written, because the program
 * that made the file ended before it closed it. */
bool h5__was_never_closed(struct FileDriver *driver);
/* Whether a file is one of several in which a driver of HDF5 keeps one. */
bool h5__is_part(struct FileDriver *driver, const struct Superblock *superblock);
/* Whether a file that begins with these bytes begins as HDF5 files without a user block do. */
bool h5__begins(const void *head, uint64_t bytes);

#endif
