/* Kinds of values that are sets of named bits: status, flags, NAT, labels. */
#include "field.h"

#include "follow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

/* A bit that is set shows under its kernel name: a row of mask and value alike. */
#define BIT(name, help) { #name, IPS_##name, IPS_##name, help }

const struct bit status_bits[] = {
	BIT(EXPECTED, "announced by a helper"),
	BIT(SEEN_REPLY, "packets were seen in both directions"),
	BIT(ASSURED, "two-way and established; never evicted to make room"),
	BIT(CONFIRMED, "in the table: the first packet left this host"),
	BIT(SRC_NAT, "the source is translated"),
	BIT(DST_NAT, "the destination is translated"),
	BIT(SEQ_ADJUST, "a helper changed the payload length"),
	BIT(SRC_NAT_DONE, "the source NAT hooks looked at the flow"),
	BIT(DST_NAT_DONE, "the destination NAT hooks looked at the flow"),
	BIT(DYING, "being removed"),
	BIT(FIXED_TIMEOUT, "packets do not refresh the timeout"),
	BIT(TEMPLATE, "a template, never listed"),
	BIT(UNTRACKED, "reply-only entry that lives one second after a resolved clash"),
	BIT(HELPER, "a helper was attached explicitly"),
	BIT(OFFLOAD, "in a software flowtable"),
	BIT(HW_OFFLOAD, "in hardware"),
	{ NULL },
};

const struct bit flag_bits[] = {
	{ "UNREPLIED", IPS_SEEN_REPLY, 0, "no packet came back yet" },
	{ "ASSURED", IPS_ASSURED, IPS_ASSURED, "two-way and established" },
	{ "OFFLOAD", IPS_OFFLOAD | IPS_HW_OFFLOAD, IPS_OFFLOAD, "in a software flowtable; counters are partial" },
	{ "HW_OFFLOAD", IPS_HW_OFFLOAD, IPS_HW_OFFLOAD, "in hardware; counters are partial" },
	{ "EXPECTED", IPS_EXPECTED, IPS_EXPECTED, "announced by a helper" },
	{ "FIXED_TIMEOUT", IPS_FIXED_TIMEOUT, IPS_FIXED_TIMEOUT, "packets do not refresh the timeout" },
	{ "DYING", IPS_DYING, IPS_DYING, "being removed" },
	{ NULL },
};

static const struct bit nat_bits[] = {
	{ "snat", IPS_SRC_NAT, IPS_SRC_NAT, "the source is translated" },
	{ "dnat", IPS_DST_NAT, IPS_DST_NAT, "the destination is translated" },
	{ NULL },
};

/* NF_CT_EXPECT_ of the kernel. */
const struct bit expect_bits[] = {
	{ "PERMANENT", 1, 1, "not used up by its first connection" },
	{ "INACTIVE", 2, 2, "not in use" },
	{ "USERSPACE", 4, 4, "made by a process" },
	{ NULL },
};

/* IP_CT_TCP_FLAG_ of the kernel. */
const struct bit tcp_bits[] = {
	{ "WINDOW_SCALE", 0x01, 0x01, "window scaling offered" },
	{ "SACK_PERM", 0x02, 0x02, "selective acknowledgement offered" },
	{ "CLOSE_INIT", 0x04, 0x04, "this side sent the first FIN" },
	{ "BE_LIBERAL", 0x08, 0x08, "no window check: picked up mid-stream" },
	{ "DATA_UNACKNOWLEDGED", 0x10, 0x10, "this side waits for an acknowledgement" },
	{ "MAXACK_SET", 0x20, 0x20, "the highest acknowledgement is known" },
	{ "EXP_CHALLENGE_ACK", 0x40, 0x40, "a challenge acknowledgement may follow" },
	{ "SIMULTANEOUS_OPEN", 0x80, 0x80, "both ends opened" },
	{ NULL },
};

const struct bit changed_bits[] = {
	{ "state", CHANGED_STATE, CHANGED_STATE, "state of the protocol" },
	{ "replied", CHANGED_REPLIED, CHANGED_REPLIED, "first packet in the other direction" },
	{ "assured", CHANGED_ASSURED, CHANGED_ASSURED, "two-way and established" },
	{ "nat", CHANGED_NAT, CHANGED_NAT, "translation" },
	{ "offload", CHANGED_OFFLOAD, CHANGED_OFFLOAD, "went into a flowtable or left it" },
	{ "status", CHANGED_STATUS, CHANGED_STATUS, "another status bit" },
	{ "mark", CHANGED_MARK, CHANGED_MARK, "connection mark" },
	{ "labels", CHANGED_LABELS, CHANGED_LABELS, "connection labels" },
	{ "helper", CHANGED_HELPER, CHANGED_HELPER, "application helper" },
	{ "secctx", CHANGED_SECCTX, CHANGED_SECCTX, "security context" },
	{ "seqadj", CHANGED_SEQADJ, CHANGED_SEQADJ, "correction of sequence numbers" },
	{ "synproxy", CHANGED_SYNPROXY, CHANGED_SYNPROXY, "what the SYN proxy chose" },
	{ NULL },
};

