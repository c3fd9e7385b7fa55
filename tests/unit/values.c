/* Tests of lib/out.c and lib/read.c: addresses, numbers, sizes and times, both ways. */
#include "field.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 1000000 };

static struct out out;
static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int set_up(void **state)
{
	(void)state;
	out_init(&out, -1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	out_release(&out);
	return 0;
}

static const char *written(void)
{
	out_mem(&out, "", 1);
	return out.buf;
}

static void check_address(uint8_t family, const union address *addr)
{
	char theirs[INET6_ADDRSTRLEN];
	union address back;
	uint8_t kind;

	assert_non_null(inet_ntop(family, addr, theirs, sizeof(theirs)));
	out_clear(&out);
	put_address(&out, family, addr);
	assert_string_equal(written(), theirs);
	assert_true(read_address(out.buf, &back, &kind));
	assert_int_equal(kind, family);
	assert_memory_equal(&back, addr, sizeof(back));
}

/* Half of the groups zero, so that runs of every length stand everywhere. */
static void ipv6_reads_as_inet_ntop_writes_it(void **state)
{
	union address addr;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t zero = draw() >> 20, small = draw() >> 20;

		for (unsigned g = 0; g < 8; g++) {
			uint16_t group = draw() >> 30 >> (small >> 4 * g & 15);

			if (zero >> g & 1)
				group = 0;
			addr.byte[2 * g] = group >> 8;
			addr.byte[2 * g + 1] = group;
		}
		check_address(AF_INET6, &addr);
	}
}

static void special_ipv6_addresses(void **state)
{
	static const char *const words[] = {
		"::", "::1", "1::", "::ffff:1.2.3.4", "::1.2.3.4", "::0.0.1.2", "::ffff:0.0.0.0",
		"64:ff9b::1.2.3.4", "::ffff:0:102:304", "0:1::", "::1:0", "1:0:0:2::", "1:0:0:2:3:4:5:6",
		"1:0:2:3:4:5:6:7", "0:1:2:3:4:5:6:7", "1:2:3:4:5:6:7:0", "1::2:0:0:3:0:0", "fe80::1:0:0:1",
		"2001:db8:0:0:1:0:0:1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::8000:0", "::1:2:3",
	};
	union address addr;
	uint8_t family;

	(void)state;
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		assert_true(read_address(words[i], &addr, &family));
		assert_int_equal(family, AF_INET6);
		check_address(AF_INET6, &addr);
	}
	/* Every choice of groups that are zero, with the others one, and with the others ffff. */
	for (unsigned zero = 0; zero < 512; zero++) {
		for (unsigned g = 0; g < 16; g++)
			addr.byte[g] = zero >> g / 2 & 1 ? 0 : zero & 256 ? 255 : g & 1;
		check_address(AF_INET6, &addr);
	}
}

static void ipv4_reads_as_inet_ntop_writes_it(void **state)
{
	union address addr = { .word = { 0 } };

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		addr.word[0] = draw() >> 16;
		check_address(AF_INET, &addr);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const words[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/8", " 1.2.3.4", "1.2.3.4 ", ":", ":::",
		"1::2::3", "g::", "12345::", "fe80::1%eth0", "[::1]", "localhost",
	};
	union address addr;
	uint8_t family;

	(void)state;
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (read_address(words[i], &addr, &family))
			fail_msg("'%s' was taken for an address", words[i]);
}

static void numbers_are_written_as_printf_does(void **state)
{
	char theirs[64];

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t value = draw() >> draw() % 64;

		snprintf(theirs, sizeof(theirs), "%llu %llx", (unsigned long long)value, (unsigned long long)value);
		out_clear(&out);
		put_number(&out, value);
		put_char(&out, ' ');
		put_hex(&out, value);
		assert_string_equal(written(), theirs);
	}
}

/* ---- readers: a text and its value; no value: refused ---- */

struct reading {
	const char *text;
	uint64_t value;
	bool refused;
};

#define NO .refused = true

#define S UINT64_C(1000000000)

