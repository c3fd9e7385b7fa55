/* Sysctls that are set for a while and put back. */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_path(struct change *change)
{
	snprintf(change->path, sizeof(change->path), "/proc/sys/net/netfilter/%s", change->name);
	for (char *c = strrchr(change->path, '/'); *c; c++)
		if (*c == '.')
			*c = '/';
}

bool change_read(struct change *change)
{
	ssize_t n;
	int fd;

	set_path(change);
	fd = open(change->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, change->before, sizeof(change->before) - 1);
	close(fd);
	if (n < 0)
		return false;
	change->before[n] = '\0';
	change->before[strcspn(change->before, "\n")] = '\0';
	return true;
}

static bool write_value(const struct change *change, const char *value)
{
	int fd = open(change->path, O_WRONLY | O_CLOEXEC), saved;
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	saved = errno;
	close(fd);
	errno = saved;
	return n == (ssize_t)strlen(value);
}

bool change_make(struct change *change)
{
	if (!strcmp(change->before, change->value))
		return true;
	change->made = true;	/* first: a crash in between undoes it */
	change->made = write_value(change, change->value);
	return change->made;
}

bool change_undo(struct change *change)
{
	if (change->made && !change->undone)
		change->undone = write_value(change, change->before);
	return !change->made || change->undone;
}
