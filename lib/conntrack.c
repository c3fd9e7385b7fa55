/* Prints flows and expectations in the very words of conntrack(8) 1.4.7. */
#include "conntrack.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

/* Room for everything but names, labels and secctx, which make their own. */
enum { ROOM = 1280, NANO = 1000000000 };

#define COUNT(array) ((int)(sizeof(array) / sizeof(*array)))

static const struct {
	const char *name;
	unsigned bit;
} options[] = {
	{ "extended", CONNTRACK_EXTENDED }, { "id", CONNTRACK_ID },
	{ "ktimestamp", CONNTRACK_KTIMESTAMP }, { "labels", CONNTRACK_LABELS },
	{ "timestamp", CONNTRACK_TIMESTAMP }, { "userspace", CONNTRACK_USERSPACE },
};

const char *conntrack_option_name(unsigned i)
{
	return i < sizeof(options) / sizeof(*options) ? options[i].name : NULL;
}

unsigned conntrack_option(const char *word, size_t length)
{
	const char *name;

	for (unsigned i = 0; (name = conntrack_option_name(i)); i++)
		if (!strncmp(name, word, length) && !name[length])
			return options[i].bit;
	return 0;
}

#define PUT(out, literal) put_mem(out, literal, sizeof(literal) - 1)

/* A literal with its length: the whole of `text` is copied, which is quicker than a loop. */
struct word {
	char text[23];
	uint8_t length;
};
#define WORD(literal) { literal, sizeof(literal) - 1 }

static inline void put_word(struct out *out, const struct word *word)
{
	memcpy(out->at, word->text, sizeof(word->text));
	out->at += word->length;
}

enum parts { PARTS_NONE, PARTS_PORTS, PARTS_KEYS, PARTS_ICMP };

/* What the library has no name for is "unknown" there, whatever /etc/protocols says. */
static const struct proto {
	struct word head;
	uint8_t parts;
} protos[256] = {
	[IPPROTO_ICMP] = { WORD("icmp     1 "), PARTS_ICMP },
	[IPPROTO_TCP] = { WORD("tcp      6 "), PARTS_PORTS },
	[IPPROTO_UDP] = { WORD("udp      17 "), PARTS_PORTS },
	[IPPROTO_DCCP] = { WORD("dccp     33 "), PARTS_PORTS },
	[IPPROTO_GRE] = { WORD("gre      47 "), PARTS_KEYS },
	[IPPROTO_ICMPV6] = { WORD("icmpv6   58 "), PARTS_ICMP },
	[IPPROTO_SCTP] = { WORD("sctp     132 "), PARTS_PORTS },
	[IPPROTO_UDPLITE] = { WORD("udplite  136 "), PARTS_PORTS },
};

static const struct word tcp_states[] = {
	WORD("NONE "), WORD("SYN_SENT "), WORD("SYN_RECV "), WORD("ESTABLISHED "),
	WORD("FIN_WAIT "), WORD("CLOSE_WAIT "), WORD("LAST_ACK "), WORD("TIME_WAIT "),
	WORD("CLOSE "), WORD("SYN_SENT2 "),
};

static const struct word sctp_states[] = {
	WORD("NONE "), WORD("CLOSED "), WORD("COOKIE_WAIT "), WORD("COOKIE_ECHOED "),
	WORD("ESTABLISHED "), WORD("SHUTDOWN_SENT "), WORD("SHUTDOWN_RECD "),
	WORD("SHUTDOWN_ACK_SENT "), WORD("HEARTBEAT_SENT "), WORD("HEARTBEAT_ACKED "),
};

static const struct word dccp_states[] = {
	WORD("NONE "), WORD("REQUEST "), WORD("RESPOND "), WORD("PARTOPEN "), WORD("OPEN "),
	WORD("CLOSEREQ "), WORD("CLOSING "), WORD("TIMEWAIT "), WORD("IGNORE "), WORD("INVALID "),
};

