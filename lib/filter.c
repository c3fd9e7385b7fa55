/* Parses and applies the filter language: recursive descent, then a walk over the tree. */
#include "filter.h"

#include "hint.h"
#include "memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DEPTH = 100, TESTS = 10000, WORD = 256 };

#define BLANKS " \t\n\r\f\v"

/* Words that stand alone: a field and the value it is compared with. */
static const struct {
	const char *word, *field, *value, *help;
} flags[] = {
	{ "assured", "status", "ASSURED", "two-way and established; never evicted to make room" },
	{ "replied", "status", "SEEN_REPLY", "packets were seen in both directions" },
	{ "unreplied", "flags", "UNREPLIED", "no packet came back yet" },
	{ "nat", "status", "SRC_NAT,DST_NAT", "source or destination is translated" },
	{ "snat", "status", "SRC_NAT", "the source is translated" },
	{ "dnat", "status", "DST_NAT", "the destination is translated" },
	{ "offload", "status", "OFFLOAD", "in a flowtable, software or hardware" },
	{ "hw-offload", "status", "HW_OFFLOAD", "in a hardware flowtable" },
	{ "expected", "status", "EXPECTED", "announced by a helper" },
	{ "confirmed", "status", "CONFIRMED", "in the table" },
	{ "dying", "status", "DYING", "being removed" },
	{ "fixed-timeout", "status", "FIXED_TIMEOUT", "packets do not refresh the timeout" },
	{ "seq-adjust", "status", "SEQ_ADJUST", "a helper changed the payload length" },
	{ "template", "status", "TEMPLATE", "a template" },
	{ "untracked", "status", "UNTRACKED", "short-lived entry of a resolved clash" },
};

/* Words that look at several fields at once. */
static const struct {
	const char *word;
	const char *fields[4];
	const char *help;
} groups[] = {
	{ "host", { "orig.src", "orig.dst", "reply.src", "reply.dst" }, "any of the four addresses" },
	{ "net", { "orig.src", "orig.dst", "reply.src", "reply.dst" }, "any of the four addresses" },
	{ "port", { "orig.sport", "orig.dport", "reply.sport", "reply.dport" }, "any of the four ports" },
};

#define COUNT(table) (sizeof(table) / sizeof(*table))

const char *filter_word(unsigned i, const char **help)
{
	if (i < COUNT(flags)) {
		*help = flags[i].help;
		return flags[i].word;
	}
	i -= COUNT(flags);
	if (i < COUNT(groups)) {
		*help = groups[i].help;
		return groups[i].word;
	}
	return NULL;
}

enum token { END, OPEN, CLOSE, AND, OR, NOT, OPERATOR, COMMA, TEXT };

struct parser {
	const char *text, *at;
	const struct names *names;
	struct filter_error *error;
	struct filter *filter;
	unsigned depth, tests;
	/* the current token */
	enum token token;
	size_t position, length;
	char word[WORD];
	bool quoted;
};

