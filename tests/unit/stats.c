/* Tests of lib/stats.c, kernel.c, counter.c, proctable.c: wrapping, going back, kernels that differ. */
#include "proctable.h"
#include "stats.h"
#include "sysctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int drop, found, failed, chain;

static int setup(void **state)
{
	(void)state;
	drop = counter_find("drop", 4);
	found = counter_find("found", 5);
	failed = counter_find("insert_failed", 13);
	chain = counter_find("chaintoolong", 12);
	return drop < 0 || found < 0 || failed < 0 || chain < 0;
}

/* A reading of one counter, on two CPUs, `seconds` after the beginning. */
static void reading(struct stats *stats, int counter, uint32_t first, uint32_t second, double seconds)
{
	stats_init(stats);
	kernel_parse(&stats->kernel, "6.1.0");
	stats->clock = (100 + seconds) * 1e9;
	stats_cpu(stats, 0)->count[counter] = first;
	stats_cpu(stats, 1)->count[counter] = second;
	stats->counters = UINT64_C(1) << counter;
	stats_finish(stats);
}

static uint64_t delta(uint32_t old0, uint32_t old1, uint32_t new0, uint32_t new1)
{
	struct stats before, now;
	struct rates rates;

	reading(&before, drop, old0, old1, 0);
	reading(&now, drop, new0, new1, 1);
	rates_between(&rates, &before, &now, 0);
	assert_true(rates.has & RATES_COUNTERS);
	assert_float_equal(rates.seconds, 1, 1e-9);
	stats_release(&before);
	stats_release(&now);
	return rates.delta[drop];
}

static void differences(void **state)
{
	(void)state;
	assert_int_equal(delta(5, 7, 6, 9), 3);
	/* One CPU wraps, so the total becomes smaller. */
	assert_int_equal(delta(4294967290, 7, 4, 7), 10);
	assert_int_equal(delta(UINT32_MAX, UINT32_MAX, 0, 0), 2);
	/* Set back: it has counted 3 since, not four thousand millions. */
	assert_int_equal(delta(1000000000, 0, 3, 0), 3);
	assert_int_equal(delta(10, 10, 0, 0), 0);
}

static void late_cpu(void **state)
{
	struct stats before, now;
	struct rates rates;

	(void)state;
	reading(&before, drop, 5, 5, 0);
	reading(&now, drop, 6, 5, 2);
	stats_cpu(&now, 17)->count[drop] = 4;
	rates_between(&rates, &before, &now, 0);
	assert_int_equal(rates.delta[drop], 5);
	assert_float_equal(rates_of(&rates, drop), 2.5, 1e-9);
	stats_release(&before);
	stats_release(&now);
}

static void split(void **state)
{
	struct stats stats;
	struct drops drops;

	(void)state;
	reading(&stats, drop, 60, 5, 0);
	stats.counters |= UINT64_C(1) << failed | UINT64_C(1) << chain;
	stats.cpus[0].count[failed] = 24;
	stats.cpus[1].count[chain] = 10;
	stats_finish(&stats);
	assert_true(drops_split(&drops, &stats, NULL));
	assert_int_equal(drops.full, 51);
	assert_int_equal(drops.clash, 14);
	assert_int_equal(drops.chain, 10);
	/* Before 5.10 insert_failed holds clashes that cost nothing. */
	kernel_parse(&stats.kernel, "5.4.0");
	assert_false(drops_split(&drops, &stats, NULL));
	stats_release(&stats);
}

static void growth(void **state)
{
	struct stats before, now;
	struct rates rates;
	double seconds;

	(void)state;
	reading(&before, drop, 0, 0, 0);
	reading(&now, drop, 0, 0, 10);
	before.entries = 1000;
	now.entries = 3000;
	now.max = 5000;
	before.has = now.has = STATS_ENTRIES | STATS_MAX;
	rates_between(&rates, &before, &now, 0);
	assert_float_equal(rates.growth, 200, 1e-6);
	assert_true(rates_full_in(&rates, &now, &seconds));
	assert_float_equal(seconds, 10, 1e-6);
	rates_between(&rates, &now, &before, 3);
	assert_float_equal(rates.growth, -2000 / 3.0, 1e-6);
	assert_false(rates_full_in(&rates, &now, &seconds));
	stats_release(&before);
	stats_release(&now);
}

