#include "compute/columns.h"

#define SUM_CHANNELS 16 /* a cache line of floats: what one thread sums */
#define SUM_ROWS 256    /* rows summed in `real`; these sums are added in double */

void KERNEL(columns__sum)(int64_t rows, int64_t channels, const void *matrix, real *sum) {
    const element *from = matrix;
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < channels; c += SUM_CHANNELS) {
        int64_t width = channels - c < SUM_CHANNELS ? channels - c : SUM_CHANNELS;
        double total[SUM_CHANNELS] = {0};
        for (int64_t row = 0; row < rows; row += SUM_ROWS) {
            int64_t end = row + SUM_ROWS < rows ? row + SUM_ROWS : rows;
            real part[SUM_CHANNELS] = {0};
            if (width == SUM_CHANNELS) {
                for (int64_t r = row; r < end; r++)
                    for (int64_t i = 0; i < SUM_CHANNELS; i++)
                        part[i] += element_value(from[r * channels + c + i]);
            } else {
                for (int64_t r = row; r < end; r++)
                    for (int64_t i = 0; i < width; i++)
                        part[i] += element_value(from[r * channels + c + i]);
            }
            for (int64_t i = 0; i < width; i++)
                total[i] += (double)part[i];
        }
        for (int64_t i = 0; i < width; i++)
            sum[c + i] = (real)total[i];
    }
}
