/* The sysctls of conntrack. A new one is a row here; everything else reads this table. */
#include "sysctl.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE "/proc/sys/net/netfilter"
#define SECONDS .unit = "s"
#define DEFAULT(value) .defaults = { { 0, value } }
#define DCCP .unit = "s", .gone = KERNEL(6, 18)

const struct sysctl sysctls[] = {
	{ "nf_conntrack_max", .global = true, .unit = "flows",
	  .defaults = { { 0, "4 x nf_conntrack_buckets" }, { KERNEL(5, 15), "as nf_conntrack_buckets" } },
	  .text = "most flows in one network namespace",
	  .detail = "One value for the machine, but each namespace may hold that many. Also net.nf_conntrack_max. kube-proxy sets "
		    "32768 for each CPU, at least 131072. A container cannot change it. 5.15 made the hash four times larger "
		    "and left the maximum as it was." },
	{ "nf_conntrack_count", .read_only = true, .unit = "flows", .text = "flows in the table of this namespace",
	  .detail = "With those that expired but were not collected yet, and those that are not confirmed yet." },
	{ "nf_conntrack_buckets", .global = true, .unit = "buckets",
	  .defaults = { { 0, "by memory, 65536 above 4 GiB" }, { KERNEL(5, 15), "by memory, 262144 above 4 GiB" } },
	  .text = "size of the hash table, shared by all namespaces",
	  .detail = "Eight bytes each. Each flow stands there twice. Also the module parameter hashsize. A change takes all locks "
		    "for a moment." },
	{ "nf_conntrack_expect_max", .global = true, .unit = "expectations", DEFAULT("nf_conntrack_buckets / 64"),
	  .text = "most expectations of helpers" },
	{ "nf_conntrack_acct", .unit = "bool", DEFAULT("0"), .text = "count packets and bytes of flows created from now on",
	  .detail = "Flows that exist already never get counters." },
	{ "nf_conntrack_timestamp", .unit = "bool", DEFAULT("0"), .text = "note start and end of flows created from now on",
	  .detail = "Flows that exist already have no age." },
	{ "nf_conntrack_events", .unit = "0, 1, 2", .defaults = { { 0, "1" }, { KERNEL(5, 19), "2" } },
	  .text = "event messages: 0 none, 1 for all flows, 2 for flows made while somebody listens",
	  .detail = "With 2, a flow that is older than every listener stays silent for ever: no update, no end. A listener in any "
		    "namespace counts.",
	  .below = 1, .below_text = "0: nobody can watch flows: no events are made" },
	{ "nf_conntrack_checksum", .unit = "bool", DEFAULT("1"), .text = "verify checksums of arriving packets",
	  .detail = "A bad one makes the packet INVALID.", .below = 1, .below_text = "0 hides corrupted packets" },
	{ "nf_conntrack_log_invalid", .unit = "protocol", DEFAULT("0"),
	  .text = "log INVALID packets: 0 none, 255 all, else of one protocol",
	  .detail = "Logged only where nf_log.2 or nf_log.10 names a logger.",
	  .above = 0, .above_text = "on: switch it off when the reasons are known" },
	{ "nf_conntrack_helper", .unit = "bool", .gone = KERNEL(6, 0), .defaults = { { 0, "1" }, { KERNEL(4, 7), "0" } },
	  .text = "assign helpers to well-known ports without a rule" },
	{ "nf_conntrack_generic_timeout", SECONDS, DEFAULT("600"), .text = "protocols without a tracker (ESP, OSPF, IPIP ...)" },
	{ "nf_conntrack_icmp_timeout", SECONDS, DEFAULT("30"), .text = "ICMP queries (ping)" },
	{ "nf_conntrack_icmpv6_timeout", SECONDS, DEFAULT("30"), .text = "ICMPv6 queries" },
	{ "nf_conntrack_tcp_timeout_syn_sent", SECONDS, DEFAULT("120"), .text = "TCP: SYN, no answer yet",
	  .detail = "A repeated SYN does not renew it. More than 60 hurts with floods and where addresses are used again." },
	{ "nf_conntrack_tcp_timeout_syn_recv", SECONDS, DEFAULT("60"), .text = "TCP: SYN/ACK seen, handshake incomplete",
	  .detail = "30 helps in a SYN flood." },
	{ "nf_conntrack_tcp_timeout_established", SECONDS, DEFAULT("432000"), .text = "TCP: established, no packet since",
	  .detail = "Five days by default; kube-proxy sets one day. RFC 5382 asks for 7440 at least. When it runs out neither end "
		    "is told.",
	  .below = 7440, .below_text = "below 2 h 4 min (RFC 5382): idle connections are cut, the ends are not told" },
	{ "nf_conntrack_tcp_timeout_fin_wait", SECONDS, DEFAULT("120"), .text = "TCP: first FIN seen" },
	{ "nf_conntrack_tcp_timeout_close_wait", SECONDS, DEFAULT("60"), .text = "TCP: first FIN acknowledged, no second",
	  .above = 600, .above_text = "long: half-closed flows pile up (kube-proxy sets 3600)" },
	{ "nf_conntrack_tcp_timeout_last_ack", SECONDS, DEFAULT("30"), .text = "TCP: both FINs seen" },
	{ "nf_conntrack_tcp_timeout_time_wait", SECONDS, DEFAULT("120"), .text = "TCP: closed by both",
	  .detail = "Such a flow still uses its NAT port: 30 to 60 where ports are scarce." },
	{ "nf_conntrack_tcp_timeout_close", SECONDS, DEFAULT("10"), .text = "TCP: reset" },
	{ "nf_conntrack_tcp_timeout_max_retrans", SECONDS, DEFAULT("300"),
	  .text = "TCP: after tcp_max_retrans repetitions of a packet" },
	{ "nf_conntrack_tcp_timeout_unacknowledged", SECONDS, DEFAULT("300"),
	  .text = "TCP: data not acknowledged, or picked up and not answered",
	  .below = 60, .below_text = "short: slow peers lose their flow" },
	{ "nf_conntrack_tcp_max_retrans", .unit = "packets", DEFAULT("3"), .text = "TCP: repetitions until max_retrans applies" },
	{ "nf_conntrack_tcp_loose", .unit = "bool", DEFAULT("1"), .text = "TCP: pick up connections in the middle",
	  .below = 1, .below_text = "0: after a flush or failover all running connections become INVALID" },
	{ "nf_conntrack_tcp_be_liberal", .unit = "bool", DEFAULT("0"),
	  .text = "TCP: accept packets out of the window, except RST",
	  .detail = "The switch to try when INVALID packets are about windows (ctwatch --invalid)." },
	{ "nf_conntrack_tcp_ignore_invalid_rst", .unit = "bool", .since = KERNEL(5, 14), DEFAULT("0"),
	  .text = "TCP: let RSTs out of the window pass without closing the flow" },
	{ "nf_conntrack_udp_timeout", SECONDS, DEFAULT("30"), .text = "UDP: one way, or younger than two seconds",
	  .detail = "5 to 10 on a DNS server, or notrack." },
	{ "nf_conntrack_udp_timeout_stream", SECONDS, .defaults = { { 0, "180" }, { KERNEL(5, 0), "120" } },
	  .text = "UDP: answered, lasting more than two seconds",
	  .below = 60, .below_text = "less than twice a usual keepalive (WireGuard 25 s, SIP 30 to 60 s)" },
	{ "nf_conntrack_udplite_timeout", SECONDS, DEFAULT("30"), .text = "UDP-Lite: one way (old kernels)" },
	{ "nf_conntrack_udplite_timeout_stream", SECONDS, DEFAULT("180"), .text = "UDP-Lite: answered (old kernels)" },
	{ "nf_conntrack_gre_timeout", SECONDS, DEFAULT("30"), .text = "GRE: one way" },
	{ "nf_conntrack_gre_timeout_stream", SECONDS, DEFAULT("180"), .text = "GRE: answered" },
	{ "nf_conntrack_sctp_timeout_closed", SECONDS, DEFAULT("10"), .text = "SCTP: closed" },
	{ "nf_conntrack_sctp_timeout_cookie_wait", SECONDS, DEFAULT("3"), .text = "SCTP: INIT seen" },
	{ "nf_conntrack_sctp_timeout_cookie_echoed", SECONDS, DEFAULT("3"), .text = "SCTP: COOKIE ECHO seen" },
	{ "nf_conntrack_sctp_timeout_established", SECONDS, .defaults = { { 0, "432000" }, { KERNEL(5, 10), NULL }, { KERNEL(6, 2), "210" } },
	  .text = "SCTP: established" },
	{ "nf_conntrack_sctp_timeout_shutdown_sent", SECONDS, .defaults = { { 0, NULL }, { KERNEL(6, 2), "3" } },
	  .text = "SCTP: SHUTDOWN seen" },
	{ "nf_conntrack_sctp_timeout_shutdown_recd", SECONDS, .defaults = { { 0, NULL }, { KERNEL(6, 2), "3" } },
	  .text = "SCTP: SHUTDOWN seen from the other end" },
	{ "nf_conntrack_sctp_timeout_shutdown_ack_sent", SECONDS, DEFAULT("3"), .text = "SCTP: SHUTDOWN ACK seen" },
	{ "nf_conntrack_sctp_timeout_heartbeat_sent", SECONDS, DEFAULT("30"), .text = "SCTP: heartbeat on a new path" },
	{ "nf_conntrack_sctp_timeout_heartbeat_acked", SECONDS, .gone = KERNEL(6, 1), DEFAULT("210"),
	  .text = "SCTP: heartbeat answered" },
	{ "nf_conntrack_dccp_timeout_request", DCCP, DEFAULT("240"), .text = "DCCP: request seen" },
	{ "nf_conntrack_dccp_timeout_respond", DCCP, DEFAULT("480"), .text = "DCCP: response seen" },
	{ "nf_conntrack_dccp_timeout_partopen", DCCP, DEFAULT("480"), .text = "DCCP: handshake nearly complete" },
	{ "nf_conntrack_dccp_timeout_open", DCCP, DEFAULT("43200"), .text = "DCCP: open" },
	{ "nf_conntrack_dccp_timeout_closereq", DCCP, DEFAULT("64"), .text = "DCCP: server asked to close" },
	{ "nf_conntrack_dccp_timeout_closing", DCCP, DEFAULT("64"), .text = "DCCP: closing" },
	{ "nf_conntrack_dccp_timeout_timewait", DCCP, DEFAULT("240"), .text = "DCCP: closed" },
	{ "nf_conntrack_dccp_loose", .unit = "bool", .gone = KERNEL(6, 18), DEFAULT("1"),
	  .text = "DCCP: pick up connections in the middle" },
	{ "nf_flowtable_tcp_timeout", SECONDS, .since = KERNEL(5, 14), DEFAULT("30"), .text = "offloaded TCP: no packet since" },
	{ "nf_flowtable_udp_timeout", SECONDS, .since = KERNEL(5, 14), DEFAULT("30"), .text = "offloaded UDP: no packet since" },
	{ "nf_conntrack_frag6_timeout", SECONDS, DEFAULT("60"), .text = "IPv6: fragments that wait for the rest" },
	{ "nf_conntrack_frag6_high_thresh", .unit = "bytes", DEFAULT("4194304"),
	  .text = "IPv6: memory for fragments; above it new ones are dropped" },
	{ "nf_conntrack_frag6_low_thresh", .unit = "bytes", DEFAULT("3145728"), .text = "IPv6: memory for fragments at which dropping ended (unused today)" },
	{ "nf_log.2", .unit = "logger", .text = "who logs IPv4 packets (also log_invalid): NONE, nfnetlink_log ..." },
	{ "nf_log.10", .unit = "logger", .text = "who logs IPv6 packets" },
	{ "nf_log_all_netns", .global = true, .unit = "bool", DEFAULT("0"),
	  .text = "let other namespaces write to the kernel log", .detail = "NFLOG does not need it." },
	{ NULL },
};

