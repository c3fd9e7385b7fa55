/* Forks, and hands over descriptors. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a new child ---- */

enum { CHANNEL = STDERR_FILENO + 1 };

static void ignore_terminal(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	setsid();
}

/* A kernel before 5.9 has no such call; there, what is open is hardly above. */
static void close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
#endif
	for (int fd = first; fd < 1024; fd++)
		close(fd);
}

/* Each may be one of those that it is about to replace. */
static int above(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, CHANNEL + 1);
}

static void keep_only(int channel, int input)
{
	int null = above(open("/dev/null", O_RDWR | O_CLOEXEC));

	channel = above(channel);
	input = input < 0 ? null : above(input);
	for (int fd = 0; fd < CHANNEL; fd++) {
		close(fd);
		dup2(fd == STDIN_FILENO ? input : null, fd);
	}
	dup2(channel, CHANNEL);
	close_from(CHANNEL + 1);
}

int child_new(void (*serve)(int channel, bool sandbox), bool sandbox, int input)
{
	int ends[2], saved;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		ignore_terminal();
		keep_only(ends[1], input);
		serve(CHANNEL, sandbox);
		_exit(0);
	}
	saved = errno;
	close(ends[1]);
	if (child > 0)
		return ends[0];
	close(ends[0]);
	errno = saved;
	return -1;
}

/* ---- descriptors ---- */

/* Room for one. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

bool child_next(int channel, void *message, size_t size)
{
	ssize_t n;

	do
		n = recv(channel, message, size, 0);
	while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == size;
}

bool child_answer(int channel, int fd)
{
	union control control = { .head = { CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS } };
	int error = fd < 0 ? errno : 0;
	struct iovec vector = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	bool sent;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	sent = sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
	if (fd >= 0)
		close(fd);
	return sent;
}

static int take_over(int channel)
{
	union control control;
	int error = 0, fd = -1;
	struct iovec vector = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *head;
	ssize_t n;

	do
		n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	if (fd < 0)
		errno = n == sizeof(error) && error ? error : ECHILD;
	return fd;
}

int child_ask(int channel, const void *message, size_t size)
{
	ssize_t n;

	/* send() is not for those who parse. */
	do
		n = write(channel, message, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : take_over(channel);
}
