/* A checkpoint: the whole state of a run in one HDF5 file that PyTorch can load, independent of the
 * number of ranks (docs/checkpoint.md has the layout). */
#ifndef TRAINER_CHECKPOINT_CHECKPOINT_H
#define TRAINER_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "report/figures.h"

/* Where the run stands. */
struct Progress {
    int64_t step, epoch; /* steps done; epoch being trained (step inside it: step_in_epoch) */
    int64_t step_in_epoch;
    double epoch_loss, epoch_correct, epoch_samples; /* tallies of the epoch so far */
    double epoch_squared_error;                      /* likewise, where targets are values */
    /* Best validation accuracy so far, of values the lowest loss; −1 before the first. */
    double best_metric;
    int64_t best_step;                  /* 0: there was no validation yet */
    struct Figures validation, average; /* newest; average: of weights */
    double seconds;                     /* training time so far */
    /* Of what watches the validations (optim/schedule.h, optim/patience.h): the schedule ... */
    double schedule_scale, schedule_best;
    int64_t schedule_seen, schedule_waited, schedule_cooldown;
    double stopping_best; /* ... and early stopping */
    int64_t stopping_seen, stopping_waited;
};

struct Checkpoint {
    char *path; /* as read; NULL when being written */
    /* /run */
    char *run_text; /* the resolved run file */
    uint64_t seed;
    int64_t shards, threads;
    char *instruction_set, *versions, *backend; /* what fixes bits besides the run file */
    char *data_digest;                          /* of the training split */
    struct Progress progress;
    /* /preprocessing: as in data/preprocess.h */
    int64_t height, width, channels;
    int64_t mean_count, factor_count;
    float *mean, *factor;
    int64_t matrix_rows, matrix_columns;
    float *matrix; /* NULL: none */
    int64_t out_height, out_width, out_channels;
    /* /classes */
    int64_t class_count;
    char **class_names;
    /* /target_names, and their scale as in data/target_scale.h; else 0 and there are classes */
    int64_t target_count;
    char **target_names;
    double *target_mean, *target_deviation;
    /* /model, /average and /optimizer/<slot>: dense arrays in file order */
    int array_count;
    struct CheckpointArray {
        char *name; /* "model/0.weight", "average/0.weight", "optimizer/momentum/0.weight" */
        int rank;
        int64_t size[ARENA_DIMENSIONS];
        int64_t count;
        float *values; /* NULL: it holds no floats (checkpoint_read_donor) */
    } * arrays;
};

/* Adds state and optimiser slots (each arena->parameters floats) in file order; copies. */
void checkpoint_put_state(struct Checkpoint *checkpoint, const struct Arena *arena,
                          const float *state);
void checkpoint_put_slot(struct Checkpoint *checkpoint, const struct Arena *arena, const char *slot,
                         const float *values);
void checkpoint_put_average(struct Checkpoint *checkpoint, const struct Arena *arena,
                            const float *average); /* as the state */
bool checkpoint_has_average(const struct Checkpoint *checkpoint);
/* The way back. Fails (ERROR_CHECKPOINT) naming the first array that is missing, left over, or of
 * another shape: "FILE:/model/0.weight: is (16,3,3,3), the model has (32,3,3,3)". */
int checkpoint_get_state(const struct Checkpoint *checkpoint, const struct Arena *arena,
                         float *state, struct Error *error);
int checkpoint_get_average(const struct Checkpoint *checkpoint, const struct Arena *arena,
                           float *average, struct Error *error);
int checkpoint_get_slot(const struct Checkpoint *checkpoint, const struct Arena *arena,
                        const char *slot, float *values, struct Error *error);

/* The array that a group ("model/") has of that name, or NULL; and whether it has a row's shape. */
const struct CheckpointArray *checkpoint_array(const struct Checkpoint *checkpoint,
                                               const char *group, const char *name);
bool checkpoint_array_fits(const struct CheckpointArray *array, const struct ArenaRow *row);

/* Writes PATH: in memory, under a temporary name, fsync, then rename, fsync of the folder. Earlier
 * files are untouched until it is whole. Arrays that hold NaN or Inf are refused (ERROR_NUMERIC).
 * Not collective: rank 0 writes. */
int checkpoint_write(const struct Checkpoint *checkpoint, const char *path, struct Error *error);
/* Checks the seal (a file without one is refused), then every shape against memory and every value
 * for NaN and Inf. */
int checkpoint_read(struct Checkpoint **checkpoint, const char *path, struct Error *error);
/* A donor of parameters: a checkpoint, or any HDF5 file whose group /model holds arrays of floats,
 * as another program writes it. What has no valid seal gives its arrays alone: run_text is NULL,
 * there is no preprocessing (channels 0) and there are no classes; an array of something else
 * (counts of batches) has no values, no size and rank 0. */
int checkpoint_read_donor(struct Checkpoint **checkpoint, const char *path, struct Error *error);
void checkpoint_release(struct Checkpoint *checkpoint); /* frees the struct too; NULL is allowed */

/* One contiguous buffer for broadcasting, and back. */
void *checkpoint_pack(const struct Checkpoint *checkpoint, int64_t *bytes);
struct Checkpoint *checkpoint_unpack(const void *buffer, int64_t bytes);

/* The checkpoints folder of a run: FOLDER/step-000000123.h5, latest.h5 and best.h5 links. */
char *checkpoint_name(const char *folder, int64_t step); /* full path */
/* Paths of the checkpoints in FOLDER, newest first, each and the array the caller's; a folder that
 * does not exist has none. */
int checkpoint_list(const char *folder, char ***paths, int *count, struct Error *error);
/* The newest that reads without error, NULL where there is none; *skipped lists the newer ones that
 * do not (one line each, the caller's text, "" for none). */
int checkpoint_newest_valid(const char *folder, struct Checkpoint **checkpoint, char **skipped,
                            struct Error *error);
/* Points the link FOLDER/NAME ("latest.h5") at `target`'s base name, atomically. */
int checkpoint_link(const char *folder, const char *name, const char *target, struct Error *error);
/* Removes all but the newest `keep` (0: all stay) and those a link points at; and the temporary
 * files of killed writers, so only the one writer of FOLDER may call it, between two writes. */
int checkpoint_prune(const char *folder, int64_t keep, struct Error *error);

#endif