static bool named(const struct sysctl *sysctl, const char *name, size_t length)
{
	return strlen(sysctl->name) == length && !strncmp(sysctl->name, name, length);
}

const struct sysctl *sysctl_find(const char *name, size_t length)
{
	static const char root[] = "net.netfilter.", prefix[] = "nf_conntrack_";
	char longer[SYSCTL_NAME];
	int size;

	if (length > sizeof(root) - 1 && !strncmp(name, root, sizeof(root) - 1)) {
		name += sizeof(root) - 1;
		length -= sizeof(root) - 1;
	}
	if (length >= sizeof(longer) - sizeof(prefix))
		return NULL;
	size = snprintf(longer, sizeof(longer), "%s%.*s", prefix, (int)length, name);
	for (const struct sysctl *sysctl = sysctls; sysctl->name; sysctl++)
		if (named(sysctl, name, length) || named(sysctl, longer, size))
			return sysctl;
	return NULL;
}

static const char *default_at(const struct sysctl *sysctl, unsigned version)
{
	const char *value = NULL;

	for (unsigned i = 0; i < SYSCTL_DEFAULTS; i++) {
		if (i && !sysctl->defaults[i].since)
			break;
		if (sysctl->defaults[i].since <= version)
			value = sysctl->defaults[i].value;
	}
	return value;
}

