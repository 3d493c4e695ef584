/* What trainer search prints and draws. Rank 0 alone calls these. */
#ifndef TRAINER_CLI_SEARCH_H
#define TRAINER_CLI_SEARCH_H

#include <jansson.h>

#include "cli/command.h"
#include "search/insight.h"

/* A line on stderr for a trial that came to a rung or an end. */
void search_print_news(const struct Search *search, const struct SearchNews *news);

/* The table, what the trials say about the keys, and what to do next. */
void search_print_words(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights);
/* The same as an object of the caller. */
json_t *search_describe(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights);

/* Parts of them. */
const char *search_status_word(const struct TrialRecord *record);
/* "-" without a metric that counts. Returns `text`. */
const char *search_metric_text(const struct TrialRecord *record, char text[FIGURE_TEXT]);
void search_counts_words(const struct Search *search, const struct SearchResults *results,
                         struct Text *text);
/* What good values at the edge of a range suggest: of an insight that has an edge. */
void search_edge_words(const struct Insight *insight, struct Text *text);
/* The command that trains a trial once more. */
void search_command_words(const struct Search *search, const struct TrialRecord *record,
                          struct Text *text);

/* The pictures of cli/search_plots.h in FOLDER/plots, as SVG and PNG. Without gnuplot a line on
 * stderr says that there are none. */
void search_draw(const struct Search *search, const struct SearchResults *results);

/* The best `count` trials as an ensemble on the test split, or else the validation split. Adds to
 * `object` if it is not NULL, prints otherwise. Collective. */
int search_ensemble(const struct Search *search, const struct SearchResults *results, int count,
                    json_t *object, struct Ranks *ranks, struct Error *error);

#endif
