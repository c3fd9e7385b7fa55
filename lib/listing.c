/* Gathers the rows of a view, chooses the first thousands, and puts them in order. */
#include "listing.h"

#include "memory.h"
#include "places.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTED = 10000, CANDIDATES = 4 * LISTED };
enum { NEW_ROW = UINT32_MAX };

void listing_init(struct listing *listing, struct sample *sample, const struct eventlog *log,
		  const struct vitals *vitals)
{
	*listing = (struct listing){ .sample = sample, .log = log, .vitals = vitals };
}

void listing_release(struct listing *listing)
{
	free(listing->items);
	listing->items = NULL;
	listing->count = listing->room = 0;
}

void listing_clear(struct listing *listing)
{
	listing->count = listing->total = 0;
	listing->epoch = listing->sample->epoch;
}

bool listing_stale(const struct listing *listing)
{
	return listing->epoch != listing->sample->epoch;
}

static struct item *add(struct listing *listing)
{
	if (listing->count == listing->room) {
		listing->room = listing->room ? 2 * listing->room : 256;
		listing->items = realloc(listing->items, listing->room * sizeof(*listing->items));
		if (!listing->items)
			memory_exhausted();
	}
	listing->items[listing->count] = (struct item){ .before = NEW_ROW };
	return &listing->items[listing->count++];
}

/* Row 0 is what was counted since the start, row 1 the rate of all CPUs, then come the CPUs. */
static void cpu_row(const struct listing *listing, uint32_t number, struct row *row)
{
	const struct vitals *vitals = listing->vitals;
	const struct cpu *cpu = number < 2 ? NULL : &vitals->now.cpus[number - 2];

	memset(row, 0, sizeof(*row));
	row->identity = number + 1;
	for (unsigned i = 0; i < CPU_COUNTERS; i++) {
		int counter = counter_find(row_counters[i], strlen(row_counters[i]));
		double rate = 0;

		if (!stats_has(&vitals->now, counter) || (number && !vitals_rate(vitals, counter, cpu, &rate)))
			continue;
		row->group.flow.has |= HAS(i);
		row->counters[i] = number ? rate * 1000 + 0.5 : vitals->now.total[counter] * 1000;
	}
	if (number < 2)
		strcpy(row->cpu, number ? "all/s" : "total");
	else
		snprintf(row->cpu, sizeof(row->cpu), "%u", cpu->number);
}

static void group_row(const struct listing *listing, const struct item *item, struct row *row)
{
	sample_group_row(listing->sample, item->number, row);
	row->sums = item->sums;
	row->identity = item->identity;
	row->is_gone = item->gone_since;
	row_finish(row, listing->sample->totals.flows);
}

/* Flows and events may have moved or left since they were listed; then nothing is known of them. */
static void flow_row(const struct listing *listing, const struct item *item, struct row *row)
{
	const struct kept *kept = listing->sample->kept;
	const struct kept_item *flow = kept_find(kept, item->identity);

	memset(row, 0, sizeof(*row));
	row->identity = item->identity;
	row->is_gone = true;
	if (flow)
		kept_row(kept, flow, row);
}

static void event_row(const struct listing *listing, const struct item *item, struct row *row)
{
	uint64_t first = eventlog_count(listing->log) ? eventlog_serial(listing->log, 0) : UINT64_MAX;

	memset(row, 0, sizeof(*row));
	row->identity = item->identity;
	if (item->identity >= first)
		eventlog_row(listing->log, item->identity - first, row);
}

static void item_row(const struct listing *listing, const struct item *item, struct row *row)
{
	switch (listing->sample->view->rows) {
	case ROWS_GROUPS:
		group_row(listing, item, row);
		break;
	case ROWS_FLOWS:
		flow_row(listing, item, row);
		break;
	case ROWS_EVENTS:
		event_row(listing, item, row);
		break;
	case ROWS_CPUS:
		cpu_row(listing, item->number, row);
	}
}

void listing_row(const struct listing *listing, size_t place, struct row *row)
{
	item_row(listing, &listing->items[place], row);
}

/* FNV-1a over the values of the keys, which are the same in every run. */
static uint64_t group_identity(const struct sample *sample, const struct row *row)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < sample->plan.keys_count; i++) {
		const struct field *field = &sample->plan.keys[i];
		const uint8_t *value = field_value(field, &row->group.flow);
		bool present = field_present(field, &row->group.flow);

		h = (h ^ present) * UINT64_C(0x100000001b3);
		for (unsigned j = 0; present && j < field->size; j++)
			h = (h ^ value[j]) * UINT64_C(0x100000001b3);
	}
	return h ? h : 1;
}

