/* What the tables of counters, measures and sysctls say, as text for people, JSON or mdoc. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "counter.h"
#include "out.h"
#include "sysctl.h"

enum explain_form { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_MDOC };

struct explanation {
	struct out *out;
	enum explain_form form;
	unsigned width;			/* of the text */
	bool colour;
	struct kernel kernel;		/* meanings are those of this one */
};

void explain_counter(const struct explanation *explanation, const struct counter *counter);
void explain_measure(const struct explanation *explanation, const struct measure *measure);
void explain_sysctl(const struct explanation *explanation, const struct sysctl *sysctl);

/* A counter, a measure or a sysctl by name; false if there is none. */
bool explain_name(const struct explanation *explanation, const char *name, size_t length);
/* All counters and measures, or all sysctls; for mdoc, as lists. */
void explain_counters(const struct explanation *explanation);
void explain_sysctls(const struct explanation *explanation);

#endif
