/* What is known of the trials of a search, in files of its folder that any number of processes
 * share, on any number of hosts: no server, no database. For trial 7:
 *   FOLDER/trials/0007/           the run, an ordinary one
 *   FOLDER/ledger/0007/           record.yaml, which is always whole; run.lock, held by the process
 *                                 that trains the trial (base/folder_lock.h); starts and crashes
 *   FOLDER/ledger/run.lock        held while a process chooses a trial or writes down how one ended
 * Not collective. */
#ifndef TRAINER_SEARCH_LEDGER_H
#define TRAINER_SEARCH_LEDGER_H

#include "base/folder_lock.h"
#include "runfile/runfile.h"
#include "search/schedule.h"

struct TrialRecord {
    int64_t number, stage; /* from 1 */
    int status;            /* enum TrialStatus */
    struct Strings values; /* "optimizer.rate=0.012", in the order of the axes */
    const char *figure;    /* its name in report/figures.h; NULL: none yet */
    struct Reals metrics;  /* the best of that figure up to each rung reached */
    int64_t step, total_steps, best_step;
    double seconds;     /* of training */
    const char *digest; /* of the parameters at `step`; NULL: not known */
    const char *error;  /* NULL: none */
};

/* A record and what owns its texts. */
struct LedgerEntry {
    struct RunFile *file; /* NULL: the trial has not begun */
    struct TrialRecord record;
};

char *ledger_trial_folder(const char *folder, int64_t number); /* the run's; the caller's */

/* Makes the folders of the ledger. ERROR_SYSTEM. */
int ledger_make(const char *folder, struct Error *error);
/* Waits for the ledger's lock, for some minutes at most. ERROR_SYSTEM. */
int ledger_lock(struct FolderLock **lock, const char *folder, struct Error *error);

/* Entries first … first + count − 1, into an array of the caller. ERROR_RUN_FILE if a record is
 * damaged. Release each with ledger_forget, also after a failure. */
int ledger_read(const char *folder, int64_t first, int64_t count, struct LedgerEntry *entries,
                struct Error *error);
void ledger_forget(struct LedgerEntry *entry);
int ledger_write(const char *folder, const struct TrialRecord *record, struct Error *error);

/* Reserves the trial for this process; *lock is NULL if another process has it. ERROR_SYSTEM. */
int ledger_claim(struct FolderLock **lock, const char *folder, int64_t number, struct Error *error);

/* Notes that the trial is started. If it should not be, *refusal says why, a text that the caller
 * releases; else it is NULL. A trial is given up after `crashes` crashes, and after ten starts in a
 * row that neither saved a new checkpoint nor ended in order. */
int ledger_start(const char *folder, int64_t number, int64_t crashes, char **refusal,
                 struct Error *error);
/* The start ended without a crash. */
void ledger_end(const char *folder, int64_t number);
/* The file in which a process that crashes writes a byte, and where: each start has one place,
 * whatever the number of its ranks. Returns a descriptor, or -1. */
int ledger_crash_file(const char *folder, int64_t number, int64_t *place);

#endif
