#include "sources/class_list.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"

static bool is_number(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value);
}

static int compare_numbers(const void *a, const void *b) {
    double left, right;
    is_number(*(char *const *)a, &left);
    is_number(*(char *const *)b, &right);
    return (left > right) - (left < right);
}

/* Returns how a number is written as the name of a class. */
static char *name_number(const char *text) {
    double value;
    is_number(text, &value);
    return memory_print("%.15g", value);
}

void class_list__make(struct ClassList *list, const char *const *texts, int64_t count) {
    *list = (struct ClassList){.numeric = count > 0};
    double value;
    for (int64_t i = 0; i < count && list->numeric; i++)
        list->numeric = is_number(texts[i], &value);
    int (*compare)(const void *, const void *) = list->numeric ? compare_numbers : text_compare;
    const char **sorted = memory_copy_array(texts, count, "labels");
    if (count > 0)
        qsort(sorted, (size_t)count, sizeof *sorted, compare);
    list->names = memory_array(char *, count, "classes");
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || compare(&sorted[i - 1], &sorted[i]) != 0)
            list->names[list->count++] =
                list->numeric ? name_number(sorted[i]) : memory_copy_text(sorted[i]);
    memory_release(sorted);
}

void class_list__release(struct ClassList *list) {
    memory_release_texts(list->names, list->count);
    *list = (struct ClassList){0};
}

int64_t class_list__find(const struct ClassList *list, const char *text) {
    double value;
    if (list->count == 0 || (list->numeric && !is_number(text, &value)))
        return -1;
    char **found = bsearch(&text, list->names, (size_t)list->count, sizeof *list->names,
                           list->numeric ? compare_numbers : text_compare);
    return found ? found - list->names : -1;
}

int class_names__read(struct Source *source, const char *path, int64_t expected, bool optional,
                      struct Error *error) {
    FILE *file;
    if (optional && access(path, F_OK) != 0 && errno == ENOENT)
        return OK;
    if (read_file_stream(path, &file, error)) {
        error_append(error, "; it names the classes");
        return error->code;
    }
    char *names[256], line[256];
    int64_t count = 0;
    while (count < 256 && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0])
            names[count++] = memory_copy_text(line);
    }
    fclose(file);
    int code = OK;
    if (count == expected)
        source_set_classes(source, (const char *const *)names, count);
    else
        code = fail(error, ERROR_DATA, "%s: %" PRId64 " class names; expected %" PRId64, path,
                    count, expected);
    for (int64_t i = 0; i < count; i++)
        memory_release(names[i]);
    return code;
}
