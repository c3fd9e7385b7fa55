/* A flow as plain data: what conntrack knows of a connection or an expectation. */
#ifndef FLOW_H
#define FLOW_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Network byte order; an IPv4 address is in word[0], the other words are 0. */
union address {
	uint32_t word[4];
	uint8_t byte[16];
};

/* Ports are in host order. GRE keys stand in the ports, as in the kernel's tuple. */
struct endpoint {
	union address addr;
	uint16_t port;
};

struct tuple {
	struct endpoint src, dst;
	uint16_t icmp_id;
	uint8_t icmp_type, icmp_code;
	uint16_t zone;		/* of this direction only */
	uint8_t protonum;
};

struct counters {
	uint64_t packets, bytes;
};

struct seqadj {
	uint32_t correction_pos, offset_before, offset_after;
};

enum { HELPER_SIZE = 64, SECCTX_SIZE = 256, FN_SIZE = 32, LABEL_BYTES = 16, LABELS = 128 };

/*
 * What a flow has. A member of struct flow means something only while its bit is set: absent is
 * not zero. Bits from HAS_IDLE on are ours, the others stand for something the kernel told.
 */
#define HAS(bit) (UINT64_C(1) << (bit))
#define HAS_FAMILY HAS(0)
#define HAS_PROTO HAS(1)
#define HAS_ORIG_ADDR HAS(2)
#define HAS_ORIG_PORTS HAS(3)
#define HAS_ORIG_ICMP HAS(4)
#define HAS_ORIG_GRE HAS(5)
#define HAS_ORIG_ZONE HAS(6)
#define HAS_ORIG_COUNTERS HAS(7)
#define HAS_REPLY_ADDR HAS(8)
#define HAS_REPLY_PORTS HAS(9)
#define HAS_REPLY_ICMP HAS(10)
#define HAS_REPLY_GRE HAS(11)
#define HAS_REPLY_ZONE HAS(12)
#define HAS_REPLY_COUNTERS HAS(13)
#define HAS_MASTER_ADDR HAS(14)
#define HAS_MASTER_PORTS HAS(15)
#define HAS_MASTER_ICMP HAS(16)
#define HAS_MASTER_GRE HAS(17)
#define HAS_MASTER_ZONE HAS(18)
#define HAS_NOTE HAS(19)
#define HAS_STATE HAS(20)
#define HAS_TIMEOUT HAS(21)
#define HAS_STATUS HAS(22)
#define HAS_MARK HAS(23)
#define HAS_ZONE HAS(24)
#define HAS_ID HAS(25)
#define HAS_USE HAS(26)
#define HAS_HELPER HAS(27)
#define HAS_SECCTX HAS(28)
#define HAS_LABELS HAS(29)
#define HAS_START HAS(30)
#define HAS_STOP HAS(31)
#define HAS_WSCALE_ORIG HAS(32)
#define HAS_WSCALE_REPLY HAS(33)
#define HAS_TCPFLAGS_ORIG HAS(34)
#define HAS_TCPFLAGS_REPLY HAS(35)
#define HAS_VTAG_ORIG HAS(36)
#define HAS_VTAG_REPLY HAS(37)
#define HAS_DCCP_ROLE HAS(38)
#define HAS_DCCP_SEQ HAS(39)
#define HAS_SEQADJ_ORIG HAS(40)
#define HAS_SEQADJ_REPLY HAS(41)
#define HAS_SYNPROXY HAS(42)
#define HAS_SECMARK HAS(43)
#define HAS_MASK_ADDR HAS(44)
#define HAS_MASK_PORTS HAS(45)
#define HAS_EXPECT_FLAGS HAS(46)
#define HAS_EXPECT_CLASS HAS(47)
#define HAS_EXPECT_NAT HAS(48)
#define HAS_EXPECT_FN HAS(49)
#define HAS_PORTID HAS(50)	/* a process caused the event */
#define HAS_LOST HAS(51)
#define HAS_IDLE HAS(52)
#define HAS_AGE HAS(53)
#define HAS_SNAT HAS(54)	/* SRC_NAT is set and the reply tuple is known */
#define HAS_DNAT HAS(55)
#define HAS_NAT HAS(56)		/* either */
#define HAS_EVENT HAS(57)
#define HAS_TIME HAS(58)
#define HAS_DURATION HAS(59)
#define HAS_REASON HAS(60)
#define HAS_SYNTHETIC HAS(61)
#define HAS_CHANGED HAS(62)
#define HAS_ALL (~UINT64_C(0))

enum what { WHAT_FLOW, WHAT_EXPECT };
enum event {
	EVENT_NONE, EVENT_NEW, EVENT_UPDATE, EVENT_DESTROY,
	EVENT_LOST, EVENT_RESYNC, EVENT_NOTE,	/* about the stream itself: no flow comes with them */
	EVENT_INVALID,				/* a packet, packet.h */
};

/*
 * Units: seconds for timeout, idle, age; nanoseconds since 1970 for start, stop, time; nanoseconds
 * for duration. `state` is an index into the names of state_name(), the same for all protocols.
 * An expectation has its tuple in orig, and master, mask, helper, timeout, id, zone, expect.
 */
