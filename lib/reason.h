/* Why a flow ended: the words, and the rules that choose one. */
#ifndef REASON_H
#define REASON_H

#include "flow.h"

enum reason {
	REASON_NONE, REASON_REFUSED, REASON_NO_ANSWER, REASON_HALF_OPEN, REASON_CLOSED, REASON_RESET,
	REASON_IDLE_TIMEOUT, REASON_UNANSWERED, REASON_EVICTED, REASON_REPLACED, REASON_DELETED,
	REASON_KILLED, REASON_EXPIRED, REASONS,
};

/* The words of enum reason in order, NULL at the end; reason_names[0] is "". */
extern const char *const reason_names[];

/* What --failed shows: every end but closed, expired and replaced, and an unknown one. */
bool reason_failed(uint8_t reason);

enum pressure { PRESSURE_UNKNOWN, PRESSURE_NO, PRESSURE_YES };

/*
 * Why the flow of this DESTROY ended. What the message lacks may have been remembered and filled in,
 * its TIMEOUT never: present, it says that the flow did not end by its timer. `told`: the message
 * itself had a state; kernels before 6.1 tell neither state nor time left, and then a refusal shows
 * in a life (HAS_DURATION) shorter than `syn_sent`, the timeout of that state in seconds (0: unknown).
 * `pressure`: the table is full, which makes the kernel evict.
 */
uint8_t reason_of(const struct flow *flow, bool told, uint32_t syn_sent, enum pressure pressure);

/* Why a flow ended whose timer is known to have run out. */
uint8_t reason_of_expired(const struct flow *flow);

/* Whether nf_conntrack_count of this namespace is 95 % of the maximum, from where on the kernel's gc
 * evicts (gc_worker() in net/netfilter/nf_conntrack_core.c). */
enum pressure pressure_read(void);

#endif
