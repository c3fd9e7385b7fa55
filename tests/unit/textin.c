/* Tests of lib/textin.c: saved text becomes the flows it was made from. */
#include "conntrack.h"
#include "textin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

#define CAPTURES "tests/captures/"

static char web[] = "web", rule[] = "seen-by-rule", last[] = "last";
static const struct names names = { .label = { [1] = web, [5] = rule, [127] = last } };

static enum text read_text(struct flow *flow, const char *line, const char **wrong)
{
	char *copy = strdup(line);
	enum text text = textin_conntrack(flow, copy, &names, wrong);

	free(copy);
	return text;
}

static struct flow flow_of(const char *line)
{
	const char *wrong = NULL;
	struct flow flow;
	enum text text = read_text(&flow, line, &wrong);

	if (text == TEXT_BAD)
		fail_msg("%s: %s", wrong, line);
	assert_int_equal(text, TEXT_FLOW);
	return flow;
}

static void assert_addr(const union address *addr, const char *text)
{
	union address want;
	uint8_t family;

	assert_true(read_address(text, &want, &family));
	assert_memory_equal(addr, &want, sizeof(want));
}

static void plain_line(void **state)
{
	struct flow flow = flow_of(
		"tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=80 "
		"packets=5 bytes=296 src=10.0.0.2 dst=1.2.3.4 sport=80 dport=99 packets=6 "
		"bytes=5000000000 [ASSURED] mark=17 secctx=system_u:object_r:unlabeled_t:s0 zone=3 "
		"delta-time=7 helper=ftp use=2 id=4118239400 labels=web,last\n");

	(void)state;
	assert_int_equal(flow.what, WHAT_FLOW);
	assert_int_equal(flow.event, EVENT_NONE);
	assert_int_equal(flow.family, AF_INET);
	assert_int_equal(flow.protonum, 6);
	assert_int_equal(flow.orig.protonum, 6);
	assert_int_equal(flow.reply.protonum, 6);
	assert_int_equal(flow.timeout, 431999);
	assert_string_equal(state_name(flow.state), "ESTABLISHED");
	assert_addr(&flow.orig.src.addr, "10.0.0.1");
	assert_addr(&flow.reply.dst.addr, "1.2.3.4");
	assert_int_equal(flow.orig.src.port, 1000);
	assert_int_equal(flow.reply.dst.port, 99);
	assert_int_equal(flow.counters[0].packets, 5);
	assert_int_equal(flow.counters[1].bytes, UINT64_C(5000000000));
	assert_int_equal(flow.status, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT);
	assert_int_equal(flow.mark, 17);
	assert_string_equal(flow.secctx, "system_u:object_r:unlabeled_t:s0");
	assert_int_equal(flow.zone, 3);
	assert_int_equal(flow.age, 7);
	assert_string_equal(flow.helper, "ftp");
	assert_int_equal(flow.use, 2);
	assert_int_equal(flow.id, 4118239400);
	assert_int_equal(flow.labels[0], 2);
	assert_int_equal(flow.labels[15], 128);
	assert_int_equal(flow.has, HAS_FAMILY | HAS_PROTO | HAS_ORIG_ADDR | HAS_ORIG_PORTS |
			 HAS_ORIG_COUNTERS | HAS_REPLY_ADDR | HAS_REPLY_PORTS | HAS_REPLY_COUNTERS |
			 HAS_STATE | HAS_TIMEOUT | HAS_STATUS | HAS_MARK | HAS_SECCTX | HAS_ZONE |
			 HAS_AGE | HAS_HELPER | HAS_USE | HAS_ID | HAS_LABELS | HAS_NAT | HAS_SNAT);
}

