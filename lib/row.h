/* A row of cttop: a flow, or a group of flows with its sums, under the fields that columns name. */
#ifndef ROW_H
#define ROW_H

#include "group.h"

enum { TCP_STATES = 10, CPU_COUNTERS = 10, SERVICE_SIZE = 24 };

/* What is added up for a group. Rates are per second over the last interval. */
struct sums {
	uint32_t count, unreplied;
	uint32_t fresh, gone;		/* since the last sample */
	uint64_t bytes, packets;	/* likewise */
	float fresh_rate, gone_rate, bytes_rate, packets_rate;
	uint32_t round;			/* the dump that count is from */
	uint16_t low, high;		/* translated source ports */
	bool rated;			/* the rates are known */
	bool ended;			/* so is gone_rate */
	bool counted;			/* some flow had byte counters */
	uint32_t states[TCP_STATES];	/* by state code; only where the view shows them */
};

/* The bits of flow.has that say what else the row has; they are those of expectations, which have
 * no rows. */
#define ROW_RATED HAS_EXPECT_CLASS
#define ROW_COUNTED HAS_EXPECT_NAT
#define ROW_SERVICE HAS_EXPECT_FN
#define ROW_ENDED HAS_EXPECT_FLAGS
#define ROW_BITS (ROW_RATED | ROW_COUNTED | ROW_SERVICE | ROW_ENDED)

/* The first member makes it a flow to the kinds, and a group's row to groups_row(). */
struct row {
	struct group_row group;
	uint64_t identity;
	struct sums sums;
	bool is_gone, is_fresh;
	/* what row_finish() makes of it */
	uint64_t count, unreplied, percent, share;	/* the last two in hundredths of a percent */
	uint64_t fresh, gone, bytes, packets;		/* per second, in thousandths */
	uint64_t states[TCP_STATES];
	uint64_t low, high;
	char service[SERVICE_SIZE];
	char cpu[16];
	uint64_t counters[CPU_COUNTERS];
};

/* Fields of rows beside those of flows; ends with a row whose name is NULL. */
extern const struct field row_fields[];

/* The kernel's counters that rows of CPUs have; row i of counters[] is present with HAS(i). */
extern const char *const row_counters[CPU_COUNTERS];

/* Among row_fields, then those of flows. NULL if there is none. */
const struct field *row_field(const char *name, size_t length);

/* Ports that source NAT can choose from, unless a rule says otherwise, for flows that came from a
 * port above 1023: nf_nat_l4proto_unique_tuple() in net/netfilter/nf_nat_core.c. */
enum { NAT_PORTS = 64512 };

/* Fills what is derived from the sums. `total`: what percent refers to. */
void row_finish(struct row *row, uint64_t total);

extern const struct kind kind_rate, kind_percent;

#endif
