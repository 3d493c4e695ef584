#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "checkpoint/ensemble.h"
#include "cli/report/report.h"
#include "cli/run_folder.h"
#include "cli/shown.h"
#include "search/search.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "DIR",
     .help = "folder of the page, index.html, and its pictures (default: report in the folder of "
             "the first run or of the search; FILE-report for an ensemble FILE.h5)"},
    {.name = "curves-only",
     .help = "do not evaluate the models, for example because the data are not available"},
    MEMBERS_FLAGS,
    {0}};

char *report_path(const struct Report *report, const char *name) {
    return memory_print("%s/%s", report->folder, name);
}

int report_plot(struct Report *report, const struct Plot *plot, const char *name,
                const char *caption, struct Error *error) {
    struct Error why;
    char *file = memory_print("%s/%s.svg", report->folder, name);
    int code = OK;
    if (report->cannot_draw) {
        page_words(&report->page, "%s: not drawn.", caption);
    } else if (plot_write(plot, 1, 1, file, &why)) {
        report->cannot_draw = true;
        log_warning("%s; the page has no curves", why.text);
        page_note(&report->page, "%s; this page has no curves.", why.text);
    } else {
        code = page_picture(&report->page, file, caption, error);
    }
    memory_release(file);
    return code;
}

/* ---- The runs ---- */

static int read_run_file(struct ReportRun *run, struct Error *error) {
    char *path = memory_print("%s/run.yaml", run->folder);
    run->run_text = memory_array(char, REPORT_RUN_FILE + 1, "a run file");
    size_t length = read_file_head(path, run->run_text, REPORT_RUN_FILE);
    int code = OK;
    if (!length) {
        run_folder_refuse(run->folder,
                          "is not a folder of a run: it has no run.yaml; expected what --out of "
                          "trainer train named",
                          error);
        code = error->code = ERROR_USAGE;
    }
    memory_release(path);
    return code;
}

static int read_table(struct MetricsTable *table, const struct ReportRun *run, const char *name,
                      bool required, struct Error *error) {
    char *path = memory_print("%s/%s", run->folder, name);
    int code = OK;
    if (required || access(path, F_OK) == 0)
        code = metrics_table_read(table, path, error);
    memory_release(path);
    return code;
}

/* Refuses an operand that is no folder. */
static int refuse_file(const char *path, struct Error *error) {
    if (ensemble_file_is_one(path))
        return fail(error, ERROR_USAGE, "%s: is an ensemble; expected one ensemble, or runs", path);
    return fail(error, ERROR_USAGE,
                "%s: expected the folder of a run or of a search, or an ensemble's file", path);
}

static int read_run(struct ReportRun *run, struct Error *error) {
    if (!path_is_folder(run->folder))
        return refuse_file(run->folder, error);
    int code = read_run_file(run, error);
    if (code == OK)
        code = read_table(&run->metrics, run, "metrics.jsonl", true, error);
    if (code == OK)
        code = read_table(&run->monitor, run, "monitor.jsonl", false, error);
    if (code == OK)
        code = read_table(&run->environment, run, "environment.jsonl", false, error);
    return code;
}

/* Names runs: "a" for "runs/a/", unless another run has the same last part. */
static void name_runs(struct Report *report) {
    for (int i = 0; i < report->run_count; i++) {
        char *folder = memory_copy_text(report->runs[i].folder);
        for (size_t end = strlen(folder); end > 1 && folder[end - 1] == '/'; end--)
            folder[end - 1] = '\0';
        report->runs[i].name = folder;
    }
    for (int i = 0; i < report->run_count; i++) {
        bool alone = true;
        const char *base = path_base(report->runs[i].name);
        for (int j = 0; j < report->run_count; j++)
            alone &= i == j || strcmp(base, path_base(report->runs[j].name)) != 0;
        if (!alone)
            continue;
        char *short_name = memory_copy_text(base);
        memory_release(report->runs[i].name);
        report->runs[i].name = short_name;
    }
}

static int read_runs(struct Report *report, const struct Arguments *arguments,
                     struct Error *error) {
    report->run_count = arguments->operand_count;
    report->runs = memory_array(struct ReportRun, report->run_count, "runs");
    int code = OK;
    for (int i = 0; i < report->run_count && code == OK; i++) {
        report->runs[i].folder = arguments->operands[i];
        code = read_run(&report->runs[i], error);
    }
    if (code == OK)
        name_runs(report);
    return code;
}

/* ---- The folder ---- */

/* Opens the folder --out, or else `beside` followed by `name`. Refuses to overwrite a page that is
 * not an older report. */
