/* Fuzzes the decoder: 8 bytes say what is wanted, netlink messages follow. */
#include "fuzz.h"
#include "messages.h"

#include "timeouts.h"

static struct prints prints;
static struct timeouts timeouts;

/* A flow that went through the packed form prints the same. */
static void check_pack(const struct flow *flow, const char *json)
{
	static uint8_t buffer[FLOW_PACKED];
	struct flow copy;
	size_t length = flow_pack(flow, HAS_ALL, buffer);

	assert(length <= sizeof(buffer));
	flow_unpack(&copy, buffer);
	assert(copy.has == flow->has);
	assert(!strcmp(prints_flow(&prints, FORMAT_JSON, &copy), json));
	assert(flow_same(flow, &copy) && flow_hash(flow) == flow_hash(&copy));
}

/* Whoever wants less gets the same of what he wants. */
static void check_want(const struct nlmsghdr *message, const struct flow *flow, uint64_t want)
{
	struct flow part;

	if (!flow_decode(&part, message, flow_closure(want)))
		return;
	for (const struct field *field = fields; field->name; field++)
		if (!(field->has & ~want)) {
			assert(field_present(field, flow) == field_present(field, &part));
			assert(field_compare(field, flow, &part) == 0);
		}
}

static void check_message(const struct nlmsghdr *message, void *context)
{
	const uint64_t *want = context;
	struct flow flow;
	char *json;

	if (!flow_decode(&flow, message, HAS_ALL))
		return;
	check_want(message, &flow, *want);
	flow.time = UINT64_C(1700000000000000000);
	flow.has |= HAS_TIME;
	flow_derive(&flow, &timeouts);
	json = prints_check(&prints, &flow);
	check_pack(&flow, json);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t want;

	if (!prints.out.buf) {
		prints_init(&prints);
		memset(&timeouts, 0x11, sizeof(timeouts));
	}
	if (size < sizeof(want))
		return 0;
	memcpy(&want, data, sizeof(want));
	messages_each(data + sizeof(want), size - sizeof(want), check_message, &want);
	return 0;
}
