/* The FTP part of traffic.c: just enough of both ends for the kernel's helper to expect a data flow. */

struct ftp { FILE *in, *out; int fd; };

static struct ftp ftp_open(int fd)
{
	struct ftp f = { fdopen(fd, "r"), fdopen(dup(fd), "w"), fd };

	if (!f.in || !f.out)
		err(2, "ftp");
	setvbuf(f.out, NULL, _IOFBF, 1024);
	return f;
}

static void ftp_close(struct ftp *f)
{
	fclose(f->in);
	fclose(f->out);
}

static void ftp_read(struct ftp *f, char *line, size_t size)
{
	if (!fgets(line, size, f->in))
		errx(2, "ftp: the other end has gone");
}

/* One line is one packet: the helper does not put lines together. */
static void ftp_say(struct ftp *f, const char *line)
{
	fprintf(f->out, "%s\r\n", line);
	fflush(f->out);
}

static void ftp_ask(struct ftp *f, const char *line, char *answer, size_t size)
{
	ftp_say(f, line);
	ftp_read(f, answer, size);
}

/* How PORT and 227 write an address: h1,h2,h3,h4,p1,p2. EPRT and 229 write it as text. */
static void ftp_address(const struct address *a, bool reply, char *out, size_t size)
{
	const uint8_t *b = address_bytes(a);
	unsigned port = ntohs(a->v4.sin_port);
	char text[INET6_ADDRSTRLEN];

	if (a->any.sa_family == AF_INET)
		snprintf(out, size, reply ? "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u)" : "PORT %u,%u,%u,%u,%u,%u",
			 b[0], b[1], b[2], b[3], port >> 8, port & 255);
	else if (reply)
		snprintf(out, size, "229 Entering Extended Passive Mode (|||%u|)", port);
	else
		snprintf(out, size, "EPRT |2|%s|%u|", inet_ntop(AF_INET6, b, text, sizeof(text)), port);
}

/* Finds the address in a line of ftp_address(); what 229 leaves out is kept from *a. */
static void ftp_find_address(const char *line, struct address *a)
{
	unsigned h[6];
	char text[INET6_ADDRSTRLEN];

	if (sscanf(line, "PORT %u,%u,%u,%u,%u,%u", &h[0], &h[1], &h[2], &h[3], &h[4], &h[5]) == 6 ||
	    sscanf(line, "227 %*[^(](%u,%u,%u,%u,%u,%u)", &h[0], &h[1], &h[2], &h[3], &h[4], &h[5]) == 6) {
		a->v4.sin_addr.s_addr = htonl(h[0] << 24 | h[1] << 16 | h[2] << 8 | h[3]);
		a->v4.sin_port = htons(h[4] << 8 | h[5]);
	} else if (sscanf(line, "EPRT |2|%45[^|]|%u|", text, &h[0]) == 2) {
		inet_pton(AF_INET6, text, &a->v6.sin6_addr);
		a->v6.sin6_port = htons(h[0]);
	} else if (sscanf(line, "229 %*[^(](|||%u|)", &h[0]) == 1) {
		a->v6.sin6_port = htons(h[0]);
	} else {
		errx(2, "ftp: not understood: %s", line);
	}
}

/* A listening socket for the data, at the control connection's own address and any port. */
static int ftp_listen(struct ftp *f, struct address *at)
{
	int fd;

	at->len = sizeof(at->v6);
	getsockname(f->fd, &at->any, &at->len);
	at->v4.sin_port = 0;
	fd = listen_on(at, SOCK_STREAM);
	getsockname(fd, &at->any, &at->len);
	return fd;
}

static void ftp_transfer(int fd)
{
	char buf[64];

	if (fd < 0 || write(fd, "data", 4) != 4 || read(fd, buf, sizeof(buf)) <= 0)
		errx(2, "ftp: no data connection");
	wait_until(now() + opt.hold / 1000.0);
	close(fd);
}

static int ftp_dial(const struct address *to)
{
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, &to->any, to->len) < 0)
		err(2, "ftp: data connection");
	return fd;
}

static int ftp_answer_call(int listener)
{
	struct pollfd poll_for = { listener, POLLIN, 0 };
	int fd = -1;

	if (poll(&poll_for, 1, opt.timeout) > 0)
		fd = accept(listener, NULL, NULL);
	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

static void ftp_converse(struct ftp *f)
{
	char line[256], reply[256];
	struct address data = { .len = sizeof(data.v6) };
	int listener = -1;

	ftp_say(f, "220 ready");
	while (fgets(line, sizeof(line), f->in) && strncmp(line, "QUIT", 4)) {
		if (!strncmp(line, "PORT", 4) || !strncmp(line, "EPRT", 4)) {
			getpeername(f->fd, &data.any, &data.len);
			ftp_find_address(line, &data);
			ftp_say(f, "200 ok");
		} else if (!strncmp(line, "PASV", 4) || !strncmp(line, "EPSV", 4)) {
			listener = ftp_listen(f, &data);
			ftp_address(&data, true, reply, sizeof(reply));
			ftp_say(f, reply);
		} else if (!strncmp(line, "RETR", 4)) {
			ftp_say(f, "150 here it comes");
			ftp_transfer(listener < 0 ? ftp_dial(&data) : ftp_answer_call(listener));
			ftp_say(f, "226 done");
		} else {
			ftp_say(f, "230 welcome");
		}
	}
	ftp_say(f, "221 bye");
	if (listener >= 0)
		close(listener);
}

static int run_ftp_server(const struct address *at)
{
	struct pollfd listener = { listen_on(at, SOCK_STREAM), POLLIN, 0 };
	double end = now() + opt.seconds;
	struct ftp f;

	say_ready();
	while (!stopped && now() < end) {
		if (poll(&listener, 1, 100) <= 0)
			continue;
		f = ftp_open(accept(listener.fd, NULL, NULL));
		ftp_converse(&f);
		ftp_close(&f);
	}
	return 0;
}

/* Passive unless --active. With --no-data what was announced is never used: it stays expected. */
static int run_ftp_client(const struct address *to)
{
	struct address data = *to;
	struct ftp f;
	char line[256], answer[256];
	int fd = socket_open(to, SOCK_STREAM, 0), listener = -1;
	bool six = to->any.sa_family == AF_INET6;

	if (connect(fd, &to->any, to->len) < 0)
		err(2, "ftp: control connection");
	f = ftp_open(fd);
	ftp_read(&f, answer, sizeof(answer));
	ftp_ask(&f, "USER anonymous", answer, sizeof(answer));
	if (opt.active) {
		listener = ftp_listen(&f, &data);
		ftp_address(&data, false, line, sizeof(line));
		ftp_ask(&f, line, answer, sizeof(answer));
	} else {
		ftp_ask(&f, six ? "EPSV" : "PASV", answer, sizeof(answer));
		ftp_find_address(answer, &data);
	}
	if (opt.no_data) {
		wait_until(now() + opt.hold / 1000.0);
	} else {
		ftp_say(&f, "RETR file");
		ftp_transfer(opt.active ? ftp_answer_call(listener) : ftp_dial(&data));
		ftp_read(&f, answer, sizeof(answer));
		ftp_read(&f, answer, sizeof(answer));
	}
	ftp_ask(&f, "QUIT", answer, sizeof(answer));
	ftp_close(&f);
	puts("ftp done");
	return 0;
}
