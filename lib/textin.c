/* Reads the text of conntrack(8) and of /proc/net/nf_conntrack. */
#include "textin.h"

#include "textkey.h"

#include <assert.h>
#include <ctype.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NANO = 1000000000 };

#define LENGTH(array) (sizeof(array) / sizeof(*array))

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
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NANO)
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
		.kind = &kind_expectflags, .has = HAS_EXPECT_FLAGS,
		.offset = offsetof(struct flow, expect.flags),
		.size = sizeof(reader->flow->expect.flags),
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
	key = textkey_find(text_keys, word);
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

	if (!isalpha((unsigned char)*name) || strpbrk(name, "=:") || !number ||
	    !is_number(number) || store_number(&flow->protonum, 1, number))
		return wrong;
	flow->has |= HAS_PROTO;
	rest = *at + strspn(*at, " \t");
	if (!isdigit((unsigned char)*rest))
		return NULL;
	flow->has |= HAS_TIMEOUT;
	return store_number(&flow->timeout, sizeof(flow->timeout), next_word(at));
}

static const char *read_expect(struct reader *reader, char *word, char *at)
{
	struct flow *flow = reader->flow;
	const char *wrong = NULL;

	flow->what = WHAT_EXPECT;
	if (is_number(word)) {
		wrong = store_number(&flow->timeout, sizeof(flow->timeout), word);
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

	assert(word);	/* the caller saw it */
	flow->status = IPS_CONFIRMED;
	if (word[1] == 'U' || word[1] == 'D') {
		flow->event = word[1] == 'U' ? EVENT_UPDATE : EVENT_DESTROY;
		flow->has |= HAS_EVENT;
	}
	flow->has |= HAS_STATUS;
	while (!wrong && (word = next_word(&at))) {
		const struct key *key = textkey_find(save_keys, word);

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

static const char *finish(struct reader *reader)
{
	struct flow *flow = reader->flow;
	bool expect = flow->what == WHAT_EXPECT;

	flow->has |= keys_seen(reader);
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
