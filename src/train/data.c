/* Whether the data is what the run began with. */
#include "train/trainer.h"

int trainer__check_data(const struct Trainer *trainer, struct Error *error) {
    const struct RunParts *parts = &trainer->parts;
    const struct Split *splits[] = {parts->train, parts->validation};
    int code = dataset_check_unchanged(parts->dataset, splits, 2, error);
    return ranks_agree(trainer->ranks, code, error);
}
