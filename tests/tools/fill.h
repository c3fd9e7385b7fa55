/* The entries that fill.c makes: entry number i is a function of the profile, the seed and i alone. */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

enum {
	PORT_BASE = 1024,
	NAT_PORTS = 64000,
};

enum shape { PLAIN, PORTS, KEYS, PING };

struct protocol {
	uint8_t num;
	const char *name;
	enum shape shape;
	unsigned states;
	const char *state[10];
};

static struct protocol tcp = { IPPROTO_TCP, "tcp", PORTS, 10, {
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
	"TIME_WAIT", "CLOSE", "SYN_SENT2" } };
static struct protocol sctp = { IPPROTO_SCTP, "sctp", PORTS, 9, {
	"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT",
	"SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT" } };
static struct protocol udp = { IPPROTO_UDP, "udp", PORTS, 0, { NULL } };
static struct protocol udplite = { IPPROTO_UDPLITE, "udplite", PORTS, 0, { NULL } };
static struct protocol dccp = { IPPROTO_DCCP, "dccp", PORTS, 0, { NULL } };
static struct protocol icmp = { IPPROTO_ICMP, "icmp", PING, 0, { NULL } };
static struct protocol icmpv6 = { IPPROTO_ICMPV6, "icmpv6", PING, 0, { NULL } };
static struct protocol gre = { IPPROTO_GRE, "gre", KEYS, 0, { NULL } };
static struct protocol igmp = { IPPROTO_IGMP, "igmp", PLAIN, 0, { NULL } };
static struct protocol unknown = { 200, "200", PLAIN, 0, { NULL } };

/* One round of the mixed profile; the first four rows are where helpers and masters are put. */
static const struct slot {
	int family;
	struct protocol *proto;
} slots[] = {
	{ AF_INET, &tcp }, { AF_INET6, &tcp }, { AF_INET, &tcp }, { AF_INET6, &tcp },
	{ AF_INET, &tcp }, { AF_INET, &tcp }, { AF_INET, &tcp }, { AF_INET, &tcp },
	{ AF_INET, &tcp }, { AF_INET6, &tcp }, { AF_INET, &tcp }, { AF_INET6, &tcp },
	{ AF_INET, &udp }, { AF_INET, &udp }, { AF_INET, &udp }, { AF_INET, &udp },
	{ AF_INET6, &udp }, { AF_INET6, &udp }, { AF_INET, &icmp }, { AF_INET, &icmp },
	{ AF_INET6, &icmpv6 }, { AF_INET6, &icmpv6 }, { AF_INET, &sctp }, { AF_INET, &sctp },
	{ AF_INET6, &sctp }, { AF_INET, &gre }, { AF_INET6, &gre }, { AF_INET, &udplite },
	{ AF_INET6, &udplite }, { AF_INET, &dccp }, { AF_INET6, &dccp }, { AF_INET, &unknown },
	{ AF_INET6, &unknown }, { AF_INET, &igmp },
};

enum { SLOTS = sizeof(slots) / sizeof(*slots) };

/* a and b are ports, GRE keys, or ICMP's id and type. */
struct side {
	uint8_t src[16], dst[16];
	uint16_t a, b;
	uint16_t zone;
};

struct entry {
	struct protocol *proto;
	int family;
	struct side orig, reply;	/* reply as the kernel will show it */
	struct side master;
	bool snat, dnat, has_master, seqadj, synproxy;
	uint8_t state, wscale[2], flags[2];
	uint16_t zone;
	uint32_t status, timeout, mark, vtag[2], adjust[6], proxy[3], expect_flags, expect_class;
	uint64_t labels[2];
	const char *helper;
};

/* What this kernel and this namespace accept: found out by trying. */
static struct { bool labels, helper, nat; } can;
static uint64_t seed = 1;

/* ---- random numbers: entry i is a function of the seed and i alone ---- */

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (next(state) >> 32) * limit >> 32;
}

