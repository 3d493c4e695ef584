/* Messages between nodes. Under mpirun the ranks of this host are taken for ranks of several. */
#include "base/clock.h"
#include "comm/ranks_link.h"
#include "comm/world.h"
#include "watch/channel.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct Ranks *ranks;

/* Two ranks a node. */
static void divide_into_nodes(void) {
    if (ranks->size == 1)
        return;
    ranks->nodes = (ranks->size + 1) / 2;
    for (int rank = 0; rank < ranks->size; rank++)
        ranks->node[rank] = rank / 2;
}

struct Heard {
    int reports[16], refused[16], endings;
    struct Sight sight[16];
};

static void take_report(void *context, int node, const struct Report *report) {
    struct Heard *heard = context;
    uint64_t busy;
    assert_int_equal(node, ranks->node[report->rank]);
    heard->reports[report->rank]++;
    report__unpack(report->words, &heard->sight[report->rank], &busy);
    assert_int_equal(busy, 1000 + report->rank);
}

static void take_ending(void *context, int node) {
    (void)node;
    ((struct Heard *)context)->endings++;
}

static void take_refusal(void *context, int rank) {
    ((struct Heard *)context)->refused[rank]++;
}

/* For a time, not for a number of messages: they may come one by one. */
static void listen_to(struct Channel *channel, struct Heard *heard) {
    struct ChannelReceiver receiver = {
        .context = heard, .report = take_report, .ending = take_ending, .refused = take_refusal};
    struct pollfd one = {.fd = channel__descriptor(channel), .events = POLLIN};
    for (double end = clock_seconds() + 0.4; clock_seconds() < end;) {
        poll(&one, 1, 20);
        channel__receive(channel, &receiver);
    }
}

static void a_report_keeps_what_it_says(void **state) {
    struct Sight said = {.state = SIGHT_DIED,
                         .phase = BEAT_SAVING,
                         .waits = true,
                         .process = 'T',
                         .pid = 2000000,
                         .turn = 5000000000,
                         .step = 6000000000,
                         .still = 12.5,
                         .silent = 1e9},
                 heard;
    struct Report report;
    uint64_t busy;
    (void)state;
    report__pack(&report, 7, &said, 1234567890123);
    report__unpack(report.words, &heard, &busy);
    assert_int_equal(report.rank, 7);
    assert_int_equal(heard.state, said.state);
    assert_int_equal(heard.phase, said.phase);
    assert_true(heard.waits);
    assert_int_equal(heard.process, 'T');
    assert_int_equal(heard.pid, said.pid);
    assert_int_equal(heard.turn, said.turn);
    assert_int_equal(heard.step, said.step);
    assert_float_equal(heard.still, 12.5, 1e-9);
    assert_true(heard.silent > 4e6);
    assert_int_equal(busy, 1234567890123);
}

static void a_report_with_nonsense_is_no_danger(void **state) {
    struct Sight heard;
    uint64_t busy, words[CHANNEL_WORDS];
    (void)state;
    memset(words, 0xff, sizeof words);
    report__unpack(words, &heard, &busy);
    assert_in_range(heard.phase, 0, BEAT_PHASES - 1);
    assert_in_range(heard.state, 0, SIGHT_FAR);
}

static void one_node_has_no_channel(void **state) {
    struct Channel *channel;
    struct Error error;
    struct Ranks *alone = ranks_alone();
    (void)state;
    assert_int_equal(channel__create(&channel, alone, &error), OK);
    assert_null(channel);
    assert_int_equal(channel__descriptor(channel), -1);
    ranks_release(alone);
}

static void every_node_hears_all_others(void **state) {
    struct Channel *channel;
    struct Error error = {0};
    struct Heard heard = {0};
    int64_t wrong = 0;
    (void)state;
    if (ranks_size(ranks) == 1)
        skip();
    assert_int_equal(channel__create(&channel, ranks, &error), OK);
    struct Sight sight = {.state = SIGHT_RUNS, .step = 42};
    struct Report report;
    int own = ranks_rank(ranks);
    report__pack(&report, own, &sight, (uint64_t)(1000 + own));
    channel__send_reports(channel, &report, 1);
    ranks_barrier(ranks);
    channel__send_ending(channel, "rank 1 hangs");
    listen_to(channel, &heard);
    for (int rank = 0; rank < ranks_size(ranks); rank++) {
        bool other = ranks_node(ranks, rank) != ranks_node(ranks, own);
        wrong += (heard.reports[rank] > 0) != other;
        wrong += other && heard.sight[rank].step != 42;
    }
    wrong += (heard.endings > 0) != (ranks_nodes(ranks) > 1);
    assert_int_equal(world_total(ranks, wrong), 0);
    channel__release(channel);
}

static int living_elsewhere(int dead) {
    int count = 0;
    for (int rank = 0; rank < ranks_size(ranks); rank++)
        count += rank != dead && ranks_node(ranks, rank) != ranks_node(ranks, ranks_rank(ranks));
    return count;
}

/* The last rank's channel is closed: the others learn that its process is gone. */
static void a_host_refuses_messages_to_a_process_that_is_gone(void **state) {
    struct Channel *channel;
    struct Error error = {0};
    struct Heard heard = {0};
    struct Report report;
    struct Sight sight = {.state = SIGHT_RUNS, .step = 42};
    int own = ranks_rank(ranks), last = ranks_size(ranks) - 1;
    (void)state;
    if (ranks_nodes(ranks) == 1)
        skip();
    assert_int_equal(channel__create(&channel, ranks, &error), OK);
    if (own == last)
        channel__release(channel);
    ranks_barrier(ranks);
    report__pack(&report, own, &sight, (uint64_t)(1000 + own));
    if (own != last) {
        channel__send_reports(channel, &report, 1);
        listen_to(channel, &heard);
        channel__send_reports(channel, &report, 1);
        poll(NULL, 0, 50); /* the refusal of that is there when the next message is sent */
        channel__send_ending(channel, "rank 1 hangs");
        int tries = 8; /* a rank may be late */
        do
            listen_to(channel, &heard);
        while (heard.endings < living_elsewhere(last) && --tries > 0);
    }
    int64_t wrong = 0;
    for (int rank = 0; rank <= last && own != last; rank++)
        wrong += (heard.refused[rank] > 0) !=
                 (rank == last && ranks_node(ranks, rank) != ranks_node(ranks, own));
    if (own != last) /* nothing got lost: one from each of the other nodes' ranks that live */
        wrong += heard.endings != living_elsewhere(last);
    assert_int_equal(world_total(ranks, wrong), 0);
    if (own != last)
        channel__release(channel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_keeps_what_it_says),
        cmocka_unit_test(a_report_with_nonsense_is_no_danger),
        cmocka_unit_test(one_node_has_no_channel),
        cmocka_unit_test(every_node_hears_all_others),
        cmocka_unit_test(a_host_refuses_messages_to_a_process_that_is_gone),
    };
    ranks = world_start();
    divide_into_nodes();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(ranks);
    return failed;
}
