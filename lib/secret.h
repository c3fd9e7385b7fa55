/*
 * Hashes that nobody can foresee: peers choose addresses and ports, and files come from strangers.
 * Multilinear hashing with half the multiplications (Lemire and Kaser, "Strongly universal string hashing is
 * fast"): whatever two different keys are, they collide with a chance of 2^-32.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdint.h>

/* So many secrets are needed for a hash of `words` words. */
#define SECRETS(words) (2 * (words) + 1)

/* Fills them with random bits. */
void secrets_make(uint64_t *secrets, unsigned count);

static inline uint32_t secret_hash(const uint64_t *secrets, const uint64_t *word, unsigned words)
{
	uint64_t sum = *secrets++;

	for (unsigned i = 0; i < words; i++)
		sum += (secrets[2 * i] + (uint32_t)word[i]) * (secrets[2 * i + 1] + (word[i] >> 32));
	return sum >> 32;
}

#endif
