/* Sends requests, in a child that hands over the sockets on which the kernel answers. */
#include "asker.h"

#include "child.h"
#include "privs.h"
#include "sandbox.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The six groups of conntrack; NFNLGRP_CONNTRACK_NEW is the first. */
enum { GROUPS = (1 << NFNLGRP_CONNTRACK_EXP_DESTROY) - 1 };

struct asker {
	int channel;
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

static _Noreturn void serve(int channel, bool sandbox)
{
	struct question question;

	privs_drop(true);
	if (sandbox)
		sandbox_enter(SANDBOX_ASK);
	while (child_next(channel, &question, sizeof(question)))
		if (!child_answer(channel, put_question(&question)))
			break;
	_exit(0);
}

/* ---- the parent ---- */

struct asker *asker_new(bool sandbox)
{
	struct asker *asker = malloc(sizeof(*asker));
	int saved;

	if (!asker)
		return NULL;
	asker->channel = child_new(serve, sandbox, -1);
	if (asker->channel >= 0)
		return asker;
	saved = errno;
	free(asker);
	errno = saved;
	return NULL;
}

/* The child reads the end. Who waited for it would need a system call more. */
void asker_free(struct asker *asker)
{
	if (asker)
		close(asker->channel);
	free(asker);
}

int asker_ask(const struct asker *asker, const struct question *question)
{
	int fd;

	if (asker)
		return child_ask(asker->channel, question, sizeof(*question));
	fd = put_question(question);
	/* Behind the filter (sandbox.h), where nobody is left who may ask. */
	if (fd < 0 && errno == ENOSYS)
		errno = EPERM;
	return fd;
}
