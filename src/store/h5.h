/* HDF5 files: the only module that includes hdf5.h. Opens files read-only, reads and writes typed
 * arrays and attributes, and says in one line what is wrong; HDF5's own error messages are
 * silenced. Every name in a message is "FILE:/group/dataset". Shapes are in the order of the file,
 * the slowest dimension first; `rank` is their number, 0 for a scalar (`size` may then be NULL).
 * Failures of reading return the code that the file was opened with, failures of writing
 * ERROR_SYSTEM. Not collective; from any thread, but one at a time. */
#ifndef TRAINER_STORE_H5_H
#define TRAINER_STORE_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"

/* H5_BYTES: each element is a run of bytes, such as an image file, of its own length or of one for
 * all (opaque). H5_CELLS: each element is a reference to another array, as in MATLAB's cell arrays;
 * if those are characters, h5_read_texts reads them. */
enum H5Type {
    H5_UINT8,
    H5_INT32,
    H5_INT64,
    H5_FLOAT32,
    H5_FLOAT64,
    H5_TEXT,
    H5_BYTES,
    H5_CELLS,
    H5_OTHER
};
#define H5_RANK 8

struct H5File;

/* What a dataset is, before anything is read. */
struct H5Info {
    enum H5Type type;      /* the narrowest of these types that holds its values */
    const char *type_name; /* what the file has, for messages: "uint16" */
    int rank;
    int64_t size[H5_RANK];
    bool contiguous; /* one run of bytes in the file, native byte order, no filter */
    uint64_t offset; /* of that run, in bytes from the file's start */
    uint64_t stored; /* bytes that it takes in the file; 0: never written, reads as zeros */
    bool virtual;    /* a view of other files, which are there; `stored` is 0 */
};

/* `failure`: the code that failures of this file return, ERROR_DATA or ERROR_CHECKPOINT. Files that
 * are missing, empty, truncated or not HDF5 are refused, each with its own line. */
int h5_open(struct H5File **file, const char *path, int failure, struct Error *error);
/* Whether a file begins as HDF5 files do; false also if it cannot be read. */
bool h5_has_signature(const char *path);
void h5_close(struct H5File *file); /* NULL is allowed */

/* HDF5 can crash, or loop, on files that were damaged or made to do so. Before h5_open or
 * h5_open_sealed opens a file that exists, it calls `examiner` (NULL: none), which may let another
 * process read the file first, and says no with a code and a line. */
typedef int H5Examiner(const char *path, int failure, struct Error *error);
void h5_set_examiner(H5Examiner *examiner);
/* What that other process does: reads every object and every attribute of the file, except for what
 * lies in other files and the middle of large datasets. It finds out only whether HDF5 survives
 * that; false if its structures are then in such a state that it cannot close the file. Only
 * h5_close may follow. */
bool h5_walk(struct H5File *file);

/* Whether all of the file but its large arrays has a checksum (guard.h), which was right. */
bool h5_is_guarded(const struct H5File *file);
const char *h5_path(const struct H5File *file);
int h5_failure(const struct H5File *file);    /* as h5_open got it */
uint64_t h5_bytes(const struct H5File *file); /* the file's length */

/* A whole file in memory, read-only and shared, so that contiguous datasets can be read at their
 * offsets. A file that is cut short meanwhile gives SIGBUS when a byte is read that is gone. */
struct H5Map {
    const void *image;
    size_t bytes; /* the file's length when it was opened */
    char *path;
    /* For store/ only. */
    int fd;
    struct timespec modified;
    struct H5Map *next;
};
/* Maps the file that h5_open opened. The map stays valid after h5_close; the caller releases it
 * with h5_unmap (NULL is allowed). */
int h5_map(struct H5File *file, struct H5Map **map, struct Error *error);
void h5_unmap(struct H5Map *map);
/* The map that holds an address, or NULL; and how long its file is now, -1 if that cannot be told.
 * For signal handlers, too. */
