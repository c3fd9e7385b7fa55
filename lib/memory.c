/* What happens when memory is out, unless a command knows better. */
#include "memory.h"

#include <stdlib.h>

__attribute__((weak)) void memory_exhausted(void)
{
	abort();
}

void *must(void *memory)
{
	if (!memory)
		memory_exhausted();
	return memory;
}
