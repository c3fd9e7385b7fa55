/* Our decoder against libnetfilter_conntrack's. The input is what a message as the kernel makes them is drawn
 * from: of a broken one the library thinks less than we do. */
#include "../unit/draw.h"
#include "../unit/peer.h"

#include <stdlib.h>

static const uint8_t *bytes;
static size_t left;

static uint32_t draw(uint32_t below)
{
	uint32_t number = 0;

	for (uint32_t most = below - 1; most && left; most >>= 8, left--)
		number = number << 8 | *bytes++;
	return number % below;
}

static void same_text(const char *theirs, const struct flow *flow, unsigned options)
{
	static struct out out;

	if (!out.buf)
		out_init(&out, -1);
	out_clear(&out);
	put_conntrack(&out, flow, options, NULL);
	out_mem(&out, "", 1);
	assert(!strcmp(out.buf, theirs));
}

static void check_flow(const struct nlmsghdr *message)
{
	struct nf_conntrack *ct = nfct_new();
	unsigned options = draw(8);
	char text[4096];
	struct flow flow;

	assert(flow_decode(&flow, message, HAS_ALL));
	assert(nfct_nlmsg_parse(message, ct) == 0);
	assert(!peer_difference(&flow, ct, NULL));
	/* Without an end the library takes its own clock for the age. */
	if (!(flow.has & HAS_START) || (flow.has & HAS_STOP && flow.stop)) {
		reference_flow(text, sizeof(text), message, &flow, options, NULL);
		same_text(text, &flow, options);
	}
	nfct_destroy(ct);
}

static void check_expect(const struct nlmsghdr *message)
{
	char text[4096];
	struct flow flow;

	assert(flow_decode(&flow, message, HAS_ALL));
	reference_expect(text, sizeof(text), message, &flow);
	same_text(text, &flow, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t buffer[DRAWN / sizeof(uint64_t)];

	bytes = data;
	left = size;
	if (draw(4))
		check_flow(draw_flow(buffer));
	else
		check_expect(draw_expect(buffer));
	return 0;
}