/* A number past the library's names is NONE there. */
static void put_state(struct out *out, const struct flow *flow)
{
	int raw = state_raw(flow->protonum, flow->state);
	const struct word *words = tcp_states;
	int count = COUNT(tcp_states);

	if (flow->protonum == IPPROTO_SCTP) {
		words = sctp_states;
		count = COUNT(sctp_states);
	} else if (flow->protonum == IPPROTO_DCCP) {
		words = dccp_states;
		count = COUNT(dccp_states);
	}
	put_word(out, &words[raw >= 0 && raw < count ? raw : 0]);
}

static void put_proto(struct out *out, const struct flow *flow)
{
	const struct proto *proto = &protos[flow->protonum];

	if (proto->head.length) {
		put_word(out, &proto->head);
		return;
	}
	PUT(out, "unknown  ");
	put_number(out, flow->protonum);
	put_char(out, ' ');
}

static void put_parts(struct out *out, const struct tuple *tuple)
{
	switch (protos[tuple->protonum].parts) {
	case PARTS_PORTS:
		PUT(out, "sport=");
		put_number(out, tuple->src.port);
		PUT(out, " dport=");
		put_number(out, tuple->dst.port);
		put_char(out, ' ');
		break;
	case PARTS_KEYS:
		PUT(out, "srckey=0x");
		put_hex(out, tuple->src.port);
		PUT(out, " dstkey=0x");
		put_hex(out, tuple->dst.port);
		put_char(out, ' ');
		break;
	case PARTS_ICMP:
		PUT(out, "type=");
		put_number(out, tuple->icmp_type);
		PUT(out, " code=");
		put_number(out, tuple->icmp_code);
		PUT(out, " id=");
		put_number(out, tuple->icmp_id);
		put_char(out, ' ');
		break;
	}
}

static void put_tuple(struct out *out, uint8_t family, const struct tuple *tuple)
{
	PUT(out, "src=");
	put_address(out, family, &tuple->src.addr);
	PUT(out, " dst=");
	put_address(out, family, &tuple->dst.addr);
	put_char(out, ' ');
	put_parts(out, tuple);
}

static void put_counters(struct out *out, const struct counters *counters)
{
	PUT(out, "packets=");
	put_number(out, counters->packets);
	PUT(out, " bytes=");
	put_number(out, counters->bytes);
	put_char(out, ' ');
}

/* Only one of the three is told, as in /proc. */
static void put_flags(struct out *out, uint32_t status)
{
	if (status & IPS_HW_OFFLOAD)
		PUT(out, "[HW_OFFLOAD] ");
	else if (status & IPS_OFFLOAD)
		PUT(out, "[OFFLOAD] ");
	else if (status & IPS_ASSURED)
		PUT(out, "[ASSURED] ");
}

static inline void put_value(struct out *out, const char *key, size_t length, uint64_t value)
{
	put_mem(out, key, length);
	put_number(out, value);
	put_char(out, ' ');
}
#define PUT_VALUE(out, key, value) put_value(out, key, sizeof(key) - 1, value)

/* Names come from the kernel or a file: escaped, which changes nothing about honest ones. */
static void put_name(struct out *out, const char *key, const char *name)
{
	out_text(out, key);
	out_escaped(out, name);
	out_room(out, ROOM);
}

/* Local time, as ctime() writes it: the same in every locale. */
static void put_ctime(struct out *out, const char *key, uint64_t ns)
{
	time_t seconds = ns / NANO;
	struct tm tm;
	char text[32];

	if (!localtime_r(&seconds, &tm) || !asctime_r(&tm, text))
		return;
	put_char(out, '[');
	put_mem(out, key, strlen(key));
	put_char(out, '=');
	put_mem(out, text, strcspn(text, "\n"));
	PUT(out, "] ");
}

