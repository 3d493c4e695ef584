/* A file of predictions in one of several formats. Only rank 0 writes it, sample by sample. */
#ifndef TRAINER_CLI_PREDICTIONS_H
#define TRAINER_CLI_PREDICTIONS_H

#include <stdio.h>

#include "base/whole_file.h"
#include "cli/members.h"
#include "cli/output.h"
#include "store/h5.h"

struct Predictions;

struct PredictionFormat {
    const char *name; /* the value of --format */
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
    int64_t top;      /* how many of the most probable classes are written; 0: all classes */
    /* The file gets its name, or its contents go to stdout, only when all predictions are made. */
    struct WholeFile file;
    FILE *stream; /* of a text format */
    struct H5Writer *writer;
    int64_t *ranked;  /* (top): the classes of one sample, the most probable first */
    int32_t *classes; /* (block, top), for HDF5 */
    float *values;    /* (block, top) */
};

/* The format `name` of --format, or if that is NULL the one of the path's suffix. NULL with
 * ERROR_USAGE if there is none. */
const struct PredictionFormat *predictions_format(const char *path, const char *name,
                                                  struct Error *error);
/* Checks that the path would not destroy anything (cli/output.h), and begins to write. */
int predictions_start(struct Predictions *predictions, const struct Arguments *arguments,
                      struct Error *error);
/* The sink for evaluate/evaluate.h, whose context is a struct Predictions. */
int predictions_sink(void *predictions, const struct DeliveredBlock *block, struct Error *error);
int predictions_finish(struct Predictions *predictions, struct Error *error);
/* Releases everything; removes an unfinished file. */
void predictions_release(struct Predictions *predictions);

/* The rest is for the formats. */
/* Fills predictions->ranked with the `top` classes of sample `i` of the block with the highest
 * scores; of equal ones the lowest class comes first. */
void predictions_rank(struct Predictions *predictions, const struct DeliveredBlock *block,
                      int64_t i);
/* For multi-label: a class is predicted from this probability on. */
#define PREDICTIONS_THRESHOLD 0.5F
/* "probability", or "score" if the predictions are no probabilities. */
const char *predictions_word(const struct Predictions *predictions);

#endif
