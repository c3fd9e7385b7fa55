/* Turns the headers of captured netlink messages into this machine's byte order. */
#include "byteorder.h"

#include <byteswap.h>
#include <linux/netlink.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { DEPTH = 8 };

static uint16_t swap16(uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	value = bswap_16(value);
	memcpy(at, &value, sizeof(value));
	return value;
}

static uint32_t swap32(uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	value = bswap_32(value);
	memcpy(at, &value, sizeof(value));
	return value;
}

static void swap_longs(uint8_t *at, size_t length)
{
	for (; length >= 8; at += 8, length -= 8) {
		uint64_t value;

		memcpy(&value, at, sizeof(value));
		value = bswap_64(value);
		memcpy(at, &value, sizeof(value));
	}
}

static void swap_attributes(uint8_t *at, size_t left, int depth)
{
	while (left >= NLA_HDRLEN) {
		size_t length = swap16(at), step = NLA_ALIGN(length);
		uint16_t type = swap16(at + 2);

		if (length < NLA_HDRLEN || length > left)
			return;
		if ((type & NLA_F_NESTED) && depth < DEPTH)
			swap_attributes(at + NLA_HDRLEN, length - NLA_HDRLEN, depth + 1);
		else if (!depth && (type & NLA_TYPE_MASK) == CTA_LABELS)
			swap_longs(at + NLA_HDRLEN, length - NLA_HDRLEN);
		if (step > left)
			return;
		at += step;
		left -= step;
	}
}

void messages_swap(uint8_t *data, size_t length)
{
	const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);

	while (length >= NLMSG_HDRLEN) {
		size_t size = swap32(data), step = NLMSG_ALIGN(size);

		swap16(data + 4);	/* type */
		swap16(data + 6);	/* flags */
		swap32(data + 8);	/* sequence */
		swap32(data + 12);	/* port */
		if (size < NLMSG_HDRLEN || size > length)
			return;
		if (size > head)
			swap_attributes(data + head, size - head, 0);
		if (step > length)
			return;
		data += step;
		length -= step;
	}
}
