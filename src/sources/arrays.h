/* What the formats whose samples are rows of arrays of numbers have in common. Inside sources/
 * only. */
#ifndef TRAINER_SOURCES_ARRAYS_H
#define TRAINER_SOURCES_ARRAYS_H

#include "sources/source.h"

#define ARRAY_RANK 8
#define ARRAY_SPLITS 16

enum NumberKind { NUMBER_UNSIGNED, NUMBER_SIGNED, NUMBER_FLOAT, NUMBER_TEXT };

/* An array of numbers, or of texts of one length. Its elements are in memory or, if a row is one
 * run of bytes, in a file, which is read as needed. */
struct Array {
    char *name; /* for messages */
    enum NumberKind kind;
    int64_t element; /* bytes of an element: 1, 2, 4 or 8; of a text: any */
    int64_t letter;  /* bytes of a letter of a text: 1 (bytes) or 4 (code points) */
    bool swapped;    /* the bytes of a number are not in the machine's order */
    int rank;
    int64_t size[ARRAY_RANK];
    int64_t stride[ARRAY_RANK]; /* elements from one to the next along each dimension */
    uint8_t *bytes;             /* NULL: in the file */
    int file;                   /* the file, with `offset` where the elements begin; else −1 */
    int64_t offset;
};
void array__release(struct Array *array);
/* Sets the strides: the last dimension moves fastest, or, if `fortran`, the first. ERROR_DATA if
 * the sizes are zero or negative, or their product is beyond 64 bits. */
int array__lay_out(struct Array *array, bool fortran, struct Error *error);
/* The elements, in bytes; and the number of an element in memory. */
int64_t array__bytes(const struct Array *array);
/* ERROR_DATA if this machine's memory cannot hold them. */
int array__check_size(const struct Array *array, struct Error *error);
double array__number(const struct Array *array, const uint8_t *element);
/* Brings the elements of an array that is in a file into memory. */
int array__load(struct Array *array, struct Error *error);

/* The state of such a source: the images of each split, (N, height, width, channels) by their
 * strides. An item is the number of a split and of a row. */
struct Arrays {
    struct Array images[ARRAY_SPLITS];
    bool transposed;
    int32_t first_label, last_label; /* of all splits so far; last_label −1: none */
    /* Classes that are texts, or the values of labels (take_values); NULL: labels are the numbers
     * of the classes. */
    char **texts;
    int64_t text_count;
    bool by_value;
};

/* Makes the state. */
void arrays__start(struct Source *source);
/* Adds a split: images of 1 to 4 dimensions, whose order `axes` says ("NHWC"; NULL: the usual one),
 * and labels or values of the same number, or NULL; takes both arrays over, on failure too. Labels
 * are whole numbers, (N) or (N,1), one-hot or texts; numbers that are not whole are values. If some
 * labels of the first split are negative, each different one is a class, in ascending order. */
int arrays__add(struct Source *source, const char *split, struct Array *images,
                struct Array *labels, const struct SourceOptions *options, struct Error *error);
/* Names the classes, once all splits are known: by their numbers if nothing better is known. */
void arrays__name_classes(struct Source *source, const struct SourceOptions *options);

/* SourceFormat.read and .release. */
int arrays__read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                 struct Error *error);
void arrays__release(struct Source *source);

#endif
