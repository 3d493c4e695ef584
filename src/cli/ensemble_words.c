#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/table.h"
#include "cli/ensemble_report.h"
#include "cli/gain_words.h"
#include "cli/shown.h"

#define WIDEST_MATRIX 12 /* members */

const char *ensemble_final_name(const struct Study *study) {
    return study->final == &study->given    ? "given"
           : study->final == &study->greedy ? "greedy"
                                            : "equal";
}

static const char *words_of(const struct Study *study, const struct Mixture *mixture) {
    return mixture == &study->given    ? "given weights"
           : mixture == &study->greedy ? "selected weights"
                                       : "equal weights";
}

static const char *text_of(const struct Study *study, const struct Figures *figures,
                           char text[FIGURE_TEXT]) {
    if (!figures->measured[study->by])
        snprintf(text, FIGURE_TEXT, "-");
    else
        figure_text(study->by, figures->value[study->by], FIGURE_DIGITS, text);
    return text;
}

static const char *gain_over(const struct Study *study, double value, double over,
                             char text[FIGURE_TEXT]) {
    return gain_text(study->by, gain_of(study->by, value, over), text);
}

static void print_head(const struct EnsembleReport *report) {
    printf("%s, %d members\n", shown(report->dataset->path), report->study->members);
    if (report->chosen_on)
        printf("chosen on %s (%" PRId64 " samples), ", shown(report->chosen_on->name),
               report->chosen_on->count);
    printf("reported on %s (%" PRId64 " samples)\n", shown(report->reported->name),
           report->reported->count);
    if (report->why_not)
        printf("nothing is chosen: %s\n", report->why_not);
    else if (report->chosen_on == report->reported)
        printf("chosen and reported on the same split: the figures of what was chosen are too\n"
               "good\n");
}

static void print_members(const struct EnsembleReport *report) {
    const struct Study *study = report->study;
    double all = study->equal.figures.value[study->by];
    char one[FIGURE_TEXT], two[FIGURE_TEXT], three[FIGURE_TEXT], gain[FIGURE_TEXT];
    struct Text rows = {0};
    text_add(&rows,
             "\nwithout it, it gives: in the ensemble of equal weights\n"
             "%s\t%s\twithout it\tit gives\tweight\tmember\n",
             figure_kinds[study->by].label, report->chosen_on ? "chosen on" : "");
    for (int m = 0; m < study->members; m++) {
        const struct Figures *without = &study->equal_without[m];
        bool known = without->measured[study->by];
        text_add(&rows, "%s\t%s\t%s\t%s\t%.4f\t%d: %s%s\n", text_of(study, &study->alone[m], one),
                 report->chosen_on ? text_of(study, &study->chosen_on[m], two) : "",
                 text_of(study, without, three),
                 known ? gain_over(study, all, without->value[study->by], gain) : "-",
                 study->final->weights[m], m + 1, shown(report->candidates->paths[m]),
                 report->candidates->facts[m].averaged ? " (average)" : "");
    }
    table_print(stdout, &rows, "r  r  r  r  r  l");
}

static void print_mixture(const struct EnsembleReport *report, const struct Mixture *mixture) {
    const struct Study *study = report->study;
    double value = mixture->figures.value[study->by];
    char text[FIGURE_TEXT], mean[FIGURE_TEXT], best[FIGURE_TEXT];
    if (!mixture->weights)
        return;
    printf("%-18s %10s  %s over the mean member, %s over the best\n", words_of(study, mixture),
           text_of(study, &mixture->figures, text), gain_over(study, value, study->mean, mean),
           gain_over(study, value, study->alone[study->best].value[study->by], best));
}

