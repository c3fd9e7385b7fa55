/* Tests of lib/capture.c: what is written is read again, and what is broken is told. */
#include "capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t now = UINT64_C(1795414680187555123);

/* Writes to memory: `text` is the file. */
static size_t write_three(char **text)
{
	size_t size;
	FILE *file = open_memstream(text, &size);
	struct capture *capture = capture_create(file);

	assert_non_null(capture);
	assert_int_equal(capture_write(capture, now, "first", 5), 0);
	assert_int_equal(capture_write(capture, now + 1, "", 0), 0);
	assert_int_equal(capture_write(capture, now + 2, "third message", 13), 0);
	assert_int_equal(capture_close(capture), 0);
	return size;
}

static struct capture *open_bytes(void *bytes, size_t size, char *error)
{
	return capture_open(fmemopen(bytes, size, "r"), error);
}

static void expect_next(struct capture *capture, const char *text, uint64_t when)
{
	const uint8_t *data;
	size_t len;
	uint64_t ns;

	assert_int_equal(capture_next(capture, &data, &len, &ns), 1);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(data, text, len);
	assert_int_equal(ns, when);
}

/* What there is instead of a netfilter datagram. */
static int expect_other(struct capture *capture)
{
	const uint8_t *data;
	size_t len;
	uint64_t ns;

	return capture_next(capture, &data, &len, &ns);
}

static void what_is_written_is_read_again(void **state)
{
	char error[CAPTURE_ERROR];
	char *text;
	size_t size = write_three(&text);
	struct capture *capture = open_bytes(text, size, error);

	(void)state;
	assert_non_null(capture);
	expect_next(capture, "first", now);
	expect_next(capture, "", now + 1);
	expect_next(capture, "third message", now + 2);
	assert_int_equal(expect_other(capture), 0);
	capture_close(capture);
	free(text);
}

static void times_go_on_beyond_2038(void **state)
{
	static const uint64_t late = UINT64_C(4102444799999999999);	/* 2099 */
	char error[CAPTURE_ERROR];
	char *text;
	size_t size;
	struct capture *capture = capture_create(open_memstream(&text, &size));

	(void)state;
	assert_int_equal(capture_write(capture, late, "late", 4), 0);
	assert_int_equal(capture_close(capture), 0);
	capture = open_bytes(text, size, error);
	assert_non_null(capture);
	expect_next(capture, "late", late);
	capture_close(capture);
	free(text);
}

static void header_is_that_of_the_link_type(void **state)
{
	static const uint8_t cooked[16] = { 0, 0, 824 >> 8, 824 & 255, [15] = 12 };
	static const uint8_t magic[] = { 0x4d, 0x3c, 0xb2, 0xa1 };	/* nanoseconds */
	char *text;

	(void)state;
	write_three(&text);
	if (*text == 0x4d)
		assert_memory_equal(text, magic, sizeof(magic));
	assert_memory_equal(text + 24 + 16, cooked, sizeof(cooked));
	free(text);
}

static void other_families_are_told_apart(void **state)
{
	char error[CAPTURE_ERROR];
	char *text;
	size_t size = write_three(&text);
	struct capture *capture;

	(void)state;
	text[24 + 16 + 15] = 0;		/* the first is now of rtnetlink */
	capture = open_bytes(text, size, error);
	assert_int_equal(expect_other(capture), 2);
	expect_next(capture, "", now + 1);
	expect_next(capture, "third message", now + 2);
	assert_int_equal(expect_other(capture), 0);
	capture_close(capture);
	free(text);
}

static void cut_file_gives_all_but_the_last(void **state)
{
	char error[CAPTURE_ERROR];
	char *text;
	size_t size = write_three(&text);

	(void)state;
	for (size_t cut = 1; cut < 16 + 16 + 13; cut++) {
		struct capture *capture = open_bytes(text, size - cut, error);

		expect_next(capture, "first", now);
		expect_next(capture, "", now + 1);
		assert_int_equal(expect_other(capture), -1);
		assert_non_null(strstr(capture_error(capture), "truncated"));
		capture_close(capture);
	}
	free(text);
}

static void other_files_are_refused(void **state)
{
	char error[CAPTURE_ERROR];
	char *text;
	size_t size = write_three(&text);
	char noise[] = "tcp      6 431999 ESTABLISHED src=10.0.0.1";

	(void)state;
	assert_null(open_bytes(noise, sizeof(noise), error));
	assert_string_not_equal(error, "");
	assert_null(open_bytes(text, 10, error));
	assert_string_not_equal(error, "");
	text[20] = 1;	/* Ethernet */
	assert_null(open_bytes(text, size, error));
	assert_string_equal(error, "a capture, but not of netlink messages");
	free(text);
}

/* Section header, interface with nanoseconds, one packet: little endian, from the specification. */
static void pcapng_is_read(void **state)
{
	static uint8_t bytes[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0,
		1, 0, 0, 0, 32, 0, 0, 0, 253, 0, 0, 0, 0, 0, 4, 0,
		9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0,
		6, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 2, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0,
		0, 0, 0x03, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 'a', 'b', 'c', 'd',
		52, 0, 0, 0,
	};
	char error[CAPTURE_ERROR];
	struct capture *capture = open_bytes(bytes, sizeof(bytes), error);

	(void)state;
	assert_non_null(capture);
	expect_next(capture, "abcd", (UINT64_C(1) << 32) + 2);
	assert_int_equal(expect_other(capture), 0);
	capture_close(capture);
}

static void full_disk_is_told(void **state)
{
	FILE *file = fopen("/dev/full", "w");
	struct capture *capture = capture_create(file);

	(void)state;
	assert_non_null(capture);
	capture_write(capture, now, "lost", 4);
	assert_int_equal(capture_close(capture), -1);
	assert_int_equal(errno, ENOSPC);
}

static void too_long_is_refused(void **state)
{
	static char bytes[300000];
	char *text;
	size_t size;
	struct capture *capture = capture_create(open_memstream(&text, &size));

	(void)state;
	assert_int_equal(capture_write(capture, now, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(capture_close(capture), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(times_go_on_beyond_2038),
		cmocka_unit_test(header_is_that_of_the_link_type),
		cmocka_unit_test(other_families_are_told_apart),
		cmocka_unit_test(cut_file_gives_all_but_the_last),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(pcapng_is_read),
		cmocka_unit_test(full_disk_is_told),
		cmocka_unit_test(too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