static uint64_t load_bits(const struct field *field, const struct flow *flow)
{
	const void *p = field_value(field, flow);

	return field->size == 1 ? *(const uint8_t *)p : *(const uint32_t *)p;
}

/* All names of the bits that are set, with `quote` around each and `between` between them. */
static void put_bits(struct out *out, const struct field *field, const struct flow *flow,
		     const char *quote)
{
	uint32_t value = load_bits(field, flow);
	bool first = true;

	for (const struct bit *bit = field->kind->bits; bit->name; bit++) {
		if ((value & bit->mask) != bit->value)
			continue;
		if (!first)
			put_char(out, ',');
		first = false;
		put_mem(out, quote, *quote != '\0');
		put_mem(out, bit->name, strlen(bit->name));
		put_mem(out, quote, *quote != '\0');
	}
}

static void raw_bits(struct out *out, const struct field *field, const struct flow *flow)
{
	put_bits(out, field, flow, "");
}

static void json_bits(struct out *out, const struct field *field, const struct flow *flow)
{
	put_char(out, '[');
	put_bits(out, field, flow, "\"");
	put_char(out, ']');
}

/* The bits that have a name in this kind: what is not shown does not order either. */
static uint64_t shown_bits(const struct field *field, const struct flow *flow)
{
	uint32_t mask = 0;

	for (const struct bit *bit = field->kind->bits; bit->name; bit++)
		mask |= bit->mask;
	return load_bits(field, flow) & mask;
}

static int compare_bits(const struct field *field, const struct flow *a, const struct flow *b)
{
	uint32_t x = shown_bits(field, a), y = shown_bits(field, b);

	return (x > y) - (x < y);
}

static const struct bit *find_bit(const struct bit *bit, const char *word)
{
	for (; bit->name; bit++)
		if (!strcasecmp(bit->name, word))
			return bit;
	return NULL;
}

/* One name, or a number: then all its bits must be set. */
static const char *parse_bits(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	const struct bit *bit = find_bit(field->kind->bits, word);

	(void)names;
	if (bit) {
		term->mask = bit->mask;
		term->low = bit->value;
		return NULL;
	}
	if (!read_number(word, &term->mask) || term->mask > UINT32_MAX)
		return "no such flag";
	term->low = term->mask;
	return NULL;
}

static bool match_bits(const struct term *term, const struct field *field, const struct flow *flow)
{
	return (load_bits(field, flow) & term->mask) == term->low;
}

/* Names separated by commas. */
static bool set_bits(struct flow *flow, const struct field *field, const char *text)
{
	void *to = (char *)flow + field->offset;
	uint32_t value = flow->has & field->has ? load_bits(field, flow) : 0;
	char word[32];

	while (*text) {
		size_t len = strcspn(text, ",");
		const struct bit *bit;

		if (len >= sizeof(word))
			return false;
		memcpy(word, text, len);
		word[len] = '\0';
		bit = find_bit(field->kind->bits, word);
		if (!bit)
			return false;
		value = (value & ~bit->mask) | bit->value;
		text += len + (text[len] == ',');
	}
	if (field->size == 1)
		*(uint8_t *)to = value;
	else
		*(uint32_t *)to = value;
	flow->has |= field->has;
	return true;
}

#define BITS(table) .raw = raw_bits, .json = json_bits, .number = shown_bits, \
	.compare = compare_bits, .parse = parse_bits, .match = match_bits, .bits = table

const struct kind kind_status = { BITS(status_bits), .name = "status", .text = raw_bits,
	.set = set_bits };
const struct kind kind_tcpflags = { BITS(tcp_bits), .name = "flags", .text = raw_bits,
	.set = set_bits };
const struct kind kind_changed = { BITS(changed_bits), .name = "flags", .text = raw_bits,
	.set = set_bits };
const struct kind kind_expectflags = { BITS(expect_bits), .name = "flags", .text = raw_bits,
	.set = set_bits };

/* Of a TCP header, in the order in which tcpdump(8) names them. */
static const struct bit header_bits[] = {
	{ "FIN", 0x01, 0x01, NULL }, { "SYN", 0x02, 0x02, NULL }, { "RST", 0x04, 0x04, NULL },
	{ "PSH", 0x08, 0x08, NULL }, { "ACK", 0x10, 0x10, NULL }, { "URG", 0x20, 0x20, NULL },
	{ "ECE", 0x40, 0x40, NULL }, { "CWR", 0x80, 0x80, NULL }, { NULL },
};

/* For people by their first letters. */
static void text_header(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t value = load_bits(field, flow);

	for (const struct bit *bit = header_bits; bit->name; bit++)
		if (value & bit->mask)
			put_char(out, *bit->name);
	if (!value)
		put_char(out, '-');
}

const struct kind kind_header = { BITS(header_bits), .name = "flags", .text = text_header,
	.set = set_bits };

static const char *colour_flags(const struct field *field, const struct flow *flow)
{
	return load_bits(field, flow) & IPS_SEEN_REPLY ? NULL : "33";
}

