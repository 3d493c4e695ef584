/* Recursive vector halving, nearest rank first, then doubling (Rabenseifner 2004, "Optimization of
 * collective reduction operations"). If each rank has one complete subtree, the pairs of step i are
 * siblings in the tree, i levels above the ranks, so that the partial sums are exactly the tree's
 * nodes. */
#include <inttypes.h>
#include <mpi.h>

#include "base/memory.h"
#include "comm/exchange_method.h"
#include "comm/ranks_mpi.h"

/* Elements of a message: few enough to be added while they are still in the cache. */
#define PIECE ((int64_t)1 << 18)
#define STEPS 31

struct Halving {
    MPI_Comm communicator;
    float *result, *received;
};

struct Range {
    int64_t begin, end;
};

static bool power_of_two(int64_t value) {
    return value > 0 && (value & (value - 1)) == 0;
}

int exchange__halving_check(int64_t ranks, int64_t shards, struct Error *error) {
    int64_t each = shards / ranks;
    if (power_of_two(ranks) && power_of_two(each))
        return OK;
    return fail(error, ERROR_RUN_FILE,
                "halving needs powers of two, found %" PRId64 " rank%s of %" PRId64
                " shard%s each; use direct or auto",
                ranks, ranks == 1 ? "" : "s", each, each == 1 ? "" : "s");
}

static int create(struct Exchange *exchange, struct Error *error) {
    int code = exchange__halving_check(exchange->size, exchange->shards, error);
    if (code)
        return code;
    struct Halving *halving = memory_allocate(sizeof *halving, "exchange");
    halving->communicator = ranks_communicator(exchange->ranks);
    halving->result = memory_array(float, exchange->buffers.stride, "exchange");
    halving->received = memory_array(float, PIECE, "exchange");
    exchange->state = halving;
    return OK;
}

static int piece_of(int64_t begin, int64_t end) {
    return (int)exchange_clamp(end - begin, 0, PIECE);
}

/* Sends the partner its half of the partial sum at `source`, and adds what the partner sends to the
 * other half. */
static void halve(const struct Exchange *exchange, const float *source, int partner,
                  struct Range give, struct Range keep) {
    const struct Halving *halving = exchange->state;
    while (give.begin < give.end || keep.begin < keep.end) {
        int out = piece_of(give.begin, give.end), in = piece_of(keep.begin, keep.end);
        MPI_Sendrecv(source + give.begin, out, MPI_FLOAT, partner, 0, halving->received, in,
                     MPI_FLOAT, partner, 0, halving->communicator, MPI_STATUS_IGNORE);
        exchange->add(halving->result + keep.begin, source + keep.begin, halving->received, in);
        give.begin += out;
        keep.begin += in;
    }
}

/* Sends the partner the finished range, and receives the partner's. */
static void double_up(const struct Halving *halving, int partner, struct Range give,
                      struct Range take) {
    while (give.begin < give.end || take.begin < take.end) {
        int out = piece_of(give.begin, give.end), in = piece_of(take.begin, take.end);
        MPI_Sendrecv(halving->result + give.begin, out, MPI_FLOAT, partner, 0,
                     halving->result + take.begin, in, MPI_FLOAT, partner, 0, halving->communicator,
                     MPI_STATUS_IGNORE);
        give.begin += out;
        take.begin += in;
    }
}

static const float *finish(struct Exchange *exchange) {
    const struct Halving *halving = exchange->state;
    const float *source = exchange->buffers.data;
    struct Range kept[STEPS + 1] = {{0, exchange->elements}}, given[STEPS];
    int steps = 0;
    for (int distance = 1; distance < exchange->size; distance *= 2, steps++) {
        struct Range all = kept[steps];
        int64_t middle = all.begin + (all.end - all.begin + 1) / 2;
        bool upper = exchange->rank & distance;
        struct Range low = {all.begin, middle}, high = {middle, all.end};
        kept[steps + 1] = upper ? high : low;
        given[steps] = upper ? low : high;
        halve(exchange, source, exchange->rank ^ distance, given[steps], kept[steps + 1]);
        source = halving->result;
    }
    for (int step = steps - 1; step >= 0; step--)
        double_up(halving, exchange->rank ^ 1 << step, kept[step + 1], given[step]);
    return halving->result;
}

static void release(struct Exchange *exchange) {
    struct Halving *halving = exchange->state;
    memory_release(halving->result);
    memory_release(halving->received);
    memory_release(halving);
}

const struct ExchangeMethod exchange_halving = {
    .create = create, .finish = finish, .release = release};
