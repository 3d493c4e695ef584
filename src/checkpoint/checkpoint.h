/* A checkpoint holds the whole state of a run in one HDF5 file that PyTorch can load. It does not
 * depend on the number of ranks. docs/checkpoint.md has the layout. This module does not know what
 * the state consists of: arrays come with their arena, everything else as parts that their owners
 * describe. Not collective. */
#ifndef TRAINER_CHECKPOINT_CHECKPOINT_H
#define TRAINER_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/saved.h"

/* A value to be saved or read, as its owner describes it: either a plain struct with a table, whose
 * fields become attributes of /run, or a group with arrays and names of its own. */
struct CheckpointPart {
    void *value; /* is written, or is read into */
    const struct SavedTable *table;
    const char *prefix; /* of the fields' names: "schedule_" */
    const struct SavedGroup *group;
};

/* --- writing ---------------------------------------------------------------------------------- */

struct CheckpointWriter;

/* Begins the file PATH in memory; `run_text` is the resolved run file. The put functions may be
 * called in any order. The writer remembers the first failure, after which they do nothing. Only
 * rank 0 writes. */
struct CheckpointWriter *checkpoint_create(const char *path, const char *run_text);
void checkpoint_put_part(struct CheckpointWriter *writer, const struct CheckpointPart *part);
/* Put the state (the model's parameters and statistics), its average, and a slot of the optimiser
 * (arena->parameters floats) into the file, row by row in file order. Arrays that hold NaN or Inf
 * are a failure (ERROR_NUMERIC). */
void checkpoint_put_state(struct CheckpointWriter *writer, const struct Arena *arena,
                          const float *state);
void checkpoint_put_average(struct CheckpointWriter *writer, const struct Arena *arena,
                            const float *average);
void checkpoint_put_slot(struct CheckpointWriter *writer, const struct Arena *arena,
                         const char *slot, const float *values);
/* Reports the first failure of the calls before, or writes the file: under a temporary name, with
 * fsync, then rename, then fsync of the folder, so that earlier files are untouched until it is
 * complete. May be called again after a failed write, and from another thread than the calls before
 * if h5_allows_threads(). */
int checkpoint_try(struct CheckpointWriter *writer, struct Error *error);
/* Releases the writer; NULL is allowed. */
void checkpoint_release_writer(struct CheckpointWriter *writer);

/* For a file that is written while the arrays change: from now on the writer copies each array, and
 * checkpoint_try puts the copies into the file and releases them. */
void checkpoint_copy_arrays(struct CheckpointWriter *writer);

/* --- reading ---------------------------------------------------------------------------------- */

/* An open checkpoint. */
struct Checkpoint {
    char *path;
    char *run_text;    /* the resolved run file */
    bool weights_only; /* a donor with arrays only: it has no run file and no parts */
    /* The arrays of /model, /average and /optimizer/<slot>. */
    int array_count;
    struct CheckpointArray {
        char *name; /* "model/0.weight", "average/0.weight", "optimizer/momentum/0.weight" */
        int rank;   /* as in the file */
        int64_t size[ARENA_DIMENSIONS];
        int64_t count;
        bool floats; /* false: an array of another type in a donor; its rank and count are 0 */
    } * arrays;
    struct H5File *file;
};

/* Opens a checkpoint. Checks the seal (a file without one is refused), that every array fits into
 * memory, and that no array holds NaN or Inf. "FILE:/members/0" opens a member of an ensemble
 * (checkpoint/ensemble.h). The caller closes *checkpoint, which is NULL after a failure. */
int checkpoint_open(struct Checkpoint **checkpoint, const char *path, struct Error *error);
/* Opens a donor of parameters: a checkpoint, or an HDF5 file of another program whose group /model
 * holds arrays of floats. A file without a valid seal gives only its arrays (weights_only). */
