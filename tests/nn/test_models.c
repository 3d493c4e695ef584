/* Whole models: gradient checks through graph and plan, fused against unmerged, shards against the
 * whole, and the placement of buffers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/gradcheck.h"
#include "nn/initialise.h"
#include "nn/layer_table.h"
#include "nn/placement.h"
#include "nn/plan.h"
#include "runfile/runfile.h"

#include <cmocka.h> /* last: it has a macro called fail */

struct Recipe {
    struct ChoiceList model;
    struct Choice loss;
    struct InitialiseOptions initialise;
};
static const struct Key recipe_keys[] = {{.name = "model",
                                          .type = KEY_CHOICES,
                                          .offset = offsetof(struct Recipe, model),
                                          .kinds = &layer_kinds,
                                          .help = "layers"},
                                         {.name = "loss",
                                          .type = KEY_CHOICE,
                                          .offset = offsetof(struct Recipe, loss),
                                          .fallback = "cross_entropy",
                                          .kinds = &loss_kinds,
                                          .help = "loss"},
                                         {.name = "initialise",
                                          .type = KEY_SECTION,
                                          .offset = offsetof(struct Recipe, initialise),
                                          .keys = initialise_keys,
                                          .help = "how parameters start"},
                                         KEY_END};

struct Fixture {
    struct RunFile *file;
    struct Recipe recipe;
    struct Model *model;
};

static struct Fixture open_model(const char *text, struct Shape input) {
    struct Fixture fixture = {0};
    struct Error error = {0};
    if (runfile_parse(&fixture.file, "test", text, NULL, 0, recipe_keys, &fixture.recipe, &error) ||
        model_create(&fixture.model, &fixture.recipe.model, &fixture.recipe.initialise, input,
                     &error))
        fail_msg("%s", error.text);
    return fixture;
}

static void close_model(struct Fixture *fixture) {
    model_release(fixture->model);
    runfile_release(fixture->file);
}

static const struct Shape image = {8, 7, 3, 1, 1};

static const char *const models[] = {
    "model: [flatten, linear: {out: 11}, relu, linear: {out: 5}]\n",
    "model: [flatten, linear: {out: 9, bias: false}, batchnorm, tanh, dropout: {rate: 0.4},\n"
    "  linear: {out: 5}]\nloss: {cross_entropy: {label_smoothing: 0.2}}\n",
    "model: [conv: {out: 5, kernel: 3, padding: 1, bias: false}, batchnorm, relu,\n"
    "  maxpool: {kernel: 2}, conv: {out: 6, kernel: 3}, sigmoid, global_avgpool, flatten,\n"
    "  linear: {out: 5}]\n",
    "model:\n"
    "  - conv: {out: 4, kernel: 3, padding: 1, bias: false}\n"
    "  - batchnorm\n"
    "  - relu\n"
    "  - residual: {shortcut: identity, body: [conv: {out: 4, kernel: 3, padding: 1}, batchnorm,\n"
    "      relu, conv: {out: 4, kernel: 3, padding: 1}, batchnorm]}\n"
    "  - relu\n"
    "  - residual: {shortcut: pad, body: [conv: {out: 7, kernel: 3, stride: 2, padding: 1},\n"
    "      batchnorm, relu, conv: {out: 7, kernel: 3, padding: 1}, batchnorm]}\n"
    "  - relu\n"
    "  - residual: {shortcut: projection, body: [conv: {out: 6, kernel: 3, padding: 1},\n"
    "      batchnorm, leaky_relu, conv: {out: 6, kernel: 3, stride: 2, padding: 1}]}\n"
    "  - tanh\n"
    "  - residual: {shortcut: identity, body: [residual: {shortcut: identity, body: "
    "[batchnorm]}]}\n"
    "  - avgpool: {kernel: 2}\n"
    "  - flatten\n"
    "  - linear: {out: 5}\n",
    "model:\n"
    "  - conv: {out: 4, kernel: 3, padding: 1}\n"
    "  - residual: {recompute: true, body: [conv: {out: 4, kernel: 3, padding: 1}, batchnorm, "
    "relu,\n"
    "      dropout: {rate: 0.3}, conv: {out: 4, kernel: 3, padding: 1}, batchnorm]}\n"
    "  - relu\n"
    "  - branches: {recompute: true, paths: [[flatten, tanh],\n"
    "      [conv: {out: 2, kernel: 1}, sigmoid, flatten]]}\n"
    "  - linear: {out: 5}\n",
    "model: [conv: {out: 16, kernel: 3, padding: 1}, batchnorm, relu,\n"
    "  conv: {out: 17, kernel: 3, padding: 1}, batchnorm: {statistics: batch},\n"
    "  conv: {out: 16, kernel: 3, dropconnect: 0.3}, global_avgpool, flatten, linear: {out: 5}]\n",
};
enum { MODELS = sizeof models / sizeof *models };

