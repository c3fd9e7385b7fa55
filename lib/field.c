/* The table of fields. Everything that names a field reads it: see HACKING.md before adding a list. */
#include "field.h"

#include "reason.h"

#define AT(member) offsetof(struct flow, member), sizeof(((struct flow *)0)->member)
#define BOTH (IN_FLOW | IN_EVENT)
#define EACH (IN_FLOW | IN_EXPECT | IN_EVENT)

static const char *const event_names[] = {
	"", "new", "update", "destroy", "lost", "resync", "note", "invalid", NULL,
};
static const char *const dir_names[] = { "original", "reply", NULL };
static const char *const role_names[] = { "client", "server", NULL };

/* The parts of a tuple: the same rows under orig, reply and master. */
#define TUPLE(path, HEAD, member, SIDE, where, whose) \
	{ path ".src", HEAD "SRC", &kind_address, AT(member.src.addr), 15, where, HAS_##SIDE##_ADDR, 0, \
	  "source address" whose }, \
	{ path ".dst", HEAD "DST", &kind_address, AT(member.dst.addr), 15, where, HAS_##SIDE##_ADDR, 0, \
	  "destination address" whose }, \
	{ path ".sport", HEAD "SPORT", &kind_port, AT(member.src.port), 5, where, HAS_##SIDE##_PORTS, 0, \
	  "source port" whose }, \
	{ path ".dport", HEAD "DPORT", &kind_port, AT(member.dst.port), 5, where, HAS_##SIDE##_PORTS, 0, \
	  "destination port" whose }, \
	{ path ".icmp.type", HEAD "TYPE", &kind_number, AT(member.icmp_type), 4, where, HAS_##SIDE##_ICMP, 0, \
	  "ICMP type" whose }, \
	{ path ".icmp.code", HEAD "CODE", &kind_number, AT(member.icmp_code), 4, where, HAS_##SIDE##_ICMP, 0, \
	  "ICMP code" whose }, \
	{ path ".icmp.id", HEAD "ICMPID", &kind_number, AT(member.icmp_id), 6, where, HAS_##SIDE##_ICMP, 0, \
	  "ICMP id" whose }, \
	{ path ".gre.srckey", HEAD "SRCKEY", &kind_key, AT(member.src.port), 6, where, HAS_##SIDE##_GRE, 0, \
	  "GRE source key" whose }, \
	{ path ".gre.dstkey", HEAD "DSTKEY", &kind_key, AT(member.dst.port), 6, where, HAS_##SIDE##_GRE, 0, \
	  "GRE destination key" whose }, \
	{ path ".zone", HEAD "ZONE", &kind_number, AT(member.zone), 5, where, HAS_##SIDE##_ZONE, 0, \
	  "zone of this direction only" whose }

