/* The sections of the page that `trainer report` writes, and what they share. Only rank 0 reads the
 * runs, draws and writes; all ranks evaluate. */
#ifndef TRAINER_CLI_REPORT_REPORT_H
#define TRAINER_CLI_REPORT_REPORT_H

#include "cli/members.h"
#include "ensemble/reliability.h"
#include "report/metrics_table.h"
#include "report/page.h"
#include "report/plot.h"

struct ReportRun {
    const char *folder;
    /* The last part of the folder, or all of it if another run has the same last part. */
    char *name;
    struct MetricsTable metrics;
    struct MetricsTable monitor, environment; /* without rows if there is no such file */
    char *run_text;                           /* run.yaml */
};

#define REPORT_RUN_FILE (1 << 20) /* the largest run file in bytes, as in runfile/runfile.h */

struct Report {
    struct Page page;
    char *folder;  /* of the page and its pictures */
    int run_count; /* 0: the report is about the file of an ensemble or about a search */
    struct ReportRun *runs;
    int first; /* the run whose model is member 0 of the models that are evaluated together */
    bool cannot_draw; /* gnuplot is missing, and the page says so */
};

/* Draws the plot to the file `name`.svg, and puts it on the page with a caption. It is no failure
 * if gnuplot is missing: then the page says so. */
int report_plot(struct Report *report, const struct Plot *plot, const char *name,
                const char *caption, struct Error *error);
/* The path of a file of that name in the report's folder; the caller releases it. */
char *report_path(const struct Report *report, const char *name);

/* The sections, each in a file of its own. */
int report_add_overview(struct Report *report, struct Error *error);
int report_add_curves(struct Report *report, struct Error *error);
/* The contents of monitor.jsonl of a single run; nothing if there is no such file. */
int report_add_inside(struct Report *report, struct Error *error);
/* The histograms of layers in monitor.jsonl, in the same section. */
int report_add_histograms(struct Report *report, struct Error *error);
/* The title of a curve of monitor.jsonl: the name of a layer or parameter with the kind of the
 * layer, "4.weight (linear)". `kind` is "layer" or "parameter", and `key` the column with its
 * names. The caller releases the title. */
char *report_title(const struct MetricsTable *monitor, const char *kind, const char *key,
                   const char *name);
void report_add_environment(struct Report *report);
int report_add_run_files(struct Report *report, struct Error *error);
/* Adds the text of a file in `folder`, collapsed. ERROR_SYSTEM if it cannot be read. */
int report_add_file(struct Report *report, const char *folder, const char *name,
                    struct Error *error);
/* The sections about a search (search/search.h), in place of those about runs. */
int report_add_search(struct Report *report, const char *folder, struct Error *error);
/* The evaluation of the best checkpoint of each run, which is one member, on a split, and of
 * several as an ensemble; for the file of an ensemble only the latter. Collective; rank 0 writes
 * the page. */
int report_add_models(struct Report *report, const struct Members *members, struct Ranks *ranks,
                      struct Error *error);

/* Parts of that section: the filters of the first layer, if it is a convolution of images, and the
 * worst mistakes in `judged` with maps of the regions that the prediction depends on. */
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

/* What rank 0 records of the predictions. */
struct Judged {
    const struct Split *split;
    int64_t outputs;
    int mistake_count;
    struct Mistake mistakes[REPORT_MISTAKES]; /* those with the least log_truth, worst first */
    struct Reliability reliability; /* of classes, or of each class of a set; not finished */
    /* If the targets are values: the truth and the prediction of the first `drawn` outputs for
     * every stride-th sample, of which `room` have room. */
    int64_t stride, point_count, room;
    int drawn;
    double *truth, *prediction; /* (drawn, room) */
};

#endif
