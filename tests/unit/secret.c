/* Tests of lib/secret.h: hashes depend on all words, and on secrets. */
#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS = 3, ROUNDS = 64 };

static void test_secrets_decide(void **state)
{
	uint64_t word[WORDS] = { 1, 2, 3 }, secrets[SECRETS(WORDS)];
	uint32_t first, same = 0;

	(void)state;
	secrets_make(secrets, SECRETS(WORDS));
	first = secret_hash(secrets, word, WORDS);
	assert_int_equal(secret_hash(secrets, word, WORDS), first);
	for (int i = 0; i < ROUNDS; i++) {
		secrets_make(secrets, SECRETS(WORDS));
		same += secret_hash(secrets, word, WORDS) == first;
	}
	assert_true(same < 3);
}

/* Also the highest bits, which in products of constants meet no others. */
static void test_each_bit_counts(void **state)
{
	uint64_t word[WORDS] = { 0 }, secrets[SECRETS(WORDS)];
	uint32_t first, same = 0;

	(void)state;
	secrets_make(secrets, SECRETS(WORDS));
	first = secret_hash(secrets, word, WORDS);
	for (int i = 0; i < WORDS * 64; i++) {
		word[i / 64] ^= UINT64_C(1) << i % 64;
		same += secret_hash(secrets, word, WORDS) == first;
		word[i / 64] ^= UINT64_C(1) << i % 64;
	}
	assert_true(same < 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_decide),
		cmocka_unit_test(test_each_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
