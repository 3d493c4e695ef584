/* What the outside asks of a run while it goes on: people and launchers by signals, the clock by a
 * time limit. Each rank may learn of it alone and at any moment; all ranks act on it after the same
 * step. */
#ifndef TRAINER_TRAIN_OUTSIDE_H
#define TRAINER_TRAIN_OUTSIDE_H

#include <stdbool.h>

enum Interrupt {
    INTERRUPT_SAVE,         /* write a checkpoint, say so, and go on */
    INTERRUPT_SAVE_QUIETLY, /* the same without a word */
    INTERRUPT_SIGTERM,      /* this and those below: write a checkpoint and stop */
    INTERRUPT_SIGINT,
    INTERRUPT_SIGUSR2,
    INTERRUPT_SIGHUP,
    INTERRUPT_TIME_LIMIT, /* train.time_limit */
    INTERRUPT_JOB_LIMIT,  /* that of the batch system or person that runs the job */
    INTERRUPT_COUNT
};
/* A set of interrupts is a number with these bits. */
#define INTERRUPT_BIT(interrupt) (1u << (interrupt))
#define INTERRUPT_SAVES (INTERRUPT_BIT(INTERRUPT_SAVE) | INTERRUPT_BIT(INTERRUPT_SAVE_QUIETLY))
#define INTERRUPT_STOPS ((INTERRUPT_BIT(INTERRUPT_COUNT) - 1) & ~INTERRUPT_SAVES)

/* Something about the program or the place where it runs: "cpu", "hosts". */
struct OutsideFact {
    const char *name, *text;
};

/* What the process knows of the outside. */
struct Outside {
    /* The interrupts that have reached this process; they stay until they are forgotten. May be
     * called at any time, by any thread. */
    unsigned (*pending)(void);
    void (*forget)(unsigned interrupts);
    double start;   /* clock_seconds() when the process began: train.time_limit counts from there */
    double job_end; /* clock_seconds() at which the job is going to be ended; INFINITY: not known */
    /* Seconds between a request to stop and the end of all processes by their launcher; INFINITY:
     * it waits. */
    double grace;
    /* On rank 0: what the run notes down for those who read its folder. A fact without a name ends
     * them; NULL: none. */
    const struct OutsideFact *facts;
};

#endif
