/* memory_granted: how much memory the processes of this computer may use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The number in a file; INT64_MAX if it holds none (it may hold "max") or cannot be read. */
static int64_t read_number(const char *path) {
    long long value = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return INT64_MAX;
    bool found = fscanf(file, "%lld", &value) == 1 && value > 0;
    fclose(file);
    return found ? value : INT64_MAX;
}

/* The least limit of a control group and its parents. Modifies `path`. */
static int64_t limit_of_group(const char *root, char *path, const char *name) {
    int64_t limit = INT64_MAX;
    char file[4096];
    for (;;) {
        snprintf(file, sizeof file, "%s%s/%s", root, path, name);
        limit = least(limit, read_number(file));
        char *slash = strrchr(path, '/');
        if (!slash)
            return limit;
        *slash = '\0';
    }
}

/* A line of /proc/self/cgroup is "0::/path" in version 2 and "4:memory:/path" in version 1. */
static int64_t limit_of_groups(void) {
    int64_t limit = INT64_MAX;
    char line[2048];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
        if (!second)
            continue;
        *second = '\0';
        second[1 + strcspn(second + 1, "\n")] = '\0';
        if (!first[1])
            limit = least(limit, limit_of_group("/sys/fs/cgroup", second + 1, "memory.max"));
        else if (strstr(first + 1, "memory"))
            limit = least(limit, limit_of_group("/sys/fs/cgroup/memory", second + 1,
                                                "memory.limit_in_bytes"));
    }
    if (file)
        fclose(file);
    return limit;
}

static int64_t limit_of_process(int resource) {
    struct rlimit limit;
    bool limited = getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
                   limit.rlim_cur <= INT64_MAX;
    return limited ? (int64_t)limit.rlim_cur : INT64_MAX;
}

int64_t memory_granted(void) {
    int64_t all = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    int64_t limits[] = {limit_of_groups(), limit_of_process(RLIMIT_AS),
                        limit_of_process(RLIMIT_DATA)};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        all = least(all, limits[i]);
    return all;
}
