/* Lengths of time: "3 h 50 min", "90 s", "1.5 h". */
#include <math.h>
#include <string.h>

#include "runfile/parse.h"

static const struct Unit {
    const char *name;
    double seconds;
    const char *others[4]; /* further names that are accepted */
} units[] = {{"d", 86400, {"day", "days"}},
             {"h", 3600, {"hour", "hours"}},
             {"min", 60, {"minute", "minutes"}},
             {"s", 1, {"sec", "second", "seconds"}}};
#define UNITS (int)(sizeof units / sizeof *units)

static bool is_named(const struct Unit *unit, const char *word, size_t length) {
    bool found = strlen(unit->name) == length && !strncmp(unit->name, word, length);
    for (int i = 0; i < 4 && unit->others[i]; i++)
        found |= strlen(unit->others[i]) == length && !strncmp(unit->others[i], word, length);
    return found;
}

/* Reads one "NUMBER UNIT" from *at, and moves *at past it and the blanks around it. Units must be
 * in descending order: *next is the first that is still allowed. */
static const char *parse_part(const char **at, int *next, double *seconds) {
    char number[NUMBER_BYTES];
    size_t length = strspn(*at, "0123456789.");
    if ((*at)[length] == 'e') /* small numbers are printed with an exponent */
        length += 1 + strspn(*at + length + 1, "-0123456789");
    if (length >= sizeof number)
        return "too many digits";
    memcpy(number, *at, length);
    number[length] = '\0';
    double value;
    const char *why = number__parse_real(number, &value);
    if (why)
        return why;
    *at += length;
    *at += strspn(*at, " ");
    length = strcspn(*at, " 0123456789");
    if (!length)
        return "say in which unit: d, h, min or s";
    int unit = *next;
    while (unit < UNITS && !is_named(&units[unit], *at, length))
        unit++;
    if (unit == UNITS)
        return "the units are d, h, min and s, each once and in this order";
    *seconds += value * units[unit].seconds;
    *next = unit + 1;
    *at += length;
    *at += strspn(*at, " ");
    return NULL;
}

const char *time__parse(const char *text, double *seconds) {
    const char *at = text, *why = NULL;
    int next = 0;
    *seconds = 0;
    if (!strcmp(text, "0")) /* 0 needs no unit */
        return NULL;
    do
        why = parse_part(&at, &next, seconds);
    while (!why && *at);
    return why;
}

void time__print(struct Text *text, double seconds) {
    char buffer[NUMBER_BYTES];
    double left = seconds;
    if (seconds != rint(seconds) || seconds < 1 || seconds > 0x1p53) {
        text_add(text, "%s s", number__print(seconds, buffer));
        return;
    }
    for (int i = 0; i < UNITS && left > 0; i++) {
        double count = floor(left / units[i].seconds);
        if (count > 0)
            text_add(text, "%s%.0f %s", left < seconds ? " " : "", count, units[i].name);
        left -= count * units[i].seconds;
    }
}
