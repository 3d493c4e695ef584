/* Saved values in HDF5: those that a table describes become attributes, and what is more than that
 * (arrays, names) its owner writes and reads itself. Not collective. */
#ifndef TRAINER_STORE_SAVED_H
#define TRAINER_STORE_SAVED_H

#include "base/saved.h"
#include "store/h5.h"

/* The attributes of `object` called `prefix` and a field's name. */
int saved_write(struct H5Writer *writer, const char *object, const char *prefix,
                const struct SavedTable *table, const void *value, struct Error *error);
/* Reads what saved_write wrote into `value`, whose texts it replaces, and refuses values that are
 * not valid, naming all of them. Fields that are optional and absent get their start. */
int saved_read(struct H5File *file, const char *object, const char *prefix,
               const struct SavedTable *table, void *value, struct Error *error);

/* How an owner saves a value that holds arrays or names. */
struct SavedGroup {
    int (*save)(const void *value, struct H5Writer *writer, struct Error *error);
    /* `value` is all zeros, or released; on failure it is released again. */
    int (*load)(void *value, struct H5File *file, struct Error *error);
    void (*release)(void *value); /* leaves zeros */
};

#endif
