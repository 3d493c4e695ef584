/* Where the time of steps went, as a table for people. It shows rank 0, beside the fastest and the
 * slowest rank. */
#ifndef TRAINER_REPORT_PROFILE_H
#define TRAINER_REPORT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define PROFILE_TEXT 64

struct ProfileRow {
    char layer[PROFILE_TEXT];     /* "3.body.1"; "" for what is no layer */
    char operation[PROFILE_TEXT]; /* "batchnorm+relu", "exchange" */
    char pass[PROFILE_TEXT];      /* "forward"; "" for what is no layer */
    char kernel[PROFILE_TEXT];    /* what computes it; "" if there is no choice */
    double flops, bytes;          /* rank 0's, a step; 0: not counted */
    double floor;                 /* seconds that the limits of its cores allow; 0: not known */
};

/* Something that happens between steps. */
struct ProfileEvent {
    int64_t count;
    double seconds, least, most; /* all together: of rank 0, the fastest and the slowest rank */
};

struct Profile {
    int ranks, threads;
    int64_t steps;           /* measured */
    int64_t warm_up;         /* steps before them */
    double samples;          /* a step, of rank 0 */
    double wall_seconds;     /* rank 0: from the first step to the end */
    double peak, bandwidth;  /* of a rank's cores: floating-point operations, bytes a second */
    struct ProfileRow *rows; /* in the order of a step; together they are all of it */
    int row_count;
    double *seconds; /* (row_count, ranks): a step on average */
    struct ProfileEvent validations, checkpoints;
    char *trace; /* path of the file with single steps; NULL: none */
};
/* Also releases the struct itself, which memory_array made; NULL is allowed. */
void profile_release(struct Profile *profile);

/* Rank 0's seconds of one row, and of a step. */
double profile_row_seconds(const struct Profile *profile, int row);
double profile_step_seconds(const struct Profile *profile);

/* Adds the table: each row, then sums by pass, then what is between steps. */
void profile_add_table(const struct Profile *profile, struct Text *text);

#endif