static void ignore(void *context, const struct GradcheckRow *row) {
    int64_t *checked = context;
    *checked += row->checked;
}

static void test_gradients(void **unused) {
    (void)unused;
    struct Error error = {0};
    for (int i = 0; i < MODELS; i++)
        for (int fusion = 0; fusion < 2; fusion++) {
            struct Fixture fixture = open_model(models[i], image);
            struct GradcheckRequest request = {.loss = &fixture.recipe.loss,
                                               .backend =
                                                   backend_find("openblas", VARIANT_F64, &error),
                                               .samples = 5,
                                               .elements = 12,
                                               .tolerance = 1e-6,
                                               .seed = 7,
                                               .no_fusion = !fusion};
            int64_t checked = 0;
            if (gradcheck_run(fixture.model, &request, ignore, &checked, &error))
                fail_msg("model %d, fusion %d: %s", i, fusion, error.text);
            assert_true(checked > 30);
            close_model(&fixture);
        }
}

/* What backward says is final. */
struct Told {
    const float *gradient;
    float *seen; /* as they were then */
    int64_t from;
};

static void note_final(void *context, int64_t first) {
    struct Told *told = context;
    if (first < told->from)
        memcpy(told->seen + first, told->gradient + first,
               (size_t)(told->from - first) * sizeof *told->seen);
    told->from = first < told->from ? first : told->from;
}

/* Backward, which changes nothing any more that it said was final, and says so of all parameters.
 */
static void backward_telling(struct Plan *plan, const struct Arena *arena,
                             const struct ShardCall *call) {
    struct Told told = {.gradient = call->gradient,
                        .seen = memory_array(float, arena->parameters, "test"),
                        .from = arena->parameters};
    plan_backward_telling(plan, call, note_final, &told);
    assert_int_equal(told.from, 0);
    assert_memory_equal(told.seen, call->gradient, (size_t)arena->parameters * sizeof(float));
    memory_release(told.seen);
}

