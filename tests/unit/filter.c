/* Tests of lib/filter.c: an expression, a flow, and whether they fit; and where faults are told. */
#include "filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

/* A flow as pairs of field and text, as JSON has them: "proto=tcp state=ESTABLISHED". */
static void build(struct flow *flow, const char *text)
{
	char copy[1024], *save = NULL;

	memset(flow, 0, sizeof(*flow));
	strcpy(copy, text);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		const struct field *field;

		*value++ = '\0';
		field = field_find(word, strlen(word));
		if (!field || !field->kind->set(flow, field, value))
			fail_msg("%s=%s is no field", word, value);
	}
	flow_set_nat(flow);
}

#define WEB "family=ipv4 proto=tcp state=ESTABLISHED timeout=431990 idle=10 orig.src=10.1.2.3 orig.dst=192.0.2.7 " \
	"orig.sport=40000 orig.dport=443 orig.packets=10 orig.bytes=9000000 reply.src=192.0.2.7 " \
	"reply.dst=203.0.113.5 reply.sport=443 reply.dport=1025 reply.packets=20 reply.bytes=1500000000 " \
	"status=SEEN_REPLY,ASSURED,CONFIRMED,SRC_NAT,SRC_NAT_DONE,DST_NAT_DONE mark=18 id=4000000000 use=1 " \
	"start=2026-11-22T05:56:05.5Z labels=3,100 tcp.flags.orig=WINDOW_SCALE,SACK_PERM"
#define DNS "family=ipv6 proto=udp timeout=29 orig.src=2001:db8::1 orig.dst=2001:db8:cafe::53 orig.sport=5353 " \
	"orig.dport=53 reply.src=fd00::53 reply.dst=2001:db8::1 reply.sport=53 reply.dport=5353 " \
	"status=CONFIRMED,DST_NAT,DST_NAT_DONE,SRC_NAT_DONE mark=0 zone=3 helper=sip"
#define PING "family=ipv4 proto=icmp timeout=20 orig.src=10.0.0.1 orig.dst=10.0.0.2 orig.icmp.type=8 " \
	"orig.icmp.code=0 orig.icmp.id=777 reply.src=10.0.0.2 reply.dst=10.0.0.1 reply.icmp.type=0 " \
	"reply.icmp.code=0 reply.icmp.id=777 status=SEEN_REPLY,CONFIRMED orig.zone=6"
#define RAW "family=ipv4 proto=200 timeout=600 orig.src=10.0.0.1 orig.dst=10.0.0.9 reply.src=10.0.0.9 " \
	"reply.dst=10.0.0.1 status=CONFIRMED,OFFLOAD,HW_OFFLOAD"
#define ASSOC "family=ipv4 proto=sctp state=CLOSED timeout=9 orig.src=10.0.0.1 orig.dst=10.0.0.9 orig.sport=1 " \
	"orig.dport=2 status=CONFIRMED sctp.vtag.orig=5"
#define TUNNEL "family=ipv4 proto=gre timeout=29 orig.src=10.0.0.1 orig.dst=10.0.0.9 orig.gre.srckey=1 " \
	"orig.gre.dstkey=65535 status=CONFIRMED"
#define DEATH "type=destroy time=2026-11-22T06:00:00Z reason=closed duration=90 portid=77 family=ipv4 proto=tcp " \
	"state=CLOSE orig.src=10.0.0.1 orig.dst=10.0.0.9 orig.sport=1 orig.dport=2 status=CONFIRMED,DYING"

