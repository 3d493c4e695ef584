#include "cli/siblings.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "comm/facts.h"

/* The search is repeated, because the other processes may not have started yet. */
#define ATTEMPTS 20
#define PAUSE_NANOSECONDS 15000000
#define MOST_BYTES (64 << 10) /* of a command line, or of an environment */

struct Search {
    void (*visit)(struct Search *search, long process);
    const struct Launch *launch;
    const struct Text *mine; /* this process's facts */
    int seen;                /* processes of this program, including this one */
    int code;
    struct Error *error;
    int local_rank; /* the one that siblings_find looks for */
    int pid;
};

/* The bytes of a file in /proc, up to MOST_BYTES; NULL if it cannot be read. The caller releases
 * them. */
static char *read_whole(const char *path, size_t *length) {
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *bytes = memory_array(char, MOST_BYTES + 1, "a process's words");
    *length = fread(bytes, 1, MOST_BYTES, file);
    fclose(file);
    return bytes;
}

static char *read_of_process(long process, const char *name, size_t *length) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", process, name);
    return read_whole(path, length);
}

static bool runs_this_program(long process) {
    char path[64], mine[4096], other[4096];
    snprintf(path, sizeof path, "/proc/%ld/exe", process);
    ssize_t lengths[] = {readlink("/proc/self/exe", mine, sizeof mine - 1),
                         readlink(path, other, sizeof other - 1)};
    if (lengths[0] < 0 || lengths[1] < 0)
        return false;
    mine[lengths[0]] = other[lengths[1]] = '\0';
    const char *slash = strrchr(mine, '/'), *other_slash = strrchr(other, '/');
    return slash && other_slash && !strcmp(slash, other_slash);
}

static void describe(struct Text *facts, int count, char *const *words) {
    facts_add_words(facts, ERROR_USAGE, "the command line", count, words);
}

/* The facts of another process, from its command line, in which a NUL ends each word. False if the
 * process has ended. */
static bool describe_process(long process, struct Text *facts) {
    size_t length = 0;
    char *bytes = read_of_process(process, "cmdline", &length);
    if (!bytes || !length) {
        memory_release(bytes);
        return false;
    }
    char **words = memory_array(char *, (int64_t)length, "words");
    int count = 0;
    for (size_t at = strlen(bytes) + 1; at < length; at += strlen(bytes + at) + 1)
        words[count++] = bytes + at;
    describe(facts, count, words);
    memory_release(words);
    memory_release(bytes);
    return true;
}

static int rank_of_process(long process, const char *variable) {
    size_t length = 0, name = strlen(variable);
    char *bytes = read_of_process(process, "environ", &length);
    int rank = -1;
    for (size_t at = 0; bytes && at < length; at += strlen(bytes + at) + 1)
        if (!strncmp(bytes + at, variable, name) && bytes[at + name] == '=')
            rank = atoi(bytes + at + name + 1);
    memory_release(bytes);
    return rank;
}

static void look_at(struct Search *search, long process) {
    struct Text facts = {0};
    if (search->code || !runs_this_program(process) || !describe_process(process, &facts))
        return;
    search->seen++;
    int rank = rank_of_process(process, search->launch->by->rank_variable);
    if (rank >= 0 && strcmp(facts.data, search->mine->data)) {
        char host[64] = "";
        process_own_host(host, sizeof host);
        bool lower = rank < search->launch->rank;
        const struct Disagreement found = {.odd = lower ? search->launch->rank : rank,
                                           .other = lower ? rank : search->launch->rank,
                                           .odd_text = lower ? search->mine->data : facts.data,
                                           .other_text = lower ? facts.data : search->mine->data};
        search->code = facts_tell(&found, host, host, search->error);
    }
    text_release(&facts);
}

/* Looks at the children of one thread of the launcher. */
static void look_at_children(struct Search *search, const char *path) {
    size_t length = 0;
    char *list = read_whole(path, &length);
    for (char *at = list, *end; at && (end = strchr(at, ' ')); at = end + 1)
        search->visit(search, strtol(at, NULL, 10));
    memory_release(list);
}

static void look_once(struct Search *search) {
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/task", (int)getppid());
    DIR *threads = opendir(path);
    search->seen = 0;
    for (struct dirent *entry; threads && (entry = readdir(threads));)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)getppid(),
                     entry->d_name);
            look_at_children(search, path);
        }
    if (threads)
        closedir(threads);
}

static void compare_local_rank(struct Search *search, long process) {
    if (rank_of_process(process, "OMPI_COMM_WORLD_LOCAL_RANK") == search->local_rank)
        search->pid = (int)process;
}

bool siblings_find(int local_rank, int *rank, int *pid) {
    struct Search search = {.visit = compare_local_rank, .local_rank = local_rank};
    look_once(&search);
    *pid = search.pid;
    *rank = search.pid ? rank_of_process(search.pid, "OMPI_COMM_WORLD_RANK") : -1;
    return *rank >= 0;
}

int siblings_check(const struct Launch *launch, int count, char *const *words,
                   struct Error *error) {
    if (!launch->by || launch->size == 1 || !launch_is_direct())
        return OK;
    struct Text mine = {0};
    const char *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    int expected = here ? atoi(here) : 1;
    describe(&mine, count, words);
    struct Search search = {.visit = look_at, .launch = launch, .mine = &mine, .error = error};
    for (int i = 0; i < ATTEMPTS && !search.code && search.seen < expected; i++) {
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NANOSECONDS}, NULL);
        look_once(&search);
    }
    text_release(&mine);
    return search.code;
}
