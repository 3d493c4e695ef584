/* The command line: finds the subcommand, starts MPI for a command that runs on all ranks, prints
 * the line of an error, and ends with an exit code that is the same on all ranks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/error_line.h"
#include "cli/examine.h"
#include "cli/file_kind.h"
#include "cli/help.h"
#include "cli/launch.h"
#include "cli/log.h"
#include "cli/lost_data.h"
#include "cli/note.h"
#include "cli/signals.h"
#include "cli/watching.h"
#include "cli/world.h"
#include "compute/backend.h"

#define MOST_COMMANDS 64

/* If descriptor 0, 1 or 2 is closed, the next file that is opened would get its number, and
 * messages would be written into that file. This makes reads and writes of such a descriptor fail
 * instead. */
static void guard_standard_streams(void) {
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
}

/* Fails if the results could not be written completely. */
static int flush_results(struct Error *error) {
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return OK;
    if (!errno) /* an earlier write failed */
        errno = EIO;
    return fail_errno(error, "standard output");
}

/* If several ranks end, the lowest one is to print; the launcher then kills the others. */
static void wait_for_lower_ranks(double seconds) {
    int rank = launch_own()->rank;
    usleep((useconds_t)(1e6 * seconds) + (useconds_t)(rank < 10 ? rank : 10) * 200000);
}

/* Ends a process that found a mistake before MPI started. Usually all ranks find the same mistake:
 * rank 0 prints it at once, and the launcher kills the others when rank 0 ends. A rank that is
 * still alive later is the only one with its mistake, and prints it. */
static int leave_early(struct Error *error) {
    int rank = launch_own()->rank;
    bool differs = world_check_words(error); /* if so, *error names that mistake instead */
    wait_for_lower_ranks(rank ? 2 : 0);
    if (rank != 0 && !differs)
        error_context(error, "rank %d", rank);
    error_print(error);
    return error->code;
}

/* For commands without MPI: a rank with another command line may wait for this one. */
static int check_words(void) {
    struct Error error;
    int code = world_check_words(&error);
    if (code) {
        wait_for_lower_ranks(0);
        error_print(&error);
    }
    return code;
}

static bool is_group(const char *word) {
    size_t length = strlen(word);
    for (int i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, word, length) && commands[i]->name[length] == ' ')
            return true;
    return false;
}

/* The command that the first one or two words name, or NULL; *used gets the number of those
 * words. */
static const struct Command *find_command(int count, char *const *words, int *used) {
    for (int i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        *used = space ? 2 : 1;
        if (!space && count >= 1 && !strcmp(words[0], name))
            return commands[i];
        if (space && count >= 2 && strlen(words[0]) == (size_t)(space - name) &&
            !strncmp(words[0], name, (size_t)(space - name)) && !strcmp(words[1], space + 1))
            return commands[i];
    }
    *used = 0;
    return NULL;
}