/* One training pass in single precision; returns the gradient arena. */
static float *gradient_of(const struct Fixture *fixture, const float *state, int64_t samples,
                          int64_t shards, bool fusion) {
    struct Error error = {0};
    struct PlanRequest request = {.variant = variant_best(VARIANT_F32_V4),
                                  .training = true,
                                  .samples = {(samples + shards - 1) / shards, samples / shards},
                                  .sample_counts = samples >= shards ? 2 : 1,
                                  .loss = &fixture->recipe.loss,
                                  .no_fusion = !fusion};
    request.backend = backend_find("openblas", request.variant, &error);
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, fixture->model, &request, &error), OK);
    const struct Arena *arena = model_arena(fixture->model);
    int64_t elements = arena_gradient_elements(arena), in = shape_elements(image);
    int64_t out = shape_elements(model_output(fixture->model));
    float *sum = memory_array(float, elements, "test");
    float *gradient = memory_allocate((size_t)elements * sizeof *sum, "test");
    plan_prepare(plan, state);
    for (int64_t shard = 0; shard < shards; shard++) {
        int64_t first = shard * samples / shards;
        struct ShardCall call = {.samples = (shard + 1) * samples / shards - first,
                                 .first = first,
                                 .batch = samples,
                                 .seed = 3,
                                 .step = 17,
                                 .state = state,
                                 .gradient = gradient};
        float *input = plan_input(plan), *target = plan_target(plan);
        for (int64_t i = 0; i < call.samples; i++) {
            struct RandomStream stream =
                random_stream(1, RANDOM_TEST, 0, 0, (uint64_t)(call.first + i));
            for (int64_t e = 0; e < in; e++)
                input[i * in + e] = random_uniform(random_word(&stream, (uint64_t)e)) - 0.4f;
            for (int64_t c = 0; c < out; c++)
                target[i * out + c] = c == (call.first + i) % out;
        }
        plan_forward(plan, &call);
        backward_telling(plan, arena, &call);
        for (int64_t e = 0; e < elements; e++)
            sum[e] += gradient[e];
    }
    memory_release(gradient);
    plan_release(plan);
    return sum;
}

static void assert_near(const float *a, const float *b, int64_t count, double tolerance) {
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)a[i]));
        difference = fmax(difference, fabs((double)a[i] - b[i]));
    }
    if (!(difference <= tolerance * largest))
        fail_msg("differ by %g of %g", difference, largest);
}

static void test_fusion_changes_nothing(void **unused) {
    (void)unused;
    for (int i = 0; i < MODELS; i++) {
        struct Fixture fixture = open_model(models[i], image);
        const struct Arena *arena = model_arena(fixture.model);
        float *state = memory_array(float, arena_state_elements(arena), "test");
        model_initialise(fixture.model, 5, state);
        float *fused = gradient_of(&fixture, state, 12, 2, true);
        float *plain = gradient_of(&fixture, state, 12, 2, false);
        assert_near(fused, plain, arena_gradient_elements(arena), 1e-5);
        float *tallies = fused + arena_state_elements(arena);
        assert_true(tallies[TALLY_SAMPLES] == 12);
        assert_true(tallies[TALLY_LOSS] > 0.5 && tallies[TALLY_LOSS] < 10);
        memory_release(fused);
        memory_release(plain);
        memory_release(state);
        close_model(&fixture);
    }
}

/* Without batch statistics the gradient of a batch is the sum over its shards, with dropout too,
 * and also for a short batch whose shards have different sizes or no samples. */
static void test_shards_add_up(void **unused) {
    (void)unused;
    const char *text = "model: [conv: {out: 5, kernel: 3}, relu, flatten, dropout: {rate: 0.5},\n"
                       "  linear: {out: 5}]\n";
    struct Fixture fixture = open_model(text, image);
    const struct Arena *arena = model_arena(fixture.model);
    float *state = memory_array(float, arena_state_elements(arena), "test");
    model_initialise(fixture.model, 5, state);
    for (int64_t samples = 3; samples <= 13; samples += 5) {
        float *whole = gradient_of(&fixture, state, samples, 1, true);
        for (int64_t shards = 2; shards <= 6; shards++) {
            float *parts = gradient_of(&fixture, state, samples, shards, true);
            assert_near(whole, parts, arena_gradient_elements(arena), 1e-5);
            memory_release(parts);
        }
        memory_release(whole);
    }
    memory_release(state);
    close_model(&fixture);
}

