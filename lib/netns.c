/* Enters another network namespace by name, path or PID. */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_namespace(const char *before, const char *name, const char *after)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", before, name, after);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool is_pid(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* A rootless container: its user namespace gives the right to enter its network namespace. */
static int join_through_user(const char *pid, int netns)
{
	int user = open_namespace("/proc/", pid, "/ns/user");
	int result = -1;

	if (user < 0)
		return -1;
	if (setns(user, CLONE_NEWUSER) == 0)
		result = setns(netns, CLONE_NEWNET);
	else
		errno = EPERM;
	close(user);
	return result;
}

int netns_join(const char *name)
{
	int fd = -1, result, saved;
	bool pid = false;

	if (strchr(name, '/')) {
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} else {
		fd = open_namespace("/run/netns/", name, "");
		if (fd < 0 && is_pid(name)) {
			fd = open_namespace("/proc/", name, "/ns/net");
			pid = true;
		}
	}
	if (fd < 0)
		return -1;
	result = setns(fd, CLONE_NEWNET);
	if (result < 0 && errno == EPERM && pid)
		result = join_through_user(name, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}
