#include <math.h>

#include "watch/sight.h"

/* The limit of each phase as a multiple of that of a step. In some phases a rank reads or writes
 * whole files, perhaps on a slow file system, and reports no progress meanwhile. */
static const double factors[BEAT_PHASES] = {
    [BEAT_STARTING] = 5, [BEAT_PREPARING] = 10, [BEAT_FIRST_STEP] = 10,
    [BEAT_STEP] = 1,     [BEAT_VALIDATING] = 2, [BEAT_SAVING] = 10,
    [BEAT_LOOKING] = 5,  [BEAT_EVALUATING] = 2, [BEAT_ENDING] = 5,
};

/* A rank may rest this many times as long as the longest rest after which it went on. */
#define PATIENCE 3
/* The job has to end within the limit, so ranks are judged earlier: the launcher needs seconds to
 * end the processes, and more if it waits for a host that is lost. */
#define MOST_MARGIN 8.0
#define MARGIN 0.25
/* Seconds for which a node that hears no other node waits for others to name the rank that
 * hangs. */
#define MODESTY 10.0
/* Seconds by which the last signs of life of ranks that stop together may differ. */
#define MOMENT 0.5

static double margin_of(const struct Limits *limits) {
    return fmin(MOST_MARGIN, MARGIN * limits->seconds);
}

double judge__limit(const struct Limits *limits, enum BeatPhase phase) {
    return fmax(factors[phase] * limits->seconds - margin_of(limits),
                PATIENCE * limits->longest[phase]);
}

/* Whether a rank is to blame; *seconds is the time for which it has been. */
typedef bool Blames(const struct Sight *sight, const struct Limits *limits, double *seconds);

static bool has_died(const struct Sight *sight, const struct Limits *limits, double *seconds) {
    (void)limits;
    *seconds = sight->silent;
    /* A rank that was ending had finished its work; the launcher may kill it when it ends the
     * job. */
    return sight->state == SIGHT_DIED && sight->phase != BEAT_ENDING;
}

static bool is_unreachable(const struct Sight *sight, const struct Limits *limits,
                           double *seconds) {
    *seconds = sight->unheard;
    return sight->state == SIGHT_RUNS && sight->unheard >= limits->seconds - margin_of(limits);
}

static bool is_silent(const struct Sight *sight, const struct Limits *limits, double *seconds) {
    *seconds = sight->silent;
    return sight->state == SIGHT_RUNS && sight->silent >= limits->seconds - margin_of(limits);
}

/* A process that is stopped gives no sign of life either. It is reported as silent, which takes a
 * little longer, because its last sign of life came after its last progress. */
static bool is_stopped(const struct Sight *sight) {
    return sight->process == 'T' || sight->process == 't';
}

static bool hangs(const struct Sight *sight, const struct Limits *limits, double *seconds) {
    *seconds = sight->still;
    return sight->state == SIGHT_RUNS && !sight->waits && !is_stopped(sight) &&
           sight->still >= judge__limit(limits, sight->phase);
}

static struct Judgement find(enum Finding finding, Blames *blames, const struct Sight *sights,
                             int ranks, const struct Limits *limits) {
    struct Judgement judgement = {.finding = FINDING_NONE};
    for (int rank = 0; rank < ranks; rank++) {
        double seconds;
        if (!blames(&sights[rank], limits, &seconds))
            continue;
        judgement.finding = finding;
        if (judgement.count == 0)
            judgement.seconds = seconds;
        if (judgement.count < JUDGEMENT_RANKS)
            judgement.ranks[judgement.count] = rank;
        judgement.count++;
    }
    return judgement;
}

/* Ranks that stop together do not give their last signs of life at the same moment. When one has
 * been silent for too long, those that will be within MOMENT are reported with it. */
static struct Judgement find_silent(const struct Sight *sights, int ranks,
                                    const struct Limits *limits) {
    struct Limits soon = *limits;
    struct Judgement judgement = find(FINDING_SILENT, is_silent, sights, ranks, limits);
    soon.seconds -= fmin(MOMENT, margin_of(limits));
    return judgement.finding ? find(FINDING_SILENT, is_silent, sights, ranks, &soon) : judgement;
}

/* The ranks that can be seen, taken together. */
struct Crowd {
    int count;
    bool far; /* there are ranks that cannot be seen */
    bool all_wait;
    bool stopped; /* at least one of them is stopped */
    double still; /* seconds since any of them made progress */
    double limit; /* the longest of their limits */
    uint64_t least_turn, most_turn;
};

