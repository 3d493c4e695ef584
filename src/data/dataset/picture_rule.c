#include "data/dataset/picture_rule.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "pictures/picture.h"
#include "pictures/resize.h"

#define RESIZE "picture_resize"
#define VALUES "picture_values"

int picture_rule_write(const struct PictureRule *rule, struct H5Writer *writer, const char *object,
                       struct Error *error) {
    int code = OK;
    if (*rule->resize)
        code = h5_write_attribute(writer, object, RESIZE, H5_TEXT, rule->resize, error);
    if (!code && *rule->values)
        code = h5_write_attribute(writer, object, VALUES, H5_TEXT, rule->values, error);
    return code;
}

static int refuse(struct H5File *file, const char *object, const char *name,
                  const char *const *words, int count, const char *found, struct Error *error) {
    struct Text all = {0};
    for (int i = 0; i < count; i++)
        text_add(&all, "%s%s", i ? ", " : "", words[i]);
    fail(error, h5_failure(file), "%s:%s, attribute %s: is '%.40s', expected one of %s",
         h5_path(file), object, name, found, all.data);
    text_release(&all);
    return error->code;
}

/* Reads an attribute that must be one of `words`. The result is "" if there is none. */
static int read_word(struct H5File *file, const char *object, const char *name,
                     const char *const *words, int count, char word[16], struct Error *error) {
    char *text;
    *word = '\0';
    if (!h5_has_attribute(file, object, name))
        return OK;
    int code = h5_read_attribute(file, object, name, H5_TEXT, &text, error);
    if (code)
        return code;
    if (text_index(text, words, count) < 0)
        code = refuse(file, object, name, words, count, text, error);
    else
        strcpy(word, text);
    memory_release(text);
    return code;
}

int picture_rule_read(struct PictureRule *rule, struct H5File *file, const char *object,
                      struct Error *error) {
    const char *values[PICTURE_SCALES + 2] = {PICTURE_RULE_BYTES, PICTURE_RULE_FLOATS};
    for (int i = 0; i < PICTURE_SCALES; i++)
        values[2 + i] = picture_scale_names[i];
    int code =
        read_word(file, object, RESIZE, resize_rule_names, RESIZE_RULES, rule->resize, error);
    if (!code)
        code = read_word(file, object, VALUES, values, PICTURE_SCALES + 2, rule->values, error);
    return code;
}
