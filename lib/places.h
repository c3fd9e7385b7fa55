/* Sorts by a number, byte by byte instead of by comparing. */
#ifndef PLACES_H
#define PLACES_H

#include <stddef.h>
#include <stdint.h>

/* `item` is the caller's: what stands here. */
struct place {
	uint64_t value;
	uint32_t item;
};

/*
 * The smallest value in front; equal ones stay in their order, so that who sorts by the last of several
 * numbers first has them sorted by all. Ends by memory_exhausted() when memory is out.
 */
void places_sort(struct place *places, size_t count);

#endif