const struct H5Map *h5_mapped_at(const void *address);
int64_t h5_map_length(const struct H5Map *map);
/* Numbers that are the same for two maps of one host only if they are of one file in one state. */
#define H5_IDENTITY 5
void h5_map_identity(const struct H5Map *map, int64_t identity[H5_IDENTITY]);
/* Whether the file was written to, or got another length, since it was mapped or since the last
 * call that said so. A file that took its name afterwards does not matter. */
bool h5_map_changed(struct H5Map *map);

/* The same for a file that stays open, from h5_keep on. */
void h5_keep(struct H5File *file);
bool h5_changed(const struct H5File *file);

/* Whether a name exists has three answers: yes, no, and that it cannot be told, because the file is
 * damaged or cannot be read. The third is `false` here and in h5_has_attribute, and from then on
 * h5_check fails, with what was found. So a caller that goes on because something is not there, or
 * although something could not be read, asks h5_check before it uses the result: that also fails
 * once anything was found damaged. After an I/O error all reading fails as well. */
bool h5_exists(struct H5File *file, const char *name);
/* Whether h5_exists, or `name` is a link that leads to nothing, or to another file: opening it then
 * says what is wrong with it. */
bool h5_is_named(struct H5File *file, const char *name);
int h5_check(const struct H5File *file, struct Error *error);
int h5_info(struct H5File *file, const char *name, struct H5Info *info, struct Error *error);
/* Calls `visit` for every member of a group, sorted by name; stops at the first call that does not
 * return OK, and returns its code. */
int h5_list(struct H5File *file, const char *group,
            int (*visit)(void *context, const char *name, bool is_group, struct Error *error),
            void *context, struct Error *error);

/* The same for files of other programs, which may hold what cannot be opened: it is listed, too.
 * h5_check fails afterwards if the group itself cannot be read. */
enum H5Member {
    H5_MEMBER_GROUP,
    H5_MEMBER_ARRAY,
    H5_MEMBER_OTHER,
    H5_MEMBER_LINK,      /* to another file, which is not followed or not there */
    H5_MEMBER_UNREADABLE /* damaged, or a link to nothing */
};
void h5_members(struct H5File *file, const char *group,
                void (*visit)(void *context, const char *name, enum H5Member member),
                void *context);
/* Numbers that are the same for two names only if they lead to one object; false: the name leads to
 * none. */
#define H5_PLACE 2
bool h5_place(struct H5File *file, const char *name, uint64_t place[H5_PLACE]);
/* How a dataset is stored, for people. What cannot be read for lack of a filter is described all
 * the same. */
struct H5Storage {
    struct H5Info info;
    bool is_chunked, is_virtual, big_endian;
    int64_t chunk[H5_RANK];
    char filters[200]; /* "gzip 4, shuffle" */
};
int h5_storage(struct H5File *file, const char *name, struct H5Storage *storage,
               struct Error *error);
/* Calls `visit` with the name of each member of the records that an array holds; not at all if it
 * holds none. The array of one member of all records is named "RECORDS/MEMBER". */
void h5_record_members(struct H5File *file, const char *name,
                       void (*visit)(void *context, const char *member), void *context);

/* Whether links to other files, and virtual datasets, are followed, as far as the files lie in the
 * folder of this one. At first they are not, and whatever leads to another file is refused. */
void h5_follow_links(struct H5File *file, bool follow);
/* Whether a name leads through a link to another file. */
bool h5_is_linked(struct H5File *file, const char *name);

/* Reads a whole dataset into `buffer` as `type`, after checking that its rank and sizes are those
 * given (size −1: any). Numbers are converted; an integer that does not fit is an error. */
int h5_read(struct H5File *file, const char *name, enum H5Type type, int rank, const int64_t *size,
            void *buffer, struct Error *error);
/* Reads floats as h5_read does; refuses other numbers, and NaN and Inf, naming the first. */
int h5_read_finite(struct H5File *file, const char *name, int rank, const int64_t *size,
                   float *values, struct Error *error);
/* As h5_read, for rows [first, first + count) of the first dimension, of any shape. */
int h5_read_rows(struct H5File *file, const char *name, enum H5Type type, int64_t first,
                 int64_t count, void *buffer, struct Error *error);
