/*
 * Fuzzes the option tables of all commands: a byte says which, then words with a NUL between. Each is
 * understood, or refused by one line that ends the command with status 2. The Makefile links the
 * commands in, their main() and their table under a name of their own.
 */
#include "../../cmd/session.h"

#include <assert.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct command ctlist_command, ctcount_command, ctwatch_command, ctstats_command, cttop_command;

static const struct command *const commands[] = {
	&ctlist_command, &ctcount_command, &ctwatch_command, &ctstats_command, &cttop_command,
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands), WORDS = 64 };

static jmp_buf back;
static bool parsing;

/* The linker sends all calls of exit() here, also those of the fuzzer. */
_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);

_Noreturn void __wrap_exit(int status)
{
	if (!parsing)
		__real_exit(status);
	longjmp(back, status + 1);
}

static int split(char *text, size_t size, char **words)
{
	int count = 0;

	words[count++] = text;
	for (char *at = text; (at = memchr(at, '\0', text + size - at)) && count < WORDS; at++)
		words[count++] = at + 1;
	words[count] = NULL;
	return count;
}

/* One line, and nothing in it that a terminal would take for more than a letter. */
static void check_refusal(const char *text, size_t size)
{
	assert(size > 1 && text[size - 1] == '\n');
	for (size_t i = 0; i < size - 1; i++)
		assert((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

/* The status, or -1 if it was understood. */
static int parse(const struct command *command, int count, char **words)
{
	static uint64_t config[1 << 17];	/* more than any command's structure */
	struct session *session = (void *)config;
	int status = setjmp(back);

	if (status)
		return status - 1;
	memset(config, 0, sizeof(config));
	optind = 0;
	session->command = command;
	session->fields = command->fields;
	cli_parse(command, config, count, words);
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *standard[] = { stdout, stderr };
	char *words[WORDS + 1], *copy, *out, *trouble;
	size_t out_size, trouble_size;
	int status;

	if (!size)
		return 0;
	copy = calloc(1, size);
	memcpy(copy, data + 1, size - 1);
	stdout = open_memstream(&out, &out_size);
	stderr = open_memstream(&trouble, &trouble_size);
	parsing = true;
	status = parse(commands[*data % COMMANDS], split(copy, size - 1, words), words);
	parsing = false;
	fclose(stdout);
	fclose(stderr);
	stdout = standard[0];
	stderr = standard[1];
	if (status == 2)
		check_refusal(trouble, trouble_size);
	else
		assert(!trouble_size);
	assert(status == 2 || status == -1 || (status == 0 && out_size));
	free(out);
	free(trouble);
	free(copy);
	return 0;
}