static bool fail(struct parser *p, size_t position, size_t length, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The first fault is the one that is told. */
static bool fail(struct parser *p, size_t position, size_t length, const char *format, ...)
{
	va_list args;

	if (p->error->message[0])
		return false;
	p->error->position = position;
	p->error->length = length ? length : 1;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	return false;
}

static const struct {
	const char *text;
	enum token token;
} symbols[] = {
	{ "&&", AND }, { "||", OR }, { "!=", OPERATOR }, { "<=", OPERATOR }, { ">=", OPERATOR },
	{ "==", OPERATOR }, { "=", OPERATOR }, { "<", OPERATOR }, { ">", OPERATOR }, { "!", NOT },
	{ "(", OPEN }, { ")", CLOSE }, { ",", COMMA },
};

static bool take_word(struct parser *p, size_t length)
{
	if (length >= WORD)
		return fail(p, p->position, length, "this word is too long");
	memcpy(p->word, p->at, length);
	p->word[length] = '\0';
	p->at += length;
	p->length = p->at - p->text - p->position;
	return true;
}

static bool take_quoted(struct parser *p)
{
	char quote = *p->at++;
	size_t length = strcspn(p->at, quote == '"' ? "\"" : "'");

	if (!p->at[length])
		return fail(p, p->position, strlen(p->at) + 1, "the quote is not closed");
	if (!take_word(p, length))
		return false;
	p->at++;
	p->length++;
	p->quoted = true;
	p->token = TEXT;
	return true;
}

static enum token keyword(const char *word)
{
	static const struct { const char *word; enum token token; } keywords[] = {
		{ "and", AND }, { "or", OR }, { "not", NOT },
	};

	for (unsigned i = 0; i < COUNT(keywords); i++)
		if (!strcasecmp(word, keywords[i].word))
			return keywords[i].token;
	return TEXT;
}

/* Reads the next token; false on a fault. */
static bool next(struct parser *p)
{
	p->at += strspn(p->at, BLANKS);
	p->position = p->at - p->text;
	p->length = 0;
	p->quoted = false;
	p->word[0] = '\0';
	p->token = END;
	if (!*p->at)
		return true;
	for (unsigned i = 0; i < COUNT(symbols); i++) {
		size_t length = strlen(symbols[i].text);

		if (!strncmp(p->at, symbols[i].text, length)) {
			p->token = symbols[i].token;
			return take_word(p, length);
		}
	}
	if (*p->at == '"' || *p->at == '\'')
		return take_quoted(p);
	if (!take_word(p, strcspn(p->at, BLANKS "()=<>!,&|\"'")))
		return false;
	if (!p->length)
		return fail(p, p->position, 1, "'%c' means nothing here", isprint((unsigned char)*p->at)
			    ? *p->at : '?');
	p->token = keyword(p->word);
	return true;
}

static struct node *node_new(enum node_type type, struct node *left, struct node *right)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		memory_exhausted();
	node->type = type;
	node->left = left;
	node->right = right;
	return node;
}

static void node_free(struct node *node)
{
	if (!node)
		return;
	node_free(node->left);
	node_free(node->right);
	free(node->test.terms);
	free(node);
}

static struct term *add_term(struct test *test)
{
	struct term *terms = realloc(test->terms, (test->terms_count + 1) * sizeof(*terms));

	if (!terms)
		memory_exhausted();
	test->terms = terms;
	memset(&terms[test->terms_count], 0, sizeof(*terms));
	return &terms[test->terms_count++];
}

static void add_field(struct parser *p, struct test *test, const struct field *field)
{
	test->fields[test->count++] = field;
	p->filter->wants |= field->has | field->uses | field->zero;
}

static const struct field *find(const char *name)
{
	return field_find(name, strlen(name));
}

/* A test with fixed words in it: they are ours, so they parse. */
static struct node *fixed(struct parser *p, const char *field, const char *values)
{
	struct node *node = node_new(NODE_TEST, NULL, NULL);
	char word[64];

	add_field(p, &node->test, find(field));
	node->test.exact = true;
	while (*values) {
		size_t length = strcspn(values, ",");

		snprintf(word, sizeof(word), "%.*s", (int)length, values);
		node->test.fields[0]->kind->parse(add_term(&node->test), node->test.fields[0], word,
						  p->names);
		values += length + (values[length] == ',');
	}
	return node;
}

/* Turns "= value" into what the operator says. */
static const char *bound(struct term *term, const char *operator)
{
	uint64_t low = term->low, high = term->high;
	bool equal = operator[1] || low > high;

	if (low < high || term->mask != UINT64_MAX)
		return "a range or a mask cannot be compared with < or >";
	switch (operator[0]) {
	case '<':
		term->low = 0;
		if (!equal && high == 0)
			term->low = 1;	/* nothing is below 0: an empty range */
		term->high = equal ? high : high ? high - 1 : 0;
		return NULL;
	case '>':
		term->high = UINT64_MAX;
		if (!equal && low == UINT64_MAX)
			term->high = 0;
		term->low = equal ? low : low == UINT64_MAX ? 1 : low + 1;
		return NULL;
	}
	return NULL;
}