/* As h5_read, for the part [first[i], first[i] + count[i]) of each dimension. */
int h5_read_part(struct H5File *file, const char *name, enum H5Type type, int rank,
                 const int64_t *first, const int64_t *count, void *buffer, struct Error *error);
/* An array of numbers (or with H5_BYTES of elements of a fixed length, whose bytes are read) that
 * is read in runs of samples, which lie along one of its dimensions. Its file must stay open. One
 * thread at a time may read, and it need not be the one that opened the array, if
 * h5_allows_threads. Chunks that are packed with gzip, shuffle, fletcher32 or lzf are unpacked
 * outside of HDF5, so that other threads may use HDF5 meanwhile. */
struct H5Reader;
int h5_reader_open(struct H5Reader **reader, struct H5File *file, const char *name,
                   enum H5Type type, int samples, struct Error *error);
void h5_reader_close(struct H5Reader *reader); /* NULL is allowed */
/* Samples [first, first + count), in the array's own order of dimensions. A chunk that cannot be
 * unpacked is named by the place of its first element. */
int h5_reader_read(struct H5Reader *reader, int64_t first, int64_t count, void *buffer,
                   struct Error *error);
/* Whether this HDF5 was built so that several threads may call it. */
bool h5_allows_threads(void);

/* Lets HDF5 look for filters that it lacks among the plug-ins in HDF5_PLUGIN_PATH, code from
 * outside, when an array of this file is opened; until another file is opened. */
void h5_allow_plugins(struct H5File *file);

/* Elements [first, first + count) of a list, (N), (N, 1, ...) or (), of H5_BYTES, or of texts of
 * fixed length, whose bytes they are, with what pads them. The caller releases the data of each,
 * also after a failure. */
struct H5Bytes {
    void *data;
    size_t bytes;
};
int h5_read_bytes(struct H5File *file, const char *name, int64_t first, int64_t count,
                  struct H5Bytes *items, struct Error *error);
/* The names that an enumeration gives to numbers, in the order of the numbers. No member (and OK)
 * if a dataset is of another type, or of booleans. The caller releases it. */
struct H5Enumeration {
    int64_t count;
    char **names;
    int64_t *values;
};
int h5_read_enumeration(struct H5File *file, const char *name, struct H5Enumeration *enumeration,
                        struct Error *error);
void h5_release_enumeration(struct H5Enumeration *enumeration);
/* A dataset of one text; a dataset of up to a million of them (of any shape), 64 MiB in all.
 * The caller releases each text and the array. */
int h5_read_text(struct H5File *file, const char *name, char **text, struct Error *error);
int h5_read_texts(struct H5File *file, const char *name, char ***texts, int64_t *count,
                  struct Error *error);
/* Attributes of `object` ("/" for the file's own). */
bool h5_has_attribute(struct H5File *file, const char *object, const char *name);
int h5_read_attribute(struct H5File *file, const char *object, const char *name, enum H5Type type,
                      void *value, struct Error *error); /* a scalar; H5_TEXT: char ** */

/* The version of the HDF5 library in use, "1.10.8"; into `buffer`, which is returned. */
#define H5_VERSION_LENGTH 40
const char *h5_version(char buffer[H5_VERSION_LENGTH]);

/* Writing. A writer is created in one of three ways and released by h5_commit or
 * h5_abandon. On failure *writer is NULL. */
struct H5Writer;
/* Writes to a temporary file in the folder of `path`, for data sets larger than memory; h5_commit
 * renames it. */
int h5_create(struct H5Writer **writer, const char *path, struct Error *error);
/* Builds the file in memory; h5_commit writes it to disk with a seal. */
int h5_create_in_memory(struct H5Writer **writer, const char *path, struct Error *error);

/* Changes a copy of the file `path` (if that is a link, of the file it points at), under a
 * temporary name in the same folder; h5_commit renames it. So at any time the file is either the
 * old or the new one, and a program that has the old one open keeps it. Writing under a name that
 * exists replaces what is there; everything else in the file stays. Costs a copy of the file,
 * unless the file system can share blocks. `failure`: the code that failures of the old file
 * return. */
