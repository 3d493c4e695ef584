#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void connect(posix_spawn_file_actions_t *actions, int from, int to, int flags) {
    if (from < 0)
        posix_spawn_file_actions_addopen(actions, to, "/dev/null", flags, 0);
    else
        posix_spawn_file_actions_adddup2(actions, from, to);
}

int child_run(const char *const *words, const char *folder, int input, int output, int *status,
              struct Error *error) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int ending;
    posix_spawn_file_actions_init(&actions);
    connect(&actions, input, STDIN_FILENO, O_RDONLY);
    connect(&actions, output, STDOUT_FILENO, O_WRONLY);
    connect(&actions, -1, STDERR_FILENO, O_WRONLY);
    if (folder)
        posix_spawn_file_actions_addchdir_np(&actions, folder);
    errno =
        posix_spawnp(&child, words[0], &actions, NULL, (char *const *)(uintptr_t)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno)
        return fail_errno(error, "%s: cannot be started", words[0]);
    while (waitpid(child, &ending, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(ending))
        return fail(error, ERROR_SYSTEM, "%s: was ended by a signal (%s)", words[0],
                    strsignal(WTERMSIG(ending)));
    *status = WEXITSTATUS(ending);
    return OK;
}
