#include "cli/search.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/note.h"
#include "cli/outside.h"
#include "cli/overrides.h"
#include "cli/shown.h"
#include "cli/watching.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "DIR",
     .short_name = 'o',
     .help = "folder of the search: space.yaml, base.yaml, trials/, trials.csv, plots/ (required). "
             "If it already holds this search, the search continues"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "change a key of the run file from which the trials are made"},
    OVERRIDE_FLAGS,
    {.name = "one-stage",
     .help = "stop before the next stage; its space is then in DIR/stage-2.yaml and so on, and may "
             "be changed before the same command continues"},
    {.name = "ensemble",
     .argument = "K",
     .help = "also evaluate the best K trials as an ensemble: they are chosen by the validation "
             "split and measured on the split test, if there is one"},
    {.name = "no-plots", .help = "draw no pictures"},
    {.name = "quiet", .short_name = 'q', .help = "no line for each trial on stderr"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* ---- A crash is recorded in the file of its trial ---- */

static struct {
    volatile sig_atomic_t file; /* -1: no trial is running */
    int64_t place;
} crash = {.file = -1};

/* SIGBUS is not among them: it means that a data file was truncated (cli/lost_data.h), for which
 * the trial is not to blame. */
static const int fatal[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT};
#define FATAL (int)(sizeof fatal / sizeof *fatal)
static struct sigaction before[FATAL];

static void note_crash(int number) {
    if (crash.file >= 0)
        (void)!pwrite(crash.file, "x", 1, crash.place);
    for (int i = 0; i < FATAL; i++)
        if (fatal[i] == number)
            sigaction(number, &before[i], NULL);
    raise(number); /* the signal is delivered when this handler returns */
}

/* This is SearchRequest.guard (search/search.h). */
static void guard(int file, int64_t place) {
    static bool heeds;
    struct sigaction action = {.sa_handler = note_crash};
    sigfillset(&action.sa_mask);
    crash.place = place;
    crash.file = file;
    for (int i = 0; i < FATAL && file >= 0; i++)
        sigaction(fatal[i], &action, heeds ? NULL : &before[i]);
    heeds |= file >= 0;
}

/* ---- The command ---- */

static void tell(void *context, const struct SearchNews *news) {
    search_print_news(context, news);
}

static void announce(const struct Search *search, const struct Ranks *ranks) {
    const struct SearchOptions *options = &search->stages[0].options;
    int64_t groups = ranks_size(ranks) / options->ranks;
    if (ranks_rank(ranks))
        return;
    note("%s: %" PRId64 " trials%s over %d key%s, %s, %" PRId64 " at a time%s",
         shown(search->request->folder), search_stage_trials(search, 1),
         options->stages > 1 ? " a stage" : "", search->stages[0].count,
         search->stages[0].count == 1 ? "" : "s", search_method_names[options->method], groups,
         groups == 1 ? "" : ", side by side");
    if (search->stages[0].count > 4)
        note("note: %d keys are searched at a time; so many dimensions need very many trials, and "
             "two to four keys that matter most usually find more",
             search->stages[0].count);
    if (options->method == SEARCH_GRID && search->stages[0].count > 1)
        note("note: a grid tries each key at few values, however many trials it has; random values "
             "try as many as there are trials (Bergstra and Bengio 2012), which finds more if some "
             "keys matter little: method: random");
}

static int finish(struct Search *search, struct SearchResults *results,
                  const struct Arguments *arguments, int64_t members, struct Ranks *ranks,
                  struct Error *error) {
    bool first = ranks_rank(ranks) == 0, json = argument_given(arguments, "json");
    struct Insight *insights =
        memory_array(struct Insight, search->stages[0].count, "what the trials say");
    json_t *object = NULL;
    int code = OK;
    if (first) {
        search_insights(search, results, insights);
        code = search_write_csv(search, results, error);
        if (!argument_given(arguments, "no-plots"))
            search_draw(search, results);
        if (json)
            object = search_describe(search, results, insights);
        else
            search_print_words(search, results, insights);
    }
    code = ranks_agree(ranks, code, error);
    if (!code && members)
        code = search_ensemble(search, results, (int)members, json ? object : NULL, ranks, error);
    if (object) {
        json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10));
        fputc('\n', stdout);
        json_decref(object);
    }
    memory_release(insights);
    return code;
}

