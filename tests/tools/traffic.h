/* What the parts of traffic.c share: options, addresses, time. */

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum closing { CLOSE_FIN, CLOSE_RST, CLOSE_NONE };

static struct {
	bool udp, half_close, reset, silent, never_accept, expect_reply, active, no_data;
	double seconds;
	unsigned count, rate, hold, bytes, timeout;
	enum closing closing;
	const char *source;
} opt = { .seconds = 30, .count = 1, .timeout = 1000, .bytes = 32 };

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

static struct address address_parse(const char *text, const char *port)
{
	struct address a = { .len = 0 };
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	if (!*port || *end || number > 65535)
		errx(2, "%s: not a port", port);
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.any.sa_family = AF_INET;
		a.v4.sin_port = htons(number);
		a.len = sizeof(a.v4);
	} else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
		a.any.sa_family = AF_INET6;
		a.v6.sin6_port = htons(number);
		a.len = sizeof(a.v6);
	} else {
		errx(2, "%s: not an address", text);
	}
	return a;
}

static const void *address_bytes(const struct address *a)
{
	return a->any.sa_family == AF_INET ? (const void *)&a->v4.sin_addr : &a->v6.sin6_addr;
}

static size_t address_size(const struct address *a)
{
	return a->any.sa_family == AF_INET ? 4 : 16;
}

/* So that one write takes all of a payload, however small a kernel begins. Who accepts inherits it. */
static void room_to_send(int fd)
{
	int room = 4 * 65536;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

/* A socket bound to --source, or to nothing. */
static int socket_open(const struct address *to, int type, int protocol)
{
	int fd = socket(to->any.sa_family, type | SOCK_CLOEXEC, protocol);
	struct address from;

	if (fd < 0)
		err(2, "socket");
	room_to_send(fd);
	if (!opt.source)
		return fd;
	from = address_parse(opt.source, "0");
	if (bind(fd, &from.any, from.len) < 0)
		err(2, "%s", opt.source);
	return fd;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double left = when - now();
	struct timespec t = { left, (left - (time_t)left) * 1e9 };

	if (left > 0)
		nanosleep(&t, NULL);
}
