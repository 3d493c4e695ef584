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

/* Pictures in FOLDER/plots, drawn by gnuplot: best.svg, curves.svg, pairs.svg, one for each key,
 * all as .png too. Without gnuplot a line on stderr says that there are none. */
void search_draw(const struct Search *search, const struct SearchResults *results);

/* The best `count` trials as an ensemble on the test split, or else the validation split. Adds to
 * `object` if it is not NULL, prints otherwise. Collective. */
int search_ensemble(const struct Search *search, const struct SearchResults *results, int count,
                    json_t *object, struct Ranks *ranks, struct Error *error);

#endif
