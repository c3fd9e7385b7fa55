/* Lets listeners to conntrack events stand a burst of new flows, and prints what came through, at what cost. */
#include "measure.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink_compat.h>

/*
 * Usage: burst [-n ROUNDS] MAKE CLEAR OUTPUT LABEL COMMAND [LABEL COMMAND]...
 * MAKE is the line for sh -c that makes the flows, CLEAR empties the table again; each command is a line that
 * ought to `exec`, listens, writes a line for each flow to the file OUTPUT, and ends by SIGINT. Two
 * yardsticks come first: they only receive. CPU time is per event that came through; the ratio to the
 * first is taken within a pair of bursts. Medians are printed, with the quarters of the ratios below and
 * above, and of what came through the worst round.
 * In a network namespace without other listeners: what the kernel dropped is read from /proc/net/netlink.
 */
enum { SIZE = 4096 + 320, MANY = 64, BUFFER = 128 << 20 };

struct row {
	const char *label, *command;
	void (*receive)(int fd);
	struct cost costs[ROUNDS];
	double each[ROUNDS], ratios[ROUNDS];	/* CPU time of an event, alone and to the yardstick's */
	unsigned long made, through, dropped;
};

static const char *output;
static unsigned long *received;		/* shared with the yardstick */
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* ---- the yardsticks ---- */

/* The cheapest way: let some gather, take many with one call. */
static void receive_many(int fd)
{
	static uint8_t data[MANY][SIZE];
	struct mmsghdr heads[MANY] = { 0 };
	struct iovec vectors[MANY];
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < MANY; i++) {
		vectors[i] = (struct iovec){ data[i], SIZE };
		heads[i].msg_hdr.msg_iov = &vectors[i];
		heads[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stopped) {
		int n = recvmmsg(fd, heads, MANY, MSG_DONTWAIT, NULL);

		if (n > 0)
			*received += n;
		if (n <= 0)
			poll(&wait, 1, 500);
		else if (n < MANY)
			poll(NULL, 0, 5);
	}
}

/* The simplest way. */
static void receive_each(int fd)
{
	static uint8_t data[SIZE];

	while (!stopped)
		if (recv(fd, data, SIZE, 0) > 0)
			++*received;
}

static void yardstick(void (*receive)(int fd))
{
	struct sigaction action = { .sa_handler = stop };
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	int size = BUFFER;

	sigaction(SIGINT, &action, NULL);
	if (!socket || setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    mnl_socket_bind(socket, NF_NETLINK_CONNTRACK_NEW, MNL_SOCKET_AUTOPID) < 0)
		err(1, "yardstick");
	receive(mnl_socket_get_fd(socket));
	_exit(0);
}

/* ---- the witnesses ---- */

/* The only socket in this namespace that has joined a group; false if there is none. */
static bool listener(unsigned long *waiting, unsigned long *dropped)
{
	FILE *file = fopen("/proc/net/netlink", "r");
	unsigned groups = 0, protocol;
	char line[256];

	if (!file)
		err(1, "/proc/net/netlink");
	while (!groups && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %u %*s %x %lu %*s %*s %*s %lu", &protocol, &groups, waiting, dropped) != 4 ||
		    protocol != NETLINK_NETFILTER)
			groups = 0;
	fclose(file);
	return groups;
}

static unsigned long count_flows(void)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "r");
	unsigned long count;

	if (!file || fscanf(file, "%lu", &count) != 1)
		err(1, "nf_conntrack_count");
	fclose(file);
	return count;
}

/* Lines that tell of a new flow, in JSON or as conntrack -E does. */
static unsigned long count_lines(void)
{
	FILE *file = fopen(output, "r");
	unsigned long count = 0;
	char line[4096];

	if (!file)
		err(1, "%s", output);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "\"type\":\"new\"") || strstr(line, "[NEW]");
	fclose(file);
	return count;
}

static void pause_for(int milliseconds)
{
	poll(NULL, 0, milliseconds);
}

static void shell(const char *command)
{
	if (system(command))
		errx(1, "failed: %s", command);
}

/* ---- a burst ---- */

static pid_t begin(const struct row *row)
{
	unsigned long waiting, dropped;
	pid_t pid;

	*received = 0;
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (row->receive)
			yardstick(row->receive);
		execl("/bin/sh", "sh", "-c", row->command, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; !listener(&waiting, &dropped); i++) {
		if (i == 500)
			errx(1, "does not listen: %s", row->label);
		pause_for(10);
	}
	return pid;
}

static void burst(struct row *row, int round, const char *make, const char *clear)
{
	unsigned long waiting = 1, dropped = 0, made, through;
	double start = now();
	pid_t pid = begin(row);
	bool first = !row->made;

	shell(make);
	made = count_flows();
	while (listener(&waiting, &dropped) && waiting)
		pause_for(20);
	kill(pid, SIGINT);
	if (!measure(pid, start, &row->costs[round]))
		errx(1, "failed: %s", row->label);
	through = row->receive ? *received : count_lines();
	shell(clear);
	row->each[round] = row->costs[round].cpu / (through ? through : 1);
	if (first || through < row->through)
		row->through = through;
	if (first || dropped > row->dropped)
		row->dropped = dropped;
	row->made = made;
}

/* Each behind the yardstick, because machines are faster now and slower then. */
static void run_round(struct row *rows, int count, int round, char **argv)
{
	for (int i = 1; i < count; i++) {
		burst(&rows[0], round, argv[0], argv[1]);
		burst(&rows[i], round, argv[0], argv[1]);
		rows[i].ratios[round] = rows[i].each[round] / rows[0].each[round];
	}
	rows[0].ratios[round] = 1;
}

static void print_row(struct row *row, int rounds)
{
	qsort(row->each, rounds, sizeof(*row->each), by_value);
	qsort(row->ratios, rounds, sizeof(*row->ratios), by_value);
	printf("%-40s %7.2f %6.2f-%-6.2f %8.2f %8lu %8lu %8lu %8.1f\n", row->label, row->ratios[rounds / 2],
	       row->ratios[rounds / 4], row->ratios[rounds - 1 - rounds / 4], row->each[rounds / 2] * 1e6,
	       row->made, row->through, row->dropped, row->costs[0].peak / 1024.0);
}

int main(int argc, char **argv)
{
	static struct row rows[ROWS] = {
		{ .label = "receive, many at once, and throw away", .receive = receive_many },
		{ .label = "receive, one by one, and throw away", .receive = receive_each },
	};
	int option, rounds = 3, count = 2;

	while ((option = getopt(argc, argv, "+n:")) != -1)
		rounds = option == 'n' ? atoi(optarg) : 0;
	argv += optind;
	argc -= optind;
	if (rounds < 1 || rounds > ROUNDS || argc < 3 || argc % 2 == 0 || argc - 3 > 2 * (ROWS - 2))
		errx(2, "usage: burst [-n ROUNDS] MAKE CLEAR OUTPUT LABEL COMMAND ...");
	output = argv[2];
	received = mmap(NULL, sizeof(*received), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (received == MAP_FAILED)
		err(1, "memory");
	for (int i = 3; i < argc; i += 2) {
		rows[count].label = argv[i];
		rows[count++].command = argv[i + 1];
	}
	for (int round = 0; round < rounds; round++)
		run_round(rows, count, round, argv);
	printf("%-40s %7s %13s %8s %8s %8s %8s %8s\n", "", "ratio", "quarters ", "us each", "made",
	       "through", "dropped", "peak MiB");
	for (int i = 0; i < count; i++)
		print_row(&rows[i], rounds);
	return 0;
}
