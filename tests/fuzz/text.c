/* Fuzzes the reader of conntrack's text: what was read prints, and reads the same again. */
#include "fuzz.h"

static struct prints prints;

static void check_line(char *line)
{
	const char *wrong = NULL;
	struct flow flow;
	enum text result = textin_conntrack(&flow, line, NULL, &wrong);
	char *json;

	if (result == TEXT_BAD)
		assert(wrong && *wrong);
	if (result != TEXT_FLOW)
		return;
	json = prints_check(&prints, &flow);
	check_reread(&prints, &flow, json);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = strndup((const char *)data, size), *rest = copy, *line;

	if (!prints.out.buf)
		prints_init(&prints);
	while ((line = strsep(&rest, "\n"))) {
		char *one = strdup(line);

		check_line(one);
		free(one);
	}
	free(copy);
	return 0;
}
