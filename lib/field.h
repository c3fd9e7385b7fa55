/* The one table of fields: what a flow has, under which name, and how each kind of value behaves. */
#ifndef FIELD_H
#define FIELD_H

#include "flow.h"
#include "out.h"

struct field;

/* Names that come from this system's configuration: connlabel.conf. NULL where unnamed. */
struct names {
	char *label[LABELS];
};
void names_load(struct names *names);		/* leaves all NULL where there is no file */
void names_release(struct names *names);

/* One value that a filter compares with: a range, a bit pattern or a text. A range with low just above high
 * is a value between two whole numbers. */
struct term {
	union {
		struct { uint64_t low, high, mask; };
		struct { union address from, to; uint8_t family; uint16_t low_port, high_port; };
		char text[64];
	};
};

/*
 * How the values of a type behave. A kind gets the row, because the same kind serves several
 * members of struct flow. text() is for people; raw() is for programs (csv, and JSON, where it is
 * quoted if `quoted`); json() where that is not enough. None is called for an absent value, and
 * all write less than OUT_ROOM bytes or make room themselves.
 */
struct kind {
	const char *name;
	bool quoted, right, ordered;	/* ordered: < and > make sense */
	void (*text)(struct out *out, const struct field *field, const struct flow *flow);
	void (*raw)(struct out *out, const struct field *field, const struct flow *flow);
	void (*json)(struct out *out, const struct field *field, const struct flow *flow);
	/* The value, or a number that orders as compare() does as far as it goes; may be NULL. */
	uint64_t (*number)(const struct field *field, const struct flow *flow);
	int (*compare)(const struct field *field, const struct flow *a, const struct flow *b);
	/* Reads one value (range, prefix, name) into *term. NULL, or what is wrong with it. */
	const char *(*parse)(struct term *term, const struct field *field, const char *word,
			     const struct names *names);
	bool (*match)(const struct term *term, const struct field *field, const struct flow *flow);
	/* The reverse of raw(): false if the text is no such value. */
	bool (*set)(struct flow *flow, const struct field *field, const char *text);
	const char *(*colour)(const struct field *field, const struct flow *flow);	/* SGR, or NULL */
	const struct bit *bits;		/* the names of the bits, where the kind is a set of bits */
};

enum {
	IN_FLOW = 1,		/* an object of ctlist */
	IN_EXPECT = 2,		/* ... of ctlist -t expect */
	IN_EVENT = 4,		/* ... of ctwatch */
	JOINED = 8,		/* made of other fields: in columns, not in JSON unless asked for */
};

struct field {
	const char *name;	/* the path in the JSON object */
	const char *heading;
	const struct kind *kind;
	uint16_t offset, size;	/* in struct flow */
	uint8_t width;		/* of a column before anything is known of the values */
	uint8_t in;
	uint64_t has;		/* present if all these bits are */
	uint64_t uses;		/* what else must be decoded for it */
	const char *help;
	uint64_t zero;		/* the kernel leaves it out where it is 0: filters take it for 0 without these bits */
	uint8_t prefix[2];	/* addresses: shown as a prefix of this length (IPv4, IPv6), if not 0 */
	const char *object;	/* JSON: where `name` stands as the key; NULL: before its last dot */
	const char *const *names;	/* numbers: the names of 0, 1, ...; NULL-terminated */
	const struct names *labels;	/* label names; NULL: numbers */
};

struct bit {
	const char *name;	/* NULL ends a list */
	uint32_t mask, value;
	const char *help;
};

/* All rows in JSON order. Ends with a row whose name is NULL. */
extern const struct field fields[];

/* By name, or by one of the short names (src, dst, sport, dport). NULL if there is none. */
const struct field *field_find(const char *name, size_t length);

/* The long name of the i-th short name; NULL past the last. */
const char *field_short(unsigned i, const char **name);

static inline bool field_present(const struct field *field, const struct flow *flow)
{
	return (flow->has & field->has) == field->has;
}

static inline const void *field_value(const struct field *field, const struct flow *flow)
{
	return (const char *)flow + field->offset;
}

/* -1, 0, 1; the absent come last. */
int field_compare(const struct field *field, const struct flow *a, const struct flow *b);

extern const struct bit status_bits[];	/* the kernel's names, IPS_ */
extern const struct bit flag_bits[];	/* what conntrack(8) puts in brackets */
extern const struct bit expect_bits[];
extern const struct bit tcp_bits[];
extern const struct bit changed_bits[];

extern const struct kind kind_family, kind_proto, kind_number, kind_mark, kind_count, kind_size,
	kind_total, kind_seconds, kind_duration, kind_time, kind_address, kind_port, kind_key,
	kind_endpoint, kind_state, kind_status, kind_flags, kind_nat, kind_text, kind_labels,
	kind_tcpflags, kind_expectflags, kind_name, kind_bool,
	kind_event, kind_clock, kind_changed, kind_detail, kind_header;

/* Readers of numbers for options and filters: the whole text, or false. Sizes take k M G (1000) and
 * Ki Mi Gi; times take ms s m h d and give nanoseconds. A bare time is in seconds. */
bool read_number(const char *text, uint64_t *value);
bool read_size(const char *text, uint64_t *value);
bool read_time(const char *text, uint64_t *nanoseconds);
/* An address; family AF_INET or AF_INET6. */
bool read_address(const char *text, union address *addr, uint8_t *family);

/* addr, or addr:port, or [addr6]:port. */
void put_endpoint(struct out *out, uint8_t family, const struct endpoint *end, bool port);
/* Seconds as people say them: 29s, 4m10s, 13h2m, 5d0h. */
void put_seconds(struct out *out, uint64_t seconds);
/* Nanoseconds since 1970 as 2026-11-22T05:56:05.179942123Z, with so many decimals. */
void put_time(struct out *out, uint64_t nanoseconds, int decimals);
bool read_timestamp(const char *text, uint64_t *nanoseconds);

#endif
