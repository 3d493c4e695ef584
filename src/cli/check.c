#include <jansson.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "check/preflight.h"
#include "cli/check_picture.h"
#include "cli/command.h"
#include "cli/figures_json.h"
#include "cli/output.h"
#include "cli/overrides.h"
#include "cli/shown.h"
#include "cli/watching.h"

static const struct Flag flags[] = {
    {.name = "only",
     .argument = "ITEMS",
     .help = "check only these, separated by commas: settings, data, loss, gradients, activations, "
             "overfit, rates, trial"},
    {.name = "skip", .argument = "ITEMS", .help = "check all but these"},
    {.name = "sheet",
     .argument = "FILE.png",
     .help = "also draw samples with their labels as the network sees them, augmented"},
    {.name = "picture",
     .argument = "FILE",
     .help = "also draw the curve of the range test as a .png or .svg; needs gnuplot"},
    {.name = "seconds",
     .argument = "S",
     .help = "about how long the range test and the short training may each take (default: 30)"},
    {.name = "strict", .help = "exit with 9 also if a finding is only doubtful"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "change a key of the run file; KEY= alone restores its default"},
    OVERRIDE_FLAGS,
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* ---- Words ---- */

/* The signs of the verdicts: symbols if the terminal can show them, otherwise plain text. */
static const char *const *signs(void) {
    static const char *const plain[CHECK_VERDICTS] = {"ok", "! ", "X "};
    static const char *const drawn[CHECK_VERDICTS] = {"\u2713", "!", "\u2717"};
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = locale && !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
    if (locale)
        freelocale(locale);
    return utf8 ? drawn : plain;
}

static void print_part(const char *name, const char *text) {
    if (*text)
        printf("       %-9s %s\n", name, shown(text));
}

static void print_finding(const struct Finding *finding) {
    char name[64];
    snprintf(name, sizeof name, "%s", finding->name);
    for (char *c = name; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    printf("  %s  %s: %s", signs()[finding->verdict], name, shown(finding->found));
    if (finding->verdict == CHECK_GOOD) {
        printf("%s%s\n", *finding->expected ? "; expected: " : "", shown(finding->expected));
        return;
    }
    puts("");
    print_part("expected", finding->expected);
    print_part("cause", finding->cause);
    print_part("advice", finding->advice);
}

/* Prints a histogram in PLACES characters. */
#define PLACES 24
#define TINY 1e-11 /* an edge nearer to 0 is printed as 0 */
static void print_histogram(const struct CheckLayer *layer) {
    static const char shades[] = " .:-=+*#@";
    double places[PLACES] = {0}, most = 0;
    char text[PLACES + 1] = "";
    double width = layer->edges[layer->bins] - layer->edges[0];
    for (int i = 0; i < layer->bins; i++) {
        double middle = (layer->edges[i] + layer->edges[i + 1]) / 2 - layer->edges[0];
        int place = (int)(PLACES * middle / width);
        places[place < PLACES ? place : PLACES - 1] += layer->counts[i];
    }
    for (int i = 0; i < PLACES; i++)
        most = fmax(most, places[i]);
    for (int i = 0; i < PLACES; i++) /* the square root makes the tails visible */
        text[i] = shades[(int)ceil(8 * sqrt(places[i] / fmax(most, 1)))];
    double first = layer->edges[0], last = layer->edges[layer->bins];
    printf("[%s] %.2g to %.2g\n", text, fabs(first) < TINY ? 0 : first,
           fabs(last) < TINY ? 0 : last);
}

static void print_layers(const struct Findings *findings) {
    size_t width = 5;
    for (int i = 0; i < findings->layer_count; i++)
        width = fmax((double)width, (double)strlen(findings->layers[i].name));
    printf("     %-*s %9s %9s %7s %7s %6s %9s  histogram\n", (int)width, "layer", "mean", "std",
           "zeros", "satur.", "dead", "gradient");
    for (int i = 0; i < findings->layer_count; i++) {
        const struct CheckLayer *layer = &findings->layers[i];
        printf("     %-*s %9.2g %9.2g %6.1f%% %6.1f%% %5.1f%% %9.2g  ", (int)width,
               shown(layer->name), layer->mean, layer->std, 100 * layer->zeros,
               100 * layer->saturated, 100 * layer->dead, layer->gradient_std);
        if (layer->bins)
            print_histogram(layer);
        else
            puts("not finite");
    }
}

static void print_item(void *context, const struct Findings *findings, enum CheckItem item,
                       bool ended) {
    (void)context;
    if (!ended)
        printf("%d. %s: %s\n", item, check_item_names[item], check_item_titles[item]);
    for (int i = 0; i < findings->count && ended; i++)
        if (findings->rows[i].item == item)
            print_finding(&findings->rows[i]);
    if (ended && item == CHECK_ACTIVATIONS)
        print_layers(findings);
    fflush(stdout);
}

static int count_of(const struct Findings *findings, enum CheckVerdict verdict) {
    int count = 0;
    for (int i = 0; i < findings->count; i++)
        count += findings->rows[i].verdict == verdict;
    return count;
}

static void print_end(const struct Findings *findings) {
    const struct Finding *first = findings_main(findings);
    double seconds = 0;
    for (int item = 0; item < CHECK_ITEMS; item++)
        seconds += findings->seconds[item];
    printf("%s  %d good, %d doubtful, %d bad, in %.1f s\n", signs()[findings_verdict(findings)],
           count_of(findings, CHECK_GOOD), count_of(findings, CHECK_DOUBTFUL),
           count_of(findings, CHECK_BAD), seconds);
    if (first)
        printf("begin with %s: %s\n", check_item_names[first->item], shown(first->cause));
}

/* ---- JSON ---- */

static json_t *finding_json(const struct Finding *finding) {
    json_t *figures = json_object();
    for (int i = 0; i < finding->figure_count; i++) {
        double value = finding->figures[i].value;
        json_object_set_new(figures, finding->figures[i].name, number_json(value));
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:o, s:o}", "item", check_item_names[finding->item], "name",
                  finding->name, "verdict", check_verdict_names[finding->verdict], "figures",
                  figures, "found", shown_json(finding->found));
    if (*finding->expected)
        json_object_set_new(object, "expected", shown_json(finding->expected));
    if (*finding->cause)
        json_object_set_new(object, "cause", shown_json(finding->cause));
    if (*finding->advice)
        json_object_set_new(object, "advice", shown_json(finding->advice));
    return object;
}

static json_t *numbers_json(const double *values, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, number_json(values[i]));
    return array;
}

