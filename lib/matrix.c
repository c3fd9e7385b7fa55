/* Puts the columns of a matrix in order and gives them names. */
#include "matrix.h"

#include "memory.h"

#include <stdlib.h>

struct place {
	const struct groups *groups;
	uint32_t number;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	struct group_row left, right;

	groups_column_row(x->groups, groups_column(x->groups, x->number), &left);
	groups_column_row(y->groups, groups_column(y->groups, y->number), &right);
	return field_compare(groups_across(x->groups), &left.flow, &right.flow);
}

static char *name_of(const struct place *place, const struct names *names)
{
	struct field field = *groups_across(place->groups);
	struct group_row row;
	struct out text;
	char *name;

	groups_column_row(place->groups, groups_column(place->groups, place->number), &row);
	field.labels = names;
	out_init(&text, -1);
	out_room(&text, OUT_ROOM);
	if (field_present(&field, &row.flow))
		field.kind->raw(&text, &field, &row.flow);
	else
		put_char(&text, '-');
	name = must(strndup(text.buf, out_length(&text)));
	out_release(&text);
	return name;
}

void matrix_make(struct matrix *matrix, const struct groups *groups, const struct names *names)
{
	uint32_t count = groups_columns_count(groups);
	struct place *order = must(calloc(count + 1, sizeof(*order)));

	matrix->groups = groups;
	matrix->count = count;
	matrix->names = must(calloc(count + 1, sizeof(*matrix->names)));
	matrix->place = must(calloc(count + 1, sizeof(*matrix->place)));
	for (uint32_t i = 0; i < count; i++)
		order[i] = (struct place){ groups, i };
	qsort(order, count, sizeof(*order), compare_places);
	for (uint32_t i = 0; i < count; i++) {
		matrix->place[order[i].number] = i;
		matrix->names[i] = name_of(&order[i], names);
	}
	free(order);
}

void matrix_release(struct matrix *matrix)
{
	for (uint32_t i = 0; i < matrix->count; i++)
		free(matrix->names[i]);
	free(matrix->names);
	free(matrix->place);
	memset(matrix, 0, sizeof(*matrix));
}

void matrix_add(const struct matrix *matrix, const struct group *group, uint64_t *sums)
{
	const struct groups *groups = matrix->groups;

	for (const struct group *cell = groups_cell(groups, group); cell; cell = groups_cell(groups, cell))
		sums[matrix->place[cell->column]] += cell->count;
}
