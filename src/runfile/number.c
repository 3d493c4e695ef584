/* Decimal numbers. Forms that YAML libraries read as octal, hexadecimal or infinite are refused, so
 * that a number has the value that a person reads. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runfile/parse.h"

/* Counts the digits at `text`; *end points after them. */
static int digits(const char *text, const char **end) {
    int count = 0;
    while (isdigit((unsigned char)text[count]))
        count++;
    *end = text + count;
    return count;
}

static const char *why_no_number(const char *text) {
    const char *word = text + (*text == '-' || *text == '+');
    if (strcasecmp(word, ".inf") == 0 || strcasecmp(word, "inf") == 0 ||
        strcasecmp(word, "infinity") == 0 || strcasecmp(word, ".nan") == 0 ||
        strcasecmp(word, "nan") == 0)
        return "it must be finite";
    if (word[0] == '0' && word[1] && strchr("xXoObB", word[1]))
        return "decimal digits only";
    if (isdigit((unsigned char)word[0]) && strchr(word, '_'))
        return "no '_' between digits";
    return "";
}

/* Checks for the form -?D*(.D*)?([eE][+-]?D+)? with at least one digit before the exponent and no
 * leading zero. *whole tells whether it has neither point nor exponent. */
static const char *check_form(const char *text, bool *whole) {
    const char *at = text + (*text == '-'), *start = at, *fraction;
    int before = digits(at, &at), after = 0;
    *whole = true;
    if (*at == '.') {
        *whole = false;
        fraction = at + 1;
        after = digits(fraction, &at);
    }
    if (before + after == 0)
        return why_no_number(text);
    if (*at == 'e' || *at == 'E') {
        *whole = false;
        at += 1 + (at[1] == '-' || at[1] == '+');
        if (digits(at, &at) == 0)
            return why_no_number(text);
    }
    if (*at)
        return why_no_number(text);
    return before > 1 && *start == '0' ? "leading zeros are not allowed" : NULL;
}

const char *number__parse_integer(const char *text, int64_t *value) {
    bool whole;
    const char *why = check_form(text, &whole);
    if (why)
        return why;
    if (!whole)
        return "without point and exponent";
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno ? "beyond 64 bits" : NULL;
}

const char *number__parse_real(const char *text, double *value) {
    bool whole;
    const char *why = check_form(text, &whole);
    if (why)
        return why;
    *value = strtod(text, NULL);
    if (!isfinite(*value))
        return "too large for a double";
    if (*value == 0 && strcspn(text, "123456789") < strcspn(text, "eE"))
        return "too small for a double";
    return NULL;
}

const char *number__print(double value, char buffer[NUMBER_BYTES]) {
    if (value == rint(value) && fabs(value) < 1e15) { /* writes 100 and not 1e2 */
        snprintf(buffer, NUMBER_BYTES, "%.0f", value);
        return buffer;
    }
    int digit = 1;
    do
        snprintf(buffer, NUMBER_BYTES, "%.*g", digit, value);
    while (strtod(buffer, NULL) != value && digit++ < 17);
    char *exponent = strchr(buffer, 'e');
    if (exponent && !strchr(buffer, '.')) { /* 1.0e-05: YAML 1.1 readers read 1e-05 as text */
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(exponent, ".0", 2);
    }
    return buffer;
}