static void print_mixtures(const struct EnsembleReport *report) {
    const struct Study *study = report->study;
    char text[FIGURE_TEXT];
    printf("\n%-18s %10s\n", "mean member",
           figure_text(study->by, study->mean, FIGURE_DIGITS, text));
    if (study->best_chosen >= 0)
        printf("%-18s %10s  member %d\n", "chosen member",
               text_of(study, &study->alone[study->best_chosen], text), study->best_chosen + 1);
    printf("%-18s %10s  member %d\n", "best member",
           text_of(study, &study->alone[study->best], text), study->best + 1);
    print_mixture(report, &study->equal);
    print_mixture(report, &study->greedy);
    print_mixture(report, &study->given);
    printf("%-18s has %s\n", "the ensemble", words_of(study, study->final));
}

static void print_disagreement(const struct EnsembleReport *report) {
    const struct Study *study = report->study;
    bool values = targets_are_values(&report->dataset->targets);
    char text[32];
    if (study->members > WIDEST_MATRIX)
        return;
    printf("\ndisagreement of members: %s\n",
           values ? "root of the mean squared difference of their predictions"
                  : "decisions that differ, in percent");
    for (int a = 0; a < study->members; a++) {
        for (int b = 0; b < study->members; b++) {
            double differs = study->disagreement[a * study->members + b];
            if (values)
                printf(" %9s", text_value(differs, text));
            else
                printf(" %6.2f", 100 * differs);
        }
        printf("  %d\n", a + 1);
    }
}

static void print_calibration(const struct EnsembleReport *report) {
    const struct Mixture *final = report->study->final;
    if (!final->figures.measured[FIGURE_LOG_LOSS])
        return;
    printf("\ncalibration error (ECE) %.2f %%, log loss %.4f",
           100 * final->before.reliability.expected_error, final->figures.value[FIGURE_LOG_LOSS]);
    if (report->chosen_on)
        printf("\nwith temperature %.4g, chosen on %s: %.2f %%, log loss %.4f", final->temperature,
               shown(report->chosen_on->name), 100 * final->after.reliability.expected_error,
               final->calibrated.value[FIGURE_LOG_LOSS]);
    printf("\n");
}

/* Whether the ensemble of equal weights is better without one of the members. */
static bool some_harm(const struct Study *study) {
    double all = study->equal.figures.value[study->by];
    for (int m = 0; m < study->members; m++) {
        const struct Figures *without = &study->equal_without[m];
        if (without->measured[study->by] && gain_of(study->by, all, without->value[study->by]) < 0)
            return true;
    }
    return false;
}

/* Compares the ensemble with the member that would be used in its place. */
static void print_verdict(const struct EnsembleReport *report) {
    const struct Study *study = report->study;
    double differ = 0, pairs = (double)study->members * (study->members - 1);
    enum Worth worth = gain_worth(study->gain, study->gain_error);
    if (study->members < 2 || !study->alone[study->rival].measured[study->by])
        return;
    for (int i = 0; i < study->members * study->members; i++)
        differ += study->disagreement[i] / pairs;
    printf("\nverdict  ");
    gain_print(study->by, study->gain, study->gain_error);
    printf(" against member %d, the best on %s\n", study->rival + 1,
           shown(study->best_chosen >= 0 ? report->chosen_on->name : report->reported->name));
    if (worth == WORTH_PERHAPS)
        printf("advice   %s\n", gain_doubt(study->gain_error));
    else if (worth == WORTH_IT && !report->saved)
        printf("advice   --save FILE.h5 writes it as one file for eval and predict\n");
    else if (worth == WORTH_IT)
        return;
    else if (!targets_are_values(&report->dataset->targets) && differ < 0.02)
        printf("advice   members hardly ever differ: take some of other seeds, augmentation\n"
               "         or layers\n");
    else
        printf("advice   use member %d alone%s\n", study->rival + 1,
               some_harm(study) ? ", or leave out those that give less than 0" : "");
}

void ensemble_print_words(const struct EnsembleReport *report) {
    print_head(report);
    print_members(report);
    print_mixtures(report);
    print_disagreement(report);
    print_calibration(report);
    print_verdict(report);
    if (report->saved)
        printf("\n%s: written; trainer eval and trainer predict take it like a checkpoint\n",
               shown(report->saved));
}
