/* Asks the kernel one ctnetlink question and says how many messages came with which attributes. */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* Not in the exported headers of every kernel, or in none. */
enum { STATUS_MASK = 26, FILTER = 25, ORIG_FLAGS = 1, REPLY_FLAGS = 2, PROTO_FLAG = 1 << 3 };

static const char usage[] =
"Usage: ask dump [KEY=VALUE...]     what the kernel answers to a dump with these filters, untested:\n"
"                                   family=4|6 mark=V/M status=V/M zone=N proto=N, and for either\n"
"                                   side orig.src= orig.dst= orig.sport= orig.dport= reply.src= ...\n"
"       ask expect|dying|unconfirmed    a dump of that table\n"
"       ask cpus|totals                 statistics\n"
"       ask listen N                prints `ready`, then a line for each of N events\n"
"Prints `N: ATTRIBUTES`, all numbers that came, or `refused: REASON`. Listening ends after 10 seconds.\n"
"Exit status: 0 answered, 1 refused or too few events, 2 trouble.\n";

static const struct question {
	const char *name;
	int type, flags;
} questions[] = {
	{ "dump", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP },
	{ "dying", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_DYING, NLM_F_DUMP },
	{ "unconfirmed", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_UNCONFIRMED, NLM_F_DUMP },
	{ "expect", NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET, NLM_F_DUMP },
	{ "cpus", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP },
	{ "totals", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK },
};

static const struct part {
	const char *name;
	int side;
	uint32_t flag;
	int attribute;		/* of the IPv4 address or the port */
	bool port;
} parts[] = {
	{ "orig.src", 0, 1 << 0, CTA_IP_V4_SRC }, { "orig.dst", 0, 1 << 1, CTA_IP_V4_DST },
	{ "orig.sport", 0, 1 << 4, CTA_PROTO_SRC_PORT, true },
	{ "orig.dport", 0, 1 << 5, CTA_PROTO_DST_PORT, true },
	{ "reply.src", 1, 1 << 0, CTA_IP_V4_SRC }, { "reply.dst", 1, 1 << 1, CTA_IP_V4_DST },
	{ "reply.sport", 1, 1 << 4, CTA_PROTO_SRC_PORT, true },
	{ "reply.dport", 1, 1 << 5, CTA_PROTO_DST_PORT, true },
};

enum { PARTS = sizeof(parts) / sizeof(*parts), QUESTIONS = sizeof(questions) / sizeof(*questions) };

static const char *value_of(char **words, const char *key)
{
	size_t len = strlen(key);

	for (; *words; words++)
		if (!strncmp(*words, key, len) && (*words)[len] == '=')
			return *words + len + 1;
	return NULL;
}

static void check_words(char **words)
{
	static const char *const keys[] = { "family", "mark", "status", "zone", "proto" };

	for (; *words; words++) {
		size_t len = strcspn(*words, "=");
		bool known = false;

		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			known |= strlen(keys[i]) == len && !memcmp(keys[i], *words, len);
		for (size_t i = 0; i < PARTS; i++)
			known |= strlen(parts[i].name) == len && !memcmp(parts[i].name, *words, len);
		if (!known)
			errx(2, "%s: unknown", *words);
	}
}

static void put_masked(struct nlmsghdr *nlh, char **words, const char *key, int type, int mask_type)
{
	const char *word = value_of(words, key);
	char *end;

	if (!word)
		return;
	mnl_attr_put_u32(nlh, type, htonl(strtoul(word, &end, 0)));
	if (*end == '/')
		mnl_attr_put_u32(nlh, mask_type, htonl(strtoul(end + 1, NULL, 0)));
}

static void put_address(struct nlmsghdr *nlh, const struct part *part, const char *word)
{
	struct in6_addr address;
	bool six = strchr(word, ':');

	if (inet_pton(six ? AF_INET6 : AF_INET, word, &address) != 1)
		errx(2, "%s: not an address", word);
	mnl_attr_put(nlh, part->attribute + (six ? CTA_IP_V6_SRC - CTA_IP_V4_SRC : 0), six ? 16 : 4, &address);
}

/* Returns the flags of the parts that were asked for. */
static uint32_t put_side(struct nlmsghdr *nlh, char **words, int side)
{
	const char *proto = value_of(words, "proto");
	struct nlattr *tuple = mnl_attr_nest_start(nlh, side ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG), *nest;
	uint32_t flags = proto && !side ? PROTO_FLAG : 0;

	for (int port = 0; port < 2; port++) {
		nest = mnl_attr_nest_start(nlh, port ? CTA_TUPLE_PROTO : CTA_TUPLE_IP);
		if (port && proto)
			mnl_attr_put_u8(nlh, CTA_PROTO_NUM, atoi(proto));
		for (size_t i = 0; i < PARTS; i++) {
			const char *word = value_of(words, parts[i].name);

			if (!word || parts[i].side != side || parts[i].port != port)
				continue;
			flags |= parts[i].flag | (port ? PROTO_FLAG : 0);
			if (port)
				mnl_attr_put_u16(nlh, parts[i].attribute, htons(atoi(word)));
			else
				put_address(nlh, &parts[i], word);
		}
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, tuple);
	return flags;
}

