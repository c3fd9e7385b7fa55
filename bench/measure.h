/* What the benchmarks share: what a process cost, and medians. */
#ifndef MEASURE_H
#define MEASURE_H

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 64, ROWS = 64 };

struct cost {
	double cpu, wall;
	long peak;		/* KiB */
};

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Waits for its end; `start` is when it began. */
static bool measure(pid_t pid, double start, struct cost *cost)
{
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) < 0)
		err(1, "wait4");
	cost->wall = now() - start;
	cost->cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	cost->peak = usage.ru_maxrss;
	return WIFEXITED(status) && WEXITSTATUS(status) <= 1;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

#endif
