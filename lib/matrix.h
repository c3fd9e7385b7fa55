/* The columns of groups across a field, in the order of its values. */
#ifndef MATRIX_H
#define MATRIX_H

#include "group.h"

/* A name is the value as programs read it, "-" where the flows have none. */
struct matrix {
	const struct groups *groups;	/* the caller's */
	uint32_t count;
	char **names;
	uint32_t *place;		/* by the number of the column in the groups */
};

void matrix_make(struct matrix *matrix, const struct groups *groups, const struct names *names);
void matrix_release(struct matrix *matrix);

/* Adds the cells of a group to `sums`, one per column. */
void matrix_add(const struct matrix *matrix, const struct group *group, uint64_t *sums);

#endif
