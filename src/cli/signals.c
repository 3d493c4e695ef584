#include "cli/signals.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/launch.h"
#include "cli/launcher.h"
#include "cli/watching.h"
#include "train/outside.h"

/* One request may arrive as two signals: slurmstepd sends a signal to all processes of a job step,
 * and mpirun, which is one of them, passes it on. Or Slurm sends it to the script of a job and to
 * one of its steps, and both pass it on to mpirun. */
#define SECONDS_OF_ONE_REQUEST 2

static struct HeededSignal {
    int number;
    const char *name;
    enum Interrupt interrupt;
    bool was_ignored;
} heeded[] = {
    {.number = SIGUSR1, .name = "SIGUSR1", .interrupt = INTERRUPT_SAVE},
    {.number = SIGCONT, .name = "SIGCONT", .interrupt = INTERRUPT_SAVE_QUIETLY},
    {.number = SIGTERM, .name = "SIGTERM", .interrupt = INTERRUPT_SIGTERM},
    {.number = SIGINT, .name = "SIGINT", .interrupt = INTERRUPT_SIGINT},
    {.number = SIGUSR2, .name = "SIGUSR2", .interrupt = INTERRUPT_SIGUSR2},
    {.number = SIGHUP, .name = "SIGHUP", .interrupt = INTERRUPT_SIGHUP},
};
#define HEEDED (int)(sizeof heeded / sizeof *heeded)

static atomic_uint pending;
static atomic_llong first_stop; /* when the first request came, in milliseconds; 0: none has come */
static atomic_bool first_from_launcher;
static struct Launcher launcher;
static atomic_bool has_stopped; /* the run is saved, and has reported it */
static bool speaks, on_terminal;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 &&
                   ATOMIC_BOOL_LOCK_FREE == 2,
               "signal handlers need lock-free atomics");

static long long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + 1; /* never 0 */
}

static void say(const char *text) {
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* The checkpoints on disk are complete at any time, so there is nothing to clean up. */
static _Noreturn void leave_at_once(const struct HeededSignal *signal, bool from_launcher) {
    /* mpirun passes a signal on to all ranks; only one of them prints. */
    if (!atomic_load(&has_stopped) && (speaks || !from_launcher)) {
        say(on_terminal ? "\r\033[K" : "");
        say("trainer: left at once, as ");
        say(signal->name);
        say(" was a second request to stop; what was saved before is whole\n");
    }
    watching_leave();
    _exit(ERROR_STOPPED);
}

/* Whether this is the first request to stop, or the same one again. A signal from mpirun never
 * counts as a second request, because mpirun sends SIGKILL after its SIGTERM anyway. */
static bool is_first_stop(int number, bool from_launcher) {
    long long before = 0, now = milliseconds();
    if (atomic_compare_exchange_strong(&first_stop, &before, now)) {
        atomic_store(&first_from_launcher, from_launcher);
        return true;
    }
    if (number == SIGTERM && from_launcher)
        return true;
    return (from_launcher || atomic_load(&first_from_launcher)) &&
           now - before < SECONDS_OF_ONE_REQUEST * 1000;
}

/* A shell starts a background process with SIGINT ignored, so that Ctrl-C, for which the kernel
 * signals a whole group, does not reach it. A SIGINT that another process sends to it is obeyed. */
static void handle(int number, siginfo_t *info, void *context) {
    (void)context;
    int errno_before = errno;
    bool sent = info->si_code == SI_USER;
    bool from_launcher = sent && launcher.pid && info->si_pid == launcher.pid;
    const struct HeededSignal *signal = heeded;
    while (signal->number != number)
        signal++;
    unsigned bit = INTERRUPT_BIT(signal->interrupt);
    /* mpirun sends SIGCONT as soon as it is asked to stop, and SIGTERM later. Because time is
     * short, a checkpoint is begun at SIGCONT; if it has another reason, this is an additional
     * checkpoint. */
    bool meant = number == SIGCONT ? from_launcher : !(signal->was_ignored && !sent);
    if (meant && (bit & INTERRUPT_STOPS) && !is_first_stop(number, from_launcher))
        leave_at_once(signal, from_launcher);
    if (meant)
        atomic_fetch_or(&pending, bit);
    errno = errno_before;
}

static void change_mask(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    for (int i = 0; i < HEEDED; i++)
        sigaddset(&signals, heeded[i].number);
    pthread_sigmask(how, &signals, NULL);
}

void signals_hold(void) {
    change_mask(SIG_BLOCK);
}

void signals_let_through(void) {
    change_mask(SIG_UNBLOCK);
}

void signals_heed(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (launch_own()->by)
        launcher = launcher_find();
    speaks = launch_own()->rank == 0;
    on_terminal = isatty(STDERR_FILENO);
    sigfillset(&action.sa_mask);
    for (int i = 0; i < HEEDED; i++) {
        struct sigaction before;
        sigaction(heeded[i].number, NULL, &before);
        heeded[i].was_ignored = before.sa_handler == SIG_IGN;
        /* nohup sets SIGHUP to be ignored, so that the run outlives its terminal. */
        if (!(heeded[i].number == SIGHUP && heeded[i].was_ignored))
            sigaction(heeded[i].number, &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signals_let_through(); /* the parent process may also have blocked them */
}

void signals_stopped(void) {
    atomic_store(&has_stopped, true);
    if (on_terminal) /* the terminal shows ^C in the present line */
        say("\r\033[K");
}

unsigned signals_pending(void) {
    return atomic_load(&pending);
}

void signals_forget(unsigned interrupts) {
    atomic_fetch_and(&pending, ~interrupts);
}

bool signals_ask_to_stop(void *context) {
    (void)context;
    return signals_pending() & INTERRUPT_STOPS;
}

int signals_explain(int code, struct Error *error) {
    const char *name = "a signal to another rank";
    for (int i = 0; i < HEEDED; i++)
        if (signals_pending() & INTERRUPT_STOPS & INTERRUPT_BIT(heeded[i].interrupt))
            name = heeded[i].name;
    return code == ERROR_STOPPED
               ? fail(error, ERROR_STOPPED, "stopped by %s; nothing was written", name)
               : code;
}

double signals_grace(void) {
    const char *seconds = getenv("OMPI_MCA_odls_base_sigkill_timeout");
    if (!getenv("OMPI_COMM_WORLD_RANK"))
        return INFINITY;
    return 2 * (seconds ? atof(seconds) : 1); /* it waits before SIGTERM and before SIGKILL */
}