/* Counters of one direction, inside the object of their tuple. */
#define COUNTERS(path, HEAD, dir, SIDE, whose) \
	{ path ".packets", HEAD "PACKETS", &kind_count, AT(counters[dir].packets), 7, BOTH, \
	  HAS_##SIDE##_COUNTERS, 0, "packets" whose ", where accounting is on" }, \
	{ path ".bytes", HEAD "BYTES", &kind_size, AT(counters[dir].bytes), 9, BOTH, \
	  HAS_##SIDE##_COUNTERS, 0, "bytes" whose ", where accounting is on" }

const struct field fields[] = {
	{ "type", "EVENT", &kind_event, AT(event), 7, IN_EVENT, HAS_EVENT, 0,
	  "what happened: new, update, destroy; lost, resync, note tell about the stream",
	  .names = event_names },
	{ "time", "TIME", &kind_time, AT(time), 24, IN_EVENT, HAS_TIME, 0,
	  "when: by the kernel where it says so, else when it was read" },
	{ "clock", "TIME", &kind_clock, AT(time), 12, IN_EVENT | JOINED, HAS_TIME, 0,
	  "time of day, local" },
	{ "lost", "LOST", &kind_number, AT(lost), 7, IN_EVENT, HAS_LOST, 0,
	  "how many events the kernel dropped here, because the buffer was full" },
	{ "note", "NOTE", &kind_text, AT(note), 20, IN_EVENT, HAS_NOTE, 0, "a remark" },
	{ "family", "FAMILY", &kind_family, AT(family), 6, EACH, HAS_FAMILY, 0, "ipv4 or ipv6" },
	{ "proto", "PROTO", &kind_proto, AT(protonum), 6, EACH, HAS_PROTO, 0,
	  "protocol name, or its number where there is no name" },
	{ "protonum", "PROTONUM", &kind_number, AT(protonum), 8, EACH, HAS_PROTO, 0, "protocol number" },
	{ "state", "STATE", &kind_state, AT(state), 11, BOTH, HAS_STATE, 0,
	  "TCP, SCTP or DCCP state under the kernel's name" },
	{ "timeout", "LEFT", &kind_seconds, AT(timeout), 6, EACH, HAS_TIMEOUT, 0,
	  "seconds until the entry expires" },
	{ "idle", "IDLE", &kind_seconds, AT(idle), 6, BOTH, HAS_IDLE, 0,
	  "seconds since the last accepted packet: configured timeout less what is left" },
	{ "age", "AGE", &kind_seconds, AT(age), 6, BOTH, HAS_AGE, 0, "seconds since the start" },
	{ "source", "SOURCE", &kind_endpoint, AT(orig.src), 21, EACH | JOINED, HAS_ORIG_ADDR,
	  HAS_ORIG_PORTS, "orig.src and orig.sport in one" },
	{ "destination", "DESTINATION", &kind_endpoint, AT(orig.dst), 21, EACH | JOINED, HAS_ORIG_ADDR,
	  HAS_ORIG_PORTS, "orig.dst and orig.dport in one" },
	TUPLE("orig", "", orig, ORIG, EACH, ", original direction"),
	COUNTERS("orig", "O.", 0, ORIG, ", original direction"),
	TUPLE("reply", "R.", reply, REPLY, BOTH, ", reply direction"),
	COUNTERS("reply", "R.", 1, REPLY, ", reply direction"),
	{ "packets", "PACKETS", &kind_total, AT(counters[0].packets), 8, BOTH | JOINED,
	  HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS, 0, "packets, both directions" },
	{ "bytes", "BYTES", &kind_total, AT(counters[0].bytes), 10, BOTH | JOINED,
	  HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS, 0, "bytes, both directions" },
	{ "status", "STATUS", &kind_status, AT(status), 20, BOTH, HAS_STATUS, 0,
	  "all status bits by their kernel names" },
	{ "flags", "FLAGS", &kind_flags, AT(status), 9, BOTH | JOINED, HAS_STATUS, 0,
	  "the status bits that matter, as conntrack prints them" },
	{ "nat", "NAT", &kind_nat, AT(status), 26, BOTH, HAS_NAT,
	  HAS_STATUS | HAS_SNAT | HAS_DNAT | HAS_REPLY_PORTS,
	  "which address is translated: snat, dnat" },
	{ "snat.addr", "SNAT.ADDR", &kind_address, AT(reply.dst.addr), 15, BOTH, HAS_SNAT, 0,
	  "address that the source was translated to" },
	{ "snat.port", "SNAT.PORT", &kind_port, AT(reply.dst.port), 9, BOTH, HAS_SNAT | HAS_REPLY_PORTS, 0,
	  "port that the source was translated to" },
	{ "dnat.addr", "DNAT.ADDR", &kind_address, AT(reply.src.addr), 15, BOTH, HAS_DNAT, 0,
	  "address that the destination was translated to" },
	{ "dnat.port", "DNAT.PORT", &kind_port, AT(reply.src.port), 9, BOTH, HAS_DNAT | HAS_REPLY_PORTS, 0,
	  "port that the destination was translated to" },
	{ "mark", "MARK", &kind_mark, AT(mark), 6, BOTH, HAS_MARK, 0, "connection mark",
	  .zero = HAS_MARK },
	{ "zone", "ZONE", &kind_number, AT(zone), 5, EACH, HAS_ZONE, 0,
	  "zone of both directions; absent for the default zone",
	  .zero = HAS_ZONE | HAS_ORIG_ZONE | HAS_REPLY_ZONE },
	{ "id", "ID", &kind_number, AT(id), 10, EACH, HAS_ID, 0,
	  "the kernel's 32-bit id of the entry; not unique" },
	{ "use", "USE", &kind_number, AT(use), 3, IN_FLOW, HAS_USE, 0, "reference count" },
	{ "helper", "HELPER", &kind_text, AT(helper), 8, EACH, HAS_HELPER, 0, "application helper" },
	{ "secctx", "SECCTX", &kind_text, AT(secctx), 20, BOTH, HAS_SECCTX, 0, "security context" },
	{ "secmark", "SECMARK", &kind_number, AT(secmark), 7, BOTH, HAS_SECMARK, 0,
	  "security mark; sent by old kernels" },
	{ "labels", "LABELS", &kind_labels, AT(labels), 10, BOTH, HAS_LABELS, 0,
	  "connection labels, by name through connlabel.conf, else by bit number" },
	{ "start", "START", &kind_time, AT(start), 24, BOTH, HAS_START, 0,
	  "when the flow began, with nf_conntrack_timestamp" },
	{ "stop", "STOP", &kind_time, AT(stop), 24, BOTH, HAS_STOP, 0, "when the flow ended" },
	{ "duration", "LASTED", &kind_duration, AT(duration), 8, IN_EVENT, HAS_DURATION, 0,
	  "how long the flow lived, in seconds" },
	{ "reason", "REASON", &kind_name, AT(reason), 12, IN_EVENT, HAS_REASON, 0,
	  "why the flow ended", .names = reason_names },
	{ "changed", "CHANGED", &kind_changed, AT(changed), 14, IN_EVENT, HAS_CHANGED, 0,
	  "what an update changed, as far as it is known" },
	{ "detail", "DETAIL", &kind_detail, AT(has), 14, IN_EVENT | JOINED, HAS_EVENT,
	  HAS_REASON | HAS_CHANGED, "the reason with the port that deleted, or what changed" },
	{ "portid", "PORTID", &kind_number, AT(portid), 10, IN_EVENT, HAS_PORTID, 0,
	  "netlink port of the process that caused the event" },
	{ "synthetic", "SYNTHETIC", &kind_bool, AT(has), 9, IN_EVENT, HAS_SYNTHETIC, 0,
	  "the kernel did not report this; it was found by comparing" },
	{ "tcp.wscale.orig", "O.WSCALE", &kind_number, AT(wscale[0]), 8, BOTH, HAS_WSCALE_ORIG, 0,
	  "TCP window scale, original direction" },
	{ "tcp.wscale.reply", "R.WSCALE", &kind_number, AT(wscale[1]), 8, BOTH, HAS_WSCALE_REPLY, 0,
	  "TCP window scale, reply direction" },
	{ "tcp.flags.orig", "O.TCPFLAGS", &kind_tcpflags, AT(tcpflags[0]), 20, BOTH, HAS_TCPFLAGS_ORIG, 0,
	  "what the TCP tracker noted, original direction" },
	{ "tcp.flags.reply", "R.TCPFLAGS", &kind_tcpflags, AT(tcpflags[1]), 20, BOTH, HAS_TCPFLAGS_REPLY, 0,
	  "what the TCP tracker noted, reply direction" },
	{ "sctp.vtag.orig", "O.VTAG", &kind_number, AT(vtag[0]), 10, BOTH, HAS_VTAG_ORIG, 0,
	  "SCTP verification tag, original direction" },
	{ "sctp.vtag.reply", "R.VTAG", &kind_number, AT(vtag[1]), 10, BOTH, HAS_VTAG_REPLY, 0,
	  "SCTP verification tag, reply direction" },
	{ "dccp.role", "DCCPROLE", &kind_name, AT(dccp.role), 8, BOTH, HAS_DCCP_ROLE, 0,
	  "DCCP role of the opener", .names = role_names },
	{ "dccp.handshake_seq", "DCCPSEQ", &kind_number, AT(dccp.seq), 12, BOTH, HAS_DCCP_SEQ, 0,
	  "DCCP handshake sequence number" },
	{ "seqadj.orig.pos", "O.SEQPOS", &kind_number, AT(seqadj[0].correction_pos), 10, BOTH,
	  HAS_SEQADJ_ORIG, 0, "where the sequence numbers are corrected, original direction" },
	{ "seqadj.orig.before", "O.SEQBEF", &kind_number, AT(seqadj[0].offset_before), 8, BOTH,
	  HAS_SEQADJ_ORIG, 0, "offset before that point, original direction" },
	{ "seqadj.orig.after", "O.SEQAFT", &kind_number, AT(seqadj[0].offset_after), 8, BOTH,
	  HAS_SEQADJ_ORIG, 0, "offset after that point, original direction" },
	{ "seqadj.reply.pos", "R.SEQPOS", &kind_number, AT(seqadj[1].correction_pos), 10, BOTH,
	  HAS_SEQADJ_REPLY, 0, "where the sequence numbers are corrected, reply direction" },
	{ "seqadj.reply.before", "R.SEQBEF", &kind_number, AT(seqadj[1].offset_before), 8, BOTH,
	  HAS_SEQADJ_REPLY, 0, "offset before that point, reply direction" },
	{ "seqadj.reply.after", "R.SEQAFT", &kind_number, AT(seqadj[1].offset_after), 8, BOTH,
	  HAS_SEQADJ_REPLY, 0, "offset after that point, reply direction" },
	{ "synproxy.isn", "SYN.ISN", &kind_number, AT(synproxy.isn), 10, BOTH, HAS_SYNPROXY, 0,
	  "initial sequence number that the SYN proxy chose" },
	{ "synproxy.its", "SYN.ITS", &kind_number, AT(synproxy.its), 10, BOTH, HAS_SYNPROXY, 0,
	  "initial timestamp of the SYN proxy" },
	{ "synproxy.tsoff", "SYN.TSOFF", &kind_number, AT(synproxy.tsoff), 10, BOTH, HAS_SYNPROXY, 0,
	  "timestamp offset of the SYN proxy" },
	{ "master.proto", "M.PROTO", &kind_proto, AT(master.protonum), 7, EACH, HAS_MASTER_ADDR, 0,
	  "protocol of the parent flow" },
	TUPLE("master", "M.", master, MASTER, EACH, " of the parent flow"),
	{ "mask.src", "MASK.SRC", &kind_address, AT(expect.mask.src.addr), 15, IN_EXPECT, HAS_MASK_ADDR, 0,
	  "bits of the source address that must fit" },
	{ "mask.dst", "MASK.DST", &kind_address, AT(expect.mask.dst.addr), 15, IN_EXPECT, HAS_MASK_ADDR, 0,
	  "bits of the destination address that must fit" },
	{ "mask.sport", "MASK.SPORT", &kind_port, AT(expect.mask.src.port), 10, IN_EXPECT, HAS_MASK_PORTS, 0,
	  "bits of the source port that must fit" },
	{ "mask.dport", "MASK.DPORT", &kind_port, AT(expect.mask.dst.port), 10, IN_EXPECT, HAS_MASK_PORTS, 0,
	  "bits of the destination port that must fit" },
	{ "expect.flags", "EXPFLAGS", &kind_expectflags, AT(expect.flags), 10, IN_EXPECT, HAS_EXPECT_FLAGS, 0,
	  "flags of the expectation" },
	{ "expect.class", "CLASS", &kind_number, AT(expect.class), 5, IN_EXPECT, HAS_EXPECT_CLASS, 0,
	  "class of the expectation within its helper" },
	{ "expect.fn", "FUNCTION", &kind_text, AT(expect.fn), 16, IN_EXPECT, HAS_EXPECT_FN, 0,
	  "what the kernel calls when the connection comes" },
	{ "expect.nat.dir", "NATDIR", &kind_name, AT(expect.nat_dir), 8, IN_EXPECT, HAS_EXPECT_NAT, 0,
	  "direction of the expected translation", .names = dir_names },
	{ "expect.nat.addr", "NATADDR", &kind_address, AT(expect.nat.src.addr), 15, IN_EXPECT, HAS_EXPECT_NAT,
	  0, "address of the expected translation" },
	{ "expect.nat.port", "NATPORT", &kind_port, AT(expect.nat.src.port), 7, IN_EXPECT, HAS_EXPECT_NAT, 0,
	  "port of the expected translation" },
	{ NULL },
};

static const struct {
	const char *name, *path;
} shorts[] = {
	{ "src", "orig.src" }, { "dst", "orig.dst" }, { "sport", "orig.sport" },
	{ "dport", "orig.dport" }, { "label", "labels" }, { "icmp.type", "orig.icmp.type" },
	{ "icmp.code", "orig.icmp.code" }, { "icmp.id", "orig.icmp.id" },
};

const char *field_short(unsigned i, const char **name)
{
	if (i >= sizeof(shorts) / sizeof(*shorts))
		return NULL;
	*name = shorts[i].name;
	return shorts[i].path;
}

const struct field *field_find(const char *name, size_t length)
{
	const char *word, *path;

	for (const struct field *field = fields; field->name; field++)
		if (!strncmp(field->name, name, length) && !field->name[length])
			return field;
	for (unsigned i = 0; (path = field_short(i, &word)); i++)
		if (!strncmp(word, name, length) && !word[length])
			return field_find(path, strlen(path));
	return NULL;
}

int field_compare(const struct field *field, const struct flow *a, const struct flow *b)
{
	bool x = field_present(field, a), y = field_present(field, b);

	if (!x || !y)
		return y - x;
	return field->kind->compare(field, a, b);
}
