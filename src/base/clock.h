/* Seconds on a clock that only goes forward, from an arbitrary origin. */
#ifndef TRAINER_BASE_CLOCK_H
#define TRAINER_BASE_CLOCK_H

double clock_seconds(void);

#endif
