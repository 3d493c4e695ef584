#include "report/plot.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_file.h"

/* The size of a panel, in pixels: words of 16 can still be read if a telephone shows it at 350. */
#define WIDTH 480
#define HEIGHT 300 /* with one line of the key */
#define KEY_LINE 24
#define KEY_ROOM (WIDTH - 50) /* beside the marks of the y axis */
#define KEY_SAMPLE 60         /* beside each title, with the space around both */
#define LETTER 8
#define MARKS_ROOM 340 /* below the x axis, ... */
#define DIGIT 10       /* ... for its numbers, if they have */
#define NAME_Y 14      /* bytes of a name beside the y axis */
#define MANY_DIGITS 5  /* so many digits or more: gnuplot would let them run into one another */
#define WIDE 20
#define SHORT 500     /* a logarithmic axis over less than this factor has marks of its own, */
#define LONG 50       /* and over more than this one fewer of them */
#define INK "#7d8590" /* of axes and words */

/* Paul Tol's "bright" colours, which people with a colour vision deficiency can tell apart. */
static const char *const colours[] = {"4477aa", "ee6677", "228833", "ccbb44",
                                      "66ccee", "aa3377", "ee7733", "999999"};
#define COLOURS (int)(sizeof colours / sizeof *colours)

/* What gnuplot calls a style; %s is the colour, with opacity where a style has one. */
static const char *const styles[PLOT_STYLES] = {
    [PLOT_LINE] = "lines lw 2 lc rgb '#%s'",
    [PLOT_FAINT] = "lines lw 1 lc rgb '#b0%s'",
    [PLOT_DASHED] = "lines lw 2 dt 2 lc rgb '#%s'",
    [PLOT_POINTS] = "points pt 7 ps 0.6 lc rgb '#%s'",
    [PLOT_CROSSES] = "points pt 2 ps 0.8 lw 2 lc rgb '#%s'",
    [PLOT_SHADED] = "points pt 7 ps 0.8 lc palette", /* any colour of its own */
    [PLOT_LINE_POINTS] = "linespoints lw 2 pt 7 ps 0.4 lc rgb '#%s'",
    [PLOT_STEPS] = "steps lw 2 lc rgb '#%s'",
    [PLOT_BARS] = "boxes fs transparent solid 0.6 lc rgb '#%s'",
};

/* Between single quotes nothing has a meaning but the quote itself, for which an apostrophe of
 * print stands. */
static void add_quoted(struct Text *script, const char *words) {
    char *safe = text_hide_controls(memory_copy_text(words));
    text_add(script, "'");
    for (const char *at = safe; *at; at++)
        text_add(script, *at == '\'' ? "\u2019" : "%c", *at);
    text_add(script, "'");
    memory_release(safe);
}

static void add_setting(struct Text *script, const char *what, const char *words) {
    if (!words) {
        text_add(script, "unset %s\n", what);
        return;
    }
    text_add(script, "set %s ", what);
    add_quoted(script, words);
    text_add(script, " noenhanced textcolor rgb '" INK "'\n");
}

static double x_of(const struct PlotSeries *series, int64_t i) {
    return series->x ? series->x[i] : (double)i;
}

static bool is_drawn(const struct Plot *plot, double x, double y) {
    return isfinite(x) && isfinite(y) && !(plot->log_x && x <= 0) && !(plot->log_y && y <= 0);
}

/* The values of a series as a block "$data2_0", and how many there are. */
static int64_t add_values(struct Text *script, const struct Plot *plot, int panel, int number) {
    const struct PlotSeries *series = &plot->series[number];
    int64_t drawn = 0;
    text_add(script, "$data%d_%d << END_OF_DATA\n", panel, number);
    for (int64_t i = 0; i < series->count; i++) {
        double x = x_of(series, i), y = series->y[i];
        if (!is_drawn(plot, x, y) || (series->shade && !isfinite(series->shade[i])))
            continue;
        text_add(script, "%.9g %.9g", x, y);
        if (series->shade)
            text_add(script, " %.9g", series->shade[i]);
        if (series->text) {
            char *word = text_hide_controls(memory_copy_text(series->text[i]));
            for (char *at = word; *at; at++)
                *at = *at == '"' || *at == '\\' ? '_' : *at;
            text_add(script, " \"%s\"", word);
            memory_release(word);
        }
        text_add(script, "\n");
        drawn++;
    }
    text_add(script, "END_OF_DATA\n");
    return drawn;
}

