/* Kinds of values of the network: addresses, ports, protocols, states. */
#include "field.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void raw_family(struct out *out, const struct field *field, const struct flow *flow)
{
	(void)field;
	out_text(out, flow->family == AF_INET ? "ipv4" : flow->family == AF_INET6 ? "ipv6" : "?");
}

static uint64_t number_byte(const struct field *field, const struct flow *flow)
{
	return *(const uint8_t *)field_value(field, flow);
}

static int compare_byte(const struct field *field, const struct flow *a, const struct flow *b)
{
	return (int)number_byte(field, a) - (int)number_byte(field, b);
}

static bool match_byte(const struct term *term, const struct field *field, const struct flow *flow)
{
	return number_byte(field, flow) == term->low;
}

static bool find_family(const char *word, uint8_t *family)
{
	if (!strcasecmp(word, "ipv4") || !strcasecmp(word, "ip"))
		*family = AF_INET;
	else if (!strcasecmp(word, "ipv6") || !strcasecmp(word, "ip6"))
		*family = AF_INET6;
	else
		return false;
	return true;
}

static const char *parse_family(struct term *term, const struct field *field, const char *word,
				const struct names *names)
{
	uint8_t family;

	(void)field, (void)names;
	if (!find_family(word, &family))
		return "not a family (ipv4, ipv6)";
	term->low = term->high = family;
	term->mask = UINT64_MAX;
	return NULL;
}

static bool set_family(struct flow *flow, const struct field *field, const char *text)
{
	if (!find_family(text, &flow->family))
		return false;
	flow->has |= field->has;
	return true;
}

const struct kind kind_family = {
	.name = "family", .quoted = true, .text = raw_family, .raw = raw_family,
	.number = number_byte, .compare = compare_byte, .parse = parse_family, .match = match_byte,
	.set = set_family,
};

static void raw_proto(struct out *out, const struct field *field, const struct flow *flow)
{
	uint8_t protonum = number_byte(field, flow);
	const char *name = proto_name(protonum);

	if (name)
		put_mem(out, name, strlen(name));
	else
		put_number(out, protonum);
}

static bool find_proto(const char *word, uint64_t *value)
{
	int number = proto_number(word, strlen(word));

	if (number >= 0) {
		*value = number;
		return true;
	}
	return read_number(word, value) && *value <= UINT8_MAX;
}

static const char *parse_proto(struct term *term, const struct field *field, const char *word,
			       const struct names *names)
{
	(void)field, (void)names;
	if (!find_proto(word, &term->low))
		return "not a protocol name or number";
	term->high = term->low;
	term->mask = UINT64_MAX;
	return NULL;
}

static bool set_proto(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t value;

	if (!find_proto(text, &value))
		return false;
	*((uint8_t *)flow + field->offset) = value;
	flow->has |= field->has;
	return true;
}

const struct kind kind_proto = {
	.name = "protocol", .quoted = true, .text = raw_proto, .raw = raw_proto,
	.number = number_byte, .compare = compare_byte, .parse = parse_proto, .match = match_byte,
	.set = set_proto,
};

static void raw_state(struct out *out, const struct field *field, const struct flow *flow)
{
	uint8_t code = number_byte(field, flow);
	const char *name = state_name(code);

	if (name)
		put_mem(out, name, strlen(name));
	else
		put_number(out, code >= STATE_UNKNOWN ? code - STATE_UNKNOWN : code);
}

/* What netstat and ss call otherwise. */
static const struct {
	const char *name, *state;
} state_aliases[] = {
	{ "FIN_WAIT1", "FIN_WAIT" }, { "FIN_WAIT2", "FIN_WAIT" }, { "SYN_RCVD", "SYN_RECV" },
	{ "CLOSING", "LAST_ACK" }, { "CLOSED", "CLOSE" }, { "LISTEN", "SYN_SENT2" },
	{ "FIN_WAIT_1", "FIN_WAIT" }, { "FIN_WAIT_2", "FIN_WAIT" }, { "ESTAB", "ESTABLISHED" },
};

