/* What all ranks must have in common, compared before anything depends on it. A rank that was
 * started with another option, another program or other data would otherwise wait for ever for
 * messages that never come, or train on a mix. */
#ifndef TRAINER_COMM_FACTS_H
#define TRAINER_COMM_FACTS_H

#include "base/text.h"
#include "comm/ranks.h"

/* Facts are text, a line each: what it is about, its value, and the exit code of a difference. */
void facts_add(struct Text *facts, int code, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A fact whose value is a list of words; an error shows only the words that differ. */
void facts_add_words(struct Text *facts, int code, const char *name, int count, char *const *words);

/* Fails with the code of the first fact that not all ranks share: "rank 1 on b differs from rank 0
 * on a in train.seed: 3 instead of 2". The rank that is named first is the lowest one outside the
 * majority (of two equal halves, the one with rank 0 counts as the majority). Every rank gets the
 * same code and error. Collective. */
int ranks_same(struct Ranks *ranks, const struct Text *facts, struct Error *error);

/* Two ranks whose texts differ; every rank knows both. */
struct Disagreement {
    int odd, other; /* ranks: the one to name, and one of the majority */
    int more;       /* how many others differ from the majority */
    char *odd_text, *other_text;
};
/* Whether the ranks pass different texts. Release with disagreement_release, also if they do not.
 * Collective. */
bool ranks_differ(struct Ranks *ranks, const char *text, struct Disagreement *disagreement);
void disagreement_release(struct Disagreement *disagreement);
/* Fills `error` with the line above. Not collective. */
int disagreement_fail(const struct Ranks *ranks, const struct Disagreement *disagreement, int code,
                      const char *name, const char *odd_value, const char *other_value,
                      struct Error *error);

/* The line about the first fact in which two ranks' texts of facts differ; returns its code. Not
 * collective. */
int facts_tell(const struct Disagreement *disagreement, const char *odd_host,
               const char *other_host, struct Error *error);

#endif