static void nat_comes_from_the_tuples(void **state)
{
	static const struct {
		const char *line;
		uint32_t status;
	} rows[] = {
		{ "udp 17 9 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=6 src=2.2.2.2 dst=1.1.1.1 sport=6 dport=5",
		  0 },
		{ "udp 17 9 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=6 src=2.2.2.2 dst=1.1.1.1 sport=6 dport=7",
		  IPS_SRC_NAT },
		{ "udp 17 9 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=6 src=2.2.2.2 dst=1.1.1.1 sport=7 dport=5",
		  IPS_DST_NAT },
		{ "udp 17 9 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=6 src=3.3.3.3 dst=4.4.4.4 sport=6 dport=5",
		  IPS_SRC_NAT | IPS_DST_NAT },
		{ "icmp 1 9 src=1.1.1.1 dst=2.2.2.2 type=8 code=0 id=5 src=2.2.2.2 dst=1.1.1.1 type=0 code=0 id=6",
		  0 },
		{ "icmp 1 9 src=1.1.1.1 dst=2.2.2.2 type=8 code=0 id=5 src=2.2.2.2 dst=9.1.1.1 type=0 code=0 id=5",
		  IPS_SRC_NAT },
		{ "unknown 200 9 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.3 dst=1.1.1.1", IPS_DST_NAT },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct flow flow = flow_of(rows[i].line);

		assert_int_equal(flow.status & (IPS_SRC_NAT | IPS_DST_NAT), rows[i].status);
		assert_int_equal(!!(flow.has & HAS_SNAT), !!(rows[i].status & IPS_SRC_NAT));
		assert_int_equal(!!(flow.has & HAS_DNAT), !!(rows[i].status & IPS_DST_NAT));
	}
}

static void icmp_has_two_ids(void **state)
{
	struct flow flow = flow_of(
		"icmpv6   58 29 src=2001:db8::1 dst=2001:db8::2 type=128 code=0 id=4242 [UNREPLIED] "
		"src=2001:db8::2 dst=2001:db8::1 type=129 code=0 id=4242 mark=0 use=1 id=77");

	(void)state;
	assert_int_equal(flow.family, AF_INET6);
	assert_int_equal(flow.orig.icmp_id, 4242);
	assert_int_equal(flow.orig.icmp_type, 128);
	assert_int_equal(flow.reply.icmp_type, 129);
	assert_int_equal(flow.reply.icmp_id, 4242);
	assert_int_equal(flow.id, 77);
	assert_int_equal(flow.status, IPS_CONFIRMED);
	assert_true(flow.has & HAS_ORIG_ICMP && flow.has & HAS_REPLY_ICMP);
	assert_false(flow.has & (HAS_ORIG_PORTS | HAS_STATE));
}

/* Forms as openwrt/luci#5909 and openwrt/openwrt#17915 show them. */
static void offloaded_flows(void **state)
{
	struct flow soft = flow_of(
		"tcp      6 src=192.168.1.2 dst=9.9.9.9 sport=40000 dport=443 packets=3 bytes=180 "
		"src=9.9.9.9 dst=203.0.113.7 sport=443 dport=40000 packets=2 bytes=120 [OFFLOAD] "
		"mark=0 use=3");
	struct flow hard = flow_of(
		"ipv4     2 udp      17 src=192.168.1.2 dst=9.9.9.9 sport=40000 dport=443 src=9.9.9.9 "
		"dst=203.0.113.7 sport=443 dport=40000 [HW_OFFLOAD] mark=0 zone=0 use=3");

	(void)state;
	assert_false((soft.has | hard.has) & (HAS_TIMEOUT | HAS_STATE | HAS_ZONE));
	assert_int_equal(soft.status & (IPS_OFFLOAD | IPS_HW_OFFLOAD), IPS_OFFLOAD);
	assert_true(hard.status & IPS_HW_OFFLOAD);
	assert_true(soft.has & hard.has & HAS_SNAT);
}

static void destroy_without_timeout(void **state)
{
	struct flow flow = flow_of(
		"[1795347327.017637]\t[DESTROY] tcp      6 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=1 "
		"dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 delta-time=120 "
		"[start=Mon Nov 23 06:15:40 2026] [stop=Mon Nov 23 06:17:40 2026] [USERSPACE] "
		"portid=4000000000 progname=conntrack");

	(void)state;
	assert_int_equal(flow.event, EVENT_DESTROY);
	assert_true(flow.has & HAS_EVENT && flow.has & HAS_TIME && flow.has & HAS_STATE);
	assert_false(flow.has & HAS_TIMEOUT);
	assert_int_equal(flow.time, UINT64_C(1795347327017637000));
	assert_int_equal(flow.start, UINT64_C(1795414540000000000));
	assert_int_equal(flow.stop - flow.start, UINT64_C(120000000000));
	assert_int_equal(flow.portid, 4000000000);
}

