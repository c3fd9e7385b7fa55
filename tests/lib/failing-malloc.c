/* Preloaded into a command: the allocation with the number of FAIL_AT fails, and all after it. Without FAIL_AT
 * they are counted, into the file FAIL_COUNT. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long left = -2, made;
static int count = -1;

static bool fails(void)
{
	made++;
	if (left == -2) {
		const char *at = getenv("FAIL_AT");

		left = at ? atol(at) : -1;
	}
	if (left < 0)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	errno = ENOMEM;
	return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails() ? NULL : __libc_realloc(memory, size);
}

/* Behind the command's system call filter no file is opened any more. */
static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("FAIL_COUNT");

	count = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
}

static void __attribute__((destructor)) report(void)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%ld\n", made);

	if (count >= 0 && write(count, text, length) != length)
		abort();
}