static const struct {
	const char *flow, *expression;
	bool match;
} cases[] = {
	/* nothing asked for; blanks */
	{ WEB, "", true }, { WEB, "   \t\n", true },
	/* families, protocols and states as bare words, in any case */
	{ WEB, "ip", true }, { WEB, "ipv4", true }, { WEB, "IPv4", true }, { WEB, "ip6", false },
	{ DNS, "ipv6", true }, { DNS, "ip6", true }, { DNS, "ip", false },
	{ WEB, "tcp", true }, { WEB, "TCP", true }, { WEB, "udp", false }, { PING, "icmp", true },
	{ PING, "icmpv6", false }, { ASSOC, "sctp", true }, { TUNNEL, "gre", true },
	{ WEB, "established", true }, { WEB, "ESTABLISHED", true }, { WEB, "time_wait", false },
	/* fields and operators */
	{ WEB, "proto tcp", true }, { WEB, "proto = tcp", true }, { WEB, "proto == tcp", true },
	{ WEB, "proto=tcp", true }, { WEB, "proto != tcp", false }, { WEB, "proto!=udp", true },
	{ WEB, "proto 6", true }, { RAW, "proto 200", true }, { RAW, "proto 201", false },
	{ WEB, "protonum 6", true }, { WEB, "protonum < 6", false }, { WEB, "protonum <= 6", true },
	{ WEB, "protonum > 5", true }, { WEB, "protonum >= 7", false }, { WEB, "family ipv4", true },
	{ WEB, "family != ipv4", false }, { WEB, "state = ESTABLISHED", true },
	{ WEB, "state established", true }, { WEB, "state != ESTABLISHED", false },
	{ WEB, "id 4000000000", true }, { WEB, "use 1", true }, { WEB, "use > 1", false },
	/* every field word has its long name too */
	{ WEB, "orig.dport 443", true }, { WEB, "dport 443", true }, { WEB, "sport 40000", true },
	{ WEB, "reply.dport 1025", true }, { WEB, "reply.sport 443", true }, { WEB, "dport 444", false },
	/* lists */
	{ WEB, "dport 80,443", true }, { WEB, "dport 80, 443", true }, { WEB, "dport 80 , 8080", false },
	{ WEB, "proto udp,tcp", true }, { WEB, "state TIME_WAIT,ESTABLISHED", true },
	{ WEB, "dport != 80,443", false }, { WEB, "dport != 80,8080", true },
	{ WEB, "src 10.1.2.3,10.1.2.4", true }, { WEB, "src 10.9.0.0/16,10.1.0.0/16", true },
	{ WEB, "dport 1-10,440-450", true },
	/* ranges */
	{ WEB, "dport 400-500", true }, { WEB, "dport 443-443", true }, { WEB, "dport 444-500", false },
	{ WEB, "dport 442-443", true }, { WEB, "dport != 400-500", false }, { WEB, "timeout 1-500000", true },
	{ WEB, "src 10.1.2.0-10.1.2.9", true }, { WEB, "src 10.1.2.4-10.1.2.9", false },
	{ DNS, "src 2001:db8::-2001:db8::f", true }, { DNS, "src 2001:db8::2-2001:db8::f", false },
	{ WEB, "mark 10-20", true },
	/* prefixes and masks */
	{ WEB, "src 10.0.0.0/8", true }, { WEB, "src 10.1.2.3/8", true }, { WEB, "src 11.0.0.0/8", false },
	{ WEB, "src 10.1.2.3/32", true }, { WEB, "src 10.1.2.2/32", false }, { WEB, "src 0.0.0.0/0", true },
	{ DNS, "src 0.0.0.0/0", false }, { DNS, "src ::/0", true }, { WEB, "src ::/0", false },
	{ WEB, "src 10.1.0.0/255.255.0.0", true }, { WEB, "src 10.1.2.2/31", true },
	{ DNS, "src 2001:db8::/32", true }, { DNS, "src 2001:db8::/127", true }, { DNS, "src 2001:db8::2/127", false },
	{ DNS, "dst 2001:db8:cafe::/48", true }, { DNS, "dst [2001:db8:cafe::53]", true },
	{ DNS, "dst 2001:db8:cafe::/ffff:ffff:ffff::", true },
	{ WEB, "mark 18", true }, { WEB, "mark 0x12", true }, { WEB, "mark 0x10/0xf0", true },
	{ WEB, "mark 0x1/0xf", false }, { WEB, "mark 0x32/0x0f", true }, { WEB, "mark != 0x10/0xf0", false },
	{ DNS, "mark 0", true }, { DNS, "mark > 0", false },
	/* sizes and times */
	{ WEB, "bytes > 1.5G", true }, { WEB, "bytes > 1509M", false }, { WEB, "bytes >= 1509M", true },
	{ WEB, "bytes < 1.5Gi", true }, { WEB, "orig.bytes 9M", true }, { WEB, "orig.bytes = 9000k", true },
	{ WEB, "packets 30", true }, { WEB, "orig.packets < 10", false }, { WEB, "reply.packets > 19", true },
	{ WEB, "timeout < 5d", true }, { WEB, "timeout < 119h", false }, { WEB, "timeout > 7199m", true },
	{ WEB, "idle 10s", true }, { WEB, "idle < 10", false }, { WEB, "idle <= 10", true },
	{ WEB, "start < 2026-11-23", true }, { WEB, "start > 2026-11-22T05:56:05Z", true },
	{ WEB, "start > 2026-11-22T05:56:05.5Z", false }, { WEB, "start = 2026-11-22T05:56:05.5Z", true },
	{ DEATH, "duration > 1m", true }, { DEATH, "duration > 90s", false }, { DEATH, "duration >= 90000ms", true },
	/* the ends of what numbers hold */
	{ WEB, "use < 0", false }, { WEB, "use >= 0", true }, { DNS, "mark < 1", true },
	{ WEB, "id > 18446744073709551615", false }, { WEB, "id <= 18446744073709551615", true },
	{ WEB, "dport < 65535", true }, { WEB, "dport > 65535", false },
	/* service names, and ss's way to write a port */
	{ WEB, "dport https", true }, { DNS, "dport domain", true }, { WEB, "dport http,https", true },
	{ WEB, "dport http-https", true }, { WEB, "dport http", false },
	{ WEB, "dport :443", true }, { WEB, "dport = :https", true }, { WEB, "dport >= :1024", false },
	/* states under the names of netstat and ss */
	{ WEB, "ESTAB", true }, { WEB, "state estab", true }, { "proto=tcp state=TIME_WAIT", "time-wait", true },
	{ "proto=tcp state=FIN_WAIT", "fin-wait-1", true }, { "proto=tcp state=FIN_WAIT", "FIN-WAIT-2", true },
	{ "proto=tcp state=SYN_RECV", "state syn-recv", true }, { "proto=tcp state=SYN_SENT2", "syn-sent", false },
	{ "proto=tcp state=FIN_WAIT", "FIN_WAIT1", true }, { "proto=tcp state=FIN_WAIT", "state fin_wait2", true },
	{ "proto=tcp state=SYN_RECV", "SYN_RCVD", true }, { "proto=tcp state=LAST_ACK", "closing", true },
	{ "proto=tcp state=CLOSE", "CLOSED", true }, { ASSOC, "CLOSED", true },
	{ "proto=tcp state=SYN_SENT2", "LISTEN", true }, { "proto=tcp state=SYN_SENT", "SYN_SENT2", false },
	{ "proto=tcp state=SYN_SENT2", "syn_sent", false }, { "proto=tcp state=TIME_WAIT", "timewait", false },
	/* any of four */
	{ WEB, "host 10.1.2.3", true }, { WEB, "host 192.0.2.7", true }, { WEB, "host 203.0.113.5", true },
	{ WEB, "host 203.0.113.6", false }, { WEB, "net 203.0.113.0/24", true }, { DNS, "net fd00::/8", true },
	{ WEB, "port 443", true }, { WEB, "port 1025", true }, { WEB, "port 40000", true }, { WEB, "port 1024", false },
	{ WEB, "port < 500", true }, { WEB, "host != 10.1.2.3", false }, { WEB, "port != 80", true },
	{ PING, "port 0", false }, { PING, "port != 80", false }, { PING, "not port 80", true },
	/* tcpdump's order */
	{ WEB, "src port 40000", true }, { WEB, "dst port 443", true }, { WEB, "src host 10.1.2.3", true },
	{ WEB, "dst net 192.0.2.0/24", true }, { WEB, "dst net 10.0.0.0/8", false },
	/* flags */
	{ WEB, "assured", true }, { WEB, "replied", true }, { WEB, "unreplied", false }, { WEB, "nat", true },
	{ WEB, "snat", true }, { WEB, "dnat", false }, { DNS, "assured", false }, { DNS, "unreplied", true },
	{ DNS, "nat", true }, { DNS, "dnat", true }, { DNS, "snat", false }, { PING, "nat", false },
	{ RAW, "offload", true }, { RAW, "hw-offload", true }, { WEB, "offload", false }, { WEB, "confirmed", true },
	{ DEATH, "dying", true }, { "status=FIXED_TIMEOUT", "fixed-timeout", true }, { WEB, "fixed-timeout", false },
	{ "status=EXPECTED", "expected", true }, { WEB, "expected", false },
	{ WEB, "status ASSURED", true }, { WEB, "status assured,dying", true }, { WEB, "status != ASSURED", false },
	{ DNS, "status != ASSURED,DYING", true }, { WEB, "status 0x6", true }, { DNS, "status 0x4", false },
	{ WEB, "nat -", false }, { PING, "nat -", true }, { PING, "nat -,dnat", true }, { WEB, "nat -,dnat", false },
	{ DNS, "nat snat , dnat", true }, { PING, "nat snat,dnat", false }, { WEB, "nat and port 443", true },
	{ WEB, "nat port 1,443", true }, { PING, "nat snat", false }, { WEB, "(nat)", true }, { PING, "not nat -", false },
	/* as the columns show them */
	{ RAW, "HW_OFFLOAD", true }, { RAW, "hw-offload", true }, { RAW, "FIXED_TIMEOUT", false }, { DNS, "UNREPLIED", true },
	{ RAW, "hw_offload OFFLOAD", true },
	{ WEB, "nat = snat", true }, { WEB, "nat = dnat", false }, { WEB, "nat != dnat", true },
	{ WEB, "flags = UNREPLIED", false }, { DNS, "flags = UNREPLIED", true },
	{ WEB, "tcp.flags.orig SACK_PERM", true }, { WEB, "tcp.flags.orig BE_LIBERAL", false },
	/* translations */
	{ WEB, "snat.addr 203.0.113.5", true }, { WEB, "snat.port 1025", true }, { WEB, "dnat.addr 192.0.2.7", false },
	{ DNS, "dnat.addr fd00::53", true }, { DNS, "dnat.port 53", true }, { DNS, "snat.addr 2001:db8::1", false },
	{ WEB, "snat.addr 203.0.113.0/24 and snat.port 1024-2047", true },
	/* zones, labels, texts */
	{ DNS, "zone 3", true }, { DNS, "zone 4", false }, { PING, "zone 6", false },
	{ PING, "orig.zone 6", true }, { WEB, "label 3", true }, { WEB, "label 4", false }, { WEB, "labels 100", true },
	{ WEB, "label 5,100", true }, { WEB, "label web", true }, { WEB, "label db", false }, { WEB, "label web,db", true },
	{ DNS, "helper sip", true }, { DNS, "helper ftp", false }, { DNS, "helper 'sip'", true },
	{ DNS, "helper \"sip\"", true }, { DNS, "helper != ftp", true }, { WEB, "helper != ftp", false },
	/* parts of protocols */
	{ PING, "icmp.type 8", true }, { PING, "reply.icmp.type 0", true }, { PING, "icmp.id 777", true },
	{ TUNNEL, "orig.gre.dstkey 0xffff", true }, { TUNNEL, "dport 65535", false }, { ASSOC, "sctp.vtag.orig 5", true },
	{ WEB, "source 10.1.2.3:40000", true }, { WEB, "source 10.1.0.0/16", true }, { WEB, "source :40000", true },
	{ WEB, "source 10.1.2.3:1-50000", true }, { WEB, "source 10.1.2.3:1", false },
	{ DNS, "destination [2001:db8:cafe::53]:53", true }, { DNS, "destination 2001:db8:cafe::53", true },
	{ DNS, "destination [2001:db8:cafe::53]:54", false }, { PING, "source 10.0.0.1", true },
	{ PING, "source 10.0.0.1:80", false },
	/* events */
	{ DEATH, "type destroy", true }, { DEATH, "type new", false }, { DEATH, "reason closed", true },
	{ DEATH, "reason refused,closed", true }, { DEATH, "reason != closed", false }, { DEATH, "portid 77", true },
	{ DEATH, "time > 2026-11-22", true }, { WEB, "type destroy", false },
	/* what is absent compares false, whatever the operator; not of it is true */
	{ DNS, "state ESTABLISHED", false }, { DNS, "state != ESTABLISHED", false },
	{ DNS, "not state ESTABLISHED", true }, { DNS, "bytes > 0", false }, { DNS, "bytes <= 0", false },
	{ DNS, "bytes != 5", false }, { DNS, "not bytes > 0", true }, { DNS, "! bytes > 0", true },
	{ WEB, "dnat.port != 3", false }, { WEB, "not dnat.port 3", true }, { PING, "dport 53", false },
	{ PING, "dport != 53", false }, { PING, "not dport 53", true }, { WEB, "dnat.addr != 1.2.3.4", false },
	{ PING, "start > 2020-01-01", false }, { PING, "not (start > 2020-01-01)", true },
	/* but zone and mark: the kernel leaves them out where they are 0; PING has a zone in one direction */
	{ WEB, "zone 0", true }, { WEB, "zone 0,3", true }, { WEB, "zone != 3", true }, { WEB, "zone != 0", false },
	{ WEB, "zone < 3", true }, { WEB, "zone > 0", false }, { WEB, "not zone 0", false }, { DNS, "zone 0", false },
	{ DNS, "zone 0-3", true }, { DNS, "zone 0,4", false }, { DNS, "zone != 0", true }, { PING, "zone 0", false },
	{ PING, "zone != 3", false }, { PING, "not zone 0", true }, { PING, "orig.zone != 3", true },
	{ PING, "reply.zone 0", false }, { PING, "mark 0", true }, { PING, "mark 0/0xff", true },
	{ PING, "mark != 0x10", true }, { PING, "mark > 0", false },
	/* absent, as tables show it */
	{ DNS, "state -", true }, { WEB, "state -", false }, { DNS, "state = -", true }, { DNS, "state != -", false },
	{ WEB, "state != -", true }, { DNS, "not state -", false }, { DNS, "state TIME_WAIT,-", true },
	{ WEB, "state TIME_WAIT,-", false }, { WEB, "state ESTABLISHED,-", true }, { WEB, "state != TIME_WAIT,-", true },
	{ DNS, "state != TIME_WAIT,-", false }, { DNS, "bytes -", true }, { WEB, "bytes -", false },
	{ WEB, "zone -", true }, { DNS, "zone -", false }, { WEB, "zone != -", false }, { DNS, "zone 3,-", true },
	{ PING, "zone -", true }, { PING, "orig.zone != -", true }, { PING, "port -", true }, { WEB, "port -", false },
	{ WEB, "helper -", true }, { DNS, "helper != -", true }, { WEB, "snat.addr != - and dnat.addr -", true },
	/* and, or, not and their spellings */
	{ WEB, "tcp and dport 443", true }, { WEB, "tcp && dport 443", true }, { WEB, "tcp AND dport 443", true },
	{ WEB, "tcp dport 443", true }, { WEB, "tcp dport 80", false }, { WEB, "udp or tcp", true },
	{ WEB, "udp || tcp", true }, { WEB, "udp OR icmp", false }, { WEB, "not udp", true }, { WEB, "!udp", true },
	{ WEB, "! udp", true }, { WEB, "NOT tcp", false }, { WEB, "not not tcp", true }, { WEB, "!!tcp", true },
	/* not binds closest, then and (written or not), then or */
	{ WEB, "not udp and tcp", true }, { WEB, "not udp and udp", false }, { WEB, "not (udp and udp)", true },
	{ WEB, "tcp or udp and dport 1", true }, { WEB, "(tcp or udp) and dport 1", false },
	{ WEB, "udp and dport 1 or tcp", true }, { WEB, "udp and (dport 1 or tcp)", false },
	{ WEB, "tcp or udp dport 1", true }, { WEB, "udp dport 1 or tcp dport 443", true },
	{ WEB, "not tcp or tcp", true }, { WEB, "not (tcp or tcp)", false }, { WEB, "!(udp||icmp)&&(tcp)", true },
	{ WEB, "tcp(dport 443)", true }, { WEB, "((((tcp))))", true }, { WEB, "tcp not udp", true },
	{ WEB, "tcp !udp", true }, { WEB, "assured tcp established not unreplied", true },
	{ WEB, "tcp and dport 443 and state ESTABLISHED,TIME_WAIT", true },
	{ WEB, "src 10.0.0.0/8 and not assured", false }, { DNS, "udp port 53 unreplied", true },
	{ DNS, "host 2001:db8::1 or net 192.168.0.0/16", true },
	/* fractions of what is counted in seconds */
	{ ASSOC, "timeout < 100ms", false }, { ASSOC, "timeout < 9001ms", true }, { ASSOC, "timeout < 9000ms", false },
	{ ASSOC, "timeout <= 8.5s", false }, { ASSOC, "timeout > 8.5s", true }, { ASSOC, "timeout >= 8.999s", true },
	{ ASSOC, "timeout > 9.1s", false }, { ASSOC, "timeout 8.5s-9.5s", true }, { ASSOC, "timeout 9.1s-11s", false },
	{ ASSOC, "timeout 9.5", false }, { ASSOC, "timeout != 9.5", true }, { ASSOC, "timeout 9.5,9", true },
	{ WEB, "dport 8000-8100 and bytes > 10M", false }, { WEB, "snat.addr 203.0.113.7 and timeout < 30s", false },
};

