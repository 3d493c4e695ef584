#include "cli/world.h"

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "cli/error_line.h"
#include "cli/identity.h"
#include "cli/launch.h"
#include "cli/siblings.h"
#include "cli/watching.h"
#include "comm/library.h"
#include "comm/ranks_mpi.h"
#include "comm/roll_call.h"

#define START_SECONDS 60 /* unless TRAINER_START_SECONDS says otherwise */
#define ANSWER_SECONDS 20

static int words_count;
static char *const *words_given;
static char late_line[300]; /* what the handler of SIGALRM writes */
static size_t late_length;

/* ---- Starting MPI: MPI_Init waits for ever if one of the ranks is no MPI program ---- */

static void end_late_start(int signal_number) {
    (void)signal_number;
    watching_leave();
    (void)!write(STDERR_FILENO, late_line, late_length);
    _exit(ERROR_SYSTEM);
}

static unsigned patience(unsigned otherwise) {
    const char *text = getenv("TRAINER_START_SECONDS");
    int seconds = text ? atoi(text) : 0;
    return seconds > 0 ? (unsigned)seconds : otherwise;
}

unsigned world_start_seconds(void) {
    return patience(START_SECONDS);
}

static int start_mpi(struct Error *error) {
    char host[64] = "";
    process_own_host(host, sizeof host);
    snprintf(late_line, sizeof late_line,
             "trainer: rank %d on %s: MPI has not started for %u s: another rank has ended, hangs, "
             "or is another program; TRAINER_START_SECONDS=N waits longer\n",
             launch_own()->rank, host, world_start_seconds());
    late_length = strlen(late_line);
    struct sigaction late = {.sa_handler = end_late_start}, before;
    sigaction(SIGALRM, &late, &before);
    alarm(world_start_seconds() + (launch_own()->rank ? 2 : 0)); /* rank 0 prints first */
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* without its launcher MPI_Init may wait for ever */
    /* Threads compute; one at a time may talk to MPI. */
    int provided, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    prctl(PR_SET_PDEATHSIG, 0); /* from now on the watchdog checks the launcher */
    alarm(0);
    sigaction(SIGALRM, &before, NULL);
    if (code != MPI_SUCCESS)
        return fail(error, ERROR_SYSTEM, "MPI cannot be started");
    if (provided < MPI_THREAD_FUNNELED)
        return fail(error, ERROR_SYSTEM, "this MPI library cannot be used with threads");
    return OK;
}

/* ---- Comparing how the ranks were started ---- */

static int compare_ranks(struct Error *error) {
    struct Text facts = {0};
    bool answered;
    identity_describe(&facts, words_count, words_given);
    int code = roll_call(MPI_COMM_WORLD, &facts, patience(ANSWER_SECONDS), &answered, error);
    text_release(&facts);
    if (!answered) {
        error_print(error);
        watching_leave();
        MPI_Abort(MPI_COMM_WORLD, code);
    }
    return code;
}

static int meet(struct Error *error) {
    char library[COMM_LIBRARY_LENGTH];
    int size;
    comm_library_name(library);
    int code = launch_check(launch_own(), library, error);
    if (!code)
        code = start_mpi(error);
    if (code)
        return code;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    code = launch_check_size(launch_own(), library, size, error);
    return code ? code : compare_ranks(error);
}

/* Lets rank 0 print the error before any other rank ends, because a launcher kills all ranks when
 * one fails. */
static int leave(const struct Error *error) {
    if (launch_own()->rank == 0)
        error_print(error);
    else
        sleep(1); /* a barrier is not possible, because the ranks may not be connected */
    world_stop(NULL);
    return error->code;
}

void world_introduce(int count, char *const *words) {
    words_count = count;
    words_given = words;
}

int world_words(char *const **words) {
    *words = words_given;
    return words_count;
}

int world_check_words(struct Error *error) {
    return siblings_check(launch_own(), words_count, words_given, error);
}

int world_start(struct Ranks **ranks, struct Error *error) {
    *ranks = NULL;
    if (launch_own()->by && meet(error))
        return leave(error);
    *ranks = launch_own()->by ? ranks_from_communicator(MPI_COMM_WORLD) : ranks_alone();
    int code = launch_check_grant(launch_own(), ranks_size(*ranks), ranks_nodes(*ranks), error);
    code = ranks_agree(*ranks, code, error); /* Slurm's variables differ between nodes */
    if (!code)
        return OK;
    ranks_release(*ranks);
    *ranks = NULL;
    return leave(error);
}

void world_stop(struct Ranks *ranks) {
    int initialised, finalised;
    ranks_release(ranks);
    MPI_Initialized(&initialised);
    MPI_Finalized(&finalised);
    if (initialised && !finalised)
        MPI_Finalize();
}