/* As far as they say everything: an IPv6 address is more than a number. */
static void set_ties(const struct sample *sample, struct item *item, const struct row *row)
{
	for (unsigned i = 0; i < TIES && i < sample->plan.keys_count; i++) {
		const struct field *key = &sample->plan.keys[i];

		item->ties[i] = order_key(&(struct order){ key, false }, row);
		if (key->kind == &kind_address && row->group.flow.family != AF_INET)
			break;
	}
}

static bool is_active(const struct row *row)
{
	const struct sums *sums = &row->sums;

	return sums->fresh_rate > 0 || sums->gone_rate > 0 || sums->bytes_rate > 0 ||
	       sums->packets_rate > 0 || row->is_fresh;
}

/* Of many groups only the number and the key are looked at, until the first ones are known. */
struct candidate {
	uint64_t key;
	uint32_t number;
};

static int by_key(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	return a->key < b->key ? -1 : a->key > b->key;
}

/* Moves the `want` candidates with the smallest keys to the front: quickselect. */
static void select_first(struct candidate *items, size_t count, size_t want)
{
	size_t low = 0, high = count;

	while (high - low > 64 && want > low && want < high) {
		uint64_t pivot = items[low + (high - low) / 2].key;
		size_t i = low, j = high - 1;

		while (i <= j) {
			while (items[i].key < pivot)
				i++;
			while (items[j].key > pivot)
				j--;
			if (i > j)
				break;
			struct candidate swap = items[i];
			items[i++] = items[j];
			items[j] = swap;
			if (!j--)
				break;
		}
		if (want <= j + 1)
			high = j + 1;
		else if (want >= i)
			low = i;
		else
			return;
	}
	if (want > low && want < high)
		qsort(items + low, high - low, sizeof(*items), by_key);
}

static uint64_t worst_of(const struct candidate *list, size_t count)
{
	uint64_t worst = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i].key > worst)
			worst = list[i].key;
	return worst;
}

static bool is_alive(const struct sample *sample, uint32_t group)
{
	const struct sums *sums = sample_sums(sample, group);

	return sums->round == sample->round && sums->count;
}

static size_t count_alive(const struct sample *sample)
{
	size_t count = 0;

	for (uint32_t i = 0; i < sample_groups(sample); i++)
		count += is_alive(sample, i);
	return count;
}

/* Everything that sorting and showing the group takes, as the dump that runs next changes its sums. */
static void add_group(struct listing *listing, uint32_t number, const struct row *row)
{
	const struct sample *sample = listing->sample;
	struct item *item = add(listing);

	item->number = number;
	item->identity = group_identity(sample, row);
	item->key = order_key(&sample->order, row);
	order_rest(&sample->order, row, item->rest);
	set_ties(sample, item, row);
	item->sums = row->sums;
}

static void gather_few(struct listing *listing, bool active)
{
	const struct sample *sample = listing->sample;
	struct row row;

	for (uint32_t i = 0; i < sample_groups(sample); i++) {
		if (!is_alive(sample, i))
			continue;
		sample_group_row(sample, i, &row);
		if (!active || is_active(&row))
			add_group(listing, i, &row);
	}
	listing->total = listing->count;
}

/* Of a million groups only some more than the first thousands are remembered at any time. Returns how many
 * there are of them, at most LISTED; *total: how many there would be. */
static size_t find_candidates(const struct sample *sample, bool active, struct candidate *list, size_t *total)
{
	uint64_t worst = 0;
	const struct field *field = sample->order.field;
	bool by_key_of_group = field && field->offset < sizeof(struct group_row), full = false;
	struct row row;
	size_t count = 0;

	*total = 0;
	for (uint32_t i = 0; i < sample_groups(sample); i++) {
		uint64_t key;

		if (!is_alive(sample, i))
			continue;
		if (by_key_of_group)
			sample_group_row(sample, i, &row);
		else
			sample_group_sums(sample, i, &row);
		if (active && !is_active(&row))
			continue;
		++*total;
		key = order_key(&sample->order, &row);
		if (full && key >= worst)
			continue;
		list[count++] = (struct candidate){ key, i };
		if (count == CANDIDATES) {
			select_first(list, count, LISTED);
			count = LISTED;
			worst = worst_of(list, count);
			full = true;
		}
	}
	select_first(list, count, LISTED);
	return count < LISTED ? count : LISTED;
}

