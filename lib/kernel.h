/* Which kernel the data are from: one version where it is known, else a range. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#define KERNEL(major, minor) ((major) << 10 | (minor))
enum { KERNEL_LAST = KERNEL(0x3fff, 0x3ff) };

struct kernel {
	unsigned low, high;	/* both included; equal where the version is known */
	char release[65];	/* as uname tells it; empty if unknown */
};

/* The running one. */
void kernel_running(struct kernel *kernel);
/* "6.1.0-18-amd64" or "6.1", of printable ASCII; false, *kernel untouched, if that is no version. */
bool kernel_parse(struct kernel *kernel, const char *release);
/* Nothing is known. */
void kernel_unknown(struct kernel *kernel);
/* What was seen in the data excludes kernels before `low` or after `high`. */
void kernel_narrow(struct kernel *kernel, unsigned low, unsigned high);

static inline bool kernel_known(const struct kernel *kernel)
{
	return kernel->low == kernel->high;
}

/* "6.1", "5.10 or later", "before 4.9", "4.9 to 5.9", "unknown". */
void kernel_text(char *text, size_t size, const struct kernel *kernel);
/* "5.10" */
void kernel_version(char *text, size_t size, unsigned version);

#endif
