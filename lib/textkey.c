/* The words of conntrack's text: a table, and what sets their values. */
#include "textkey.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LENGTH(array) (sizeof(array) / sizeof(*array))
#define AT(member) offsetof(struct flow, member), sizeof(((struct flow *)0)->member)

static const uint16_t tuples[SIDES] = {
	[ORIG] = offsetof(struct flow, orig),
	[REPLY] = offsetof(struct flow, reply),
	[MASTER] = offsetof(struct flow, master),
	[MASK] = offsetof(struct flow, expect.mask),
};

#define IN_TUPLE(member) offsetof(struct tuple, member), sizeof(((struct tuple *)0)->member)

static const struct {
	uint16_t offset, size;
} parts[] = {
	[SRC] = { IN_TUPLE(src.addr) }, [DST] = { IN_TUPLE(dst.addr) },
	[SPORT] = { IN_TUPLE(src.port) }, [DPORT] = { IN_TUPLE(dst.port) },
	[TYPE] = { IN_TUPLE(icmp_type) }, [CODE] = { IN_TUPLE(icmp_code) },
	[ID] = { IN_TUPLE(icmp_id) },
	[SRCKEY] = { IN_TUPLE(src.port) }, [DSTKEY] = { IN_TUPLE(dst.port) },
	[ZONE] = { IN_TUPLE(zone) },
};

/* Present if all its parts were seen. */
static const struct {
	unsigned parts;
	uint64_t has[SIDES];
} groups[] = {
	{ 1 << SRC | 1 << DST,
	  { HAS_ORIG_ADDR, HAS_REPLY_ADDR, HAS_MASTER_ADDR, HAS_MASK_ADDR } },
	{ 1 << SPORT | 1 << DPORT,
	  { HAS_ORIG_PORTS, HAS_REPLY_PORTS, HAS_MASTER_PORTS, HAS_MASK_PORTS } },
	{ 1 << TYPE | 1 << CODE | 1 << ID, { HAS_ORIG_ICMP, HAS_REPLY_ICMP, HAS_MASTER_ICMP } },
	{ 1 << SRCKEY | 1 << DSTKEY, { HAS_ORIG_GRE, HAS_REPLY_GRE, HAS_MASTER_GRE } },
	{ 1 << ZONE, { HAS_ORIG_ZONE, HAS_REPLY_ZONE, HAS_MASTER_ZONE } },
	{ 1 << PACKETS | 1 << BYTES, { HAS_ORIG_COUNTERS, HAS_REPLY_COUNTERS } },
};

const char *store_number(void *to, size_t size, const char *text)
{
	uint64_t value;

	if (!read_number(text, &value))
		return "not a number where one should be";
	if (size < 8 && value >> (8 * size))
		return "a number is out of range";
	switch (size) {
	case 1:
		*(uint8_t *)to = value;
		break;
	case 2:
		*(uint16_t *)to = value;
		break;
	case 4:
		*(uint32_t *)to = value;
		break;
	default:
		*(uint64_t *)to = value;
	}
	return NULL;
}

static const char *store_address(struct flow *flow, void *to, const char *text)
{
	union address addr;
	uint8_t family;

	if (!read_address(text, &addr, &family))
		return "not an address where one should be";
	if (flow->has & HAS_FAMILY && flow->family != family)
		return "addresses of two families";
	flow->family = family;
	flow->has |= HAS_FAMILY;
	memcpy(to, &addr, sizeof(addr));
	return NULL;
}

static const char *store_part(struct reader *reader, enum part part, const char *text)
{
	struct flow *flow = reader->flow;
	char *tuple = (char *)flow + tuples[reader->side];

	reader->seen[reader->side] |= 1 << part;
	switch (part) {
	case SRC:
	case DST:
		return store_address(flow, tuple + parts[part].offset, text);
	case PACKETS:
	case BYTES:
		if (reader->side > REPLY)
			return "counters of an expectation";
		return store_number(part == PACKETS ? &flow->counters[reader->side].packets :
			     &flow->counters[reader->side].bytes, 8, text);
	default:
		return store_number(tuple + parts[part].offset, parts[part].size, text);
	}
}

static bool saw(const struct reader *reader, enum part part)
{
	return reader->seen[reader->side] & 1 << part;
}

/* The second src= begins the reply tuple. */
static const char *set_part(struct reader *reader, const struct key *key, const char *value)
{
	if (key->side != CURRENT) {
		reader->side = key->side;
	} else if (key->part == SRC && saw(reader, SRC)) {
		if (reader->side != ORIG || reader->flow->what == WHAT_EXPECT)
			return "too many addresses";
		reader->side = REPLY;
	}
	return store_part(reader, key->part, value);
}

static const char *set_number(struct reader *reader, const struct key *key, const char *value)
{
	const char *wrong = store_number((char *)reader->flow + key->offset, key->size, value);

	if (!wrong)
		reader->flow->has |= key->has;
	return wrong;
}

/* /proc shows the default zone as 0, the kernel's messages do not. */
static const char *set_zone(struct reader *reader, const struct key *key, const char *value)
{
	const char *wrong = set_number(reader, key, value);

	if (!reader->flow->zone)
		reader->flow->has &= ~key->has;
	return wrong;
}

/* id= ends an ICMP tuple, and another one is that of the entry. */
static const char *set_id(struct reader *reader, const struct key *key, const char *value)
{
	if (saw(reader, CODE) && !saw(reader, ID))
		return store_part(reader, ID, value);
	return set_number(reader, key, value);
}