/* In any case, and with the dashes of ss. */
static bool same_state(const char *word, const char *name)
{
	while (*name && (toupper((unsigned char)*word) == *name || (*word == '-' && *name == '_')))
		word++, name++;
	return !*word && !*name;
}

/* The states that a word means, one bit a code; 0 if it is none. */
static uint64_t find_states(const char *word)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < state_count(); i++)
		if (same_state(word, state_name(i)))
			found |= UINT64_C(1) << i;
	for (unsigned i = 0; i < sizeof(state_aliases) / sizeof(*state_aliases); i++)
		if (same_state(word, state_aliases[i].name))
			found |= find_states(state_aliases[i].state);
	return found;
}

static const char *parse_state(struct term *term, const struct field *field, const char *word,
			       const struct names *names)
{
	(void)field, (void)names;
	term->mask = find_states(word);
	return term->mask ? NULL : "not a state";
}

static bool match_state(const struct term *term, const struct field *field, const struct flow *flow)
{
	uint64_t code = number_byte(field, flow);

	return code < 64 && term->mask >> code & 1;
}

static bool set_state(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t raw;

	for (unsigned i = 0; i < state_count(); i++)
		if (!strcasecmp(text, state_name(i))) {
			flow->state = i;
			flow->has |= field->has;
			return true;
		}
	if (!strcasecmp(text, "LISTEN"))
		return set_state(flow, field, "SYN_SENT2");
	if (!read_number(text, &raw) || raw >= STATE_UNKNOWN)
		return false;
	flow->state = STATE_UNKNOWN + raw;
	flow->has |= field->has;
	return true;
}

static const char *colour_state(const struct field *field, const struct flow *flow)
{
	const char *name = state_name(number_byte(field, flow));

	if (!name)
		return NULL;
	if (!strcmp(name, "ESTABLISHED"))
		return "32";
	return !strncmp(name, "SYN_", 4) ? "33" : "2";
}

const struct kind kind_state = {
	.name = "state", .quoted = true, .text = raw_state, .raw = raw_state, .number = number_byte,
	.compare = compare_byte, .parse = parse_state, .match = match_state, .set = set_state,
	.colour = colour_state,
};

static void raw_address(struct out *out, const struct field *field, const struct flow *flow)
{
	int length = field->prefix[flow->family == AF_INET6];

	put_address(out, flow->family, field_value(field, flow));
	if (length) {
		put_char(out, '/');
		put_number(out, length);
	}
}

static int compare_address(const struct field *field, const struct flow *a, const struct flow *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(field_value(field, a), field_value(field, b), sizeof(union address));
}

/* Not the address, but a number that orders as compare_address() does as far as it goes. */
static uint64_t order_address(const struct field *field, const struct flow *flow)
{
	const union address *addr = field_value(field, flow);

	if (flow->family == AF_INET)
		return ntohl(addr->word[0]);
	return UINT64_C(1) << 63 | (uint64_t)ntohl(addr->word[0]) << 31 | ntohl(addr->word[1]) >> 1;
}

static bool contiguous(const union address *mask, int *length)
{
	bool ended = false;

	*length = 0;
	for (int i = 0; i < 128; i++) {
		bool bit = mask->byte[i / 8] >> (7 - i % 8) & 1;

		if (bit && ended)
			return false;
		ended |= !bit;
		*length += bit;
	}
	return true;
}

static void widen(struct term *term, int length)
{
	int bits = term->family == AF_INET ? 32 : 128;

	term->to = term->from;
	for (int i = length; i < bits; i++) {
		term->from.byte[i / 8] &= ~(0x80 >> i % 8);
		term->to.byte[i / 8] |= 0x80 >> i % 8;
	}
}