static int open_folder(struct Report *report, const struct Arguments *arguments, const char *beside,
                       const char *name, struct Error *error) {
    const char *out = argument_value(arguments, "out");
    char head[sizeof PAGE_BEGINNING] = "";
    report->folder = out ? memory_copy_text(out) : memory_print("%s%s", beside, name);
    int code = path_make_folders(report->folder, NULL, error);
    if (code)
        return code;
    char *page = report_path(report, "index.html");
    size_t length = read_file_head(page, head, sizeof head - 1);
    if (length && strcmp(head, PAGE_BEGINNING))
        code = fail(error, ERROR_USAGE,
                    "%s: exists and is not a report, so it is not replaced; choose another folder",
                    page);
    memory_release(page);
    return code;
}

static int read_operands(struct Report *report, const struct Arguments *arguments,
                         struct Error *error) {
    const char *first = arguments->operands[0];
    if (arguments->operand_count > 1 || !ensemble_file_is_one(first))
        return read_runs(report, arguments, error);
    if (argument_given(arguments, "curves-only"))
        return fail(error, ERROR_USAGE, "--curves-only: %s is an ensemble, which has no curves",
                    first);
    return OK;
}

/* An ensemble has no run of its own, so its page has only the evaluation of its members. */
static int begin_ensemble(struct Report *report, const struct Arguments *arguments,
                          struct Error *error) {
    const char *file = arguments->operands[0];
    size_t stem = strlen(file) - (text_ends_with(file, ".h5") ? strlen(".h5") : 0);
    char *beside = memory_print("%.*s", (int)stem, file);
    int code = open_folder(report, arguments, beside, "-report", error);
    char *title = memory_print("Ensemble %s", file);
    page_start(&report->page, title);
    memory_release(title);
    memory_release(beside);
    return code;
}

static int begin(struct Report *report, const struct Arguments *arguments, struct Error *error) {
    if (!report->run_count)
        return begin_ensemble(report, arguments, error);
    int code = open_folder(report, arguments, arguments->operands[0], "/report", error);
    if (code != OK)
        return code;
    char *title = report->run_count > 1 ? memory_print("%d runs", report->run_count)
                                        : memory_print("Run %s", report->runs[0].name);
    page_start(&report->page, title);
    memory_release(title);
    code = report_add_overview(report, error);
    if (code == OK)
        code = report_add_curves(report, error);
    return code == OK ? report_add_inside(report, error) : code;
}

static int publish(struct Report *report, struct Error *error) {
    int code = OK;
    char *page = report_path(report, "index.html");
    if (code == OK)
        code = page_write(&report->page, page, error);
    if (code == OK)
        printf("%s\n", shown(page));
    memory_release(page);
    return code;
}

static int finish(struct Report *report, struct Error *error) {
    if (!report->run_count)
        return publish(report, error);
    int code = report_add_run_files(report, error);
    if (code != OK)
        return code;
    report_add_environment(report);
    return publish(report, error);
}

static int report_search(struct Report *report, const struct Arguments *arguments,
                         struct Error *error) {
    const char *folder = arguments->operands[0];
    if (arguments->operand_count > 1)
        return fail(error, ERROR_USAGE, "%s: holds a search; expected one search, or runs", folder);
    int code = open_folder(report, arguments, folder, "/report", error);
    if (code != OK)
        return code;
    char *title = memory_print("Search %s", folder);
    page_start(&report->page, title);
    memory_release(title);
    code = report_add_search(report, folder, error);
    return code == OK ? publish(report, error) : code;
}

static void release(struct Report *report) {
    for (int i = 0; report->runs && i < report->run_count; i++) {
        memory_release(report->runs[i].name);
        memory_release(report->runs[i].run_text);
        metrics_table_release(&report->runs[i].metrics);
        metrics_table_release(&report->runs[i].monitor);
        metrics_table_release(&report->runs[i].environment);
    }
    memory_release(report->runs);
    memory_release(report->folder);
    page_release(&report->page);
}

/* Whether models that cannot be evaluated are an error: a flag is wrong, or asks for something
 * that they or the data do not have. Otherwise the page says so and has only the curves. */
static bool is_refused(const struct Arguments *arguments, int code) {
    return code == ERROR_USAGE || argument_given(arguments, "data") ||
           argument_given(arguments, "split") || argument_given(arguments, "parameters");
}

/* Says on the page why models were not evaluated. */
static void note_unopened(struct Report *report, const char *title, const char *what,
                          const struct Error *unopened) {
    log_warning("%s; %s", unopened->text, what);
    page_section(&report->page, title);
    page_note(&report->page, "Not evaluated: %s", unopened->text);
}

