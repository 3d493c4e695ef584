#include "cli/lost_data.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/launch.h"
#include "cli/watching.h"
#include "store/h5.h"

static struct sigaction before;
static bool can_resume;
static char prefix[100]; /* the beginning of the line */

/* A line, built without stdio, which a signal handler must not use. */
struct Line {
    char text[1024];
    size_t length;
};

static void add(struct Line *line, const char *text) {
    size_t bytes = strlen(text), room = sizeof line->text - 1 - line->length;
    bytes = bytes < room ? bytes : room;
    memcpy(line->text + line->length, text, bytes);
    line->length += bytes;
}

static void add_number(struct Line *line, uint64_t number) {
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    add(line, at);
}

static void say(const struct H5Map *map, const char *address) {
    struct Line line = {.length = 0};
    int64_t length = h5_map_length(map);
    add(&line, prefix);
    add(&line, map->path);
    if (length >= 0 && (uint64_t)length < map->bytes) {
        add(&line, ": was cut short while it was in use: it has ");
        add_number(&line, (uint64_t)length);
        add(&line, " bytes and had ");
        add_number(&line, map->bytes);
    } else {
        add(&line, ": byte ");
        add_number(&line, (uint64_t)(address - (const char *)map->image));
        add(&line, " cannot be read: the file was overwritten while it was in use, or its disk "
                   "fails");
    }
    add(&line, can_resume ? "; put the data back, then --resume goes on"
                          : "; put the data back and try again");
    text_hide_controls(line.text);
    (void)!write(STDERR_FILENO, line.text, strlen(line.text));
    (void)!write(STDERR_FILENO, "\n", 1);
}

static void handle(int number, siginfo_t *info, void *context) {
    (void)context;
    const struct H5Map *map = info->si_code > 0 ? h5_mapped_at(info->si_addr) : NULL;
    if (!map) { /* the signal comes again at once, and the previous handler gets it */
        sigaction(number, &before, NULL);
        if (info->si_code <= 0)
            raise(number);
        return;
    }
    if (watch_may_speak(watching_watch()))
        say(map, info->si_addr);
    watching_leave();
    _exit(ERROR_DATA);
}

void lost_data_heed(bool resumes) {
    char host[64] = "";
    can_resume = resumes;
    process_own_host(host, sizeof host);
    if (launch_own()->by && launch_own()->rank > 0)
        snprintf(prefix, sizeof prefix, "trainer: rank %d on %s: ", launch_own()->rank, host);
    else
        snprintf(prefix, sizeof prefix, "trainer: ");
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}