const char *sysctl_default(const struct sysctl *sysctl, const struct kernel *kernel)
{
	const char *low = default_at(sysctl, kernel->low), *high = default_at(sysctl, kernel->high);

	return low == high ? high : NULL;
}

/* A value of the kernel is one line. */
static bool read_value(const char *name, char *value)
{
	char path[sizeof(BASE) + SYSCTL_NAME + 1];
	FILE *file;
	bool read;

	/* The dots of nf_log.2 are directories; the other names have none. */
	snprintf(path, sizeof(path), BASE "/%s", name);
	for (char *p = path + sizeof(BASE); *p; p++)
		if (*p == '.')
			*p = '/';
	file = fopen(path, "re");
	if (!file)
		return false;
	read = fgets(value, SYSCTL_VALUE, file);
	fclose(file);
	if (read)
		value[strcspn(value, "\n")] = '\0';
	return read;
}

static int settings_index(const struct settings *settings, const char *name)
{
	for (unsigned i = 0; i < settings->count; i++)
		if (!strcmp(settings->list[i].name, name))
			return i;
	return -1;
}

static void settings_set(struct settings *settings, const char *name, const char *value)
{
	int index = settings_index(settings, name);
	struct setting *setting;

	if (index >= 0) {
		setting = &settings->list[index];
	} else {
		if (settings->count == SYSCTL_MOST)
			return;
		setting = &settings->list[settings->count++];
		snprintf(setting->name, sizeof(setting->name), "%s", name);
		setting->sysctl = sysctl_find(name, strlen(name));
	}
	snprintf(setting->value, sizeof(setting->value), "%s", value);
}

