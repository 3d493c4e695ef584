/* Selects rows by the values of an array of the same samples, "/set == 1" or "/split == train". */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

#define NAMED 6 /* values that an error message lists */

bool selection__split(const char *text, char **array, char **value) {
    const char *sign = strstr(text, "==");
    if (!sign)
        return false;
    const char *end = sign, *from = sign + 2;
    while (end > text && isblank((unsigned char)end[-1]))
        end--;
    while (isblank((unsigned char)*from))
        from++;
    size_t length = strlen(from);
    while (length && isblank((unsigned char)from[length - 1]))
        length--;
    *array = memory_copy_span(text, (size_t)(end - text));
    *value = memory_copy_span(from, length);
    return true;
}

/* Reads the values of an array as texts; numbers are printed with "%.17g". */
static int read_as_texts(const struct Array *array, int64_t count, char ***texts,
                         struct Error *error) {
    const struct H5Info *info = &array->info;
    const char *path = array->name.path;
    if (info->type == H5_TEXT || info->type == H5_CELLS)
        return h5_read_texts(array->file, path, texts, &count, error);
    double *numbers = memory_array(double, count, "values");
    int code = h5_read(array->file, path, H5_FLOAT64, info->rank, info->size, numbers, error);
    *texts = code == OK ? memory_array(char *, count, "values") : NULL;
    for (int64_t i = 0; i < count && code == OK; i++)
        (*texts)[i] = memory_print("%.17g", numbers[i]);
    memory_release(numbers);
    return code;
}

/* Returns a value in the form of read_as_texts: a member of an enumeration, a number in any
 * notation, or a text. The caller releases it. */
static char *normalise(const struct Array *array, const char *value) {
    struct H5Enumeration members;
    struct Error ignored;
    char *end, *found = NULL;
    double number = strtod(value, &end);
    if (array->info.type >= H5_TEXT)
        return memory_copy_text(value);
    if (h5_read_enumeration(array->file, array->name.path, &members, &ignored) != OK)
        members = (struct H5Enumeration){0};
    for (int64_t i = 0; i < members.count && !found; i++)
        if (!strcmp(members.names[i], value))
            found = memory_print("%" PRId64, members.values[i]);
    h5_release_enumeration(&members);
    if (!found && (!strcmp(value, "true") || !strcmp(value, "false")))
        found = memory_copy_text(*value == 't' ? "1" : "0");
    if (!found)
        found = *value && !*end ? memory_print("%.17g", number) : memory_copy_text(value);
    return found;
}

static int refuse_value(const struct Array *array, const char *value, char *const *texts,
                        int64_t count, struct Error *error) {
    struct Text held = {0};
    const char *seen[NAMED];
    int named = 0;
    for (int64_t i = 0; i < count && named < NAMED; i++) {
        bool known = false;
        for (int k = 0; k < named && !known; k++)
            known = !strcmp(seen[k], texts[i]);
        if (known)
            continue;
        text_add(&held, "%s%.40s", named ? ", " : "", texts[i]);
        seen[named++] = texts[i];
    }
    fail(error, ERROR_DATA, "%s:%s: has no value '%.40s'; it has %s%s", array->name.file,
         array->name.path, value, held.data, named == NAMED ? " ..." : "");
    text_release(&held);
    return error->code;
}

int opening__select(const struct Array *array, int64_t count, const char *value, bool *chosen,
                    struct Error *error) {
    const struct H5Info *info = &array->info;
    bool last, readable = info->type < H5_BYTES || info->type == H5_CELLS, found = false;
    char **texts = NULL;
    if (!readable || !opening__fits(info, count, NULL, &last)) {
        struct Text shape = {0};
        text_add_shape(&shape, info->size, info->rank);
        fail(error, ERROR_DATA,
             "%s:%s: holds %s of shape %s; expected a number or a text for each of the %" PRId64
             " samples",
             array->name.file, array->name.path, info->type_name, shape.data, count);
        text_release(&shape);
        return error->code;
    }
    int code = read_as_texts(array, count, &texts, error);
    char *wanted = normalise(array, value);
    for (int64_t i = 0; i < count && code == OK; i++) {
        chosen[i] = !strcmp(texts[i], wanted);
        found |= chosen[i];
    }
    if (code == OK && !found)
        code = refuse_value(array, value, texts, count, error);
    memory_release_texts(texts, code == OK || texts ? count : 0);
    memory_release(wanted);
    return code;
}
