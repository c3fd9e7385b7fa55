/* The one table of conntrack sysctls: unit, default, meaning, and when a value deserves a warning. */
#ifndef SYSCTL_H
#define SYSCTL_H

#include "kernel.h"

#include <stdint.h>

enum { SYSCTL_DEFAULTS = 3, SYSCTL_VALUE = 64, SYSCTL_MOST = 192, SYSCTL_NAME = 96 };

struct sysctl {
	const char *name;		/* below net.netfilter, with dots */
	bool global;			/* one value for the machine, read-only in other namespaces */
	bool read_only;
	const char *unit;
	unsigned since, gone;		/* KERNEL(); 0: always been there; still is */
	struct {
		unsigned since;
		const char *value;	/* a number, or in words where it depends on the machine */
	} defaults[SYSCTL_DEFAULTS];	/* ends with NULL */
	const char *text;		/* one line */
	const char *detail;		/* NULL: nothing more */
	/* A number below or above these limits deserves this remark; limits of 0 are none. */
	uint64_t below, above;
	const char *below_text, *above_text;
};

extern const struct sysctl sysctls[];	/* ends with a row whose name is NULL */

/* By name, with or without net.netfilter. and nf_conntrack_; NULL if unknown. */
const struct sysctl *sysctl_find(const char *name, size_t length);

/* The default in this kernel; NULL: not known, or it differs in the range. */
const char *sysctl_default(const struct sysctl *sysctl, const struct kernel *kernel);

struct setting {
	char name[SYSCTL_NAME];
	char value[SYSCTL_VALUE];
	const struct sysctl *sysctl;	/* NULL: one that nobody told us of */
};

/* The settings of a namespace, in the order of the table, unknown ones at the end. */
struct settings {
	unsigned count;
	struct setting list[SYSCTL_MOST];
};

/* Those of the namespace that this process is in. */
void settings_read(struct settings *settings);
/* A line of sysctl(8): "net.netfilter.NAME = VALUE". False if it is none of conntrack's. */
bool settings_line(struct settings *settings, const char *line);
void settings_sort(struct settings *settings);

/* The value of one of ours as a number; false if it is absent. */
bool settings_number(const struct settings *settings, const char *name, uint64_t *value);
bool sysctl_value(const char *text, uint64_t *value);		/* a value that is a number */
bool sysctl_number(const char *name, uint64_t *value);		/* read now */

/* What is remarkable about a value, in one line; NULL: nothing. */
const char *setting_remark(const struct setting *setting, const struct settings *settings);
/* Whether it is a number that differs from the default. */
bool setting_changed(const struct setting *setting, const struct kernel *kernel);

#endif
