/* A checkpoint: the whole state of a run in one HDF5 file that PyTorch can load, independent of the
 * number of ranks (docs/checkpoint.md has the layout). What the state is made of is not known here:
 * arrays are given with their arena, and everything else as parts, which their owners describe. */
#ifndef TRAINER_CHECKPOINT_CHECKPOINT_H
#define TRAINER_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/saved.h"

/* A value that is saved, as its owner describes it: either a plain struct by its table, whose
 * fields become attributes of /run, or a group with arrays and names of its own. */
struct CheckpointPart {
    void *value; /* written, or read into */
    const struct SavedTable *table;
    const char *prefix; /* of the fields' names: "schedule_" */
    const struct SavedGroup *group;
};

/* --- writing ---------------------------------------------------------------------------------- */

struct CheckpointWriter;

/* Begins PATH, in memory. What follows is called in any order; a failure is remembered, and then
 * the calls after it do nothing. Not collective: rank 0 writes. */
struct CheckpointWriter *checkpoint_create(const char *path, const char *run_text);
void checkpoint_put_part(struct CheckpointWriter *writer, const struct CheckpointPart *part);
/* The model's parameters and statistics, their average, and the optimiser's slots
 * (arena->parameters floats each), which go into the file's memory in file order, row by row.
 * Arrays that hold NaN or Inf are refused (ERROR_NUMERIC). */
void checkpoint_put_state(struct CheckpointWriter *writer, const struct Arena *arena,
                          const float *state);
void checkpoint_put_average(struct CheckpointWriter *writer, const struct Arena *arena,
                            const float *average);
void checkpoint_put_slot(struct CheckpointWriter *writer, const struct Arena *arena,
                         const char *slot, const float *values);
/* Reports the first failure, or writes the file under a temporary name, fsync, then rename, fsync
 * of the folder: earlier files are untouched until it is whole. It can be tried again after a
 * failure, from another thread than the calls before if h5_allows_threads. */
int checkpoint_try(struct CheckpointWriter *writer, struct Error *error);
/* Releases the writer; NULL is allowed. */
void checkpoint_release_writer(struct CheckpointWriter *writer);

/* For a file that is written while the arrays change: from here on the writer copies arrays, and
 * puts them into the file only when it is tried. `copies` starts as {0}, outlives the writer and
 * keeps its memory for the next file. */
struct CheckpointCopies {
    struct CheckpointCopy {
        float *values;
        int64_t room; /* elements */
    } * items;
    int count;
};
void checkpoint_copy_arrays(struct CheckpointWriter *writer, struct CheckpointCopies *copies);
void checkpoint_release_copies(struct CheckpointCopies *copies);

/* --- reading ---------------------------------------------------------------------------------- */

/* A checkpoint that is open: its bytes, and what they hold. */
struct Checkpoint {
    char *path;
    char *run_text;    /* the resolved run file */
    bool weights_only; /* checkpoint_open_donor: it has arrays alone; no run file, no parts */
    /* /model, /average and /optimizer/<slot> */
    int array_count;
    struct CheckpointArray {
        char *name; /* "model/0.weight", "average/0.weight", "optimizer/momentum/0.weight" */
        int rank;   /* as in the file */
        int64_t size[ARENA_DIMENSIONS];
        int64_t count;
        bool floats; /* false: a donor's array of something else, which has no size and rank 0 */
    } * arrays;
    struct H5File *file;
};

/* Checks the seal (a file without one is refused), then every shape against memory and every array
 * for NaN and Inf. "FILE:/members/0" opens a member of an ensemble (checkpoint/ensemble.h). */
int checkpoint_open(struct Checkpoint **checkpoint, const char *path, struct Error *error);
/* A donor of parameters: a checkpoint, or any HDF5 file whose group /model holds arrays of floats,
 * as another program writes it. What has no valid seal gives its arrays alone (weights_only). */
