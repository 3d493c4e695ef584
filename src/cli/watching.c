#include "cli/watching.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "cli/launch.h"
#include "cli/launcher.h"
#include "cli/siblings.h"

#define LIMIT 60.0   /* seconds, for commands without the key, and until the key is read */
#define PATIENCE 100 /* milliseconds to wait for the reader of stderr */
#define EARLY 0.8    /* the share of the time for which ranks wait for the start of MPI */
#define GRACE 60     /* tenths of a second for the launcher to end all processes and itself */

static struct {
    struct Watch *watch;
    struct EarlyWatch *early; /* until `watch` is started */
    struct Launcher launcher;
    bool resumes;
} watching;

/* Writes without stdio, whose lock a thread that hangs may hold, and does not wait for ever,
 * because a launcher that is stopped does not read. */
static void print(const char *line, size_t length) {
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, PATIENCE) == 1)
        (void)!write(STDERR_FILENO, line, length);
}

static void say(void *context, bool ends, const char *words) {
    char line[1024];
    (void)context;
    int length = snprintf(line, sizeof line, "trainer: %s%s%s\n", ends ? "" : "warning: ", words,
                          !ends              ? ""
                          : watching.resumes ? "; the job ends, and --resume goes on from its last "
                                               "checkpoint"
                                             : "; the job ends");
    print(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/* Removes the files in /dev/shm that Open MPI's ranks share. mpirun does that, unless it was
 * killed. */
static void remove_shared_memory(void) {
    static char maps[1 << 20];
    static const char *const names[] = {"/dev/shm/vader_segment.", "/dev/shm/sm_segment."};
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    for (ssize_t more; file >= 0 && used < sizeof maps - 1 &&
                       (more = read(file, maps + used, sizeof maps - 1 - used)) > 0;)
        used += (size_t)more;
    maps[used] = '\0';
    for (int i = 0; i < 2; i++)
        for (char *at = maps; (at = strstr(at, names[i]));) {
            char *end = at + strcspn(at, "\n"), after = *end;
            *end = '\0';
            unlink(at);
            *end = after;
            at = end;
        }
}

static bool any_lives(const int *pids, int count) {
    for (int i = 0; i < count; i++)
        if (process_lives(pids[i]))
            return true;
    return false;
}

static bool launcher_is_left(void) {
    return watching.launcher.of_one_job && launcher_lives(&watching.launcher);
}

/* Starts a separate process that, after GRACE, kills processes that have not ended by themselves
 * and a launcher that hangs. It holds none of the files for which the launcher waits. A plain fork
 * would call the fork handlers of libraries, which may wait for a thread that hangs. */
static void end_later(const int *stuck, int count) {
    if (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) != 0)
        return;
    if (syscall(SYS_close_range, 0, ~0U, 0))
        for (int file = 0; file < 1024; file++)
            close(file);
    setsid();
    for (int i = 0; i < GRACE && (any_lives(stuck, count) || launcher_is_left()); i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    for (int i = 0; i < count; i++)
        if (process_lives(stuck[i]))
            kill(stuck[i], SIGKILL);
    /* mpirun waits for ever for a host that it has lost; version 4 crashes if it is then asked to
     * end. */
    if (launcher_is_left())
        kill(watching.launcher.pid, SIGKILL);
    _exit(0);
}

static void end(void *context, const int *stuck, int count) {
    (void)context;
    remove_shared_memory();
    if (stuck)
        end_later(stuck, count);
    _exit(ERROR_RANKS);
}

static bool is_launcher_there(void *context) {
    return launcher_lives(context);
}

static const struct WatchActions actions = {
    .context = &watching.launcher, .say = say, .end = end, .launcher_lives = is_launcher_there};

static const char *first_set(const char *const *variables) {
    const char *value = NULL;
    for (; *variables && !value; variables++)
        value = getenv(*variables);
    return value;
}

static bool find_sibling(void *context, int local_rank, int *rank, int *pid) {
    (void)context;
    return siblings_find(local_rank, rank, pid);
}

void watching_start_early(bool resumes, double seconds) {
    static const char *const jobs[] = {"PMIX_NAMESPACE", "SLURM_JOB_ID", NULL};
    static const char *const places[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", NULL};
    const char *job = first_set(jobs), *place = first_set(places);
    char host[64] = "";
    if (!launch_own()->by || !job || !place)
        return;
    process_own_host(host, sizeof host);
    watching.launcher = launcher_find();
    watching.resumes = resumes;
    const char *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    struct EarlyRank own = {.job = job,
                            .host = host,
                            .rank = launch_own()->rank,
                            .local_rank = atoi(place),
                            .local_ranks = here ? atoi(here) : 0,
                            .find = find_sibling};
    watching.early = early_watch_start(&own, &actions, EARLY * seconds);
    atexit(watching_leave);
}

void watching_leave(void) {
    early_watch_leave(watching.early);
    watch_leave(watching.watch);
}

/* A signal handler may look at it. */
static void stop_early(void) {
    struct EarlyWatch *early = watching.early;
    watching.early = NULL;
    early_watch_stop(early);
}

void watching_start(struct Ranks *ranks, bool resumes) {
    if (!launch_own()->by)
        return;
    watching.launcher = launcher_find();
    watching.resumes = resumes;
    watch_start(&watching.watch, ranks, &actions, LIMIT);
    stop_early();
}

struct Watch *watching_watch(void) {
    return watching.watch;
}

void watching_stop(void) {
    struct Watch *watch = watching.watch;
    watching.watch = NULL; /* a signal handler may look at it */
    watch_stop(watch);
    stop_early();
}