/* "-", as tables show it. */
static bool parse_absent(struct parser *p, struct test *test, const char *operator)
{
	if (*operator == '<' || *operator == '>')
		return fail(p, p->position, p->length, "- is what is absent: only = and != make sense");
	test->absent = true;
	return next(p);
}

static bool parse_value(struct parser *p, struct test *test, const char *operator)
{
	const struct field *field = test->fields[0];
	const char *wrong, *packets = field->kind == &kind_state ? hint_packets(p->word) : NULL;
	struct term *term;
	char hint[96] = "";

	if (packets)
		return fail(p, p->position, p->length, "'%s' %s", p->word, packets);
	if (!p->quoted && !strcmp(p->word, "-"))
		return parse_absent(p, test, operator);
	term = add_term(test);
	wrong = field->kind->parse(term, field, p->word, p->names);
	if (wrong)
		hint_value(hint, sizeof(hint), field, p->word);
	else if (*operator != '=' && *operator != '!')
		wrong = bound(term, operator);
	if (wrong)
		return fail(p, p->position, p->length, "'%s': %s%s", p->word, wrong, hint);
	return next(p);
}

static bool parse_values(struct parser *p, struct test *test, const char *operator,
			 const char *name)
{
	bool ordered = test->fields[0]->kind->ordered;

	if ((*operator == '<' || *operator == '>') && !ordered)
		return fail(p, p->position, p->length, "%s has no order: only = and != make sense", name);
	test->negate = *operator == '!';
	for (bool first = true; first || p->token == COMMA; first = false) {
		if (!first && !next(p))	/* past the comma */
			return false;
		if (p->token != TEXT)
			return fail(p, p->position, p->length, "%s needs a value here", name);
		if (!parse_value(p, test, operator))
			return false;
	}
	test->exact = *operator == '=' && !test->absent;
	if (test->terms_count > 1 && (*operator == '<' || *operator == '>'))
		return fail(p, p->position, p->length, "a list cannot be compared with < or >");
	return true;
}

/* What follows the name of a field: [operator] value[,value...]. */
static bool parse_comparison(struct parser *p, struct node *node, const char *name)
{
	char operator[4] = "=";

	if (p->token == OPERATOR) {
		strcpy(operator, p->word);
		if (!next(p))
			return false;
	} else if (p->token == NOT && *p->word == '!') {
		return fail(p, p->position, p->length, "did you mean != ?");
	}
	return parse_values(p, &node->test, operator, name);
}

/* tcpdump's "src port 53" and "dst net 10.0.0.0/8". */
static const struct field *qualified(const char *direction, const char *word)
{
	bool src = !strcasecmp(direction, "src");

	if (!src && strcasecmp(direction, "dst"))
		return NULL;
	if (!strcasecmp(word, "port"))
		return find(src ? "orig.sport" : "orig.dport");
	if (!strcasecmp(word, "host") || !strcasecmp(word, "net"))
		return find(src ? "orig.src" : "orig.dst");
	return NULL;
}

static struct node *parse_fields(struct parser *p, const char *name)
{
	struct node *node = node_new(NODE_TEST, NULL, NULL);
	const struct field *field;

	for (unsigned i = 0; i < COUNT(groups); i++)
		if (!strcasecmp(name, groups[i].word))
			for (unsigned j = 0; j < 4; j++)
				add_field(p, &node->test, find(groups[i].fields[j]));
	if (!node->test.count) {
		field = p->token == TEXT ? qualified(name, p->word) : NULL;
		if (field && !next(p))
			goto bad;
		add_field(p, &node->test, field ? field : find(name));
	}
	if (parse_comparison(p, node, name))
		return node;
bad:
	node_free(node);
	return NULL;
}

