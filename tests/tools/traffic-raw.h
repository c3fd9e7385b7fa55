/* The raw part of traffic.c: packets made by hand, most of which conntrack must judge INVALID. */

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

struct packet {
	struct address src, dst;
	uint8_t proto;
	size_t len;		/* of what follows the IP header */
	uint8_t data[256];
};

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static uint32_t sum(uint32_t total, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		total += i & 1 ? p[i] : p[i] << 8;
	return total;
}

/* RFC 1071; with the pseudo header unless it is ICMPv4, which has none. */
static uint16_t checksum(const struct packet *p)
{
	uint32_t total = sum(0, p->data, p->len);

	if (p->proto != IPPROTO_ICMP) {
		total = sum(total, address_bytes(&p->src), address_size(&p->src));
		total = sum(total, address_bytes(&p->dst), address_size(&p->dst));
		total += p->proto + p->len;
	}
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons(~total);
}

static size_t ip_header(const struct packet *p, size_t len, uint8_t *out)
{
	struct iphdr *v4 = (void *)out;
	struct ip6_hdr *v6 = (void *)out;

	memset(out, 0, sizeof(*v6));
	if (p->src.any.sa_family == AF_INET) {
		*v4 = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = p->proto,
			.tot_len = htons(sizeof(*v4) + len), .saddr = p->src.v4.sin_addr.s_addr,
			.daddr = p->dst.v4.sin_addr.s_addr };
		return sizeof(*v4);
	}
	v6->ip6_flow = htonl(6u << 28);
	v6->ip6_plen = htons(len);
	v6->ip6_nxt = p->proto;
	v6->ip6_hlim = 64;
	v6->ip6_src = p->src.v6.sin6_addr;
	v6->ip6_dst = p->dst.v6.sin6_addr;
	return sizeof(*v6);
}