/* `drawn`: its values. A line through one alone would not be seen. */
static void add_series(struct Text *script, const struct Plot *plot, int panel, int number,
                       int64_t drawn) {
    const struct PlotSeries *series = &plot->series[number];
    bool line =
        series->style == PLOT_LINE || series->style == PLOT_FAINT || series->style == PLOT_DASHED;
    const char *colour = colours[series->colour % COLOURS];
    const char *pattern = styles[line && drawn == 1 ? PLOT_POINTS : series->style];
    const char *place = strstr(pattern, "%s");
    text_add(script, "$data%d_%d using 1:2%s with ", panel, number, series->shade ? ":3" : "");
    if (place)
        text_add(script, "%.*s%s%s ", (int)(place - pattern), pattern, colour, place + 2);
    else
        text_add(script, "%s ", pattern);
    if (series->title) {
        text_add(script, "title ");
        add_quoted(script, series->title);
        text_add(script, " noenhanced");
    } else {
        text_add(script, "notitle");
    }
    if (series->text)
        text_add(script,
                 ", $data%d_%d using 1:2:3 with labels left offset 0.6,0 noenhanced font ',12' "
                 "textcolor rgb '" INK "' notitle",
                 panel, number);
}

/* A logarithmic axis has few marks, or none, within a decade. */
static bool needs_log_y(const struct Plot *plot) {
    double least = INFINITY, most = 0;
    for (int s = 0; plot->log_y && s < plot->series_count; s++)
        for (int64_t i = 0; i < plot->series[s].count; i++) {
            double y = plot->series[s].y[i];
            if (is_drawn(plot, x_of(&plot->series[s], i), y)) {
                least = fmin(least, y);
                most = fmax(most, y);
            }
        }
    return most > WIDE * least;
}

/* Marks within the decades, on a logarithmic axis that is too short for gnuplot's own: at 1, 2 and
 * 5 of each, or at 1 and 3 if those would be many. */
static void add_log_marks(struct Text *script, char axis, double low, double high) {
    const double few[] = {1, 3}, many[] = {1, 2, 5};
    const double *parts = high > LONG * low ? few : many;
    int part_count = high > LONG * low ? 2 : 3;
    text_add(script, "set %ctics (", axis);
    bool any = false;
    for (double decade = pow(10, floor(log10(low))); decade <= high; decade *= 10)
        for (int i = 0; i < part_count; i++) {
            double mark = parts[i] * decade;
            if (mark > 0.999 * low && mark < 1.001 * high) {
                text_add(script, "%s'%.3g' %.9g", any ? ", " : "", mark, mark);
                any = true;
            }
        }
    text_add(script, ")\n");
}

/* Adds the name at mark number i, cut to so many bytes or a little more: "2: begi…". */
static void add_name(struct Text *script, const char *name, int i, int room) {
    if ((int)strlen(name) <= room) {
        add_quoted(script, name);
        return;
    }
    int length = room > 8 ? room - 4 : 4;
    while (((unsigned char)name[length] & 0xC0) == 0x80) /* amid a character */
        length++;
    char *cut = memory_print("%d: %.*s\u2026", i + 1, length, name);
    add_quoted(script, cut);
    memory_release(cut);
}

