/* The evaluation of the best checkpoint of each run on a split. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/softmax.h"
#include "cli/eval_report.h"
#include "cli/reliability_series.h"
#include "cli/report/report.h"

#define WIDEST_CONFUSION 25 /* classes; a table of more is not readable */
#define MOST_CONFUSED 20    /* the pairs of classes that are listed in place of the table */
#define MOST_VALUES 2000    /* points of predicted against true values */
#define MOST_DRAWN 6        /* targets, each in a plot of its own */

/* ---- What rank 0 records of the predictions ---- */

static void note_mistake(struct Judged *judged, const struct Mistake *mistake) {
    int place = judged->mistake_count;
    while (place > 0 && mistake->log_truth < judged->mistakes[place - 1].log_truth)
        place--;
    if (place == REPORT_MISTAKES)
        return;
    int moved = judged->mistake_count - place;
    if (judged->mistake_count == REPORT_MISTAKES)
        moved--;
    else
        judged->mistake_count++;
    memmove(&judged->mistakes[place + 1], &judged->mistakes[place],
            (size_t)moved * sizeof *judged->mistakes);
    judged->mistakes[place] = *mistake;
}

static void note_class(struct Judged *judged, int64_t sample, const double *scores,
                       int32_t predicted) {
    struct SoftmaxNorm norm = softmax_norm(judged->outputs, scores);
    struct Mistake mistake = {.sample = sample,
                              .truth = judged->split->labels[sample],
                              .predicted = predicted,
                              .probability = exp(softmax_log(norm, scores[predicted]))};
    mistake.log_truth = softmax_log(norm, scores[mistake.truth]);
    reliability_add(&judged->reliability, mistake.probability, mistake.truth == predicted);
    if (mistake.truth != predicted)
        note_mistake(judged, &mistake);
}

static void note_set(struct Judged *judged, int64_t sample, const double *scores) {
    const float *truth = judged->split->targets + sample * judged->outputs;
    for (int64_t k = 0; k < judged->outputs; k++)
        reliability_add(&judged->reliability, exp(sigmoid_log(scores[k])), truth[k] > 0.5F);
}

static void note_values(struct Judged *judged, int64_t sample, const float *predictions) {
    if (sample % judged->stride)
        return;
    for (int k = 0; k < judged->drawn; k++) {
        int64_t place = k * judged->room + judged->point_count;
        judged->truth[place] = (double)judged->split->targets[sample * judged->outputs + k];
        judged->prediction[place] = (double)predictions[k];
    }
    judged->point_count++;
}

static int note_block(void *context, const struct DeliveredBlock *block, struct Error *error) {
    struct Judged *judged = (struct Judged *)context + block->result;
    (void)error;
    for (int64_t i = 0; i < block->count; i++) {
        const double *scores = block->scores + i * judged->outputs;
        if (judged->split->labels)
            note_class(judged, block->first + i, scores, block->classes[i]);
        else if (judged->truth)
            note_values(judged, block->first + i, block->predictions + i * judged->outputs);
        else if (judged->split->targets)
            note_set(judged, block->first + i, scores);
    }
    return OK;
}

static void start(struct Judged *judged, const struct Members *members) {
    int64_t outputs = members->dataset->targets.count;
    *judged = (struct Judged){.split = members->split,
                              .outputs = outputs,
                              .stride = members->split->count / MOST_VALUES + 1,
                              .room = MOST_VALUES + 1,
                              .drawn = (int)(outputs < MOST_DRAWN ? outputs : MOST_DRAWN)};
    if (targets_are_values(&members->dataset->targets)) {
        judged->truth = memory_array(double, judged->drawn * judged->room, "truths");
        judged->prediction = memory_array(double, judged->drawn * judged->room, "predictions");
    }
}

static void release(struct Judged *judged) {
    memory_release(judged->truth);
    memory_release(judged->prediction);
}

/* ---- The page ---- */

static void add_figures(struct Page *page, const struct Figures *figures) {
    static const char *const heads[] = {"figure", "value"};
    char text[FIGURE_TEXT];
    page_table(page, heads, 2);
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (figures->measured[f]) {
            page_row(page);
            page_cell(page, "%s", figure_kinds[f].label);
            page_cell(page, "%s", figure_text(f, figures->value[f], FIGURE_DIGITS, text));
        }
    page_table_end(page);
}

