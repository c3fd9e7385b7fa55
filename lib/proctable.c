/* Reads /proc/net/stat/nf_conntrack: names of columns changed, and some hold other things today. */
#include "proctable.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void proctable_release(struct proctable *table)
{
	free(table->values);
	*table = (struct proctable){ 0 };
}

bool proctable_head(struct proctable *table, const char *line)
{
	size_t length;

	table->rows = table->columns = 0;
	for (const char *p = line; *(p += strspn(p, " \t\r\n")); p += length) {
		length = strcspn(p, " \t\r\n");
		if (length >= PROC_NAME || table->columns == PROC_COLUMNS)
			return false;
		memcpy(table->names[table->columns], p, length);
		table->names[table->columns++][length] = '\0';
	}
	return table->columns > 1 && !strcmp(table->names[0], "entries");
}

static bool grow(struct proctable *table)
{
	unsigned size = table->size ? 2 * table->size : 16;
	uint32_t *values = reallocarray(table->values, size, PROC_COLUMNS * sizeof(*values));

	if (!values)
		return false;
	table->values = values;
	table->size = size;
	return true;
}

static uint32_t *row_of(const struct proctable *table, unsigned row)
{
	return table->values + (size_t)row * PROC_COLUMNS;
}

bool proctable_row(struct proctable *table, const char *line)
{
	unsigned column = 0;
	uint32_t *row;
	char *end;

	if (table->rows == CPUS || (table->rows == table->size && !grow(table)))
		return false;
	row = row_of(table, table->rows);
	for (const char *p = line; *(p += strspn(p, " \t\r\n")); p = end) {
		unsigned long value;

		errno = 0;
		value = strtoul(p, &end, 16);
		if (column == table->columns || !isxdigit((unsigned char)*p) || errno ||
		    value > UINT32_MAX || (*end && !isspace((unsigned char)*end)))
			return false;
		row[column++] = value;
	}
	if (column != table->columns)
		return false;
	table->rows++;
	return true;
}

static int column_of(const struct proctable *table, const char *name)
{
	for (unsigned i = 0; name && i < table->columns; i++)
		if (!strcmp(table->names[i], name))
			return i;
	return -1;
}

static bool counted(const struct proctable *table, const char *name)
{
	int column = column_of(table, name);

	for (unsigned row = 0; column >= 0 && row < table->rows; row++)
		if (row_of(table, row)[column])
			return true;
	return false;
}

/* Which kernels can have written this? The hot-path counters went in 4.9, ignore in 5.10. */
static void narrow(const struct proctable *table, struct kernel *kernel)
{
	if (column_of(table, "chainlength") >= 0)
		kernel_narrow(kernel, KERNEL(5, 15), KERNEL_LAST);
	else if (column_of(table, "clashres") >= 0)
		kernel_narrow(kernel, KERNEL(5, 10), KERNEL(5, 14));
	else
		kernel_narrow(kernel, 0, KERNEL(5, 14));
	if (counted(table, "new") || counted(table, "delete") || counted(table, "delete_list"))
		kernel_narrow(kernel, 0, KERNEL(4, 8));
	else if (counted(table, "ignore"))
		kernel_narrow(kernel, 0, KERNEL(5, 9));
	/* The content changed before the name: nothing but clashes can be under this one then. */
	else if (counted(table, "searched"))
		kernel_narrow(kernel, KERNEL(5, 10), KERNEL_LAST);
}

static int column_of_counter(const struct proctable *table, const struct counter *counter,
			     const struct kernel *kernel)
{
	int column = column_of(table, counter->column);

	if (column < 0 && counter->older && counter_sense(counter, kernel)->text &&
	    counter_sure(counter, kernel))
		column = column_of(table, counter->older);
	return column;
}

bool proctable_finish(const struct proctable *table, struct stats *stats)
{
	narrow(table, &stats->kernel);
	for (unsigned row = 0; row < table->rows; row++)
		if (!stats_cpu(stats, row))
			return false;
	for (int i = 0; i < COUNTERS; i++) {
		int column = column_of_counter(table, &counters[i], &stats->kernel);

		if (column < 0)
			continue;
		stats->counters |= UINT64_C(1) << i;
		for (unsigned row = 0; row < table->rows; row++)
			stats->cpus[row].count[i] = row_of(table, row)[column];
	}
	if (table->rows) {
		stats->entries = row_of(table, 0)[0];
		stats->has |= STATS_ENTRIES;
	}
	return true;
}
