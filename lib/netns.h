/* Enters another network namespace. */
#ifndef NETNS_H
#define NETNS_H

/*
 * A name as in `ip netns list`, a path, or a PID (a name of digits wins). Where the namespace
 * belongs to another user namespace of the same user, that one is entered as well. 0, or -1 with
 * errno: ENOENT if there is none, EPERM if it may not be entered.
 */
int netns_join(const char *name);

#endif