static const char *parse_prefix(struct term *term, const char *length)
{
	union address mask;
	uint8_t family;
	uint64_t bits;
	int len;

	if (read_number(length, &bits) && bits <= (term->family == AF_INET ? 32 : 128)) {
		widen(term, bits);
		return NULL;
	}
	if (!read_address(length, &mask, &family) || family != term->family)
		return "not a prefix length";
	if (!contiguous(&mask, &len))
		return "the mask has holes";
	widen(term, len);
	return NULL;
}

static const char *parse_address(struct term *term, const struct field *field, const char *word,
				 const struct names *names)
{
	char text[128];
	char *second;
	uint8_t family;
	size_t len = strlen(word);

	(void)field, (void)names;
	if (len >= sizeof(text))
		return "not an address";
	strcpy(text, word);
	if (*text == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		memmove(text, text + 1, len - 1);
	}
	second = strpbrk(text, "/-");
	if (second) {
		bool range = *second == '-';

		*second++ = '\0';
		if (!read_address(text, &term->from, &term->family))
			return "not an address";
		if (!range)
			return parse_prefix(term, second);
		if (!read_address(second, &term->to, &family) || family != term->family)
			return "the range does not end in an address of the same family";
		return memcmp(&term->from, &term->to, 16) > 0 ? "the range ends before it begins"
							       : NULL;
	}
	if (!read_address(text, &term->from, &term->family))
		return isalpha((unsigned char)*text) ? "not an address (host names are not looked up)"
						     : "not an address";
	term->to = term->from;
	return NULL;
}

static bool in_range(const struct term *term, const union address *addr)
{
	if (term->family == AF_INET) {
		uint32_t value = ntohl(addr->word[0]);

		return value >= ntohl(term->from.word[0]) && value <= ntohl(term->to.word[0]);
	}
	return memcmp(addr, &term->from, 16) >= 0 && memcmp(addr, &term->to, 16) <= 0;
}

static bool match_address(const struct term *term, const struct field *field,
			  const struct flow *flow)
{
	return term->family == flow->family && in_range(term, field_value(field, flow));
}

static bool set_address(struct flow *flow, const struct field *field, const char *text)
{
	union address addr;
	uint8_t family;

	if (!read_address(text, &addr, &family) ||
	    ((flow->has & HAS_FAMILY) && flow->family != family))
		return false;
	flow->family = family;
	memcpy((char *)flow + field->offset, &addr, sizeof(addr));
	flow->has |= field->has | HAS_FAMILY;
	return true;
}

const struct kind kind_address = {
	.name = "address", .quoted = true, .text = raw_address, .raw = raw_address,
	.number = order_address,
	.compare = compare_address, .parse = parse_address, .match = match_address,
	.set = set_address,
};

static uint64_t load_port(const struct field *field, const struct flow *flow)
{
	return *(const uint16_t *)field_value(field, flow);
}

static void raw_port(struct out *out, const struct field *field, const struct flow *flow)
{
	put_number(out, load_port(field, flow));
}

static int compare_port(const struct field *field, const struct flow *a, const struct flow *b)
{
	return (int)load_port(field, a) - (int)load_port(field, b);
}

static bool find_port(const char *word, uint64_t *port)
{
	struct servent *service;

	if (read_number(word, port))
		return *port <= UINT16_MAX;
	service = getservbyname(word, NULL);
	if (!service)
		return false;
	*port = ntohs(service->s_port);
	return true;
}

/* A service name may hold a dash, so the whole word is tried first. ss writes a colon before it. */
static const char *parse_port(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	char text[64];
	char *dash;

	(void)field, (void)names;
	word += *word == ':';
	term->mask = UINT64_MAX;
	if (find_port(word, &term->low)) {
		term->high = term->low;
		return NULL;
	}
	dash = strlen(word) < sizeof(text) ? strchr(strcpy(text, word), '-') : NULL;
	if (!dash)
		return strchr(word, ':') ? "not a port (a range is written as in 8000-8100)"
					 : "not a port number or service name";
	*dash++ = '\0';
	if (!find_port(text, &term->low) || !find_port(dash, &term->high))
		return "not a range of ports";
	return term->low > term->high ? "the range ends before it begins" : NULL;
}

