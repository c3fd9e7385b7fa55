/* A child that sends requests, and hands over the sockets on which the kernel answers. */
#include "asker.h"

#include "privs.h"
#include "sandbox.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The six groups of conntrack; NFNLGRP_CONNTRACK_NEW is the first. */
enum { GROUPS = (1 << NFNLGRP_CONNTRACK_EXP_DESTROY) - 1 };

struct asker {
	int fd;
};

/* ---- asking ---- */

/* setsockopt() and socket(), as sandbox.h wants to see them. */
static void set_buffer(int fd, size_t size)
{
	int value = size / 2;	/* the kernel doubles it */

	if (syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)) < 0)
		syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
}

static int close_failed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int open_socket(unsigned groups, size_t buffer)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return -1;
	/* The buffer first: a burst may arrive with the membership. */
	if (buffer)
		set_buffer(fd, buffer);
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? close_failed(fd) : fd;
}

static int put_question(const struct question *question)
{
	/* libmnl leaves gaps behind short attributes. */
	uint8_t buffer[REQUEST_SIZE] __attribute__((aligned(8))) = { 0 };
	size_t length;
	int fd;

	if (question->what == ASK_EVENTS)
		return open_socket(question->groups & GROUPS, question->buffer);
	length = question->what == ASK_DUMP
		? request_dump(buffer, question->table, &question->request)
		: request_statistics(buffer, question->statistics);
	if (!length) {
		errno = EINVAL;
		return -1;
	}
	fd = open_socket(0, 0);
	if (fd < 0)
		return -1;
	return request_send(fd, buffer, length) ? fd : close_failed(fd);
}

/* ---- the child ---- */

/* Room for one file descriptor. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool hand_over(int channel, int fd, int error)
{
	union control control = { .head = { CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec vector = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
}

/* False at the end: the parent is gone. */
static bool next_question(int channel, struct question *question)
{
	ssize_t n;

	do
		n = recv(channel, question, sizeof(*question), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*question);
}

/* Signals of the terminal are for the parent, which may still have something to ask. */
static _Noreturn void serve(int channel, bool sandbox)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };
	struct question question;
	bool good = true;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	privs_drop(true);
	if (sandbox)
		sandbox_enter(SANDBOX_ASK);
	while (good && next_question(channel, &question)) {
		int fd = put_question(&question);

		good = hand_over(channel, fd, fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
	_exit(0);
}

/* ---- the parent ---- */

struct asker *asker_new(bool sandbox)
{
	struct asker *asker = malloc(sizeof(*asker));
	int ends[2], saved;
	pid_t child;

	if (!asker)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		goto failed;
	child = fork();
	if (child == 0) {
		free(asker);
		close(ends[0]);
		serve(ends[1], sandbox);
	}
	saved = errno;
	close(ends[1]);
	asker->fd = ends[0];
	if (child > 0)
		return asker;
	close(ends[0]);
	errno = saved;
failed:
	free(asker);
	return NULL;
}

/* The child reads the end. Who waited for it would need a system call more. */
void asker_free(struct asker *asker)
{
	if (asker)
		close(asker->fd);
	free(asker);
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

int asker_ask(const struct asker *asker, const struct question *question)
{
	ssize_t n;

	if (!asker) {
		int fd = put_question(question);

		/* Behind the filter (sandbox.h), where nobody is left who may ask. */
		if (fd < 0 && errno == ENOSYS)
			errno = EPERM;
		return fd;
	}
	/* send() is not for those who parse. */
	do
		n = write(asker->fd, question, sizeof(*question));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	return take_over(asker->fd);
}
