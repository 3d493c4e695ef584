/* What the targets of a data set are. Data sets, losses, figures and checkpoints all say it with
 * this one word. */
#ifndef TRAINER_BASE_TARGET_KIND_H
#define TRAINER_BASE_TARGET_KIND_H

enum TargetKind {
    TARGET_CLASSES,       /* one label a sample */
    TARGET_DISTRIBUTIONS, /* soft labels: a probability of each class */
    TARGET_VALUES         /* numbers: regression */
};

#endif
