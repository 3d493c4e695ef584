/* The contents of a data set file, in words and in JSON. */
#ifndef TRAINER_CLI_DATASET_DESCRIBE_H
#define TRAINER_CLI_DATASET_DESCRIBE_H

#include <jansson.h>
#include <stdio.h>

#include "data/dataset/dataset.h"

void dataset_print(FILE *out, const struct Dataset *dataset);
/* The caller owns the object. */
json_t *dataset_to_json(const struct Dataset *dataset);
/* Prints the object on stdout and releases it. */
void dataset_print_json(json_t *object);

/* Whether the file lacks a statistic that images of this size can have. */
bool dataset_lacks_statistic(const struct Dataset *dataset, const struct StatisticRow *row);

/* Prints the head of a line of statistics, "channel mean ", or "column mean  " of a table. `what`
 * is "mean" or "std". */
void dataset_print_head(FILE *out, const struct Dataset *dataset, const char *what);

#endif
