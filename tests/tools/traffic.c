/* Sends and answers real packets, so that there is something to track. */

#include <getopt.h>
#include <stddef.h>

#include "traffic.h"
#include "traffic-tcp.h"
#include "traffic-ftp.h"
#include "traffic-raw.h"

static int serve_udp(const struct address *at)
{
	struct pollfd fd = { listen_on(at, SOCK_DGRAM), POLLIN, 0 };
	double end = now() + opt.seconds;
	struct address from;
	char buf[2048];
	ssize_t len;

	say_ready();
	while (!stopped && now() < end) {
		if (poll(&fd, 1, 100) <= 0)
			continue;
		from.len = sizeof(from.v6);
		len = recvfrom(fd.fd, buf, sizeof(buf), 0, &from.any, &from.len);
		if (len >= 0 && !opt.silent)
			sendto(fd.fd, buf, len, 0, &from.any, from.len);
	}
	return 0;
}

static int run_serve(const struct address *at)
{
	return opt.udp ? serve_udp(at) : serve_tcp(at);
}

static bool answered(int fd)
{
	struct pollfd wait = { fd, POLLIN, 0 };
	char buf[2048];

	return poll(&wait, 1, opt.timeout) > 0 && recv(fd, buf, sizeof(buf), 0) >= 0;
}

/* One flow. With --hold it speaks again after that time, which makes conntrack call it a stream. */
static bool udp_flow(const struct address *to)
{
	static const char payload[2048];
	size_t bytes = opt.bytes < sizeof(payload) ? opt.bytes : sizeof(payload);
	int fd = socket_open(to, SOCK_DGRAM, 0);
	bool ok;

	if (connect(fd, &to->any, to->len) < 0)
		err(2, "udp");
	ok = send(fd, payload, bytes, 0) >= 0 && (!opt.expect_reply || answered(fd));
	if (opt.hold) {
		wait_until(now() + opt.hold / 1000.0);
		ok = send(fd, payload, bytes, 0) >= 0 && (!opt.expect_reply || answered(fd)) && ok;
	}
	close(fd);
	return ok;
}

static int run_udp(const struct address *to)
{
	double start = now();
	unsigned ok = 0;

	for (unsigned i = 0; i < opt.count && !stopped; i++) {
		if (opt.rate)
			wait_until(start + (double)i / opt.rate);
		ok += udp_flow(to);
	}
	printf("sent=%u %s=%u\n", opt.count, opt.expect_reply ? "answered" : "ok", ok);
	return ok == opt.count ? 0 : 1;
}

