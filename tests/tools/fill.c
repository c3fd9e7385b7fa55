/* Fills the conntrack table of the current network namespace with reproducible entries. */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "fill.h"

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

static struct nlmsghdr *message(void *to, int type, int family, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static void put_be16(struct nlmsghdr *nlh, int type, uint16_t value)
{
	mnl_attr_put_u16(nlh, type, htons(value));
}

static void put_be32(struct nlmsghdr *nlh, int type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static void put_protocol(struct nlmsghdr *nlh, const struct protocol *proto, const struct side *side)
{
	bool six = proto == &icmpv6;

	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto->num);
	if (proto->shape == PING) {
		put_be16(nlh, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, side->a);
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, side->b);
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
	} else if (proto->shape != PLAIN) {
		put_be16(nlh, CTA_PROTO_SRC_PORT, side->a);
		put_be16(nlh, CTA_PROTO_DST_PORT, side->b);
	}
}

static void put_tuple(struct nlmsghdr *nlh, int type, const struct protocol *proto, int family,
		      const struct side *side)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;
	bool six = family == AF_INET6;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, address_size(family), side->src);
	mnl_attr_put(nlh, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, address_size(family), side->dst);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	put_protocol(nlh, proto, side);
	mnl_attr_nest_end(nlh, nest);
	if (side->zone)
		put_be16(nlh, CTA_TUPLE_ZONE, side->zone);
	mnl_attr_nest_end(nlh, tuple);
}

static void put_nat(struct nlmsghdr *nlh, int type, int family, const uint8_t *to, uint16_t port)
{
	struct nlattr *nat = mnl_attr_nest_start(nlh, type), *nest;

	mnl_attr_put(nlh, family == AF_INET ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, address_size(family), to);
	if (port) {
		nest = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
		put_be16(nlh, CTA_PROTONAT_PORT_MIN, port);
		put_be16(nlh, CTA_PROTONAT_PORT_MAX, port);
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, nat);
}

static void put_protoinfo(struct nlmsghdr *nlh, const struct entry *e)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO), *nest;
	struct nf_ct_tcp_flags flags[2] = { { e->flags[0], 0xff }, { e->flags[1], 0xff } };

	if (e->proto == &tcp) {
		nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, e->state);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, e->wscale[0]);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_REPLY, e->wscale[1]);
		mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(*flags), &flags[0]);
		mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(*flags), &flags[1]);
	} else {
		nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_SCTP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_SCTP_STATE, e->state);
		put_be32(nlh, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, e->vtag[0]);
		put_be32(nlh, CTA_PROTOINFO_SCTP_VTAG_REPLY, e->vtag[1]);
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, info);
}

static void put_numbers(struct nlmsghdr *nlh, int type, const uint32_t *numbers)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	for (int n = 0; n < 3; n++)
		put_be32(nlh, n + 1, numbers[n]);
	mnl_attr_nest_end(nlh, nest);
}

static void put_extras(struct nlmsghdr *nlh, const struct entry *e)
{
	struct nlattr *nest;

	if (e->labels[0] | e->labels[1])
		mnl_attr_put(nlh, CTA_LABELS, sizeof(e->labels), e->labels);
	if (e->seqadj) {
		put_numbers(nlh, CTA_SEQ_ADJ_ORIG, e->adjust);
		put_numbers(nlh, CTA_SEQ_ADJ_REPLY, e->adjust + 3);
	}
	if (e->synproxy)
		put_numbers(nlh, CTA_SYNPROXY, e->proxy);
	if (e->has_master)
		put_tuple(nlh, CTA_TUPLE_MASTER, e->proto, e->family, &e->master);
	if (e->helper) {
		nest = mnl_attr_nest_start(nlh, CTA_HELP);
		mnl_attr_put_strz(nlh, CTA_HELP_NAME, e->helper);
		mnl_attr_nest_end(nlh, nest);
	}
}

/* The reply tuple goes untranslated: the kernel translates it itself, as it does for a packet. */
static struct nlmsghdr *message_new(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, e->family,
				       NLM_F_CREATE | NLM_F_EXCL);
	uint16_t port = e->proto->shape == PORTS || e->proto->shape == PING;
	struct side reply = inverse(e->proto, &e->orig);

	reply.zone = e->reply.zone;
	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	put_tuple(nlh, CTA_TUPLE_REPLY, e->proto, e->family, &reply);
	if (e->snat)
		put_nat(nlh, CTA_NAT_SRC, e->family, e->reply.dst,
			e->proto->shape == PING ? e->reply.a : port * e->reply.b);
	if (e->dnat)
		put_nat(nlh, CTA_NAT_DST, e->family, e->reply.src, e->proto->shape == PORTS ? e->reply.a : 0);
	put_be32(nlh, CTA_STATUS, e->status & ~IPS_EXPECTED);	/* the master sets that one */
	put_be32(nlh, CTA_TIMEOUT, e->timeout);
	if (e->mark)
		put_be32(nlh, CTA_MARK, e->mark);
	if (e->zone)
		put_be16(nlh, CTA_ZONE, e->zone);
	if (e->proto->states)
		put_protoinfo(nlh, e);
	put_extras(nlh, e);
	return nlh;
}

