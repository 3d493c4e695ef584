#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void text_add_list(struct Text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    CHECK(length >= 0);
    size_t needed = text->length + (size_t)length + 1;
    if (needed > text->capacity) {
        size_t capacity = needed * 2 < 256 ? 256 : needed * 2;
        text->data = memory_resize(text->data, text->capacity, capacity, "text");
        text->capacity = capacity;
    }
    vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    va_end(again);
    text->length += (size_t)length;
}

void text_add(struct Text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add_list(text, format, arguments);
    va_end(arguments);
}

void text_add_shape(struct Text *text, const int64_t *size, int rank) {
    text_add(text, "(");
    for (int i = 0; i < rank; i++)
        text_add(text, "%s%" PRId64, i ? "," : "", size[i]);
    text_add(text, ")");
}

void text_release(struct Text *text) {
    memory_release(text->data);
    *text = (struct Text){0};
}

int text_compare(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The length of the digits at `text` after leading zeros, which *text skips. */
static size_t number_length(const char **text) {
    static const char digits[] = "0123456789";
    *text += strspn(*text, "0");
    return strspn(*text, digits);
}

int text_compare_natural(const void *one, const void *other) {
    const char *a = *(const char *const *)one, *b = *(const char *const *)other;
    while (*a && *b) {
        bool numbers = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
        size_t length = numbers ? number_length(&a) : 1;
        size_t its = numbers ? number_length(&b) : 1;
        int order = length != its ? (length > its) - (length < its) : strncmp(a, b, length);
        if (order)
            return order;
        a += length;
        b += its;
    }
    return *a || *b ? (unsigned char)*a - (unsigned char)*b : text_compare(one, other);
}

int text_index(const char *word, const char *const *names, int count) {
    for (int i = 0; count < 0 ? names[i] != NULL : i < count; i++)
        if (!strcmp(names[i], word))
            return i;
    return -1;
}

bool text_ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* The length in bytes of the control character at the beginning of `text`; 0 if it is another
 * character. */
static size_t control_bytes(const unsigned char *text) {
    if (text[0] < 0x20 || text[0] == 0x7F)
        return 1;
    if (text[0] == 0xC2 && text[1] >= 0x80 && text[1] < 0xA0)
        return 2; /* U+0080 ... U+009F */
    if (text[0] >= 0x80 && text[0] < 0xA0)
        return 1; /* the same as one byte, which does not continue a UTF-8 character */
    bool general = text[0] == 0xE2 && text[1] == 0x80 && /* marks, separators, and embeddings */
                   (text[2] == 0x8E || text[2] == 0x8F || (text[2] >= 0xA8 && text[2] <= 0xAE));
    bool isolate = text[0] == 0xE2 && text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9;
    return general || isolate ? 3 : 0;
}

char *text_hide_controls(char *text) {
    char *to = text;
    for (const char *at = text; *at;) {
        uint32_t point;
        size_t control = control_bytes((const unsigned char *)at), left = strnlen(at, 4);
        size_t bytes = control ? 0 : text_character(at, left, &point);
        if (control) {
            *to++ = '?';
            at += control;
        } else {
            memmove(to, at, bytes ? bytes : 1);
            to += bytes ? bytes : 1;
            at += bytes ? bytes : 1;
        }
    }
    *to = '\0';
    return text;
}

#define LONGEST 48 /* characters that are compared; no valid name is longer */

/* Optimal string alignment distance. */
static int edit_distance(const char *a, const char *b) {
    int rows[3][LONGEST + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
    for (int j = 0; j <= m; j++)
        last[j] = j;
    for (int i = 1; i <= n; i++) {
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            int best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *recycled = before;
        before = last;
        last = now;
        now = recycled;
    }
    return last[m];
}

/* Whether `word` has `part` between letters of no word, as in "part_2". */
static bool has_part(const char *word, const char *part) {
    const char *at = strcasestr(word, part);
    return *part && at && (at == word || !isalpha((unsigned char)at[-1])) &&
           !isalpha((unsigned char)at[strlen(part)]);
}

const char *text_nearest(const char *word, const char *const *names, int count) {
    const char *nearest = NULL;
    int length = (int)strnlen(word, LONGEST), best = length <= 3 ? 2 : 2 + length / 3;
    for (int i = 0; i < count; i++) {
        int distance = edit_distance(word, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    if (nearest)
        return nearest;
    for (int i = 0; i < count; i++) /* "momentum" for "mom", "batchnorm" for "norm" */
        if (length >= 3 && strcasestr(names[i], word))
            return names[i];
    for (int i = 0; i < count; i++) /* "batch" for "batch_size", "conv" for "conv2d" */
        if (has_part(word, names[i]) && (!nearest || strlen(names[i]) > strlen(nearest)))
            nearest = names[i];
    return nearest;
}

char *text_bytes(double bytes, char buffer[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int unit = 0;
    for (; bytes >= 1024 && unit < 5; unit++)
        bytes /= 1024;
    snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return buffer;
}

char *text_count(double count, char buffer[32]) {
    static const char *const units[] = {"", " k", " M", " G", " T", " P"};
    int unit = 0;
    for (; count >= 1000 && unit < 5; unit++)
        count /= 1000;
    snprintf(buffer, 32, unit ? "%.2f%s" : "%.0f%s", count, units[unit]);
    return buffer;
}

char *text_value(double value, char buffer[32]) {
    double size = fabs(value);
    snprintf(buffer, 32, size >= 9999.5 && size < 1e8 ? "%.0f" : "%.4g", value);
    return buffer;
}

char *text_figure(double figure, char buffer[32]) {
    snprintf(buffer, 32, fabs(figure) < 1e6 ? "%.4f" : "%.6g", figure);
    return buffer;
}

size_t text_character(const char *text, size_t left, uint32_t *point) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text;
    unsigned char c = byte[0];
    size_t bytes = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > left)
        return 0;
    *point = bytes == 1 ? c : c & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
        *point = *point << 6 | (byte[i] & 0x3Fu);
    }
    bool surrogate = *point >= 0xD800 && *point <= 0xDFFF;
    return *point < least[bytes] || surrogate || *point > 0x10FFFF ? 0 : bytes;
}

char *text_as_utf8(const char *text) {
    struct Text copy = {0};
    text_add(&copy, "%s", "");
    for (size_t bytes, left = strlen(text); left; text += bytes, left -= bytes) {
        uint32_t point;
        bytes = text_character(text, left, &point);
        if (bytes && point != 0x7F)
            text_add(&copy, "%.*s", (int)bytes, text);
        else
            text_add(&copy, "\\x%02X", (unsigned char)*text);
        bytes += !bytes;
    }
    return copy.data;
}
