/* Switches off the keys that are regularisations (without_regularisation in runfile/schema.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runfile/parse.h"
#include "runfile/runfile.h"

static void drop_in_choices(const struct ChoiceList *list) {
    for (int i = 0; i < list->count; i++)
        runfile_drop_regularisation(list->items[i].kind->keys, list->items[i].options);
}

static void switch_off(const struct Key *key, void *field) {
    if (key->type == KEY_REAL) {
        double *value = field;
        if (!isnan(*value))
            *value = strtod(key->without_regularisation, NULL);
        return;
    }
    CHECK(key->type == KEY_ENUM);
    int i = 0;
    while (strcmp(key->names[i], key->without_regularisation) != 0)
        i++;
    *(int *)field = i;
}

void runfile_drop_regularisation(const struct Key *keys, void *options) {
    for (const struct Key *key = keys; key && key->name; key++) {
        void *field = (char *)options + key->offset;
        const struct Choice *choice = field;
        const struct ChoiceLists *lists = field;
        if (key->without_regularisation)
            switch_off(key, field);
        else if (key->type == KEY_SECTION)
            runfile_drop_regularisation(key->keys, field);
        else if (key->type == KEY_CHOICE && choice->kind)
            runfile_drop_regularisation(choice->kind->keys, choice->options);
        else if (key->type == KEY_CHOICES)
            drop_in_choices(field);
        else if (key->type == KEY_CHOICE_LISTS)
            for (int i = 0; i < lists->count; i++)
                drop_in_choices(&lists->items[i]);
    }
}
