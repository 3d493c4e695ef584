/* The passes of a convolution that a library computes. In bf16 the library's kernels for it compute
 * on the elements themselves; where it has none, its fp32 kernels compute on copies, a few samples
 * at a time, so that the copies stay in the caches. Tensors and weights as in
 * compute/convolution.h, as are the other arguments. For convolution.c alone. */
#ifndef TRAINER_COMPUTE_LIBRARY_H
#define TRAINER_COMPUTE_LIBRARY_H

#include "compute/convolution.h"

struct Library;

/* `passes`: those that will be called; `native`: those of them for which the library's kernels for
 * bf16 are to be used if it has fast ones. Fails (ERROR_SYSTEM) if the library cannot do it. */
int library__create(struct Library **library, const struct ConvolutionRequest *request,
                    unsigned passes, unsigned native, struct Error *error);
void library__release(struct Library *library); /* NULL is allowed */

/* The name of what computes a pass. */
const char *library__kernels(const struct Library *library, enum Pass pass);

size_t library__scratch_bytes(const struct Library *library);
size_t library__prepared_bytes(const struct Library *library);
void library__prepare(const struct Library *library, unsigned passes, const void *weights,
                      void *prepared);
void library__forward(const struct Library *library, int64_t samples, const void *x,
                      const void *weights, const void *prepared, const void *bias, void *y,
                      void *scratch);
void library__backward_data(const struct Library *library, int64_t samples, const void *dy,
                            const void *weights, const void *prepared, void *dx, void *scratch);
void library__backward_weights(const struct Library *library, int64_t samples, const void *x,
                               const void *dy, void *dw, void *dbias, void *scratch);

#endif
