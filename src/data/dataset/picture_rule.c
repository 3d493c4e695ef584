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

/* Reads an attribute of at most 15 bytes. The result is "" if there is none. */
static int read_word(struct H5File *file, const char *object, const char *name, char word[16],
                     struct Error *error) {
    char *text;
    *word = '\0';
    if (!h5_has_attribute(file, object, name))
        return OK;
    int code = h5_read_attribute(file, object, name, H5_TEXT, &text, error);
    if (code)
        return code;
    if (strlen(text) < 16)
        strcpy(word, text);
    memory_release(text);
    return OK;
}

int picture_rule_read(struct PictureRule *rule, struct H5File *file, const char *object,
                      struct Error *error) {
    int code = read_word(file, object, RESIZE, rule->resize, error);
    if (!code)
        code = read_word(file, object, VALUES, rule->values, error);
    if (text_index(rule->resize, resize_rule_names, RESIZE_RULES) < 0)
        *rule->resize = '\0';
    if (strcmp(rule->values, PICTURE_RULE_BYTES) && strcmp(rule->values, PICTURE_RULE_FLOATS) &&
        text_index(rule->values, picture_scale_names, PICTURE_SCALES) < 0)
        *rule->values = '\0';
    return code;
}