/* A permutation of 27 bits: different i give a different host and port. */
static uint32_t shuffle(uint32_t i)
{
	const uint32_t mask = (1 << 27) - 1;
	uint32_t odd = (uint32_t)seed * 2 + 1;

	i = (i + seed * 0x9e3779b1) & mask;
	for (int round = 0; round < 3; round++) {
		i = i * (odd ^ 0x2c1b3c6c) & mask;
		i ^= i >> 14;
		i = i * 0x297a2d39 & mask;
		i ^= i >> 13;
	}
	return i;
}

/* ---- addresses ---- */

enum net { CLIENT, SERVER, PUBLIC, INSIDE, PAIR, NETS };

static const struct { uint32_t v4; const char *v6; } nets[NETS] = {
	[CLIENT] = { 0x0a000000, "fd00:10::" },
	[SERVER] = { 0xc6120000, "2001:db8::" },	/* 198.18.0.0 */
	[PUBLIC] = { 0xcb007100, "2001:db8:cafe::" },	/* 203.0.113.0 */
	[INSIDE] = { 0xac100000, "fd00:172::" },	/* 172.16.0.0 */
	[PAIR] = { 0x64400000, "2001:db8:64::" },	/* 100.64.0.0 */
};

/* The last 16 bits go to the host part, what is above to the IPv6 subnet. */
static void address(uint8_t *out, int family, enum net net, uint32_t host)
{
	uint32_t v4 = htonl(nets[net].v4 + host);

	if (family == AF_INET) {
		memcpy(out, &v4, 4);
		return;
	}
	inet_pton(AF_INET6, nets[net].v6, out);
	out[6] = host >> 24;
	out[7] = host >> 16;
	out[14] = host >> 8;
	out[15] = host;
}

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

static uint16_t answer_type(uint16_t type)
{
	static const uint8_t pairs[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 }, { 128, 129 },
		{ 139, 140 } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i][0] == type)
			return pairs[i][1];
	return type;
}

static struct side inverse(const struct protocol *proto, const struct side *side)
{
	struct side out = { .a = side->b, .b = side->a };

	memcpy(out.src, side->dst, 16);
	memcpy(out.dst, side->src, 16);
	if (proto->shape == PING) {
		out.a = side->a;
		out.b = answer_type(side->b);
	}
	return out;
}

/* ---- entries ---- */

/* `place`, below 2^27, is of this entry alone; it becomes the host (`hosts` of them) and the port. */
static void entry_start(struct entry *e, const struct slot *slot, uint32_t place, uint32_t hosts)
{
	memset(e, 0, sizeof(*e));
	e->proto = slot->proto;
	e->family = slot->family;
	e->status = IPS_CONFIRMED;
	e->timeout = 3600;
	address(e->orig.src, e->family, CLIENT, place % hosts + 1);
	if (e->proto->shape == PLAIN)
		address(e->orig.dst, e->family, PAIR, place / hosts);
	else
		address(e->orig.dst, e->family, SERVER, place % 4093 + 1);
	if (e->proto->shape != PLAIN)
		e->orig.a = PORT_BASE + place / hosts;
	if (e->proto->shape == PING)
		e->orig.b = e->family == AF_INET ? 8 : 128;
}

/* Translated ports walk through all of an address before the next one is used. */
static void entry_translate(struct entry *e, bool snat, bool dnat, uint32_t i)
{
	bool port = e->proto->shape == PORTS || e->proto->shape == PING;
	uint16_t *to = e->proto->shape == PING ? &e->reply.a : &e->reply.b;

	e->reply = inverse(e->proto, &e->orig);
	e->snat = snat && can.nat;
	e->dnat = dnat && can.nat;
	if (e->snat || e->dnat)
		e->status |= IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE;
	if (e->snat) {
		e->status |= IPS_SRC_NAT;
		address(e->reply.dst, e->family, PUBLIC, port ? i / NAT_PORTS + 1 : i + 1);
		if (port)
			*to = PORT_BASE + i % NAT_PORTS * UINT64_C(7919) % NAT_PORTS;
	}
	if (e->dnat) {
		e->status |= IPS_DST_NAT;
		address(e->reply.src, e->family, INSIDE, e->proto->shape == PLAIN ? shuffle(i) >> 12 : i % 250 + 1);
		if (e->proto->shape == PORTS)
			e->reply.a = 8000 + e->orig.b % 100;
	}
}

