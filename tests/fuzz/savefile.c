/* Fuzzes reading a saved file, whatever it is: capture, text or JSON, through a file in memory. */
#include "fuzz.h"

#include "source.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void say(void *data, const char *file, unsigned long long number, const char *what)
{
	(void)data;
	(void)number;
	assert(file && what && *what);
}

static int memory_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct prints prints;
	const struct complaint complaint = { say, NULL };
	int fd = memory_file(data, size);
	struct source *source;
	struct flow flow;
	char path[64];
	const char *files[] = { path };

	if (!prints.out.buf)
		prints_init(&prints);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	source = source_files(files, 1, &complaint, NULL);
	assert(source);
	source_want(source, HAS_ALL);
	while (source_read(source) > 0)
		while (source_flow(source, &flow))
			free(prints_check(&prints, &flow));
	source_close(source);
	close(fd);
	return 0;
}