/* An echo request from a raw socket; the answer is the first packet that says it is one of ours. */
static bool ping_once(int fd, const struct address *to, unsigned n)
{
	bool six = to->any.sa_family == AF_INET6;
	struct packet p = icmp_packet(to, to, six ? ICMP6_ECHO_REQUEST : ICMP_ECHO, n);
	double end = now() + opt.timeout / 1000.0;
	struct address plain = *to;
	uint8_t buf[512], *icmp = buf;
	struct pollfd wait = { fd, POLLIN, 0 };

	plain.v4.sin_port = 0;
	if (sendto(fd, p.data, p.len, 0, &plain.any, plain.len) < 0)
		err(2, "ping");
	while (now() < end) {
		if (poll(&wait, 1, 50) <= 0 || recv(fd, buf, sizeof(buf), 0) < 8)
			continue;
		if (!six)
			icmp = buf + (buf[0] & 15) * 4;
		if (icmp[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && !memcmp(icmp + 4, p.data + 4, 4))
			return true;
	}
	return false;
}

static int run_ping(const struct address *to)
{
	int fd = socket_open(to, SOCK_RAW, to->any.sa_family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	double start = now();
	unsigned ok = 0;

	for (unsigned i = 0; i < opt.count && !stopped; i++) {
		if (opt.rate)
			wait_until(start + (double)i / opt.rate);
		ok += ping_once(fd, to, i + 1);
	}
	printf("sent=%u answered=%u\n", opt.count, ok);
	return ok == opt.count ? 0 : 1;
}

static const struct job {
	const char *name;
	int (*run)(const struct address *);
} jobs[] = {
	{ "serve", run_serve }, { "connect", run_connect }, { "udp", run_udp }, { "ping", run_ping },
	{ "ftp-server", run_ftp_server }, { "ftp-client", run_ftp_client },
};

static const char usage[] =
"Usage: traffic serve ADDR PORT [--udp] [--half-close|--reset|--silent|--never-accept] [--seconds N]\n"
"       traffic connect ADDR PORT [--count N] [--rate N] [--hold MS] [--bytes N] [--timeout MS]\n"
"               [--close fin|rst|none] [--source ADDR]\n"
"       traffic udp ADDR PORT [--count N] [--rate N] [--hold MS] [--bytes N] [--expect-reply] [--source ADDR]\n"
"       traffic ping ADDR [--count N] [--rate N] [--source ADDR]\n"
"       traffic ftp-server ADDR PORT [--seconds N] [--hold MS]\n"
"       traffic ftp-client ADDR PORT [--active] [--no-data] [--hold MS]\n"
"       traffic invalid KIND SRC SPORT DST DPORT [--count N]\n"
"       traffic invalid list\n"
"Servers say `ready` when they are, echo what they get, and end after 30 seconds or with SIGTERM.\n"
"--half-close: FIN at once, then read on. --reset: RST after the first data. --silent: no answer.\n"
"--close none: the client vanishes without a word (needs CAP_NET_ADMIN). --no-data: the data flow\n"
"that was announced never comes. Each UDP packet is a flow; --hold sends it again after that time.\n"
"invalid sends packets that conntrack judges INVALID; `list` prints kind, family and the reason\n"
"that the kernel logs. tcp-seq, tcp-ack, tcp-old and tcp-oldrst need a server that echoes.\n"
"Exit status: 0 done (connect: whatever the outcome), 1 an answer is missing, 2 trouble.\n";

enum { UDP = 256, TCP, HALF_CLOSE, RESET, SILENT, NEVER_ACCEPT, EXPECT_REPLY, ACTIVE, NO_DATA, CLOSE };

static const struct option longs[] = {
	{ "udp", 0, NULL, UDP }, { "tcp", 0, NULL, TCP }, { "half-close", 0, NULL, HALF_CLOSE },
	{ "reset", 0, NULL, RESET }, { "silent", 0, NULL, SILENT }, { "never-accept", 0, NULL, NEVER_ACCEPT },
	{ "expect-reply", 0, NULL, EXPECT_REPLY }, { "active", 0, NULL, ACTIVE }, { "no-data", 0, NULL, NO_DATA },
	{ "close", 1, NULL, CLOSE }, { "seconds", 1, NULL, 's' }, { "count", 1, NULL, 'c' },
	{ "rate", 1, NULL, 'r' }, { "hold", 1, NULL, 'H' }, { "bytes", 1, NULL, 'b' }, { "timeout", 1, NULL, 't' },
	{ "source", 1, NULL, 'S' }, { "help", 0, NULL, 'h' }, { NULL } };

static unsigned number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > 100000000)
		errx(2, "%s: not a number", text);
	return value;
}

static enum closing closing(const char *word)
{
	static const char *const words[] = { "fin", "rst", "none" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(words[i], word))
			return i;
	errx(2, "%s: not fin, rst or none", word);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case UDP: opt.udp = true; break;
		case TCP: opt.udp = false; break;
		case HALF_CLOSE: opt.half_close = true; break;
		case RESET: opt.reset = true; break;
		case SILENT: opt.silent = true; break;
		case NEVER_ACCEPT: opt.never_accept = true; break;
		case EXPECT_REPLY: opt.expect_reply = true; break;
		case ACTIVE: opt.active = true; break;
		case NO_DATA: opt.no_data = true; break;
		case CLOSE: opt.closing = closing(optarg); break;
		case 's': opt.seconds = number(optarg); break;
		case 'c': opt.count = number(optarg); break;
		case 'r': opt.rate = number(optarg); break;
		case 'H': opt.hold = number(optarg); break;
		case 'b': opt.bytes = number(optarg); break;
		case 't': opt.timeout = number(optarg); break;
		case 'S': opt.source = optarg; break;
		case 'h': fputs(usage, stdout); exit(0);
		default: exit(2);
		}
	}
}

static int invalid(int argc, char **argv)
{
	struct address src, dst;

	if (argc == 1 && !strcmp(argv[0], "list")) {
		list_kinds();
		return 0;
	}
	if (argc != 5)
		errx(2, "invalid: KIND SRC SPORT DST DPORT");
	src = address_parse(argv[1], argv[2]);
	dst = address_parse(argv[3], argv[4]);
	return run_invalid(argv[0], &src, &dst);
}

int main(int argc, char **argv)
{
	struct address at;

	parse(argc, argv);
	argc -= optind;
	argv += optind;
	catch_signals();
	if (argc >= 2 && !strcmp(argv[0], "invalid"))
		return invalid(argc - 1, argv + 1);
	if (argc < 2 || argc > 3)
		errx(2, "try 'traffic --help'");
	at = address_parse(argv[1], argc > 2 ? argv[2] : "0");
	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
		if (!strcmp(jobs[i].name, argv[0]))
			return jobs[i].run(&at);
	errx(2, "%s: not something to do", argv[0]);
}