static void gather_first(struct listing *listing, bool active)
{
	const struct sample *sample = listing->sample;
	struct candidate *list = must(malloc(CANDIDATES * sizeof(*list)));
	size_t count = find_candidates(sample, active, list, &listing->total);
	struct row row;

	for (size_t i = 0; i < count; i++) {
		sample_group_row(sample, list[i].number, &row);
		add_group(listing, list[i].number, &row);
	}
	free(list);
}

static void gather_groups(struct listing *listing, bool active)
{
	if (sample_groups(listing->sample) < CANDIDATES && count_alive(listing->sample) <= LISTED)
		gather_few(listing, active);
	else
		gather_first(listing, active);
}

static void gather_flows(struct listing *listing, bool active)
{
	struct sample *sample = listing->sample;
	struct row row;

	for (size_t i = 0; sample->kept && i < kept_count(sample->kept); i++) {
		const struct kept_item *kept = kept_at(sample->kept, i);
		struct item *item;

		if (active && !(kept->bytes_rate > 0 || kept->packets_rate > 0 || kept->fresh))
			continue;
		kept_row(sample->kept, kept, &row);
		item = add(listing);
		item->number = i;
		item->identity = kept->identity;
		item->key = order_key(&sample->order, &row);
		order_rest(&sample->order, &row, item->rest);
		item->gone_since = kept->gone ? 1 : 0;
	}
}

static void gather_numbers(struct listing *listing, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct item *item = add(listing);

		item->number = i;
		item->key = i;
		item->identity = listing->sample->view->rows == ROWS_EVENTS
			? eventlog_serial(listing->log, i) : i + 1;
	}
}

struct sorting {
	const struct listing *listing;
	bool calm;			/* what was there stays in its place */
	bool exact;			/* the numbers say all about the value */
};

/* The numbers that items are sorted by: the place before, the key, its rest, what makes the group. */
enum { NUMBERS = 4 + TIES };

static uint64_t number_of(const struct sorting *sorting, const struct item *item, unsigned i)
{
	switch (i) {
	case 0:
		return sorting->calm ? item->before : 0;
	case 1:
		return item->key;
	case 2:
	case 3:
		return item->rest[i - 2];
	}
	return sorting->exact ? item->ties[i - 4] : 0;
}

static int compare_keys(const struct listing *listing, const struct row *a, const struct row *b)
{
	const struct group_plan *plan = &listing->sample->plan;

	for (unsigned i = 0; listing->sample->view->rows == ROWS_GROUPS && i < plan->keys_count; i++) {
		int result = field_compare(&plan->keys[i], &a->group.flow, &b->group.flow);

		if (result)
			return result;
	}
	return 0;
}

static int compare_rows(const struct listing *listing, const struct item *a, const struct item *b)
{
	struct row first, second;
	int result;

	item_row(listing, a, &first);
	item_row(listing, b, &second);
	result = order_compare(&listing->sample->order, &first, &second);
	return result ? result : compare_keys(listing, &first, &second);
}

/* Where the numbers are equal: the rest of the value, what makes the group, and then the order of arrival. */
static int compare_places(const void *x, const void *y, void *data)
{
	const struct sorting *sorting = data;
	const struct item *items = sorting->listing->items;
	const struct item *a = &items[((const struct place *)x)->item];
	const struct item *b = &items[((const struct place *)y)->item];
	int result = 0;

	if (!sorting->exact || sorting->listing->sample->view->rows == ROWS_GROUPS)
		result = compare_rows(sorting->listing, a, b);
	return result ? result : a->number < b->number ? -1 : a->number > b->number;
}

