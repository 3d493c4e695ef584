/* Curves, points and bars as pictures, drawn by the program gnuplot (https://gnuplot.info), which
 * runs as a child. The colours can be read on white and on dark paper. Not collective. */
#ifndef TRAINER_REPORT_PLOT_H
#define TRAINER_REPORT_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum PlotStyle {
    PLOT_LINE,
    PLOT_FAINT, /* a thin line that lets others shine through: the raw values of a smoothed curve */
    PLOT_DASHED,
    PLOT_POINTS,
    PLOT_CROSSES,
    PLOT_SHADED, /* points, each in a colour that says how large its `shade` is */
    PLOT_LINE_POINTS,
    PLOT_STEPS, /* a value holds until the next one */
    PLOT_BARS,
    PLOT_STYLES
};

/* Points that are NaN or infinite, or not above 0 on an axis with a logarithmic scale, are left
 * out; the line connects their neighbours. */
struct PlotSeries {
    const char *title; /* NULL: not in the key */
    enum PlotStyle style;
    int colour; /* any number from 0: the same number, the same colour */
    int64_t count;
    const double *x, *y;     /* x NULL: 0, 1, 2, … */
    const double *shade;     /* of PLOT_SHADED */
    const char *const *text; /* PLOT_POINTS: what stands beside each point; NULL: nothing */
};

struct Plot {
    const char *title, *x, *y; /* names of the axes, with their units; NULL: none */
    bool log_x;
    bool log_y; /* without a range only if the values span a factor of 20: less has no marks */
    double low_x, high_x; /* the range of the axis; both 0: as the values ask for */
    double low_y, high_y;
    const char *const *names_x, *const *names_y; /* what stands at 0, 1, 2, …; NULL: numbers */
    int name_count_x, name_count_y;
    const char *shade; /* what PLOT_SHADED shows; NULL: no scale of its colours */
    const struct PlotSeries *series;
    int series_count;
};

/* Whether gnuplot can be started. */
bool plot_is_possible(void);

/* Draws the panels, `columns` beside one another, each 480x300, or higher if a key has many lines,
 * into one picture: SVG, or PNG of twice the size if the path ends in .png. The file appears under
 * its name when it is whole. ERROR_SYSTEM if gnuplot is not there or fails, or the file cannot be
 * written. */
int plot_write(const struct Plot *panels, int count, int columns, const char *path,
               struct Error *error);

#endif
