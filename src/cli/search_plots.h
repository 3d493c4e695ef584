/* The pictures of a search. Not collective. */
#ifndef TRAINER_CLI_SEARCH_PLOTS_H
#define TRAINER_CLI_SEARCH_PLOTS_H

#include "cli/search.h"
#include "report/plot.h"

/* Receives a picture: its name without a suffix, its caption, and its panels. A code other than OK
 * ends search_pictures. */
typedef int search_picture(void *context, const char *name, const char *caption,
                           const struct Plot *panels, int count, struct Error *error);

/* Passes to `sink`, in this order, the pictures key-NAME for each key, pairs, best and curves; none
 * if no trial has a metric. */
int search_pictures(const struct Search *search, const struct SearchResults *results,
                    search_picture *sink, void *context, struct Error *error);

#endif