/* Fails with the first error if no trial has a score. */
static int fail_all(const struct SearchResults *results, struct Error *error) {
    for (int64_t i = 0; i < results->count; i++)
        if (results->entries[i].record.error)
            return fail(error, ERROR_RUN_FILE,
                        "no trial came to an end that can be compared; trial %" PRId64 ": %s",
                        results->entries[i].record.number, results->entries[i].record.error);
    return fail(error, ERROR_RUN_FILE, "no trial came to an end");
}

static int report(struct Search *search, const struct Arguments *arguments, int64_t members,
                  struct Ranks *ranks, struct Error *error) {
    struct SearchResults results;
    int code = ranks_agree(ranks, search_results(search, &results, error), error);
    if (!code && results.count)
        code = finish(search, &results, arguments, results.scored ? members : 0, ranks, error);
    if (!code && !results.scored)
        code = fail_all(&results, error);
    search_results_release(&results);
    return code;
}

static int search_all(struct Search *search, struct Ranks *ranks, struct Error *error) {
    int64_t size = search->stages[0].options.ranks;
    struct Ranks *group = ranks_split(ranks, ranks_rank(ranks) / (int)size);
    struct Outside outside = outside_now(group);
    struct SearchRequest request = *search->request;
    request.outside = &outside;
    const struct SearchRequest *given = search->request;
    search->request = &request;
    int code = search_run(search, group, error);
    search->request = given;
    ranks_release(group);
    return ranks_agree(ranks, code, error);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    int64_t members;
    int code = argument_integer(arguments, "ensemble", 2, 1000, 0, &members, error);
    if (code)
        return code;
    bool quiet = argument_given(arguments, "quiet");
    struct Search search;
    struct Overrides overrides = overrides_collect(arguments);
    struct SearchRequest request = {.space_path = arguments->operands[0],
                                    .overrides = overrides.texts,
                                    .override_count = overrides.count,
                                    .folder = argument_value(arguments, "out"),
                                    .one_stage = argument_given(arguments, "one-stage"),
                                    .watch = watching_watch(),
                                    .guard = guard,
                                    .tell = quiet ? NULL : tell,
                                    .context = &search};
    search = (struct Search){0};
    if (!request.folder || !*request.folder)
        code = fail(error, ERROR_USAGE,
                    "search: --out DIR is missing: the folder that the search is written to");
    if (!code)
        code = search_open(&search, ranks, &request, error);
    if (!code) {
        announce(&search, ranks);
        code = search_all(&search, ranks, error);
        struct Error later = {0};
        if (!code)
            code = report(&search, arguments, members, ranks, error);
        else if (code == ERROR_STOPPED) /* the results so far; the line of the stop follows */
            (void)report(&search, arguments, 0, ranks, &later);
    }
    search_release(&search);
    overrides_release(&overrides);
    if (code == ERROR_STOPPED)
        error_append(error, "; the same command goes on");
    return code;
}

const struct Command command_search = {
    .name = "search",
    .operands = "SPACE.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "search hyperparameters: train many runs of one run file, each with other values",
    .help = "Trains runs (trials) whose values of some keys are drawn from the ranges of the "
            "space file, which docs/search.md describes, and reports which were best, which keys "
            "mattered, and where good values lie at the edge of their range. Trials are compared "
            "by their best validation, by the figure that checkpoint.best means. Each is an "
            "ordinary run in DIR/trials/0001 and so on; trained alone from its run.yaml it has "
            "the same bits.\n"
            "\n"
            "The ranks are divided into groups of as many as the key `ranks` says (default: 1), "
            "which train side by side. A search that was stopped or killed continues with the "
            "same command: finished trials are kept, and running ones resume. Several jobs may "
            "work on one folder at a time, as the tasks of a Slurm array do "
            "(launch/slurm/search.sbatch).\n"
            "\n"
            "Examples:\n"
            "  mpirun -np 2 trainer search launch/recipes/search-demo.yaml --out s/demo\n"
            "  trainer search space.yaml --out s/a --set data.file=mine.h5 --ensemble 5\n"
            "  trainer search space.yaml --out s/b --one-stage\n",
    .flags = flags,
    .resumes = false,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
