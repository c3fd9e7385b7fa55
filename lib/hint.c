/* Guesses what was meant by a word of a filter that is not understood. */
#include "hint.h"

#include "filter.h"

#include <ctype.h>
#include <stdio.h>

enum { LONGEST = 256 };

/* What rules call packets: ct state of nft(8), --ctstate of iptables(8). */
static const struct {
	const char *word, *why;
} packets[] = {
	{ "invalid", "is said of packets, which get no flow then: see ctwatch --invalid" },
	{ "new", "is said of packets, not of flows; perhaps 'unreplied'" },
	{ "related", "is said of packets, not of flows; perhaps 'expected'" },
};

const char *hint_packets(const char *word)
{
	for (unsigned i = 0; i < sizeof(packets) / sizeof(*packets); i++)
		if (!strcasecmp(word, packets[i].word))
			return packets[i].why;
	return NULL;
}

struct guess {
	const char *word, *best;
	unsigned least;		/* twice the distance of the best, and one if it begins otherwise */
};

static struct guess guess_begin(const char *word)
{
	return (struct guess){ word, NULL, strlen(word) > 3 ? 6 : 4 };
}

/* Levenshtein's distance, one row at a time; words are short. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[LONGEST], length = strlen(b);

	for (unsigned j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= length; j++) {
			unsigned change = corner + (tolower((unsigned char)a[i - 1]) !=
						    tolower((unsigned char)b[j - 1]));
			unsigned shift = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

			corner = row[j];
			row[j] = change < shift ? change : shift;
		}
	}
	return row[length];
}

static void consider(struct guess *guess, const char *candidate)
{
	unsigned far;

	if (!candidate)
		return;
	far = 2 * distance(guess->word, candidate);
	far += tolower((unsigned char)*guess->word) != tolower((unsigned char)*candidate);
	if (far < guess->least) {
		guess->least = far;
		guess->best = candidate;
	}
}

static void consider_states(struct guess *guess)
{
	for (unsigned i = 0; i < state_count(); i++)
		consider(guess, state_name(i));
}

static void consider_protocols(struct guess *guess)
{
	for (unsigned i = 0; i < 256; i++)
		consider(guess, proto_name(i));
}

static void tell(char *text, size_t size, const struct guess *guess)
{
	if (guess->best)
		snprintf(text, size, "; did you mean '%s'?", guess->best);
	else
		*text = '\0';
}

/* An address, a port or both without the word that has to stand before them. */
static bool is_value(char *text, size_t size, const char *word)
{
	static const struct { const char *field, *say; } values[] = {
		{ "orig.dst", "host" }, { "orig.dport", "port" }, { "destination", "destination" },
	};
	struct term term;

	for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
		const struct field *field = field_find(values[i].field, strlen(values[i].field));

		if (field->kind->parse(&term, field, word, NULL))
			continue;
		snprintf(text, size, "; did you mean '%s %s'?",
			 i || !strchr(word, '/') ? values[i].say : "net", word);
		return true;
	}
	return false;
}

/* A status bit that is no word by itself. */
static bool is_bit(char *text, size_t size, const char *word)
{
	for (const struct bit *bit = status_bits; bit->name; bit++)
		if (!strcasecmp(bit->name, word)) {
			snprintf(text, size, "; did you mean 'status %s'?", bit->name);
			return true;
		}
	return false;
}

void hint_word(char *text, size_t size, const char *word)
{
	struct guess guess = guess_begin(word);
	const char *help, *name;

	if (is_value(text, size, word) || is_bit(text, size, word))
		return;
	for (const struct field *field = fields; field->name; field++)
		consider(&guess, field->name);
	for (unsigned i = 0; field_short(i, &name); i++)
		consider(&guess, name);
	for (unsigned i = 0; (name = filter_word(i, &help)); i++)
		consider(&guess, name);
	consider_states(&guess);
	consider_protocols(&guess);
	tell(text, size, &guess);
}

void hint_value(char *text, size_t size, const struct field *field, const char *word)
{
	struct guess guess = guess_begin(word);

	if (field->kind == &kind_event && isdigit((unsigned char)*word)) {
		snprintf(text, size, "; did you mean 'icmp.type %.20s'?", word);
		return;
	}
	for (const struct bit *bit = field->kind->bits; bit && bit->name; bit++)
		consider(&guess, bit->name);
	for (const char *const *name = field->names; name && *name; name++)
		consider(&guess, *name);
	if (field->kind == &kind_state)
		consider_states(&guess);
	if (field->kind == &kind_proto)
		consider_protocols(&guess);
	tell(text, size, &guess);
}