static void expressions_choose_flows(void **state)
{
	struct names names = { .label = { [3] = (char[]){ "web" }, [4] = (char[]){ "db" } } };
	struct filter_error error;
	struct flow flow;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = filter_parse(cases[i].expression, &names, &error);

		if (!filter)
			fail_msg("'%s': %s", cases[i].expression, error.message);
		build(&flow, cases[i].flow);
		if (filter_match(filter, &flow) != cases[i].match)
			fail_msg("'%s' %s %.60s", cases[i].expression,
				 cases[i].match ? "does not fit" : "fits", cases[i].flow);
		filter_free(filter);
	}
}

/* What is wrong, the byte where the caret goes, and a part of what is said. */
static const struct {
	const char *expression;
	size_t position, length;
	const char *message;
} faults[] = {
	{ "bogus", 0, 5, "'bogus' is no field" },
	{ "tcp and bogus", 8, 5, "'bogus'" },
	{ "tcp dport 443 bogus 5", 14, 5, "'bogus'" },
	{ "dprot 443", 0, 5, "did you mean 'dport'" },
	{ "asured", 0, 6, "did you mean 'assured'" },
	{ "dport", 5, 1, "dport needs a value" },
	{ "dport =", 7, 1, "needs a value" },
	{ "dport = and tcp", 8, 3, "needs a value" },
	{ "dport 443:445", 6, 7, "a range is written as in 8000-8100" },
	{ "dport 80,", 9, 1, "needs a value" },
	{ "dport ,80", 6, 1, "needs a value" },
	{ "dport 70000", 6, 5, "not a port" },
	{ "dport nosuchservice", 6, 13, "not a port number or service name" },
	{ "dport 500-400", 6, 7, "the range ends before it begins" },
	{ "dport 1-70000", 6, 7, "not a range of ports" },
	{ "dport > 1-5", 8, 3, "a range or a mask cannot be compared" },
	{ "dport > 1,5", 11, 1, "a list cannot be compared" },
	{ "mark < 1/1", 7, 3, "a range or a mask cannot be compared" },
	{ "state > ESTABLISHED", 8, 11, "state has no order" },
	{ "src > 10.0.0.1", 6, 8, "src has no order" },
	{ "state ESTABLISHD", 6, 10, "not a state; did you mean 'ESTABLISHED'?" },
	{ "proto tpc", 6, 3, "not a protocol name or number" },
	{ "proto sttp", 6, 4, "did you mean 'sctp'?" },
	{ "proto 256", 6, 3, "not a protocol" },
	{ "src 10.0.0", 4, 6, "not an address" },
	{ "src 10.0.0.0/33", 4, 11, "not a prefix length" },
	{ "src 2001:db8::/129", 4, 14, "not a prefix length" },
	{ "src 10.0.0.0/ffff::", 4, 15, "not a prefix length" },
	{ "src 10.0.0.0/255.0.255.0", 4, 20, "the mask has holes" },
	{ "src 10.0.0.9-10.0.0.1", 4, 17, "ends before it begins" },
	{ "src 10.0.0.1-::1", 4, 12, "same family" },
	{ "host example.org", 5, 11, "host names are not looked up" },
	{ "bytes > 10X", 8, 3, "not a size" },
	{ "bytes > many", 8, 4, "not a size" },
	{ "timeout < 5x", 10, 2, "not a time" },
	{ "timeout 1.2s-1800ms", 8, 11, "no whole second is in this range" },
	{ "start > noon", 8, 4, "not a time" },
	{ "zone web", 5, 3, "not a number" },
	{ "status NOSUCH", 7, 6, "no such flag" },
	{ "status ASURED", 7, 6, "did you mean 'ASSURED'?" },
	{ "label nosuch", 6, 6, "no such label" },
	{ "label 128", 6, 3, "no such label" },
	{ "family ipv5", 7, 4, "not a family" },
	{ "( tcp", 0, 1, "not closed" },
	{ "tcp and ( udp or icmp", 8, 1, "not closed" },
	{ "tcp )", 4, 1, "')'" },
	{ ")", 0, 1, "')'" },
	{ "()", 1, 1, "')'" },
	{ "tcp and", 7, 1, "ends too early" },
	{ "tcp or", 6, 1, "ends too early" },
	{ "not", 3, 1, "ends too early" },
	{ "and tcp", 0, 3, "'and' cannot stand here" },
	{ "tcp and and udp", 8, 3, "'and' cannot stand here" },
	{ "tcp or or udp", 7, 2, "'or' cannot stand here" },
	{ "tcp & udp", 4, 1, "means nothing here" },
	{ "tcp | udp", 4, 1, "means nothing here" },
	{ "= 5", 0, 1, "'=' cannot stand here" },
	{ "dport ! 80", 6, 1, "did you mean !=" },
	{ "dport = = 80", 8, 1, "needs a value" },
	{ "helper 'ftp", 7, 4, "the quote is not closed" },
	{ "'tcp'", 0, 5, "only a value can be quoted" },
	{ "443", 0, 3, "did you mean 'port 443'?" },
	{ "tcp 443", 4, 3, "did you mean 'port 443'?" },
	{ "tcp http", 4, 4, "did you mean 'port http'?" },
	{ "8000-8100", 0, 9, "did you mean 'port 8000-8100'?" },
	{ "10.0.0.1", 0, 8, "did you mean 'host 10.0.0.1'?" },
	{ "2001:db8::1", 0, 11, "did you mean 'host 2001:db8::1'?" },
	{ "10.0.0.0/8", 0, 10, "did you mean 'net 10.0.0.0/8'?" },
	{ "10.0.0.1:80", 0, 11, "did you mean 'destination 10.0.0.1:80'?" },
	{ "tcp SRC_NAT_DONE", 4, 12, "did you mean 'status SRC_NAT_DONE'?" },
	{ "tcp invalid", 4, 7, "said of packets, which get no flow then: see ctwatch --invalid" },
	{ "state INVALID", 6, 7, "see ctwatch --invalid" },
	{ "state NEW,ESTABLISHED", 6, 3, "said of packets, not of flows; perhaps 'unreplied'" },
	{ "RELATED", 0, 7, "perhaps 'expected'" },
	{ "icmp type 8", 10, 1, "'8': no event; did you mean 'icmp.type 8'?" },
	{ "timeout < -", 10, 1, "only = and != make sense" },
	{ "- tcp", 0, 1, "'-' is no field" },
	{ "assured yes", 8, 3, "'yes'" },
};