static void proc_gre_and_full_addresses(void **state)
{
	struct flow gre = flow_of(
		"ipv4     2 gre      47 999 timeout=0, stream_timeout=0 src=10.0.0.1 dst=10.0.0.2 "
		"srckey=0x12 dstkey=0x34 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 srckey=0x34 "
		"dstkey=0x12 mark=0 zone=0 delta-time=0 use=2");
	struct flow six = flow_of(
		"ipv6     10 udp      17 29 src=2001:0db8:0000:0000:0000:0000:0000:0001 "
		"dst=2001:0db8:0000:0000:0000:0000:0000:0002 sport=1 dport=2 zone-orig=4 src="
		"2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 "
		"sport=2 dport=1 zone-reply=5 mark=0 use=2");

	(void)state;
	assert_int_equal(gre.timeout, 999);
	assert_int_equal(gre.orig.src.port, 0x12);
	assert_int_equal(gre.reply.src.port, 0x34);
	assert_true(gre.has & HAS_ORIG_GRE && gre.has & HAS_REPLY_GRE);
	assert_false(gre.has & HAS_ORIG_PORTS);
	assert_addr(&six.orig.src.addr, "2001:db8::1");
	assert_int_equal(six.orig.zone, 4);
	assert_int_equal(six.reply.zone, 5);
	assert_true(six.has & HAS_ORIG_ZONE && six.has & HAS_REPLY_ZONE);
}

static void expectation_line(void **state)
{
	struct flow flow = flow_of(
		"[1795415546.867   ]\t    [NEW] 300 proto=6 src=127.0.0.1 dst=127.0.0.2 sport=0 dport=1025 "
		"mask-src=255.255.255.255 mask-dst=255.255.255.0 sport=0 dport=65535 "
		"master-src=127.0.0.3 master-dst=127.0.0.4 sport=56164 dport=2121 zone=9 "
		"PERMANENT,USERSPACE class=3 helper=ftp");

	(void)state;
	assert_int_equal(flow.what, WHAT_EXPECT);
	assert_int_equal(flow.event, EVENT_NEW);
	assert_int_equal(flow.time, UINT64_C(1795415546000867000));
	assert_int_equal(flow.timeout, 300);
	assert_int_equal(flow.protonum, 6);
	assert_addr(&flow.orig.dst.addr, "127.0.0.2");
	assert_int_equal(flow.orig.dst.port, 1025);
	assert_addr(&flow.expect.mask.dst.addr, "255.255.255.0");
	assert_int_equal(flow.expect.mask.dst.port, 65535);
	assert_addr(&flow.master.dst.addr, "127.0.0.4");
	assert_int_equal(flow.master.src.port, 56164);
	assert_int_equal(flow.zone, 9);
	assert_int_equal(flow.expect.flags, 5);
	assert_int_equal(flow.expect.class, 3);
	assert_string_equal(flow.helper, "ftp");
	assert_false(flow.has & (HAS_STATUS | HAS_REPLY_ADDR));
}

static void save_line(void **state)
{
	struct flow flow = flow_of(
		"-U -t 999 -u EXPECTED,SEEN_REPLY -w 3 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -n 1.2.3.4 "
		"-p sctp --sport 1003 --dport 80 --reply-port-src 80 --reply-port-dst 99 --state "
		"COOKIE_ECHOED --orig-vtag 1 --reply-vtag 2 [USERSPACE] portid=7435 progname=x");

	(void)state;
	assert_int_equal(flow.event, EVENT_UPDATE);
	assert_int_equal(flow.protonum, 132);
	assert_int_equal(flow.status, IPS_CONFIRMED | IPS_EXPECTED | IPS_SEEN_REPLY | IPS_SRC_NAT);
	assert_string_equal(state_name(flow.state), "COOKIE_ECHOED");
	assert_int_equal(flow.vtag[1], 2);
	assert_int_equal(flow.zone, 3);
	assert_int_equal(flow.portid, 7435);
	assert_addr(&flow.reply.dst.addr, "1.2.3.4");
	assert_int_equal(flow.reply.dst.port, 99);
}

static void newer_words_are_skipped(void **state)
{
	struct flow flow = flow_of(
		"udp 17 9 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=6 flavour=new [SHINY] src=2.2.2.2 "
		"dst=1.1.1.1 sport=6 dport=5 word [ASSURED] mark=1 more= =x labels=web,unheard,5 use=1");

	(void)state;
	assert_int_equal(flow.labels[0], 1 << 1 | 1 << 5);
	assert_int_equal(flow.mark, 1);
	assert_true(flow.status & IPS_ASSURED);
}

