#include "store/saved.h"

#include <inttypes.h>

#include "base/memory.h"

static int write_field(struct H5Writer *writer, const char *object, const char *name,
                       const struct SavedField *field, const void *member, struct Error *error) {
    enum H5Type type = H5_INT64;
    int64_t flag;
    if (field->type == SAVED_DOUBLE) {
        type = H5_FLOAT64;
    } else if (field->type == SAVED_BOOL) {
        flag = *(const bool *)member;
        member = &flag;
    } else if (field->type == SAVED_TEXT) {
        type = H5_TEXT;
        member = *(char *const *)member ? *(char *const *)member : "";
    }
    return h5_write_attribute(writer, object, name, type, member, error);
}

int saved_write(struct H5Writer *writer, const char *object, const char *prefix,
                const struct SavedTable *table, const void *value, struct Error *error) {
    int code = OK;
    for (const struct SavedField *field = table->fields; !code && field->name; field++) {
        char *name = memory_print("%s%s", prefix, field->name);
        code = write_field(writer, object, name, field, (const char *)value + field->offset, error);
        memory_release(name);
    }
    return code;
}

static int read_field(struct H5File *file, const char *object, const char *name,
                      const struct SavedField *field, void *member, struct Error *error) {
    static const enum H5Type types[] = {[SAVED_INT64] = H5_INT64,
                                        [SAVED_DOUBLE] = H5_FLOAT64,
                                        [SAVED_BOOL] = H5_INT64,
                                        [SAVED_TEXT] = H5_TEXT};
    int64_t flag = 0;
    if (field->optional && !h5_has_attribute(file, object, name))
        return OK;
    int code = h5_read_attribute(file, object, name, types[field->type],
                                 field->type == SAVED_BOOL ? (void *)&flag : member, error);
    if (code || field->type != SAVED_BOOL)
        return code;
    if (flag != 0 && flag != 1)
        return fail(error, ERROR_CHECKPOINT, "%s:%s: %s is %" PRId64 ", expected 0 or 1",
                    h5_path(file), object, name, flag);
    *(bool *)member = flag != 0;
    return OK;
}

static int check_values(struct H5File *file, const char *object, const char *prefix,
                        const struct SavedTable *table, const void *value, struct Error *error) {
    if (!table->is_valid || table->is_valid(value))
        return OK;
    struct Text text = {0};
    saved_describe(table, prefix, value, &text);
    int code = fail(error, ERROR_CHECKPOINT, "%s:%s: %s are not those of %s", h5_path(file), object,
                    text.data, table->what);
    text_release(&text);
    return code;
}

int saved_read(struct H5File *file, const char *object, const char *prefix,
               const struct SavedTable *table, void *value, struct Error *error) {
    int code = OK;
    saved_start(table, value);
    for (const struct SavedField *field = table->fields; !code && field->name; field++) {
        char *name = memory_print("%s%s", prefix, field->name);
        code = read_field(file, object, name, field, (char *)value + field->offset, error);
        memory_release(name);
    }
    return code ? code : check_values(file, object, prefix, table, value, error);
}
