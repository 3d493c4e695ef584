/* Gains of ensembles, in words. */
#ifndef TRAINER_CLI_GAIN_WORDS_H
#define TRAINER_CLI_GAIN_WORDS_H

#include "ensemble/gain.h"

/* Writes a gain to `text`, and returns it: "+1.30". That of a fraction is in percentage points. */
const char *gain_text(enum Figure figure, double gain, char text[FIGURE_TEXT]);
/* Prints "worth it: +1.30 ± 0.20"; the error is left out if it is not known (NaN). */
void gain_print(enum Figure figure, double gain, double error);
/* What to do about a gain that is perhaps worth it. */
const char *gain_doubt(double error);

#endif