/* conntrack takes its own clock for a flow that lives on; ours is that of the message. */
static void put_delta(struct out *out, const struct flow *flow)
{
	uint64_t end = flow->has & HAS_STOP && flow->stop ? flow->stop : flow->time;

	if (flow->has & HAS_START && end)
		PUT_VALUE(out, "delta-time=", end / NANO - flow->start / NANO);
	else if (flow->has & HAS_AGE)
		PUT_VALUE(out, "delta-time=", flow->age);
}

static bool any_label(const struct flow *flow, const struct names *names)
{
	if (!names || !(flow->has & HAS_LABELS))
		return false;
	for (unsigned i = 0; i < LABELS; i++)
		if (names->label[i])
			return true;
	return false;
}

/* Only labels that have a name are told; where none has, the library leaves the bare word. */
static void put_labels(struct out *out, const struct flow *flow, const struct names *names)
{
	const char *between = "labels=";

	if (!any_label(flow, names))
		return;
	for (unsigned i = 0; i < LABELS; i++) {
		if (!(flow->labels[i / 8] >> i % 8 & 1) || !names->label[i])
			continue;
		put_name(out, between, names->label[i]);
		between = ",";
	}
	if (*between == 'l')
		PUT(out, "labels");
	put_char(out, ' ');
}

static void put_tail(struct out *out, const struct flow *flow, unsigned wanted,
		     const struct names *names)
{
	if (flow->has & HAS_MARK)
		PUT_VALUE(out, "mark=", flow->mark);
	if (flow->has & HAS_SECMARK)
		PUT_VALUE(out, "secmark=", flow->secmark);
	if (flow->has & HAS_SECCTX) {
		put_name(out, "secctx=", flow->secctx);
		put_char(out, ' ');
	}
	if (flow->has & HAS_ZONE)
		PUT_VALUE(out, "zone=", flow->zone);
	if (flow->has & (HAS_START | HAS_AGE))
		put_delta(out, flow);
	if (wanted & CONNTRACK_KTIMESTAMP) {
		if (flow->has & HAS_START)
			put_ctime(out, "start", flow->start);
		if (flow->has & HAS_STOP)
			put_ctime(out, "stop", flow->stop);
	}
	if (flow->has & HAS_HELPER) {
		put_name(out, "helper=", flow->helper);
		put_char(out, ' ');
	}
	if (flow->has & HAS_USE)
		PUT_VALUE(out, "use=", flow->use);
	if (wanted & CONNTRACK_ID && flow->has & HAS_ID)
		PUT_VALUE(out, "id=", flow->id);
	if (wanted & CONNTRACK_LABELS)
		put_labels(out, flow, names);
}

static void put_flow(struct out *out, const struct flow *flow, unsigned wanted,
		     const struct names *names)
{
	if (wanted & CONNTRACK_EXTENDED) {
		if (flow->family == AF_INET)
			PUT(out, "ipv4     2 ");
		else
			PUT(out, "ipv6     10 ");
	}
	put_proto(out, flow);
	if (flow->has & HAS_TIMEOUT)
		put_value(out, "", 0, flow->timeout);
	if (flow->has & HAS_STATE)
		put_state(out, flow);
	put_tuple(out, flow->family, &flow->orig);
	if (flow->has & HAS_ORIG_ZONE)
		PUT_VALUE(out, "zone-orig=", flow->orig.zone);
	if (flow->has & HAS_ORIG_COUNTERS)
		put_counters(out, &flow->counters[0]);
	if (flow->has & HAS_STATUS && !(flow->status & IPS_SEEN_REPLY))
		PUT(out, "[UNREPLIED] ");
	if (flow->has & HAS_REPLY_ADDR)
		put_tuple(out, flow->family, &flow->reply);
	if (flow->has & HAS_REPLY_ZONE)
		PUT_VALUE(out, "zone-reply=", flow->reply.zone);
	if (flow->has & HAS_REPLY_COUNTERS)
		put_counters(out, &flow->counters[1]);
	if (flow->has & HAS_STATUS)
		put_flags(out, flow->status);
	put_tail(out, flow, wanted, names);
}

