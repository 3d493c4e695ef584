/* Attributes by which other programs, such as netCDF, say how the values of an array are meant. */
#include <math.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

static const struct {
    const char *name;
    double harmless; /* with this value it says nothing */
} attributes[] = {
    {"scale_factor", 1}, {"add_offset", 0}, {"_FillValue", NAN}, {"missing_value", NAN}};

static void add_attributes(const struct Array *array, struct Text *found) {
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        struct Error ignored;
        double value;
        const char *name = attributes[i].name;
        if (h5_has_attribute(array->file, array->name.path, name) &&
            !h5_read_attribute(array->file, array->name.path, name, H5_FLOAT64, &value, &ignored) &&
            isfinite(value) && value != attributes[i].harmless)
            text_add(found, "%s%s %g", found->length ? ", " : "", name, value);
    }
}

void opening__attributes(struct Opening *opening, const struct Arrays *arrays) {
    struct Dataset *dataset = opening->dataset;
    for (int i = 0; i < arrays->count && !dataset->unapplied; i++) {
        const struct Array *array = &arrays->items[i];
        struct Text found = {0};
        add_attributes(array, &found);
        if (found.length)
            dataset->unapplied =
                memory_print("%s:%s: values are used as they are stored; its attributes are not "
                             "applied: %s",
                             array->name.file, array->name.path, found.data);
        text_release(&found);
    }
}