static json_t *layers_json(const struct Findings *findings) {
    json_t *array = json_array();
    for (int i = 0; i < findings->layer_count; i++) {
        const struct CheckLayer *layer = &findings->layers[i];
        json_array_append_new(
            array, json_pack("{s:s, s:o, s:o, s:f, s:f, s:f, s:o, s:o, s:o}", "layer", layer->name,
                             "mean", number_json(layer->mean), "std", number_json(layer->std),
                             "zeros", layer->zeros, "saturated", layer->saturated, "dead",
                             layer->dead, "gradient_std", number_json(layer->gradient_std), "edges",
                             numbers_json(layer->edges, layer->bins ? layer->bins + 1 : 0),
                             "counts", numbers_json(layer->counts, layer->bins)));
    }
    return array;
}

static json_t *rates_json(const struct Findings *findings) {
    json_t *array = json_array();
    for (int i = 0; i < findings->rate_count; i++)
        json_array_append_new(array, json_pack("{s:f, s:o, s:o}", "rate", findings->rates[i].rate,
                                               "loss", number_json(findings->rates[i].loss),
                                               "smooth", number_json(findings->rates[i].smooth)));
    return array;
}

static void print_json(const struct Findings *findings) {
    json_t *rows = json_array(), *seconds = json_object();
    const struct Finding *first = findings_main(findings);
    for (int i = 0; i < findings->count; i++)
        json_array_append_new(rows, finding_json(&findings->rows[i]));
    for (int item = 0; item < CHECK_ITEMS; item++)
        if (findings->seconds[item] > 0)
            json_object_set_new(seconds, check_item_names[item],
                                json_real(findings->seconds[item]));
    json_t *object =
        json_pack("{s:s, s:o, s:o}", "verdict", check_verdict_names[findings_verdict(findings)],
                  "findings", rows, "seconds", seconds);
    if (findings->layer_count)
        json_object_set_new(object, "layers", layers_json(findings));
    if (findings->rate_count)
        json_object_set_new(object, "rates", rates_json(findings));
    if (first)
        json_object_set_new(object, "cause", shown_json(first->cause));
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(object);
}

/* ---- The command ---- */

