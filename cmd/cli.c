/* The option table turned into getopt_long, help text and a list for completion. */
#include "cli.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"

enum { MOST = 64, FIRST = 256, HELP = FIRST + 1000, VERSION_OPTION, LIST };

void cli_usage(const struct command *command, const char *format, ...)
{
	char try[64];
	va_list args;

	snprintf(try, sizeof(try), "; try '%s --help'", command->name);
	va_start(args, format);
	say(command->name, format, args, try);
	va_end(args);
	exit(2);
}

/* The rows of a command, its own first; NULL past the last. */
static const struct option_row *row_at(const struct command *command, unsigned index)
{
	const struct option_row *row;

	for (row = command->options; row->name; row++)
		if (!index--)
			return row;
	for (row = shared_options; row->name; row++)
		if ((row->shared & (command->shared | WITH_ALL)) && !index--)
			return row;
	return NULL;
}

/* What the argument may be, where it is one of a few words. */
static void print_values(const struct command *command, const struct option_row *row)
{
	const struct format_row *format = command->formats;

	if (!row->values)
		return;
	if (!strcmp(row->values, "FORMAT"))
		for (; format && format->name; format++)
			printf("%s%s", format == command->formats ? ": " : ", ", format->name);
	else if (strchr(row->values, ','))
		printf(": %s", row->values);
}

static void print_option(const struct command *command, const struct option_row *row)
{
	char left[64];
	int length = row->letter ? snprintf(left, sizeof(left), "-%c, --%s", row->letter, row->name)
				 : snprintf(left, sizeof(left), "    --%s", row->name);

	if (row->argument)
		snprintf(left + length, sizeof(left) - length, "%s%s", *row->argument == '[' ? "" : " ",
			 row->argument);
	if (strlen(left) > 28)
		printf("  %s\n  %-28s  %s", left, "", row->help);
	else
		printf("  %-28s  %s", left, row->help);
	print_values(command, row);
	printf("\n");
}

static void print_help(const struct command *command)
{
	const struct option_row *row;

	printf("Usage: %s [options]%s\n", command->name,
	       command->shared & WITH_FILTER ? " [FILTER...]" : "");
	printf("%s.\n\nOptions:\n", command->summary);
	for (unsigned i = 0; (row = row_at(command, i)); i++)
		print_option(command, row);
	if (command->examples) {
		printf("\nExamples:\n");
		for (const char *const *line = command->examples; line[0]; line += 2)
			printf("  %-46s %s\n", line[0], line[1]);
	}
	printf("\nSee %s(8)%s.\n", command->name,
	       command->shared & WITH_FILTER ? ", the filter language in ct-filter(7), the fields in ct-fields(7)"
					     : "");
}

/* What completion reads: name, letter, argument, values, help, separated by tabs. */
static void print_list(const struct command *command)
{
	const struct option_row *row;

	for (unsigned i = 0; (row = row_at(command, i)); i++) {
		const struct format_row *format = command->formats;

		printf("--%s\t%.1s%.1s\t%s\t", row->name, row->letter ? "-" : "",
		       row->letter ? &row->letter : "", row->argument ? row->argument : "");
		if (row->values && strcmp(row->values, "FORMAT"))
			printf("%s", row->values);
		else if (row->values)
			for (; format && format->name; format++)
				printf("%s%s", format == command->formats ? "" : ",", format->name);
		printf("\t%s\n", row->help);
	}
}

void cli_leave(void)
{
	if ((fflush(stdout) == EOF || ferror(stdout)) && errno != EPIPE)
		err(2, "standard output");
	exit(0);
}

/* getopt's two tables, made from the rows. */
static void build(const struct command *command, struct option *longs, char *letters)
{
	const struct option_row *row;
	unsigned count = 0;

	*letters++ = ':';
	for (; (row = row_at(command, count)) && count < MOST - 1; count++) {
		int argument = !row->argument ? no_argument
			     : *row->argument == '[' ? optional_argument : required_argument;

		longs[count] = (struct option){ row->name, argument, NULL, FIRST + count };
		if (!row->letter)
			continue;
		*letters++ = row->letter;
		if (row->argument)
			*letters++ = ':';
		if (argument == optional_argument)
			*letters++ = ':';
	}
	*letters = '\0';
	longs[count] = (struct option){ 0 };
}

static const struct option_row *row_of(const struct command *command, int code)
{
	const struct option_row *row = NULL;

	if (code >= FIRST)
		return row_at(command, code - FIRST);
	for (unsigned i = 0; (row = row_at(command, i)); i++)
		if (row->letter == code)
			break;
	return row;
}

/* What the user typed that getopt did not like. */
static const char *offender(int before, char **argv)
{
	static char letter[] = "-?";

	if (optopt && optopt < FIRST) {
		letter[1] = optopt;
		return letter;
	}
	return argv[optind > before ? optind - 1 : before];
}

/* --dport, as conntrack(8) has it. */
static _Noreturn void refuse(const struct command *command, const char *word)
{
	const char *name = word + strspn(word, "-");
	size_t length = strcspn(name, "=");

	if ((command->shared & WITH_FILTER) && field_find(name, length))
		cli_usage(command, "unknown option '%s' (the filter is written without dashes: %.*s ...)",
			  word, (int)length, name);
	cli_usage(command, "unknown option '%s'", word);
}

int cli_parse(const struct command *command, void *config, int argc, char **argv)
{
	struct option longs[MOST];
	char letters[3 * MOST + 2];
	const struct option_row *row;
	const char *wrong;
	int code, before;

	build(command, longs, letters);
	opterr = 0;
	while (before = optind, (code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (code == '?')
			refuse(command, offender(before, argv));
		if (code == ':')
			cli_usage(command, "option '%s' needs an argument", offender(before, argv));
		row = row_of(command, code);
		assert(row);	/* getopt knows these rows and no others */
		if (!strcmp(row->name, "help")) {
			print_help(command);
			cli_leave();
		}
		if (!strcmp(row->name, "version")) {
			printf("%s (ctscope) %s\n", command->name, VERSION);
			cli_leave();
		}
		if (!strcmp(row->name, "list-options")) {
			print_list(command);
			cli_leave();
		}
		wrong = row->set((char *)config + row->at, optarg);
		if (wrong && optarg)
			cli_usage(command, "--%s: '%s': %s", row->name, optarg, wrong);
		if (wrong)
			cli_usage(command, "--%s: %s", row->name, wrong);
	}
	return optind;
}

const char *cli_flag(void *to, const char *argument)
{
	(void)argument;
	*(bool *)to = true;
	return NULL;
}

const char *cli_text(void *to, const char *argument)
{
	*(const char **)to = argument;
	return NULL;
}

const char *cli_number(void *to, const char *argument)
{
	uint64_t number;

	if (!read_number(argument, &number))
		return "not a number";
	*(unsigned long long *)to = number;
	return NULL;
}

const char *cli_positive(void *to, const char *argument)
{
	const char *wrong = cli_number(to, argument);

	return wrong ? wrong : *(unsigned long long *)to ? NULL : "must be at least 1";
}

const char *cli_seconds(void *to, const char *argument)
{
	uint64_t ns;

	if (!read_time(argument, &ns) || !ns)
		return "not a time (as in 2, 0.5, 500ms, 1m)";
	*(double *)to = ns / 1e9;
	return NULL;
}
