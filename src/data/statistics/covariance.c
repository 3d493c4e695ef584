#include "data/statistics/covariance.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "compute/lapack.h"

int64_t covariance__bytes(int64_t elements) {
    return (elements * elements + (COVARIANCE_BLOCK + 2) * elements) * (int64_t)sizeof(double);
}

static double *zeros(int64_t count) {
    return memory_array(double, count, "a covariance matrix");
}

void covariance__start(struct Covariance *covariance, int64_t elements, bool bytes,
                       const float *mean) {
    *covariance = (struct Covariance){.elements = elements,
                                      .bytes = bytes,
                                      .shift = zeros(elements),
                                      .sum = zeros(elements),
                                      .scatter = zeros(elements * elements),
                                      .block = zeros(COVARIANCE_BLOCK * elements)};
    for (int64_t i = 0; i < elements; i++)
        covariance->shift[i] = bytes ? rint((double)mean[i]) : (double)mean[i];
}

void covariance__release(struct Covariance *covariance) {
    memory_release(covariance->shift);
    memory_release(covariance->sum);
    memory_release(covariance->scatter);
    memory_release(covariance->block);
    *covariance = (struct Covariance){0};
}

static void add_block(struct Covariance *covariance, int64_t images) {
    int64_t elements = covariance->elements;
    for (int64_t image = 0; image < images; image++)
        for (int64_t i = 0; i < elements; i++)
            covariance->sum[i] += covariance->block[image * elements + i];
    lapack_add_scatter(images, elements, covariance->block, covariance->scatter);
}

void covariance__add(struct Covariance *covariance, const void *images, int64_t count) {
    int64_t elements = covariance->elements;
    for (int64_t image = 0; image < count; image++) {
        int64_t place = covariance->count++ % COVARIANCE_BLOCK;
        double *row = covariance->block + place * elements;
        if (covariance->bytes)
            for (int64_t i = 0; i < elements; i++)
                row[i] = ((const uint8_t *)images)[image * elements + i] - covariance->shift[i];
        else
            for (int64_t i = 0; i < elements; i++)
                row[i] =
                    (double)((const float *)images)[image * elements + i] - covariance->shift[i];
        if (place == COVARIANCE_BLOCK - 1)
            add_block(covariance, COVARIANCE_BLOCK);
    }
}

void covariance__flush(struct Covariance *covariance) {
    add_block(covariance, covariance->count % COVARIANCE_BLOCK);
}

void covariance__finish(struct Covariance *covariance) {
    CHECK(covariance->count > 0);
    int64_t elements = covariance->elements;
    double count = (double)covariance->count;
    for (int64_t i = 0; i < elements; i++)
        for (int64_t j = 0; j <= i; j++) {
            double *at = &covariance->scatter[i * elements + j];
            *at = (*at - covariance->sum[i] * covariance->sum[j] / count) / count;
        }
}