int checkpoint_open_donor(struct Checkpoint **checkpoint, const char *path, struct Error *error);
/* The bytes of the whole file, for other ranks; they live as long as the checkpoint. */
const void *checkpoint_image(const struct Checkpoint *checkpoint, uint64_t *bytes);
/* From such bytes, which the checkpoint takes over, on failure too: `image` is from
 * memory_allocate. The seal and the shapes are checked once more. `path` is for messages;
 * `weights_only` is what the checkpoint was on the rank that opened it. */
int checkpoint_open_image(struct Checkpoint **checkpoint, const char *path, void *image,
                          uint64_t bytes, bool weights_only, struct Error *error);
void checkpoint_close(struct Checkpoint *checkpoint); /* NULL is allowed */

/* Reads values, each checked by its owner's table or group. `value` is all zeros, or what an
 * earlier call left, which is released. On failure the parts that were read are released. */
int checkpoint_get_parts(const struct Checkpoint *checkpoint, const struct CheckpointPart *parts,
                         int count, struct Error *error);
/* Sets values to what they are when a run begins: a table's starts, or nothing in a group. */
void checkpoint_start_parts(const struct CheckpointPart *parts, int count);
void checkpoint_release_parts(const struct CheckpointPart *parts, int count);

/* Fills a state, an average or a slot of `arena`. Fails (ERROR_CHECKPOINT) naming the first array
 * that is missing, left over, or of another shape:
 * "FILE:/model/0.weight: is (16,3,3,3), the model has (32,3,3,3)". */
int checkpoint_get_state(const struct Checkpoint *checkpoint, const struct Arena *arena,
                         float *state, struct Error *error);
bool checkpoint_has_average(const struct Checkpoint *checkpoint);
int checkpoint_get_average(const struct Checkpoint *checkpoint, const struct Arena *arena,
                           float *average, struct Error *error);
int checkpoint_get_slot(const struct Checkpoint *checkpoint, const struct Arena *arena,
                        const char *slot, float *values, struct Error *error);

/* Array by array: the one that a group ("model/") has of that name, or NULL; whether it has a row's
 * shape; its values into a row of `state`, or dense, in file order. */
const struct CheckpointArray *checkpoint_array(const struct Checkpoint *checkpoint,
                                               const char *group, const char *name);
bool checkpoint_array_fits(const struct CheckpointArray *array, const struct ArenaRow *row);
int checkpoint_get_row(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const struct ArenaRow *row, float *state, struct Error *error);
int checkpoint_get_array(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                         float *values, struct Error *error);

/* --- the folder of a run: FOLDER/step-000000123.h5, latest.h5 and best.h5 links --------------- */

char *checkpoint_name(const char *folder, int64_t step); /* full path */
/* Paths of the checkpoints in FOLDER, newest first, each and the array the caller's; a folder that
 * does not exist has none. */
int checkpoint_list(const char *folder, char ***paths, int *count, struct Error *error);
/* The newest that opens and passes `check` (NULL: none) without error, NULL if there is none;
 * *skipped lists the newer ones that do not (divided by semicolons, the caller's text, "" for
 * none). */
int checkpoint_newest_valid(const char *folder,
                            int (*check)(const struct Checkpoint *checkpoint, struct Error *error),
                            struct Checkpoint **checkpoint, char **skipped, struct Error *error);
/* Points the link FOLDER/NAME ("latest.h5") at `target`'s base name, atomically. */
int checkpoint_link(const char *folder, const char *name, const char *target, struct Error *error);
/* Removes all but the newest `keep` (0: all stay), those a link points at, and those of `steps`.
 * What cannot be removed is reported after the others were. */
int checkpoint_prune(const char *folder, int64_t keep, const int64_t *steps, int step_count,
                     struct Error *error);
/* Removes the temporary files and links of writers that were killed. The caller holds a lock that
 * excludes other writers of checkpoints to FOLDER. */
void checkpoint_clean(const char *folder);

#endif
