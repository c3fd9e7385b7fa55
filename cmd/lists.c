/* Prints what there is to choose from. The lists are those of the library; nothing is repeated here. */
#include "lists.h"

#include "filter.h"

#include <stdio.h>

static bool wanted(const struct field *field, unsigned in)
{
	return !in || (field->in & in);
}

void list_fields(const struct field *rows, unsigned in)
{
	const char *name, *path;

	for (const struct field *field = rows; field->name; field++)
		if (wanted(field, in))
			printf("%-22s  %-9s  %s\n", field->name, field->kind->name, field->help);
	for (unsigned i = 0; rows == fields && (path = field_short(i, &name)); i++)
		printf("%-22s  %-9s  %s\n", name, "short", path);
}

static void word(const char *name, const char *field, const char *help)
{
	printf("%s\t%s\t%s\n", name, field, help);
}

/* Once as a value of `field`, once standing alone. */
static void states(const char *field, const char *help)
{
	for (unsigned i = 0; i < state_count(); i++)
		word(state_name(i), field, help);
}

static void protocols(const char *field, const char *help)
{
	for (unsigned i = 0; i < 256; i++)
		if (proto_name(i))
			word(proto_name(i), field, help);
}

static void families(const char *field, const char *help)
{
	word("ipv4", field, help);
	word("ipv6", field, help);
}

/* What a value of the field may be called, where it is one of a few names. */
static void values(const struct field *field)
{
	for (const struct bit *bit = field->kind->bits; bit && bit->name; bit++)
		word(bit->name, field->name, bit->help);
	for (const char *const *name = field->names; name && *name; name++)
		if (**name)
			word(*name, field->name, "");
	if (field->kind == &kind_state)
		states(field->name, "");
	if (field->kind == &kind_proto)
		protocols(field->name, "");
	if (field->kind == &kind_family)
		families(field->name, "");
}

void list_words(unsigned in)
{
	const char *name, *help, *path;

	for (unsigned i = 0; (name = filter_word(i, &help)); i++)
		word(name, "", help);
	word("and", "", "both; may be left out");
	word("or", "", "one of them, or both");
	word("not", "", "the opposite");
	families("", "address family");
	protocols("", "protocol");
	states("", "state");
	for (unsigned i = 0; (path = field_short(i, &name)); i++)
		word(name, "", path);
	for (const struct field *field = fields; field->name; field++)
		if (wanted(field, in))
			word(field->name, "", field->help);
	for (const struct field *field = fields; field->name; field++)
		if (wanted(field, in))
			values(field);
}