const struct kind kind_flags = {
	BITS(flag_bits), .name = "flags", .text = raw_bits, .colour = colour_flags,
	.set = set_bits,
};

static void put_translation(struct out *out, const struct flow *flow, const char *what,
			    const struct endpoint *end)
{
	put_mem(out, what, 5);
	put_endpoint(out, flow->family, end, flow->has & HAS_REPLY_PORTS);
}

/* In a column: what it was translated to. */
static void text_nat(struct out *out, const struct field *field, const struct flow *flow)
{
	if (!(flow->has & (HAS_SNAT | HAS_DNAT)))
		raw_bits(out, field, flow);
	if (flow->has & HAS_SNAT)
		put_translation(out, flow, "snat ", &flow->reply.dst);
	if ((flow->has & HAS_SNAT) && (flow->has & HAS_DNAT))
		put_char(out, ' ');
	if (flow->has & HAS_DNAT)
		put_translation(out, flow, "dnat ", &flow->reply.src);
}

static const char *colour_nat(const struct field *field, const struct flow *flow)
{
	(void)field, (void)flow;
	return "36";
}

/* The same bits of the same word as status: reading them sets both. */
static bool set_nat(struct flow *flow, const struct field *field, const char *text)
{
	if (!(flow->has & HAS_STATUS))
		flow->status = 0;
	flow->has |= HAS_STATUS | field->has;
	return set_bits(flow, field, text);
}

const struct kind kind_nat = {
	BITS(nat_bits), .name = "nat", .text = text_nat, .colour = colour_nat,
	.set = set_nat,
};

static bool label_set(const uint8_t *labels, unsigned bit)
{
	return labels[bit / 8] >> bit % 8 & 1;
}

static void put_label(struct out *out, const struct field *field, unsigned bit, bool json)
{
	const char *name = field->labels ? field->labels->label[bit] : NULL;

	out_room(out, 8);
	if (json)
		put_char(out, '"');
	if (!name)
		put_number(out, bit);
	else if (json)
		out_json(out, name, strlen(name));
	else
		out_escaped(out, name);
	out_room(out, 8);
	if (json)
		put_char(out, '"');
}

static void put_labels(struct out *out, const struct field *field, const struct flow *flow,
		       bool json)
{
	bool first = true;

	for (unsigned i = 0; i < LABELS; i++) {
		if (!label_set(field_value(field, flow), i))
			continue;
		if (!first)
			out_mem(out, ",", 1);
		first = false;
		put_label(out, field, i, json);
	}
}

static void raw_labels(struct out *out, const struct field *field, const struct flow *flow)
{
	put_labels(out, field, flow, false);
}

static void json_labels(struct out *out, const struct field *field, const struct flow *flow)
{
	out_mem(out, "[", 1);
	put_labels(out, field, flow, true);
	out_mem(out, "]", 1);
}

static int compare_labels(const struct field *field, const struct flow *a, const struct flow *b)
{
	return memcmp(field_value(field, a), field_value(field, b), LABEL_BYTES);
}

static bool find_label(const struct names *names, const char *word, uint64_t *bit)
{
	for (*bit = 0; names && *bit < LABELS; ++*bit)
		if (names->label[*bit] && !strcmp(names->label[*bit], word))
			return true;
	return read_number(word, bit) && *bit < LABELS;
}

static const char *parse_labels(struct term *term, const struct field *field, const char *word,
				const struct names *names)
{
	(void)field;
	return find_label(names, word, &term->low) ? NULL :
		"no such label in connlabel.conf, nor a bit from 0 to 127";
}

static bool match_labels(const struct term *term, const struct field *field,
			 const struct flow *flow)
{
	return label_set(field_value(field, flow), term->low);
}

/* Adds to those that are set. A label that has no name here, as in data of another machine, is
 * left out. */
static bool set_labels(struct flow *flow, const struct field *field, const char *text)
{
	uint8_t *labels = (uint8_t *)flow + field->offset;
	char word[64];
	uint64_t bit;

	if (!(flow->has & field->has))
		memset(labels, 0, LABEL_BYTES);
	flow->has |= field->has;
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (find_label(field->labels, word, &bit))
				labels[bit / 8] |= 1 << bit % 8;
		}
		text += len + (text[len] == ',');
	}
	return true;
}

const struct kind kind_labels = {
	.name = "labels", .text = raw_labels, .raw = raw_labels, .json = json_labels,
	.compare = compare_labels, .parse = parse_labels, .match = match_labels, .set = set_labels,
};

void names_load(struct names *names)
{
	struct nfct_labelmap *map = nfct_labelmap_new(NULL);

	memset(names, 0, sizeof(*names));
	if (!map)
		return;
	for (unsigned i = 0; i < LABELS; i++) {
		const char *name = nfct_labelmap_get_name(map, i);

		if (name && *name)
			names->label[i] = strdup(name);
	}
	nfct_labelmap_destroy(map);
}

void names_release(struct names *names)
{
	for (unsigned i = 0; i < LABELS; i++)
		free(names->label[i]);
}
