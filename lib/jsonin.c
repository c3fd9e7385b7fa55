/* Reads flows back from our own JSON Lines. */
#include "memory.h"
#include "reason.h"
#include "textin.h"

#include <string.h>

#include <json-c/json.h>

/*
 * A path is looked up once per object that holds the value: rows with the same beginning follow
 * each other in the table.
 */
struct finder {
	json_object *root;
	const char *path;	/* the last one */
	size_t length;		/* of its beginning, up to the last dot */
	json_object *holder;	/* what is there, or NULL */
};

static json_object *member(json_object *object, const char *name, size_t length)
{
	char key[32];
	json_object *value;

	if (!object || length >= sizeof(key))
		return NULL;
	memcpy(key, name, length);
	key[length] = '\0';
	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static json_object *find(struct finder *finder, const char *path)
{
	const char *last = strrchr(path, '.');
	size_t length = last ? last - path : 0;

	if (length != finder->length || strncmp(path, finder->path, length)) {
		finder->holder = finder->root;
		for (const char *p = path; p <= path + length && length; p += strcspn(p, ".") + 1)
			finder->holder = member(finder->holder, p, strcspn(p, "."));
		finder->length = length;
	}
	finder->path = path;
	last = last ? last + 1 : path;
	return member(finder->holder, last, strlen(last));
}

static bool is_set(const struct kind *kind)
{
	return kind->bits || kind == &kind_labels;
}

/* A name in a list that is not known here is left out; a single value has to be understood. */
static bool set_value(struct flow *flow, const struct field *field, json_object *value)
{
	size_t count;

	if (json_object_is_type(value, json_type_object))
		return false;
	if (!json_object_is_type(value, json_type_array))
		return field->kind->set(flow, field, must_text(json_object_get_string(value)));
	if (!is_set(field->kind))
		return false;
	field->kind->set(flow, field, "");
	count = json_object_array_length(value);
	for (size_t i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(value, i);

		if (json_object_is_type(item, json_type_string))
			field->kind->set(flow, field, json_object_get_string(item));
	}
	return true;
}

/* NULL, or the name of the field that is not understood. */
static const char *set_fields(struct flow *flow, json_object *root, const struct names *names)
{
	struct finder finder = { .root = root, .path = "", .holder = root };

	for (const struct field *row = fields; row->name; row++) {
		struct field field = *row;
		json_object *value;

		/* The translated addresses are those of the reply tuple. */
		if (field.in & JOINED || field.has & (HAS_SNAT | HAS_DNAT) || !field.kind->set)
			continue;
		value = find(&finder, field.name);
		if (!value)
			continue;
		field.labels = names;
		if (!set_value(flow, &field, value))
			return field.name;
	}
	return NULL;
}

/* Records of ctwatch that are no flow. */
static bool is_remark(json_object *root)
{
	static const char *const types[] = { "lost", "resync", "note" };
	const char *type = json_object_get_string(member(root, "type", 4));

	for (unsigned i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static const char *read_object(struct flow *flow, json_object *root, const struct names *names)
{
	json_object *orig = member(root, "orig", 4);
	const char *wrong;

	if (!json_object_is_type(root, json_type_object) || !member(orig, "src", 3) ||
	    !member(orig, "dst", 3))
		return "no flow: orig.src or orig.dst is missing";
	if (member(root, "mask", 4) || member(root, "expect", 6))
		flow->what = WHAT_EXPECT;
	wrong = set_fields(flow, root, names);
	if (wrong)
		return wrong;
	if (!(flow->has & HAS_PROTO))
		return "no flow: proto is missing";
	if (flow->event > EVENT_DESTROY)
		return "type";
	if (flow->reason >= REASONS)
		return "reason";
	flow->multi = !flow->event;
	flow->orig.protonum = flow->reply.protonum = flow->protonum;
	flow->expect.mask.protonum = flow->expect.nat.protonum = flow->protonum;
	flow->has &= ~(HAS_NAT | HAS_SNAT | HAS_DNAT);
	flow_set_nat(flow);
	return NULL;
}

/* One value and nothing behind it. */
static json_object *parse(const char *line)
{
	json_tokener *tokener = json_tokener_new();
	json_object *root = NULL;
	size_t length = strlen(line);

	if (!tokener)
		return NULL;
	if (length < INT32_MAX)
		root = json_tokener_parse_ex(tokener, line, length);
	if (root && line[json_tokener_get_parse_end(tokener)]) {
		const char *rest = line + json_tokener_get_parse_end(tokener);

		if (rest[strspn(rest, " \t\r\n")]) {
			json_object_put(root);
			root = NULL;
		}
	}
	json_tokener_free(tokener);
	return root;
}

enum text textin_json(struct flow *flow, const char *line, const struct names *names,
		      const char **wrong)
{
	json_object *root;
	enum text text = TEXT_FLOW;

	if (!line[strspn(line, " \t\r\n")])
		return TEXT_SKIP;
	memset(flow, 0, sizeof(*flow));
	root = parse(line);
	if (json_object_is_type(root, json_type_object) && is_remark(root)) {
		text = TEXT_SKIP;
	} else {
		*wrong = root ? read_object(flow, root, names) : "not a JSON object";
		if (*wrong)
			text = TEXT_BAD;
	}
	json_object_put(root);
	return text;
}