static void put_side(struct out *out, const char *prefix, uint8_t family,
		     const struct tuple *tuple)
{
	put_mem(out, prefix, strlen(prefix));
	PUT(out, "src=");
	put_address(out, family, &tuple->src.addr);
	put_char(out, ' ');
	put_mem(out, prefix, strlen(prefix));
	PUT(out, "dst=");
	put_address(out, family, &tuple->dst.addr);
	put_char(out, ' ');
	put_parts(out, tuple);
}

static void put_expect_flags(struct out *out, uint32_t flags)
{
	const char *between = "";

	for (const struct bit *bit = expect_bits; bit->name; bit++) {
		if ((flags & bit->mask) != bit->value)
			continue;
		put_mem(out, between, strlen(between));
		put_mem(out, bit->name, strlen(bit->name));
		between = ",";
	}
	if (flags)
		put_char(out, ' ');
}

static void put_expect(struct out *out, const struct flow *flow)
{
	if (flow->has & HAS_TIMEOUT)
		put_value(out, "", 0, flow->timeout);
	PUT_VALUE(out, "proto=", flow->protonum);
	put_side(out, "", flow->family, &flow->orig);
	if (flow->has & HAS_MASK_ADDR)
		put_side(out, "mask-", flow->family, &flow->expect.mask);
	if (flow->has & HAS_MASTER_ADDR)
		put_side(out, "master-", flow->family, &flow->master);
	if (flow->has & HAS_ZONE)
		PUT_VALUE(out, "zone=", flow->zone);
	if (flow->has & HAS_EXPECT_FLAGS)
		put_expect_flags(out, flow->expect.flags);
	if (flow->has & HAS_EXPECT_CLASS)
		PUT_VALUE(out, "class=", flow->expect.class);
	if (flow->has & HAS_HELPER) {
		put_name(out, "helper=", flow->helper);
		put_char(out, ' ');
	}
}

/* Microseconds: six digits, but for expectations conntrack pads on the right. */
static void put_clock(struct out *out, uint64_t ns, bool left)
{
	uint32_t part = ns % NANO / 1000;
	char *start;

	put_char(out, '[');
	put_number(out, ns / NANO);
	put_char(out, '.');
	start = out->at;
	if (left) {
		put_number(out, part);
		put_padding(out, 6 - (int)(out->at - start));
	} else {
		for (int i = 5; i >= 0; i--, part /= 10)
			start[i] = '0' + part % 10;
		out->at += 6;
	}
	PUT(out, "]\t");
}

static void put_event(struct out *out, const struct flow *flow, unsigned wanted)
{
	static const struct word words[] = {
		[EVENT_NONE] = WORD(""),
		[EVENT_NEW] = WORD("    [NEW] "),
		[EVENT_UPDATE] = WORD(" [UPDATE] "),
		[EVENT_DESTROY] = WORD("[DESTROY] "),
	};

	if (wanted & CONNTRACK_TIMESTAMP && flow->has & HAS_TIME)
		put_clock(out, flow->time, flow->what == WHAT_EXPECT);
	put_word(out, &words[flow->event]);
}

void put_conntrack(struct out *out, const struct flow *flow, unsigned wanted,
		   const struct names *names)
{
	out_room(out, ROOM);
	if (flow->event)
		put_event(out, flow, wanted);
	if (flow->what == WHAT_EXPECT)
		put_expect(out, flow);
	else
		put_flow(out, flow, wanted, names);
	if (flow->event && flow->what == WHAT_FLOW && flow->has & HAS_PORTID) {
		PUT(out, "[USERSPACE] portid=");
		put_number(out, flow->portid);
		put_char(out, ' ');
	}
	out->at[-1] = '\n';
}
