/* For unit tests: a private namespace filled with entries of all kinds, and its messages. */
#ifndef DUMP_H
#define DUMP_H

#include "flow.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { ENTRIES = 3400, EXPECTATIONS = 40, MESSAGES = 2 * ENTRIES };

/* Each message in its own block of malloc, so that a sanitizer sees a byte too many. */
struct dump {
	struct nlmsghdr *message[MESSAGES];
	unsigned count;
};

static bool write_sysctl(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");
	bool good = file && fputs(value, file) >= 0;

	return file && fclose(file) == 0 && good;
}

static int dump_message(const struct nlmsghdr *message, void *data)
{
	struct dump *dump = data;

	if (dump->count == MESSAGES)
		abort();
	dump->message[dump->count] = malloc(message->nlmsg_len);
	memcpy(dump->message[dump->count++], message, message->nlmsg_len);
	return MNL_CB_OK;
}

/* Adds the dump of a table. */
static void dump_table(struct dump *dump, unsigned subsystem)
{
	static char buffer[128 * 1024];
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	ssize_t n;

	message->nlmsg_type = subsystem << 8 | IPCTNL_MSG_CT_GET;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		abort();
	do {
		n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (n <= 0)
			abort();
	} while (mnl_cb_run(buffer, n, 0, 0, dump_message, dump) > 0);
	mnl_socket_close(socket);
}

static void run(const char *command)
{
	if (system(command) != 0)
		abort();
}

/* Group setup: false, and the tests are skipped, where no namespace of one's own can be had. */
static bool dump_fill(struct dump *dump)
{
	const char *build = getenv("B");
	char command[4096];

	dump->count = 0;
	if (unshare(CLONE_NEWNET) < 0 ||
	    !write_sysctl("/proc/sys/net/netfilter/nf_conntrack_acct", "1") ||
	    !write_sysctl("/proc/sys/net/netfilter/nf_conntrack_timestamp", "1"))
		return false;
	run("PATH=$PATH:/usr/sbin:/sbin nft 'add table inet t; add chain inet t c { type filter hook input "
	    "priority 0; }; add rule inet t c udp dport 9 ct label set 3'");
	snprintf(command, sizeof(command), "%s/tests/fill -n %d 2>/dev/null && %s/tests/fill -s 2 -e %d 2>/dev/null",
		 build ? build : "build", ENTRIES, build ? build : "build", EXPECTATIONS);
	run(command);
	dump_table(dump, NFNL_SUBSYS_CTNETLINK);
	return dump->count >= ENTRIES;
}

static void dump_release(struct dump *dump)
{
	while (dump->count)
		free(dump->message[--dump->count]);
}

#endif
