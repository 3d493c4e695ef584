/* Imports a source (sources/source.h) into a data set file: reads its samples batch by batch,
 * splits off validation samples on request, and writes. Not collective. */
#ifndef TRAINER_DATA_IMPORT_H
#define TRAINER_DATA_IMPORT_H

#include <stdint.h>

#include "base/error.h"
#include "base/ticker.h"
#include "sources/source.h"

struct ImportOptions {
    struct SourceOptions source;
    double validation;  /* the part of every training class that becomes the split "validation" */
    uint64_t seed;      /* chooses which samples that part takes */
    const char *origin; /* how the file was made, for people; stored in it */
};

/* Imports into `path`; *skipped says how many images were left out. Fails as source_open does, or
 * with ERROR_DATA if a class has too few samples to be split, or if samples cannot be read.
 * `ticker` may be NULL. */
int import_dataset(const struct ImportOptions *options, const char *path,
                   const struct Ticker *ticker, int64_t *skipped, struct Error *error);

/* Moves round(part · n) of the n samples of every class of "train" to a new split "validation"; if
 * the targets are values, all samples count as one class. Both splits keep the order of the source;
 * `seed` chooses the samples. ERROR_DATA if there is no split "train", if there is a split
 * "validation" already, or if a class would have no sample left in one of the two. */
int import_split_validation(struct Source *source, double part, uint64_t seed, struct Error *error);

#endif
