/* Gives up what is not needed any more. */
#ifndef PRIVS_H
#define PRIVS_H

#include <stdbool.h>

/*
 * Drops all capabilities, or all but CAP_NET_ADMIN, from every set, and sets no_new_privs. For good.
 * False if the kernel refused.
 */
bool privs_drop(bool keep_net_admin);

/*
 * Root becomes the user and group nobody, for good: to whom root's files and services are closed. Who is not root stays
 * what he is, and nothing is wrong. False where root may not, as in a user namespace that knows of nobody else.
 */
bool privs_nobody(void);

/* Whether this process may ask ctnetlink anything. */
bool privs_admin(void);

#endif
