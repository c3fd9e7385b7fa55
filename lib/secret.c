/* Random bits for hashes, from the kernel. */
#include "secret.h"

#include <sys/random.h>
#include <time.h>

/* Where the kernel has none, the clock and where we were loaded: better than a constant. */
static uint64_t guessed(void)
{
	static uint64_t state;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state += (uint64_t)now.tv_nsec ^ (uintptr_t)&now ^ (uintptr_t)guessed << 16;
	state *= UINT64_C(0x9e3779b97f4a7c15);
	return state ^= state >> 29;
}

void secrets_make(uint64_t *secrets, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (getrandom(&secrets[i], sizeof(*secrets), GRND_NONBLOCK) != sizeof(*secrets))
			secrets[i] = guessed();
}
