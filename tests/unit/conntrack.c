/* Tests of lib/conntrack.c: the same words as libnetfilter_conntrack, whatever the message holds. */
#include "draw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 20000 };

/* The generator is seeded, so that a failure comes again. */
static uint64_t seed = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

static const char *ours(struct out *out, const struct flow *flow, unsigned options,
			const struct names *names)
{
	out_clear(out);
	put_conntrack(out, flow, options, names);
	out_room(out, 1);
	put_char(out, '\0');
	return out->buf;
}

static struct nfct_labelmap *load_labels(struct names *names)
{
	char path[] = "/tmp/connlabel-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct nfct_labelmap *map;

	for (int i = 1; i < LABELS; i++)
		if (i % 3)
			fprintf(file, "%d name-%d\n", i, i);
	fclose(file);
	map = nfct_labelmap_new(path);
	unlink(path);
	memset(names, 0, sizeof(*names));
	for (int i = 1; i < LABELS; i++)
		if (i % 3 && asprintf(&names->label[i], "name-%d", i) < 0)
			abort();
	return map;
}

static void one_flow(struct out *out, const struct names *names, struct nfct_labelmap *map)
{
	uint8_t buffer[DRAWN];
	char text[4096];
	struct nlmsghdr *message = draw_flow(buffer);
	unsigned options = draw(16);
	struct flow flow;
	time_t now;

	assert_true(flow_decode(&flow, message, HAS_ALL));
	do {	/* the library looks at the clock itself */
		now = time(NULL);
		reference_flow(text, sizeof(text), message, &flow, options, map);
	} while (now != time(NULL));
	flow.time = (uint64_t)now * 1000000000;
	assert_string_equal(ours(out, &flow, options, names), text);
}

static void flows_read_as_the_library_prints_them(void **state)
{
	struct names names;
	struct nfct_labelmap *map = load_labels(&names);
	struct out out;

	(void)state;
	assert_non_null(map);
	out_init(&out, -1);
	for (int i = 0; i < ROUNDS; i++)
		one_flow(&out, &names, map);
	out_release(&out);
	names_release(&names);
	nfct_labelmap_destroy(map);
}

static void expectations_read_as_the_library_prints_them(void **state)
{
	uint8_t buffer[DRAWN];
	char text[4096];
	struct flow flow;
	struct out out;

	(void)state;
	out_init(&out, -1);
	for (int i = 0; i < ROUNDS; i++) {
		struct nlmsghdr *message = draw_expect(buffer);

		assert_true(flow_decode(&flow, message, HAS_ALL));
		reference_expect(text, sizeof(text), message, &flow);
		assert_string_equal(ours(&out, &flow, 0, NULL), text);
	}
	out_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_read_as_the_library_prints_them),
		cmocka_unit_test(expectations_read_as_the_library_prints_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
