#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "cli/dataset/dataset.h"
#include "cli/note.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "data/sheets/statistics_sheet.h"
#include "data/statistics/statistics_file.h"

/* The task that the flags define, and its results. */
struct Job {
    struct Dataset *dataset;
    const struct Split *train;
    const char *scale, *picture;
    int64_t components, columns;
    double epsilon;
    bool pca_wanted, again;
    struct StatisticValues values;
    struct Pca pca; /* count 0: none */
};

static int read_flags(const struct Arguments *arguments, struct Job *job, struct Error *error) {
    int scale = text_index("channel_std", pca_scales, -1);
    job->picture = argument_value(arguments, "draw");
    job->pca_wanted = argument_given(arguments, "pca");
    job->again = argument_given(arguments, "again");
    static const char *const needs[][2] = {
        {"components", "pca"}, {"count", "draw"}, {"epsilon", "draw"}};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (argument_given(arguments, needs[i][0]) && !argument_given(arguments, needs[i][1]))
            return fail(error, ERROR_USAGE, "--%s goes with --%s, which is missing", needs[i][0],
                        needs[i][1]);
    int code = argument_choice(arguments, "scale", pca_scales, -1, &scale, error);
    job->scale = pca_scales[scale];
    if (!code && job->picture)
        code = dataset_check_png("--draw", job->picture, error);
    if (code == OK && job->picture)
        code = output_prepare("--draw", job->picture, OUTPUT_PNG, arguments->operands,
                              arguments->operand_count, error);
    if (code == OK)
        code = argument_integer(arguments, "components", 0, 1000000000, 0, &job->components, error);
    if (code == OK)
        code = argument_integer(arguments, "count", 1, 1000, 10, &job->columns, error);
    if (code == OK)
        code = argument_real(arguments, "epsilon", 1e-300, 1e9, 1e-5, &job->epsilon, error);
    return code;
}

static bool complete(const struct Dataset *dataset) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (dataset_lacks_statistic(dataset, row))
            return false;
    return true;
}

static int compute_values(struct Job *job, struct Error *error) {
    const struct Dataset *dataset = job->dataset;
    struct Statistics statistics;
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    for (int64_t i = 0; i < job->train->count; i++)
        statistics_add(&statistics, job->train->bytes, dataset_image(dataset, job->train, i), 1);
    statistics_result(&statistics, &job->values);
    statistics_release(&statistics);
    int code = dataset_check_read(dataset, job->train, error);
    if (code != OK)
        return code;
    for (int64_t c = 0; c < dataset->channels; c++)
        if (!isfinite(job->values.channel_std[c]))
            return fail(error, ERROR_DATA,
                        "%s:/train/images: channel %" PRId64
                        " holds a value that is not finite; trainer "
                        "dataset verify names the first image",
                        dataset->path, c);
    return OK;
}

/* Whether a file cannot be replaced, because its folder is read-only. */
static bool is_protected(const char *path) {
    char *folder = path_folder(path);
    bool writable = access(folder, W_OK) == 0;
    memory_release(folder);
    return !writable;
}

/* Stores the results in the file. It is no failure if the file is read-only: the figures are
 * printed, and a run measures them when it starts. */
static int keep(const struct Job *job, const struct Pca *pca, struct Error *error) {
    job->dataset->statistics_of = job->train;
    int code = statistics_store(job->dataset, &job->values, pca, pca ? job->scale : NULL, error);
    if (code != ERROR_SYSTEM || !is_protected(job->dataset->path))
        return code;
    log_warning("%s; the figures are not kept, and a run measures them when it starts",
                error->text);
    *error = (struct Error){0};
    return OK;
}

/* Takes the components of the file if they are valid and sufficient, and computes them
 * otherwise. */
static int find_pca(struct Job *job, struct Error *error) {
    int64_t elements = job->dataset->height * job->dataset->width * job->dataset->channels;
    int64_t wanted = job->components && job->components < elements ? job->components : elements;
    struct Error ignored;
    if (!job->again && pca_read(&job->pca, job->dataset, job->scale, &ignored) == OK &&
        (!job->pca_wanted || job->pca.count >= wanted)) {
        if (job->pca_wanted && job->pca.count > wanted)
            note("%s has %" PRId64 " components already, which stay; --again keeps the first "
                 "%" PRId64 " alone",
                 job->dataset->path, job->pca.count, wanted);
        return OK;
    }
    pca_release(&job->pca);
    if (!job->pca_wanted)
        return OK;
    struct ProgressLine line;
    const struct Ticker progress = progress_line(&line);
    int code = pca_compute(&job->pca, job->dataset, job->train, &job->values, job->scale,
                           job->components, &progress, error);
    progress_line_clear(&line);
    if (code == OK)
        code = keep(job, &job->pca, error);
    return code;
}

