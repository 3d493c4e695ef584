/* Event files for TensorBoard: records of its format (TFRecord) that hold messages of its protocol
 * (Event, in protobuf's encoding). A failure to write is kept and told by event_file_flush; until
 * then what follows is dropped. Not collective. */
#ifndef TRAINER_REPORT_EVENTS_H
#define TRAINER_REPORT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct EventFile;

/* Makes a new file in `folder`, which exists. TensorBoard reads all files of a folder in the order
 * of their names, which begin with the time, and forgets what earlier ones say of steps after
 * `step`: a run that resumes goes on there. */
int event_file_create(struct EventFile **file, const char *folder, int64_t step,
                      struct Error *error);
void event_file_close(struct EventFile *file); /* NULL is allowed */

/* One value of one step. Tags with a slash are grouped by what stands before it. */
void event_file_scalar(struct EventFile *file, int64_t step, const char *tag, double value);

/* bins + 1 rising edges, `counts` of the bins between them. */
struct EventHistogram {
    int bins;
    const double *edges, *counts;
    double least, most, sum, sum_of_squares; /* of the values */
};
void event_file_histogram(struct EventFile *file, int64_t step, const char *tag,
                          const struct EventHistogram *histogram);

/* A PNG of `bytes` bytes, RGB. */
void event_file_png(struct EventFile *file, int64_t step, const char *tag, int64_t height,
                    int64_t width, const void *png, size_t bytes);

/* Hands everything to the system. ERROR_SYSTEM if anything could not be written. */
int event_file_flush(struct EventFile *file, struct Error *error);

#endif
