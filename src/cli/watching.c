#include "cli/watching.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/launcher.h"
#include "cli/world.h"

#define LIMIT 60.0   /* seconds, for commands that have no key for it and until the key is read */
#define PATIENCE 100 /* ms that a reader of stderr has to make room */
/* How long the launcher has to end the processes that do not end by themselves, and how often it is
 * looked whether it has: in tenths of a second. */
#define GRACE 40

static struct {
    struct Watch *watch;
    struct Launcher launcher;
    bool resumes;
} watching;

/* Not through stdio, whose lock a thread that hangs may hold; and not for ever, because a launcher
 * that is stopped does not read. */
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

/* A process of its own ends those that are still there after the grace. It holds none of the files
 * that the launcher waits for. A plain fork would call what libraries do before a fork, which may
 * wait for a thread that hangs. */
static void end_later(const int *stuck, int count) {
    static const struct timespec tenth = {.tv_nsec = 100000000};
    if (!count || syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) != 0)
        return;
    if (syscall(SYS_close_range, 0, ~0U, 0))
        for (int file = 0; file < 1024; file++)
            close(file);
    setsid();
    bool lives = true;
    for (int i = 0; lives && i < GRACE; i++) {
        nanosleep(&tenth, NULL);
        lives = false;
        for (int k = 0; k < count; k++)
            lives |= !kill(stuck[k], 0);
    }
    for (int k = 0; lives && k < count; k++)
        kill(stuck[k], SIGKILL);
    _exit(0);
}

static void end(void *context, const int *stuck, int count) {
    (void)context;
    end_later(stuck, count);
    _exit(ERROR_RANKS);
}

static bool is_launcher_there(void *context) {
    return launcher_lives(context);
}

void watching_start(struct Ranks *ranks, bool resumes) {
    static const struct WatchActions actions = {
        .context = &watching.launcher, .say = say, .end = end, .launcher_lives = is_launcher_there};
    if (!world_launched())
        return;
    watching.launcher = launcher_find();
    watching.resumes = resumes;
    watch_start(&watching.watch, ranks, &actions, LIMIT);
}

struct Watch *watching_watch(void) {
    return watching.watch;
}

void watching_stop(void) {
    struct Watch *watch = watching.watch;
    watching.watch = NULL; /* a signal handler may look at it */
    watch_stop(watch);
}
