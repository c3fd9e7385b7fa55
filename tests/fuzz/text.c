/* Fuzzes the reader of conntrack's text: what was read prints, and reads the same again. */
#include "fuzz.h"

#include "textin.h"

static struct prints prints;

static void check_line(char *line)
{
	const char *wrong = NULL;
	struct flow flow, again;
	enum text result = textin_conntrack(&flow, line, NULL, &wrong);
	char *json, *text;

	if (result == TEXT_BAD)
		assert(wrong && *wrong);
	if (result != TEXT_FLOW)
		return;
	json = prints_check(&prints, &flow);
	text = strdup(json);
	assert(textin_json(&again, text, NULL, &wrong) == TEXT_FLOW);
	assert(!strcmp(prints_flow(&prints, FORMAT_JSON, &again), json));
	free(text);
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
