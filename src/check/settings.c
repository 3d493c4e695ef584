/* Item 0: values in the run file that hardly any run has, each of which explains by itself why
 * training would fail. Nothing is computed. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/looks_at_settings.h"
#include "optim/rules.h"

struct Finding *check__add_setting(struct Preflight *preflight, const char *name) {
    return findings__add(preflight->findings, CHECK_SETTINGS, name);
}

double check__number_of(const struct Choice *choice, const char *name) {
    for (const struct Key *key = choice->kind->keys; key && key->name; key++) {
        const void *field = (const char *)choice->options + key->offset;
        if (key->type == KEY_REAL && !strcmp(key->name, name))
            return *(const double *)field;
        if (key->type == KEY_INT && !strcmp(key->name, name))
            return (double)*(const int64_t *)field;
    }
    return NAN;
}

const char *check__word_of(const struct Choice *choice, const char *name) {
    for (const struct Key *key = choice->kind->keys; key && key->name; key++)
        if (key->type == KEY_ENUM && !strcmp(key->name, name))
            return key->names[*(const int *)((const char *)choice->options + key->offset)];
    return "";
}

/* ---- The loss ---- */

static void look_at_loss(struct Preflight *preflight) {
    const struct Experiment *experiment = preflight->experiment;
    if (!check__loss_is_of_values(experiment) ||
        targets_are_values(&experiment_parts(experiment)->dataset->targets))
        return;
    struct Finding *finding = check__add_setting(preflight, "loss");
    finding__say(finding, "%s, and the targets are classes",
                 experiment_options(experiment)->loss.kind->name);
    finding__expect(finding, "cross_entropy, or another loss of classes");
    finding__blame(finding, CHECK_DOUBTFUL,
                   "wrong loss: it is made for values, and learns classes slowly or not at all",
                   "set loss: cross_entropy");
}

static void look_at_smoothing(struct Preflight *preflight) {
    double smoothing =
        check__number_of(&experiment_options(preflight->experiment)->loss, "label_smoothing");
    if (!(smoothing > 0))
        return;
    struct Finding *finding = check__add_setting(preflight, "label_smoothing");
    finding__figure(finding, "label_smoothing", smoothing);
    finding__say(finding, "%g of each target is spread over all classes", smoothing);
    finding__expect(finding, "about 0.1");
    if (smoothing > 0.4)
        finding__blame(finding, smoothing > 0.7 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "label smoothing is so strong that the targets hardly say which class is "
                       "right",
                       "set label_smoothing to 0.1, or to 0");
}

#define MOST_SHARE 100 /* of a class in the loss, times that of another */

/* How much each class counts in the loss: its samples times its weight. */
static void look_at_shares(struct Finding *finding, const struct RunParts *parts) {
    int64_t classes = parts->class_weights.count, most = -1, least = -1;
    double *share = memory_array(double, classes, "shares of the classes");
    for (int64_t i = 0; i < parts->train->count; i++)
        share[parts->train->labels[i]] += parts->class_weights.values[parts->train->labels[i]];
    for (int64_t k = 0; k < classes; k++) {
        most = share[k] > 0 && (most < 0 || share[k] > share[most]) ? k : most;
        least = share[k] > 0 && (least < 0 || share[k] < share[least]) ? k : least;
    }
    double times = most < 0 ? 1 : share[most] / share[least];
    if (times > MOST_SHARE) {
        finding__figure(finding, "most_over_least", times);
        finding__say(finding, "; the samples of %s count %.3g times as much as those of %s",
                     parts->dataset->targets.names[most], times,
                     parts->dataset->targets.names[least]);
        finding__blame(finding, times > 10 * MOST_SHARE ? CHECK_BAD : CHECK_DOUBTFUL,
                       "class_weights let one class decide the loss: the network hardly learns the "
                       "others",
                       "set class_weights: balanced, or weights that differ less");
    }
    memory_release(share);
}

static void look_at_class_weights(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct ClassWeights *weights = &parts->class_weights;
    const struct Strings *given =
        loss_class_weights(&experiment_options(preflight->experiment)->loss);
    if (!given || !given->count || given->count != weights->count) /* none, or balanced */
        return;
    struct Finding *finding = check__add_setting(preflight, "class_weights");
    finding__say(finding, "%" PRId64 " weights", weights->count);
    finding__expect(finding, "weights above 0");
    for (int64_t i = 0; i < weights->count; i++) {
        if (weights->values[i] != 0)
            continue;
        finding__say(finding, "; that of %s is 0", parts->dataset->targets.names[i]);
        finding__blame(finding, CHECK_DOUBTFUL, "a class has weight 0: the network never learns it",
                       "give it a weight above 0, or take its samples out");
    }
    if (parts->train->labels)
        look_at_shares(finding, parts);
}