struct flow {
	uint64_t has;
	uint8_t what;		/* enum what */
	uint8_t event;		/* enum event; EVENT_NONE for a dumped flow */
	uint8_t family;		/* AF_INET or AF_INET6 */
	uint8_t protonum;
	uint8_t state;
	uint8_t reason;		/* enum reason, reason.h */
	bool multi;		/* part of a dump */
	struct tuple orig, reply;
	uint32_t status;	/* IPS_ bits */
	uint32_t timeout;
	uint32_t mark;
	uint32_t id;
	uint32_t use;
	uint32_t idle;
	uint16_t zone;		/* of both directions */
	uint8_t wscale[2];
	uint8_t tcpflags[2];
	uint64_t time;
	uint64_t age;		/* everything up to here is 0 where absent */
	uint64_t start, stop;
	uint64_t duration;
	struct counters counters[2];
	uint32_t vtag[2];
	uint32_t portid;
	uint32_t lost;		/* how many events the kernel dropped */
	uint32_t changed;	/* CHANGED_ bits, follow.h */
	uint32_t secmark;
	struct seqadj seqadj[2];
	struct { uint32_t isn, its, tsoff; } synproxy;
	struct { uint64_t seq; uint8_t role; } dccp;
	struct tuple master;
	struct {
		struct tuple mask, nat;
		uint32_t flags, class, nat_dir;
		char fn[FN_SIZE];
	} expect;
	uint8_t labels[LABEL_BYTES];
	char helper[HELPER_SIZE];
	union {
		char secctx[SECCTX_SIZE];
		char note[SECCTX_SIZE];
	};
};

/*
 * Reads one conntrack or expectation message, the length of which the caller has checked to lie
 * within the buffer (message_ok()). Only what `want` names is read; *flow is overwritten.
 * Attributes: the kernel's enum ctattr_type. One that nobody knows is skipped.
 * Returns false, errno EBADMSG, if the message is not of these subsystems or breaks its framing.
 */
bool flow_decode(struct flow *flow, const struct nlmsghdr *message, uint64_t want);

/* What must be decoded so that the derived parts of `want` (nat, idle, age) can be set. */
uint64_t flow_closure(uint64_t want);

/* Whether a whole message stands at `message`, with `left` bytes of buffer. mnl_nlmsg_ok() accepts
 * lengths of 2^31 and more, so nothing from a file is walked before this said yes. */
bool message_ok(const struct nlmsghdr *message, size_t left);

/* Sets HAS_NAT, HAS_SNAT and HAS_DNAT from status and reply tuple; flow_decode() has done so. */
void flow_set_nat(struct flow *flow);

/* What idle needs to know of the system: timeouts in seconds, 0 where unknown. */
struct timeouts;

/* Sets age (from start and time) and idle (from the configured timeouts, NULL: none known).
 * Rules: the trackers' timeout choice, net/netfilter/nf_conntrack_proto_*.c. */
void flow_derive(struct flow *flow, const struct timeouts *timeouts);

/* Whether two flows are the same entry: id (where both have one), original tuple, zone, and start
 * where both have one. The id alone is a 32-bit hash, which collides at a million flows. */
bool flow_same(const struct flow *a, const struct flow *b);
uint64_t flow_hash(const struct flow *flow);

/*
 * A flow in as few bytes as its parts need: flow_pack() writes what `want` names to `buffer` (at
 * least FLOW_PACKED bytes) and returns the length; flow_unpack() restores it.
 */
enum { FLOW_PACKED = sizeof(struct flow) + 16 };
size_t flow_pack(const struct flow *flow, uint64_t want, void *buffer);
void flow_unpack(struct flow *flow, const void *buffer);

/* Gives `flow` those parts of `which` that it lacks and `old` has. */
void flow_inherit(struct flow *flow, const struct flow *old, uint64_t which);

/*
 * Protocol states under the kernel's names, one numbering for all protocols in their natural
 * order, so that a state compares and groups without its protocol. `raw` is the kernel's number
 * within `protonum`. A number that the kernel made after this table is STATE_UNKNOWN + raw, its
 * name is NULL.
 */
enum { STATE_UNKNOWN = 128 };
enum state {
	STATE_NONE, STATE_SYN_SENT, STATE_SYN_SENT2, STATE_SYN_RECV, STATE_ESTABLISHED,
	STATE_FIN_WAIT, STATE_CLOSE_WAIT, STATE_LAST_ACK, STATE_TIME_WAIT, STATE_CLOSE,
	STATE_CLOSED, STATE_COOKIE_WAIT, STATE_COOKIE_ECHOED, STATE_SHUTDOWN_SENT,
	STATE_SHUTDOWN_RECD, STATE_SHUTDOWN_ACK_SENT, STATE_HEARTBEAT_SENT, STATE_HEARTBEAT_ACKED,
	STATE_REQUEST, STATE_RESPOND, STATE_PARTOPEN, STATE_OPEN, STATE_CLOSEREQ, STATE_CLOSING,
	STATE_TIMEWAIT,
};
uint8_t state_code(uint8_t protonum, uint8_t raw);
const char *state_name(uint8_t code);	/* NULL past the last one, and for unknown ones */
unsigned state_count(void);
int state_raw(uint8_t protonum, uint8_t code);	/* -1: the protocol has no such state */

/* Protocol names as conntrack prints them, and a few more; NULL where there is none. */
const char *proto_name(uint8_t protonum);
int proto_number(const char *name, size_t length);	/* -1: unknown */

#endif
