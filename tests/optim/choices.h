/* An optimiser and a schedule as a run file names them. */
#ifndef TRAINER_TESTS_OPTIM_CHOICES_H
#define TRAINER_TESTS_OPTIM_CHOICES_H

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "runfile/runfile.h"

struct Choices {
    struct Choice optimizer, schedule;
};

static const struct Key choice_keys[] = {{.name = "optimizer",
                                          .type = KEY_CHOICE,
                                          .offset = offsetof(struct Choices, optimizer),
                                          .fallback = "{sgd: {rate: 0.1}}",
                                          .kinds = &optimizer_kinds},
                                         {.name = "schedule",
                                          .type = KEY_CHOICE,
                                          .offset = offsetof(struct Choices, schedule),
                                          .fallback = "constant",
                                          .kinds = &schedule_kinds},
                                         KEY_END};

static inline int choices_parse(struct RunFile **file, const char *text, struct Choices *choices,
                                struct Error *error) {
    *choices = (struct Choices){0};
    return runfile_parse(file, "run.yaml", text, NULL, 0, choice_keys, choices, error);
}

#endif