int checkpoint_open_donor(struct Checkpoint **checkpoint, const char *path, struct Error *error);
/* The bytes of the whole file, for other ranks; they live as long as the checkpoint. */
const void *checkpoint_image(const struct Checkpoint *checkpoint, uint64_t *bytes);
/* Opens a checkpoint from such bytes. Takes ownership of `image`, which is from memory_allocate,
 * also on failure. Checks the seal and the shapes again. `path` is for messages; `weights_only` is
 * the value on the rank that opened the file. */
int checkpoint_open_image(struct Checkpoint **checkpoint, const char *path, void *image,
                          uint64_t bytes, bool weights_only, struct Error *error);
void checkpoint_close(struct Checkpoint *checkpoint); /* NULL is allowed */

/* Reads the parts, and checks each by its owner's table or group. A part's value must be all zeros
 * or the result of an earlier call, which is released. On failure the parts that were read are
 * released. */
int checkpoint_get_parts(const struct Checkpoint *checkpoint, const struct CheckpointPart *parts,
                         int count, struct Error *error);
/* Sets the values to those at the start of a run: the start values of a table, an empty group. */
void checkpoint_start_parts(const struct CheckpointPart *parts, int count);
void checkpoint_release_parts(const struct CheckpointPart *parts, int count);

/* Fill a state, an average or a slot of `arena`. ERROR_CHECKPOINT names the first array that is
 * missing, superfluous or of another shape: "FILE:/model/0.weight: is (16,3,3,3), the model has
 * (32,3,3,3)". */
int checkpoint_get_state(const struct Checkpoint *checkpoint, const struct Arena *arena,
                         float *state, struct Error *error);
bool checkpoint_has_average(const struct Checkpoint *checkpoint);
int checkpoint_get_average(const struct Checkpoint *checkpoint, const struct Arena *arena,
                           float *average, struct Error *error);
int checkpoint_get_slot(const struct Checkpoint *checkpoint, const struct Arena *arena,
                        const char *slot, float *values, struct Error *error);

/* For single arrays. checkpoint_array finds the array `name` of `group` ("model/"); NULL if there
 * is none. checkpoint_array_fits tells whether it has the shape of a row. checkpoint_get_row reads
 * it into a row of `state`, checkpoint_get_array into `values`, dense and in file order. */
const struct CheckpointArray *checkpoint_array(const struct Checkpoint *checkpoint,
                                               const char *group, const char *name);
bool checkpoint_array_fits(const struct CheckpointArray *array, const struct ArenaRow *row);
int checkpoint_get_row(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const struct ArenaRow *row, float *state, struct Error *error);
int checkpoint_get_array(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                         float *values, struct Error *error);

/* --- the folder of a run: FOLDER/step-000000123.h5, latest.h5 and best.h5 links --------------- */

char *checkpoint_name(const char *folder, int64_t step); /* full path */
/* The paths of the checkpoints in FOLDER, newest first; the caller releases the array and the
 * paths. A folder that does not exist has none. */
int checkpoint_list(const char *folder, char ***paths, int *count, struct Error *error);
/* Opens the newest checkpoint that opens without error and passes `check` (which may be NULL);
 * *checkpoint is NULL if there is none. *skipped gives the errors of the newer ones, separated by
 * semicolons ("" if there are none); the caller releases it. */
int checkpoint_newest_valid(const char *folder,
                            int (*check)(const struct Checkpoint *checkpoint, struct Error *error),
                            struct Checkpoint **checkpoint, char **skipped, struct Error *error);
/* Points the link FOLDER/NAME ("latest.h5") at `target`'s base name, atomically. */
int checkpoint_link(const char *folder, const char *name, const char *target, struct Error *error);
/* Removes all checkpoints except the newest `keep` (0: all stay), those that a link points at, and
 * those of `steps`. If a file cannot be removed, still removes the others, and then fails. */
int checkpoint_prune(const char *folder, int64_t keep, const int64_t *steps, int step_count,
                     struct Error *error);
/* Removes the temporary files and links of writers that were killed. The caller holds a lock that
 * excludes other writers of checkpoints to FOLDER. */
void checkpoint_clean(const char *folder);

#endif
