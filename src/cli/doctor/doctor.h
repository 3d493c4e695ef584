/* `trainer doctor` checks whether anything about this machine, this job or the libraries may slow a
 * training down or end it. Each check is a function in one of the files here, which adds its
 * findings to the report. Checks are collective. */
#ifndef TRAINER_CLI_DOCTOR_DOCTOR_H
#define TRAINER_CLI_DOCTOR_DOCTOR_H

#include <stdio.h>

#include "base/kernel.h"
#include "cli/command.h"
#include "train/trial.h"

enum Verdict {
    VERDICT_OK,
    VERDICT_NOTE,   /* a training works, but could be faster or safer */
    VERDICT_PROBLEM /* a training fails, or does not do what its user intends */
};
#define VERDICTS 3
extern const char *const verdict_names[VERDICTS];

struct Finding {
    enum Verdict verdict;
    const char *name;     /* of the check: one word */
    char *found, *advice; /* what was found, and what to do ("" if nothing) */
};

struct Report {
    struct Finding *findings;
    int count;
};
/* `advice` may be NULL; it is shown unless the verdict is ok. */
void report_add(struct Report *report, enum Verdict verdict, const char *name, const char *advice,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
enum Verdict report_verdict(const struct Report *report); /* the worst of all findings */
int report_count(const struct Report *report, enum Verdict verdict);
void report_print(const struct Report *report, FILE *out);
void report_release(struct Report *report);

/* The data that the checks share. */
struct Doctor {
    struct Ranks *ranks;
    struct Report report;
    const char *run_path; /* NULL: no run file was given */
    const char *folder;   /* --out */
    int threads;          /* of a rank */
    enum Variant variant; /* the best that all ranks support */
    bool tried;           /* the run's steps were measured, and `trial` is filled */
    struct Trial trial;
    double latency, exchange; /* seconds for an exchange of a few bytes, and of `exchange_bytes` */
    int64_t exchange_bytes;
};

void check_launcher(struct Doctor *doctor);                                 /* launch.c */
void check_mpi(struct Doctor *doctor);                                      /* launch.c */
void check_transports(struct Doctor *doctor);                               /* launch.c */
void check_processors(struct Doctor *doctor);                               /* processors.c */
void check_threads(struct Doctor *doctor);                                  /* processors.c */
void check_cpus(struct Doctor *doctor);                                     /* libraries.c */
void check_openblas(struct Doctor *doctor);                                 /* libraries.c */
void check_onednn(struct Doctor *doctor);                                   /* libraries.c */
void check_agreement(struct Doctor *doctor);                                /* libraries.c */
void check_shared_memory(struct Doctor *doctor);                            /* storage.c */
void check_space(struct Doctor *doctor);                                    /* storage.c */
void check_locks(struct Doctor *doctor);                                    /* storage.c */
void check_clocks(struct Doctor *doctor);                                   /* clocks.c */
void check_exchange(struct Doctor *doctor);                                 /* speed.c */
void check_run(struct Doctor *doctor, int code, const struct Error *error); /* speed.c */

#endif
