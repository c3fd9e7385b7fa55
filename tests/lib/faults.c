/*
 * Preloaded into a command, makes system calls misbehave as a kernel may. FAULTS is a list of words:
 *   eintr     every other call that waits or reads is interrupted by a signal
 *   short     writes take a few bytes only
 *   again     every other read of a socket that need not wait finds nothing
 *   enobufs   every tenth batch of events was lost
 *   cut       every third datagram ends in its middle
 *   refused   the dump ends with an error
 *   clock     the time of day jumps by an hour, on and back
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool asked(const char *word)
{
	const char *faults = getenv("FAULTS");

	return faults && strstr(faults, word);
}

/* Whether it is this call's turn: every `n`th. */
static bool now(const char *word, unsigned *count, unsigned n)
{
	return asked(word) && ++*count % n == 0;
}

#define REAL(name) ((typeof(&(name)))dlsym(RTLD_NEXT, #name))

static int fail(int error)
{
	errno = error;
	return -1;
}

/* 0: not a socket. Only the kernel's answers are spoilt, and only files and pipes take a few bytes. */
static int domain(int fd)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &length) < 0 ? 0 : value;
}

ssize_t write(int fd, const void *data, size_t size)
{
	static unsigned calls;

	if (now("eintr", &calls, 2))
		return fail(EINTR);
	return REAL(write)(fd, data, asked("short") && size > 7 && !domain(fd) ? 7 : size);
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, __SOCKADDR_ARG from, socklen_t *length)
{
	static unsigned interrupted, cut, calls;
	struct nlmsghdr *message = data;
	ssize_t n;

	if (now("eintr", &interrupted, 2))
		return fail(EINTR);
	if ((flags & MSG_DONTWAIT) && now("again", &calls, 2))
		return fail(EAGAIN);
	n = REAL(recvfrom)(fd, data, size, flags, from, length);
	if (domain(fd) != AF_NETLINK)
		return n;
	if (n > (ssize_t)(NLMSG_HDRLEN + sizeof(struct nlmsgerr)) && asked("refused")) {
		struct nlmsgerr error = { .error = -EIO };

		message->nlmsg_type = NLMSG_ERROR;
		message->nlmsg_len = NLMSG_HDRLEN + sizeof(error);
		memcpy(NLMSG_DATA(message), &error, sizeof(error));
		return message->nlmsg_len;
	}
	return n > 100 && !(flags & MSG_PEEK) && now("cut", &cut, 3) ? n / 2 + 3 : n;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	return recvfrom(fd, data, size, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	static unsigned calls;

	return now("eintr", &calls, 2) ? fail(EINTR) : REAL(recvmsg)(fd, message, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	static unsigned interrupted, calls, lost, cut;
	int n;

	if (now("eintr", &interrupted, 2))
		return fail(EINTR);
	if (now("again", &calls, 2))
		return fail(EAGAIN);
	if (now("enobufs", &lost, 10))
		return fail(ENOBUFS);
	n = REAL(recvmmsg)(fd, messages, count, flags, timeout);
	if (n > 0 && now("cut", &cut, 3))
		messages[0].msg_len = messages[0].msg_len / 2 + 3;
	return n;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	static unsigned calls;

	return now("eintr", &calls, 2) ? fail(EINTR) : REAL(poll)(fds, count, timeout);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
{
	static unsigned calls;

	return now("eintr", &calls, 2) ? fail(EINTR) : REAL(sendto)(fd, data, size, flags, to, length);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	static unsigned calls;
	int result = REAL(clock_gettime)(clock, time);

	if (clock == CLOCK_REALTIME && asked("clock"))
		time->tv_sec += ++calls % 2 ? 3600 : -3600;
	return result;
}
