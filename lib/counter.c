/* The counters of conntrack. A new one is a row here; everything else reads this table. */
#include "counter.h"

#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

enum { CHAIN_TOOLONG = 15, CLASH_RESOLVE = 14 };	/* newer than some headers */

const struct counter counters[COUNTERS + 1] = {
	{
		.name = "drop", .attribute = CTA_STATS_DROP, .column = "drop", .loud = LOUD_DROP,
		.senses = { { 0, "packets dropped by conntrack: full table, clash" } },
		.function = "nf_conntrack_in(), nf_ct_resolve_clash()",
		.detail = "The sum of several things: no entry could be made because the table was full (or atomic memory "
			  "short), the clash of two packets was lost (then insert_failed grows as well), and rarely a TCP "
			  "reopen race or a failed sequence adjustment. From 5.10 on ctstats splits it. Packets that a rule "
			  "drops are not in it.",
		.cause = "the table is full, or NAT ports ran out, or two packets of a new flow raced",
		.remedy = "see the split: table full: raise nf_conntrack_max, shorten timeouts, notrack what needs no tracking; "
			  "clash: see insert_failed",
	},
	{
		.name = "insert_failed", .attribute = CTA_STATS_INSERT_FAILED, .column = "insert_failed", .loud = LOUD_DROP,
		.senses = {
			{ 0, "new flow dropped: its tuple was taken meanwhile" },
			{ KERNEL(4, 7), "clashes of new flows, also those without harm" },
			{ KERNEL(5, 10), "new flow dropped: tuple taken, chain too long" },
		},
		.function = "nf_ct_resolve_clash(), __nf_conntrack_confirm()",
		.detail = "The first packet of a new flow is dropped. Its entry is made at the first hook and put into the table when the packet leaves; in between another "
			  "packet, or another flow with the same translated tuple, can get there first. If chaintoolong grows "
			  "at the same pace it is the hash, not a clash. If this stays at 0, a slow DNS lookup has another "
			  "cause. From 4.7 to 5.9 it cannot be told how many of these cost a packet: look at drop.",
		.cause = "source NAT ports towards one remote address and port are exhausted (found grows too); two CPUs chose "
			 "one port; two UDP packets from one socket at once (DNS A and AAAA) on kernels before 5.10; NFQUEUE",
		.remedy = "ports: more NAT addresses, fewer flows to one remote end, connection reuse; TCP port races: "
			  "fully-random (--random-fully) in the NAT rule; DNS: a node-local cache, "
			  "'options single-request-reopen', a newer kernel",
	},
	{
		.name = "early_drop", .attribute = CTA_STATS_EARLY_DROP, .column = "early_drop", .loud = LOUD_RATE,
		.senses = { { 0, "entries thrown out to make room: table is full" } },
		.function = "early_drop()",
		.detail = "Entries, not packets. The table was full, so an entry that is not ASSURED, near the bucket of the new "
			  "one, was evicted. What the garbage collector evicts under pressure is counted nowhere, so this is a "
			  "lower bound.",
		.cause = "a flood or a scan, or nf_conntrack_max is too small for the load",
		.remedy = "find who fills it (ctcount --by src --top 5 unreplied); raise nf_conntrack_max; shorten the UDP and "
			  "SYN timeouts; notrack",
	},
	{
		.name = "chaintoolong", .attribute = CHAIN_TOOLONG, .column = "chainlength", .loud = LOUD_DROP,
		.senses = {
			{ 0, NULL },
			{ KERNEL(5, 15), "new flow dropped: its hash chain was too long" },
		},
		.function = "__nf_conntrack_confirm(), nf_conntrack_hash_check_insert()",
		.detail = "The first packet of the flow is dropped. Also counted in insert_failed, but not in drop (entries that programs "
			  "make are counted here alone). The limit was 64 entries, then a random number from 8 "
			  "to 32 (some kernels from 5.16 to 6.2), today one from 50 to 79.",
		.cause = "far too few buckets for the entries of all namespaces together; somebody who aims at one chain; or a "
			 "kernel with the limit of 8 to 32",
		.remedy = "nf_conntrack_buckets at least as large as nf_conntrack_max; a newer kernel",
	},
	{
		.name = "invalid", .attribute = CTA_STATS_INVALID, .column = "invalid", .loud = LOUD_RATE,
		.senses = {
			{ 0, "packets without a flow (INVALID), and bad ICMP" },
			{ KERNEL(5, 10), "packets without a flow (INVALID), not translated" },
		},
		.function = "nf_conntrack_in()",
		.detail = "The header could not be read, or the tracker refused the packet: out of the window, a SYN/ACK or RST "
			  "without a flow, a bad checksum. NAT leaves such packets alone, so they may leave with private "
			  "addresses unless a rule drops 'ct state invalid'.",
		.cause = "asymmetric routing, an offload that hides packets, flows that expired or were flushed, scans",
		.remedy = "ctwatch --invalid --summary 10 names the reasons; if they are about windows: "
			  "nf_conntrack_tcp_be_liberal=1",
	},
	{
		.name = "error", .attribute = CTA_STATS_ERROR, .column = "icmp_error", .loud = LOUD_NEVER,
		.senses = {
			{ 0, "ICMP not trackable; also counted as invalid" },
			{ KERNEL(5, 10), "ICMP not trackable: broken, or of unknown flow" },
		},
		.function = "nf_conntrack_handle_icmp()",
		.detail = "An ICMP error names the packet it is about. If that packet belongs to no flow, if the error is short, "
			  "has a bad checksum or type, or goes to another address than the flow, it is left untracked and NAT "
			  "does not translate it.",
		.cause = "errors about flows that expired or are not tracked, answers to spoofed packets, scans; may mean that "
			 "path-MTU messages (fragmentation needed) do not arrive",
		.remedy = "usually harmless; if large transfers hang, check the MTU of the path and notrack rules",
	},
	{
		.name = "clash_resolve", .attribute = CLASH_RESOLVE, .column = "clashres", .older = "searched",
		.loud = LOUD_NEVER,
		.senses = {
			{ 0, NULL },
			{ KERNEL(5, 10), "races of two first packets, nothing was lost" },
		},
		.function = "__nf_ct_resolve_clash(), nf_ct_resolve_clash_harder()",
		.detail = "Two packets of one connectionless flow were tracked at the same time; the second was merged into the "
			  "entry of the first, or got a hidden entry that lives one second.",
		.cause = "A and AAAA lookups from one socket, UDP over several queues, NFQUEUE",
		.remedy = "none is needed",
	},
	{
		.name = "found", .attribute = CTA_STATS_FOUND, .column = "found", .loud = LOUD_NEVER,
		.senses = {
			{ 0, "packets that belonged to a known flow" },
			{ KERNEL(4, 9), "NAT tried a port or address that was in use" },
			{ KERNEL(6, 12), "NAT tried a port that was in use (TCP: not all)" },
		},
		.function = "nf_conntrack_tuple_taken()",
		.detail = "One for each candidate that NAT tried; not successful lookups, although lnstat and older manuals say so. NAT tries up to 248 candidates for a "
			  "new flow. From 6.12 on the last 32 TCP candidates of a round are tried in another way, so with a "
			  "pool of 32 ports or fewer this stays at 0.",
		.cause = "many flows share one NAT address towards the same remote address and port, or the port range is small",
		.remedy = "ctcount --by snat.addr,proto,reply.src,reply.sport --top 5 shows the ports in use; more NAT addresses "
			  "or ports; fully-random",
	},
	{
		.name = "search_restart", .attribute = CTA_STATS_SEARCH_RESTART, .column = "search_restart",
		.loud = LOUD_NEVER,
		.senses = { { 0, "lookups begun again because an entry moved" } },
		.function = "____nf_conntrack_find(), nf_conntrack_tuple_taken()",
		.detail = "Costs a little time, nothing else.",
		.cause = "very many flows come and go, or the hash table is being resized",
		.remedy = "matters only if it comes near the packet rate: more buckets",
	},
	{
		.name = "insert", .attribute = CTA_STATS_INSERT, .column = "insert", .loud = LOUD_NEVER,
		.senses = {
			{ 0, "entries put into the table" },
			{ KERNEL(4, 9), "entries made by programs, not by packets" },
		},
		.function = "nf_conntrack_hash_check_insert()",
		.detail = "Programs such as conntrackd, conntrack -I, CRIU. Not the number of new flows: no counter has that.",
		.cause = "a failover daemon commits its cache, a container is restored, or BPF makes entries",
		.remedy = "none is needed",
	},
	{
		.name = "expect_new", .attribute = CTA_STATS_EXP_NEW, .expect = true, .column = "expect_new",
		.loud = LOUD_NEVER,
		.senses = { { 0, "flows that a helper had announced and that came" } },
		.function = "init_conntrack()",
		.cause = "FTP, SIP, TFTP, PPTP or another protocol with a helper", .remedy = "none is needed",
	},
	{
		.name = "expect_create", .attribute = CTA_STATS_EXP_CREATE, .expect = true, .column = "expect_create",
		.loud = LOUD_NEVER,
		.senses = { { 0, "flows announced by helpers (expectations)" } },
		.function = "nf_ct_expect_insert()",
		.cause = "far above expect_new: the announced data connections never arrive",
		.remedy = "check the rules for RELATED packets and the helper's port",
	},
	{
		.name = "expect_delete", .attribute = CTA_STATS_EXP_DELETE, .expect = true, .column = "expect_delete",
		.loud = LOUD_NEVER,
		.senses = { { 0, "expectations removed: met, expired, withdrawn" } },
		.function = "nf_ct_unlink_expect_report()",
		.detail = "expect_create less expect_delete is the number of expectations there are.",
	},
	{
		.name = "searched", .attribute = CTA_STATS_SEARCHED, .column = "searched", .loud = LOUD_NEVER,
		.senses = { { 0, "entries walked over in lookups that did not match" }, { KERNEL(4, 9), NULL } },
		.function = "____nf_conntrack_find()",
		.detail = "Steps along hash chains, not lookups. Early 5.10 kernels print clash_resolve under this name in "
			  "/proc.",
	},
	{
		.name = "new", .attribute = CTA_STATS_NEW, .column = "new", .loud = LOUD_NEVER,
		.senses = { { 0, "new flows that were not expected" }, { KERNEL(4, 9), NULL } },
		.function = "init_conntrack()",
		.detail = "/proc still has the column, always 0. New flows are counted from events instead.",
	},
	{
		.name = "delete", .attribute = CTA_STATS_DELETE, .column = "delete", .loud = LOUD_NEVER,
		.senses = { { 0, "entries destroyed" }, { KERNEL(4, 9), NULL } },
		.function = "destroy_conntrack()",
		.detail = "/proc still has the column, always 0.",
	},
	{
		.name = "delete_list", .attribute = CTA_STATS_DELETE_LIST, .column = "delete_list", .loud = LOUD_NEVER,
		.senses = { { 0, "entries taken out of the hash" }, { KERNEL(4, 9), NULL } },
		.function = "nf_ct_delete_from_lists()",
		.detail = "Its column in /proc holds chaintoolong from 5.15 on.",
	},
	{
		.name = "ignore", .attribute = CTA_STATS_IGNORE, .column = "ignore", .loud = LOUD_NEVER,
		.senses = { { 0, "packets that had a flow already (loopback) or were untracked" }, { KERNEL(5, 10), NULL } },
		.function = "nf_conntrack_in()",
		.detail = "Large numbers were normal.",
	},
	{ NULL },
};

