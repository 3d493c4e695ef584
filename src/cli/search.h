/* The results of trainer search, printed and drawn. Only rank 0 calls these, unless they are
 * collective. */
#ifndef TRAINER_CLI_SEARCH_H
#define TRAINER_CLI_SEARCH_H

#include <jansson.h>

#include "cli/command.h"
#include "search/insight.h"

/* Prints a line on stderr for a trial that has reached a rung or its end. */
void search_print_news(const struct Search *search, const struct SearchNews *news);

/* Prints the table of trials, what they show about the keys, and what to do next. */
void search_print_words(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights);
/* The same as a JSON object, which the caller owns. */
json_t *search_describe(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights);

/* Writes the trial's metric, or "-" without a valid one, to `text`, and returns it. */
const char *search_metric_text(const struct TrialRecord *record, char text[FIGURE_TEXT]);
void search_counts_words(const struct Search *search, const struct SearchResults *results,
                         struct Text *text);
/* Adds what good values at the edge of a range suggest, in three parts with `between` between them.
 * `insight` must have an edge. */
void search_edge_words(const struct Insight *insight, const char *between, struct Text *text);
/* Adds the command that trains a trial again. */
void search_command_words(const struct Search *search, const struct TrialRecord *record,
                          struct Text *text);

/* Writes the pictures of cli/search_plots.h to FOLDER/plots, as SVG and PNG. Without gnuplot prints
 * a line on stderr instead. */
void search_draw(const struct Search *search, const struct SearchResults *results);

/* Evaluates the best `count` trials as an ensemble on the test split, or else the validation split.
 * Adds the result to `object`, or prints it if `object` is NULL. Collective. */
int search_ensemble(const struct Search *search, const struct SearchResults *results, int count,
                    json_t *object, struct Ranks *ranks, struct Error *error);

#endif