static struct nlmsghdr *message_delete(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, e->family, 0);

	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	if (e->zone)
		put_be16(nlh, CTA_ZONE, e->zone);
	return nlh;
}

static struct nlmsghdr *message_update(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, e->family, 0);

	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	put_be32(nlh, CTA_STATUS, e->status | IPS_SEEN_REPLY | IPS_ASSURED);
	put_be32(nlh, CTA_TIMEOUT, 1200);
	if (e->proto->states)
		put_protoinfo(nlh, e);
	return nlh;
}

/* What the helper expects: from the server's address and any port to the client's port. */
static struct side expected(const struct entry *e)
{
	struct side tuple = inverse(e->proto, &e->orig);

	tuple.a = 0;
	tuple.b = e->orig.a;
	return tuple;
}

static struct nlmsghdr *message_expect(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW, e->family,
				       NLM_F_CREATE | NLM_F_EXCL);
	struct side tuple = expected(e), mask = { .b = 0xffff };

	memset(mask.src, 0xff, sizeof(mask.src));
	memset(mask.dst, 0xff, sizeof(mask.dst));
	put_tuple(nlh, CTA_EXPECT_MASTER, e->proto, e->family, &e->orig);
	put_tuple(nlh, CTA_EXPECT_TUPLE, e->proto, e->family, &tuple);
	put_tuple(nlh, CTA_EXPECT_MASK, e->proto, e->family, &mask);
	mnl_attr_put_strz(nlh, CTA_EXPECT_HELP_NAME, e->helper);
	put_be32(nlh, CTA_EXPECT_TIMEOUT, e->timeout);
	put_be32(nlh, CTA_EXPECT_FLAGS, e->expect_flags);
	put_be32(nlh, CTA_EXPECT_CLASS, e->expect_class);
	if (e->zone)
		put_be16(nlh, CTA_EXPECT_ZONE, e->zone);
	return nlh;
}

/* ---- the record ---- */

static void json_side(FILE *out, const char *name, const struct entry *e, const struct side *side)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(e->family, side->src, src, sizeof(src));
	inet_ntop(e->family, side->dst, dst, sizeof(dst));
	fprintf(out, ",\"%s\":{\"src\":\"%s\",\"dst\":\"%s\"", name, src, dst);
	if (e->proto->shape == PORTS)
		fprintf(out, ",\"sport\":%u,\"dport\":%u", side->a, side->b);
	if (e->proto->shape == KEYS)
		fprintf(out, ",\"gre\":{\"srckey\":%u,\"dstkey\":%u}", side->a, side->b);
	if (e->proto->shape == PING)
		fprintf(out, ",\"icmp\":{\"type\":%u,\"code\":0,\"id\":%u}", side->b, side->a);
	if (side->zone)
		fprintf(out, ",\"zone\":%u", side->zone);
	fputc('}', out);
}

static void json_status(FILE *out, uint32_t status)
{
	static const char *const names[] = { "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT",
		"DST_NAT", "SEQ_ADJUST", "SRC_NAT_DONE", "DST_NAT_DONE", "DYING", "FIXED_TIMEOUT",
		"TEMPLATE", "UNTRACKED", "HELPER" };
	const char *comma = "";

	fputs(",\"status\":[", out);
	for (size_t bit = 0; bit < sizeof(names) / sizeof(*names); bit++) {
		if (!(status & 1u << bit))
			continue;
		fprintf(out, "%s\"%s\"", comma, names[bit]);
		comma = ",";
	}
	fputc(']', out);
}

static void json_translation(FILE *out, const char *name, const struct entry *e, const uint8_t *to,
			     uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(out, ",\"%s\":{\"addr\":\"%s\"", name, inet_ntop(e->family, to, text, sizeof(text)));
	if (e->proto->shape == PORTS)
		fprintf(out, ",\"port\":%u", port);
	fputc('}', out);
}

static void json_nat(FILE *out, const struct entry *e)
{
	if (!e->snat && !e->dnat)
		return;
	fprintf(out, ",\"nat\":[%s%s%s]", e->snat ? "\"snat\"" : "", e->snat && e->dnat ? "," : "",
		e->dnat ? "\"dnat\"" : "");
	if (e->snat)
		json_translation(out, "snat", e, e->reply.dst, e->reply.b);
	if (e->dnat)
		json_translation(out, "dnat", e, e->reply.src, e->reply.a);
}