/* IPPROTO_RAW: the header is ours. The kernel fills the IPv4 header checksum. */
static void packet_send(const struct packet *p)
{
	uint8_t buf[512];
	size_t header = ip_header(p, p->len, buf);
	struct address to = p->dst;
	int fd = socket(to.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	memcpy(buf + header, p->data, p->len);
	to.v4.sin_port = 0;
	if (fd < 0 || sendto(fd, buf, header + p->len, 0, &to.any, to.len) < 0)
		err(2, "raw packet");
	close(fd);
}

/* ---- whole packets, to be spoiled afterwards ---- */

static struct packet packet_start(const struct address *src, const struct address *dst, uint8_t proto)
{
	return (struct packet){ .src = *src, .dst = *dst, .proto = proto };
}

static void packet_sum(struct packet *p, size_t at)
{
	uint16_t value;

	memset(p->data + at, 0, 2);
	value = checksum(p);
	memcpy(p->data + at, &value, 2);
}

static struct packet tcp_packet(const struct address *src, const struct address *dst, uint8_t flags,
				uint32_t seq, uint32_t ack)
{
	struct packet p = packet_start(src, dst, IPPROTO_TCP);
	struct tcphdr *h = (void *)p.data;

	*h = (struct tcphdr){ .source = src->v4.sin_port, .dest = dst->v4.sin_port, .seq = htonl(seq),
		.ack_seq = htonl(ack), .doff = 5, .window = htons(1000) };
	p.data[13] = flags;
	p.len = sizeof(*h);
	packet_sum(&p, offsetof(struct tcphdr, check));
	return p;
}

static struct packet udp_packet(const struct address *src, const struct address *dst)
{
	struct packet p = packet_start(src, dst, IPPROTO_UDP);
	struct udphdr *h = (void *)p.data;

	p.len = sizeof(*h) + 8;
	*h = (struct udphdr){ .source = src->v4.sin_port, .dest = dst->v4.sin_port, .len = htons(p.len) };
	packet_sum(&p, offsetof(struct udphdr, check));
	return p;
}

static struct packet icmp_packet(const struct address *src, const struct address *dst, uint8_t type, uint16_t sequence)
{
	bool six = src->any.sa_family == AF_INET6;
	struct packet p = packet_start(src, dst, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	struct icmphdr *h = (void *)p.data;

	*h = (struct icmphdr){ .type = type };
	h->un.echo.id = htons(getpid());
	h->un.echo.sequence = htons(sequence);
	p.len = sizeof(*h) + 8;
	packet_sum(&p, 2);
	return p;
}

/* ---- kinds of invalid packets ---- */

/* Called with the TCP flags or the ICMP type. */
typedef void invalid_fn(const struct address *src, const struct address *dst, uint8_t value);

static void bad_flags(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = tcp_packet(src, dst, value, 1, 1);

	packet_send(&p);
}

static void bad_tcp_sum(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = tcp_packet(src, dst, value, 1, 0);

	p.data[offsetof(struct tcphdr, check)] ^= 0xff;
	packet_send(&p);
}

static void bad_tcp_length(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = tcp_packet(src, dst, value, 1, 0);

	p.data[12] = 15 << 4;		/* a header of 60 bytes, of which 20 are there */
	packet_sum(&p, offsetof(struct tcphdr, check));
	packet_send(&p);
}

static void bad_udp_sum(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = udp_packet(src, dst);

	(void)value;
	p.data[offsetof(struct udphdr, check)] ^= 0xff;
	packet_send(&p);
}

static void bad_udp_length(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = udp_packet(src, dst);

	(void)value;
	p.data[offsetof(struct udphdr, len) + 1] = 200;
	packet_send(&p);
}

static void bad_udp_short(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = udp_packet(src, dst);

	(void)value;
	p.len = 6;
	packet_send(&p);
}

static void bad_icmp_sum(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = icmp_packet(src, dst, value, 1);

	p.data[2] ^= 0xff;
	packet_send(&p);
}

static void bad_icmp_type(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = icmp_packet(src, dst, value, 1);

	packet_send(&p);
}

static void bad_icmp_short(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet p = icmp_packet(src, dst, value, 1);

	p.len = 6;
	packet_send(&p);
}

/* A UDP packet that begins a flow, then an ICMP error about the answer to it, which does not go to
 * the flow's other end but to its neighbour. Behind a source NAT the answer is still recognised. */
static void bad_icmp_error(const struct address *src, const struct address *dst, uint8_t value)
{
	struct packet begin = udp_packet(src, dst), inner = udp_packet(dst, src);
	struct packet p = icmp_packet(src, dst, value, 0);
	size_t header = ip_header(&inner, inner.len, p.data + 8);

	packet_send(&begin);
	p.data[1] = src->any.sa_family == AF_INET ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT;
	memset(p.data + 4, 0, 4);
	memcpy(p.data + 8 + header, inner.data, inner.len);
	p.len = 8 + header + inner.len;
	if (p.dst.any.sa_family == AF_INET)
		p.dst.v4.sin_addr.s_addr ^= htonl(1);
	else
		p.dst.v6.sin6_addr.s6_addr[15] ^= 1;
	packet_sum(&p, 2);
	packet_send(&p);
}

/* ---- packets of a real connection that lie about its sequence numbers ---- */

static uint32_t sequence(int fd, int queue)
{
	uint32_t value = 0;
	socklen_t len = sizeof(value);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) < 0 ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &value, &len) < 0)
		err(2, "sequence number");
	return value;
}

/* Connects, learns the numbers through TCP_REPAIR, and sends a packet that is `seq` and `ack` off. */
static void off_by(const struct address *src, const struct address *dst, uint8_t flags, uint32_t seq, uint32_t ack)
{
	int fd = socket(dst->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), repair = 1;
	struct address from = *src;
	struct packet p;
	char buf[64];

	from.v4.sin_port = 0;
	if (bind(fd, &from.any, from.len) < 0 || connect(fd, &dst->any, dst->len) < 0)
		err(2, "connection");
	if (write(fd, "0123456789", 10) != 10 || read(fd, buf, sizeof(buf)) <= 0)
		err(2, "connection");
	getsockname(fd, &from.any, &from.len);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &repair, sizeof(repair)) < 0)
		err(2, "TCP_REPAIR");
	p = tcp_packet(&from, dst, flags, sequence(fd, TCP_SEND_QUEUE) + seq, sequence(fd, TCP_RECV_QUEUE) + ack);
	packet_send(&p);
	wait_until(now() + 0.1);
	repair = TCP_REPAIR_OFF_NO_WP;
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &repair, sizeof(repair));
	close(fd);
}

