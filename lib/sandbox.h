/* A filter on system calls for the phase in which strangers' bytes are parsed. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

/* What a command still needs beside reading, writing to open files, memory and time. */
enum {
	SANDBOX_SEND = 1,	/* new requests on open sockets */
	SANDBOX_SOCKET = 2,	/* new netlink sockets */
	SANDBOX_SCREEN = 4,	/* to stop itself (^Z), and to write a file that the user names */
	SANDBOX_HELPER = 8,	/* a child to talk to and to end */
};

/*
 * From here on other system calls fail with ENOSYS: no program is started, no file is opened for
 * writing (but with SANDBOX_SCREEN), no setting is changed. Needs no_new_privs (privs_drop()). False where the kernel has no
 * seccomp; nothing is lost then but this line of defence.
 */
bool sandbox_enter(unsigned needs);

#endif
