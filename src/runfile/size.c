/* Amounts of memory: "2 GiB", "512 MiB", "1.5 TB". */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runfile/parse.h"

static const struct SizeUnit {
    const char *name;
    int64_t bytes;
} size_units[] = {{"TiB", INT64_C(1) << 40},
                  {"GiB", INT64_C(1) << 30},
                  {"MiB", INT64_C(1) << 20},
                  {"KiB", INT64_C(1) << 10},
                  {"TB", INT64_C(1000000000000)},
                  {"GB", 1000000000},
                  {"MB", 1000000},
                  {"kB", 1000},
                  {"B", 1}};
#define SIZE_UNITS (sizeof size_units / sizeof *size_units)

const char *size__parse(const char *text, int64_t *bytes) {
    char number[NUMBER_BYTES];
    size_t length = strspn(text, "0123456789."), unit = 0;
    double value;
    if (length >= sizeof number)
        return "too many digits";
    memcpy(number, text, length);
    number[length] = '\0';
    const char *why = number__parse_real(number, &value);
    if (why)
        return why;
    const char *name = text + length + strspn(text + length, " ");
    while (unit < SIZE_UNITS && strcmp(size_units[unit].name, name) != 0)
        unit++;
    if (unit == SIZE_UNITS)
        return "say in which unit: B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB";
    value *= (double)size_units[unit].bytes;
    if (value > 0x1p60)
        return "more than any memory";
    *bytes = llround(value);
    return NULL;
}

void size__print(struct Text *text, int64_t bytes) {
    size_t unit = 0;
    while (unit < 4 && (bytes == 0 || bytes % size_units[unit].bytes))
        unit++;
    if (unit == 4)
        unit = SIZE_UNITS - 1;
    text_add(text, "%" PRId64 " %s", bytes / size_units[unit].bytes, size_units[unit].name);
}
