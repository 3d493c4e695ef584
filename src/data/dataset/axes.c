#include "data/dataset/axes.h"

#include <string.h>

static int axis_of(char letter) {
    static const char letters[] = "NHWCF"; /* a feature is a channel of the only pixel */
    const char *found = strchr(letters, letter);
    if (!letter || !found)
        return -1;
    return found - letters == AXES ? AXIS_CHANNEL : (int)(found - letters);
}

static const char *automatic(int rank) {
    static const char *const orders[] = {NULL, "N", "NF", "NHW", "NHWC"};
    return rank >= 1 && rank <= 4 ? orders[rank] : NULL;
}

int axes__parse(struct Axes *axes, const char *text, int rank, struct Error *error) {
    bool is_automatic = !strcmp(text, "auto");
    const char *order = is_automatic ? automatic(rank) : text;
    if (!order)
        return fail(error, ERROR_DATA,
                    "has %d dimensions, expected 4: (N, height, width, channels), 3: (N, height, "
                    "width), or 2: (N, features); images of other dimensions need the key shape "
                    "of their split",
                    rank);
    *axes = (struct Axes){.rank = rank, .dimension = {-1, -1, -1, -1}};
    for (int i = 0; order[i]; i++) {
        int axis = axis_of(order[i]);
        if (axis < 0 || axes->dimension[axis] >= 0)
            return fail(
                error, ERROR_RUN_FILE,
                "'%s' is not an order of dimensions; expected each of the letters N, H, W, C "
                "(or F) at most once, such as NCHW",
                text);
        axes->dimension[axis] = i;
    }
    if ((int)strlen(order) != rank)
        return fail(error, ERROR_RUN_FILE, "'%s' names %d dimensions, the array has %d", text,
                    (int)strlen(order), rank);
    return OK;
}

void axes__sizes(const struct Axes *axes, const int64_t *shape, int64_t sizes[AXES]) {
    for (int i = 0; i < AXES; i++)
        sizes[i] = axes->dimension[i] < 0 ? 1 : shape[axes->dimension[i]];
}

bool axes__are_own(const struct Axes *axes) {
    int last = -1;
    for (int i = 0; i < AXES; i++) {
        if (axes->dimension[i] >= 0 && axes->dimension[i] < last)
            return false;
        if (axes->dimension[i] >= 0)
            last = axes->dimension[i];
    }
    return true;
}

/* Copies elements whose distance in `from` is `step`. */
static void gather(int element, int64_t count, int64_t step, const void *from, void *to) {
    const uint8_t *restrict bytes = from;
    const uint32_t *restrict words = from;
    for (int64_t i = 0; element == 1 && i < count; i++)
        ((uint8_t *)to)[i] = bytes[i * step];
    for (int64_t i = 0; element == 4 && i < count; i++)
        ((uint32_t *)to)[i] = words[i * step];
}

void axes__reorder(const struct Axes *axes, const int64_t *shape, int element, const void *from,
                   void *to) {
    int64_t strides[AXES] = {0}, sizes[AXES];
    axes__sizes(axes, shape, sizes);
    for (int i = 0; i < AXES; i++) {
        strides[i] = axes->dimension[i] < 0 ? 0 : 1;
        for (int d = axes->dimension[i] + 1; axes->dimension[i] >= 0 && d < axes->rank; d++)
            strides[i] *= shape[d];
    }
    char *out = to;
    for (int64_t n = 0; n < sizes[AXIS_SAMPLE]; n++)
        for (int64_t h = 0; h < sizes[AXIS_HEIGHT]; h++)
            for (int64_t w = 0; w < sizes[AXIS_WIDTH]; w++) {
                int64_t at =
                    n * strides[AXIS_SAMPLE] + h * strides[AXIS_HEIGHT] + w * strides[AXIS_WIDTH];
                gather(element, sizes[AXIS_CHANNEL], strides[AXIS_CHANNEL],
                       (const char *)from + at * element, out);
                out += sizes[AXIS_CHANNEL] * element;
            }
}
