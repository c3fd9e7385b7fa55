/* Fuzzes the filter: an expression, a NUL, and netlink messages to match. */
#include "bpf.h"
#include "filter.h"
#include "messages.h"
#include "pushdown.h"

#include <assert.h>

#include <linux/filter.h>

enum { MOST = 2048 };

static void check_error(const struct filter_error *error, size_t length)
{
	assert(error->message[0]);
	assert(error->position <= length && error->length);
}

static void check_match(const struct nlmsghdr *message, void *context)
{
	const struct filter *filter = context;
	struct flow flow, part;

	if (!flow_decode(&flow, message, HAS_ALL))
		return;
	assert(bpf_passes(filter, &flow) || !filter_match(filter, &flow));
	if (!flow_decode(&part, message, flow_closure(filter->wants)))
		return;
	assert(filter_match(filter, &flow) == filter_match(filter, &part));
}

/* What is left to the kernel, of a dump and of events. */
static void explain(const struct filter *filter)
{
	struct request requests[REQUESTS];
	unsigned count = pushdown(filter, requests);
	struct sock_filter code[MOST];
	struct out out;

	assert(count >= 1 && count <= REQUESTS);
	assert(bpf_compile(filter, code, MOST) <= MOST);
	out_init(&out, -1);
	bpf_explain(&out, filter);
	for (unsigned i = 0; i < count; i++)
		pushdown_explain(&out, &requests[i]);
	out_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size);
	char *text = strndup((const char *)data, length);
	const struct flow empty = { .has = 0 };
	struct filter_error error;
	struct filter *filter = filter_parse(text, NULL, &error);

	if (filter) {
		filter_match(filter, &empty);
		if (length < size)
			messages_each(data + length + 1, size - length - 1, check_match, filter);
		explain(filter);
	} else {
		check_error(&error, length);
	}
	filter_free(filter);
	free(text);
	return 0;
}