static void add_confusion_table(struct Page *page, const struct Evaluation *result,
                                char *const *names) {
    int64_t classes = result->outputs;
    const char **heads = memory_array(const char *, classes + 1, "heads");
    heads[0] = "truth \\ prediction";
    for (int64_t c = 0; c < classes; c++)
        heads[c + 1] = names[c];
    page_table(page, heads, (int)classes + 1);
    for (int64_t truth = 0; truth < classes; truth++) {
        const int64_t *row = result->confusion + truth * classes;
        int64_t all = 0;
        for (int64_t c = 0; c < classes; c++)
            all += row[c];
        page_row(page);
        page_cell(page, "%s", names[truth]);
        for (int64_t c = 0; c < classes; c++)
            page_shaded_cell(page, all ? 0.8 * (double)row[c] / (double)all : 0, "%" PRId64,
                             row[c]);
    }
    page_table_end(page);
    memory_release(heads);
}

/* Adds the most frequent confusions in descending order. */
static void add_confused_pairs(struct Page *page, const struct Evaluation *result,
                               char *const *names) {
    static const char *const heads[] = {"truth", "predicted as", "samples"};
    int64_t classes = result->outputs, last = INT64_MAX, place = -1;
    page_table(page, heads, 3);
    for (int listed = 0; listed < MOST_CONFUSED; listed++) {
        int64_t best = -1; /* the next one after (last, place) in descending order */
        for (int64_t i = 0; i < classes * classes; i++) {
            int64_t count = result->confusion[i];
            bool after = count < last || (count == last && i > place);
            if (i / classes != i % classes && count > 0 && after &&
                (best < 0 || count > result->confusion[best]))
                best = i;
        }
        if (best < 0)
            break;
        last = result->confusion[best];
        place = best;
        page_row(page);
        page_cell(page, "%s", names[best / classes]);
        page_cell(page, "%s", names[best % classes]);
        page_cell(page, "%" PRId64, last);
    }
    page_table_end(page);
}

static int add_reliability(struct Report *report, const struct Judged *judged, const char *name,
                           struct Error *error) {
    bool sets = !judged->split->labels;
    double x[RELIABILITY_BINS], right[RELIABILITY_BINS];
    struct Reliability reliability = judged->reliability;
    reliability_finish(&reliability);
    const struct PlotSeries series[] = {
        reliability_diagonal, reliability_series(&reliability, "this model", 1, x, right)};
    const struct Plot plot = {.x = sets ? "probability of a class"
                                        : "probability of the predicted class",
                              .y = sets ? "share that has the class" : "share that is right",
                              .high_y = 1,
                              .series = series,
                              .series_count = 2};
    char *file = memory_print("reliability-%s", name);
    char *caption = memory_print("Reliability: below the diagonal the model is too sure. Expected "
                                 "calibration error %.2f %% (%d bins)",
                                 100 * reliability.expected_error, RELIABILITY_BINS);
    int code = report_plot(report, &plot, file, caption, error);
    memory_release(file);
    memory_release(caption);
    return code;
}

static int add_classes(struct Report *report, const struct Members *members, int member,
                       const struct Evaluation *result, const struct Judged *judged,
                       const char *name, struct Error *error) {
    char *const *names = members->dataset->targets.names;
    page_heading(&report->page, "Confusion");
    if (result->outputs <= WIDEST_CONFUSION)
        add_confusion_table(&report->page, result, names);
    else
        add_confused_pairs(&report->page, result, names);
    bool alone = member < members->count;
    if (!predictor_gives_probabilities(&members->predictors[alone ? member : 0]))
        return OK;
    int code = add_reliability(report, judged, name, error);
    if (code != OK || !alone) /* there are no maps for an ensemble */
        return code;
    return report_add_mistakes(report, members, member, judged, error);
}

