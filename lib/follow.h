/* Remembers flows, so that an event can say more than its message, and finds what was missed. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "flow.h"

enum {
	CHANGED_STATE = 1 << 0, CHANGED_REPLIED = 1 << 1, CHANGED_ASSURED = 1 << 2,
	CHANGED_NAT = 1 << 3, CHANGED_OFFLOAD = 1 << 4, CHANGED_STATUS = 1 << 5,
	CHANGED_MARK = 1 << 6, CHANGED_LABELS = 1 << 7, CHANGED_HELPER = 1 << 8,
	CHANGED_SECCTX = 1 << 9, CHANGED_SEQADJ = 1 << 10, CHANGED_SYNPROXY = 1 << 11,
};

/*
 * FOLLOW_NOTHING: only what the message says. FOLLOW_BIRTHS: flows whose NEW was seen, for the
 * duration of their lives and their last state. FOLLOW_ALL: the whole table, with dumps.
 */
enum follow_mode { FOLLOW_NOTHING, FOLLOW_BIRTHS, FOLLOW_ALL };

struct follow;

/* `syn_sent`: the timeout of that TCP state in seconds, 0 if unknown. `live`: the kernel may be asked
 * how full its table is (reason.h). */
struct follow *follow_new(enum follow_mode mode, uint32_t syn_sent, bool live);
void follow_free(struct follow *follow);
size_t follow_count(const struct follow *follow);

/* Completes an event: what it changed, how long the flow lived and why it ended; remembers it. */
void follow_event(struct follow *follow, struct flow *flow);

/* Events were lost: what is remembered may be wrong. */
void follow_lost(struct follow *follow);

/*
 * Dumps, in FOLLOW_ALL. The socket of events must be read empty between the receipt of a piece of
 * the dump and the first follow_found() of that piece, so that what happened before it is known
 * then; follow_piece() is called before the piece is received. What the dump shows and no event
 * told is kept back until follow_end(), because its event may just be on its way.
 */
void follow_begin(struct follow *follow);
void follow_piece(struct follow *follow);
void follow_found(struct follow *follow, const struct flow *flow);

/*
 * Calls emit() with an event for each thing that was missed: "synthetic". In the first dump all
 * flows are new to us and none is told. Returns how many were told.
 */
unsigned long long follow_end(struct follow *follow, uint64_t time,
			 void (*emit)(void *data, struct flow *flow), void *data);

/* The dump could not be read to its end: nothing is concluded from it. */
void follow_cancel(struct follow *follow);

#endif
