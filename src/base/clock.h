/* Seconds on a clock that only goes forward; the origin means nothing. */
#ifndef TRAINER_BASE_CLOCK_H
#define TRAINER_BASE_CLOCK_H

double clock_seconds(void);

#endif