/* ---- Dropout ---- */

static void look_at_dropout(struct Preflight *preflight) {
    static const char *const keys[] = {"dropconnect", "drop"};
    const struct Model *model = experiment_parts(preflight->experiment)->model;
    const struct Node *worst = NULL;
    double most = 0;
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        bool drops = strstr(node_layer_name(node), "dropout") != NULL;
        for (size_t k = 0; k < sizeof keys / sizeof *keys + drops; k++) {
            const char *key = k < sizeof keys / sizeof *keys ? keys[k] : "rate";
            double rate = check__number_of(node->choice, key);
            if (!(rate > most))
                continue;
            most = rate;
            worst = node;
        }
    }
    if (!worst)
        return;
    struct Finding *finding = check__add_setting(preflight, "dropout");
    finding__figure(finding, "most", most);
    finding__say(finding, "layer %s (%s) drops %g %% of its input", worst->path,
                 node_layer_name(worst), 100 * most);
    finding__expect(finding, "10 to 50 %%");
    if (most > 0.8)
        finding__blame(finding, most > 0.9 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "dropout leaves so little that the next layer sees mostly noise",
                       "lower the rate of that layer to 0.5 or less");
}

/* ---- The order of the samples ---- */

static void look_at_order(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct TrainOptions *train = &experiment_options(preflight->experiment)->train;
    const int32_t *labels = parts->train->labels;
    int64_t classes = parts->dataset->targets.count, count = parts->train->count, changes = 0;
    if (train->shuffle || train->sampling == SAMPLING_BALANCED || !labels || count < 2)
        return;
    double *parts_of = memory_array(double, classes, "parts of the classes"), alike = 0;
    for (int64_t i = 0; i < count; i++) {
        parts_of[labels[i]] += 1.0 / (double)count;
        changes += i > 0 && labels[i] != labels[i - 1];
    }
    for (int64_t k = 0; k < classes; k++)
        alike += parts_of[k] * parts_of[k];
    memory_release(parts_of);
    struct Finding *finding = check__add_setting(preflight, "order");
    double expected = (1 - alike) * (double)(count - 1);
    finding__figure(finding, "changes", (double)changes);
    finding__figure(finding, "changes_if_shuffled", expected);
    finding__say(finding,
                 "samples are not shuffled; from one to the next the class changes %" PRId64
                 " times",
                 changes);
    finding__expect(finding, "about %.0f times, as in a random order", expected);
    if ((double)changes < 0.5 * expected)
        finding__blame(finding, CHECK_BAD,
                       "the samples come class by class and are not shuffled: the network forgets "
                       "each class while it sees the next",
                       "set train.shuffle: true");
}

/* ---- The model ---- */

/* The linear layer, but for the last, that passes on the fewest numbers, apart from layers in
 * containers, which may have ways around them. */
static const struct Node *narrowest_layer(const struct Model *model) {
    const struct Node *narrowest = NULL;
    for (int i = 0; i < model_node_count(model) - 1; i++) {
        const struct Node *node = model_node(model, i);
        if (!strcmp(node_layer_name(node), "linear") && !strchr(node->path, '.') &&
            (!narrowest || node->out.channels < narrowest->out.channels))
            narrowest = node;
    }
    return narrowest;
}

static void look_at_width(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Node *layer = narrowest_layer(parts->model);
    int64_t classes = parts->dataset->targets.count;
    if (!layer || !parts->train->labels || (double)layer->out.channels >= log2((double)classes))
        return;
    struct Finding *finding = check__add_setting(preflight, "width");
    finding__figure(finding, "width", (double)layer->out.channels);
    finding__say(finding,
                 "layer %s (linear) has %" PRId64 " output%s, from which %" PRId64
                 " classes have to be told apart",
                 layer->path, layer->out.channels, layer->out.channels == 1 ? "" : "s", classes);
    finding__expect(finding, "at least as many as classes");
    finding__blame(finding, layer->out.channels == 1 ? CHECK_BAD : CHECK_DOUBTFUL,
                   "the model is too small: a layer is so narrow that hardly anything of its input "
                   "gets through",
                   "make the layer wider");
}

/* The linear layer that makes the input of `node`, with at most layers between that are linear in
 * prediction; NULL: another layer does. */
static const struct Node *linear_before(const struct Model *model, const struct Node *node) {
    static const char *const linear[] = {"flatten", "dropout", "batchnorm", NULL};
    int tensor = node->inputs[0];
    for (int i = node->index - 1; i >= 0; i--) {
        const struct Node *before = model_node(model, i);
        if (before->output != tensor)
            continue;
        if (!strcmp(node_layer_name(before), "linear"))
            return before;
        if (text_index(node_layer_name(before), linear, -1) < 0)
            return NULL;
        tensor = before->inputs[0];
    }
    return NULL;
}

