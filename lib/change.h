/* Sysctls that are set for a while and put back. */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>

/* `name` below net.netfilter, as sysctl(8) writes it. `before` is what was read, `made` whether it was
 * replaced, `undone` whether it was put back. */
struct change {
	const char *name, *value;
	char before[64], path[96];
	bool made, undone;
};

/* Reads the value; false with errno. */
bool change_read(struct change *change);
/* Sets it, unless it is so already; read first. False with errno: nothing is changed. */
bool change_make(struct change *change);
/* Puts back what was read, if it was replaced and is not back yet. False with errno. A handler of signals may
 * call it. */
bool change_undo(struct change *change);

#endif