static int unknown_command(int count, char *const *words, struct Error *error) {
    if (words[0][0] == '-')
        return fail(error, ERROR_USAGE,
                    "unknown flag %s: flags come after the command's name (trainer --help)",
                    words[0]);
    const char *names[MOST_COMMANDS];
    int known = 0;
    while (commands[known] && known < MOST_COMMANDS) {
        names[known] = commands[known]->name;
        known++;
    }
    bool two = count >= 2 && is_group(words[0]);
    char *word = two ? memory_print("%s %s", words[0], words[1]) : memory_copy_text(words[0]);
    const char *nearest = text_nearest(word, names, known);
    fail(error, ERROR_USAGE, "unknown command \"%s\"%s%s%s (trainer --help lists them)", word,
         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    memory_release(word);
    return error->code;
}

/* Runs a command without MPI; if there are no arguments, prints the command's help. */
static int run_alone(const struct Command *command, const struct Arguments *arguments,
                     struct Error *error) {
    int code = check_words();
    if (code || launch_own()->rank != 0)
        return code;
    if (!arguments) {
        help_command(stdout, command);
        return OK;
    }
    struct Ranks *ranks = ranks_alone();
    if (!examine_is_child()) /* such a child ends soon by itself */
        signals_let_through();
    lost_data_heed(false);
    code = command->run(command, arguments, ranks, error);
    ranks_release(ranks);
    if (code)
        file_kind_advise(error);
    else
        code = flush_results(error);
    if (code)
        error_print(error);
    return code;
}

static void log_ranks(const struct Ranks *ranks) {
    int rank = ranks_rank(ranks);
    log_debug("rank %d of %d is process %d on %s", rank, ranks_size(ranks), (int)getpid(),
              ranks_host(ranks, rank));
}

static int run_on_all_ranks(const struct Command *command, const struct Arguments *arguments,
                            struct Error *error) {
    struct Ranks *ranks;
    if (command->heeds_signals)
        signals_heed();
    else
        signals_let_through();
    watching_start_early(command->resumes, world_start_seconds());
    int code = world_start(&ranks, error);
    if (code) {
        watching_stop();
        return code;
    }
    log_ranks(ranks);
    watching_start(ranks, command->resumes);
    examine_share(ranks);
    lost_data_heed(command->resumes);
    code = command->run(command, arguments, ranks, error);
    if (code)
        file_kind_advise(error);
    else
        code = flush_results(error);
    if (code)
        log_debug("ends with code %d: %s", code, error->text);
    beat_enter(ranks_beat(ranks), BEAT_ENDING);
    code = ranks_agree(ranks, code, error);
    if (code == ERROR_STOPPED)
        signals_stopped();
    if (code && ranks_rank(ranks) == 0)
        error_print(error);
    examine_share_no_more();
    world_stop(ranks);
    watching_stop();
    return code;
}

static int run_command(const struct Command *command, int count, char *const *words) {
    struct Arguments arguments;
    struct Error error = {0};
    bool help;
    int code = arguments_parse(&arguments, command, count, words, &help, &error);
    if (!code)
        code = log_open(command, &arguments, &error);
    if (!code)
        note_open(&arguments);
    if (code)
        code = leave_early(&error);
    else if (command->parallel && !help)
        code = run_on_all_ranks(command, &arguments, &error);
    else
        code = run_alone(command, help ? NULL : &arguments, &error);
    arguments_release(&arguments);
    return code;
}

static bool is_help(const char *word) {
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

/* trainer help [COMMAND] */
static int run_help(int count, char *const *words) {
    struct Error error;
    int used;
    const struct Command *command = find_command(count, words, &used);
    if (count && !command && (count > 1 || !is_group(words[0]))) {
        unknown_command(count, words, &error);
        return leave_early(&error);
    }
    int code = check_words();
    if (code || launch_own()->rank != 0)
        return code;
    if (command)
        help_command(stdout, command);
    else if (count)
        help_group(stdout, words[0]);
    else
        help_program(stdout);
    return OK;
}

static int dispatch(int count, char *const *words) {
    struct Error error;
    int used;
    if (!count) {
        fail(&error, ERROR_USAGE, "a command is missing (trainer --help lists them)");
        return leave_early(&error);
    }
    if (is_help(words[0]))
        return run_help(count - 1, words + 1);
    if (!strcmp(words[0], "--version")) {
        int code = check_words();
        if (!code && launch_own()->rank == 0)
            help_version(stdout);
        return code;
    }
    const struct Command *command = find_command(count, words, &used);
    if (command)
        return run_command(command, count - used, words + used);
    if (is_group(words[0]) && count >= 2 && is_help(words[1]))
        return run_help(1, words);
    if (is_group(words[0]) && count == 1) {
        fail(&error, ERROR_USAGE, "%s: which one? (trainer %s --help lists them)", words[0],
             words[0]);
        return leave_early(&error);
    }
    unknown_command(count, words, &error);
    return leave_early(&error);
}

/* OpenBLAS chooses its kernels before main(). If they are slower than others that this CPU can run,
 * and the user has not set the choice, the program starts again with the faster ones. The variable
 * TRAINER_STARTED_AGAIN prevents a loop if the library ignores OPENBLAS_CORETYPE. */
static void start_again_for_openblas(char **words) {
    const char *core = backend_better_openblas_core();
    if (!core || getenv("OPENBLAS_CORETYPE") || getenv("TRAINER_STARTED_AGAIN"))
        return;
    setenv("TRAINER_STARTED_AGAIN", "1", 1);
    setenv("OPENBLAS_CORETYPE", core, 1);
    execv("/proc/self/exe", words); /* if this fails, the program continues and is slower */
}

int main(int count, char **words) {
    guard_standard_streams();
    signals_hold();
    start_again_for_openblas(words);
    examine_files();
    signal(SIGXFSZ, SIG_IGN); /* writing beyond the limit of file sizes then fails with an error */
    world_introduce(count - 1, words + 1);
    int code = dispatch(count - 1, words + 1);
    struct Error error;
    if (!code && (code = flush_results(&error)))
        error_print(&error);
    return code;
}