static bool ours(const char *name)
{
	return !strncmp(name, "nf_conntrack_", 13) || !strncmp(name, "nf_flowtable_", 13);
}

/* The table's rows first, then what this kernel has beyond them. */
void settings_read(struct settings *settings)
{
	char value[SYSCTL_VALUE];
	struct dirent *entry;
	DIR *directory;

	settings->count = 0;
	for (const struct sysctl *sysctl = sysctls; sysctl->name; sysctl++)
		if (read_value(sysctl->name, value))
			settings_set(settings, sysctl->name, value);
	directory = opendir(BASE);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (ours(entry->d_name) && strlen(entry->d_name) < SYSCTL_NAME &&
		    settings_index(settings, entry->d_name) < 0 && read_value(entry->d_name, value))
			settings_set(settings, entry->d_name, value);
	closedir(directory);
	settings_sort(settings);
}

bool settings_line(struct settings *settings, const char *line)
{
	char name[SYSCTL_NAME], value[SYSCTL_VALUE];
	int length;

	if (sscanf(line, "net.netfilter.%95[a-z0-9_.] = %63[ -~]%n", name, value, &length) != 2 ||
	    line[length + strspn(line + length, "\r\n")])
		return false;
	if (!sysctl_find(name, strlen(name)) && !ours(name))
		return false;
	settings_set(settings, name, value);
	return true;
}

static int by_table(const void *a, const void *b)
{
	const struct setting *x = a, *y = b;

	if (x->sysctl && y->sysctl)
		return (x->sysctl > y->sysctl) - (x->sysctl < y->sysctl);
	if (x->sysctl || y->sysctl)
		return x->sysctl ? -1 : 1;
	return strcmp(x->name, y->name);
}

void settings_sort(struct settings *settings)
{
	qsort(settings->list, settings->count, sizeof(*settings->list), by_table);
}

bool sysctl_value(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 10);
	return !*end;
}

bool settings_number(const struct settings *settings, const char *name, uint64_t *value)
{
	int index = settings_index(settings, name);

	return index >= 0 && sysctl_value(settings->list[index].value, value);
}

bool sysctl_number(const char *name, uint64_t *value)
{
	char text[SYSCTL_VALUE];

	return read_value(name, text) && sysctl_value(text, value);
}

/* Those that depend on another value. */
static const char *remark_on_others(const struct setting *setting, const struct settings *settings,
				    uint64_t value)
{
	uint64_t other;

	if (!strcmp(setting->name, "nf_conntrack_max") &&
	    settings_number(settings, "nf_conntrack_buckets", &other) && value > 8 * other)
		return "more than 8 times nf_conntrack_buckets: long chains; raise the buckets as well";
	if (!strcmp(setting->name, "nf_conntrack_count") &&
	    settings_number(settings, "nf_conntrack_max", &other) && value * 10 > other * 8)
		return "above 80 % of nf_conntrack_max";
	return NULL;
}

const char *setting_remark(const struct setting *setting, const struct settings *settings)
{
	const struct sysctl *sysctl = setting->sysctl;
	uint64_t value;

	if (!sysctl || !sysctl_value(setting->value, &value))
		return NULL;
	if (sysctl->below_text && value < sysctl->below)
		return sysctl->below_text;
	if (sysctl->above_text && value > sysctl->above)
		return sysctl->above_text;
	return remark_on_others(setting, settings, value);
}

bool setting_changed(const struct setting *setting, const struct kernel *kernel)
{
	const char *usual = setting->sysctl ? sysctl_default(setting->sysctl, kernel) : NULL;
	uint64_t number;

	return usual && sysctl_value(usual, &number) && strcmp(usual, setting->value);
}