/* The flags are in host order. A side without a flag must not be sent. */
static void put_tuples(struct nlmsghdr *nlh, char **words)
{
	uint32_t flags[2], length;
	struct nlattr *nest;

	for (int side = 0; side < 2; side++) {
		length = nlh->nlmsg_len;
		flags[side] = put_side(nlh, words, side);
		if (!flags[side])
			nlh->nlmsg_len = length;
	}
	if (!flags[0] && !flags[1])
		return;
	nest = mnl_attr_nest_start(nlh, FILTER);
	mnl_attr_put_u32(nlh, ORIG_FLAGS, flags[0]);
	mnl_attr_put_u32(nlh, REPLY_FLAGS, flags[1]);
	mnl_attr_nest_end(nlh, nest);
}

static void ask(struct mnl_socket *nl, const struct question *question, char **words)
{
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;
	const char *family = value_of(words, "family"), *zone = value_of(words, "zone");

	nlh->nlmsg_type = question->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | question->flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->version = NFNETLINK_V0;
	nfg->nfgen_family = !family ? AF_UNSPEC : *family == '6' ? AF_INET6 : AF_INET;
	put_masked(nlh, words, "mark", CTA_MARK, CTA_MARK_MASK);
	put_masked(nlh, words, "status", CTA_STATUS, STATUS_MASK);
	if (zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(atoi(zone)));
	put_tuples(nlh, words);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err(2, "request");
}

static uint64_t attributes(const struct nlmsghdr *nlh)
{
	struct nlattr *attr;
	uint64_t seen = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		seen |= UINT64_C(1) << (mnl_attr_get_type(attr) & 63);
	return seen;
}

static void print_attributes(uint64_t seen)
{
	for (int i = 0; i < 64; i++)
		if (seen >> i & 1)
			printf(" %d", i);
	putchar('\n');
	fflush(stdout);
}

/* Counts messages until the end of the answer, whose errno it returns. */
static int each_answer(struct mnl_socket *nl, unsigned long *count, uint64_t *seen)
{
	static char buf[1 << 16];
	const struct nlmsghdr *nlh;
	int len;

	for (;;) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			err(2, "answer");
		for (nlh = (void *)buf; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return 0;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
			++*count;
			*seen |= attributes(nlh);
		}
	}
}

static int answer(struct mnl_socket *nl)
{
	unsigned long count = 0;
	uint64_t seen = 0;
	int error = each_answer(nl, &count, &seen);

	if (error) {
		printf("refused: %s\n", strerror(error));
		return 1;
	}
	printf("%lu:", count);
	print_attributes(seen);
	return 0;
}

/* NEW and UPDATE have one type; NEW has flags. */
static int listen_to(struct mnl_socket *nl, unsigned long wanted)
{
	struct pollfd ready = { .fd = mnl_socket_get_fd(nl), .events = POLLIN };
	time_t end = time(NULL) + 10;
	char buf[8192];

	puts("ready");
	fflush(stdout);
	while (wanted && time(NULL) < end) {
		const struct nlmsghdr *nlh = (void *)buf;

		if (poll(&ready, 1, 1000) < 1)
			continue;
		if (mnl_socket_recvfrom(nl, buf, sizeof(buf)) < 0)
			err(2, "events");
		printf("%s", (nlh->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE ? "destroy" :
			     nlh->nlmsg_flags & NLM_F_CREATE ? "new" : "update");
		print_attributes(attributes(nlh));
		wanted--;
	}
	return wanted > 0;
}

int main(int argc, char **argv)
{
	bool listening = argc == 3 && !strcmp(argv[1], "listen");
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (!nl || mnl_socket_bind(nl, listening ? 7 : 0, MNL_SOCKET_AUTOPID) < 0)
		err(2, "netlink socket");
	if (listening)
		return listen_to(nl, strtoul(argv[2], NULL, 0));
	for (size_t i = 0; argc > 1 && i < QUESTIONS; i++) {
		if (strcmp(argv[1], questions[i].name))
			continue;
		check_words(argv + 2);
		ask(nl, &questions[i], argv + 2);
		return answer(nl);
	}
	fputs(usage, stderr);
	return 2;
}
