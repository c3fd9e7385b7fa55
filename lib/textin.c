/* Reads the text of conntrack(8) and of /proc/net/nf_conntrack. */
#include "textin.h"

#include <ctype.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { NANO = 1000000000 };

#define LENGTH(array) (sizeof(array) / sizeof(*array))
#define AT(member) offsetof(struct flow, member), sizeof(((struct flow *)0)->member)

enum side { ORIG, REPLY, MASTER, MASK, SIDES };
enum { CURRENT = SIDES };	/* of a key: the tuple that the last src= began */

/* What a tuple is made of, its counters included. */
enum part { SRC, DST, SPORT, DPORT, TYPE, CODE, ID, SRCKEY, DSTKEY, ZONE, PACKETS, BYTES };

/* A line as far as it is read. */
struct reader {
	struct flow *flow;
	const struct names *names;
	enum side side;
	unsigned seen[SIDES];	/* bits: 1 << enum part */
};

struct key {
	const char *word;
	/* NULL, or what is wrong. */
	const char *(*set)(struct reader *reader, const struct key *key, const char *value);
	uint16_t offset, size;	/* in struct flow */
	uint64_t has;
	uint8_t side, part;
};

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

static const char *store(void *to, size_t size, const char *text)
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
		return store(part == PACKETS ? &flow->counters[reader->side].packets :
			     &flow->counters[reader->side].bytes, 8, text);
	default:
		return store(tuple + parts[part].offset, parts[part].size, text);
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
	const char *wrong = store((char *)reader->flow + key->offset, key->size, value);

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

/* A state that a newer kernel made is left out. */
static const char *set_state(struct reader *reader, const struct key *key, const char *value)
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

