/* The exchange between the ranks of one host, through an MPI-3 shared window. Every rank's buffers
 * are in its own segment of the window. Each rank sums one slice of the elements over all subtrees,
 * reading the other ranks' buffers directly, into a result that all ranks read. Nothing is copied
 * and no message is sent: the protocol is two barriers. After the first, all buffers are complete;
 * after the second, the whole result is complete and nobody reads the buffers any more. The result
 * of a step is overwritten only after the next step's first barrier, when no rank needs it any
 * more. */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "base/memory.h"
#include "comm/exchange_method.h"
#include "comm/ranks_mpi.h"

#define SHARED_FOLDER "/dev/shm" /* where Open MPI and MPICH keep windows */
#define PAGE_BYTES 4096
#define HEADER_BYTES PAGE_BYTES /* at the start of each segment: the flag */

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "flags between processes must be lock-free");

struct Window {
    MPI_Win window;
    MPI_Comm node;
    int size;
    int spins; /* tries before the processor is given to another process */
    uint64_t turn;
    _Atomic uint64_t *own_flag;
    _Atomic uint64_t **flags; /* of every rank: how many barriers it has reached */
    const float **sources;    /* every piece's buffer */
    float *result, *scratch;
};

/* Waits until all ranks have reached this barrier. A rank that waits long lets other processes run
 * (there may be more ranks than cores), and lets MPI deliver messages that others may wait for. If
 * a rank dies, the launcher ends the others. */
static void barrier(struct Window *window) {
    uint64_t turn = ++window->turn;
    atomic_store_explicit(window->own_flag, turn, memory_order_release);
    for (int rank = 0; rank < window->size; rank++)
        for (int tries = 1; atomic_load_explicit(window->flags[rank], memory_order_acquire) < turn;
             tries++) {
            exchange_pause(tries, window->spins);
            if (tries >= window->spins && tries % 64 == 0) {
                int flag;
                MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, window->node, &flag, MPI_STATUS_IGNORE);
            }
        }
}

static size_t segment_bytes(const struct Exchange *exchange) {
    int64_t buffers =
        exchange->buffers.count + (exchange->rank == 0); /* rank 0 has the result too */
    return PAGE_BYTES + HEADER_BYTES + (size_t)(buffers * exchange->buffers.stride) * sizeof(float);
}

/* MPI does not touch the window's memory when it allocates it: without room the ranks would die of
 * SIGBUS in a step. */
static int check_room(struct Exchange *exchange, struct Error *error) {
    struct statvfs room;
    int64_t needed = (int64_t)segment_bytes(exchange), least = INT64_MAX;
    int64_t most = needed;
    ranks_maximum(exchange->ranks, &most, 1);
    if (statvfs(SHARED_FOLDER, &room) == 0)
        least = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
    ranks_minimum(exchange->ranks, &least, 1);
    if (most <= least / exchange->size)
        return OK;
    return fail(error, ERROR_SYSTEM,
                "the shared window of %d ranks needs up to %" PRId64 " MiB in " SHARED_FOLDER
                ", which has %" PRId64 " MiB left; use direct or auto",
                exchange->size, most * exchange->size >> 20, least >> 20);
}

/* The first whole page of a rank's segment: Open MPI puts something of its own at the start. All
 * processes map the memory at page borders, so that they find the same page. */
static char *segment_of(const struct Window *window, int rank) {
    MPI_Aint bytes;
    int unit;
    char *base;
    MPI_Win_shared_query(window->window, rank, &bytes, &unit, &base);
    return base + (-(uintptr_t)base & (PAGE_BYTES - 1));
}

/* The slice that this rank sums: [begin, begin + count). */
static int64_t own_slice(const struct Exchange *exchange, int64_t *begin) {
    int64_t slice = exchange_slice(exchange);
    *begin = exchange_clamp(exchange->rank * slice, 0, exchange->elements);
    return exchange_clamp(exchange->elements - *begin, 0, slice);
}

