/* What the formats whose samples are rows of arrays of numbers have in common. For sources/ only.
 * Not collective. */
#ifndef TRAINER_SOURCES_ARRAYS_H
#define TRAINER_SOURCES_ARRAYS_H

#include "sources/source.h"

#define ARRAY_RANK 8
#define ARRAY_SPLITS 16

enum NumberKind { NUMBER_UNSIGNED, NUMBER_SIGNED, NUMBER_FLOAT, NUMBER_TEXT };

/* An array of numbers, or of texts of one length. Its elements are in memory or in a file. In a
 * file each row must be contiguous; rows are read as they are needed. */
struct Array {
    char *name; /* for messages */
    enum NumberKind kind;
    int64_t element; /* bytes of an element: 1, 2, 4 or 8; of a text: any number */
    int64_t letter;  /* bytes of a character of a text: 1 (bytes) or 4 (code points) */
    bool swapped;    /* the bytes of a number are not in the machine's order */
    int rank;
    int64_t size[ARRAY_RANK];
    int64_t stride[ARRAY_RANK]; /* distance in elements between neighbours along each dimension */
    uint8_t *bytes;             /* NULL: the elements are in the file */
    int file; /* the open file, whose elements begin at `offset`; −1: the elements are in memory */
    int64_t offset;
};
void array__release(struct Array *array);
/* Sets the strides for row-major order, or column-major order if `fortran`. ERROR_DATA if a size is
 * zero or negative, or if their product does not fit into 64 bits. */
int array__lay_out(struct Array *array, bool fortran, struct Error *error);
/* array__bytes returns the bytes of all elements, array__number the value of the number at
 * `element`. */
int64_t array__bytes(const struct Array *array);
/* Returns ERROR_DATA if this machine's memory cannot hold the elements, else OK. */
int array__check_size(const struct Array *array, struct Error *error);
double array__number(const struct Array *array, const uint8_t *element);
/* Reads the elements of an array that is in a file into memory. */
int array__load(struct Array *array, struct Error *error);

/* The state of such a source: the images of each split, (N, height, width, channels) by their
 * strides. An item combines the index of a split and of a row. */
struct Arrays {
    struct Array images[ARRAY_SPLITS];
    bool transposed;
    int32_t first_label, last_label; /* over all splits so far; last_label −1: no labels */
    /* The names of classes that are texts or values of labels; NULL: labels are the indices of the
     * classes. */
    char **texts;
    int64_t text_count;
    bool by_value;
};

/* Allocates the source's state. */
void arrays__start(struct Source *source);
/* Adds a split: images of 1 to 4 dimensions in the order of options->arrays.axes, and as many
 * labels or values, or NULL. Takes ownership of both arrays, also on failure. Labels are whole
 * numbers, (N) or (N,1), one-hot rows or texts; numbers that are not whole are values. If some
 * labels of the first split are negative, each different one is a class, in ascending order.
 * ERROR_DATA if the arrays do not fit together or to the other splits. */
int arrays__add(struct Source *source, const char *split, struct Array *images,
                struct Array *labels, const struct SourceOptions *options, struct Error *error);
/* Names the classes after all splits were added, by their indices if there are no other names. */
void arrays__name_classes(struct Source *source, const struct SourceOptions *options);

/* SourceFormat.read and .release. */
int arrays__read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                 struct Error *error);
void arrays__release(struct Source *source);

#endif
