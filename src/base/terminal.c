#include "base/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool terminal_follow_launcher(FILE *stream, char link[64], char path[PATH_MAX]) {
    snprintf(link, 64, "/proc/%ld/fd/%d", (long)getppid(), fileno(stream));
    ssize_t length = getenv("OMPI_COMM_WORLD_RANK") ? readlink(link, path, PATH_MAX - 1) : -1;
    path[length < 0 ? 0 : length] = '\0';
    return length >= 0;
}

int terminal_open(FILE *stream) {
    char link[64], path[PATH_MAX];
    if (isatty(fileno(stream)))
        return dup(fileno(stream));
    if (!terminal_follow_launcher(stream, link, path))
        return -1;
    int terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal >= 0 && !isatty(terminal)) {
        close(terminal);
        return -1;
    }
    return terminal;
}
