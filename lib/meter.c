/* Reads the counters from the kernel: ctnetlink with CAP_NET_ADMIN, else /proc. */
#include "stats.h"

#include "asker.h"
#include "proctable.h"
#include "sysctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { BUFFER = 64 * 1024 };

struct meter {
	const struct asker *asker;
	bool netlink;			/* else /proc */
	struct kernel kernel;
	struct proctable table;
	char *buffer;
};

static int take_global(const struct nlattr *attribute, void *data)
{
	struct stats *stats = data;

	if (mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return MNL_CB_OK;
	switch (mnl_attr_get_type(attribute)) {
	case CTA_STATS_GLOBAL_ENTRIES:
		stats->entries = ntohl(mnl_attr_get_u32(attribute));
		stats->has |= STATS_ENTRIES;
		break;
	case CTA_STATS_GLOBAL_MAX_ENTRIES:
		stats->max = ntohl(mnl_attr_get_u32(attribute));
		stats->has |= STATS_MAX;
		break;
	}
	return MNL_CB_OK;
}

static int counter_of(bool expect, uint16_t type)
{
	for (int i = 0; i < COUNTERS; i++)
		if (counters[i].expect == expect && counters[i].attribute == type)
			return i;
	return -1;
}

struct taking {
	struct stats *stats;
	struct cpu *cpu;
	bool expect;
};

static int take_counter(const struct nlattr *attribute, void *data)
{
	const struct taking *taking = data;
	int i = counter_of(taking->expect, mnl_attr_get_type(attribute));

	if (i < 0 || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return MNL_CB_OK;
	taking->cpu->count[i] = ntohl(mnl_attr_get_u32(attribute));
	taking->stats->counters |= UINT64_C(1) << i;
	return MNL_CB_OK;
}

/* The number of the CPU stands in res_id, big endian. */
bool statistics_decode(struct stats *stats, const struct nlmsghdr *message, enum statistics what)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct taking taking = { .stats = stats, .expect = what == STATISTICS_EXPECT_CPU };

	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*nfgen)))
		return true;
	if (what == STATISTICS_GLOBAL)
		return mnl_attr_parse(message, sizeof(*nfgen), take_global, stats) >= MNL_CB_STOP;
	if (ntohs(nfgen->res_id) >= CPUS)
		return true;
	taking.cpu = stats_cpu(stats, ntohs(nfgen->res_id));
	return taking.cpu && mnl_attr_parse(message, sizeof(*nfgen), take_counter, &taking) >= MNL_CB_STOP;
}

struct asking {
	struct stats *stats;
	enum statistics what;
};

static int take(const struct nlmsghdr *message, void *data)
{
	const struct asking *asking = data;

	return statistics_decode(asking->stats, message, asking->what) ? MNL_CB_OK : MNL_CB_ERROR;
}

/* mnl_cb_run() stops at DONE and at an ACK, whichever ends this answer. */
static int ask(const struct meter *meter, struct stats *stats, enum statistics what)
{
	struct question question = { .what = ASK_STATISTICS, .statistics = what };
	struct asking asking = { stats, what };
	int fd = asker_ask(meter->asker, &question), result = MNL_CB_OK;

	if (fd < 0)
		return -1;
	while (result > MNL_CB_STOP) {
		struct sockaddr_nl sender = { 0 };
		socklen_t length = sizeof(sender);
		ssize_t n = recvfrom(fd, meter->buffer, BUFFER, 0, (struct sockaddr *)&sender, &length);

		if ((n < 0 && errno == EINTR) || (n >= 0 && sender.nl_pid))	/* the kernel is 0 */
			continue;
		result = n < 0 ? -1 : mnl_cb_run(meter->buffer, n, 0, 0, take, &asking);
	}
	close(fd);
	return result;
}

/* Of all namespaces; root only, and not with every allocator. */
static void read_slab(struct stats *stats)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	unsigned long long objects, size, per_slab, pages, slabs;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "nf_conntrack %llu %*u %llu %llu %llu : tunables %*u %*u %*u : slabdata %*u %llu",
			   &objects, &size, &per_slab, &pages, &slabs) == 5) {
			stats->objects = objects;
			stats->object_bytes = slabs * pages * sysconf(_SC_PAGESIZE);
			stats->has |= STATS_OBJECTS;
		}
	if (file)
		fclose(file);
}

static void read_sysctls(struct stats *stats)
{
	uint64_t value;

	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		if (gauge->sysctl && !(stats->has & gauge->has) && sysctl_number(gauge->sysctl, &value))
			gauge_set(gauge, stats, value);
}

static int read_proc(struct meter *meter, struct stats *stats)
{
	FILE *file = fopen("/proc/net/stat/nf_conntrack", "re");
	char line[2048];
	bool good;

	/* A kernel without CONFIG_NF_CONNTRACK_PROCFS: the sysctls are left. */
	if (!file)
		return 0;
	good = fgets(line, sizeof(line), file) && proctable_head(&meter->table, line);
	while (good && fgets(line, sizeof(line), file))
		good = proctable_row(&meter->table, line);
	good = good && proctable_finish(&meter->table, stats);
	fclose(file);
	if (good)
		return 0;
	errno = EBADMSG;
	return -1;
}

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int meter_read(struct meter *meter, struct stats *stats)
{
	int result;

	stats_clear(stats);
	stats->kernel = meter->kernel;
	stats->time = nanoseconds(CLOCK_REALTIME);
	stats->clock = nanoseconds(CLOCK_MONOTONIC);
	if (meter->netlink) {
		result = ask(meter, stats, STATISTICS_GLOBAL);
		if (result >= 0)
			result = ask(meter, stats, STATISTICS_CPU);
		if (result >= 0)
			result = ask(meter, stats, STATISTICS_EXPECT_CPU);
	} else {
		result = read_proc(meter, stats);
	}
	read_sysctls(stats);
	read_slab(stats);
	stats_finish(stats);
	return result < 0 ? -1 : 0;
}

/* The kernel is asked once: it says whether it would answer us. */
static bool answers(const struct meter *meter)
{
	struct stats stats;

	stats_init(&stats);
	return ask(meter, &stats, STATISTICS_GLOBAL) >= 0;
}

struct meter *meter_open(const struct asker *asker, const struct kernel *kernel)
{
	struct meter *meter;

	/* Looking must not load the modules. */
	if (access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) < 0) {
		errno = ENOENT;
		return NULL;
	}
	meter = calloc(1, sizeof(*meter));
	if (!meter)
		return NULL;
	meter->asker = asker;
	meter->kernel = *kernel;
	meter->buffer = malloc(BUFFER);
	if (!meter->buffer) {
		meter_close(meter);
		return NULL;
	}
	meter->netlink = answers(meter);
	return meter;
}

void meter_close(struct meter *meter)
{
	if (!meter)
		return;
	proctable_release(&meter->table);
	free(meter->buffer);
	free(meter);
}

bool meter_netlink(const struct meter *meter)
{
	return meter->netlink;
}