static void entry_tcp(struct entry *e, uint64_t *rng)
{
	static const uint32_t status[10] = { 0, 0, IPS_SEEN_REPLY, IPS_SEEN_REPLY | IPS_ASSURED,
		IPS_SEEN_REPLY | IPS_ASSURED, IPS_SEEN_REPLY | IPS_ASSURED, IPS_SEEN_REPLY | IPS_ASSURED,
		IPS_SEEN_REPLY | IPS_ASSURED, IPS_SEEN_REPLY, 0 };

	e->status |= status[e->state];
	for (int dir = 0; dir < 2; dir++)
		e->flags[dir] = (below(rng, 2) ? 0x23 : 0x22) | (e->state >= 4 && e->state <= 7 ? 4 : 0);
	if (e->flags[0] & e->flags[1] & 1)
		for (int dir = 0; dir < 2; dir++)
			e->wscale[dir] = below(rng, 15);
}

static void entry_state(struct entry *e, uint32_t round, uint64_t *rng)
{
	if (e->proto->states)
		e->state = round % e->proto->states;
	if (e->proto == &tcp)
		entry_tcp(e, rng);
	else
		e->status |= (uint32_t[]){ 0, IPS_SEEN_REPLY, IPS_SEEN_REPLY | IPS_ASSURED }[below(rng, 3)];
	if (e->proto == &sctp)
		for (int dir = 0; dir < 2; dir++)
			e->vtag[dir] = next(rng);
}

static void entry_extras(struct entry *e, uint64_t *rng)
{
	uint32_t dice = below(rng, 12);

	e->timeout = 300 << below(rng, 14);
	e->timeout += below(rng, e->timeout);
	e->mark = (uint32_t[]){ 0, 0, 0, 1, 2, 0x10, 0x1f, 0xdeadbeef, next(rng) }[below(rng, 9)];
	if (dice < 3)
		*(uint16_t *[]){ &e->zone, &e->orig.zone, &e->reply.zone }[dice] = 1 + below(rng, 8);
	if (!below(rng, 16))
		e->status |= IPS_FIXED_TIMEOUT;
	for (int n = below(rng, 8) ? 0 : 1 + below(rng, 3); n; n--)
		e->labels[below(rng, 2)] |= can.labels ? UINT64_C(1) << below(rng, 64) : 0;
	if (e->proto != &tcp)
		return;
	e->seqadj = !below(rng, 16);
	e->synproxy = !below(rng, 16);
	for (int n = 0; n < 6; n++)
		e->adjust[n] = next(rng);
	for (int n = 0; n < 3; n++)
		e->proxy[n] = next(rng) | 1;
	if (e->seqadj)
		e->status |= IPS_SEQ_ADJUST;
}

/* What the helper expects: from the server's address and any port to the client's port. */
static struct side expected(const struct entry *e)
{
	struct side tuple = inverse(e->proto, &e->orig);

	tuple.a = 0;
	tuple.b = e->orig.a;
	return tuple;
}

/* Where the data flow goes on to behind the translation: the client as it was. */
static struct side expected_saved(const struct entry *e)
{
	struct side saved = { .a = e->orig.a };

	memcpy(saved.src, e->orig.src, sizeof(saved.src));
	return saved;
}

static void mixed_flow(struct entry *e, uint32_t i);

/* Rows 0 and 1 of each fourth round are FTP control flows, rows 2 and 3 data flows of these. */
static void entry_family_ties(struct entry *e, uint32_t slot, uint32_t round)
{
	struct entry control;

	if (!can.helper || slot > 3)
		return;
	if (slot < 2 && round % 4 == 0) {
		e->orig.b = 21;
		e->state = 3;
		e->status |= IPS_SEEN_REPLY | IPS_ASSURED | IPS_HELPER;
		e->helper = "ftp";
		e->zone = e->orig.zone = e->reply.zone = 0;
	} else if (slot >= 2 && round % 2 == 0 && !(e->zone | e->orig.zone | e->reply.zone)) {
		mixed_flow(&control, (round - round % 4) * SLOTS + slot - 2);
		e->master = control.orig;
		e->has_master = true;
		e->status |= IPS_EXPECTED;
	}
}

