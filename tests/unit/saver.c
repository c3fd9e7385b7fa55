/* What can be made of the child that makes the file for the screen. */
#include "saver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/ctscope-saver-XXXXXX";

static void test_new_files(void **state)
{
	int channel = saver_new(true), fd;
	struct stat made;

	(void)state;
	assert_true(channel >= 0);
	fd = saver_open(channel, "screen");
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(stat("screen", &made), 0);
	assert_int_equal(made.st_size, 1);
	assert_int_equal(made.st_mode & 0111, 0);
	close(channel);
}

static void test_others(void **state)
{
	static const char *const names[] = { "", ".", "..", ".profile", "../x", "/tmp/x", "/etc/cron.d/x", "a/b", "./x" };
	int channel = saver_new(true);

	(void)state;
	assert_true(channel >= 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(saver_open(channel, names[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(symlink("/tmp/ctscope-elsewhere", "linked"), 0);
	assert_int_equal(saver_open(channel, "linked"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(saver_open(channel, "screen"), -1);
	assert_int_equal(errno, EEXIST);
	close(channel);
}

static int enter_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? chdir(directory) : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink("screen");
	unlink("linked");
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_files),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, enter_directory, remove_directory);
}
