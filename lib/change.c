/* Sysctls that are set for a while and put back. */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_setting(const struct change *change, int flags)
{
	char path[160];

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", change->name);
	for (char *c = strrchr(path, '/'); *c; c++)
		if (*c == '.')
			*c = '/';
	return open(path, flags | O_CLOEXEC);
}

bool change_read(struct change *change)
{
	int fd = open_setting(change, O_RDONLY);
	ssize_t n;

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
	int fd = open_setting(change, O_WRONLY), saved;
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
	change->made = write_value(change, change->value);
	return change->made;
}

bool change_undo(struct change *change)
{
	if (!change->made)
		return true;
	change->made = false;
	return write_value(change, change->before);
}