static void mixed_flow(struct entry *e, uint32_t i)
{
	static const uint8_t pings[2][4] = { { 8, 8, 13, 17 }, { 128, 128, 128, 139 } };
	uint64_t rng = seed * 0x5851f42d4c957f2d ^ (uint64_t)i << 20;
	uint32_t round = i / SLOTS, slot = i % SLOTS, nat;
	uint16_t zones[2];

	entry_start(e, &slots[slot], shuffle(i), 1 << 12);
	if (e->proto->shape == PING)
		e->orig.b = pings[e->family == AF_INET6][below(&rng, 4)];
	else if (e->proto->shape != PLAIN)
		e->orig.b = (uint16_t[]){ 22, 53, 80, 443, 443, 5432, 8080, below(&rng, 65536) }[below(&rng, 8)];
	entry_state(e, round + slot, &rng);
	entry_extras(e, &rng);
	entry_family_ties(e, slot, round);
	zones[0] = e->orig.zone;
	zones[1] = e->reply.zone;
	nat = below(&rng, 8);
	entry_translate(e, nat == 0 || nat == 2 || nat == 3, nat == 1 || nat == 2, i);
	e->orig.zone = zones[0];
	e->reply.zone = zones[1];
}

/* Now and then the same tuples once more, in a zone that no other has. */
static void mixed(struct entry *e, uint32_t i)
{
	bool again = i % 61 == 60 && i % SLOTS >= 2;

	mixed_flow(e, i - again);
	if (!again)
		return;
	e->zone += 100;
	e->orig.zone = e->reply.zone = 0;
	e->has_master = false;
	e->status &= ~IPS_EXPECTED;
}

static void tcp4(struct entry *e, uint32_t i)
{
	static const struct slot slot = { AF_INET, &tcp };
	uint64_t rng = seed ^ (uint64_t)i << 20;

	entry_start(e, &slot, shuffle(i), 1 << 14);
	e->orig.b = i % 10 == 3 ? 443 : PORT_BASE + below(&rng, 60000);
	e->state = 3;
	e->status |= IPS_SEEN_REPLY | IPS_ASSURED;
	entry_translate(e, false, false, i);
}

/* From nearly as many sources as there are entries. */
static void flood(struct entry *e, uint32_t i)
{
	static const struct slot slot = { AF_INET, &tcp };

	entry_start(e, &slot, shuffle(i), 1 << 24);
	e->orig.b = 443;
	e->state = 1;
	entry_translate(e, false, false, i);
}

static void web(struct entry *e, uint32_t i)
{
	static const uint8_t states[16] = { 3, 3, 3, 3, 3, 3, 3, 3, 7, 7, 7, 7, 1, 5, 4, 8 };
	static const uint16_t ports[16] = { 443, 443, 443, 443, 443, 443, 443, 80, 80, 8080, 53, 22, 993, 25 };
	uint64_t rng = seed ^ (uint64_t)i << 20;
	uint32_t kind = below(&rng, 100), port = below(&rng, 16);
	bool six = below(&rng, 100) < 15;
	struct slot slot = { six ? AF_INET6 : AF_INET, kind < 70 ? &tcp : kind < 95 ? &udp :
		kind > 97 ? &gre : six ? &icmpv6 : &icmp };

	entry_start(e, &slot, shuffle(i), 1 << 12);
	if (e->proto->shape == PORTS)
		e->orig.b = ports[port] ? ports[port] : 10000 + below(&rng, 980);
	entry_state(e, states[below(&rng, 16)], &rng);
	entry_translate(e, !six && below(&rng, 100) < 59, false, i);
}

static const struct profile {
	const char *name;
	void (*make)(struct entry *, uint32_t);
} profiles[] = { { "mixed", mixed }, { "tcp4", tcp4 }, { "flood", flood }, { "web", web }, { "churn", web } };
