/* A file of predictions, in one of several formats. Rank 0 alone writes it, sample after sample. */
#ifndef TRAINER_CLI_PREDICTIONS_H
#define TRAINER_CLI_PREDICTIONS_H

#include <stdio.h>

#include "base/whole_file.h"
#include "cli/members.h"
#include "cli/output.h"
#include "store/h5.h"

struct Predictions;

struct PredictionFormat {
    const char *name; /* of --format */
    const char *suffix;
    enum OutputKind kind;
    int (*start)(struct Predictions *predictions, struct Error *error);
    int (*write)(struct Predictions *predictions, const struct DeliveredBlock *block,
                 struct Error *error);
    int (*finish)(struct Predictions *predictions, struct Error *error);
};
extern const struct PredictionFormat prediction_csv, prediction_jsonl, prediction_h5;
extern const struct PredictionFormat *const prediction_formats[]; /* ends with NULL */

struct Predictions {
    const struct Members *members;
    const struct PredictionFormat *format;
    const char *path; /* "-": stdout */
    int64_t top;      /* the most probable classes alone; 0: all classes */
    /* Nothing is under the file's name, or on stdout, until all predictions are made. */
    struct WholeFile file;
    FILE *stream; /* of a text format */
    struct H5Writer *writer;
    int64_t *ranked;  /* (top): the classes of one sample, the most probable first */
    int32_t *classes; /* (block, top), for HDF5 */
    float *values;    /* (block, top) */
};

/* The format of --format, or else of the path's suffix. NULL and ERROR_USAGE if there is none. */
const struct PredictionFormat *predictions_format(const char *path, const char *name,
                                                  struct Error *error);
/* Refuses a path that would destroy something (cli/output.h), then begins to write. */
int predictions_start(struct Predictions *predictions, const struct Arguments *arguments,
                      struct Error *error);
/* For evaluate/evaluate.h, with `struct Predictions` as the context. */
int predictions_sink(void *predictions, const struct DeliveredBlock *block, struct Error *error);
int predictions_finish(struct Predictions *predictions, struct Error *error);
void predictions_release(struct Predictions *predictions); /* unfinished: leaves nothing behind */

/* For the formats. */
/* Fills predictions->ranked with the `top` classes of sample `i` of the block, by the scores, the
 * lowest class first among equals. */
void predictions_rank(struct Predictions *predictions, const struct DeliveredBlock *block,
                      int64_t i);
/* Whether a class is predicted, if each is by itself. */
#define PREDICTIONS_THRESHOLD 0.5F
/* "probability", or "score" if the predictions are none. */
const char *predictions_word(const struct Predictions *predictions);

#endif