/* Reads a list of items: "data,loss". */
static int parse_items(const char *flag, const char *text, unsigned *items, struct Error *error) {
    char word[32];
    *items = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        int item = 0;
        while (item < CHECK_ITEMS && strcmp(word, check_item_names[item]))
            item++;
        if (item == CHECK_ITEMS) {
            const char *near = text_nearest(word, check_item_names, CHECK_ITEMS);
            return fail(error, ERROR_USAGE, "%s %s: no item is called %s%s%s%s", flag, text, word,
                        near ? "; do you mean " : "", near ? near : "", near ? "?" : "");
        }
        *items |= CHECK_ITEM_BIT(item);
        at += length + (at[length] == ',');
    }
    if (*items)
        return OK;
    return fail(error, ERROR_USAGE, "%s: expected items of the check, with commas between them",
                flag);
}

static int read_items(const struct Arguments *arguments, unsigned *items, struct Error *error) {
    const char *only = argument_value(arguments, "only"), *skip = argument_value(arguments, "skip");
    unsigned skipped = 0;
    int code = OK;
    *items = CHECK_ALL_ITEMS;
    if (only)
        code = parse_items("--only", only, items, error);
    if (!code && skip)
        code = parse_items("--skip", skip, &skipped, error);
    *items &= ~skipped;
    if (!code && !*items)
        code = fail(error, ERROR_USAGE, "--skip %s: leaves nothing to look at", skip);
    return code;
}

/* Makes the exit code for scripts. */
static int judge(enum CheckVerdict verdict, bool strict, struct Error *error) {
    if (verdict < (strict ? CHECK_DOUBTFUL : CHECK_BAD))
        return OK;
    return fail(error, ERROR_FOUND, "check: the run is %s; see above",
                verdict == CHECK_BAD ? "not fit to be started" : "doubtful");
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    bool json = argument_given(arguments, "json");
    const char *picture = argument_value(arguments, "picture");
    struct Overrides overrides = overrides_collect(arguments);
    const struct TrainRequest train = {.run_path = arguments->operands[0],
                                       .overrides = overrides.texts,
                                       .override_count = overrides.count,
                                       .folder = ".",
                                       .watch = watching_watch()};
    struct PreflightRequest request = {.train = &train,
                                       .sheet = argument_value(arguments, "sheet"),
                                       .tell = json ? NULL : print_item};
    struct Findings findings = {0};
    enum CheckVerdict verdict = CHECK_GOOD;
    int code = read_items(arguments, &request.items, error);
    if (!code)
        code = argument_real(arguments, "seconds", 0.1, 86400, 30, &request.seconds, error);
    if (!code && request.sheet)
        code = output_prepare("--sheet", request.sheet, OUTPUT_PNG, arguments->operands, 1, error);
    if (!code && picture)
        code = output_prepare_picture("--picture", picture, arguments->operands, 1, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        code = preflight(ranks, &request, &findings, &verdict, error);
    if (!code && ranks_rank(ranks) == 0)
        json ? print_json(&findings) : print_end(&findings);
    if (!code && picture && ranks_rank(ranks) == 0)
        code = check_picture_draw(picture, &findings, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        code = judge(verdict, argument_given(arguments, "strict"), error);
    findings_release(&findings);
    overrides_release(&overrides);
    return code;
}

const struct Command command_check = {
    .name = "check",
    .operands = "RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "check a run before it is started, from the data to a short training",
    .help = "Checks what should be checked before a long training, in order: unusual values in "
            "the run file, the data, the initial loss, the gradients, activations by depth, a "
            "handful of samples learnt by heart, the range of learning rates, and a short "
            "training. Each line has a verdict (good, doubtful, bad) and what was found, and, "
            "unless it is good, what was expected, the likely cause and what to do. Writes "
            "nothing except the files that --sheet and --picture name.\n"
            "\n"
            "Exits with 0 if nothing is bad, with 9 if something is bad (with --strict: or "
            "doubtful), and as train does if the run cannot be started at all.\n"
            "\n"
            "Examples:\n"
            "  trainer check launch/recipes/demo.yaml\n"
            "  mpirun -np 2 trainer check mine.yaml --sheet seen.png\n"
            "  trainer check mine.yaml --only data,loss --json\n"
            "  trainer check mine.yaml --only rates --picture rates.svg\n"
            "  trainer check mine.yaml --skip gradients --set optimizer.rate=0.01\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
