/* The figures that say how good a model is, and the one table of what each of them is. Whatever
 * prints, logs or saves figures loops over the table. */
#ifndef TRAINER_REPORT_FIGURES_H
#define TRAINER_REPORT_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/targets.h"

/* In the order in which they are printed. Checkpoints hold these numbers: a new one goes to the
 * end. */
enum Figure {
    FIGURE_LOSS,
    FIGURE_ACCURACY,
    FIGURE_TOP5,
    FIGURE_RMSE,
    FIGURE_R2,
    FIGURE_BALANCED_ACCURACY,
    FIGURE_PRECISION,
    FIGURE_RECALL,
    FIGURE_F1,
    FIGURE_PRECISION_WEIGHTED,
    FIGURE_RECALL_WEIGHTED,
    FIGURE_F1_WEIGHTED,
    FIGURE_ROC_AUC,
    FIGURE_PR_AUC,
    FIGURE_LOG_LOSS,
    FIGURE_PRECISION_MICRO,
    FIGURE_RECALL_MICRO,
    FIGURE_F1_MICRO,
    FIGURE_HAMMING_LOSS,
    FIGURE_COUNT
};

/* With fewer classes the top-5 accuracy is always 1; it is not measured then. */
enum { TOP5_FEWEST_CLASSES = 6 };

/* One measurement: all zeros if nothing was measured. */
struct Figures {
    bool measured[FIGURE_COUNT];
    double value[FIGURE_COUNT]; /* 0 if not measured; may be NaN or infinite if it is; of
                                   classes and R², NaN: it is not defined, as for a class without
                                   samples */
};

enum FigureUnit { FIGURE_NUMBER, FIGURE_FRACTION, FIGURE_OF_TARGETS };

struct FigureKind {
    const char *name;     /* in metrics.jsonl, other JSON, and checkpoints */
    const char *label;    /* for people */
    enum FigureUnit unit; /* a number; a fraction of samples, printed in percent; the targets' */
    bool for_classes;     /* the targets are classes, or distributions over them */
    bool for_values;
    bool for_sets; /* the targets are sets of classes */
    bool higher_is_better;
    /* In metrics.jsonl and in what eval and predict say, but not in lines about a run and not in
     * checkpoints. */
    bool is_detail;
    bool
        of_classes; /* of single classes, or an average over them: no column in a table of models */
    /* What a checkpoint's attribute holds if the figure was not measured. If negative, no
     * measurement has this value. */
    double if_not_measured;
};
extern const struct FigureKind figure_kinds[FIGURE_COUNT];

static inline void figures_set(struct Figures *figures, enum Figure figure, double value) {
    figures->measured[figure] = true;
    figures->value[figure] = value;
}
bool figures_any(const struct Figures *figures);

/* Does the figure exist for such targets? */
bool figure_is_for(enum Figure figure, enum TargetKind targets);
/* Whether a file may say so: a fraction lies between 0 and 1, or was not measured. */
bool figure_is_possible(enum Figure figure, double value);
/* False if either is NaN. */
bool figure_is_better(enum Figure figure, double value, double than);

/* As a checkpoint's attribute holds it. */
double figure_saved(const struct Figures *figures, enum Figure figure);
/* And back. In `saved`, `measured` says which attributes the file has. Without a loss nothing was
 * measured; a figure that the file lacks was not measured either. */
void figures_restore(struct Figures *figures, const struct Figures *saved, enum TargetKind targets);

enum FigureDigits {
    FIGURE_BRIEF, /* for a bar on a terminal */
    FIGURE_DIGITS,
    FIGURE_EXACT
};
enum { FIGURE_TEXT = 32, FIGURES_TEXT = 160 }; /* bytes */

/* "0.1234", "57.30 %", "-" if it is not defined; returns `text`. */
char *figure_text(enum Figure figure, double value, enum FigureDigits digits,
                  char text[FIGURE_TEXT]);
/* "loss 0.1234, accuracy 57.30 %": those measured, without details, cut off at
 * FIGURES_TEXT; returns `text`. */
char *figures_text(const struct Figures *figures, const char *separator, enum FigureDigits digits,
                   char text[FIGURES_TEXT]);

#endif
