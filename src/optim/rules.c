#include "optim/rules.h"

#include <math.h>

#include "base/memory.h"
#include "base/pattern.h"

static const char *const truth_names[] = {"false", "true", NULL};

#define PENALTY_KEY(key, meaning)                                                                  \
    {                                                                                              \
        .name = #key, .type = KEY_REAL, .offset = offsetof(struct RuleOptions, key),               \
        .optional = true, .minimum = 0, .maximum = 1e6, .help = meaning,                           \
        .without_regularisation = "0"                                                              \
    }
#define RULE_KEYS                                                                                  \
    {.name = "name",                                                                               \
     .type = KEY_STRING,                                                                           \
     .offset = offsetof(struct RuleOptions, name),                                                 \
     .fallback = "'*'",                                                                            \
     .help = "pattern over their names: '0.weight', '3.body.*', '[0-4].*' (in quotes if it "       \
             "begins with a star)"},                                                               \
        {.name = "frozen",                                                                         \
         .type = KEY_ENUM,                                                                         \
         .offset = offsetof(struct RuleOptions, frozen),                                           \
         .names = truth_names,                                                                     \
         .optional = true,                                                                         \
         .help = "true: they stay as they are; false: they are trained even if an earlier rule "   \
                 "froze them"},                                                                    \
        {.name = "rate",                                                                           \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(struct RuleOptions, rate),                                             \
         .optional = true,                                                                         \
         .minimum = 0,                                                                             \
         .maximum = 1e6,                                                                           \
         .help = "a factor of their learning rate"},                                               \
        PENALTY_KEY(weight_decay, "their weight decay, instead of the optimizer's: L2 adds "       \
                                  "weight_decay / 2 * w^2 to the loss; with l1 an elastic net"),   \
        PENALTY_KEY(l1, "L1 penalty: adds l1 * |w| to the loss, which drives many weights "        \
                        "close to 0")
#define MAX_NORM_KEY                                                                               \
    PENALTY_KEY(max_norm, "largest norm of the weights into one output (a filter, a row of a "     \
                          "linear layer's matrix): longer ones are scaled back after each step; "  \
                          "0: no limit")

static const struct Key weight_keys[] = {RULE_KEYS, MAX_NORM_KEY, KEY_END};
static const struct Key other_keys[] = {RULE_KEYS, KEY_END};

static const struct Kind rule_weights = {.name = "weights",
                                         .summary =
                                             "For weights of convolutions and linear layers.",
                                         .keys = weight_keys,
                                         .options_size = sizeof(struct RuleOptions)};
static const struct Kind rule_biases = {.name = "biases",
                                        .summary = "For biases.",
                                        .keys = other_keys,
                                        .options_size = sizeof(struct RuleOptions)};
static const struct Kind rule_normalisations = {.name = "normalisations",
                                                .summary =
                                                    "For the scales and shifts of normalisations.",
                                                .keys = other_keys,
                                                .options_size = sizeof(struct RuleOptions)};
static const struct Kind rule_slopes = {.name = "slopes",
                                        .summary = "For the slopes that activations learn (prelu).",
                                        .keys = other_keys,
                                        .options_size = sizeof(struct RuleOptions)};
static const struct Kind rule_all = {
    .name = "all",
    .summary = "For parameters of every kind; max_norm then holds for the weights among them.",
    .keys = weight_keys,
    .options_size = sizeof(struct RuleOptions)};
static const struct Kind *const kinds[] = {&rule_weights, &rule_biases, &rule_normalisations,
                                           &rule_slopes,  &rule_all,    NULL};
const struct KindTable rule_kinds = {.what = "parameter rule", .kinds = kinds};

static bool is_of_kind(const struct ArenaRow *row, const struct Kind *kind) {
    switch (row->role) {
    case ROLE_WEIGHT:
        return kind == &rule_weights || kind == &rule_all;
    case ROLE_BIAS:
        return kind == &rule_biases || kind == &rule_all;
    case ROLE_NORMALISATION:
        return kind == &rule_normalisations || kind == &rule_all;
    case ROLE_SLOPE:
        return kind == &rule_slopes || kind == &rule_all;
    case ROLE_STATISTIC:
        return false;
    }
    return false;
}

static void override_with(double *setting, double value) {
    if (!isnan(value))
        *setting = value;
}

