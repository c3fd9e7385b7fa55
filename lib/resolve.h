/* Names of addresses, asked for by a process of its own, so that nothing ever waits for an answer. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "flow.h"

struct resolver;

/*
 * Starts the process that asks the resolver of the network namespace that it is started in. It has no capability, and is
 * nobody if we are root. `sandbox`: with a filter on its system calls. NULL if it cannot be started.
 */
struct resolver *resolver_new(bool sandbox);
void resolver_free(struct resolver *resolver);		/* ends the process too */

/* For poll(): there are answers. */
int resolver_fd(const struct resolver *resolver);
/* Takes them in. True if there were any. */
bool resolver_read(struct resolver *resolver);

/* The name, or NULL: there is none, or it is being asked for. Lives until the next call of anything
 * here. The bytes are the name server's: print them escaped. */
const char *resolver_name(struct resolver *resolver, uint8_t family, const union address *address);

#endif
