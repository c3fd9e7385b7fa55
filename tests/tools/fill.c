/* Fills the conntrack table of the current network namespace with reproducible entries. */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "fill.h"
#include "fill-message.h"
#include "fill-record.h"

enum {
	BATCH_BYTES = 60000,	/* an ordinary user may not have a larger send buffer */
	BATCH_MESSAGES = 128,	/* so that as many answers fit the default receive buffer */
	CHURN_WINDOW = 512,	/* entries that churn keeps alive */
};

static struct {
	uint64_t count, expect, rate;
	const char *record;
	const struct profile *profile;
	uint32_t timeout;
	bool remove;
} opt = { .count = 1000, .profile = profiles };

/* ---- sending ---- */

enum action { MAKE, UPDATE, REMOVE, EXPECT };

static struct batch {
	struct mnl_socket *nl;
	FILE *record;
	char *buf;
	size_t len;
	unsigned n;
	uint32_t sequence;		/* of the first message */
	struct entry entry[BATCH_MESSAGES];
	enum action action[BATCH_MESSAGES];
	int answer[BATCH_MESSAGES];
	uint64_t done[EXPECT + 1], refused[4096];
} batch;

static void batch_open(void)
{
	int on = 1, size = 1 << 20;

	batch.buf = malloc(2 * BATCH_BYTES);
	batch.nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!batch.buf || !batch.nl || mnl_socket_bind(batch.nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err(2, "netlink socket");
	mnl_socket_setsockopt(batch.nl, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(batch.nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(mnl_socket_get_fd(batch.nl), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* sendto() returns when the kernel has dealt with every message: all the answers are there. */
static unsigned batch_answers(void)
{
	char buf[8192];
	ssize_t len;
	unsigned n = 0;

	while ((len = recv(mnl_socket_get_fd(batch.nl), buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (void *)buf;
		const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);
		uint32_t i = nlh->nlmsg_seq - batch.sequence;

		if (nlh->nlmsg_type != NLMSG_ERROR || i >= batch.n)
			continue;
		batch.answer[i] = -answer->error;
		n++;
	}
	if (len < 0 && errno != EAGAIN)
		err(2, "netlink answer");
	return n;
}

static bool batch_flush(void)
{
	unsigned answers;

	if (!batch.n)
		return true;
	if (mnl_socket_sendto(batch.nl, batch.buf, batch.len) < 0)
		err(2, "netlink request");
	answers = batch_answers();
	if (batch.record && answers != batch.n)
		errx(2, "%u requests but %u answers", batch.n, answers);
	for (unsigned i = 0; i < batch.n; i++) {
		if (batch.answer[i])
			batch.refused[batch.answer[i]]++;
		else
			batch.done[batch.action[i]]++;
		if (batch.record && !batch.answer[i] && batch.action[i] == (opt.expect ? EXPECT : MAKE))
			(opt.expect ? json_expectation : json_entry)(batch.record, &batch.entry[i]);
	}
	batch.sequence += batch.n;
	batch.n = 0;
	batch.len = 0;
	return !batch.refused[ENOMEM];
}

/* False if the table is full. */
static bool batch_add(const struct entry *e, enum action action)
{
	static struct nlmsghdr *(*const build[])(void *, const struct entry *) = {
		message_new, message_update, message_delete, message_expect };
	struct nlmsghdr *nlh = build[action](batch.buf + batch.len, e);

	if (batch.record)
		nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = batch.sequence + batch.n;
	batch.answer[batch.n] = 0;
	batch.action[batch.n] = action;
	if (batch.record)
		batch.entry[batch.n] = *e;
	batch.n++;
	batch.len += MNL_ALIGN(nlh->nlmsg_len);
	if (batch.n < BATCH_MESSAGES && batch.len < BATCH_BYTES)
		return true;
	return batch_flush();
}

/* ---- what the kernel accepts ---- */

/* Makes the entry, asks for it, deletes it. Returns a bit for each attribute it came back with, and
 * bit 0 if its tuple has ports; 0 if it was refused. */
static uint32_t probe(struct entry *e)
{
	char buf[8192];
	struct nlmsghdr *nlh = message_new(buf, e);
	uint32_t seen = 0;
	ssize_t len;
	int fd = mnl_socket_get_fd(batch.nl);
	struct nlattr *attr, *part;

	mnl_socket_sendto(batch.nl, nlh, nlh->nlmsg_len);
	nlh = message_delete(buf, e);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	mnl_socket_sendto(batch.nl, nlh, nlh->nlmsg_len);
	nlh = message_delete(buf, e);
	mnl_socket_sendto(batch.nl, nlh, nlh->nlmsg_len);
	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		nlh = (void *)buf;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			continue;
		mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
			seen |= 1u << mnl_attr_get_type(attr);
			if (mnl_attr_get_type(attr) != CTA_TUPLE_ORIG)
				continue;
			mnl_attr_for_each_nested(part, attr)
				if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO)
					seen |= mnl_attr_get_payload_len(part) > 16;
		}
	}
	return seen;
}

static uint32_t probe_protocol(struct protocol *proto, bool nat, const char *helper)
{
	struct slot slot = { AF_INET, proto };
	struct entry e;

	entry_start(&e, &slot, (1 << 27) - 1, 1 << 12);
	e.orig.b = 9;
	e.helper = helper;
	e.labels[0] = 1;
	can.nat = true;
	entry_translate(&e, nat, false, 1);
	return probe(&e);
}

/* UDP-Lite and DCCP have ports only where the kernel tracks them; labels are kept only where a rule
 * of the namespace uses them, and are dropped without an error elsewhere. */
static void probe_all(void)
{
	struct protocol *maybe[] = { &udplite, &dccp };

	if (opt.profile->make == tcp4 || opt.profile->make == flood)
		return;
	can.labels = probe_protocol(&udp, false, NULL) >> CTA_LABELS & 1;
	can.helper = probe_protocol(&tcp, false, "ftp") >> CTA_HELP & 1;
	for (int i = 0; i < 2; i++)
		if (!(probe_protocol(maybe[i], false, NULL) & 1))
			maybe[i]->shape = PLAIN;
	can.nat = probe_protocol(&udp, true, NULL) != 0;
	if (opt.profile->make == mixed)
		fprintf(stderr, "labels %s, helper %s, nat %s, udplite %s, dccp %s\n",
			can.labels ? "yes" : "no (no rule here uses them)", can.helper ? "yes" : "no",
			can.nat ? "yes" : "no", udplite.shape == PORTS ? "tracked" : "generic",
			dccp.shape == PORTS ? "tracked" : "generic");
}

/* ---- the jobs ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Waits until number i is due. */
static void pace(uint64_t i, double start)
{
	double wait = start + (double)i / opt.rate - now();
	struct timespec t = { wait, (wait - (time_t)wait) * 1e9 };

	if (wait <= 0)
		return;
	batch_flush();
	nanosleep(&t, NULL);
}

static void make_entry(struct entry *e, uint32_t i)
{
	opt.profile->make(e, i);
	if (opt.timeout)
		e->timeout = opt.timeout;
}

static void fill(void)
{
	double start = now();
	struct entry e;

	for (uint64_t i = 0; i < opt.count; i++) {
		make_entry(&e, i);
		if (opt.rate && i % (opt.rate / 200 + 1) == 0)
			pace(i, start);
		if (!batch_add(&e, opt.remove ? REMOVE : MAKE))
			break;
	}
}

/* Each entry is made, updated (every second one) and deleted; in the end none is left. */
static void churn(void)
{
	double start = now();
	struct entry e;

	for (uint64_t i = 0; i < opt.count + CHURN_WINDOW; i++) {
		if (opt.rate && i % (opt.rate / 200 + 1) == 0)
			pace(i, start);
		if (i < opt.count) {
			make_entry(&e, i);
			e.state = e.proto == &tcp ? 1 : e.state;
			e.status &= ~(IPS_SEEN_REPLY | IPS_ASSURED);
			batch_add(&e, MAKE);
		}
		if (i >= CHURN_WINDOW / 2 && i - CHURN_WINDOW / 2 < opt.count && i % 2) {
			make_entry(&e, i - CHURN_WINDOW / 2);
			e.state = e.proto == &tcp ? 3 : e.state;
			batch_add(&e, UPDATE);
		}
		if (i >= CHURN_WINDOW) {
			make_entry(&e, i - CHURN_WINDOW);
			batch_add(&e, REMOVE);
		}
	}
}

/* A helper's flow may have only so many expectations, so each has its own. Timeout and classes are
 * the helper's: the kernel disregards the timeout it is asked for, and clears the flag USERSPACE. */
static void expect(void)
{
	static const struct { struct slot slot; const char *helper; uint32_t port, timeout, classes; } rows[] = {
		{ { AF_INET, &tcp }, "ftp", 21, 300, 1 }, { { AF_INET6, &tcp }, "ftp", 21, 300, 1 },
		{ { AF_INET, &udp }, "sip", 5060, 180, 4 }, { { AF_INET6, &udp }, "sip", 5060, 180, 4 },
		{ { AF_INET, &udp }, "tftp", 69, 300, 1 },
	}, *row;
	struct entry e;

	for (uint64_t i = 0; i < opt.expect; i++) {
		row = &rows[i % (sizeof(rows) / sizeof(*rows))];
		entry_start(&e, &row->slot, shuffle(i), 1 << 12);
		e.orig.b = row->port;
		e.helper = row->helper;
		e.state = 3;
		e.status |= IPS_SEEN_REPLY | IPS_ASSURED | IPS_HELPER;
		e.zone = i % 7 == 6 ? 3 : 0;
		e.expect_flags = i % 8 / 2;
		e.expect_class = i / 5 % row->classes;
		entry_translate(&e, i % 6 == 5, false, i);
		if (!batch_add(&e, MAKE))
			break;
		e.timeout = row->timeout;
		if (!batch_add(&e, EXPECT))
			break;
	}
}

static uint64_t proc_number(const char *name)
{
	char path[128];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%" SCNu64, &value) != 1)
		err(2, "%s", path);
	fclose(file);
	return value;
}

/* A table that is nearly full evicts entries that are not assured: the record would be wrong. */
static void check_room(void)
{
	uint64_t max = proc_number("nf_conntrack_max"), count = proc_number("nf_conntrack_count");

	if (opt.remove || opt.profile->name[0] == 'c' || !max || count + opt.count + opt.expect < max)
		return;
	if (opt.record)
		errx(2, "%" PRIu64 " entries do not fit: nf_conntrack_max is %" PRIu64 ", %" PRIu64 " are used",
		     opt.count, max, count);
	warnx("the table will be full: nf_conntrack_max is %" PRIu64 ", %" PRIu64 " are used", max, count);
}

static int report(double seconds)
{
	static const char *const verbs[] = { "made", "updated", "deleted", "expected" };
	int status = 0;

	for (int action = 0; action <= EXPECT; action++)
		if (batch.done[action] || (action == MAKE && !opt.remove))
			fprintf(stderr, "%s %" PRIu64 " in %.3f s\n", verbs[action], batch.done[action], seconds);
	for (int error = 1; error < 4096; error++) {
		if (!batch.refused[error])
			continue;
		fprintf(stderr, "refused %" PRIu64 ": %s%s\n", batch.refused[error], strerror(error),
			error == ENOMEM ? " (the table is full)" : "");
		status = 1;
	}
	return status;
}

static const char usage[] =
"Usage: fill [options]\n"
"Makes conntrack entries in the current network namespace through ctnetlink.\n"
"  -n, --count N       how many (1000)\n"
"  -s, --seed N        another choice of entries (1)\n"
"  -p, --profile NAME  mixed: everything ctnetlink can make (default)\n"
"                      tcp4: IPv4 TCP ESTABLISHED only, each tenth with dport 443; fast\n"
	"                      flood: SYNs from sources that are not there; as fast\n"
"                      web: what a NAT gateway sees\n"
"                      churn: make, update and delete; leaves nothing\n"
"  -t, --timeout SEC   the same timeout for all\n"
"  -r, --rate N        entries per second (as fast as possible)\n"
"  -o, --record FILE   a line of JSON for each entry that the kernel accepted\n"
"  -d, --delete        delete what the same options have made\n"
"  -e, --expect N      make N helper flows with an expectation each, record the expectations\n"
"  -h, --help\n"
"Counters, timestamps and labels need nf_conntrack_acct=1, nf_conntrack_timestamp=1 and a rule with\n"
"`ct label set` in this namespace beforehand. Entries in one namespace: at most nf_conntrack_max.\n"
"Exit status: 0 all made, 1 some were refused, 2 trouble.\n";

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text || *end)
		errx(2, "%s: not a number", text);
	return value;
}

static const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	errx(2, "%s: no such profile", name);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "count", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "profile", 1, NULL, 'p' },
		{ "timeout", 1, NULL, 't' }, { "rate", 1, NULL, 'r' }, { "record", 1, NULL, 'o' },
		{ "delete", 0, NULL, 'd' }, { "expect", 1, NULL, 'e' }, { "help", 0, NULL, 'h' }, { NULL } };
	int c;

	while ((c = getopt_long(argc, argv, "n:s:p:t:r:o:de:h", longs, NULL)) != -1) {
		switch (c) {
		case 'n': opt.count = number(optarg); break;
		case 's': seed = number(optarg); break;
		case 'p': opt.profile = profile_find(optarg); break;
		case 't': opt.timeout = number(optarg); break;
		case 'r': opt.rate = number(optarg); break;
		case 'o': opt.record = optarg; break;
		case 'd': opt.remove = true; break;
		case 'e': opt.expect = number(optarg); break;
		case 'h': fputs(usage, stdout); exit(0);
		default: exit(2);
		}
	}
	if (optind < argc)
		errx(2, "%s: not an option", argv[optind]);
	if (opt.count >= 1 << 26)
		errx(2, "at most %d entries", 1 << 26);
}

int main(int argc, char **argv)
{
	double start;

	parse(argc, argv);
	batch_open();
	check_room();
	probe_all();
	if (opt.record) {
		batch.record = fopen(opt.record, "w");
		if (!batch.record)
			err(2, "%s", opt.record);
	}
	start = now();
	(opt.expect ? expect : !strcmp(opt.profile->name, "churn") ? churn : fill)();
	batch_flush();
	if (batch.record && (ferror(batch.record) || fclose(batch.record)))
		err(2, "%s", opt.record);
	return report(now() - start);
}