static void apply(const struct RuleOptions *rule, const struct ArenaRow *row,
                  struct RowSettings *settings) {
    if (rule->frozen >= 0)
        settings->frozen = rule->frozen;
    override_with(&settings->rate, rule->rate);
    override_with(&settings->weight_decay, rule->weight_decay);
    override_with(&settings->l1, rule->l1);
    if (row->role == ROLE_WEIGHT)
        override_with(&settings->max_norm, rule->max_norm);
}

static int refuse_idle(const struct Choice *rule, const struct Arena *arena, struct Error *error) {
    const struct RuleOptions *options = rule->options;
    const char *kind = rule->kind == &rule_all ? "parameters" : rule->kind->name;
    const char **names = memory_array(const char *, arena->row_count, "names of parameters");
    int count = 0;
    for (int i = 0; i < arena->row_count; i++)
        if (is_of_kind(&arena->rows[i], rule->kind))
            names[count++] = arena->rows[i].name;
    const char *nearest = pattern_nearest(options->name, names, count);
    memory_release((void *)names);
    if (!nearest)
        return schema_fail(error, rule, NULL, "the model has no %s", kind);
    return schema_fail(error, rule, "name", "'%s' matches none of the model's %s; nearest is '%s'",
                       options->name, kind, nearest);
}

/* Refuses a rule that sets nothing, and one that sets another key beside frozen: true, because
 * frozen rows have no update. */
static int refuse_useless(const struct Choice *rule, struct Error *error) {
    const struct RuleOptions *options = rule->options;
    bool norm = rule->kind->keys == weight_keys; /* only these kinds have the key max_norm */
    const struct {
        const char *key;
        double value;
    } updates[] = {{"rate", options->rate},
                   {"weight_decay", options->weight_decay},
                   {"l1", options->l1},
                   {"max_norm", norm ? options->max_norm : NAN}};
    size_t count = sizeof updates / sizeof *updates, set = 0;
    while (set < count && isnan(updates[set].value))
        set++;
    if (set == count && options->frozen < 0)
        return schema_fail(error, rule, NULL, "sets nothing; expected frozen, rate, weight_decay%s",
                           norm ? ", l1 or max_norm" : " or l1");
    if (set < count && options->frozen == 1)
        return schema_fail(error, rule, updates[set].key,
                           "%g beside frozen: true, which leaves nothing to update; expected "
                           "frozen alone",
                           updates[set].value);
    return OK;
}

static int apply_everywhere(const struct Choice *rule, const struct Arena *arena,
                            struct RowSettings *settings, struct Error *error) {
    const struct RuleOptions *options = rule->options;
    bool idle = true;
    int code = refuse_useless(rule, error);
    if (code)
        return code;
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (!is_of_kind(row, rule->kind) || !pattern_match(options->name, row->name))
            continue;
        idle = false;
        apply(options, row, &settings[i]);
    }
    return idle ? refuse_idle(rule, arena, error) : OK;
}

static int check_something_trains(const struct ChoiceList *rules, const struct Arena *arena,
                                  const struct RowSettings *settings, struct Error *error) {
    for (int i = 0; i < arena->row_count; i++)
        if (!settings[i].frozen)
            return OK;
    const struct Choice *freezer = NULL;
    for (int i = 0; i < rules->count; i++)
        if (((const struct RuleOptions *)rules->items[i].options)->frozen == 1)
            freezer = &rules->items[i];
    return freezer ? schema_fail(error, freezer, "frozen",
                                 "nothing is left to train: the rules freeze every parameter")
                   : OK; /* the model has no parameters at all */
}

int rules_apply(const struct ChoiceList *rules, const struct OptimizerCommon *common,
                const struct Arena *arena, struct RowSettings *settings, struct Error *error) {
    for (int i = 0; i < arena->row_count; i++) {
        enum ArenaRole role = arena->rows[i].role;
        bool trained = role != ROLE_STATISTIC;
        bool decayed = trained && (common->decay == ROWS_ALL || role == ROLE_WEIGHT);
        settings[i] = (struct RowSettings){
            .frozen = !trained, .rate = 1, .weight_decay = decayed ? common->weight_decay : 0};
    }
    for (int i = 0; rules && i < rules->count; i++) {
        int code = apply_everywhere(&rules->items[i], arena, settings, error);
        if (code)
            return code;
    }
    return rules ? check_something_trains(rules, arena, settings, error) : OK;
}
