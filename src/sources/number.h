/* Numbers as tables write them. */
#ifndef TRAINER_SOURCES_NUMBER_H
#define TRAINER_SOURCES_NUMBER_H

#include <stdbool.h>

struct NumberFormat {
    char decimal;   /* '.' or ',' */
    char thousands; /* may stand between digits before the decimal; 0: nothing may */
};

/* Reads a decimal number with blanks around it allowed: "-1", "+.5", "1e3", "1E-3", "5.", "1,234"
 * if ',' is for thousands. The value is the nearest double, infinite if there is none. False for
 * anything else, "inf", "nan" and "0x10" among it. *is_whole: no decimal and no exponent. */
bool number__read(const char *text, const struct NumberFormat *format, double *value,
                  bool *is_whole);

#endif
