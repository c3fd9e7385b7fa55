/* For fuzz targets: walks the netlink messages of an input as the readers do. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "flow.h"

#include <stdlib.h>
#include <string.h>

/* In a copy of this very size, so that a byte too far is noticed. */
static inline void messages_each(const uint8_t *data, size_t size,
				 void (*take)(const struct nlmsghdr *message, void *context), void *context)
{
	uint64_t *copy = malloc(size);
	const struct nlmsghdr *message = (const void *)copy;

	if (size)
		memcpy(copy, data, size);
	while (message_ok(message, size)) {
		size_t length = NLMSG_ALIGN(message->nlmsg_len);

		take(message, context);
		if (length >= size)
			break;
		size -= length;
		message = (const void *)((const char *)message + length);
	}
	free(copy);
}

#endif
