#include "sources/number.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A parsed number: digits * 10^exponent. */
struct Parts {
    bool negative, is_whole;
    bool exact; /* no digit was dropped from `digits` */
    uint64_t digits;
    int digit_count, exponent;
};

#define EXACT ((uint64_t)1 << 53) /* integers up to here are doubles */
#define MOST_EXPONENT 22          /* 10^22 is a double */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void add_digit(struct Parts *parts, char digit) {
    if (parts->digits >= UINT64_MAX / 10)
        parts->exact = false;
    else
        parts->digits = 10 * parts->digits + (uint64_t)(digit - '0');
    parts->digit_count++;
}

/* Moves *at past the digits and the separators of thousands. */
static void read_whole(const char **at, const struct NumberFormat *format, struct Parts *parts) {
    for (; is_digit(**at) || (format->thousands && **at == format->thousands && parts->digit_count);
         ++*at)
        if (is_digit(**at))
            add_digit(parts, **at);
}

static bool read_exponent(const char **at, struct Parts *parts) {
    const char *from = *at + 1 + ((*at)[1] == '-' || (*at)[1] == '+');
    int exponent = 0;
    if (!is_digit(*from))
        return false;
    bool negative = (*at)[1] == '-';
    for (; is_digit(*from); from++)
        exponent = exponent < 100000 ? 10 * exponent + (*from - '0') : exponent;
    parts->exponent += negative ? -exponent : exponent;
    parts->is_whole = false;
    *at = from;
    return true;
}

/* Moves *at past the number. */
static bool take_apart(const char **at, const struct NumberFormat *format, struct Parts *parts) {
    *parts = (struct Parts){.is_whole = true, .exact = true};
    parts->negative = **at == '-';
    *at += **at == '-' || **at == '+';
    read_whole(at, format, parts);
    if (**at == format->decimal) {
        parts->is_whole = false;
        for (++*at; is_digit(**at); ++*at, parts->exponent--)
            add_digit(parts, **at);
    }
    if (!parts->digit_count)
        return false;
    return (**at != 'e' && **at != 'E') || read_exponent(at, parts);
}

/* Converts by strtod: exact for any number, but slow. */
static double read_slowly(const char *text, size_t length, const struct NumberFormat *format) {
    char *plain = memory_allocate(length + 1, "a number");
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (!format->thousands || text[i] != format->thousands)
            plain[count++] = text[i] == format->decimal ? '.' : text[i];
    double value = strtod(plain, NULL);
    memory_release(plain);
    return value;
}

/* Multiplies or divides two exact doubles, which rounds once only: Clinger 1990, "How to read
 * floating point numbers accurately". */
static double join(const struct Parts *parts) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)parts->digits;
    if (parts->exponent < 0)
        value /= powers[-parts->exponent];
    else
        value *= powers[parts->exponent];
    return parts->negative ? -value : value;
}

bool number__read(const char *text, const struct NumberFormat *format, double *value,
                  bool *is_whole) {
    struct Parts parts;
    const char *from = text, *end;
    while (*from == ' ' || *from == '\t')
        from++;
    const char *at = from;
    if (!take_apart(&at, format, &parts))
        return false;
    for (end = at; *end == ' ' || *end == '\t';)
        end++;
    if (*end)
        return false;
    *is_whole = parts.is_whole;
    if (parts.exact && parts.digits <= EXACT && abs(parts.exponent) <= MOST_EXPONENT)
        *value = join(&parts);
    else
        *value = read_slowly(from, (size_t)(at - from), format);
    return true;
}