static void bad_seq(const struct address *src, const struct address *dst, uint8_t value)
{
	off_by(src, dst, value, 1 << 30, 0);
}

static void bad_ack(const struct address *src, const struct address *dst, uint8_t value)
{
	off_by(src, dst, value, 0, 1 << 20);
}

static void old_seq(const struct address *src, const struct address *dst, uint8_t value)
{
	off_by(src, dst, value, -(1u << 20), 0);
}

/* The reason is the fixed part of what the kernel logs; without one, the family has no such kind.
 * The kinds that take a real connection need a server that answers at the destination. */
static const struct kind {
	const char *name;
	invalid_fn *run;
	struct { uint8_t value; const char *reason; } v4, v6;
} kinds[] = {
	{ "tcp-checksum", bad_tcp_sum, { SYN, "bad checksum" }, { SYN, "bad checksum" } },
	{ "tcp-synfin", bad_flags, { SYN | FIN, "invalid tcp flag combination" }, { SYN | FIN, "invalid tcp flag combination" } },
	{ "tcp-null", bad_flags, { 0, "invalid tcp flag combination" }, { 0, "invalid tcp flag combination" } },
	{ "tcp-xmas", bad_flags, { 0x3f, "invalid tcp flag combination" }, { 0x3f, "invalid tcp flag combination" } },
	{ "tcp-synack", bad_flags, { SYN | ACK, "invalid new" }, { SYN | ACK, "invalid new" } },
	{ "tcp-rst", bad_flags, { RST, "invalid new" }, { RST, "invalid new" } },
	{ "tcp-truncated", bad_tcp_length, { SYN, "truncated packet" }, { SYN, "truncated packet" } },
	{ "tcp-seq", bad_seq, { ACK, "SEQ is over upper bound" }, { ACK, "SEQ is over upper bound" } },
	{ "tcp-ack", bad_ack, { ACK, "ACK is over upper bound" }, { ACK, "ACK is over upper bound" } },
	{ "tcp-old", old_seq, { ACK, "SEQ is under lower bound" }, { ACK, "SEQ is under lower bound" } },
	{ "tcp-oldrst", old_seq, { RST, "invalid rst" }, { RST, "invalid rst" } },
	{ "udp-checksum", bad_udp_sum, { 0, "bad checksum" }, { 0, "bad checksum" } },
	{ "udp-length", bad_udp_length, { 0, "truncated/malformed packet" }, { 0, "truncated/malformed packet" } },
	{ "udp-short", bad_udp_short, { 0, "short packet" }, { 0, "short packet" } },
	{ "icmp-checksum", bad_icmp_sum, { ICMP_ECHO, "bad hw icmp checksum" },
		{ ICMP6_ECHO_REQUEST, "ICMPv6 checksum failed" } },
	{ "icmp-type", bad_icmp_type, { 200, "invalid icmp type" }, { 0, NULL } },
	{ "icmp-short", bad_icmp_short, { ICMP_ECHO, "short packet" }, { ICMP6_ECHO_REQUEST, "short packet" } },
	{ "icmp-error", bad_icmp_error, { ICMP_DEST_UNREACH, "outer daddr" }, { ICMP6_DST_UNREACH, "outer daddr" } },
};

static void list_kinds(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].v4.reason)
			printf("%s\tipv4\t%s\n", kinds[i].name, kinds[i].v4.reason);
		if (kinds[i].v6.reason)
			printf("%s\tipv6\t%s\n", kinds[i].name, kinds[i].v6.reason);
	}
}

static int run_invalid(const char *name, const struct address *src, const struct address *dst)
{
	bool six = src->any.sa_family == AF_INET6;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, name) || !(six ? kinds[i].v6.reason : kinds[i].v4.reason))
			continue;
		for (unsigned n = 0; n < opt.count; n++)
			kinds[i].run(src, dst, six ? kinds[i].v6.value : kinds[i].v4.value);
		return 0;
	}
	errx(2, "%s: no such kind of packet", name);
}
