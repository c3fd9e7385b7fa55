/* Tests of lib/places.c against qsort(). */
#include "places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 3000 };

static int by_value(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->item < b->item ? -1 : a->item > b->item;
}

static void check(uint64_t mask, size_t count)
{
	static struct place places[MOST], expected[MOST];

	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = (uint64_t)random() << 40 ^ (uint64_t)random() << 20 ^ random();

		places[i] = expected[i] = (struct place){ (value & mask) | (mask & 1 ? 0 : UINT64_C(7) << 60), i };
	}
	qsort(expected, count, sizeof(*expected), by_value);
	places_sort(places, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(places[i].value, expected[i].value);
		assert_int_equal(places[i].item, expected[i].item);
	}
}

static void sorts_as_qsort_does(void **state)
{
	static const uint64_t masks[] = {
		UINT64_MAX, 0xff, 0xff00, 1, UINT64_C(0xff) << 56, UINT64_C(0xf00000000000000f), 0xffff, 0,
	};
	static const size_t counts[] = { 0, 1, 2, 3, 255, 256, 257, MOST };

	(void)state;
	srandom(1);
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++)
		for (size_t j = 0; j < sizeof(counts) / sizeof(*counts); j++)
			check(masks[i], counts[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_as_qsort_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
