/* Reads and writes captures of netlink messages through libpcap. */
#include "capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINKTYPE = 253, ARPHRD = 824, HEADER = 16, SNAPLEN = 262144 };

struct capture {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	FILE *file;
	uint8_t *data;		/* a copy that is aligned */
	size_t room;
};

struct capture *capture_open(FILE *file, char *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture) {
		strcpy(error, "out of memory");
		goto failed;
	}
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!capture->pcap)
		goto failed;
	if (pcap_datalink(capture->pcap) != LINKTYPE) {
		strcpy(error, "a capture of packets, not of netlink messages");
		pcap_close(capture->pcap);
		free(capture);
		return NULL;
	}
	return capture;
failed:
	free(capture);
	fclose(file);
	return NULL;
}

/* 2 bytes packet type, 2 ARPHRD_NETLINK, 10 unused, 2 family: network order. */
static bool is_netfilter(const uint8_t *bytes, size_t length)
{
	return length >= HEADER && bytes[14] == 0 && bytes[15] == NETLINK_NETFILTER;
}

static bool keep(struct capture *capture, const uint8_t *bytes, size_t length)
{
	if (length > capture->room) {
		uint8_t *data = realloc(capture->data, length);

		if (!data)
			return false;
		capture->data = data;
		capture->room = length;
	}
	memcpy(capture->data, bytes, length);
	return true;
}

int capture_next(struct capture *capture, const uint8_t **data, size_t *length, uint64_t *time)
{
	struct pcap_pkthdr *head;
	const u_char *bytes;
	int result;

	while ((result = pcap_next_ex(capture->pcap, &head, &bytes)) == 1) {
		if (!is_netfilter(bytes, head->caplen))
			continue;
		if (!keep(capture, bytes + HEADER, head->caplen - HEADER))
			return -1;
		*data = capture->data;
		*length = head->caplen - HEADER;
		*time = (uint64_t)head->ts.tv_sec * 1000000000 + head->ts.tv_usec;
		return 1;
	}
	return result == PCAP_ERROR_BREAK ? 0 : -1;
}

const char *capture_error(struct capture *capture)
{
	return pcap_geterr(capture->pcap);
}

struct capture *capture_create(FILE *file)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture)
		goto failed;
	capture->pcap = pcap_open_dead_with_tstamp_precision(LINKTYPE, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	if (!capture->pcap)
		goto failed;
	capture->dumper = pcap_dump_fopen(capture->pcap, file);
	if (!capture->dumper)
		goto failed;
	capture->file = file;
	return capture;
failed:
	if (capture && capture->pcap)
		pcap_close(capture->pcap);
	free(capture);
	fclose(file);
	errno = ENOMEM;
	return NULL;
}

int capture_write(struct capture *capture, uint64_t time, const void *data, size_t length)
{
	uint8_t bytes[SNAPLEN];
	struct pcap_pkthdr head = {
		.ts = { .tv_sec = time / 1000000000, .tv_usec = time % 1000000000 },
		.caplen = HEADER + length, .len = HEADER + length,
	};

	if (length > SNAPLEN - HEADER) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(bytes, 0, HEADER);
	bytes[2] = ARPHRD >> 8;
	bytes[3] = ARPHRD & 0xff;
	bytes[15] = NETLINK_NETFILTER;
	memcpy(bytes + HEADER, data, length);
	pcap_dump((u_char *)capture->dumper, &head, bytes);
	return ferror(capture->file) ? -1 : 0;
}

int capture_close(struct capture *capture)
{
	int result = 0;

	if (!capture)
		return 0;
	if (capture->dumper) {
		if (pcap_dump_flush(capture->dumper) < 0 || ferror(capture->file))
			result = -1;
		pcap_dump_close(capture->dumper);
	}
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture->data);
	free(capture);
	return result;
}
