/* Netlink messages in pcap and pcapng files: LINKTYPE_NETLINK (253). */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct capture;

/* Reads from `file`, which is closed with the capture, or at once on failure: NULL, and a sentence
 * in `error` (PCAP_ERRBUF_SIZE bytes). */
struct capture *capture_open(FILE *file, char *error);

/* The messages of the next packet of the netfilter family, and its time in nanoseconds since 1970.
 * `data` lives until the next call and is aligned to 8 bytes. 1, 0 at the end, -1 if the file is
 * broken there (capture_error()). */
int capture_next(struct capture *capture, const uint8_t **data, size_t *length, uint64_t *time);
const char *capture_error(struct capture *capture);

/* Writes to `file`, which is closed with the capture. NULL with errno. */
struct capture *capture_create(FILE *file);

/* 0, or -1 with errno. */
int capture_write(struct capture *capture, uint64_t time, const void *data, size_t length);

/* 0, or -1 with errno if what was written did not arrive. */
int capture_close(struct capture *capture);

#endif