static void lines_without_a_flow(void **state)
{
	static const char *const skipped[] = {
		"", "\n", " \t\r\n", "conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.",
		"nfct_labelmap_new: No such file or directory",
	};
	static const char *const bad[] = {
		"hello", "tcp", "tcp 6", "tcp 6 99 ESTABLISHED", "Chain INPUT (policy ACCEPT)",
		"tcp 6 99 ESTABLISHED src=1.1.1.1", "tcp 6 99 ESTABLISHED src=1.1.1.1 dst=2.2.2.2 sport=1",
		"tcp 6 99 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2", "tcp 256 9 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1",
		"tcp 6 99 src=1.1.1.x dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1",
		"tcp 6 99 src=1.1.1.1 dst=2.2.2.2 src=::1 dst=1.1.1.1",
		"tcp 6 99 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1 src=3.3.3.3 dst=4.4.4.4",
		"tcp 6 99 src=1.1.1.1 dst=2.2.2.2 sport=65536 dport=1 src=2.2.2.2 dst=1.1.1.1",
		"tcp 6 99999999999 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1",
		"tcp 6 99 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1 mark=-1",
		"300 proto=6", "ipv4 2", "[NEW]", "[NEW", "-A", "-A -t", "-A -s 1.1.1.1 -d 2.2.2.2 -p tcp",
		"src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1",
	};
	const char *wrong;
	struct flow flow;

	(void)state;
	for (unsigned i = 0; i < sizeof(skipped) / sizeof(*skipped); i++)
		assert_int_equal(read_text(&flow, skipped[i], &wrong), TEXT_SKIP);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		wrong = NULL;
		if (read_text(&flow, bad[i], &wrong) != TEXT_BAD || !wrong)
			fail_msg("read as a flow: %s", bad[i]);
	}
}

/* Calls `each` with every line of a file, and returns how many there were. */
static int each_line(const char *path, void (*each)(const char *line, void *data), void *data)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	int count = 0;

	if (!file)
		fail_msg("%s: cannot be opened", path);
	while (getline(&line, &size, file) > 0) {
		each(line, data);
		count++;
	}
	free(line);
	fclose(file);
	return count;
}

static void same_again(const char *line, void *data)
{
	struct flow flow = flow_of(line);
	char *want = strdup(line);
	char *name = strstr(want, " progname=");	/* of a process that is gone */
	struct out out;

	if (name)
		strcpy(name, "\n");
	out_init(&out, -1);
	put_conntrack(&out, &flow, *(unsigned *)data, &names);
	out_mem(&out, "", 1);
	assert_string_equal(out.buf, want);
	out_release(&out);
	free(want);
}

static void what_is_read_prints_the_same(void **state)
{
	enum { X = CONNTRACK_EXTENDED, I = CONNTRACK_ID, K = CONNTRACK_KTIMESTAMP,
	       L = CONNTRACK_LABELS, T = CONNTRACK_TIMESTAMP };
	static const struct {
		const char *path;
		unsigned options;
	} rows[] = {
		{ CAPTURES "conntrack-L.txt", 0 },
		{ CAPTURES "conntrack-L-id.txt", I },
		{ CAPTURES "conntrack-L-extended-id.txt", X | I },
		{ CAPTURES "conntrack-L-ktimestamp.txt", K },
		{ CAPTURES "conntrack-L-extended-id-ktimestamp-labels.txt", X | I | K | L },
		{ CAPTURES "conntrack-E.txt", 0 },
		{ CAPTURES "conntrack-E-timestamp.txt", T },
		{ CAPTURES "conntrack-E-timestamp-extended-id-ktimestamp-labels.txt", T | X | I | K | L },
		{ CAPTURES "conntrack-L-expect.txt", 0 },
		{ CAPTURES "conntrack-E-expect-timestamp.txt", T },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned options = rows[i].options;

		assert_true(each_line(rows[i].path, same_again, &options) > 0);
	}
}

struct list {
	struct flow flows[64];
	int count;
};

static void keep(const char *line, void *data)
{
	struct list *list = data;

	assert_in_range(list->count, 0, 63);
	list->flows[list->count++] = flow_of(line);
}

