/* An output buffer: digits, addresses and escaped text go in fast, whole buffers go out. */
#ifndef OUT_H
#define OUT_H

#include "flow.h"

#include <signal.h>
#include <string.h>

/*
 * With fd -1 everything stays in memory (from buf to at) until out_clear(). The first failed write
 * is kept in `error` as an errno; what comes after it is thrown away.
 */
struct out {
	char *buf, *at, *end;
	int fd;
	int error;
	const volatile sig_atomic_t *stop;	/* not 0: a blocked write is given up, EINTR; or NULL */
	bool hold;	/* grow rather than write: a row that is being laid out stays whole */
};

/* Room that out_room() leaves: one number, address or name needs no further check. */
enum { OUT_ROOM = 512 };

void out_init(struct out *out, int fd);		/* memory_exhausted() ends it when memory is out */
void out_release(struct out *out);
/* 0, or -1 with errno; EINTR: a signal came while nobody was reading. */
int out_flush(struct out *out);
void out_more(struct out *out, size_t size);

static inline void out_room(struct out *out, size_t size)
{
	if ((size_t)(out->end - out->at) < size)
		out_more(out, size);
}

static inline void out_clear(struct out *out)
{
	out->at = out->buf;
}

static inline size_t out_length(const struct out *out)
{
	return out->at - out->buf;
}

/* These two check nothing: the caller made room. */
static inline void put_char(struct out *out, char c)
{
	*out->at++ = c;
}

static inline void put_mem(struct out *out, const char *text, size_t len)
{
	memcpy(out->at, text, len);
	out->at += len;
}

/* So do these, which need less than 64 bytes. */
void put_number(struct out *out, uint64_t value);
void put_hex(struct out *out, uint64_t value);
void put_address(struct out *out, uint8_t family, const union address *addr);
void put_padding(struct out *out, int count);	/* less than OUT_ROOM */

/* These make the room they need. */
void out_mem(struct out *out, const char *text, size_t len);
void out_text(struct out *out, const char *text);
void out_format(struct out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Text that we did not make: what is not printable ASCII becomes \xNN, and a backslash two. */
void out_escaped(struct out *out, const char *text);
/* The inside of a JSON string: valid UTF-8 stays, other bytes become \u00NN. */
void out_json(struct out *out, const char *text, size_t len);

#endif