/* One of the axes 'x' and 'y': its scale, its range and what stands at its marks. */
static void add_axis(struct Text *script, char axis, bool log, double low, double high,
                     const char *const *names, int name_count) {
    text_add(script, "set %ctics autofreq\n%sset logscale %c\n", axis, log ? "" : "un", axis);
    /* 1e-05, not 0.000010 */
    text_add(script, "set format %c '%s'\n", axis, log ? "%g" : "%h");
    if (high > low)
        text_add(script, "set %crange [%.9g:%.9g]\n", axis, low, high);
    if (high > low && log && high < SHORT * low)
        add_log_marks(script, axis, low, high);
    for (int i = 0; i < name_count; i++) {
        if (i)
            text_add(script, ", ");
        else
            text_add(script, "set %ctics (", axis);
        add_name(script, names[i], i, axis == 'x' ? MARKS_ROOM / DIGIT / name_count : NAME_Y);
        text_add(script, " %d", i);
    }
    if (name_count)
        text_add(script, ")\n");
}

/* Sets *low and *high to the ends of the x axis. */
static void find_x_range(const struct Plot *plot, double *low, double *high) {
    *low = plot->high_x > plot->low_x ? plot->low_x : INFINITY;
    *high = plot->high_x > plot->low_x ? plot->high_x : -INFINITY;
    for (int s = 0; s < plot->series_count && !(plot->high_x > plot->low_x); s++)
        for (int64_t i = 0; i < plot->series[s].count; i++) {
            double x = x_of(&plot->series[s], i);
            if (is_drawn(plot, x, plot->series[s].y[i])) {
                *low = fmin(*low, x);
                *high = fmax(*high, x);
            }
        }
}

/* Marks at multiples of 1, 2 or 5 times a power of ten, if their numbers are long. */
static void add_few_marks(struct Text *script, const struct Plot *plot) {
    double low, high;
    if (plot->log_x || plot->name_count_x)
        return;
    find_x_range(plot, &low, &high);
    int digits = (int)floor(log10(fmax(1, fmax(fabs(low), fabs(high))))) + 1;
    if (!(high > low) || digits < MANY_DIGITS)
        return;
    double least = (high - low) * (digits + 1) * DIGIT / MARKS_ROOM;
    double decade = pow(10, floor(log10(least)));
    double step = least <= decade       ? decade
                  : least <= 2 * decade ? 2 * decade
                  : least <= 5 * decade ? 5 * decade
                                        : 10 * decade;
    text_add(script, "set xtics %.9g\n", step);
}

struct Key {
    int titles, columns; /* so many fit side by side */
    int longest;         /* title, in bytes */
};

static struct Key key_of(const struct Plot *plot) {
    struct Key key = {.columns = 1};
    for (int i = 0; i < plot->series_count; i++) {
        const char *title = plot->series[i].title;
        int length = title ? (int)strlen(title) : 0;
        key.titles += title != NULL;
        key.longest = length > key.longest ? length : key.longest;
    }
    int fit = KEY_ROOM / (KEY_SAMPLE + LETTER * key.longest);
    key.columns = fit > 1 ? fit : 1;
    return key;
}

/* The height that all panels get: a key of many lines takes nothing from the curves. */
static int height_of(const struct Plot *panels, int count) {
    int most = 1;
    for (int i = 0; i < count; i++) {
        struct Key key = key_of(&panels[i]);
        int lines = (key.titles + key.columns - 1) / key.columns;
        most = lines > most ? lines : most;
    }
    return HEIGHT + (most - 1) * KEY_LINE;
}

