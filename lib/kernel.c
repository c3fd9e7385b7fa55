/* Kernel versions and ranges of them. */
#include "kernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void kernel_unknown(struct kernel *kernel)
{
	*kernel = (struct kernel){ 0, KERNEL_LAST, "" };
}

/* It is printed in JSON, and may be from a file. */
static bool is_plain(const char *text)
{
	while (*text >= ' ' && *text < 0x7f)
		text++;
	return !*text;
}

bool kernel_parse(struct kernel *kernel, const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%4u.%4u", &major, &minor) != 2 || major > 0x3ffe || minor > 0x3fe ||
	    strlen(release) >= sizeof(kernel->release) || !is_plain(release))
		return false;
	kernel->low = kernel->high = KERNEL(major, minor);
	strcpy(kernel->release, release);
	return true;
}

void kernel_running(struct kernel *kernel)
{
	struct utsname name;

	if (uname(&name) < 0 || !kernel_parse(kernel, name.release))
		kernel_unknown(kernel);
}

void kernel_narrow(struct kernel *kernel, unsigned low, unsigned high)
{
	if (low > kernel->low && low <= kernel->high)
		kernel->low = low;
	if (high < kernel->high && high >= kernel->low)
		kernel->high = high;
}

void kernel_version(char *text, size_t size, unsigned version)
{
	snprintf(text, size, "%u.%u", version >> 10, version & 0x3ff);
}

/* Versions end with .19 or .20 before the next major one, so "before X" is exact where "to Y" is not. */
void kernel_text(char *text, size_t size, const struct kernel *kernel)
{
	char low[16], high[16];

	kernel_version(low, sizeof(low), kernel->low);
	kernel_version(high, sizeof(high), kernel->high + 1);
	if (kernel_known(kernel))
		snprintf(text, size, "%s", low);
	else if (kernel->high == KERNEL_LAST && !kernel->low)
		snprintf(text, size, "unknown");
	else if (kernel->high == KERNEL_LAST)
		snprintf(text, size, "%s or later", low);
	else if (!kernel->low)
		snprintf(text, size, "before %s", high);
	else
		snprintf(text, size, "%s or later, before %s", low, high);
}
