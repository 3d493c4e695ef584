/* The built-in data set: drawn images of ten kinds of figure under nuisance that defeats a linear
 * classifier and not a small convolutional network (bench/synthetic_difficulty.py measures both).
 * An image is a pure function of (seed, split, index, size): the same bits whatever the number of
 * threads, and on every x86-64 machine. Not collective. */
#ifndef TRAINER_DATA_SYNTHESIZE_H
#define TRAINER_DATA_SYNTHESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ticker.h"

#define SYNTHESIS_CLASSES 10
#define SYNTHESIS_TARGETS 3
#define SYNTHESIS_LEAST_SIZE 16
#define SYNTHESIS_MOST_SIZE 512

extern const char *const synthesis_class_names[SYNTHESIS_CLASSES];
/* Of the figure, in pixels: its centre from the left and from the top, and about half its size. */
extern const char *const synthesis_target_names[SYNTHESIS_TARGETS];

enum SynthesisSplit { SYNTHESIS_TRAIN, SYNTHESIS_TEST, SYNTHESIS_VALIDATION, SYNTHESIS_SPLITS };

struct Synthesis {
    uint64_t seed;
    int64_t size;                    /* height and width */
    bool targets;                    /* where the figure stands instead of what it is */
    int64_t count[SYNTHESIS_SPLITS]; /* images a split; 0: no such split */
};

/* Draws image `index` of a split into pixels (size, size, 3) and returns its label: index modulo
 * the number of classes. */
int32_t synthesize_image(uint64_t seed, enum SynthesisSplit split, int64_t index, int64_t size,
                         uint8_t *pixels);

/* Writes a data set file. */
int synthesize(const struct Synthesis *synthesis, const char *path, const struct Ticker *ticker,
               struct Error *error);

#endif