/* In any case, and as tables show it: HW_OFFLOAD. */
static bool same_flag(const char *word, const char *flag)
{
	while (*flag && (tolower((unsigned char)*word) == *flag || (*word == '_' && *flag == '-')))
		word++, flag++;
	return !*word && !*flag;
}

static struct node *flag_word(struct parser *p, const char *word)
{
	for (unsigned i = 0; i < COUNT(flags); i++)
		if (same_flag(word, flags[i].word))
			return fixed(p, flags[i].field, flags[i].value);
	return NULL;
}

/* "nat" is a flag and a field: a field before an operator, "-", or a list. */
static bool is_compared(const struct parser *p, const char *word)
{
	if (p->token == OPERATOR)
		return true;
	if (p->token != TEXT || p->quoted || !find(word))
		return false;
	return !strcmp(p->word, "-") || p->at[strspn(p->at, BLANKS)] == ',';
}

/* A protocol, a family or a state that stands alone. */
static struct node *bare_word(struct parser *p, const char *word)
{
	static const char *const kinds[] = { "proto", "family", "state" };
	struct term term;

	if (isdigit((unsigned char)*word) || hint_packets(word))
		return NULL;
	for (unsigned i = 0; i < COUNT(kinds); i++) {
		const struct field *field = find(kinds[i]);

		if (!field->kind->parse(&term, field, word, NULL))
			return fixed(p, kinds[i], word);
	}
	return NULL;
}

static bool is_group(const char *word)
{
	for (unsigned i = 0; i < COUNT(groups); i++)
		if (!strcasecmp(word, groups[i].word))
			return true;
	return false;
}

static struct node *unknown(struct parser *p, size_t position, size_t length, const char *word)
{
	const char *packets = hint_packets(word);
	char hint[96];

	if (packets) {
		fail(p, position, length, "'%s' %s", word, packets);
		return NULL;
	}
	hint_word(hint, sizeof(hint), word);
	fail(p, position, length, "'%s' is no field, flag, protocol or state%s", word, hint);
	return NULL;
}

/* The test that begins with this word, which is behind us. NULL: it begins none, or a fault is told. */
static struct node *test_of(struct parser *p, const char *word)
{
	struct node *node = is_compared(p, word) ? NULL : flag_word(p, word);

	if (node)
		return node;
	return is_group(word) || find(word) ? parse_fields(p, word) : bare_word(p, word);
}

static struct node *parse_word(struct parser *p)
{
	size_t position = p->position, length = p->length;
	char word[WORD];
	struct node *node;

	strcpy(word, p->word);
	if (p->quoted) {
		fail(p, position, length, "only a value can be quoted");
		return NULL;
	}
	if (!next(p))
		return NULL;
	node = test_of(p, word);
	if (!node)
		return unknown(p, position, length, word);
	node->test.position = position;
	node->test.length = length;
	return node;
}

static struct node *parse_or(struct parser *p);

static struct node *parse_group(struct parser *p)
{
	size_t position = p->position;
	struct node *node;

	if (!next(p))
		return NULL;
	node = parse_or(p);
	if (!node)
		return NULL;
	if (p->token != CLOSE) {
		fail(p, p->token == END ? position : p->position, 1,
		     p->token == END ? "this bracket is not closed" : "a closing bracket is missing here");
		node_free(node);
		return NULL;
	}
	if (next(p))
		return node;
	node_free(node);
	return NULL;
}

static struct node *parse_unary(struct parser *p)
{
	struct node *node = NULL;

	if (++p->depth > DEPTH) {
		fail(p, p->position, p->length, "nested too deeply");
	} else if (++p->tests > TESTS) {
		fail(p, p->position, p->length, "the expression is too long");
	} else if (p->token == NOT) {
		if (next(p) && (node = parse_unary(p)))
			node = node_new(NODE_NOT, node, NULL);
	} else if (p->token == OPEN) {
		node = parse_group(p);
	} else if (p->token == TEXT) {
		node = parse_word(p);
	} else if (p->token == END) {
		fail(p, p->position, 1, "the expression ends too early");
	} else {
		fail(p, p->position, p->length, "'%s' cannot stand here", p->word);
	}
	p->depth--;
	return node;
}

