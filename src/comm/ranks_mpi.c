#include "comm/ranks_mpi.h"

#include <string.h>

#include "base/memory.h"
#include "base/process.h"
#include "comm/ranks_link.h"

/* MPI's counts are int: longer messages are sent in pieces of this many bytes. */
#define PIECE ((int64_t)1 << 30)

struct RanksMpi {
    struct Ranks ranks;
    MPI_Comm all, node;
};

MPI_Comm ranks_communicator(const struct Ranks *ranks) {
    return ((const struct RanksMpi *)ranks)->all;
}

MPI_Comm ranks_node_communicator(const struct Ranks *ranks) {
    return ((const struct RanksMpi *)ranks)->node;
}

static int piece_of(int64_t left) {
    return narrow_int(left < PIECE ? left : PIECE);
}

static void barrier(struct Ranks *ranks) {
    MPI_Barrier(ranks_communicator(ranks));
}

static void broadcast(struct Ranks *ranks, int root, void *data, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += PIECE)
        MPI_Bcast((char *)data + at, piece_of(bytes - at), MPI_BYTE, root,
                  ranks_communicator(ranks));
}

static void extreme(struct Ranks *ranks, int64_t *values, int count, bool maximum) {
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_INT64_T, maximum ? MPI_MAX : MPI_MIN,
                  ranks_communicator(ranks));
}

static void sum(struct Ranks *ranks, int64_t *values, int64_t count) {
    for (int64_t at = 0; at < count; at += PIECE)
        MPI_Allreduce(MPI_IN_PLACE, values + at, piece_of(count - at), MPI_INT64_T, MPI_SUM,
                      ranks_communicator(ranks));
}

static void gather_long(struct Ranks *ranks, const void *mine, int64_t bytes, void *all) {
    MPI_Comm communicator = ranks_communicator(ranks);
    if (ranks->rank == 0)
        memmove(all, mine, (size_t)bytes);
    for (int from = 1; from < ranks->size; from++)
        for (int64_t at = 0; at < bytes; at += PIECE) {
            int count = piece_of(bytes - at);
            if (ranks->rank == from)
                MPI_Send((const char *)mine + at, count, MPI_BYTE, 0, 0, communicator);
            else if (ranks->rank == 0)
                MPI_Recv((char *)all + from * bytes + at, count, MPI_BYTE, from, 0, communicator,
                         MPI_STATUS_IGNORE);
        }
}

static void gather(struct Ranks *ranks, const void *mine, int64_t bytes, void *all) {
    if (bytes > PIECE)
        gather_long(ranks, mine, bytes, all);
    else
        MPI_Gather(mine, narrow_int(bytes), MPI_BYTE, all, narrow_int(bytes), MPI_BYTE, 0,
                   ranks_communicator(ranks));
}

static void gather_all(struct Ranks *ranks, const void *mine, int64_t bytes, void *all) {
    if (bytes > PIECE) {
        gather_long(ranks, mine, bytes, all);
        broadcast(ranks, 0, all, ranks->size * bytes);
    } else {
        MPI_Allgather(mine, narrow_int(bytes), MPI_BYTE, all, narrow_int(bytes), MPI_BYTE,
                      ranks_communicator(ranks));
    }
}

static void release(struct Ranks *ranks) {
    struct RanksMpi *mpi = (struct RanksMpi *)ranks;
    MPI_Comm_free(&mpi->node);
    MPI_Comm_free(&mpi->all);
    memory_release(mpi);
}

static struct Ranks *split(struct Ranks *ranks, int group);

static const struct RanksOperations operations = {
    .release = release,
    .barrier = barrier,
    .broadcast = broadcast,
    .extreme = extreme,
    .sum = sum,
    .gather = gather,
    .gather_all = gather_all,
    .split = split,
};

/* mpirun and Slurm end the whole job, whatever communicator MPI_Abort is given. */
static void abort_job(int code) {
    MPI_Abort(MPI_COMM_SELF, code);
}

/* Numbers the nodes by their lowest ranks. */
static void find_nodes(struct RanksMpi *mpi) {
    struct Ranks *ranks = &mpi->ranks;
    int lowest = ranks->rank;
    MPI_Bcast(&lowest, 1, MPI_INT, 0, mpi->node);
    ranks->node = memory_array(int, ranks->size, "the nodes of the ranks");
    MPI_Allgather(&lowest, 1, MPI_INT, ranks->node, 1, MPI_INT, mpi->all);
    for (int rank = 0; rank < ranks->size; rank++) /* a lowest rank comes before its others */
        ranks->node[rank] =
            ranks->node[rank] == rank ? ranks->nodes++ : ranks->node[ranks->node[rank]];
}

struct Ranks *ranks_from_communicator(MPI_Comm communicator) {
    struct RanksMpi *mpi = memory_allocate(sizeof *mpi, "ranks");
    struct Ranks *ranks = &mpi->ranks;
    MPI_Comm_dup(communicator, &mpi->all);
    MPI_Comm_rank(mpi->all, &ranks->rank);
    check_set_handler(abort_job, ranks->rank);
    MPI_Comm_size(mpi->all, &ranks->size);
    MPI_Comm_split_type(mpi->all, MPI_COMM_TYPE_SHARED, ranks->rank, MPI_INFO_NULL, &mpi->node);
    find_nodes(mpi);
    ranks->operations = &operations;
    ranks->beat = &ranks->own_beat;
    char host[HOST_NAME] = "";
    process_own_host(host, sizeof host);
    ranks->hosts = memory_allocate((size_t)ranks->size * sizeof host, "the names of the hosts");
    ranks_gather_all(ranks, host, sizeof host, ranks->hosts);
    return ranks;
}

static struct Ranks *split(struct Ranks *ranks, int group) {
    MPI_Comm part;
    MPI_Comm_split(ranks_communicator(ranks), group, ranks->rank, &part);
    struct Ranks *made = ranks_from_communicator(part);
    check_set_handler(abort_job, ranks->rank); /* messages name the rank in the job */
    MPI_Comm_free(&part);
    return made;
}
