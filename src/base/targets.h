/* The kind of a sample's targets: sources, data sets, losses, figures, checkpoints and evaluation
 * share this definition. */
#ifndef TRAINER_BASE_TARGETS_H
#define TRAINER_BASE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

/* Each kind up to TARGET_VALUES is a special case of the next: a class is a distribution with all
 * weight on one class, and a distribution is a row of numbers. Checkpoints do not store these
 * constants. */
enum TargetKind {
    TARGET_CLASSES,       /* one label for each sample */
    TARGET_DISTRIBUTIONS, /* soft labels: a probability for each class */
    TARGET_VALUES,        /* numbers: regression */
    TARGET_SETS           /* multi-label: for each class, 1 if the sample has it and 0 if not */
};

struct Targets {
    enum TargetKind kind;
    int64_t count; /* classes, or values of a sample: as many as a model has outputs */
    char **names;  /* (count) */
};

static inline bool targets_are_values(const struct Targets *targets) {
    return targets->kind == TARGET_VALUES;
}
/* Whether each sample belongs to exactly one class. */
static inline bool targets_are_labels(const struct Targets *targets) {
    return targets->kind == TARGET_CLASSES || targets->kind == TARGET_DISTRIBUTIONS;
}
/* The number of classes, and of values; 0 if the targets are of the other kind. */
static inline int64_t targets_classes(const struct Targets *targets) {
    return targets_are_values(targets) ? 0 : targets->count;
}
static inline int64_t targets_values(const struct Targets *targets) {
    return targets_are_values(targets) ? targets->count : 0;
}

/* Targets with a copy of `names` (count). */
struct Targets targets_copy(enum TargetKind kind, const char *const *names, int64_t count);
/* Targets whose names are numbers, "0", with `word` before them unless it is NULL: "target 0". */
struct Targets targets_number(enum TargetKind kind, const char *word, int64_t count);
void targets_release(struct Targets *targets); /* leaves zeros */

/* A name that two classes or values share, so that figures by name would be ambiguous; NULL if
 * there is none. */
const char *targets_repeated(const struct Targets *targets);

/* The word for one of them, "class" or "target", and for several, "classes" or "targets". */
const char *targets_word(const struct Targets *targets);
const char *targets_words(const struct Targets *targets);

#endif
