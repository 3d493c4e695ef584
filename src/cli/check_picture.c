#include "cli/check_picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/shown.h"

#define NOT_FOUND 127 /* what the shell returns if there is no such program */

int check_picture_path(const char *path, const char *run_path, struct Error *error) {
    bool svg = text_ends_with(path, ".svg");
    if (!svg && !text_ends_with(path, ".png"))
        return fail(error, ERROR_USAGE, "--picture %s: expected a name that ends with .png or .svg",
                    path);
    return output_check("--picture", path, svg ? OUTPUT_SVG : OUTPUT_PNG, &run_path, 1, error);
}

/* A text between quotes of gnuplot. */
static void write_quoted(FILE *script, const char *text) {
    putc('\'', script);
    for (; *text; text++)
        fprintf(script, *text == '\'' ? "''" : "%c", *text);
    putc('\'', script);
}

static double figure_of(const struct Findings *findings, const char *name) {
    for (int i = 0; i < findings->count; i++)
        for (int k = 0; k < findings->rows[i].figure_count; k++)
            if (findings->rows[i].item == CHECK_RATES &&
                !strcmp(findings->rows[i].figures[k].name, name))
                return findings->rows[i].figures[k].value;
    return NAN;
}

static void write_line(FILE *script, const char *label, double rate, double height) {
    if (!isfinite(rate) || rate <= 0)
        return;
    fprintf(script, "set arrow from %g, graph 0 to %g, graph 1 nohead dashtype 2\n", rate, rate);
    fprintf(script, "set label '%s %.2g' at %g, graph %g offset 0.5, 0\n", label, rate, rate,
            height);
}

static void write_script(FILE *script, const char *path, const struct Findings *findings) {
    const struct CheckRate *rates = findings->rates;
    double start = figure_of(findings, "loss_at_start"),
           lowest = figure_of(findings, "lowest_loss");
    fprintf(script, "set terminal %s\nset output ",
            text_ends_with(path, ".svg") ? "svg size 800,500 background 'white'"
                                         : "pngcairo size 800,500");
    write_quoted(script, path);
    fprintf(script, "\nset title 'Learning-rate range test'\nset xlabel 'rate'\nset ylabel 'loss'\n"
                    "set logscale x\nset format x '10^{%%L}'\nset grid\nset key bottom left\n");
    fprintf(script, "set yrange [%g:%g]\n", fmin(lowest, 0.9 * lowest), 1.5 * start);
    write_line(script, "run:", figure_of(findings, "rate"), 0.96);
    write_line(script, "suggested:", figure_of(findings, "suggested"), 0.91);
    write_line(script, "rises:", figure_of(findings, "most"), 0.86);
    fprintf(script, "plot '-' with points pointtype 7 pointsize 0.5 title 'each step', "
                    "'-' with lines linewidth 2 title 'running mean'\n");
    for (int smooth = 0; smooth < 2; smooth++) {
        for (int i = 0; i < findings->rate_count; i++)
            if (isfinite(rates[i].loss))
                fprintf(script, "%g %g\n", rates[i].rate, smooth ? rates[i].smooth : rates[i].loss);
        fprintf(script, "e\n");
    }
}

int check_picture_draw(const char *path, const struct Findings *findings, struct Error *error) {
    if (!findings->rate_count) {
        fprintf(stderr, "note: no picture: the item rates was not looked at\n");
        return OK;
    }
    fflush(stdout);
    FILE *script = popen("gnuplot 2>/dev/null", "w");
    if (!script)
        return fail_errno(error, "gnuplot: cannot be started");
    write_script(script, path, findings);
    int status = pclose(script);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
        fprintf(stderr, "note: no picture: gnuplot is not installed (package gnuplot-nox)\n");
        return OK;
    }
    if (status)
        return fail(error, ERROR_SYSTEM, "--picture %s: gnuplot could not write it", shown(path));
    return OK;
}