static const char *meaning(const char *release, const char *name)
{
	struct kernel kernel;

	assert_true(kernel_parse(&kernel, release));
	return counter_sense(&counters[counter_find(name, strlen(name))], &kernel)->text;
}

static void meanings(void **state)
{
	(void)state;
	assert_string_equal(meaning("4.8.17", "found"), "packets that belonged to a known flow");
	assert_non_null(strstr(meaning("4.9.0", "found"), "NAT"));
	assert_non_null(strstr(meaning("6.12.3-amd64", "found"), "TCP: not all"));
	assert_null(meaning("4.9.0", "new"));
	assert_non_null(meaning("3.2", "new"));
	assert_null(meaning("5.9.16", "clash_resolve"));
	assert_null(meaning("5.14.21", "chaintoolong"));
	assert_non_null(meaning("5.15.1", "chaintoolong"));
	assert_non_null(strstr(meaning("5.4.0", "insert_failed"), "without harm"));
	assert_non_null(strstr(meaning("7.2.13", "insert_failed"), "dropped"));
}

static void kernels(void **state)
{
	struct kernel kernel;
	char text[64];

	(void)state;
	assert_false(kernel_parse(&kernel, "Linux"));
	assert_false(kernel_parse(&kernel, "99999.1"));
	kernel_unknown(&kernel);
	kernel_text(text, sizeof(text), &kernel);
	assert_string_equal(text, "unknown");
	kernel_narrow(&kernel, KERNEL(5, 10), KERNEL_LAST);
	kernel_text(text, sizeof(text), &kernel);
	assert_string_equal(text, "5.10 or later");
	/* Evidence that contradicts what is known is not taken. */
	kernel_narrow(&kernel, 0, KERNEL(4, 8));
	kernel_text(text, sizeof(text), &kernel);
	assert_string_equal(text, "5.10 or later");
}

/* Each counter has a name, a column, one attribute; senses ascend; texts fit a HELP line. */
static void tables(void **state)
{
	(void)state;
	for (int i = 0; i < COUNTERS; i++) {
		assert_non_null(counters[i].name);
		assert_non_null(counters[i].column);
		assert_non_null(counters[i].function);
		assert_int_equal(counters[i].senses[0].since, 0);
		for (int s = 0; s < SENSES; s++) {
			const struct sense *sense = &counters[i].senses[s];

			if (s && sense->since)
				assert_true(sense->since > sense[-1].since);
			if (sense->text)
				assert_null(strpbrk(sense->text, "\"\\\n"));
		}
		for (int j = 0; j < i; j++)
			assert_false(counters[i].expect == counters[j].expect &&
				     counters[i].attribute == counters[j].attribute);
	}
	assert_null(counters[COUNTERS].name);
	for (const struct sysctl *sysctl = sysctls; sysctl->name; sysctl++) {
		assert_non_null(sysctl->text);
		assert_ptr_equal(sysctl_find(sysctl->name, strlen(sysctl->name)), sysctl);
	}
	assert_ptr_equal(sysctl_find("max", 3), sysctls);
	assert_ptr_equal(sysctl_find("net.netfilter.nf_conntrack_max", 30), sysctls);
	assert_null(sysctl_find("", 0));
}

static void proc_lines(void **state)
{
	struct proctable table = { 0 };

	(void)state;
	assert_false(proctable_head(&table, "cpu found new"));
	assert_false(proctable_head(&table, ""));
	assert_true(proctable_head(&table, "entries  clashres found\n"));
	assert_true(proctable_row(&table, "00000001  00000002 ffffffff\n"));
	assert_false(proctable_row(&table, "00000001  00000002\n"));
	assert_false(proctable_row(&table, "00000001  00000002 00000003 00000004\n"));
	assert_false(proctable_row(&table, "00000001  00000002 1ffffffff\n"));
	assert_false(proctable_row(&table, "00000001  -0000002 00000003\n"));
	assert_false(proctable_row(&table, "00000001  0000000g 00000003\n"));
	assert_int_equal(table.rows, 1);
	proctable_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences), cmocka_unit_test(late_cpu), cmocka_unit_test(split),
		cmocka_unit_test(growth), cmocka_unit_test(meanings), cmocka_unit_test(kernels),
		cmocka_unit_test(tables), cmocka_unit_test(proc_lines),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