/* The rank that will use a page writes to it first, so that it is placed in that rank's memory. */
static void touch(const struct Exchange *exchange, struct Window *window, char *base) {
    int64_t begin, count = own_slice(exchange, &begin);
    size_t own =
        HEADER_BYTES + (size_t)(exchange->buffers.count * exchange->buffers.stride) * sizeof(float);
    /* Only advice; most systems follow it for shared memory only if they are set up to. */
    madvise(base, own, MADV_HUGEPAGE);
    memset(base, 0, own);
    if (count)
        memset(window->result + begin, 0, (size_t)count * sizeof(float));
}

/* Allocates this rank's segment of the shared window; returns its first whole page. */
static char *open_window(const struct Exchange *exchange, struct Window *window) {
    MPI_Info info;
    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true"); /* memory near its owner */
    char *base;
    MPI_Win_allocate_shared((MPI_Aint)segment_bytes(exchange), 1, info, window->node, &base,
                            &window->window);
    MPI_Info_free(&info);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window->window);
    return segment_of(window, exchange->rank);
}

/* The buffers in the segment of a rank. */
static float *buffers_of(const struct Window *window, int rank) {
    return (float *)(segment_of(window, rank) + HEADER_BYTES);
}

/* Where the flags, the pieces and the result are in the segments of all ranks. */
static void find_segments(const struct Exchange *exchange, struct Window *window) {
    int ranks = exchange->size, pieces = exchange->program.pieces;
    window->flags = memory_array(_Atomic uint64_t *, ranks, "exchange");
    for (int rank = 0; rank < ranks; rank++)
        window->flags[rank] = (_Atomic uint64_t *)segment_of(window, rank);
    window->own_flag = window->flags[exchange->rank];
    window->sources = memory_array(const float *, pieces, "exchange");
    for (int piece = 0; piece < pieces; piece++) {
        struct ExchangePiece p = exchange->pieces[piece];
        window->sources[piece] = buffers_of(window, p.rank) + p.buffer * exchange->buffers.stride;
    }
    struct TreeCounter counter;
    int buffers_of_first = tree__count(&counter, exchange->shards, 0, exchange->count);
    window->result = buffers_of(window, 0) + buffers_of_first * exchange->buffers.stride;
}

static int create(struct Exchange *exchange, struct Error *error) {
    int ranks = exchange->size;
    int64_t scratch = (int64_t)exchange->program.scratch * TREE_BLOCK;
    if (ranks_nodes(exchange->ranks) > 1)
        return fail(error, ERROR_RUN_FILE,
                    "window works for the ranks of one host, and these are on %d; use "
                    "halving, direct or auto",
                    ranks_nodes(exchange->ranks));
    int code = check_room(exchange, error);
    if (code)
        return code;
    struct Window *window = memory_array(struct Window, 1, "exchange");
    *window = (struct Window){.size = ranks,
                              .node = ranks_node_communicator(exchange->ranks),
                              .spins = exchange_spins(exchange),
                              .scratch = memory_array(float, scratch, "exchange")};
    exchange->state = window;
    char *base = open_window(exchange, window);
    exchange->buffers.data = buffers_of(window, exchange->rank);
    find_segments(exchange, window);
    touch(exchange, window, base);
    ranks_barrier(exchange->ranks); /* all flags are zero before any rank counts */
    return OK;
}

static const float *finish(struct Exchange *exchange) {
    struct Window *window = exchange->state;
    int64_t begin, count = own_slice(exchange, &begin);
    barrier(window);
    tree__reduce(&exchange->program, exchange->add, window->sources, begin, count, window->scratch,
                 window->result + begin);
    barrier(window);
    return window->result;
}

static void release(struct Exchange *exchange) {
    struct Window *window = exchange->state;
    MPI_Win_unlock_all(window->window);
    MPI_Win_free(&window->window);
    memory_release(window->flags);
    memory_release(window->sources);
    memory_release(window->scratch);
    memory_release(window);
}

const struct ExchangeMethod exchange_window = {
    .create = create, .finish = finish, .release = release};