static void test_placement(void **unused) {
    (void)unused;
    for (uint64_t trial = 0; trial < 200; trial++) {
        struct Buffer buffers[40];
        struct RandomStream stream = random_stream(trial, RANDOM_TEST, 0, 0, 0);
        size_t most = 0;
        for (int i = 0; i < 40; i++) {
            uint32_t words[4];
            random_block(&stream, (uint32_t)i, words);
            int birth = (int)random_below(words[0], 50);
            buffers[i] = (struct Buffer){.bytes = random_below(words[1], 5000),
                                         .birth = birth,
                                         .death = birth + (int)random_below(words[2], 20) - 1};
            most += (buffers[i].bytes + 63) / 64 * 64;
        }
        size_t total = placement__solve(buffers, 40);
        assert_true(total <= most);
        for (int i = 0; i < 40; i++)
            for (int j = 0; j < i; j++) {
                const struct Buffer *a = &buffers[i], *b = &buffers[j];
                bool alive = a->birth <= a->death && b->birth <= b->death && a->birth <= b->death &&
                             b->birth <= a->death;
                bool overlap = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
                assert_false(alive && overlap && a->bytes && b->bytes);
                assert_true(a->offset % 64 == 0 && (!alive || a->offset + a->bytes <= total));
            }
    }
}

/* %s: nothing, or the key that makes a block compute its inside again. */
static const char blocks[] =
    "model:\n"
    "  - conv: {out: 4, kernel: 3, padding: 1, bias: false}\n"
    "  - residual: {%s body: [conv: {out: 4, kernel: 3, padding: 1}, batchnorm, relu,\n"
    "      dropout: {rate: 0.3}, conv: {out: 4, kernel: 3, padding: 1}, batchnorm]}\n"
    "  - relu\n"
    "  - branches: {%s paths: [[conv: {out: 3, kernel: 1}, tanh], [],\n"
    "      [conv: {out: 2, kernel: 3, padding: 1}, {batchnorm: {statistics: batch}}, sigmoid]]}\n"
    "  - residual: {%s shortcut: projection, drop: 0.4, body: [residual: {body: [batchnorm, "
    "relu]},\n"
    "      conv: {out: 6, kernel: 3, stride: 2, padding: 1}, relu, avgpool: {kernel: 1}]}\n"
    "  - branches: {%s paths: [[flatten, tanh], [conv: {out: 2, kernel: 1}, flatten, relu]]}\n"
    "  - linear: {out: 5}\n";

static struct Fixture open_blocks(bool again) {
    const char *key = again ? "recompute: true," : "";
    char text[2000];
    snprintf(text, sizeof text, blocks, key, key, key, key);
    return open_model(text, image);
}

static int64_t activations_of(const struct Fixture *fixture) {
    struct Error error = {0};
    struct PlanRequest request = {.variant = VARIANT_F32,
                                  .backend = backend_find("openblas", VARIANT_F32, &error),
                                  .training = true,
                                  .samples = {12},
                                  .sample_counts = 1,
                                  .loss = &fixture->recipe.loss};
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, fixture->model, &request, &error), OK);
    int64_t bytes = plan_memory(plan).activations;
    plan_release(plan);
    return bytes;
}

/* What a block computes again has the same bits, and what it does not keep needs no memory. */
static void test_recompute(void **unused) {
    (void)unused;
    struct Fixture kept = open_blocks(false), again = open_blocks(true);
    const struct Arena *arena = model_arena(kept.model);
    size_t bytes = (size_t)arena_gradient_elements(arena) * sizeof(float);
    float *state = memory_array(float, arena_state_elements(arena), "test");
    model_initialise(kept.model, 5, state);
    for (int fusion = 0; fusion < 2; fusion++) {
        float *a = gradient_of(&kept, state, 12, 1, fusion);
        float *b = gradient_of(&again, state, 12, 1, fusion);
        assert_memory_equal(a, b, bytes);
        memory_release(a);
        memory_release(b);
    }
    assert_true(activations_of(&again) < 0.8 * (double)activations_of(&kept));
    memory_release(state);
    close_model(&kept);
    close_model(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),     cmocka_unit_test(test_fusion_changes_nothing),
        cmocka_unit_test(test_shards_add_up), cmocka_unit_test(test_placement),
        cmocka_unit_test(test_recompute),
    };
    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