/* Adds a table with a row for each class of sets. */
static void add_set_table(struct Page *page, const struct Evaluation *result, char *const *names) {
    const char *heads[2 + EVAL_CLASS_FIGURES] = {"class", "samples"};
    const struct Figures *first = &result->of_output[0];
    int columns = 2;
    for (int f = 0; f < EVAL_CLASS_FIGURES; f++)
        if (first->measured[eval_class_figures[f].figure])
            heads[columns++] = eval_class_figures[f].label;
    page_table(page, heads, columns);
    for (int64_t k = 0; k < result->outputs; k++) {
        const int64_t *cells = result->confusion + 4 * k;
        page_row(page);
        page_cell(page, "%s", names[k]);
        page_cell(page, "%" PRId64, cells[2] + cells[3]);
        for (int f = 0; f < EVAL_CLASS_FIGURES; f++) {
            enum Figure figure = eval_class_figures[f].figure;
            double value = result->of_output[k].value[figure];
            if (first->measured[figure])
                page_cell(page, isnan(value) ? "-" : "%.4f", value);
        }
    }
    page_table_end(page);
}

static int add_sets(struct Report *report, const struct Members *members,
                    const struct Evaluation *result, const struct Judged *judged, const char *name,
                    struct Error *error) {
    page_heading(&report->page, "Each class");
    add_set_table(&report->page, result, members->dataset->targets.names);
    return add_reliability(report, judged, name, error);
}

/* Adds a table with a row for each target. */
static void add_target_table(struct Page *page, const struct Evaluation *result,
                             char *const *names) {
    const char *heads[1 + FIGURE_COUNT] = {"target"};
    const struct Figures *first = &result->of_output[0];
    char text[FIGURE_TEXT];
    int columns = 1;
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (first->measured[f])
            heads[columns++] = figure_kinds[f].label;
    page_table(page, heads, columns);
    for (int64_t k = 0; k < result->outputs; k++) {
        page_row(page);
        page_cell(page, "%s", names[k]);
        for (int f = 0; f < FIGURE_COUNT; f++)
            if (first->measured[f])
                page_cell(page, "%s",
                          figure_text(f, result->of_output[k].value[f], FIGURE_DIGITS, text));
    }
    page_table_end(page);
}

/* Draws the predictions of target number k against its truths. */
static int add_target(struct Report *report, const struct Members *members,
                      const struct Judged *judged, int k, const char *name, struct Error *error) {
    const double *truth = judged->truth + k * judged->room;
    const struct PlotSeries series[] = {{.title = "as it should be",
                                         .style = PLOT_DASHED,
                                         .colour = 7,
                                         .count = judged->point_count,
                                         .x = truth,
                                         .y = truth},
                                        {.title = "samples",
                                         .style = PLOT_POINTS,
                                         .count = judged->point_count,
                                         .x = truth,
                                         .y = judged->prediction + k * judged->room}};
    const struct Plot plot = {.x = "truth", .y = "prediction", .series = series, .series_count = 2};
    char *file = k ? memory_print("values-%s-%d", name, k + 1) : memory_print("values-%s", name);
    char *caption =
        memory_print("%s: prediction against truth", members->dataset->targets.names[k]);
    int code = report_plot(report, &plot, file, caption, error);
    memory_release(file);
    memory_release(caption);
    return code;
}

static int add_values(struct Report *report, const struct Members *members,
                      const struct Evaluation *result, const struct Judged *judged,
                      const char *name, struct Error *error) {
    if (judged->outputs > 1) {
        page_heading(&report->page, "Each target");
        add_target_table(&report->page, result, members->dataset->targets.names);
    }
    if (judged->drawn < judged->outputs)
        page_words(&report->page, "The first %d of %" PRId64 " targets are drawn.", judged->drawn,
                   judged->outputs);
    int code = OK;
    for (int k = 0; k < judged->drawn && code == OK; k++)
        code = add_target(report, members, judged, k, name, error);
    return code;
}

/* Adds the table of an ensemble: a row for each member, and one for the ensemble, which is last. */
static void add_members(const struct Report *report, struct Page *page,
                        const struct Members *members, const struct Evaluation *results) {
    const enum Figure figure =
        results[0].figures.measured[FIGURE_ACCURACY] ? FIGURE_ACCURACY : FIGURE_RMSE;
    const char *const heads[] = {"model", "weight", figure_kinds[figure].label,
                                 figure_kinds[FIGURE_LOSS].label};
    char text[FIGURE_TEXT];
    double mean = 0;
    page_table(page, heads, 4);
    for (int i = 0; i <= members->count; i++) {
        const struct Figures *figures = &results[i].figures;
        mean += i < members->count ? figures->value[figure] / members->count : 0;
        page_row(page);
        if (i == members->count)
            page_cell(page, "the ensemble");
        else
            page_cell(page, "%s",
                      report->run_count ? report->runs[report->first + i].name
                                        : members->items[i].path);
        page_cell(page, "%.4f", i < members->count ? members->weights[i] : 1.0);
        page_cell(page, "%s", figure_text(figure, figures->value[figure], FIGURE_DIGITS, text));
        page_cell(page, "%s",
                  figure_text(FIGURE_LOSS, figures->value[FIGURE_LOSS], FIGURE_DIGITS, text));
    }
    page_table_end(page);
    page_words(page, "The mean of its members: %s %s.", figure_kinds[figure].label,
               figure_text(figure, mean, FIGURE_DIGITS, text));
}

