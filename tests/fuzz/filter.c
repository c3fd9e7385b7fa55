/* Fuzzes the filter: an expression, a NUL, and netlink messages to match. */
#include "filter.h"
#include "pushdown.h"

#include <assert.h>
#include <stdlib.h>

static void check_error(const struct filter_error *error, size_t length)
{
	assert(error->message[0]);
	assert(error->position <= length && error->length);
}

static void check_match(const struct filter *filter, const struct nlmsghdr *message)
{
	struct flow flow, part;

	if (!flow_decode(&flow, message, HAS_ALL))
		return;
	if (!flow_decode(&part, message, flow_closure(filter->wants)))
		return;
	assert(filter_match(filter, &flow) == filter_match(filter, &part));
}

static void match_all(const struct filter *filter, const uint8_t *data, size_t size)
{
	uint64_t *copy = malloc(size);
	const struct nlmsghdr *message = (const void *)copy;
	struct flow empty = { .has = 0 };

	filter_match(filter, &empty);
	memcpy(copy, data, size);
	while (message_ok(message, size)) {
		size_t length = NLMSG_ALIGN(message->nlmsg_len);

		check_match(filter, message);
		if (length >= size)
			break;
		size -= length;
		message = (const void *)((const char *)message + length);
	}
	free(copy);
}

static void explain(const struct filter *filter)
{
	struct request requests[REQUESTS];
	unsigned count = pushdown(filter, requests);
	struct out out;

	assert(count >= 1 && count <= REQUESTS);
	out_init(&out, -1);
	for (unsigned i = 0; i < count; i++)
		pushdown_explain(&out, &requests[i]);
	out_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size);
	char *text = strndup((const char *)data, length);
	struct filter_error error;
	struct filter *filter = filter_parse(text, NULL, &error);

	if (filter) {
		if (length < size)
			match_all(filter, data + length + 1, size - length - 1);
		explain(filter);
	} else {
		check_error(&error, length);
	}
	filter_free(filter);
	free(text);
	return 0;
}