static int by_identity(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

static struct item *find(struct item *items, size_t count, uint64_t identity)
{
	struct item key = { .identity = identity };

	return count ? bsearch(&key, items, count, sizeof(key), by_identity) : NULL;
}

/* Groups that had flows in the listing before and have none now stay for one interval. Their
 * number is still that of the group: groups are dropped much later. */
static void add_gone(struct listing *listing, const struct item *old, size_t old_count)
{
	struct sample *sample = listing->sample;

	for (size_t i = 0; i < old_count; i++) {
		struct item *item;

		if (old[i].number >= sample_groups(sample) || old[i].gone_since > 0 ||
		    is_alive(sample, old[i].number))
			continue;
		item = add(listing);
		*item = old[i];
		item->before = NEW_ROW;
		item->gone_since = sample->ended ? sample->ended : 1;
	}
}

static void keep_gone(struct listing *listing, const struct item *old, size_t old_count)
{
	struct sample *sample = listing->sample;

	for (size_t i = 0; i < old_count; i++)
		if (old[i].gone_since && old[i].gone_since == sample->ended &&
		    !is_alive(sample, old[i].number))
			*add(listing) = old[i];
}

static void remember_places(struct listing *listing, struct item *old, size_t old_count)
{
	for (size_t i = 0; i < old_count; i++)
		old[i].before = i;
	if (old_count)
		qsort(old, old_count, sizeof(*old), by_identity);
	for (size_t i = 0; i < listing->count; i++) {
		const struct item *item = find(old, old_count, listing->items[i].identity);

		listing->items[i].before = item ? item->before : NEW_ROW;
	}
}

static void gather(struct listing *listing, bool active)
{
	switch (listing->sample->view->rows) {
	case ROWS_GROUPS:
		gather_groups(listing, active);
		break;
	case ROWS_FLOWS:
		gather_flows(listing, active);
		break;
	case ROWS_EVENTS:
		gather_numbers(listing, eventlog_count(listing->log));
		break;
	case ROWS_CPUS:
		gather_numbers(listing, listing->vitals->time ? listing->vitals->now.cpus_count + 2 : 0);
	}
}

static bool same_numbers(const struct sorting *sorting, const struct item *a, const struct item *b)
{
	for (unsigned i = 0; i < NUMBERS; i++)
		if (number_of(sorting, a, i) != number_of(sorting, b, i))
			return false;
	return true;
}

/* Of the numbers that are not the same in all items, by the last one first. */
static void sort_by_numbers(const struct sorting *sorting, struct place *places)
{
	const struct listing *listing = sorting->listing;
	const struct item *items = listing->items;
	uint64_t differ[NUMBERS] = { 0 };

	for (size_t i = 0; i < listing->count; i++)
		for (unsigned j = 0; j < NUMBERS; j++)
			differ[j] |= number_of(sorting, &items[i], j) ^ number_of(sorting, &items[0], j);
	for (unsigned j = NUMBERS; j-- > 0;) {
		if (!differ[j])
			continue;
		for (size_t i = 0; i < listing->count; i++)
			places[i].value = number_of(sorting, &items[places[i].item], j);
		places_sort(places, listing->count);
	}
}

static void sort_equals(struct sorting *sorting, struct place *places)
{
	const struct listing *listing = sorting->listing;
	const struct item *items = listing->items;
	size_t next;

	for (size_t i = 0; i < listing->count; i = next) {
		const struct item *first = &items[places[i].item];

		next = i + 1;
		while (next < listing->count && same_numbers(sorting, first, &items[places[next].item]))
			next++;
		if (next - i > 1)
			qsort_r(places + i, next - i, sizeof(*places), compare_places, sorting);
	}
}

/* Numbers put nearly everything in order, and are sorted several times faster than items are compared. */
static void sort(struct listing *listing, bool calm)
{
	struct row row = { 0 };
	struct sorting sorting = { listing, calm,
				   order_rest(&listing->sample->order, &row, (uint64_t[2]){ 0 }) };
	struct place *places;
	struct item *items;

	if (!listing->count || !listing->sample->order.field)
		return;
	places = must(malloc(listing->count * sizeof(*places)));
	items = must(malloc(listing->count * sizeof(*items)));
	for (size_t i = 0; i < listing->count; i++)
		places[i].item = i;
	sort_by_numbers(&sorting, places);
	sort_equals(&sorting, places);
	for (size_t i = 0; i < listing->count; i++)
		items[i] = listing->items[places[i].item];
	free(places);
	free(listing->items);
	listing->items = items;
	listing->room = listing->count;
}

void listing_update(struct listing *listing, bool calm, bool active)
{
	struct sample *sample = listing->sample;
	struct item *old = listing->items;
	size_t old_count = listing->count;
	bool groups = sample->view->rows == ROWS_GROUPS;

	listing->items = NULL;
	listing->count = listing->room = 0;
	gather(listing, active);
	if (!groups)
		listing->total = sample->view->rows == ROWS_FLOWS ? sample->totals.flows : listing->count;
	if (groups && !listing_stale(listing)) {
		add_gone(listing, old, old_count);
		keep_gone(listing, old, old_count);
	}
	listing->epoch = sample->epoch;
	if (calm)
		remember_places(listing, old, old_count);
	sort(listing, calm);
	free(old);
}

void listing_sort(struct listing *listing)
{
	struct row row = { 0 };

	for (size_t i = 0; i < listing->count; i++) {
		item_row(listing, &listing->items[i], &row);
		listing->items[i].key = order_key(&listing->sample->order, &row);
		order_rest(&listing->sample->order, &row, listing->items[i].rest);
	}
	sort(listing, false);
}

long listing_find(const struct listing *listing, uint64_t identity)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->items[i].identity == identity)
			return i;
	return -1;
}