/* The same table, printed in another form at nearly the same time. */
static void assert_same_table(const char *path, uint64_t has, uint32_t status)
{
	static struct list ours, other;
	int found = 0;

	ours.count = other.count = 0;
	each_line(CAPTURES "conntrack-L.txt", keep, &ours);
	each_line(path, keep, &other);
	assert_int_equal(ours.count, other.count);
	for (int i = 0; i < ours.count; i++) {
		const struct flow *a = &ours.flows[i];

		for (int k = 0; k < other.count; k++) {
			const struct flow *b = &other.flows[k];

			if (!flow_same(a, b) || a->orig.zone != b->orig.zone || a->reply.zone != b->reply.zone)
				continue;
			found++;
			assert_int_equal(a->has & has, b->has & has);
			assert_int_equal(a->status & status, b->status & status);
			assert_int_equal(a->state, b->state);
			assert_memory_equal(&a->reply.src, &b->reply.src, sizeof(a->reply.src));
			assert_memory_equal(&a->reply.dst, &b->reply.dst, sizeof(a->reply.dst));
		}
	}
	assert_int_equal(found, ours.count);
}

static void other_forms_hold_the_same_flows(void **state)
{
	(void)state;
	assert_same_table(CAPTURES "proc-nf_conntrack.txt", HAS_ALL & ~HAS_HELPER, ~0u);
	assert_same_table(CAPTURES "conntrack-L-save.txt",
			  HAS_ORIG_ADDR | HAS_REPLY_ADDR | HAS_ORIG_PORTS | HAS_REPLY_PORTS |
			  HAS_ORIG_ICMP | HAS_STATE | HAS_STATUS | HAS_TIMEOUT | HAS_ZONE |
			  HAS_ORIG_ZONE | HAS_REPLY_ZONE | HAS_SNAT | HAS_DNAT | HAS_NAT,
			  IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT | IPS_DST_NAT);
}

/* Whatever is read can be printed. */
static void survive(const char *line)
{
	const char *wrong = NULL;
	struct flow flow;
	struct out out;

	switch (read_text(&flow, line, &wrong)) {
	case TEXT_BAD:
		assert_non_null(wrong);
		break;
	case TEXT_FLOW:
		assert_true(flow.has & HAS_ORIG_ADDR);
		out_init(&out, -1);
		put_conntrack(&out, &flow, 63, &names);
		out_release(&out);
		break;
	case TEXT_SKIP:
		break;
	}
}

static void mangle(const char *line, void *data)
{
	static const char odd[] = "=[]-. \t9\xff%";
	char *copy = strdup(line);
	size_t len = strlen(copy);

	(void)data;
	for (size_t i = 0; i < len; i++) {
		char was = copy[i];

		for (const char *p = odd; p <= odd + strlen(odd); p++) {
			copy[i] = *p;
			survive(copy);
		}
		copy[i] = was;
		survive(copy + i);
	}
	free(copy);
}

static void mangled_lines_do_no_harm(void **state)
{
	(void)state;
	each_line(CAPTURES "conntrack-E-timestamp-extended-id-ktimestamp-labels.txt", mangle, NULL);
	each_line(CAPTURES "conntrack-E-save.txt", mangle, NULL);
	each_line(CAPTURES "conntrack-E-expect-timestamp.txt", mangle, NULL);
	each_line(CAPTURES "proc-nf_conntrack.txt", mangle, NULL);
}

static void long_names_are_refused(void **state)
{
	const char *wrong = NULL;
	struct flow flow;
	char line[4096], name[2000];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		static const char *const keys[] = { "helper", "secctx", "labels" };

		snprintf(line, sizeof(line), "udp 17 9 src=1.1.1.1 dst=2.2.2.2 src=2.2.2.2 dst=1.1.1.1 "
			 "%s=%s", keys[i], name);
		assert_int_equal(read_text(&flow, line, &wrong), i < 2 ? TEXT_BAD : TEXT_FLOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_line),
		cmocka_unit_test(nat_comes_from_the_tuples),
		cmocka_unit_test(icmp_has_two_ids),
		cmocka_unit_test(offloaded_flows),
		cmocka_unit_test(destroy_without_timeout),
		cmocka_unit_test(proc_gre_and_full_addresses),
		cmocka_unit_test(expectation_line),
		cmocka_unit_test(save_line),
		cmocka_unit_test(newer_words_are_skipped),
		cmocka_unit_test(lines_without_a_flow),
		cmocka_unit_test(what_is_read_prints_the_same),
		cmocka_unit_test(other_forms_hold_the_same_flows),
		cmocka_unit_test(mangled_lines_do_no_harm),
		cmocka_unit_test(long_names_are_refused),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
