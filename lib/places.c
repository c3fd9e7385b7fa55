/* A radix sort from the last byte to the first; bytes that are the same in all are passed over. */
#include "places.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES = 256 };

static inline uint8_t byte_of(const struct place *place, unsigned byte)
{
	return place->value >> 8 * byte;
}

static void distribute(const struct place *from, struct place *to, size_t count, unsigned byte)
{
	size_t ends[VALUES] = { 0 }, end = 0;

	for (size_t i = 0; i < count; i++)
		ends[byte_of(&from[i], byte)]++;
	for (unsigned value = 0; value < VALUES; value++) {
		size_t start = end;

		end += ends[value];
		ends[value] = start;
	}
	for (size_t i = 0; i < count; i++)
		to[ends[byte_of(&from[i], byte)]++] = from[i];
}

void places_sort(struct place *places, size_t count)
{
	struct place *room, *from = places, *to;
	uint64_t differ = 0;

	for (size_t i = 1; i < count; i++)
		differ |= places[i].value ^ places[0].value;
	if (!differ)
		return;
	to = room = must(malloc(count * sizeof(*room)));
	for (unsigned byte = 0; byte < sizeof(differ); byte++) {
		struct place *swap = from;

		if (!(differ >> 8 * byte & 0xff))
			continue;
		distribute(from, to, count, byte);
		from = to;
		to = swap;
	}
	if (from != places)
		memcpy(places, from, count * sizeof(*places));
	free(room);
}
