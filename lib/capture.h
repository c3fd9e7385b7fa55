/* Captures of netlink messages: reads pcap and pcapng, writes pcap (LINKTYPE_NETLINK). */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct capture;

enum { CAPTURE_ERROR = 256 };	/* size of a message: that of libpcap */

/* Reads from `file`, which belongs to the capture from here on, even if this fails: then NULL, and
 * the reason in `error` (CAPTURE_ERROR bytes). */
struct capture *capture_open(FILE *file, char *error);

/*
 * The next netfilter datagram: one or more netlink messages in the byte order of this machine,
 * whichever captured them (messages_swap()), valid until the next call, and the time in nanoseconds
 * since 1970. 1; 2 for a datagram of another netlink family, then *len is 0; 0 at the end; -1 if the
 * file is broken from here on: see capture_error().
 */
int capture_next(struct capture *capture, const uint8_t **data, size_t *len, uint64_t *ns);
const char *capture_error(const struct capture *capture);

/* Writes to `file`, which belongs to the capture from here on, even if this fails: NULL, errno. */
struct capture *capture_create(FILE *file);

/* One datagram; 0, or -1 with errno. */
int capture_write(struct capture *capture, uint64_t ns, const void *data, size_t len);

/* 0, or -1 with errno if something could not be written. NULL is allowed. */
int capture_close(struct capture *capture);

#endif