static void json_labels(FILE *out, const uint64_t *labels)
{
	const char *comma = "";

	if (!(labels[0] | labels[1]))
		return;
	fputs(",\"labels\":[", out);
	for (int bit = 0; bit < 128; bit++) {
		if (!(labels[bit / 64] >> bit % 64 & 1))
			continue;
		fprintf(out, "%s%d", comma, bit);
		comma = ",";
	}
	fputc(']', out);
}

static void json_protoinfo(FILE *out, const struct entry *e)
{
	if (e->proto->states)
		fprintf(out, ",\"state\":\"%s\"", e->proto->state[e->state]);
	if (e->proto == &tcp)
		fprintf(out, ",\"tcp\":{\"wscale\":{\"orig\":%u,\"reply\":%u},\"flags\":{\"orig\":%u,\"reply\":%u}}",
			e->wscale[0], e->wscale[1], e->flags[0], e->flags[1]);
	if (e->proto == &sctp)
		fprintf(out, ",\"sctp\":{\"vtag\":{\"orig\":%u,\"reply\":%u}}", e->vtag[0], e->vtag[1]);
}

static void json_extras(FILE *out, const struct entry *e)
{
	static const char form[] = "{\"pos\":%u,\"before\":%u,\"after\":%u}";

	if (e->seqadj) {
		fputs(",\"seqadj\":{\"orig\":", out);
		fprintf(out, form, e->adjust[0], e->adjust[1], e->adjust[2]);
		fputs(",\"reply\":", out);
		fprintf(out, form, e->adjust[3], e->adjust[4], e->adjust[5]);
		fputc('}', out);
	}
	if (e->synproxy)
		fprintf(out, ",\"synproxy\":{\"isn\":%u,\"its\":%u,\"tsoff\":%u}", e->proxy[0], e->proxy[1], e->proxy[2]);
	if (e->has_master)
		json_side(out, "master", e, &e->master);
}

static void json_entry(FILE *out, const struct entry *e)
{
	fprintf(out, "{\"family\":\"%s\",\"proto\":\"%s\",\"protonum\":%u,\"timeout\":%u",
		e->family == AF_INET ? "ipv4" : "ipv6", e->proto->name, e->proto->num, e->timeout);
	json_protoinfo(out, e);
	json_side(out, "orig", e, &e->orig);
	json_side(out, "reply", e, &e->reply);
	json_status(out, e->status);
	json_nat(out, e);
	fprintf(out, ",\"mark\":%u", e->mark);
	if (e->zone)
		fprintf(out, ",\"zone\":%u", e->zone);
	if (e->helper)
		fprintf(out, ",\"helper\":\"%s\"", e->helper);
	json_labels(out, e->labels);
	json_extras(out, e);
	fputs("}\n", out);
}

static void json_expectation(FILE *out, const struct entry *e)
{
	struct side tuple = expected(e), mask = { .b = 0xffff };

	memset(mask.src, 0xff, sizeof(mask.src));
	memset(mask.dst, 0xff, sizeof(mask.dst));
	fprintf(out, "{\"family\":\"%s\",\"proto\":\"%s\",\"protonum\":%u,\"timeout\":%u",
		e->family == AF_INET ? "ipv4" : "ipv6", e->proto->name, e->proto->num, e->timeout);
	json_side(out, "orig", e, &tuple);
	json_side(out, "mask", e, &mask);
	json_side(out, "master", e, &e->orig);
	if (e->zone)
		fprintf(out, ",\"zone\":%u", e->zone);
	fprintf(out, ",\"helper\":\"%s\",\"expect\":{\"flags\":%u,\"class\":%u}}\n", e->helper,
		e->expect_flags, e->expect_class);
}

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

	if (opt.profile->make == tcp4)
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

/* A helper's flow may have only so many expectations: one each. */
static void expect(void)
{
	static const struct { struct slot slot; const char *helper; uint16_t port; } rows[] = {
		{ { AF_INET, &tcp }, "ftp", 21 }, { { AF_INET6, &tcp }, "ftp", 21 },
		{ { AF_INET, &udp }, "sip", 5060 }, { { AF_INET6, &udp }, "sip", 5060 },
		{ { AF_INET, &udp }, "tftp", 69 },
	};
	struct entry e;

	for (uint64_t i = 0; i < opt.expect; i++) {
		size_t row = i % (sizeof(rows) / sizeof(*rows));

		entry_start(&e, &rows[row].slot, shuffle(i), 1 << 12);
		e.orig.b = rows[row].port;
		e.helper = rows[row].helper;
		e.state = 3;
		e.status |= IPS_SEEN_REPLY | IPS_ASSURED | IPS_HELPER;
		e.zone = i % 7 == 6 ? 3 : 0;
		e.timeout = opt.timeout ? opt.timeout : 600;
		e.expect_flags = i % 4;
		entry_translate(&e, false, false, i);
		if (!batch_add(&e, MAKE) || !batch_add(&e, EXPECT))
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