/* key=value of conntrack -L, -E and of /proc. What is not here is from a newer kernel: skipped. */
static const struct key keys[] = {
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

/* Options and their arguments as conntrack -o save writes them, and a few more that -A takes. */
static const struct key save_keys[] = {
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

static const struct key *find_key(const struct key *key, const char *word)
{
	while (key->word && strcmp(key->word, word))
		key++;
	return key->word ? key : NULL;
}

/* Cuts the next word off *at, NULL at the end: up to a blank, or what brackets hold. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r\n");
	char *end = *word == '[' ? strchr(word, ']') : NULL;

	if (!*word)
		return NULL;
	end = end ? end + 1 : word + strcspn(word, " \t\r\n");
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static bool is_number(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

/* "Mon Nov 23 06:15:40 2026" in local time: strptime() would ask the locale for the month. */
static bool read_ctime(const char *text, uint64_t *ns)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { .tm_isdst = -1 };
	char month[4];
	const char *found;
	time_t seconds;

	if (sscanf(text, "%*3s %3s %2d %2d:%2d:%2d %4d", month, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec, &tm.tm_year) != 6)
		return false;
	found = strstr(months, month);
	if (!found || strlen(month) != 3 || (found - months) % 3)
		return false;
	tm.tm_mon = (found - months) / 3;
	tm.tm_year -= 1900;
	seconds = mktime(&tm);
	if (seconds < 0)
		return false;
	*ns = (uint64_t)seconds * NANO;
	return true;
}

/* SECONDS.MICROSECONDS; conntrack -E expect writes the latter as a plain number. */
static bool read_clock(const char *text, uint64_t *ns)
{
	char *end;
	uint64_t seconds = strtoull(text, &end, 10), part;

	if (*end != '.' || !isdigit((unsigned char)end[1]) || seconds > UINT32_MAX)
		return false;
	part = strtoull(end + 1, &end, 10);
	if (part >= 1000000)
		return false;
	*ns = seconds * NANO + part * 1000;
	return end[strspn(end, " ")] == ']';
}

/* What conntrack puts in brackets. */
static const struct {
	const char *word;
	uint32_t status;
	uint8_t event;
} brackets[] = {
	{ "[ASSURED]", IPS_ASSURED, 0 },
	{ "[OFFLOAD]", IPS_OFFLOAD, 0 },
	{ "[HW_OFFLOAD]", IPS_HW_OFFLOAD | IPS_OFFLOAD, 0 },
	{ "[NEW]", 0, EVENT_NEW },
	{ "[UPDATE]", 0, EVENT_UPDATE },
	{ "[DESTROY]", 0, EVENT_DESTROY },
};

static void read_bracket(struct flow *flow, const char *word)
{
	if (!strcmp(word, "[UNREPLIED]"))
		flow->status &= ~IPS_SEEN_REPLY;
	else if (!strncmp(word, "[start=", 7) && read_ctime(word + 7, &flow->start))
		flow->has |= HAS_START;
	else if (!strncmp(word, "[stop=", 6) && read_ctime(word + 6, &flow->stop))
		flow->has |= HAS_STOP;
	else if (isdigit((unsigned char)word[1]) && read_clock(word + 1, &flow->time))
		flow->has |= HAS_TIME;
	for (unsigned i = 0; i < LENGTH(brackets); i++) {
		if (strcmp(word, brackets[i].word))
			continue;
		flow->status |= brackets[i].status;
		if (!brackets[i].event)
			continue;
		flow->event = brackets[i].event;
		flow->has |= HAS_EVENT;
	}
}

/* A word without "=": the flags of an expectation, or the state. */
static void read_bare(struct reader *reader, const char *word)
{
	const struct field flags = {
		.kind = &kind_expectflags, AT(expect.flags), .has = HAS_EXPECT_FLAGS,
	};

	if (reader->flow->what == WHAT_EXPECT)
		kind_expectflags.set(reader->flow, &flags, word);
	else if (!reader->seen[ORIG])
		set_state(reader, NULL, word);
}

static const char *read_word(struct reader *reader, char *word)
{
	char *value = strchr(word, '=');
	const struct key *key;

	if (*word == '[') {
		read_bracket(reader->flow, word);
		return NULL;
	}
	if (!value) {
		read_bare(reader, word);
		return NULL;
	}
	*value++ = '\0';
	key = find_key(keys, word);
	return key ? key->set(reader, key, value) : NULL;
}

static const char *read_words(struct reader *reader, char *at)
{
	const char *wrong = NULL;
	char *word;

	while (!wrong && (word = next_word(&at)))
		wrong = read_word(reader, word);
	return wrong;
}

/* "tcp 6 431999": name, number, and the seconds left if they are told. */
static const char *read_protocol(struct reader *reader, char *name, char **at)
{
	static const char wrong[] = "no protocol name and number at the start";
	struct flow *flow = reader->flow;
	char *number = next_word(at);
	char *rest;

	if (!isalpha((unsigned char)*name) || strpbrk(name, "=:") || !number || !is_number(number) ||
	    store(&flow->protonum, 1, number))
		return wrong;
	flow->has |= HAS_PROTO;
	rest = *at + strspn(*at, " \t");
	if (!isdigit((unsigned char)*rest))
		return NULL;
	flow->has |= HAS_TIMEOUT;
	return store(&flow->timeout, sizeof(flow->timeout), next_word(at));
}

static const char *read_expect(struct reader *reader, char *word, char *at)
{
	struct flow *flow = reader->flow;
	const char *wrong = NULL;

	flow->what = WHAT_EXPECT;
	if (is_number(word)) {
		wrong = store(&flow->timeout, sizeof(flow->timeout), word);
		flow->has |= HAS_TIMEOUT;
	} else {
		wrong = read_word(reader, word);
	}
	return wrong ? wrong : read_words(reader, at);
}

static const char *read_line(struct reader *reader, char *at)
{
	char *word = next_word(&at);
	const char *wrong;

	reader->flow->status = IPS_CONFIRMED | IPS_SEEN_REPLY;
	while (word && *word == '[') {
		read_bracket(reader->flow, word);
		word = next_word(&at);
	}
	if (word && (!strcmp(word, "ipv4") || !strcmp(word, "ipv6"))) {
		next_word(&at);
		word = next_word(&at);
	}
	if (!word)
		return "the line ends early";
	if (is_number(word) || !strncmp(word, "proto=", 6))
		return read_expect(reader, word, at);
	wrong = read_protocol(reader, word, &at);
	return wrong ? wrong : read_words(reader, at);
}

/* -A is what a dump writes too, so it is no event; -U and -D come from -E only. */
static const char *read_save(struct reader *reader, char *at)
{
	char *word = next_word(&at), *value;
	const char *wrong = NULL;
	struct flow *flow = reader->flow;

	flow->status = IPS_CONFIRMED;
	if (word[1] == 'U' || word[1] == 'D') {
		flow->event = word[1] == 'U' ? EVENT_UPDATE : EVENT_DESTROY;
		flow->has |= HAS_EVENT;
	}
	flow->has |= HAS_STATUS;
	while (!wrong && (word = next_word(&at))) {
		const struct key *key = find_key(save_keys, word);

		if (*word != '-') {
			wrong = read_word(reader, word);
			continue;
		}
		value = next_word(&at);
		if (!value)
			return "an option lacks its value";
		wrong = key ? key->set(reader, key, value) : NULL;
	}
	return wrong;
}

/* The text shows ports 0 where this kernel tracks the protocol without ports. */
static void drop_ports(struct flow *flow)
{
	if ((flow->protonum == IPPROTO_DCCP || flow->protonum == IPPROTO_UDPLITE) &&
	    flow->what == WHAT_FLOW && !flow->orig.src.port && !flow->orig.dst.port)
		flow->has &= ~(HAS_ORIG_PORTS | HAS_REPLY_PORTS);
}

/* ICMP has types that answer each other, so addresses alone tell. */
static void derive_nat(struct flow *flow)
{
	const struct tuple *orig = &flow->orig, *reply = &flow->reply;
	bool ports = flow->has & HAS_ORIG_PORTS && flow->has & HAS_REPLY_PORTS;

	if (memcmp(&reply->dst.addr, &orig->src.addr, sizeof(union address)) ||
	    (ports && reply->dst.port != orig->src.port))
		flow->status |= IPS_SRC_NAT;
	if (memcmp(&reply->src.addr, &orig->dst.addr, sizeof(union address)) ||
	    (ports && reply->src.port != orig->dst.port))
		flow->status |= IPS_DST_NAT;
}

static void set_presence(struct reader *reader)
{
	for (unsigned i = 0; i < LENGTH(groups); i++)
		for (unsigned side = 0; side < SIDES; side++)
			if ((reader->seen[side] & groups[i].parts) == groups[i].parts)
				reader->flow->has |= groups[i].has[side];
}

static const char *finish(struct reader *reader)
{
	struct flow *flow = reader->flow;
	bool expect = flow->what == WHAT_EXPECT;

	set_presence(reader);
	if (!(flow->has & HAS_ORIG_ADDR))
		return "no addresses";
	if (!(flow->has & HAS_PROTO))
		return "no protocol";
	if (!expect && !(flow->has & HAS_REPLY_ADDR))
		return "no addresses of the reply direction";
	flow->multi = !flow->event;
	flow->orig.protonum = flow->protonum;
	drop_ports(flow);
	if (expect) {
		/* Of the master only the ports are told: the same protocol is the best guess. */
		flow->expect.mask.protonum = flow->master.protonum = flow->protonum;
		flow->has |= HAS_EXPECT_FLAGS;
		flow->status = 0;
		return NULL;
	}
	flow->reply.protonum = flow->protonum;
	flow->has |= HAS_STATUS;
	derive_nat(flow);
	flow_set_nat(flow);
	return NULL;
}

/* What conntrack says on stderr, which people save along. */
static bool is_remark(const char *line)
{
	static const char *const starts[] = {
		"conntrack v", "nfct_labelmap_new:", "NOTICE:", "WARNING:", "#",
	};

	for (unsigned i = 0; i < LENGTH(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static bool is_save(const char *line)
{
	return line[0] == '-' && line[1] && strchr("AIUD", line[1]) && (line[2] == ' ' || !line[2]);
}

enum text textin_conntrack(struct flow *flow, char *line, const struct names *names,
			   const char **wrong)
{
	struct reader reader = { .flow = flow, .names = names };

	if (!line[strspn(line, " \t\r\n")] || is_remark(line))
		return TEXT_SKIP;
	memset(flow, 0, sizeof(*flow));
	*wrong = is_save(line) ? read_save(&reader, line) : read_line(&reader, line);
	if (!*wrong)
		*wrong = finish(&reader);
	return *wrong ? TEXT_BAD : TEXT_FLOW;
}
