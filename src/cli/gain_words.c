#include "cli/gain_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static bool is_fraction(enum Figure figure) {
    return figure_kinds[figure].unit == FIGURE_FRACTION;
}

const char *gain_text(enum Figure figure, double gain, char text[FIGURE_TEXT]) {
    char size[FIGURE_TEXT];
    if (is_fraction(figure))
        snprintf(text, FIGURE_TEXT, "%+.2f", 100 * gain);
    else
        snprintf(text, FIGURE_TEXT, "%c%.30s", signbit(gain) ? '-' : '+',
                 text_value(fabs(gain), size));
    return text;
}

void gain_print(enum Figure figure, double gain, double error) {
    char text[FIGURE_TEXT], digits[FIGURE_TEXT];
    printf("%s: %s", worth_words[gain_worth(gain, error)], gain_text(figure, gain, text));
    if (isnan(error))
        return;
    if (is_fraction(figure)) {
        printf(" ± %.2f", 100 * error);
        return;
    }
    snprintf(digits, sizeof digits, "%.2g", error); /* an error has no more digits */
    printf(" ± %s", text_value(strtod(digits, NULL), text));
}

const char *gain_doubt(double error) {
    return isnan(error) ? "whether chance gives as much is not known of this figure"
                        : "so small a gain may be chance: measure it on more samples";
}
