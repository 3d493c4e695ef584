/* For any number of ranks and hosts: every rank receives its slice of all subtrees, sums it in the
 * tree's order, and sends the sum to all others. It does so in rounds of one block per rank, so
 * that the memory for what is received stays small and MPI's counts fit. */
#include <mpi.h>

#include "base/memory.h"
#include "comm/exchange_method.h"
#include "comm/ranks_mpi.h"

#define BLOCK ((int64_t)1 << 16) /* elements of a subtree in one message, at most */

struct Direct {
    MPI_Comm communicator;
    int64_t slice, block;
    float *result, *received, *scratch;
    const float **sources; /* one block of every piece */
    MPI_Request *requests;
};

static int create(struct Exchange *exchange, struct Error *error) {
    (void)error;
    int pieces = exchange->program.pieces, own = 0;
    for (int piece = 0; piece < pieces; piece++)
        own += exchange->pieces[piece].rank == exchange->rank;
    struct Direct *direct = memory_allocate(sizeof *direct, "exchange");
    int64_t slice = exchange_slice(exchange), block = slice < BLOCK ? slice : BLOCK;
    int64_t messages = (pieces - own) + (int64_t)(exchange->size - 1) * (own + 1);
    *direct = (struct Direct){
        .communicator = ranks_communicator(exchange->ranks),
        .slice = slice,
        .block = block,
        .result = memory_array(float, exchange->buffers.stride, "exchange"),
        .received = memory_array(float, (pieces - own) * block, "exchange"),
        .scratch = memory_array(float, (int64_t)exchange->program.scratch *TREE_BLOCK, "exchange"),
        .sources = memory_array(const float *, pieces, "exchange"),
        .requests = memory_array(MPI_Request, messages, "exchange"),
    };
    exchange->state = direct;
    return OK;
}

/* The block of rank `rank` in the round that starts at `offset` of every slice: its first element
 * in *begin; returns its length. */
static int block_of(const struct Exchange *exchange, int rank, int64_t offset, int64_t *begin) {
    const struct Direct *direct = exchange->state;
    int64_t end = exchange_clamp((rank + 1) * direct->slice, 0, exchange->elements);
    *begin = exchange_clamp(rank * direct->slice + offset, 0, end);
    return (int)exchange_clamp(end - *begin, 0, direct->block);
}

/* Receives this rank's block of every piece and sends the others theirs; `sources` becomes where
 * each block is. */
static void gather_blocks(const struct Exchange *exchange, int64_t offset) {
    const struct Direct *direct = exchange->state;
    int64_t begin;
    int count = block_of(exchange, exchange->rank, offset, &begin), requests = 0;
    float *received = direct->received;
    for (int piece = 0; piece < exchange->program.pieces; piece++) {
        struct ExchangePiece p = exchange->pieces[piece];
        if (p.rank == exchange->rank) {
            const float *own = exchange->buffers.data + p.buffer * exchange->buffers.stride;
            direct->sources[piece] = own + begin;
            for (int i = 1; i < exchange->size; i++) {
                int to = (exchange->rank + i) % exchange->size;
                int64_t at;
                int out = block_of(exchange, to, offset, &at);
                MPI_Isend(own + at, out, MPI_FLOAT, to, p.buffer, direct->communicator,
                          &direct->requests[requests++]);
            }
        } else {
            direct->sources[piece] = received;
            MPI_Irecv(received, count, MPI_FLOAT, p.rank, p.buffer, direct->communicator,
                      &direct->requests[requests++]);
            received += direct->block;
        }
    }
    MPI_Waitall(requests, direct->requests, MPI_STATUSES_IGNORE);
}

/* Sends this rank's summed block to all others and receives theirs. */
static void distribute(const struct Exchange *exchange, int64_t offset) {
    const struct Direct *direct = exchange->state;
    int64_t begin, at;
    int count = block_of(exchange, exchange->rank, offset, &begin), requests = 0;
    for (int i = 1; i < exchange->size; i++) {
        int from = (exchange->rank + exchange->size - i) % exchange->size;
        int in = block_of(exchange, from, offset, &at);
        MPI_Irecv(direct->result + at, in, MPI_FLOAT, from, TREE_DEPTH, direct->communicator,
                  &direct->requests[requests++]);
    }
    for (int i = 1; i < exchange->size; i++)
        MPI_Isend(direct->result + begin, count, MPI_FLOAT, (exchange->rank + i) % exchange->size,
                  TREE_DEPTH, direct->communicator, &direct->requests[requests++]);
    MPI_Waitall(requests, direct->requests, MPI_STATUSES_IGNORE);
}

static const float *finish(struct Exchange *exchange) {
    const struct Direct *direct = exchange->state;
    for (int64_t offset = 0; offset < direct->slice; offset += direct->block) {
        int64_t begin;
        int count = block_of(exchange, exchange->rank, offset, &begin);
        gather_blocks(exchange, offset);
        tree__reduce(&exchange->program, exchange->add, direct->sources, 0, count, direct->scratch,
                     direct->result + begin);
        distribute(exchange, offset);
    }
    return direct->result;
}

static void release(struct Exchange *exchange) {
    struct Direct *direct = exchange->state;
    memory_release(direct->result);
    memory_release(direct->received);
    memory_release(direct->scratch);
    memory_release(direct->sources);
    memory_release(direct->requests);
    memory_release(direct);
}

const struct ExchangeMethod exchange_direct = {
    .create = create, .finish = finish, .release = release};
