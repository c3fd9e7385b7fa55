/* What the fuzz targets share: a flow printed in every format, and what must be true of the text. */
#include "conntrack.h"
#include "field.h"
#include "print.h"
#include "textin.h"

#include <assert.h>
#include <stdlib.h>

#include <json-c/json.h>

enum { FORMATS = FORMAT_CONNTRACK + 1, MOST = 512 };

struct prints {
	struct out out;
	struct printer *printer[FORMATS];
};

static inline void prints_init(struct prints *prints)
{
	const struct field *columns[2][MOST];
	unsigned count[2] = { 0 };

	out_init(&prints->out, -1);
	for (const struct field *field = fields; field->name; field++) {
		columns[0][count[0]++] = field;
		if (!(field->in & JOINED))
			columns[1][count[1]++] = field;
	}
	for (int format = 0; format < FORMATS; format++) {
		bool json = format == FORMAT_JSON;
		struct print_options options = { .format = format, .colour = true, .live = true,
						 .conntrack = 0xff };

		prints->printer[format] = printer_new(&prints->out, &options, columns[json], count[json]);
	}
}

/* The text of a flow, without the newline; it lives until the next call. */
static inline const char *prints_flow(struct prints *prints, int format, const struct flow *flow)
{
	struct out *out = &prints->out;

	out_clear(out);
	printer_row(prints->printer[format], flow);
	printer_end(prints->printer[format]);
	assert(out_length(out) && out->at[-1] == '\n');
	out->at[-1] = '\0';
	assert(strlen(out->buf) == out_length(out) - 1);
	assert(!strchr(out->buf, '\n'));
	return out->buf;
}

static inline void check_json(const char *text)
{
	enum json_tokener_error error;
	struct json_object *object;

	object = json_tokener_parse_verbose(text, &error);
	assert(error == json_tokener_success && json_object_is_type(object, json_type_object));
	json_object_put(object);
}

/* Prints it in each format; returns the JSON, which the caller frees. */
static inline char *prints_check(struct prints *prints, const struct flow *flow)
{
	char *json;

	for (int format = 0; format < FORMATS; format++)
		prints_flow(prints, format, flow);
	json = strdup(prints_flow(prints, FORMAT_JSON, flow));
	check_json(json);
	return json;
}

/* A byte that is no UTF-8 is printed as the character of its number, which is longer. */
static inline bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

/* What was printed as JSON is read back as the same. */
static inline void check_reread(struct prints *prints, const struct flow *flow, const char *json)
{
	const char *wrong = NULL;
	struct json_object *first, *second;
	struct flow again;
	enum text result = textin_json(&again, json, NULL, &wrong);

	if (result != TEXT_FLOW) {
		assert(!is_ascii(flow->helper) || !is_ascii(flow->secctx) || !is_ascii(flow->expect.fn));
		return;
	}
	first = json_tokener_parse(json);
	second = json_tokener_parse(prints_flow(prints, FORMAT_JSON, &again));
	assert(json_object_equal(first, second));
	json_object_put(first);
	json_object_put(second);
}
