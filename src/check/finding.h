/* What a preflight has found, as data: cli/ says it in words or as JSON. */
#ifndef TRAINER_CHECK_FINDING_H
#define TRAINER_CHECK_FINDING_H

/* The items of the preflight, in the order in which they are looked at (CS231n, "Babysitting the
 * learning process"). */
enum CheckItem {
    CHECK_SETTINGS,
    CHECK_DATA,
    CHECK_LOSS,
    CHECK_GRADIENTS,
    CHECK_ACTIVATIONS,
    CHECK_OVERFIT,
    CHECK_RATES,
    CHECK_TRIAL,
    CHECK_ITEMS
};
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

/* A layer at the start: its output over some samples, and the gradient that arrives there. */
#define CHECK_BINS 64
struct CheckLayer {
    char *name;                         /* "3.body.1 conv" */
    double mean, std, zeros, saturated; /* of its output; the last two: parts of it */
    double dead;                        /* the part of its units that fired for no sample */
    double gradient_std;
    int bins; /* of the histogram of its output; 0: no value was finite */
    double edges[CHECK_BINS + 1], counts[CHECK_BINS];
};

/* A step of the learning-rate range test. */
struct CheckRate {
    double rate, loss, smooth; /* smooth: a mean of the losses so far, the newest counting most */
};

/* Start with {0}. */
struct Findings {
    struct Finding *rows;
    int count;
    struct CheckLayer *layers; /* in running order; none unless activations were looked at */
    int layer_count;
    struct CheckRate *rates; /* in rising order; none unless rates were looked at */
    int rate_count;
    double seconds[CHECK_ITEMS]; /* that each item took */
};
void findings_release(struct Findings *findings);

/* The worst verdict of all findings. */
enum CheckVerdict findings_verdict(const struct Findings *findings);
/* The finding that most probably explains the others: the first of the worst verdict, because each
 * item rests on those before it. NULL: nothing is wrong. */
const struct Finding *findings_main(const struct Findings *findings);

#endif
