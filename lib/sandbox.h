/* A filter on system calls for the phase in which strangers' bytes are parsed. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

/* What a command still needs beside reading, writing to open files, memory and time. */
enum {
	SANDBOX_ASK = 1,	/* netlink sockets of its own, and to hand them over (asker.h) */
	SANDBOX_FILTER = 2,	/* to filter what sockets receive */
	SANDBOX_SCREEN = 4,	/* to set the terminal, to stop itself (^Z) */
	SANDBOX_CREATE = 8,	/* to make a file that is not there, and to hand it over (saver.h) */
};

/*
 * From here on other system calls fail with ENOSYS: no program is started, no file that exists is opened
 * for writing, no setting is changed, no memory made executable, no other process sent a signal. Needs
 * no_new_privs (privs_drop()).
 * What depends on arguments of socket() and setsockopt() has to go by syscall(): a 32-bit libc makes socketcall()
 * of them, whose arguments a filter cannot see.
 * False where the kernel has no seccomp; nothing is lost then but this line of defence.
 */
bool sandbox_enter(unsigned needs);

/*
 * For a process that looks up names, whose libc loads what nsswitch.conf(5) names and speaks to whom that wants: what
 * sandbox_enter(0) leaves it, and to load code from files, to speak UDP and TCP and to Unix sockets, and to ask for
 * routes and addresses. Where there is socketcall() it may try other sockets, without a capability. False as above.
 */
bool sandbox_names(void);

#endif