int counter_find(const char *name, size_t length)
{
	for (int i = 0; i < COUNTERS; i++)
		if (strlen(counters[i].name) == length && !strncmp(counters[i].name, name, length))
			return i;
	return -1;
}

static const struct sense *sense_at(const struct counter *counter, unsigned version)
{
	const struct sense *found = counter->senses;

	for (const struct sense *sense = found + 1; sense < counter->senses + SENSES && sense->since; sense++)
		if (sense->since <= version)
			found = sense;
	return found;
}

const struct sense *counter_sense(const struct counter *counter, const struct kernel *kernel)
{
	return sense_at(counter, kernel->high);
}

bool counter_sure(const struct counter *counter, const struct kernel *kernel)
{
	return sense_at(counter, kernel->low) == sense_at(counter, kernel->high);
}

unsigned sense_until(const struct counter *counter, const struct sense *sense)
{
	const struct sense *next = sense + 1;

	return next < counter->senses + SENSES && next->since ? next->since : KERNEL_LAST;
}

const struct measure measures[] = {
	{
		"entries", "conntrack_entries", "flows in the table of this network namespace",
		"All allocated entries, also those that a packet has made but not yet confirmed, and those that expired but were "
		"not collected (up to a minute). So it is a little more than ctlist -c prints.",
	},
	{
		"max", "conntrack_entries_max", "most flows that one network namespace may have (nf_conntrack_max)",
		"One value for the machine, compared with each namespace's own entries.",
		"raise net.netfilter.nf_conntrack_max, and nf_conntrack_buckets with it",
	},
	{
		"percent", NULL, "entries as a share of the maximum",
		"When the table is full the kernel throws out flows that are not ASSURED, so a full table does not mean trouble "
		"yet: --occupancy tells how much of it cannot be thrown out.",
	},
	{
		"buckets", "conntrack_buckets", "size of the hash table, shared by all network namespaces",
		"Eight bytes each.", "nf_conntrack_buckets at least half of what all namespaces hold together",
	},
	{
		"load", NULL, "entries in the hash per bucket: the average length of a chain",
		"Each flow stands in the hash twice, once for each direction, so the load is twice the flows per bucket. The hash is "
		"shared by all namespaces, the flows are counted per namespace: this is the part of the namespace looked at. Up to "
		"2 is how the defaults are meant, above 4 lookups become slow, from 15 to 24 on insertions are refused "
		"(chaintoolong).",
		"raise net.netfilter.nf_conntrack_buckets",
	},
	{
		"expectations", "conntrack_expectations", "flows that helpers expect: expect_create less expect_delete", NULL,
	},
	{
		"expect_max", "conntrack_expectations_max", "most expectations (nf_conntrack_expect_max)", NULL,
	},
	{
		"objects", "conntrack_objects", "entries of all network namespaces, from the slab allocator",
		"From /proc/slabinfo, which root can read. A little too many: the allocator counts what a CPU keeps in reserve.",
	},
	{
		"object_bytes", "conntrack_objects_bytes", "memory that these entries take, without their extensions", NULL,
	},
	{
		"new_per_second", NULL, "new flows per second, counted from events",
		"No counter has them: 'new' has been 0 since 4.9 and 'insert' counts programs only. ctstats listens to NEW events "
		"during the sample, which needs CAP_NET_ADMIN and nf_conntrack_events not 0.",
	},
	{
		"growth", NULL, "entries gained or lost per second", NULL,
	},
	{
		"full_in", NULL, "seconds until the table is full, at this growth", NULL,
	},
	{
		"occupancy", "conntrack_occupancy", "entries by who can throw them out when the table is full",
		"hard: ASSURED and not closing: nobody. closing: ASSURED TCP and SCTP flows in a closing state: the garbage collector, "
		"above 95 % of the maximum. evictable: not ASSURED: any new flow that lands near. Packets are dropped for good when "
		"hard reaches the maximum, or earlier where no evictable entry is within 8 buckets of a new one.",
		"watch hard (60 %) rather than entries",
	},
	{ NULL },
};

const struct measure *measure_find(const char *name, size_t length)
{
	for (const struct measure *measure = measures; measure->name; measure++)
		if (strlen(measure->name) == length && !strncmp(measure->name, name, length))
			return measure;
	return NULL;
}
