#include "cli/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "comm/node_memory.h"

#define CHILD "TRAINER_EXAMINES" /* set in the child's environment */
#define MEMORY                                                                                     \
    ((rlim_t)4 << 30) /* bytes of address space, the program and its libraries included */
/* The processor time of the child. A sanitizer records the callers of each allocation, which takes
 * much longer. */
#ifdef __SANITIZE_ADDRESS__
#define SECONDS 60
#else
#define SECONDS 5
#endif
#define EXAMINED 64 /* files that are remembered */

/* ---- The child ---- */

static void set_limit(int resource, rlim_t most) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0 &&
        (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most))
        setrlimit(resource, &(struct rlimit){most, resource == RLIMIT_CPU ? most + 5 : most});
}

int examine_here(const char *path, struct Error *error) {
    struct H5File *file;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the parent may be killed while it waits */
#ifndef __SANITIZE_ADDRESS__          /* it reserves far more than any program uses */
    set_limit(RLIMIT_AS, MEMORY);
#endif
    set_limit(RLIMIT_CPU, SECONDS);
    set_limit(RLIMIT_CORE, 0);
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code)
        return code;
    bool closed = h5_walk(file);
    h5_close(file);
    return closed ? OK : fail(error, ERROR_CHECKPOINT, "%s: HDF5 cannot close it", path);
}

/* ---- Its parent ---- */

/* Whether it is a variable by which a launcher tells a process that it is one of several ranks. */
static bool is_launchers(const char *variable) {
    static const char *const prefixes[] = {"OMPI_", "PMIX_", "PMI_", "SLURM_", "PRTE_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(variable, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

/* This process's environment, changed for a child that is no rank, starts fast, and has one thread.
 * The caller releases the array. */
static const char **childs_environment(void) {
    /* The last one fills memory that is freed or not yet set with bytes that make an invalid
     * pointer, so that HDF5 crashes in the child if it uses such memory. */
    static const char *const own[] = {CHILD "=1", "TRAINER_STARTED_AGAIN=1",
                                      "OPENBLAS_NUM_THREADS=1",
                                      "GLIBC_TUNABLES=glibc.malloc.perturb=165:"
                                      "glibc.malloc.tcache_count=0:"
                                      "glibc.malloc.mmap_max=0"};
    int64_t count = 0, kept = 0;
    while (environ[count])
        count++;
    const char **variables = memory_array(const char *, count + 5, "a child's environment");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        variables[kept++] = own[i];
    for (int64_t i = 0; i < count; i++)
        if (!is_launchers(environ[i]))
            variables[kept++] = environ[i];
    return variables;
}

/* Launchers send the signals for a rank also to its child, which must not act on them. */
static void block_signals(posix_spawnattr_t *attributes) {
    static const int blocked[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGPIPE};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++)
        sigaddset(&set, blocked[i]);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(attributes, &set);
}

static int start_child(const char *path, pid_t *child) {
    const char *words[] = {"trainer", "verify", "--examine", "--", path, NULL};
    const char **variables = childs_environment();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0);
    posix_spawnattr_t attributes;
    block_signals(&attributes);
    int number = posix_spawn(child, "/proc/self/exe", &actions, &attributes,
                             (char *const *)(uintptr_t)words, (char *const *)(uintptr_t)variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    memory_release((void *)variables);
    return number;
}

static int judge(const char *path, int status, int failure, struct Error *error) {
    char size[32];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return fail(error, failure,
                    "%s: is damaged, or holds too many objects: HDF5 did not end reading it within "
                    "%d s of processor time",
                    path, SECONDS);
    if (WIFSIGNALED(status))
        return fail(error, failure,
                    "%s: is damaged: the HDF5 library crashed while it read the file (%s)", path,
                    strsignal(WTERMSIG(status)));
    if (WIFEXITED(status) && WEXITSTATUS(status) == ERROR_CHECKPOINT)
        return fail(error, failure,
                    "%s: is damaged: the HDF5 library cannot close it after it was read", path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ERROR_SYSTEM)
        return fail(error, failure, "%s: is damaged: needs more than %s to be read", path,
                    text_bytes((double)MEMORY, size));
    return OK;
}

/* ---- What is known already ---- */

struct Identity {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
};

/* The verdicts that the ranks of a host share. A rank holds the lock while its child examines a
 * file, so that the others wait for the verdict. */
struct Verdicts {
    pthread_mutex_t lock;
    int next;
    struct Verdict {
        struct Identity identity;
        int status; /* how the child ended */
    } of[EXAMINED];
};

static struct Verdicts own = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct Verdicts *verdicts = &own;
static struct NodeMemory *shared;

void examine_share(struct Ranks *ranks) {
    shared = node_memory_create(ranks, sizeof *verdicts, "what is known of files");
    struct Verdicts *common = node_memory_data(shared);
    if (node_memory_place(shared) == 0) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&common->lock, &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    ranks_barrier(ranks);
    verdicts = common;
}

void examine_share_no_more(void) {
    verdicts = &own;
    node_memory_release(shared);
    shared = NULL;
}

static bool identify(const char *path, struct Identity *identity) {
    struct stat status;
    memset(identity, 0, sizeof *identity);
    if (stat(path, &status))
        return false;
    identity->device = status.st_dev;
    identity->inode = status.st_ino;
    identity->bytes = status.st_size;
    identity->changed = status.st_ctim;
    return true;
}

static bool is_known(const struct Identity *identity, int *status) {
    for (int i = 0; i < EXAMINED; i++)
        if (!memcmp(&verdicts->of[i].identity, identity, sizeof *identity)) {
            *status = verdicts->of[i].status;
            return true;
        }
    return false;
}

static int run_child(const char *path, int *status, struct Error *error) {
    pid_t child;
    double start = clock_seconds();
    int number = start_child(path, &child);
    if (number) {
        errno = number;
        return fail_errno(error, "%s: no process can be started to examine it", path);
    }
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR)
            return fail_errno(error, "%s: the process that examined it was lost", path);
    log_debug("%s: examined by process %d in %.3f s", path, (int)child, clock_seconds() - start);
    return OK;
}

int examine_file(const char *path, int failure, struct Error *error) {
    struct Identity identity;
    int status = 0, code = OK;
    if (!identify(path, &identity))
        return OK; /* opening the file will fail with the reason */
    /* If a rank was killed while it held the lock, its file has no verdict yet. */
    if (pthread_mutex_lock(&verdicts->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&verdicts->lock);
    if (!is_known(&identity, &status)) {
        code = run_child(path, &status, error);
        if (!code)
            verdicts->of[verdicts->next++ % EXAMINED] = (struct Verdict){identity, status};
    }
    pthread_mutex_unlock(&verdicts->lock);
    return code ? code : judge(path, status, failure, error);
}

bool examine_is_child(void) {
    return getenv(CHILD) != NULL;
}

void examine_files(void) {
    if (!examine_is_child())
        h5_set_examiner(examine_file);
}
