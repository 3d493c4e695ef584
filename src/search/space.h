/* The space of a hyperparameter search: which keys of a run file are searched, and in which ranges.
 * A space file is YAML like a run file and names the run file that the trials are made from.
 * Not collective. */
#ifndef TRAINER_SEARCH_SPACE_H
#define TRAINER_SEARCH_SPACE_H

#include "base/text.h"
#include "runfile/runfile.h"

enum SearchMethod { SEARCH_RANDOM, SEARCH_GRID, SEARCH_HALTON };
extern const char *const search_method_names[];

/* halving: asynchronous successive halving; search/schedule.h. */
struct HalvingOptions {
    int64_t first;  /* epochs of the first rung; 0: every trial trains to its end */
    int64_t factor; /* the best 1/factor of a rung goes on, for factor times as many epochs */
};

struct SearchOptions {
    const char *run; /* the run file, as written */
    struct Named keys;
    int method;        /* enum SearchMethod */
    int64_t trials;    /* of each stage, at most */
    int64_t stages;    /* coarse to fine */
    int64_t seed;      /* of the trials' values */
    int64_t ranks;     /* of a trial */
    int64_t crashes;   /* of a trial, after which it is given up */
    double diverged;   /* times the initial loss, from which on a trial is stopped; 0: never */
    double time_limit; /* seconds after which no trial is started; 0: none */
    struct HalvingOptions halving;
};
extern const struct Key search_keys[];

enum AxisKind { AXIS_UNIFORM, AXIS_LOG, AXIS_INTEGER, AXIS_CHOICE };

/* One key and its range. A position on an axis is a number in [0, 1], along the scale of the axis.
 */
struct Axis {
    const char *key; /* of the run file: "optimizer.rate" */
    enum AxisKind kind;
    double low, high;          /* numbers, both included */
    int count;                 /* of a choice */
    const char *const *values; /* of a choice */
};

struct Space {
    struct RunFile *file; /* owns all texts */
    struct SearchOptions options;
    int count;
    struct Axis *axes;
};

#define AXIS_MOST 64 /* of one space */

/* Reads a space file, or `text` under the name `path`. ERROR_RUN_FILE. Release with space_release,
 * also after a failure. */
int space_read(struct Space *space, const char *path, const char *text, struct Error *error);
void space_release(struct Space *space);

/* The space as a file, with `axes` in place of its own, after `comment` (lines that begin with #).
 * The caller releases it. */
char *space_text(const struct Space *space, const struct Axis *axes, const char *comment);

#define AXIS_TEXT 200
/* The value at a position, as the run file has it: numbers with four significant digits. Returns
 * `text`. */
const char *axis_value(const struct Axis *axis, double position, char text[AXIS_TEXT]);
/* Where a value lies: below 0 or above 1 if it is outside the range; of a choice the middle of its
 * part, and -1 for a value that is none of the axis. */
double axis_position(const struct Axis *axis, const char *value);
/* How many different values a grid can have on the axis; INT64_MAX: any number. */
int64_t axis_levels(const struct Axis *axis);

/* "from 0.001 to 0.1", "one of a, b". */
void axis_describe(const struct Axis *axis, struct Text *text);

/* The range for the next, finer stage, around the positions of the best trials: from the lowest to
 * the highest of them and a tenth of the range more on either side, within the range. For a choice:
 * the values that they have. `values` has room for axis->count texts and backs the result. */
struct Axis axis_narrow(const struct Axis *axis, const double *best, int count,
                        const char **values);
/* The range to try next if the good values lie at an edge: as wide, with that edge in its middle.
 */
struct Axis axis_shift(const struct Axis *axis, bool up, double part);

#endif