static void warn_of_training(struct Page *page, const struct Members *members) {
    if (members->trained_on)
        page_words(page,
                   "%s trained on this split: its figures show how well these samples are "
                   "learnt, not how good the model is on new ones.",
                   members->count == 1 ? "The model was" : "Members were");
}

/* Adds the beginning of the section. */
static void introduce(struct Report *report, const struct Members *members, int member,
                      const struct Evaluation *results) {
    struct Page *page = &report->page;
    const char *split = members->split->name;
    if (member < members->count) {
        char *title = memory_print("The model of %s", report->runs[report->first + member].name);
        page_section(page, title);
        page_words(page, "%s, %s, split %s: %" PRId64 " samples.", members->items[member].path,
                   members->dataset->path, split, members->split->count);
        warn_of_training(page, members);
        memory_release(title);
        return;
    }
    page_section(page, report->run_count ? "These models as an ensemble" : "The ensemble");
    page_words(page, "The %s mean of what %d models predict; %s, split %s: %" PRId64 " samples.",
               ensemble_mean_names[members->mean], members->count, members->dataset->path, split,
               members->split->count);
    warn_of_training(page, members);
    add_members(report, page, members, results);
}

/* Adds the results of a member to the page. Number members->count is the ensemble. Not
 * collective. */
static int add_model(struct Report *report, const struct Members *members, int member,
                     const struct Evaluation *results, const struct Judged *judged,
                     struct Error *error) {
    bool alone = member < members->count;
    const struct Evaluation *result = &results[member];
    char *name =
        alone ? memory_print("%d", report->first + member + 1) : memory_copy_text("ensemble");
    introduce(report, members, member, results);
    add_figures(&report->page, &result->figures);
    int code = OK;
    if (result->confusion && judged->split->labels)
        code = add_classes(report, members, member, result, judged, name, error);
    else if (judged->truth)
        code = add_values(report, members, result, judged, name, error);
    else if (result->confusion)
        code = add_sets(report, members, result, judged, name, error);
    if (code == OK && alone)
        code = report_add_filters(report, members, member, error);
    memory_release(name);
    return code;
}

/* Adds the results of each run's model, and of the ensemble if there are several models or the page
 * is about the file of an ensemble. Not collective. */
static int add_all(struct Report *report, const struct Members *members,
                   const struct Evaluation *results, const struct Judged *judged,
                   struct Error *error) {
    bool is_file = members->operands.weights != NULL;
    int code = OK;
    for (int i = is_file ? members->count : 0; i <= members->count && code == OK; i++)
        if (i < members->count || is_file || members->count > 1)
            code = add_model(report, members, i, results, &judged[i], error);
    return code;
}

int report_add_models(struct Report *report, const struct Members *members, struct Ranks *ranks,
                      struct Error *error) {
    int count = members->count + 1;
    struct Evaluation *results = memory_array(struct Evaluation, count, "results");
    struct Judged *judged = memory_array(struct Judged, count, "what is noted of predictions");
    struct EvaluateRequest request = members_request(members);
    request.sink = note_block;
    request.context = judged;
    request.sink_members = true;
    request.ranking = members_can_rank(members);
    for (int i = 0; i < count; i++)
        start(&judged[i], members);
    int code = members_evaluate(members, &request, ranks, results, error);
    if (code == OK)
        code = ranks_agree(
            ranks, ranks_rank(ranks) == 0 ? add_all(report, members, results, judged, error) : OK,
            error);
    for (int i = 0; i < count; i++) {
        evaluation_release(&results[i]);
        release(&judged[i]);
    }
    memory_release(results);
    memory_release(judged);
    return code;
}