/* The share of the total variance along the first `count` components. */
static double variance_part(const struct Pca *pca, int64_t count) {
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += pca->eigenvalues[k];
    return pca->total_variance > 0 ? sum / pca->total_variance : 1;
}

/* The rows of the table of variance: shares of it, and numbers of components. */
static const double parts[] = {0.5, 0.8, 0.9, 0.95, 0.99, 0.999};
#define PARTS (sizeof parts / sizeof *parts)
static const int64_t counts[] = {1, 3, 10, 30, 100, 300, 1000, 3000};
#define COUNTS (sizeof counts / sizeof *counts)

static void print_pca(const struct Job *job) {
    const struct Pca *pca = &job->pca;
    printf("components    %" PRId64 " of %" PRId64 ", scale %s, total variance %.6g\n", pca->count,
           pca->elements, job->scale, pca->total_variance);
    printf("%-13s", "first");
    for (size_t i = 0; i < COUNTS && counts[i] <= pca->count; i++)
        printf(" %" PRId64 ": %.2f %%", counts[i], 100 * variance_part(pca, counts[i]));
    printf(" of the variance\n%-13s", "kept by");
    for (size_t i = 0; i < PARTS; i++)
        if (pca_components_for(pca, parts[i]))
            printf(" %g %%: %" PRId64, 100 * parts[i], pca_components_for(pca, parts[i]));
    printf(" components\n");
    int64_t dimensions = pca_dimensions(pca, job->train->count);
    if (dimensions < pca->count)
        printf("%-13s %" PRId64 " %s have variance along %" PRId64 " components at most; "
               "pca_whiten takes no more, zca only with a large epsilon\n",
               "", job->train->count, dataset_samples_word(job->dataset), dimensions);
}

static void print_words(const struct Job *job) {
    const struct Dataset *dataset = job->dataset;
    int64_t channels = dataset->channels, elements = dataset->height * dataset->width * channels;
    printf("%s\n%-13s %" PRId64 " %s of %" PRId64 "x%" PRId64 "x%" PRId64 "\n",
           shown(dataset->path), shown(job->train->name), job->train->count,
           dataset_samples_word(dataset), dataset->height, dataset->width, channels);
    dataset_print_head(stdout, dataset, "mean");
    for (int64_t c = 0; c < channels; c++)
        printf(" %.6g", job->values.channel_mean[c]);
    printf("\n");
    dataset_print_head(stdout, dataset, "std");
    for (int64_t c = 0; c < channels; c++)
        printf(" %.6g", job->values.channel_std[c]);
    for (int64_t c = 0; job->values.channel_covariance && c < channels; c++) {
        printf("\n%-13s", c ? "" : "covariance");
        for (int64_t d = 0; d < channels; d++)
            printf(" %.6g", job->values.channel_covariance[c * channels + d]);
    }
    double least = INFINITY, most = 0;
    for (int64_t e = 0; e < elements; e++) {
        least = fmin(least, (double)job->values.pixel_std[e]);
        most = fmax(most, (double)job->values.pixel_std[e]);
    }
    printf("\n");
    if (!dataset_has_rows(dataset))
        printf("%-13s %.6g to %.6g\n", "pixel std", least, most);
    if (job->pca.count)
        print_pca(job);
    else
        printf("components    none for scale %s; --pca computes them\n", job->scale);
}

static json_t *numbers(const double *values, int64_t count) {
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static void print_json(const struct Job *job) {
    int64_t channels = job->dataset->channels;
    const struct StatisticValues *values = &job->values;
    json_t *object = json_pack("{s:I, s:o, s:o}", "count", (json_int_t)job->train->count,
                               "channel_mean", numbers(values->channel_mean, channels),
                               "channel_std", numbers(values->channel_std, channels));
    if (values->channel_covariance)
        json_object_set_new(object, "channel_covariance",
                            numbers(values->channel_covariance, channels * channels));
    if (job->pca.count)
        json_object_set_new(object, "pca",
                            json_pack("{s:s, s:I, s:I, s:f, s:o}", "scale", job->scale, "count",
                                      (json_int_t)job->pca.count, "elements",
                                      (json_int_t)job->pca.elements, "total_variance",
                                      job->pca.total_variance, "eigenvalues",
                                      numbers(job->pca.eigenvalues, job->pca.count)));
    dataset_print_json(object);
}

/* The split that the flag names; without the flag, one with a usual name for training, or the only
 * split that is possible. */
static const struct Split *choose_split(const struct Job *job, const char *name,
                                        struct Error *error) {
    static const char *const usual[] = {"train", "training", "trainval"};
    struct Error ignored;
    const struct Split *found = NULL;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !name && !found; i++)
        found = dataset_split(job->dataset, usual[i], &ignored);
    if (!found && !name && job->dataset->split_count == 1)
        found = &job->dataset->splits[0];
    return found ? found : dataset_split(job->dataset, name ? name : "train", error);
}

