/* MPI's own reduction, for comparison: its order of additions changes with message size, number of
 * ranks and library, so the bits depend on N. */
#include <mpi.h>

#include "base/memory.h"
#include "comm/exchange_method.h"
#include "comm/ranks_mpi.h"

#define PIECE ((int64_t)1 << 28) /* elements per call, whose count is an int */

static int create(struct Exchange *exchange, struct Error *error) {
    (void)error;
    exchange->state = memory_array(float, exchange->buffers.stride, "exchange");
    return OK;
}

static const float *finish(struct Exchange *exchange) {
    MPI_Comm communicator = ranks_communicator(exchange->ranks);
    const float *own = exchange->buffers.data;
    float *result = exchange->state;
    for (int buffer = 1; buffer < exchange->counter.depth; buffer++) {
        exchange->add(result, own, exchange->buffers.data + buffer * exchange->buffers.stride,
                      exchange->elements);
        own = result;
    }
    for (int64_t at = 0; at < exchange->elements; at += PIECE) {
        int count = (int)exchange_clamp(exchange->elements - at, 0, PIECE);
        MPI_Allreduce(own == result ? MPI_IN_PLACE : own + at, result + at, count, MPI_FLOAT,
                      MPI_SUM, communicator);
    }
    return result;
}

static void release(struct Exchange *exchange) {
    memory_release(exchange->state);
}

const struct ExchangeMethod exchange_mpi = {.create = create, .finish = finish, .release = release};
