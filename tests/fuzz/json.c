/* Fuzzes the reader of our own JSON: what was read prints, counts, and reads the same again. */
#include "fuzz.h"
#include "summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct prints prints;
	static struct summary *summary;
	char *text = strndup((const char *)data, size), *json;
	const char *wrong = NULL;
	struct flow flow;
	enum text result;

	if (!prints.out.buf) {
		prints_init(&prints);
		summary = summary_new();
	}
	result = textin_json(&flow, text, NULL, &wrong);
	if (result == TEXT_BAD)
		assert(wrong && *wrong);
	if (result == TEXT_FLOW) {
		json = prints_check(&prints, &flow);
		check_reread(&prints, &flow, json);
		free(json);
		summary_add(summary, &flow);
	}
	free(text);
	return 0;
}