static void faults_are_told_where_they_are(void **state)
{
	struct filter_error error;

	(void)state;
	for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		const char *text = faults[i].expression;

		if (filter_parse(text, NULL, &error))
			fail_msg("'%s' was understood", text);
		if (error.position != faults[i].position || error.length != faults[i].length)
			fail_msg("'%s': %zu+%zu instead of %zu+%zu: %s", text, error.position, error.length,
				 faults[i].position, faults[i].length, error.message);
		if (!strstr(error.message, faults[i].message))
			fail_msg("'%s': '%s' does not say '%s'", text, error.message, faults[i].message);
	}
}

static char *repeat(const char *part, unsigned count, const char *end)
{
	char *text = malloc(strlen(part) * count + strlen(end) + 1), *at = text;

	while (count--)
		at = stpcpy(at, part);
	strcpy(at, end);
	return text;
}

static void depth_and_length_are_bounded(void **state)
{
	static const struct { const char *part; unsigned count; const char *end; bool good; } rows[] = {
		{ "(", 50, "tcp", false }, { "(", 100000, "", false }, { "not ", 50, "tcp", true },
		{ "not ", 100000, "tcp", false }, { "tcp or ", 5000, "tcp", true }, { "tcp or ", 100000, "tcp", false },
		{ "dport 1,", 1, "2", true }, { "a", 100000, "", false }, { "tcp ", 9000, "", true },
	};
	struct filter_error error;
	struct flow flow;

	(void)state;
	build(&flow, WEB);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = repeat(rows[i].part, rows[i].count, rows[i].end);
		struct filter *filter = filter_parse(text, NULL, &error);

		assert_int_equal(filter != NULL, rows[i].good);
		if (filter)
			filter_match(filter, &flow);
		else
			assert_true(error.position <= strlen(text) && *error.message);
		filter_free(filter);
		free(text);
	}
}

