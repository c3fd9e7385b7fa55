/* Savefiles of netlink messages, through libpcap. */
#include "capture.h"

#include "byteorder.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

static_assert((int)CAPTURE_ERROR >= PCAP_ERRBUF_SIZE, "the reason fits");

enum { NANO = 1000000000, LONGEST = 262144 };

/* In front of every datagram, big endian: www.tcpdump.org/linktypes/LINKTYPE_NETLINK.html */
struct cooked {
	uint16_t type;		/* 0: to us */
	uint16_t hardware;
	uint8_t unused[10];
	uint16_t family;
};

struct capture {
	pcap_t *pcap;
	pcap_dumper_t *dumper;	/* NULL when reading */
	uint8_t packet[LONGEST];	/* when writing, or turning round */
};

struct capture *capture_open(FILE *file, char *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	*error = '\0';
	if (!capture) {
		strcpy(error, "out of memory");
		fclose(file);
		return NULL;
	}
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
								 error);
	if (!capture->pcap) {
		fclose(file);
		free(capture);
		return NULL;
	}
	if (pcap_datalink(capture->pcap) != DLT_NETLINK) {
		strcpy(error, "a capture, but not of netlink messages");
		capture_close(capture);
		return NULL;
	}
	return capture;
}

static bool is_netfilter(const struct pcap_pkthdr *packet, const uint8_t *bytes)
{
	struct cooked cooked;

	if (packet->caplen < sizeof(cooked) || packet->caplen > LONGEST)
		return false;
	memcpy(&cooked, bytes, sizeof(cooked));
	return ntohs(cooked.family) == NETLINK_NETFILTER;
}

static const uint8_t *turn_round(struct capture *capture, const uint8_t *messages, size_t length)
{
	memcpy(capture->packet, messages, length);
	messages_swap(capture->packet, length);
	return capture->packet;
}

int capture_next(struct capture *capture, const uint8_t **data, size_t *len, uint64_t *ns)
{
	struct pcap_pkthdr *packet;
	const uint8_t *bytes;
	int got = pcap_next_ex(capture->pcap, &packet, &bytes);

	*len = 0;
	if (got != 1)
		return got == PCAP_ERROR_BREAK ? 0 : -1;
	if (!is_netfilter(packet, bytes))
		return 2;
	*data = bytes + sizeof(struct cooked);
	*len = packet->caplen - sizeof(struct cooked);
	if (pcap_is_swapped(capture->pcap))
		*data = turn_round(capture, *data, *len);
	/* libpcap takes the 32 bits of the file for a signed number, which ends in 2038. */
	*ns = (uint64_t)(uint32_t)packet->ts.tv_sec * NANO + packet->ts.tv_usec;
	return 1;
}

const char *capture_error(const struct capture *capture)
{
	return pcap_geterr(capture->pcap);
}

struct capture *capture_create(FILE *file)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture)
		goto no_memory;
	capture->pcap = pcap_open_dead_with_tstamp_precision(DLT_NETLINK, LONGEST,
							     PCAP_TSTAMP_PRECISION_NANO);
	if (!capture->pcap)
		goto no_pcap;
	capture->dumper = pcap_dump_fopen(capture->pcap, file);
	if (!capture->dumper)
		goto no_dumper;
	return capture;
no_dumper:
	pcap_close(capture->pcap);
no_pcap:
	free(capture);
no_memory:
	fclose(file);
	errno = errno ? errno : EIO;
	return NULL;
}

int capture_write(struct capture *capture, uint64_t ns, const void *data, size_t len)
{
	static const struct cooked cooked = {
		.hardware = __constant_htons(ARPHRD_NETLINK),
		.family = __constant_htons(NETLINK_NETFILTER),
	};
	struct pcap_pkthdr packet = {
		.ts = { .tv_sec = ns / NANO, .tv_usec = ns % NANO },
		.caplen = sizeof(cooked) + len, .len = sizeof(cooked) + len,
	};

	if (len > LONGEST - sizeof(cooked)) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(capture->packet, &cooked, sizeof(cooked));
	memcpy(capture->packet + sizeof(cooked), data, len);
	errno = 0;
	pcap_dump((void *)capture->dumper, &packet, capture->packet);
	if (!ferror(pcap_dump_file(capture->dumper)))
		return 0;
	errno = errno ? errno : EIO;
	return -1;
}

int capture_close(struct capture *capture)
{
	int error = 0;

	if (!capture)
		return 0;
	if (capture->dumper) {
		errno = 0;
		if (pcap_dump_flush(capture->dumper) || ferror(pcap_dump_file(capture->dumper)))
			error = errno ? errno : EIO;
		pcap_dump_close(capture->dumper);
	}
	pcap_close(capture->pcap);
	free(capture);
	errno = error;
	return error ? -1 : 0;
}
