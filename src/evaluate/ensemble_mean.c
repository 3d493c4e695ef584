#include "evaluate/ensemble_mean.h"

#include <float.h>
#include <math.h>

void ensemble_mean_add(double *sum, enum EnsembleMean mean, double weight, const float *predictions,
                       int64_t values) {
    bool geometric = mean == ENSEMBLE_MEAN_GEOMETRIC;
    for (int64_t i = 0; i < values; i++) {
        double p = predictions[i];
        sum[i] += weight * (geometric ? log(fmax(p, DBL_MIN)) : p);
    }
}

void ensemble_mean_finish(double *sum, enum EnsembleMean mean, bool distributions, int64_t samples,
                          int64_t outputs, float *predictions) {
    for (int64_t i = 0; i < samples; i++) {
        double *row = sum + i * outputs, total = 0;
        for (int64_t c = 0; c < outputs; c++) {
            if (mean == ENSEMBLE_MEAN_GEOMETRIC)
                row[c] = exp(row[c]);
            total += row[c];
        }
        for (int64_t c = 0; c < outputs; c++)
            predictions[i * outputs + c] = (float)(distributions ? row[c] / total : row[c]);
    }
}