/* Rubbish must end in a tree or in a fault within the text. */
static void rubbish_is_refused_or_understood(void **state)
{
	static const char *const words[] = {
		"tcp", "udp", "dport", "443", "80,443", "src", "10.0.0.1", "::1/64", "and", "or", "not", "(", ")", "!",
		"=", "!=", "<", ">=", "1-2", "mark", "0x1/0x2", "state", "ESTABLISHED", "bytes", "10M", ",", "'", "\"x\"",
		"start", "2026-01-01", "label", "3", "&&", "||", "&", "\xff", "nat", "snat.addr", "helper", "source", ":80",
	};
	uint64_t seed = 88172645463325252u;
	struct filter_error error;
	struct flow flow;
	char text[512];

	(void)state;
	build(&flow, WEB);
	for (unsigned i = 0; i < 100000; i++) {
		char *at = text;
		struct filter *filter;

		for (unsigned n = seed % 9; n; n--) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			at = stpcpy(at, words[(seed >> 16) % (sizeof(words) / sizeof(*words))]);
			at = stpcpy(at, seed >> 40 & 3 ? " " : "");
		}
		*at = '\0';
		seed += 0x9e3779b97f4a7c15;
		filter = filter_parse(text, NULL, &error);
		if (filter)
			filter_match(filter, &flow);
		else if (!*error.message || error.position > strlen(text))
			fail_msg("'%s': %zu '%s'", text, error.position, error.message);
		filter_free(filter);
	}
}

