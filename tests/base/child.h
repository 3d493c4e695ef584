/* A process that does something, says so, and lives until it is killed. */
#ifndef TRAINER_TESTS_BASE_CHILD_H
#define TRAINER_TESTS_BASE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SAYS 400

/* `begin(about, says)` runs in the child and may fill `says`, which the parent gets. The test fails
 * if it returns false. */
static pid_t start_child(bool (*begin)(const char *about, char says[CHILD_SAYS]), const char *about,
                         char says[CHILD_SAYS]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char words[CHILD_SAYS] = "";
        if (!begin(about, words) || write(ends[1], words, sizeof words) != sizeof words)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], says, CHILD_SAYS), CHILD_SAYS);
    close(ends[0]);
    return child;
}

static void kill_child(pid_t child) {
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

#endif
