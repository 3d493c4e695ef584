/* Reads numbers in the notations that tables use. */
#ifndef TRAINER_SOURCES_NUMBER_H
#define TRAINER_SOURCES_NUMBER_H

#include <stdbool.h>

struct NumberFormat {
    char decimal;   /* '.' or ',' */
    char thousands; /* allowed between digits before the decimal; 0: none */
};

/* Reads a decimal number such as "-1", "+.5", "1e3", "1E-3", "5.", or "1,234" if ',' separates
 * thousands; blanks around it are allowed. The value is the nearest double, infinite if the number
 * is too large. *is_whole is set to whether it has no decimal and no exponent. Returns false for
 * anything else, including "inf", "nan" and "0x10". */
bool number__read(const char *text, const struct NumberFormat *format, double *value,
                  bool *is_whole);

#endif
