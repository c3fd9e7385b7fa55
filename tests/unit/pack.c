/* Tests of lib/pack.c: what is asked for comes back as it was, whichever parts these are. */
#include "dump.h"

#include "field.h"

#include <sys/socket.h>

static struct dump table;
static bool filled;
static struct out before, after;

static int fill(void **state)
{
	(void)state;
	out_init(&before, -1);
	out_init(&after, -1);
	filled = dump_fill(&table);
	if (filled)
		dump_table(&table, NFNL_SUBSYS_CTNETLINK_EXP);
	return 0;
}

static int release(void **state)
{
	(void)state;
	out_release(&before);
	out_release(&after);
	dump_release(&table);
	return 0;
}

static const char *text(struct out *out, const struct field *field, const struct flow *flow)
{
	out_clear(out);
	out_room(out, 2 * OUT_ROOM);
	if (field_present(field, flow)) {
		field->kind->text(out, field, flow);
		out_mem(out, " ", 1);
		field->kind->raw(out, field, flow);
	} else {
		out_text(out, "absent");
	}
	out_mem(out, "", 1);
	return out->buf;
}

static void compare(const struct field *field, const struct flow *a, const struct flow *b)
{
	if (strcmp(text(&before, field, a), text(&after, field, b)))
		fail_msg("%s: '%s' became '%s'", field->name, before.buf, after.buf);
}

/* Through a block of exactly the packed size; the flow it comes back to holds rubbish before. */
static void through(const struct flow *flow, uint64_t want, struct flow *back)
{
	uint8_t buffer[FLOW_PACKED];
	size_t length = flow_pack(flow, want, buffer);
	uint8_t *exact;

	assert_true(length <= FLOW_PACKED);
	exact = malloc(length);
	memcpy(exact, buffer, length);
	memset(back, 0xa5, sizeof(*back));
	flow_unpack(back, exact);
	free(exact);
}

static void decode(struct flow *flow, unsigned i)
{
	memset(flow, 0x5a, sizeof(*flow));
	assert_true(flow_decode(flow, table.message[i], HAS_ALL));
	flow->time = UINT64_C(1800000000000000000) + i;
	flow->has |= HAS_TIME;
	flow_derive(flow, NULL);
}

static void all_of_it_comes_back(void **state)
{
	struct flow flow, back;

	(void)state;
	if (!filled)
		skip();
	for (unsigned i = 0; i < table.count; i++) {
		decode(&flow, i);
		through(&flow, HAS_ALL, &back);
		assert_int_equal(flow.has, back.has);
		assert_int_equal(flow.what, back.what);
		assert_true(flow_same(&flow, &back));
		assert_int_equal(flow_hash(&flow), flow_hash(&back));
		for (const struct field *field = fields; field->name; field++)
			compare(field, &flow, &back);
	}
}

/* As when sorting and printing one column alone: ctlist -s FIELD -o FIELD. */
static void each_part_comes_back_alone(void **state)
{
	struct flow flow, back;

	(void)state;
	if (!filled)
		skip();
	for (unsigned i = 0; i < table.count; i += 3) {
		decode(&flow, i);
		for (const struct field *field = fields; field->name; field++) {
			through(&flow, field->has | field->uses, &back);
			compare(field, &flow, &back);
		}
	}
}

static void any_two_parts_come_back_together(void **state)
{
	struct flow flow, back;

	(void)state;
	if (!filled)
		skip();
	for (unsigned i = 0; i < table.count; i += 34)
		for (const struct field *a = fields; a->name; a++)
			for (const struct field *b = fields; b < a; b++) {
				decode(&flow, i);
				through(&flow, a->has | a->uses | b->has | b->uses, &back);
				compare(a, &flow, &back);
				compare(b, &flow, &back);
			}
}

/* An entry of everything, with strings as long as they get. */
static void the_longest_fits(void **state)
{
	struct flow flow, back;

	(void)state;
	memset(&flow, 0, sizeof(flow));
	flow.has = HAS_ALL & ~HAS(63);
	flow.family = AF_INET6;
	memset(&flow.orig, 1, sizeof(flow.orig));
	memset(&flow.reply, 2, sizeof(flow.reply));
	memset(flow.helper, 'h', HELPER_SIZE - 1);
	memset(flow.secctx, 's', SECCTX_SIZE - 1);
	through(&flow, HAS_ALL, &back);
	assert_int_equal(strlen(back.helper), HELPER_SIZE - 1);
	assert_int_equal(strlen(back.secctx), SECCTX_SIZE - 1);
	assert_memory_equal(&back.reply.src.addr, &flow.reply.src.addr, sizeof(flow.reply.src.addr));
	assert_int_equal(back.reply.src.port, flow.reply.src.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_comes_back),
		cmocka_unit_test(each_part_comes_back_alone),
		cmocka_unit_test(any_two_parts_come_back_together),
		cmocka_unit_test(the_longest_fits),
	};

	return cmocka_run_group_tests(tests, fill, release);
}
