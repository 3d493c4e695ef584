#include "base/saved.h"

#include <inttypes.h>

#include "base/memory.h"

static void set_start(const struct SavedField *field, void *member) {
    switch (field->type) {
    case SAVED_INT64:
        *(int64_t *)member = (int64_t)field->start;
        break;
    case SAVED_DOUBLE:
        *(double *)member = field->start;
        break;
    case SAVED_BOOL:
        *(bool *)member = field->start != 0;
        break;
    case SAVED_TEXT:
        memory_release(*(char **)member);
        *(char **)member = NULL;
        break;
    }
}

void saved_start(const struct SavedTable *table, void *value) {
    for (const struct SavedField *field = table->fields; field->name; field++)
        set_start(field, (char *)value + field->offset);
}

void saved_release(const struct SavedTable *table, void *value) {
    for (const struct SavedField *field = table->fields; field->name; field++)
        if (field->type == SAVED_TEXT)
            set_start(field, (char *)value + field->offset);
}

static void add_value(const struct SavedField *field, const void *member, struct Text *text) {
    switch (field->type) {
    case SAVED_INT64:
        text_add(text, " %" PRId64, *(const int64_t *)member);
        break;
    case SAVED_DOUBLE:
        text_add(text, " %g", *(const double *)member);
        break;
    case SAVED_BOOL:
        text_add(text, " %s", *(const bool *)member ? "true" : "false");
        break;
    case SAVED_TEXT:
        text_add(text, " '%s'", *(char *const *)member ? *(char *const *)member : "");
        break;
    }
}

void saved_describe(const struct SavedTable *table, const char *prefix, const void *value,
                    struct Text *text) {
    for (const struct SavedField *field = table->fields; field->name; field++) {
        text_add(text, "%s%s%s", field == table->fields ? "" : ", ", prefix, field->name);
        add_value(field, (const char *)value + field->offset, text);
    }
}
