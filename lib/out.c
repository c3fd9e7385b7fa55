/* The output buffer and the fast writers of numbers and addresses. */
#include "out.h"

#include "memory.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 128 * 1024 };

static const char pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";
static const char digits[] = "0123456789abcdef";

void out_init(struct out *out, int fd)
{
	size_t size = fd < 0 ? 4096 : SIZE;

	out->buf = malloc(size);
	if (!out->buf)
		memory_exhausted();
	out->at = out->buf;
	out->end = out->buf + size;
	out->fd = fd;
	out->error = 0;
	out->hold = false;
	out->stop = NULL;
}

void out_release(struct out *out)
{
	free(out->buf);
	out->buf = out->at = out->end = NULL;
}

/* Once it is time to stop, a reader that does not read is waited for one second, no more. */
static bool patient(const struct out *out)
{
	struct pollfd wait = { .fd = out->fd, .events = POLLOUT };

	return !out->stop || !*out->stop || poll(&wait, 1, 1000) == 1;
}

/* Whoever made the output one that does not block wants it no shorter. */
static void wait_for_room(const struct out *out)
{
	struct pollfd wait = { .fd = out->fd, .events = POLLOUT };

	poll(&wait, 1, 1000);
}

/* What a pipe that is writable takes without blocking, when it must not block. */
static size_t portion(const struct out *out, size_t left)
{
	return out->stop && *out->stop && left > PIPE_BUF ? PIPE_BUF : left;
}

int out_flush(struct out *out)
{
	const char *from = out->buf;

	while (!out->error && out->fd >= 0 && from < out->at) {
		ssize_t n;

		if (!patient(out)) {
			out->error = EINTR;
			break;
		}
		n = write(out->fd, from, portion(out, out->at - from));
		if (n > 0)
			from += n;
		else if (n < 0 && errno == EAGAIN)
			wait_for_room(out);
		else if (n < 0 && errno != EINTR)
			out->error = errno;
	}
	if (out->fd >= 0)
		out->at = out->buf;
	if (out->error)
		errno = out->error;
	return out->error ? -1 : 0;
}

static void grow(struct out *out, size_t size)
{
	size_t used = out->at - out->buf;
	size_t want = 2 * (size_t)(out->end - out->buf);
	char *buf;

	while (want - used < size)
		want *= 2;
	buf = realloc(out->buf, want);
	if (!buf)
		memory_exhausted();
	out->buf = buf;
	out->at = buf + used;
	out->end = buf + want;
}

void out_more(struct out *out, size_t size)
{
	if (out->fd >= 0 && !out->hold)
		out_flush(out);
	if ((size_t)(out->end - out->at) < size)
		grow(out, size);
}