/* Adds the model of one run, which cannot be evaluated together with the others. */
static int add_model_alone(struct Report *report, const struct Arguments *arguments, int run,
                           struct Ranks *ranks, struct Error *error) {
    struct Arguments one = *arguments;
    struct Members members = {0};
    struct Error unopened = {0};
    int code = OK;
    one.operands = &arguments->operands[run];
    one.operand_count = 1;
    report->first = run;
    if (members_open(&members, &one, false, ranks, &unopened) == OK) {
        code = report_add_models(report, &members, ranks, error);
    } else if (ranks_rank(ranks) == 0) {
        char *title = memory_print("The model of %s", report->runs[run].name);
        note_unopened(report, title, "the page says nothing of what this model predicts",
                      &unopened);
        memory_release(title);
    }
    members_release(&members);
    return code;
}

static int evaluate_models(struct Report *report, const struct Members *members,
                           const struct Arguments *arguments, const struct Error *unopened,
                           struct Ranks *ranks, struct Error *error) {
    int count = arguments->operand_count, code = OK;
    if (unopened->code == OK)
        return report_add_models(report, members, ranks, error);
    if (ranks_rank(ranks) == 0)
        note_unopened(report, count > 1 ? "These models as an ensemble" : "What the models predict",
                      count > 1 ? "each model is evaluated alone"
                                : "the page says nothing of what the models predict",
                      unopened);
    for (int i = 0; i < count && count > 1 && code == OK; i++)
        code = add_model_alone(report, arguments, i, ranks, error);
    return code;
}

static int report_models(struct Report *report, const struct Arguments *arguments,
                         struct Ranks *ranks, struct Error *error) {
    struct Members members = {0};
    struct Error unopened = {0};
    bool first = ranks_rank(ranks) == 0, evaluates = !argument_given(arguments, "curves-only");
    int code = ranks_agree(ranks, first ? read_operands(report, arguments, error) : OK, error);
    if (code == OK && evaluates && members_open(&members, arguments, false, ranks, &unopened) &&
        is_refused(arguments, unopened.code)) {
        *error = unopened;
        code = error->code;
    }
    if (code == OK)
        code = ranks_agree(ranks, first ? begin(report, arguments, error) : OK, error);
    if (code == OK && evaluates)
        code = evaluate_models(report, &members, arguments, &unopened, ranks, error);
    if (code == OK)
        code = ranks_agree(ranks, first ? finish(report, error) : OK, error);
    members_release(&members);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Report report = {0};
    bool first = ranks_rank(ranks) == 0;
    bool searched = first && search_is_one(arguments->operands[0]);
    ranks_broadcast(ranks, &searched, sizeof searched);
    int code = members_check_flags(arguments, error);
    if (code == OK && searched)
        code = ranks_agree(ranks, first ? report_search(&report, arguments, error) : OK, error);
    else if (code == OK)
        code = report_models(&report, arguments, ranks, error);
    release(&report);
    return code;
}

const struct Command command_report = {
    .name = "report",
    .operands = "DIR...|ENSEMBLE",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "write a web page about runs, a search or an ensemble: curves, mistakes, filters",
    .help =
        "Reads the folders of runs, finished or not, and writes one page of HTML that needs no "
        "network and no other files, with its pictures also beside it as SVG and PNG. It shows the "
        "curves of loss and accuracy with the gap between training and validation, the learning "
        "rate and the speed; for a single monitored run (docs/monitoring.md) the updates, "
        "activations and dead units layer by layer; for the best checkpoint of each run on the "
        "test split the confusion matrix, the reliability of its probabilities, its worst mistakes "
        "and where it looked; the filters of the first layer; the run files and their differences; "
        "and the environment of the runs. Curves are drawn by gnuplot; without it the page has "
        "everything else.\n\n"
        "For a search it shows the trials, how each key affected their results, and the pictures "
        "that the search draws; for the file of an ensemble its members beside the ensemble, and "
        "its confusion matrix and reliability. A search or an ensemble must be the only operand. "
        "Several runs are also shown as an ensemble, with equal weights or --weights.\n\n"
        "Examples:\n"
        "  trainer report runs/a\n"
        "  trainer report runs/a runs/b runs/c --out compared\n"
        "  mpirun -np 4 trainer report runs/a --split validation\n"
        "  trainer report runs/a --curves-only\n"
        "  trainer report searches/a\n"
        "  trainer report ensemble.h5\n",
    .flags = flags,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
