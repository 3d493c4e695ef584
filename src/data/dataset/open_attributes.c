/* Attributes by which other programs, such as netCDF, say how the values of an array are meant. */
#include <math.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

static const struct {
    const char *name;
    double harmless; /* with this value it says nothing */
    bool marks_missing;
} attributes[UNAPPLIED_MOST] = {{"scale_factor", 1, false},
                                {"add_offset", 0, false},
                                {"_FillValue", NAN, true},
                                {"missing_value", NAN, true}};

static void find_attributes(const struct Array *array, struct UnappliedAttributes *found) {
    for (int i = 0; i < UNAPPLIED_MOST; i++) {
        struct Error ignored;
        double value;
        const char *name = attributes[i].name;
        if (h5_has_attribute(array->file, array->name.path, name) &&
            !h5_read_attribute(array->file, array->name.path, name, H5_FLOAT64, &value, &ignored) &&
            isfinite(value) && value != attributes[i].harmless)
            found->items[found->count++] = (struct UnappliedAttribute){
                .name = name, .value = value, .marks_missing = attributes[i].marks_missing};
    }
    if (found->count)
        found->array = memory_print("%s:%s", array->name.file, array->name.path);
}

void opening__attributes(struct Opening *opening, const struct Arrays *arrays) {
    struct UnappliedAttributes *found = &opening->dataset->unapplied;
    for (int i = 0; i < arrays->count && !found->count; i++)
        find_attributes(&arrays->items[i], found);
}