int h5_update(struct H5Writer **writer, const char *path, int failure, struct Error *error);

/* Writes a whole dataset. This and the next functions make the groups that lead to `name`. */
int h5_write(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
             const int64_t *size, const void *data, struct Error *error);
/* Writes floats; refuses NaN and Inf (ERROR_NUMERIC), naming the first. */
int h5_write_finite(struct H5Writer *writer, const char *name, int rank, const int64_t *size,
                    const float *values, struct Error *error);
/* Makes a contiguous dataset of known shape, to be filled by h5_write_rows in any order, with
 * values of exactly that type; rows that are never written are zeros. Fails at once if the file
 * system says that it has no room. */
int h5_reserve(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
               const int64_t *size, struct Error *error);
int h5_write_rows(struct H5Writer *writer, const char *name, enum H5Type type, int64_t first,
                  int64_t count, const void *data, struct Error *error);
int h5_write_text(struct H5Writer *writer, const char *name, const char *text, struct Error *error);
int h5_write_texts(struct H5Writer *writer, const char *name, const char *const *texts,
                   int64_t count, struct Error *error);
/* A scalar attribute of `object`, which becomes a group if there is none of that name. `value`: one
 * element of `type`; H5_TEXT: a string. */
int h5_write_attribute(struct H5Writer *writer, const char *object, const char *name,
                       enum H5Type type, const void *value, struct Error *error);

/* The arrays that were written so far to a file on disk, a line each: "classes", "train/images".
 * What lies deeper is named by the group that it lies in: "encoding/categories". The text is the
 * writer's, until it writes more. */
const char *h5_written(const struct H5Writer *writer);

/* Copies what is in the group `from` of a file, arrays of numbers, texts and attributes, into the
 * group `to`; "/" is the file itself. `without`: the names of members that are left out, ending
 * with NULL; or NULL. Failures are the file's, or of writing. */
int h5_copy_group(struct H5Writer *writer, const char *to, struct H5File *file, const char *from,
                  const char *const *without, struct Error *error);

/* Finishes the file: flush, fsync, rename over `path`, fsync of the folder. A file built in memory
 * is followed by a seal (magic, length, XXH3-128 of the image), which HDF5 ignores and
 * h5_open_sealed checks. A full disk is an error that leaves nothing half-written (a process with a
 * limit on file sizes must ignore SIGXFSZ). Releases the writer in any case. */
int h5_commit(struct H5Writer *writer, struct Error *error);
/* The same for a file built in memory, but the writer stays: after a failure it can be tried again,
 * from another thread, too. Only h5_abandon may follow otherwise. */
int h5_try_commit(struct H5Writer *writer, struct Error *error);
void h5_abandon(struct H5Writer *writer); /* removes the temporary file; NULL is allowed */
/* Finishes a file built in memory without writing it to disk: its bytes with their seal, for
 * h5_open_image. *image is from memory_allocate, NULL after a failure. Releases the writer in any
 * case. */
int h5_take_image(struct H5Writer *writer, void **image, uint64_t *bytes, struct Error *error);

/* Reads a whole file into memory, checks its seal if it has one (*sealed says whether), and opens
 * it. The image in memory belongs to the file object. If the file has no seal, `accept` (NULL: it
 * is taken) looks at it first, so that a large file of another kind is not read: it refuses the
 * file with a code and a line. */
typedef int H5Accept(struct H5File *file, struct Error *error);
int h5_open_sealed(struct H5File **file, const char *path, int failure, H5Accept *accept,
                   bool *sealed, struct Error *error);
/* The same for the bytes of a whole file, which the file object takes over, on failure too: `image`
 * is from memory_allocate. `path` is for messages. */
int h5_open_image(struct H5File **file, const char *path, void *image, uint64_t bytes, int failure,
                  bool *sealed, struct Error *error);
/* The bytes of a file that one of these two opened, with its seal; they live as long as `file`. */
const void *h5_image(const struct H5File *file, uint64_t *bytes);

#endif