static struct node *parse_and(struct parser *p)
{
	struct node *left = parse_unary(p), *right;

	while (left && (p->token == AND || p->token == NOT || p->token == OPEN || p->token == TEXT)) {
		right = p->token == AND && !next(p) ? NULL : parse_unary(p);
		if (!right) {
			node_free(left);
			return NULL;
		}
		left = node_new(NODE_AND, left, right);
	}
	return left;
}

static struct node *parse_or(struct parser *p)
{
	struct node *left = parse_and(p), *right;

	while (left && p->token == OR) {
		right = next(p) ? parse_and(p) : NULL;
		if (!right) {
			node_free(left);
			return NULL;
		}
		left = node_new(NODE_OR, left, right);
	}
	return left;
}

struct filter *filter_parse(const char *text, const struct names *names,
			    struct filter_error *error)
{
	struct parser p = { .text = text, .at = text, .names = names, .error = error };

	memset(error, 0, sizeof(*error));
	p.filter = calloc(1, sizeof(*p.filter));
	if (!p.filter)
		memory_exhausted();
	if (!next(&p))
		goto bad;
	if (p.token == END)
		return p.filter;
	p.filter->root = parse_or(&p);
	if (p.filter->root && p.token != END)
		fail(&p, p.position, p.length, "'%s' cannot stand here", p.word);
	if (!error->message[0])
		return p.filter;
bad:
	filter_free(p.filter);
	return NULL;
}

void filter_free(struct filter *filter)
{
	if (filter)
		node_free(filter->root);
	free(filter);
}

/* The same member, read in the same way. */
static bool among(const struct field *rows, const struct field *field)
{
	for (; rows->name; rows++)
		if (rows->offset == field->offset && rows->kind == field->kind)
			return true;
	return false;
}

static bool test_fits(const struct test *test, unsigned *in, const struct field *rows)
{
	bool found = !rows;

	for (unsigned i = 0; i < test->count; i++) {
		*in &= test->fields[i]->in;
		found = found || among(rows, test->fields[i]);
	}
	return *in && found;
}

static const struct test *misfit(const struct node *node, unsigned *in, const struct field *rows)
{
	const struct test *test;

	if (!node)
		return NULL;
	if (node->type == NODE_TEST)
		return test_fits(&node->test, in, rows) ? NULL : &node->test;
	test = misfit(node->left, in, rows);
	return test ? test : misfit(node->right, in, rows);
}

const struct test *filter_misfit(const struct filter *filter, unsigned in, const struct field *rows)
{
	return misfit(filter->root, &in, rows);
}

/* The kernel leaves some numbers out where they are 0: all of this is absent, or 0. */
static const struct flow zeros;

static bool test_match(const struct test *test, const struct flow *flow)
{
	bool present = false, counts = false;

	for (unsigned i = 0; i < test->count; i++) {
		const struct field *field = test->fields[i];
		const struct flow *from = flow;

		if (field_present(field, flow))
			present = true;
		else if (field->zero && !(flow->has & field->zero))
			from = &zeros;
		else
			continue;
		counts = true;
		for (unsigned j = 0; j < test->terms_count; j++)
			if (field->kind->match(&test->terms[j], field, from))
				return !test->negate;
	}
	if (test->absent && !present)
		return !test->negate;
	return counts && test->negate;
}

bool node_match(const struct node *node, const struct flow *flow)
{
	switch (node->type) {
	case NODE_NOT:
		return !node_match(node->left, flow);
	case NODE_AND:
		return node_match(node->left, flow) && node_match(node->right, flow);
	case NODE_OR:
		return node_match(node->left, flow) || node_match(node->right, flow);
	case NODE_TEST:
		break;
	}
	return test_match(&node->test, flow);
}
