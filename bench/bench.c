/* Runs commands in turn with a yardstick and prints their cost as ratios to it. */
#include "measure.h"

#include <libmnl/libmnl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/*
 * Usage: bench [-n ROUNDS] [-b] LABEL COMMAND [LABEL COMMAND]...
 * Each command is a line for sh -c, which ought to `exec`. In every round the yardstick runs right before
 * each command, because machines are faster now and slower then; the ratio of CPU time is taken within
 * the pair, and the median of the rounds is printed, with the quarters of them that are below and above.
 * The yardstick dumps the whole conntrack table into a buffer and throws it away. With -b the first
 * command is the yardstick instead, and wall time counts.
 */
struct row {
	const char *label, *command;
	struct cost costs[ROUNDS];
	double ratios[ROUNDS];
};

/* Receives a dump and looks at nothing but its end. */
static void receive(void)
{
	static uint8_t buffer[128 * 1024];
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfgen;
	ssize_t length;

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfgen = mnl_nlmsg_put_extra_header(message, sizeof(*nfgen));
	memset(nfgen, 0, sizeof(*nfgen));
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		err(1, "yardstick");
	do {
		length = recv(mnl_socket_get_fd(socket), buffer, sizeof(buffer), 0);
		if (length < 0)
			err(1, "yardstick");
	} while (((struct nlmsghdr *)buffer)->nlmsg_type != NLMSG_DONE);
}

static struct cost run(const char *command)
{
	double start = now();
	struct cost cost;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (!command) {
			receive();
			_exit(0);
		}
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (!measure(pid, start, &cost))
		errx(1, "failed: %s", command ? command : "yardstick");
	return cost;
}

static double own(const struct cost *cost, bool wall)
{
	return wall ? cost->wall : cost->cpu;
}

/* The first row is the yardstick. */
static void run_round(struct row *rows, int count, int round, bool wall)
{
	for (int i = 1; i < count; i++) {
		rows[0].costs[round] = run(rows[0].command);
		rows[i].costs[round] = run(rows[i].command);
		rows[i].ratios[round] = own(&rows[i].costs[round], wall) / own(&rows[0].costs[round], wall);
	}
	rows[0].ratios[round] = 1;
}

static void print_row(struct row *row, int rounds, bool wall)
{
	double values[ROUNDS];

	for (int i = 0; i < rounds; i++)
		values[i] = own(&row->costs[i], wall);
	qsort(values, rounds, sizeof(*values), by_value);
	qsort(row->ratios, rounds, sizeof(*row->ratios), by_value);
	printf("%-40s %7.2f %6.2f-%-6.2f %9.4f %9.1f\n", row->label, row->ratios[rounds / 2],
	       row->ratios[rounds / 4], row->ratios[rounds - 1 - rounds / 4], values[rounds / 2],
	       row->costs[0].peak / 1024.0);
}

int main(int argc, char **argv)
{
	static struct row rows[ROWS];
	int option, rounds = 5, count = 0;
	bool wall = false;

	while ((option = getopt(argc, argv, "+n:b")) != -1) {
		if (option == 'n')
			rounds = atoi(optarg);
		else if (option == 'b')
			wall = true;
		else
			errx(2, "usage: bench [-n ROUNDS] [-b] LABEL COMMAND ...");
	}
	if (rounds < 1 || rounds > ROUNDS || (argc - optind) % 2 || argc - optind > 2 * (ROWS - 1))
		errx(2, "usage: bench [-n ROUNDS] [-b] LABEL COMMAND ...");
	if (!wall)
		rows[count++].label = "receive the dump and throw it away";
	for (int i = optind; i < argc; i += 2) {
		rows[count].label = argv[i];
		rows[count++].command = argv[i + 1];
	}
	run(rows[0].command);
	for (int round = 0; round < rounds; round++)
		run_round(rows, count, round, wall);
	printf("%-40s %7s %13s %9s %9s\n", "", "ratio", "quarters ", wall ? "wall s" : "cpu s", "peak MiB");
	for (int i = 0; i < count; i++)
		print_row(&rows[i], rounds, wall);
	return 0;
}
