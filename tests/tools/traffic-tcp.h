/* The TCP part of traffic.c: a server that misbehaves in chosen ways, and many clients at once. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { SERVER_MAX = 1000 };

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The caller waits for this line before it sends anything. */
static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int listen_on(const struct address *at, int type)
{
	int fd = socket(at->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		err(2, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	room_to_send(fd);
	if (bind(fd, &at->any, at->len) < 0 || (type == SOCK_STREAM && listen(fd, SERVER_MAX) < 0))
		err(2, "bind");
	return fd;
}

static void close_reset(int fd)
{
	struct linger linger = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* A socket under repair vanishes without a word to the other end. */
static void close_silently(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		warn("TCP_REPAIR");
	close(fd);
}

static void close_as_asked(int fd)
{
	if (opt.closing == CLOSE_RST)
		close_reset(fd);
	else if (opt.closing == CLOSE_NONE)
		close_silently(fd);
	else
		close(fd);
}

static int server_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && opt.half_close)
		shutdown(fd, SHUT_WR);
	return fd;
}

/* False when the connection is over. */
static bool server_answer(int fd)
{
	char buf[4096];
	ssize_t len = read(fd, buf, sizeof(buf));

	if (len > 0 && opt.reset) {
		close_reset(fd);
		return false;
	}
	if (len > 0 && !opt.silent && !opt.half_close)
		len = write(fd, buf, len);
	if (len > 0 || (len < 0 && errno == EAGAIN))
		return true;
	close(fd);
	return false;
}

static int serve_tcp(const struct address *at)
{
	struct pollfd fds[SERVER_MAX] = { { .fd = listen_on(at, SOCK_STREAM), .events = POLLIN } };
	double end = now() + opt.seconds;
	int n = 1, fd;

	say_ready();
	while (!stopped && now() < end) {
		if (opt.never_accept) {
			poll(NULL, 0, 100);
			continue;
		}
		if (poll(fds, n, 100) <= 0)
			continue;
		for (int i = n - 1; i > 0; i--)
			if (fds[i].revents && !server_answer(fds[i].fd))
				fds[i] = fds[--n];
		if (fds[0].revents && n < SERVER_MAX) {
			fd = server_accept(fds[0].fd);
			if (fd >= 0)
				fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
	return 0;
}

/* ---- clients ---- */

enum phase { CONNECTING, OPEN, CLOSING, OVER };

struct client {
	int fd;
	enum phase phase;
	bool ended;		/* the other end has said FIN or RST */
	double since;		/* begin of the phase */
};

static struct { unsigned connected, refused, unanswered, failed; } outcome;

static void client_start(struct client *c, const struct address *to)
{
	*c = (struct client){ .fd = socket_open(to, SOCK_STREAM | SOCK_NONBLOCK, 0), .since = now() };
	if (connect(c->fd, &to->any, to->len) < 0 && errno != EINPROGRESS)
		warn("connect");
}

static void client_enter(struct client *c, enum phase phase)
{
	c->phase = phase;
	c->since = now();
}

static void client_connect(struct client *c, bool ready)
{
	static const char payload[65536];
	size_t bytes = opt.bytes < sizeof(payload) ? opt.bytes : sizeof(payload);
	int error = 0;
	socklen_t len = sizeof(error);

	if (ready)
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (ready && !error) {
		outcome.connected++;
		client_enter(c, OPEN);
		if (bytes && write(c->fd, payload, bytes) < 0)
			warn("write");
	} else if (ready || (now() - c->since) * 1000 > opt.timeout) {
		(*(!ready ? &outcome.unanswered : error == ECONNREFUSED ? &outcome.refused : &outcome.failed))++;
		close(c->fd);
		c->phase = OVER;
	}
}

static void client_drain(struct client *c)
{
	char buf[4096];
	ssize_t len;

	while ((len = read(c->fd, buf, sizeof(buf))) > 0)
		;
	if (len == 0 || errno != EAGAIN)
		c->ended = true;
}

/* An end that is closed before it has read everything says RST, so FIN waits for the other's FIN. */
static void client_step(struct client *c, bool ready)
{
	bool due = (now() - c->since) * 1000 >= (c->phase == CLOSING ? 1000 : opt.hold);

	if (c->phase == CONNECTING) {
		client_connect(c, ready);
		return;
	}
	if (ready)
		client_drain(c);
	if (c->phase == OPEN && due && opt.closing == CLOSE_FIN) {
		shutdown(c->fd, SHUT_WR);
		client_enter(c, CLOSING);
	} else if ((c->phase == OPEN && due) || (c->phase == CLOSING && (due || c->ended))) {
		close_as_asked(c->fd);
		c->phase = OVER;
	}
}

static unsigned clients_step(struct client *clients, struct pollfd *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){ clients[i].ended ? -1 : clients[i].fd,
			clients[i].phase == CONNECTING ? POLLOUT : POLLIN, 0 };
	poll(fds, n, 1);
	for (unsigned i = n; i-- > 0;) {
		client_step(&clients[i], fds[i].revents);
		if (clients[i].phase == OVER)
			clients[i] = clients[--n];
	}
	return n;
}

static int run_connect(const struct address *to)
{
	struct client *clients = calloc(opt.count, sizeof(*clients));
	struct pollfd *fds = calloc(opt.count, sizeof(*fds));
	double start = now();
	unsigned n = 0, started = 0;

	if (!clients || !fds)
		err(2, NULL);
	while (!stopped && (started < opt.count || n)) {
		while (started < opt.count && (!opt.rate || now() >= start + (double)started / opt.rate)) {
			client_start(&clients[n++], to);
			started++;
		}
		n = clients_step(clients, fds, n);
	}
	printf("connected=%u refused=%u unanswered=%u failed=%u\n", outcome.connected, outcome.refused,
	       outcome.unanswered, outcome.failed);
	free(clients);
	free(fds);
	return 0;
}
