#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool process_read(long pid, struct Process *process) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    if (length <= 0)
        return false;
    text[length] = '\0';
    /* The name stands in parentheses and may contain some itself. The 22nd field is the start. */
    char *begin = strchr(text, '('), *end = strrchr(text, ')');
    if (!begin || !end)
        return false;
    *end = '\0';
    snprintf(process->name, sizeof process->name, "%s", begin + 1);
    return sscanf(end + 1,
                  " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                  &process->state, &process->parent, &process->start) == 3;
}

bool process_is_alive(const struct Process *process) {
    return process->state != 'Z' && process->state != 'X';
}

void process_own_host(char *name, size_t bytes) {
    if (gethostname(name, bytes) && errno != ENAMETOOLONG)
        snprintf(name, bytes, "unknown");
    name[bytes - 1] = '\0';
}
