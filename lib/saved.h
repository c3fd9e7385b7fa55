/* Samples that were saved: /proc/net/stat/nf_conntrack, conntrack -S, sysctl -a, our own JSON. */
#ifndef SAVED_H
#define SAVED_H

#include "report.h"
#include "source.h"
#include "sysctl.h"

#include <signal.h>

struct saved;

/*
 * Opens all files, while there may still be a right to, and reads them in order, "-" for stdin; what a
 * line is shows in the line. `kernel`: the one that the files are from, NULL if not known. The end comes
 * early if `*stop` is not 0; NULL: never. NULL with errno if memory is out.
 */
struct saved *saved_open(const char *const *files, unsigned count,
			 const struct complaint *complaint, const struct kernel *kernel,
			 const volatile sig_atomic_t *stop);
void saved_close(struct saved *saved);

/* The next sample, with the rates if the file has them: 1, or 0 at the end, -1 with errno. */
int saved_next(struct saved *saved, struct report *report);

/* The sysctls that were among the lines so far. */
const struct settings *saved_settings(const struct saved *saved);

unsigned long long saved_good(const struct saved *saved);	/* lines that could be read */
unsigned saved_lost(const struct saved *saved);	/* files that could not be opened or read */

#endif
