/* The figures of the newest validation, as checkpoints hold them: one attribute of /run for each
 * figure that is no detail (report/figures.h), "validation_loss", "average_loss", ... Files written
 * before a figure existed lack it. */
#ifndef TRAINER_TRAIN_SAVED_FIGURES_H
#define TRAINER_TRAIN_SAVED_FIGURES_H

#include "report/figures.h"
#include "store/saved.h"

/* Each of a struct Figures: the model's, and those of the average of weights. */
extern const struct SavedGroup validation_saved, average_saved;

#endif