static int draw(const struct Job *job, struct Error *error) {
    const struct StatisticsSheet sheet = {.dataset = job->dataset,
                                          .split = job->train,
                                          .values = &job->values,
                                          .pca = job->pca.count ? &job->pca : NULL,
                                          .scale = job->scale,
                                          .epsilon = job->epsilon,
                                          .columns = job->columns};
    int code = statistics_sheet_write(&sheet, job->picture, error);
    if (code)
        return code;
    fprintf(stderr, "wrote %s", shown(job->picture));
    if (job->pca.count)
        fprintf(stderr,
                ": examples rebuilt from, and whitened to, the first %" PRId64 " components, with "
                "%.3g %% of the variance",
                statistics_sheet_components(&job->pca),
                100 * variance_part(&job->pca, statistics_sheet_components(&job->pca)));
    fputc('\n', stderr);
    return OK;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Job job = {0};
    int code = read_flags(arguments, &job, error);
    if (code == OK)
        code = dataset_open(&job.dataset, arguments->operands[0], error);
    if (code == OK && job.picture)
        code = dataset_check_picture(job.dataset, "--draw", error);
    if (code == OK) {
        job.train = choose_split(&job, argument_value(arguments, "split"), error);
        code = job.train ? compute_values(&job, error) : error->code;
    }
    if (code == OK && job.dataset->statistics_of != job.train)
        job.again = true; /* the statistics in the file are those of another split */
    if (code == OK && (job.again || !complete(job.dataset)))
        code = keep(&job, NULL, error);
    else if (code == OK)
        job.dataset->statistics_of = job.train;
    if (code == OK)
        code = find_pca(&job, error);
    if (code == OK && job.picture)
        code = draw(&job, error);
    if (code == OK && argument_given(arguments, "json"))
        print_json(&job);
    else if (code == OK)
        print_words(&job);
    pca_release(&job.pca);
    statistic_values_release(&job.values);
    dataset_close(job.dataset);
    return code;
}

static const struct Flag flags[] = {
    {.name = "split",
     .argument = "NAME",
     .help = "the split they are of (default: train, or what stands for it)"},
    {.name = "pca", .help = "compute and keep principal components of whole images"},
    {.name = "scale",
     .argument = "NAME",
     .help = "the preprocess.scale that the components are for: none (also for range), channel_std "
             "(default) or pixel_std"},
    {.name = "components", .argument = "K", .help = "keep the first K only (default: 0, all)"},
    {.name = "again", .help = "compute also what the file already has"},
    {.name = "draw",
     .argument = "FILE.png",
     .help = "draw a picture of the mean image, the deviations, eigenimages, and examples before "
             "and after preprocessing: centred, rebuilt from the components that keep 90 % of the "
             "variance (pca of K), whitened to these (whitened K), and whitened by all (zca)"},
    {.name = "count",
     .argument = "N",
     .help = "examples and eigenimages in the picture (default: 10)"},
    {.name = "epsilon",
     .argument = "X",
     .help = "preprocess.epsilon in the picture (default: 1e-5)"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_statistics = {
    .name = "dataset statistics",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "compute, show and draw a data set's statistics and principal components",
    .help =
        "Shows the statistics of the training split, which preprocess uses, and adds to the file "
        "those that it lacks. The file is replaced by a changed copy, so that at any time there "
        "is the old one or the new one, and a program that reads the old one is not disturbed. "
        "--pca computes the principal components of whole images, which "
        "preprocess.decorrelate uses: the covariance matrix block by block, its eigenvectors "
        "by LAPACK, in about a minute for 32x32x3.\n"
        "\n"
        "Example:\n"
        "  trainer dataset statistics shapes.h5 --pca --draw statistics.png\n",
    .flags = flags,
    .run = run};
