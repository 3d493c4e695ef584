/* The page that `trainer report` writes: what its parts share. Rank 0 alone reads the runs, draws
 * and writes; all ranks evaluate. */
#ifndef TRAINER_CLI_REPORT_REPORT_H
#define TRAINER_CLI_REPORT_REPORT_H

#include "cli/members.h"
#include "ensemble/reliability.h"
#include "report/metrics_table.h"
#include "report/page.h"
#include "report/plot.h"

struct ReportRun {
    const char *folder;
    char *name; /* for people: its last part, or all of it if another run's is the same */
    struct MetricsTable metrics;
    struct MetricsTable monitor, environment; /* their files: no rows if there is none */
    char *run_text;                           /* run.yaml */
};

#define REPORT_RUN_FILE (1 << 20) /* bytes at most, as runfile/runfile.h has it */

struct Report {
    struct Page page;
    char *folder;  /* of the page and its pictures */
    int run_count; /* 0: of an ensemble's file, or of a search */
    struct ReportRun *runs;
    bool cannot_draw; /* gnuplot is not there: said once */
};

/* Draws the plot, and puts it on the page with a caption. The file is called `name` and .svg. If
 * gnuplot is not there, the page says so, and this is no failure. */
int report_plot(struct Report *report, const struct Plot *plot, const char *name,
                const char *caption, struct Error *error);
/* The path of a file of that name in the report's folder; the caller releases it. */
char *report_path(const struct Report *report, const char *name);

/* The sections, each in a file of its own. */
int report_add_overview(struct Report *report, struct Error *error);
int report_add_curves(struct Report *report, struct Error *error);
/* What monitor.jsonl holds of a single run; nothing without it. */
int report_add_inside(struct Report *report, struct Error *error);
/* Its histograms of layers, within the same section. */
int report_add_histograms(struct Report *report, struct Error *error);
/* The title of a curve of monitor.jsonl: a layer's or parameter's name with the kind of the layer,
 * "4.weight (linear)". `kind`: "layer" or "parameter", whose `key` is the name. The caller releases
 * it with memory_release. */
char *report_title(const struct MetricsTable *monitor, const char *kind, const char *key,
                   const char *name);
void report_add_environment(struct Report *report);
int report_add_run_files(struct Report *report, struct Error *error);
/* The text of a file in `folder`, folded away. ERROR_SYSTEM if it cannot be read. */
int report_add_file(struct Report *report, const char *folder, const char *name,
                    struct Error *error);
/* All that there is of a search (search/search.h) instead of runs. */
int report_add_search(struct Report *report, const char *folder, struct Error *error);
/* What the best checkpoint of each run makes of a split, one member for each run, and what several
 * make of it as an ensemble; for an ensemble's file that alone. Collective; the page is rank 0's.
 */
int report_add_models(struct Report *report, const struct Members *members, struct Ranks *ranks,
                      struct Error *error);

/* The parts of the last: the first layer's filters, if it is a convolution of images, and the worst
 * mistakes of `judged` with maps of where the network looked. */
struct Judged;
int report_add_filters(struct Report *report, const struct Members *members, int member,
                       struct Error *error);
int report_add_mistakes(struct Report *report, const struct Members *members, int member,
                        const struct Judged *judged, struct Error *error);

#define REPORT_MISTAKES 16

struct Mistake {
    int64_t sample;
    int32_t truth, predicted;
    double log_truth;   /* log p(truth) */
    double probability; /* of the predicted class */
};

/* What rank 0 notes of the predictions as they come. */
struct Judged {
    const struct Split *split;
    int64_t outputs;
    int mistake_count;
    struct Mistake mistakes[REPORT_MISTAKES]; /* the least probable truths, the worst first */
    struct Reliability reliability;           /* of classes; not finished */
    /* If the targets are values: every `stride`-th sample's truth and prediction, for the first
     * output. */
    int64_t stride, point_count;
    double *truth, *prediction;
};

#endif
