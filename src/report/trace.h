/* A file of events in Chrome's trace format, which chrome://tracing and ui.perfetto.dev show: one
 * process for each rank. The events of a process must come in the order of their beginnings, outer
 * ones before inner ones.
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
#ifndef TRAINER_REPORT_TRACE_H
#define TRAINER_REPORT_TRACE_H

#include <stdint.h>

#include "base/whole_file.h"

struct Trace {
    struct WholeFile file;
    int64_t events;
};

/* ERROR_SYSTEM, as base/whole_file.h. */
int trace_open(struct Trace *trace, const char *path, struct Error *error);
/* Names the process of a rank. */
void trace_process(struct Trace *trace, int rank, const char *name);
/* Something that rank did in [begin, end), in seconds from a
 * common start, not negative; `category` as one word. */
void trace_event(struct Trace *trace, int rank, const char *name, const char *category,
                 double begin, double end);
/* The file appears under its name. Release with trace_close in any case. */
int trace_publish(struct Trace *trace, struct Error *error);
void trace_close(struct Trace *trace);

#endif