static struct Crowd crowd_of(const struct Sight *sights, int ranks, const struct Limits *limits) {
    struct Crowd crowd = {.all_wait = true, .still = INFINITY, .least_turn = UINT64_MAX};
    for (int rank = 0; rank < ranks; rank++) {
        const struct Sight *sight = &sights[rank];
        crowd.far |= sight->state == SIGHT_FAR;
        if (sight->state != SIGHT_RUNS)
            continue;
        crowd.count++;
        crowd.all_wait &= sight->waits;
        crowd.stopped |= is_stopped(sight);
        crowd.still = fmin(crowd.still, sight->still);
        crowd.limit = fmax(crowd.limit, judge__limit(limits, sight->phase));
        if (sight->turn < crowd.least_turn)
            crowd.least_turn = sight->turn;
        if (sight->turn > crowd.most_turn)
            crowd.most_turn = sight->turn;
    }
    return crowd;
}

/* All ranks wait for one another. A rank that has entered fewer collective calls than the others
 * keeps them waiting. If a rank is stopped, find_silent will name it instead. */
static struct Judgement judge_crowd(const struct Sight *sights, int ranks,
                                    const struct Limits *limits) {
    struct Crowd crowd = crowd_of(sights, ranks, limits);
    struct Judgement judgement = {.finding = FINDING_NONE, .seconds = crowd.still};
    double modesty = crowd.far ? fmin(MODESTY, limits->seconds) : 0;
    if (crowd.count == 0 || !crowd.all_wait || crowd.stopped || crowd.still < crowd.limit + modesty)
        return judgement;
    judgement.finding = crowd.least_turn < crowd.most_turn ? FINDING_BEHIND : FINDING_DEADLOCK;
    for (int rank = 0; rank < ranks; rank++)
        if (sights[rank].state == SIGHT_RUNS && sights[rank].turn == crowd.least_turn) {
            if (judgement.count < JUDGEMENT_RANKS)
                judgement.ranks[judgement.count] = rank;
            judgement.count++;
        }
    return judgement;
}

/* Whether no rank of this node makes progress. A network that loses the watchdog's messages but not
 * MPI's is no reason to end the job. */
static bool own_node_rests(const struct Sight *sights, int ranks, const struct Limits *limits) {
    for (int rank = 0; rank < ranks; rank++)
        if (sights[rank].node == limits->own_node && sights[rank].state == SIGHT_RUNS &&
            sights[rank].still < limits->seconds - margin_of(limits))
            return false;
    return true;
}

/* Nothing is heard of the nodes of `missing`. If they are all other nodes, and there are several,
 * this node is the one that is cut off. */
static struct Judgement look_home(struct Judgement missing, const struct Sight *sights, int ranks,
                                  const struct Limits *limits) {
    struct Judgement own = {.finding = FINDING_CUT_OFF, .seconds = missing.seconds};
    int other_node = -1;
    bool several = false;
    if (!missing.finding)
        return missing;
    for (int rank = 0; rank < ranks; rank++) {
        const struct Sight *sight = &sights[rank];
        double seconds;
        if (sight->node == limits->own_node) {
            if (own.count < JUDGEMENT_RANKS)
                own.ranks[own.count] = rank;
            own.count++;
        } else if (sight->state == SIGHT_RUNS) {
            if (!is_unreachable(sight, limits, &seconds))
                return missing;
            several |= other_node >= 0 && sight->node != other_node;
            other_node = sight->node;
        }
    }
    return several ? own : missing;
}

struct Judgement judge__ranks(const struct Sight *sights, int ranks, const struct Limits *limits) {
    struct Judgement judgement = find(FINDING_DIED, has_died, sights, ranks, limits);
    if (judgement.finding || limits->seconds <= 0)
        return judgement;
    if (own_node_rests(sights, ranks, limits))
        judgement = look_home(find(FINDING_UNREACHABLE, is_unreachable, sights, ranks, limits),
                              sights, ranks, limits);
    if (!judgement.finding)
        judgement = find_silent(sights, ranks, limits);
    if (!judgement.finding)
        judgement = find(FINDING_HANGS, hangs, sights, ranks, limits);
    return judgement.finding ? judgement : judge_crowd(sights, ranks, limits);
}
