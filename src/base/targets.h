/* What a sample's targets are: the one notion that sources, data sets, losses, figures, checkpoints
 * and evaluation share. */
#ifndef TRAINER_BASE_TARGETS_H
#define TRAINER_BASE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

/* Each kind up to values is a special case of the next: a class is a distribution with all weight
 * on one class, a distribution is a row of numbers. Checkpoints do not hold these numbers. */
enum TargetKind {
    TARGET_CLASSES,       /* one label a sample */
    TARGET_DISTRIBUTIONS, /* soft labels: a probability for each class */
    TARGET_VALUES,        /* numbers: regression */
    TARGET_SETS           /* multi-label: for each class whether it is right, as 1 or 0 */
};

struct Targets {
    enum TargetKind kind;
    int64_t count; /* classes, or values of a sample: as many as a model has outputs */
    char **names;  /* (count) */
};

static inline bool targets_are_values(const struct Targets *targets) {
    return targets->kind == TARGET_VALUES;
}
/* Does each sample belong to exactly one class? */
static inline bool targets_are_labels(const struct Targets *targets) {
    return targets->kind == TARGET_CLASSES || targets->kind == TARGET_DISTRIBUTIONS;
}
/* How many classes there are, or values; 0 if the targets are of the other kind. */
static inline int64_t targets_classes(const struct Targets *targets) {
    return targets_are_values(targets) ? 0 : targets->count;
}
static inline int64_t targets_values(const struct Targets *targets) {
    return targets_are_values(targets) ? targets->count : 0;
}

/* A copy of its own. */
struct Targets targets_copy(enum TargetKind kind, const char *const *names, int64_t count);
/* Names that are numbers: "0", or with a word before them, "target 0". */
struct Targets targets_number(enum TargetKind kind, const char *word, int64_t count);
void targets_release(struct Targets *targets); /* leaves zeros */

/* A name that two classes or values have, which nobody could tell apart in figures by name; NULL if
 * there is none. */
const char *targets_repeated(const struct Targets *targets);

/* What one of them is called: "class" or "target"; and several: "classes" or "targets". */
const char *targets_word(const struct Targets *targets);
const char *targets_words(const struct Targets *targets);

#endif
