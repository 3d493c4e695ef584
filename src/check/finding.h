/* What a preflight has found, as data: cli/ says it in words or as JSON. */
#ifndef TRAINER_CHECK_FINDING_H
#define TRAINER_CHECK_FINDING_H

/* The items of the preflight, in the order in which they are looked at (CS231n, "Babysitting the
 * learning process"). */
enum CheckItem { CHECK_DATA, CHECK_LOSS, CHECK_GRADIENTS, CHECK_ITEMS };
#define CHECK_ITEM_BIT(item) (1u << (item))
#define CHECK_ALL_ITEMS (CHECK_ITEM_BIT(CHECK_ITEMS) - 1)
/* "data", "loss", ... and what each looks at, for people. */
extern const char *const check_item_names[CHECK_ITEMS];
extern const char *const check_item_titles[CHECK_ITEMS];

enum CheckVerdict {
    CHECK_GOOD,
    CHECK_DOUBTFUL, /* training may work, and would probably be better otherwise */
    CHECK_BAD       /* it will fail, or not do what was meant */
};
#define CHECK_VERDICTS 3
extern const char *const check_verdict_names[CHECK_VERDICTS];

/* A measured number, as scripts get it. NaN: it does not exist. */
struct CheckFigure {
    const char *name;
    double value;
};
#define CHECK_FIGURES 6

struct Finding {
    enum CheckItem item;
    enum CheckVerdict verdict;
    const char *name; /* of what was looked at: "class_counts" */
    struct CheckFigure figures[CHECK_FIGURES];
    int figure_count;
    char *found;    /* in words, with the figure */
    char *expected; /* "": nothing in particular */
    char *cause;    /* the likely one; "": nothing is wrong */
    char *advice;   /* what to do; "" */
};

/* Start with {0}. */
struct Findings {
    struct Finding *rows;
    int count;
    double seconds[CHECK_ITEMS]; /* that each item took */
};
void findings_release(struct Findings *findings);

/* The worst verdict: of all findings, and of an item's. */
enum CheckVerdict findings_verdict(const struct Findings *findings);
enum CheckVerdict findings_verdict_of(const struct Findings *findings, enum CheckItem item);
/* The finding that most probably explains the others: the first of the worst verdict, because each
 * item rests on those before it. NULL: nothing is wrong. */
const struct Finding *findings_main(const struct Findings *findings);

#endif
