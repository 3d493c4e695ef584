/* The pictures of a search. Not collective. */
#ifndef TRAINER_CLI_SEARCH_PLOTS_H
#define TRAINER_CLI_SEARCH_PLOTS_H

#include "cli/search.h"
#include "report/plot.h"

/* What becomes of a picture: `name` without an ending, and what it shows. A code ends them all. */
typedef int search_picture(void *context, const char *name, const char *caption,
                           const struct Plot *panels, int count, struct Error *error);

/* In this order: key-NAME for each key, pairs, best, curves. Nothing if no trial has a metric. */
int search_pictures(const struct Search *search, const struct SearchResults *results,
                    search_picture *sink, void *context, struct Error *error);

#endif
