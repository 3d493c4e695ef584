#include "ensemble/reliability.h"

#include <math.h>

void reliability_add(struct Reliability *reliability, double confidence, bool right) {
    int bin = (int)ceil(confidence * RELIABILITY_BINS) - 1;
    bin = bin < 0 ? 0 : bin >= RELIABILITY_BINS ? RELIABILITY_BINS - 1 : bin;
    reliability->counts[bin]++;
    reliability->confidence[bin] += confidence;
    reliability->accuracy[bin] += right;
}

void reliability_finish(struct Reliability *reliability) {
    int64_t all = 0;
    for (int b = 0; b < RELIABILITY_BINS; b++)
        all += reliability->counts[b];
    for (int b = 0; b < RELIABILITY_BINS; b++) {
        double count = (double)reliability->counts[b];
        if (count == 0)
            continue;
        reliability->confidence[b] /= count;
        reliability->accuracy[b] /= count;
        double error = fabs(reliability->accuracy[b] - reliability->confidence[b]);
        reliability->expected_error += count / (double)all * error;
        reliability->largest_error = fmax(reliability->largest_error, error);
    }
}
