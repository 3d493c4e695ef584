#include "base/holder.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

/* Reads the first line of a file; "" if there is none. */
static void read_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (!file)
        return;
    if (!fgets(line, size, file))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

/* The start of a process, in clock ticks after the boot; 0 if it does not exist or has ended. */
static unsigned long long start_of(long pid) {
    struct Process process;
    return process_read(pid, &process) && process_is_alive(&process) ? process.start : 0;
}

struct Holder holder__self(void) {
    struct Holder self = {.process = (long)getpid()};
    struct tm parts;
    time_t now = time(NULL);
    process_own_host(self.host, sizeof self.host);
    strftime(self.since, sizeof self.since, "%Y-%m-%d %H:%M:%S %z", localtime_r(&now, &parts));
    self.start = start_of(self.process);
    read_line("/proc/sys/kernel/random/boot_id", self.boot, sizeof self.boot);
    if (readlink("/proc/self/ns/pid", self.numbers, sizeof self.numbers - 1) < 0)
        self.numbers[0] = '\0';
    if (!*self.boot)
        strcpy(self.boot, "-");
    if (!*self.numbers)
        strcpy(self.numbers, "-");
    return self;
}

char *holder__write(const struct Holder *holder, char text[HOLDER_TEXT]) {
    snprintf(text, HOLDER_TEXT, "process %ld on %s since %s\nstart %llu boot %s %s%s\n",
             holder->process, holder->host, holder->since, holder->start, holder->boot,
             holder->numbers, holder->renews ? " renews" : "");
    return text;
}

bool holder__read(struct Holder *holder, const char *text) {
    char more[10] = "";
    *holder = (struct Holder){0};
    int fields = sscanf(text, "process %ld on %255s since %39[^\n]\nstart %llu boot %39s %39s %9s",
                        &holder->process, holder->host, holder->since, &holder->start, holder->boot,
                        holder->numbers, more);
    holder->renews = !strcmp(more, "renews");
    return fields >= 6;
}

bool holder__is_near(const struct Holder *holder) {
    struct Holder self = holder__self();
    return holder->start && self.start && !strcmp(holder->host, self.host) &&
           !strcmp(holder->boot, self.boot) && !strcmp(holder->numbers, self.numbers);
}

bool holder__runs(const struct Holder *holder) {
    return start_of(holder->process) == holder->start;
}
