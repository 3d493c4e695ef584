/* Figures in a JSON object. */
#ifndef TRAINER_CLI_FIGURES_JSON_H
#define TRAINER_CLI_FIGURES_JSON_H

#include <jansson.h>

#include "report/figures.h"

/* A number; null if it is not finite, which JSON cannot say. */
json_t *number_json(double value);

/* Adds the measured figures; a member is called `prefix` ("validation_", "") and the figure's
 * name. */
void figures_add_json(json_t *object, const char *prefix, const struct Figures *figures);
/* The same without the figures that the printed lines omit. */
void figures_add_json_main(json_t *object, const char *prefix, const struct Figures *figures);

#endif
