#include "comm/roll_call.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "comm/facts_compare.h"
#include "comm/ranks_link.h"

#define TAG_FACTS 28001   /* to rank 0: the host's name in HOST_NAME bytes, then the facts */
#define TAG_VERDICT 28002 /* from rank 0: struct Verdict */
#define MOST_BYTES (1 << 20)

struct Verdict {
    int32_t code;
    char text[1020];
};

/* One rank's message, on rank 0. */
struct Introduction {
    char *bytes; /* NULL: none yet */
    int length;
};

static char *introduce(const struct Text *facts, int *length) {
    size_t text = facts->length < MOST_BYTES ? facts->length : MOST_BYTES;
    char *bytes = memory_array(char, (int64_t)(HOST_NAME + text + 1), "facts");
    process_own_host(bytes, HOST_NAME);
    if (text)
        memcpy(bytes + HOST_NAME, facts->data, text);
    *length = (int)(HOST_NAME + text);
    return bytes;
}

static void wait_a_little(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* Takes one message that has arrived, if there is one. */
static bool receive_one(MPI_Comm communicator, struct Introduction *all) {
    int arrived, length;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_FACTS, communicator, &arrived, &status);
    if (!arrived)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &length);
    struct Introduction *from = &all[status.MPI_SOURCE];
    char *bytes = memory_array(char, (int64_t)length + HOST_NAME + 1, "facts");
    MPI_Recv(bytes, length, MPI_BYTE, status.MPI_SOURCE, TAG_FACTS, communicator,
             MPI_STATUS_IGNORE);
    bytes[HOST_NAME - 1] = '\0';
    memory_release(from->bytes);
    *from = (struct Introduction){bytes, length};
    return true;
}

/* Fails if a rank has not answered in time. */
static int receive_all(MPI_Comm communicator, int size, double patience, struct Introduction *all,
                       struct Error *error) {
    double end = clock_seconds() + patience;
    for (int missing = size - 1; missing > 0;) {
        if (receive_one(communicator, all))
            missing--;
        else if (clock_seconds() > end)
            break;
        else
            wait_a_little();
    }
    int silent = 0;
    while (silent < size && all[silent].bytes)
        silent++;
    if (silent == size)
        return OK;
    return fail(error, ERROR_SYSTEM,
                "rank %d has started MPI, but has said nothing for %.0f s: it runs another "
                "program or another version of this one; all ranks need the same",
                silent, patience);
}

static const char *facts_of(const struct Introduction *from) {
    return from->bytes + HOST_NAME;
}

static int judge(const struct Introduction *all, int size, struct Error *error) {
    struct Digest *digests = memory_array(struct Digest, size, "digests");
    struct Disagreement found;
    int code = OK;
    for (int i = 0; i < size; i++)
        digests[i] = digest_bytes(facts_of(&all[i]), strlen(facts_of(&all[i])));
    if (facts__find_odd(digests, size, &found)) {
        found.odd_text = all[found.odd].bytes + HOST_NAME;
        found.other_text = all[found.other].bytes + HOST_NAME;
        code = facts_tell(&found, all[found.odd].bytes, all[found.other].bytes, error);
    }
    memory_release(digests);
    return code;
}

static int call_the_roll(MPI_Comm communicator, int size, const struct Text *facts, double patience,
                         bool *answered, struct Error *error) {
    struct Introduction *all = memory_array(struct Introduction, size, "facts");
    all[0].bytes = introduce(facts, &all[0].length);
    int code = receive_all(communicator, size, patience, all, error);
    *answered = !code;
    if (!code) {
        struct Verdict verdict = {.code = judge(all, size, error)};
        code = verdict.code;
        snprintf(verdict.text, sizeof verdict.text, "%s", code ? error->text : "");
        for (int rank = 1; rank < size; rank++)
            MPI_Send(&verdict, sizeof verdict, MPI_BYTE, rank, TAG_VERDICT, communicator);
    }
    for (int i = 0; i < size; i++)
        memory_release(all[i].bytes);
    memory_release(all);
    return code;
}

/* Waits twice as long as rank 0, which knows more and is to be the one that speaks. */
static int answer_the_call(MPI_Comm communicator, const struct Text *facts, double patience,
                           bool *answered, struct Error *error) {
    struct Verdict verdict;
    int length, received = 0;
    char *mine = introduce(facts, &length);
    MPI_Request requests[2];
    MPI_Irecv(&verdict, sizeof verdict, MPI_BYTE, 0, TAG_VERDICT, communicator, &requests[0]);
    MPI_Isend(mine, length, MPI_BYTE, 0, TAG_FACTS, communicator, &requests[1]);
    for (double end = clock_seconds() + 2 * patience; !received && clock_seconds() < end;) {
        MPI_Testall(2, requests, &received, MPI_STATUSES_IGNORE);
        if (!received)
            wait_a_little();
    }
    *answered = received;
    if (!received) /* the buffer stays: the message may still be on its way */
        return fail(error, ERROR_SYSTEM,
                    "rank 0 has started MPI, but has said nothing for %.0f s: it runs another "
                    "program or another version of this one; all ranks need the same",
                    2 * patience);
    memory_release(mine);
    return verdict.code ? fail(error, verdict.code, "%s", verdict.text) : OK;
}

int roll_call(MPI_Comm communicator, const struct Text *facts, double patience, bool *answered,
              struct Error *error) {
    int rank, size;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &size);
    *answered = true;
    if (size == 1)
        return OK;
    return rank == 0 ? call_the_roll(communicator, size, facts, patience, answered, error)
                     : answer_the_call(communicator, facts, patience, answered, error);
}