void put_number(struct out *out, uint64_t value)
{
	char text[20], *p = text + sizeof(text);

	while (value >= 100) {
		p -= 2;
		memcpy(p, pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		p -= 2;
		memcpy(p, pairs + 2 * value, 2);
	} else {
		*--p = '0' + value;
	}
	put_mem(out, p, text + sizeof(text) - p);
}

void put_hex(struct out *out, uint64_t value)
{
	char text[16], *p = text + sizeof(text);

	do
		*--p = digits[value & 15];
	while (value >>= 4);
	put_mem(out, p, text + sizeof(text) - p);
}

static inline char *octet(char *p, unsigned value)
{
	if (value >= 100) {
		*p++ = '0' + value / 100;
		memcpy(p, pairs + 2 * (value % 100), 2);
		return p + 2;
	}
	if (value >= 10) {
		memcpy(p, pairs + 2 * value, 2);
		return p + 2;
	}
	*p++ = '0' + value;
	return p;
}

static char *address4(char *p, const uint8_t *byte)
{
	p = octet(p, byte[0]);
	*p++ = '.';
	p = octet(p, byte[1]);
	*p++ = '.';
	p = octet(p, byte[2]);
	*p++ = '.';
	return octet(p, byte[3]);
}

static char *group(char *p, unsigned value)
{
	if (value > 0xfff)
		*p++ = digits[value >> 12];
	if (value > 0xff)
		*p++ = digits[value >> 8 & 15];
	if (value > 0xf)
		*p++ = digits[value >> 4 & 15];
	*p++ = digits[value & 15];
	return p;
}

/* The longest run of two or more zero groups, the first of equals: RFC 5952 section 4.2. */
static int zero_run(const uint16_t *g, int *length)
{
	int best = -1, run = 0;

	*length = 1;
	for (int i = 0; i < 8; i++) {
		run = g[i] ? 0 : run + 1;
		if (run > *length) {
			*length = run;
			best = i + 1 - run;
		}
	}
	return best;
}

/* As inet_ntop() writes it: mapped and compatible addresses end in dotted form. */
static char *address6(char *p, const uint8_t *byte)
{
	uint16_t g[8];
	int length, start, groups = 8;

	for (int i = 0; i < 8; i++)
		g[i] = byte[2 * i] << 8 | byte[2 * i + 1];
	start = zero_run(g, &length);
	if (start == 0 && (length == 6 || (length == 5 && g[5] == 0xffff)))
		groups = 6;
	for (int i = 0; i < groups; i++) {
		if (i == start) {
			*p++ = ':';
			i += length - 1;
			if (i >= groups - 1)
				*p++ = ':';
			continue;
		}
		if (i)
			*p++ = ':';
		p = group(p, g[i]);
	}
	if (groups == 6) {
		if (p[-1] != ':')
			*p++ = ':';
		p = address4(p, byte + 12);
	}
	return p;
}

void put_address(struct out *out, uint8_t family, const union address *addr)
{
	if (family == AF_INET)
		out->at = address4(out->at, addr->byte);
	else
		out->at = address6(out->at, addr->byte);
}

void put_padding(struct out *out, int count)
{
	if (count > 0) {
		memset(out->at, ' ', count);
		out->at += count;
	}
}

void out_mem(struct out *out, const char *text, size_t len)
{
	out_room(out, len);
	put_mem(out, text, len);
}

void out_text(struct out *out, const char *text)
{
	out_mem(out, text, strlen(text));
}

void out_format(struct out *out, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	out_room(out, len + 1);
	va_start(args, format);
	vsnprintf(out->at, len + 1, format, args);
	va_end(args);
	out->at += len;
}

void out_escaped(struct out *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		out_room(out, 8);
		if (c == '\\') {
			put_mem(out, "\\\\", 2);
		} else if (c >= ' ' && c < 0x7f) {
			put_char(out, c);
		} else {
			char code[] = { '\\', 'x', digits[c >> 4], digits[c & 15] };

			put_mem(out, code, sizeof(code));
		}
	}
}

/* Length of the UTF-8 sequence at text, 0 if it is none (RFC 3629: no overlong, no surrogates). */
static size_t utf8(const unsigned char *text, size_t left)
{
	size_t len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;

	if (text[0] < 0xc2 || text[0] > 0xf4 || left < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

void out_json(struct out *out, const char *text, size_t len)
{
	const unsigned char *p = (const void *)text;

	while (len) {
		size_t n = 1;

		out_room(out, 8);
		if (*p == 0xc2 && len > 1 && (p[1] & 0xe0) == 0x80) {
			char code[] = { '\\', 'u', '0', '0', digits[p[1] >> 4], digits[p[1] & 15] };

			put_mem(out, code, sizeof(code));	/* C1: terminals take some for commands */
			n = 2;
		} else if (*p >= 0x80 && (n = utf8(p, len))) {
			put_mem(out, (const char *)p, n);
		} else if (*p < ' ' || *p >= 0x7f) {
			char code[] = { '\\', 'u', '0', '0', digits[*p >> 4], digits[*p & 15] };

			put_mem(out, code, sizeof(code));
			n = 1;
		} else {
			if (*p == '"' || *p == '\\')
				put_char(out, '\\');
			put_char(out, *p);
		}
		p += n;
		len -= n;
	}
}