/* Two linear layers with nothing between them that is not linear. A first one that is narrower than
 * its input and the second one's output was meant: it makes the product a small one. */
static void look_at_activations(struct Preflight *preflight) {
    const struct Model *model = experiment_parts(preflight->experiment)->model;
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        const struct Node *before =
            strcmp(node_layer_name(node), "linear") != 0 ? NULL : linear_before(model, node);
        if (!before || (before->out.channels < shape_elements(before->in[0]) &&
                        before->out.channels < node->out.channels))
            continue;
        struct Finding *finding = check__add_setting(preflight, "activations");
        finding__say(finding, "layers %s and %s are linear, without an activation between them",
                     before->path, node->path);
        finding__expect(finding, "an activation, such as relu, between two linear layers");
        finding__blame(finding, CHECK_DOUBTFUL,
                       "an activation is missing: two linear layers one after the other can learn "
                       "no more than one",
                       "put relu between them, or leave one out");
        return;
    }
}

#define FEW_VALUES 8

/* The batch normalisation whose statistics come from the fewest values of a channel. */
static void look_at_batchnorm(struct Preflight *preflight) {
    const struct TrainOptions *train = &experiment_options(preflight->experiment)->train;
    const struct Model *model = experiment_parts(preflight->experiment)->model;
    const struct Node *worst = NULL;
    int64_t fewest = INT64_MAX;
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        const char *statistics = check__word_of(node->choice, "statistics");
        if (strcmp(node_layer_name(node), "batchnorm") != 0 || !strcmp(statistics, "running"))
            continue;
        int64_t samples =
            !strcmp(statistics, "batch") ? train->batch : train->batch / train->shards;
        int64_t values = samples * node->out.height * node->out.width;
        worst = values < fewest ? node : worst;
        fewest = values < fewest ? values : fewest;
    }
    if (!worst || fewest >= FEW_VALUES)
        return;
    struct Finding *finding = check__add_setting(preflight, "batchnorm");
    finding__figure(finding, "values", (double)fewest);
    finding__say(finding,
                 "layer %s (batchnorm) takes each mean and deviation from %" PRId64 " value%s",
                 worst->path, fewest, fewest == 1 ? "" : "s");
    finding__expect(finding, "%d values or more", FEW_VALUES);
    finding__blame(finding, fewest <= 2 ? CHECK_BAD : CHECK_DOUBTFUL,
                   "batch normalisation over so few samples takes away what differs between them",
                   "make train.batch larger or train.shards smaller, set statistics: batch, or use "
                   "groupnorm or layernorm");
}

/* ---- Frozen layers ---- */

#define HARDLY 1e-4 /* of the rate */

/* Is a row drawn at random, and not the donor's or a constant? */
static bool is_drawn(const float *state, const float *fresh, const struct ArenaRow *row) {
    bool varies = false;
    for (int64_t i = row->offset; i < row->offset + row->count; i++) {
        if (state[i] != fresh[i])
            return false;
        varies |= fresh[i] != fresh[row->offset];
    }
    return varies;
}

static void report_frozen(struct Preflight *preflight, int all, int frozen, int drawn,
                          const char *names) {
    struct Finding *finding = check__add_setting(preflight, "frozen_layers");
    finding__figure(finding, "frozen", frozen);
    finding__figure(finding, "frozen_at_random", drawn);
    finding__say(finding, "%d of %d layers %s frozen, %d of them at %s random initial weights",
                 frozen, all, frozen == 1 ? "is" : "are", drawn, drawn == 1 ? "its" : "their");
    finding__expect(finding, "frozen layers with the weights of a trained model");
    if (!drawn)
        return;
    finding__say(finding, ": %s", names);
    if (drawn == all)
        finding__blame(finding, CHECK_BAD, "all layers are frozen: only biases can learn",
                       "take `frozen` (or a rate near 0) out of `parameters`");
    finding__blame(
        finding, CHECK_DOUBTFUL, "a layer is frozen that has learnt nothing: it stays random",
        "take `frozen` (or a rate near 0) out of `parameters`, or take its weights from a "
        "donor (start_from)");
}

