/* An optimiser and a schedule as a run file names them. */
#ifndef TRAINER_TESTS_OPTIM_CHOICES_H
#define TRAINER_TESTS_OPTIM_CHOICES_H

#include "optim/schedule.h"
#include "optim/updater.h"
#include "runfile/runfile.h"

struct Choices {
    struct Choice optimizer, schedule;
    struct ChoiceList parameters;
    struct ClipOptions clip;
    struct LookaheadOptions lookahead;
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
                                         {.name = "parameters",
                                          .type = KEY_CHOICES,
                                          .offset = offsetof(struct Choices, parameters),
                                          .fallback = "[]",
                                          .kinds = &rule_kinds},
                                         {.name = "clip",
                                          .type = KEY_SECTION,
                                          .offset = offsetof(struct Choices, clip),
                                          .keys = clip_keys},
                                         {.name = "lookahead",
                                          .type = KEY_SECTION,
                                          .offset = offsetof(struct Choices, lookahead),
                                          .keys = lookahead_keys},
                                         KEY_END};

static inline int choices_parse(struct RunFile **file, const char *text, struct Choices *choices,
                                struct Error *error) {
    *choices = (struct Choices){0};
    return runfile_parse(file, "run.yaml", text, NULL, 0, choice_keys, choices, error);
}

static inline int choices_updater(struct Updater **updater, const struct Choices *choices,
                                  const struct Arena *of, enum Variant variant,
                                  struct Error *error) {
    const struct UpdaterRequest request = {.optimizer = &choices->optimizer,
                                           .rules = &choices->parameters,
                                           .clip = &choices->clip,
                                           .lookahead = &choices->lookahead};
    return updater_create(updater, &request, of, variant, error);
}

#endif
