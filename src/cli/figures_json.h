/* Figures in a JSON object. */
#ifndef TRAINER_CLI_FIGURES_JSON_H
#define TRAINER_CLI_FIGURES_JSON_H

#include <jansson.h>

#include "report/figures.h"

/* Adds the figures that were measured, under `prefix` ("validation_", "") and their names. */
void figures_add_json(json_t *object, const char *prefix, const struct Figures *figures);
/* The same without details, like the lines for people. */
void figures_add_json_main(json_t *object, const char *prefix, const struct Figures *figures);

#endif