static void look_at_frozen(struct Preflight *preflight, const struct RowSettings *settings) {
    const struct Experiment *experiment = preflight->experiment;
    const struct RunParts *parts = experiment_parts(experiment);
    const struct Arena *arena = model_arena(parts->model);
    float *fresh = memory_array(float, arena_state_elements(arena), "fresh weights");
    struct Text names = {0};
    int drawn = 0, frozen = 0, all = 0;
    model_initialise(parts->model, (uint64_t)experiment_options(experiment)->train.seed, fresh);
    for (int i = 0; i < arena->row_count; i++) {
        all += arena->rows[i].role == ROLE_WEIGHT;
        if (arena->rows[i].role != ROLE_WEIGHT ||
            !(settings[i].frozen || settings[i].rate <= HARDLY))
            continue;
        frozen++;
        if (is_drawn(experiment_initial(experiment), fresh, &arena->rows[i]))
            text_add(&names, "%s%s", drawn++ ? ", " : "", arena->rows[i].name);
    }
    if (frozen)
        report_frozen(preflight, all, frozen, drawn, names.data);
    text_release(&names);
    memory_release(fresh);
}

/* ---- Augmentation ---- */

/* Up to where a key leaves of most images what their labels say; in pixels: of the image's side. */
static const struct {
    const char *kind, *key;
    double most;
    bool pixels;
} usual[] = {{"crop", "pad", 0.5, true},         {"cutout", "size", 0.75, true},
             {"translate", "by", 0.5, false},    {"brightness", "amount", 1.5, false},
             {"contrast", "amount", 1.5, false}, {"saturation", "amount", 2.5, false},
             {"shear", "degrees", 60, false}};

static void look_at_augmentation(struct Preflight *preflight) {
    const struct Dataset *dataset = experiment_parts(preflight->experiment)->dataset;
    const struct ChoiceList *list = &experiment_options(preflight->experiment)->augment;
    double side = (double)(dataset->height < dataset->width ? dataset->height : dataset->width);
    if (!list->count)
        return;
    struct Finding *finding = check__add_setting(preflight, "augmentation");
    for (int i = 0; i < list->count; i++)
        finding__say(finding, "%s%s", i ? ", " : "", list->items[i].kind->name);
    finding__expect(finding, "images that still show what their labels say");
    for (int i = 0; i < list->count; i++)
        for (size_t k = 0; k < sizeof usual / sizeof *usual; k++) {
            double value = strcmp(list->items[i].kind->name, usual[k].kind) != 0
                               ? NAN
                               : check__number_of(&list->items[i], usual[k].key);
            if (!(value > usual[k].most * (usual[k].pixels ? side : 1)))
                continue;
            finding__say(finding, "; %s.%s is %g", usual[k].kind, usual[k].key, value);
            if (usual[k].pixels)
                finding__say(finding, " for images of %" PRId64 "x%" PRId64, dataset->height,
                             dataset->width);
            finding__blame(finding, CHECK_DOUBTFUL,
                           "augmentation is so strong that many images no longer show what their "
                           "labels say",
                           "make it weaker, and look at the contact sheet");
        }
}

/* ---- All of it ---- */

/* The split that is validated with. */
static void look_at_validation(struct Preflight *preflight) {
    const struct DataOptions *data = &experiment_options(preflight->experiment)->data;
    if (strcmp(data->validation, data->train) != 0)
        return;
    struct Finding *finding = check__add_setting(preflight, "validation_split");
    finding__say(finding, "%s, which is the split that is trained on", data->validation);
    finding__expect(finding, "a split of other samples");
    finding__blame(finding, CHECK_DOUBTFUL,
                   "the validation shows how well its samples are learnt, not how good the model "
                   "is on new ones: overfitting stays unseen",
                   "set data.validation to another split, such as {fraction_of: ...} of "
                   "data.splits, or hold out a fold (data.folds)");
}

static int look(struct Preflight *preflight, struct Error *error) {
    const struct RunOptions *options = experiment_options(preflight->experiment);
    const struct Arena *arena = model_arena(experiment_parts(preflight->experiment)->model);
    struct RowSettings *settings =
        memory_array(struct RowSettings, arena->row_count, "settings of parameters");
    int code =
        rules_apply(&options->parameters, options->optimizer.options, arena, settings, error);
    if (!code) {
        look_at_loss(preflight);
        look_at_validation(preflight);
        look_at_smoothing(preflight);
        look_at_class_weights(preflight);
        look_at_dropout(preflight);
        check__look_at_steps(preflight, settings);
        look_at_order(preflight);
        look_at_augmentation(preflight);
        look_at_width(preflight);
        look_at_activations(preflight);
        look_at_batchnorm(preflight);
        look_at_frozen(preflight, settings);
        if (!preflight->findings->count)
            finding__say(check__add_setting(preflight, "values"),
                         "none that could go wrong by itself");
    }
    memory_release(settings);
    return code;
}

int check__settings(struct Preflight *preflight, struct Error *error) {
    int code = ranks_rank(preflight->ranks) == 0 ? look(preflight, error) : OK;
    return ranks_agree(preflight->ranks, code, error);
}
