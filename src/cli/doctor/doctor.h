/* `trainer doctor`: what of this machine, this job and these libraries may slow a training down or
 * end it. Each check is a function in one of the files here, adds what it found, and is collective.
 */
#ifndef TRAINER_CLI_DOCTOR_DOCTOR_H
#define TRAINER_CLI_DOCTOR_DOCTOR_H

#include <stdio.h>

#include "base/kernel.h"
#include "cli/command.h"
#include "train/trial.h"

enum Verdict {
    VERDICT_OK,
    VERDICT_NOTE,   /* a training works, but could be faster or safer */
    VERDICT_PROBLEM /* a training fails, or does not do what was meant */
};
#define VERDICTS 3
extern const char *const verdict_names[VERDICTS];

struct Finding {
    enum Verdict verdict;
    const char *name;     /* of the check, a word */
    char *found, *advice; /* advice: what to do; "" if there is nothing */
};

struct Report {
    struct Finding *findings;
    int count;
};
/* `advice` may be NULL; it is shown unless the verdict is ok. */
void report_add(struct Report *report, enum Verdict verdict, const char *name, const char *advice,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
enum Verdict report_verdict(const struct Report *report); /* the worst */
int report_count(const struct Report *report, enum Verdict verdict);
void report_print(const struct Report *report, FILE *out);
void report_release(struct Report *report);

/* What the checks share. */
struct Doctor {
    struct Ranks *ranks;
    struct Report report;
    const char *run_path; /* NULL: no run file was given */
    const char *folder;   /* --out */
    int threads;          /* of a rank */
    enum Variant variant; /* the best that all ranks have */
    bool tried;           /* the run's steps were measured: */
    struct Trial trial;
    double latency, exchange; /* seconds of an exchange of a few bytes, and of `exchange_bytes` */
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
