/* Figures in a JSON object. */
#ifndef TRAINER_CLI_FIGURES_JSON_H
#define TRAINER_CLI_FIGURES_JSON_H

#include <jansson.h>

#include "report/figures.h"

/* Those that were measured, under their names after `prefix` ("validation_", ""). */
void figures_add_json(json_t *object, const char *prefix, const struct Figures *figures);
/* The same without details, as lines for people have it. */
void figures_add_json_main(json_t *object, const char *prefix, const struct Figures *figures);

#endif