static void add_panel(struct Text *script, const struct Plot *given, int panel) {
    struct Plot settled = *given;
    const struct Plot *plot = &settled;
    settled.log_y = given->high_y > given->low_y ? given->log_y : needs_log_y(given);
    int64_t any = 0, *drawn = memory_array(int64_t, plot->series_count, "values that are drawn");
    struct Key key = key_of(plot);
    /* gnuplot takes letters for wider than they are, and would make fewer columns than fit */
    text_add(script, "set key maxcols %d width -%d\n", key.columns, key.longest / 4);
    for (int i = 0; i < plot->series_count; i++)
        any += drawn[i] = add_values(script, plot, panel, i);
    add_setting(script, "title", plot->title);
    add_setting(script, "xlabel", plot->x);
    add_setting(script, "ylabel", plot->y);
    add_setting(script, "cblabel", plot->shade);
    text_add(script, "%sset colorbox\n", plot->shade ? "" : "un");
    text_add(script, "set xrange [*:*]\nset yrange [*:*]\nset autoscale xfix\nset autoscale %s\n",
             plot->log_y ? "yfix" : "y"); /* a logarithmic axis would grow to whole decades */
    add_axis(script, 'x', plot->log_x, plot->low_x, plot->high_x, plot->names_x,
             plot->name_count_x);
    add_few_marks(script, plot);
    add_axis(script, 'y', plot->log_y, plot->low_y, plot->high_y, plot->names_y,
             plot->name_count_y);
    if (!any) /* gnuplot fails if there is nothing to draw */
        text_add(script, "set xrange [0:1]\nset yrange [0:1]\n"
                         "plot NaN notitle\n");
    for (int i = 0; i < plot->series_count && any; i++) {
        text_add(script, i ? ", " : "plot ");
        add_series(script, plot, panel, i, drawn[i]);
    }
    text_add(script, "\n");
    memory_release(drawn);
}

static void add_script(struct Text *script, const struct Plot *panels, int count, int columns,
                       bool png) {
    int rows = (count + columns - 1) / columns;
    int scale = png ? 2 : 1; /* for sharp screens */
    text_add(script, "set encoding utf8\nset terminal %s size %d,%d %s\n", png ? "pngcairo" : "svg",
             scale * columns * WIDTH, scale * rows * height_of(panels, count),
             png ? "font 'sans,12' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'"
                 : "font 'sans-serif,16'");
    text_add(script,
             "set border 3 lc rgb '" INK "'\nset tics nomirror noenhanced textcolor rgb '" INK "'\n"
             "set grid lc rgb '#a0"
             "7d8590'\nset key above Left reverse samplen 2 noenhanced textcolor rgb '" INK "'\n"
             "set boxwidth 0.9 relative\n"
             "set palette defined (0 '#4477aa', 1 '#66ccee', 2 '#ccbb44', 3 '#ee6677')\n");
    if (count > 1)
        text_add(script, "set multiplot layout %d,%d\n", rows, columns);
    for (int i = 0; i < count; i++)
        add_panel(script, &panels[i], i);
    if (count > 1)
        text_add(script, "unset multiplot\n");
}

/* A file in memory that holds the script, to be read from its start; −1 and errno. */
static int file_of(const struct Text *script) {
    int file = memfd_create("plot", MFD_CLOEXEC);
    size_t done = 0;
    while (file >= 0 && done < script->length) {
        ssize_t part = write(file, script->data + done, script->length - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0) {
            int cause = errno;
            close(file);
            errno = cause;
            return -1;
        }
        done += (size_t)part;
    }
    if (file >= 0)
        lseek(file, 0, SEEK_SET);
    return file;
}

static int draw(int script, int picture, struct Error *error) {
    static const char *const words[] = {"gnuplot", "-", NULL};
    int status;
    int code = child_run(words, NULL, script, picture, &status, error);
    if (code == OK && status)
        code = fail(error, ERROR_SYSTEM, "gnuplot: failed with exit code %d", status);
    if (code != OK)
        error_append(error, "; it draws the pictures");
    return code;
}

bool plot_is_possible(void) {
    static const char *const words[] = {"gnuplot", "-V", NULL};
    struct Error ignored;
    int status;
    return child_run(words, NULL, -1, -1, &status, &ignored) == OK && status == 0;
}

int plot_write(const struct Plot *panels, int count, int columns, const char *path,
               struct Error *error) {
    struct Text text = {0};
    struct WholeFile file;
    add_script(&text, panels, count, columns, text_ends_with(path, ".png"));
    int script = file_of(&text), code = OK;
    text_release(&text);
    if (script < 0)
        return fail_errno(error, "%s: what is to be drawn cannot be kept", path);
    code = whole_file_open(&file, path, error);
    if (code == OK)
        code = draw(script, fileno(file.stream), error);
    if (code == OK)
        code = whole_file_publish(&file, error);
    whole_file_close(&file);
    close(script);
    return code;
}
