/* The built-in data set: drawn images of ten kinds of figure, with enough distraction that a linear
 * classifier fails and a small convolutional network succeeds (bench/synthetic_difficulty.py
 * measures both). An image is a pure function of (seed, split, index, size): the same bits for any
 * number of threads and on every x86-64 machine. Not collective. */
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
/* The figure's centre, from the left and from the top, and roughly half its size; all in pixels. */
extern const char *const synthesis_target_names[SYNTHESIS_TARGETS];

enum SynthesisSplit { SYNTHESIS_TRAIN, SYNTHESIS_TEST, SYNTHESIS_VALIDATION, SYNTHESIS_SPLITS };

struct Synthesis {
    uint64_t seed;
    int64_t size; /* height and width */
    bool targets; /* targets are the place of the figure; else labels say what it is */
    int64_t count[SYNTHESIS_SPLITS]; /* images in each split; 0: no such split */
    const char *origin; /* how the file was made, for people; stored in it; NULL: nothing is */
};

/* Draws image `index` of a split into pixels (size, size, 3) and returns its label: index modulo
 * the number of classes. */
int32_t synthesize_image(uint64_t seed, enum SynthesisSplit split, int64_t index, int64_t size,
                         uint8_t *pixels);

/* Writes a data set file. `ticker` may be NULL. ERROR_SYSTEM if it cannot be written. */
int synthesize(const struct Synthesis *synthesis, const char *path, const struct Ticker *ticker,
               struct Error *error);

#endif
