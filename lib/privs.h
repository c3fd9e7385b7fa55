/* Gives up what is not needed any more. */
#ifndef PRIVS_H
#define PRIVS_H

#include <stdbool.h>

/*
 * Drops all capabilities, or all but CAP_NET_ADMIN, from every set, and sets no_new_privs. For good.
 * False if the kernel refused.
 */
bool privs_drop(bool keep_net_admin);

/* Whether this process may ask ctnetlink anything. */
bool privs_admin(void);

#endif