static const struct reading numbers[] = {
	{ "0", 0 }, { "1", 1 }, { "010", 10 }, { "0x10", 16 }, { "0XfF", 255 },
	{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
	{ "18446744073709551616", NO }, { "", NO }, { "-1", NO }, { "+1", NO }, { " 1", NO }, { "1 ", NO },
	{ "0x", NO }, { "1k", NO }, { "1.5", NO }, { "ten", NO }, { "0b1", NO }, { NULL, 0 },
};

static const struct reading sizes[] = {
	{ "0", 0 }, { "500", 500 }, { "1k", 1000 }, { "1K", 1000 }, { "3M", 3000000 }, { "2G", 2000000000 },
	{ "1Ki", 1024 }, { "1Mi", 1048576 }, { "1Gi", 1073741824 }, { "1.5k", 1500 }, { "0.25Ki", 256 },
	{ "1.5Gi", 1610612736 }, { "0x10", 16 }, { "1kB", NO }, { "1m", NO }, { "k", NO }, { "1 k", NO },
	{ "-1k", NO }, { "1.k", NO }, { ".5k", NO }, { "99999999999999999999G", NO },
	{ "18446744073709551615G", NO }, { NULL, 0 },
};

static const struct reading times[] = {
	{ "0", 0 }, { "1", S }, { "30s", 30 * S }, { "50ms", S / 20 }, { "5m", 300 * S }, { "2h", 7200 * S },
	{ "1d", 86400 * S }, { "1.5s", 1500000000 }, { "0.5h", 1800 * S }, { "0.000000001", 1 },
	{ "5 m", NO }, { "5min", NO }, { "s", NO }, { "1M", NO }, { "-1s", NO }, { "", NO },
	{ "999999999999999999d", NO }, { NULL, 0 },
};

static const struct reading stamps[] = {
	{ "1970-01-01", 0 }, { "1970-01-01T00:00:01Z", S }, { "2026-11-22", 1795305600 * S },
	{ "2026-11-22T05:56:05.179942123Z", 1795326965 * S + 179942123 },
	{ "2026-11-22T05:56:05Z", 1795326965 * S }, { "2026-11-22T05:56", 1795326960 * S },
	{ "2026-11-22 05:56:05", 1795326965 * S }, { "2026-11-22T05:56:05.5", 1795326965 * S + S / 2 },
	{ "2554-07-21T23:34:32.999999999Z", 18446744072 * S + 999999999 },
	{ "", NO }, { "yesterday", NO }, { "2026-11", NO }, { "2026-13-01", NO }, { "2026-11-22T25:00", NO },
	{ "2026-11-22T", NO }, { "2026-11-22Zx", NO }, { "1969-12-31", NO }, { "2555-01-01", NO },
	{ "9999-12-31", NO }, { NULL, 0 },
};

static void check(const struct reading *reading, bool (*reader)(const char *, uint64_t *))
{
	for (; reading->text; reading++) {
		uint64_t value = 0;
		bool good = reader(reading->text, &value);

		if (good == reading->refused)
			fail_msg("'%s' was %s", reading->text, good ? "taken" : "refused");
		if (good && value != reading->value)
			fail_msg("'%s' was read as %llu", reading->text, (unsigned long long)value);
	}
}

static void readers_take_what_people_write(void **state)
{
	(void)state;
	check(numbers, read_number);
	check(sizes, read_size);
	check(times, read_time);
	check(stamps, read_timestamp);
}

static void times_are_read_as_they_are_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t back, value = draw() % (UINT64_MAX / S * S);

		out_clear(&out);
		put_time(&out, value, 9);
		assert_true(read_timestamp(written(), &back));
		assert_int_equal(back, value);
	}
}

static void durations_are_written_in_three_digits(void **state)
{
	static const struct { uint64_t ns; const char *text; } rows[] = {
		{ 0, "0.000ms" }, { 18400, "0.018ms" }, { 999000, "0.999ms" }, { 1000000, "1.0ms" },
		{ 250 * S / 1000, "250.0ms" }, { 999949999, "999.9ms" }, { 999950000, "1.0s" }, { S, "1.0s" },
		{ 9949999999, "9.9s" }, { 9950000000, "10s" }, { 10 * S, "10s" }, { 119980000000, "2m" },
	};
	const struct field *field = field_find("duration", 8);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct flow flow = { .duration = rows[i].ns, .has = HAS_DURATION };

		out_clear(&out);
		field->kind->text(&out, field, &flow);
		assert_string_equal(written(), rows[i].text);
	}
}

static void seconds_are_written_in_two_units(void **state)
{
	static const struct { uint64_t seconds; const char *text; } rows[] = {
		{ 0, "0s" }, { 1, "1s" }, { 59, "59s" }, { 60, "1m" }, { 61, "1m1s" }, { 250, "4m10s" },
		{ 3599, "59m59s" }, { 3600, "1h" }, { 3661, "1h1m" }, { 46920, "13h2m" }, { 86399, "23h59m" },
		{ 86400, "1d" }, { 432000, "5d" }, { 435600, "5d1h" }, { UINT32_MAX, "49710d6h" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		out_clear(&out);
		put_seconds(&out, rows[i].seconds);
		assert_string_equal(written(), rows[i].text);
	}
}

/* ---- bytes that others made ---- */

static void strange_bytes_cannot_move_the_cursor(void **state)
{
	char all[256];

	(void)state;
	for (unsigned i = 1; i < 256; i++)
		all[i - 1] = i;
	all[255] = '\0';
	out_clear(&out);
	out_escaped(&out, all);
	for (const char *p = written(); *p; p++)
		assert_true(*p >= ' ' && *p < 0x7f);
	out_clear(&out);
	out_escaped(&out, "a\033[2Jb\x9b\n");
	assert_string_equal(written(), "a\\x1b[2Jb\\x9b\\x0a");
}

static void json_keeps_utf8_and_escapes_the_rest(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "plain", "plain" }, { "a\"b\\c", "a\\\"b\\\\c" }, { "\n\x7f", "\\u000a\\u007f" },
		{ "\xc3\xa9", "\xc3\xa9" }, { "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xe9", "\\u00e9" },			/* Latin 1 */
		{ "\xc0\xaf", "\\u00c0\\u00af" },	/* overlong */
		{ "\xed\xa0\x80", "\\u00ed\\u00a0\\u0080" },	/* a surrogate */
		{ "\xe2\x82", "\\u00e2\\u0082" },	/* cut */
		{ "\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080" },	/* above 10ffff */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		out_clear(&out);
		out_json(&out, rows[i].in, strlen(rows[i].in));
		assert_string_equal(written(), rows[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_reads_as_inet_ntop_writes_it),
		cmocka_unit_test(special_ipv6_addresses),
		cmocka_unit_test(ipv4_reads_as_inet_ntop_writes_it),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(numbers_are_written_as_printf_does),
		cmocka_unit_test(readers_take_what_people_write),
		cmocka_unit_test(times_are_read_as_they_are_written),
		cmocka_unit_test(durations_are_written_in_three_digits),
		cmocka_unit_test(seconds_are_written_in_two_units),
		cmocka_unit_test(strange_bytes_cannot_move_the_cursor),
		cmocka_unit_test(json_keeps_utf8_and_escapes_the_rest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