static bool match_port(const struct term *term, const struct field *field, const struct flow *flow)
{
	uint64_t port = load_port(field, flow);

	return port >= term->low && port <= term->high;
}

static bool set_port(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t value;

	if (!read_number(text, &value) || value > UINT16_MAX)
		return false;
	*(uint16_t *)((char *)flow + field->offset) = value;
	flow->has |= field->has;
	return true;
}

const struct kind kind_port = {
	.name = "port", .right = true, .ordered = true, .text = raw_port, .raw = raw_port,
	.number = load_port, .compare = compare_port, .parse = parse_port, .match = match_port,
	.set = set_port,
};

/* A GRE key: a port to the kernel, but no service has a name for it. */
static const char *parse_key(struct term *term, const struct field *field, const char *word,
			     const struct names *names)
{
	return kind_number.parse(term, field, word, names);
}

const struct kind kind_key = {
	.name = "number", .right = true, .ordered = true, .text = raw_port, .raw = raw_port,
	.number = load_port, .compare = compare_port, .parse = parse_key, .match = match_port,
	.set = set_port,
};

void put_endpoint(struct out *out, uint8_t family, const struct endpoint *end, bool port)
{
	bool bracket = port && family == AF_INET6;

	if (bracket)
		put_char(out, '[');
	put_address(out, family, &end->addr);
	if (bracket)
		put_char(out, ']');
	if (port) {
		put_char(out, ':');
		put_number(out, end->port);
	}
}

/* The row's `uses` is the bit that says whether there is a port. */
static void raw_endpoint(struct out *out, const struct field *field, const struct flow *flow)
{
	put_endpoint(out, flow->family, field_value(field, flow), flow->has & field->uses);
}

static int compare_endpoint(const struct field *field, const struct flow *a, const struct flow *b)
{
	const struct endpoint *x = field_value(field, a), *y = field_value(field, b);
	int order = compare_address(field, a, b);

	return order ? order : (int)x->port - (int)y->port;
}

/* "ADDR", "ADDR:PORT", "[ADDR6]:PORT", ":PORT", the address with prefix or range. */
static const char *parse_endpoint(struct term *term, const struct field *field, const char *word,
				  const struct names *names)
{
	char text[128];
	char *colon;
	struct term port;
	const char *wrong;

	if (strlen(word) >= sizeof(text))
		return "not an address";
	strcpy(text, word);
	colon = strrchr(text, ':');
	if (colon && strchr(text, ':') != colon && colon > text && colon[-1] != ']')
		colon = NULL;	/* a bare IPv6 address */
	term->low_port = 0;
	term->high_port = UINT16_MAX;
	term->family = AF_UNSPEC;
	if (colon) {
		*colon++ = '\0';
		wrong = parse_port(&port, field, colon, names);
		if (wrong)
			return wrong;
		term->low_port = port.low;
		term->high_port = port.high;
	}
	return *text ? parse_address(term, field, text, names) : NULL;
}

static bool match_endpoint(const struct term *term, const struct field *field,
			   const struct flow *flow)
{
	const struct endpoint *end = field_value(field, flow);

	if (term->family != AF_UNSPEC && !match_address(term, field, flow))
		return false;
	if (term->low_port == 0 && term->high_port == UINT16_MAX)
		return true;
	return (flow->has & field->uses) && end->port >= term->low_port &&
	       end->port <= term->high_port;
}

const struct kind kind_endpoint = {
	.name = "endpoint", .quoted = true, .text = raw_endpoint, .raw = raw_endpoint,
	.compare = compare_endpoint, .parse = parse_endpoint, .match = match_endpoint,
};
