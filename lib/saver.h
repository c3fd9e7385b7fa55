/* Makes a new file for a process that may not. */
#ifndef SAVER_H
#define SAVER_H

#include <stdbool.h>

/*
 * A child without capabilities that can do nothing but make files, in the directory where it is started: none that is
 * there, none that can be executed, and none that a leading dot hides. Ends when the parent does. The channel to it;
 * -1 with errno.
 */
int saver_new(bool sandbox);

/* The new file, open for writing. -1 with errno: EINVAL for a name as above. */
int saver_open(int channel, const char *name);

#endif