static const char *set_text(struct reader *reader, const struct key *key, const char *value)
{
	size_t len = strlen(value);

	if (!len || len >= key->size)
		return "a name is empty or too long";
	memcpy((char *)reader->flow + key->offset, value, len + 1);
	reader->flow->has |= key->has;
	return NULL;
}

static const char *set_labels(struct reader *reader, const struct key *key, const char *value)
{
	const struct field field = {
		.offset = key->offset, .size = key->size, .has = key->has, .labels = reader->names,
	};

	kind_labels.set(reader->flow, &field, value);
	return NULL;
}

const char *set_state(struct reader *reader, const struct key *key, const char *value)
{
	const struct field field = { .has = HAS_STATE };

	(void)key;
	if (isalpha((unsigned char)*value))
		kind_state.set(reader->flow, &field, value);
	return NULL;
}

static const char *set_proto(struct reader *reader, const struct key *key, const char *value)
{
	int number = proto_number(value, strlen(value));

	if (number < 0)
		return set_number(reader, key, value);
	reader->flow->protonum = number;
	reader->flow->has |= key->has;
	return NULL;
}

static const char *set_status(struct reader *reader, const struct key *key, const char *value)
{
	const struct field field = { .kind = &kind_status, AT(status), .has = HAS_STATUS };

	(void)key;
	if (strcmp(value, "UNSET") && !kind_status.set(reader->flow, &field, value))
		return "no such status";
	return NULL;
}

static const char *set_role(struct reader *reader, const struct key *key, const char *value)
{
	reader->flow->dccp.role = !strcasecmp(value, "server");
	reader->flow->has |= key->has;
	return NULL;
}

#define PART(word, side, part) { word, set_part, 0, 0, 0, side, part }
#define NUMBER(word, member, has) { word, set_number, AT(member), has }

/* What is not here is from a newer kernel: skipped. */
const struct key text_keys[] = {
	PART("src", CURRENT, SRC), PART("dst", CURRENT, DST),
	PART("sport", CURRENT, SPORT), PART("dport", CURRENT, DPORT),
	PART("packets", CURRENT, PACKETS), PART("bytes", CURRENT, BYTES),
	NUMBER("mark", mark, HAS_MARK),
	NUMBER("use", use, HAS_USE),
	{ "id", set_id, AT(id), HAS_ID },
	{ "zone", set_zone, AT(zone), HAS_ZONE },
	NUMBER("delta-time", age, HAS_AGE),
	PART("type", CURRENT, TYPE), PART("code", CURRENT, CODE),
	PART("srckey", CURRENT, SRCKEY), PART("dstkey", CURRENT, DSTKEY),
	PART("zone-orig", ORIG, ZONE), PART("zone-reply", REPLY, ZONE),
	NUMBER("secmark", secmark, HAS_SECMARK),
	{ "secctx", set_text, AT(secctx), HAS_SECCTX },
	{ "helper", set_text, AT(helper), HAS_HELPER },
	{ "labels", set_labels, AT(labels), HAS_LABELS },
	NUMBER("portid", portid, HAS_PORTID),
	PART("mask-src", MASK, SRC), PART("mask-dst", MASK, DST),
	PART("master-src", MASTER, SRC), PART("master-dst", MASTER, DST),
	NUMBER("class", expect.class, HAS_EXPECT_CLASS),
	NUMBER("proto", protonum, HAS_PROTO),
	{ NULL },
};

/* As conntrack -o save writes them, and a few more that -A takes. */
const struct key save_keys[] = {
	NUMBER("-t", timeout, HAS_TIMEOUT),
	{ "-u", set_status },
	PART("-s", ORIG, SRC), PART("-d", ORIG, DST),
	PART("-r", REPLY, SRC), PART("-q", REPLY, DST),
	PART("-g", REPLY, SRC), PART("-n", REPLY, DST),
	{ "-p", set_proto, AT(protonum), HAS_PROTO },
	PART("--sport", ORIG, SPORT), PART("--dport", ORIG, DPORT),
	PART("--reply-port-src", REPLY, SPORT), PART("--reply-port-dst", REPLY, DPORT),
	{ "--state", set_state },
	PART("--icmp-type", ORIG, TYPE), PART("--icmp-code", ORIG, CODE),
	PART("--icmp-id", ORIG, ID),
	PART("--icmpv6-type", ORIG, TYPE), PART("--icmpv6-code", ORIG, CODE),
	PART("--icmpv6-id", ORIG, ID),
	PART("--srckey", ORIG, SRCKEY), PART("--dstkey", ORIG, DSTKEY),
	PART("--reply-key-src", REPLY, SRCKEY), PART("--reply-key-dst", REPLY, DSTKEY),
	NUMBER("--orig-vtag", vtag[0], HAS_VTAG_ORIG),
	NUMBER("--reply-vtag", vtag[1], HAS_VTAG_REPLY),
	{ "--role", set_role, 0, 0, HAS_DCCP_ROLE },
	{ "-w", set_zone, AT(zone), HAS_ZONE },
	PART("--orig-zone", ORIG, ZONE), PART("--reply-zone", REPLY, ZONE),
	NUMBER("-m", mark, HAS_MARK),
	{ "-l", set_labels, AT(labels), HAS_LABELS },
	{ NULL },
};

const struct key *textkey_find(const struct key *key, const char *word)
{
	while (key->word && strcmp(key->word, word))
		key++;
	return key->word ? key : NULL;
}

uint64_t keys_seen(const struct reader *reader)
{
	uint64_t has = 0;

	for (unsigned i = 0; i < LENGTH(groups); i++)
		for (unsigned side = 0; side < SIDES; side++)
			if ((reader->seen[side] & groups[i].parts) == groups[i].parts)
				has |= groups[i].has[side];
	return has;
}
