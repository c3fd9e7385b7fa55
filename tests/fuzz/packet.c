/* Fuzzes the decoder of NFLOG records: netlink messages, printed as JSON and counted. */
#include "messages.h"
#include "packet.h"
#include "print.h"
#include "tally.h"

#include <assert.h>
#include <json-c/json.h>

enum { MOST = 64 };

static struct out out;
static struct printer *printer;
static struct tally *tally;

static void start(void)
{
	const struct field *columns[MOST];
	struct print_options options = { .format = FORMAT_JSON, .live = true };
	unsigned count = 0;

	out_init(&out, -1);
	tally = tally_new();
	for (const struct field *field = packet_fields; field->name; field++)
		if (!(field->in & JOINED))
			columns[count++] = field;
	printer = printer_new(&out, &options, columns, count);
}

static void check_json(void)
{
	json_object *object;

	out_mem(&out, "", 1);
	object = json_tokener_parse(out.buf);
	assert(json_object_is_type(object, json_type_object));
	json_object_put(object);
	out_clear(&out);
}

static void check_message(const struct nlmsghdr *message, void *context)
{
	struct packet packet;

	(void)context;
	if (!packet_decode(&packet, message))
		return;
	printer_row(printer, &packet.flow);
	check_json();
	tally_add(tally, &packet);
	tally_print(tally, &out, true, 1, 1);
	check_json();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!printer)
		start();
	messages_each(data, size, check_message, NULL);
	return 0;
}