/* What a filter looks at is decoded: nothing less. */
static void a_filter_says_what_it_wants(void **state)
{
	static const struct { const char *text; uint64_t wants; } rows[] = {
		{ "dport 443", HAS_ORIG_PORTS }, { "mark 1 or zone 3", HAS_MARK | HAS_ZONE }, { "snat.addr 1.2.3.4", HAS_SNAT },
		{ "host 1.2.3.4", HAS_ORIG_ADDR | HAS_REPLY_ADDR }, { "not assured", HAS_STATUS }, { "idle > 5", HAS_IDLE },
		{ "age > 5", HAS_AGE }, { "bytes > 5", HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS }, { "label 3", HAS_LABELS },
		{ "source :80", HAS_ORIG_ADDR | HAS_ORIG_PORTS }, { "ESTABLISHED", HAS_STATE },
	};
	struct filter_error error;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct filter *filter = filter_parse(rows[i].text, NULL, &error);

		assert_non_null(filter);
		if ((filter->wants & rows[i].wants) != rows[i].wants)
			fail_msg("'%s' does not ask for what it looks at", rows[i].text);
		filter_free(filter);
	}
}

static void every_word_of_the_help_is_understood(void **state)
{
	struct filter_error error;
	const char *help, *word;
	char text[128];

	(void)state;
	for (unsigned i = 0; (word = filter_word(i, &help)); i++) {
		struct filter *filter;

		assert_true(*help != '\0');
		snprintf(text, sizeof(text), "%s%s", word, !strcmp(word, "port") ? " 1" : !strcmp(word, "host") ||
			 !strcmp(word, "net") ? " 1.2.3.4" : "");
		filter = filter_parse(text, NULL, &error);
		if (!filter)
			fail_msg("'%s': %s", text, error.message);
		filter_free(filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_choose_flows),
		cmocka_unit_test(faults_are_told_where_they_are),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(rubbish_is_refused_or_understood),
		cmocka_unit_test(a_filter_says_what_it_wants),
		cmocka_unit_test(every_word_of_the_help_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
