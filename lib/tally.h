/* Counts logged packets by reason. */
#ifndef TALLY_H
#define TALLY_H

#include "out.h"
#include "packet.h"

struct tally;

struct tally *tally_new(void);		/* memory_exhausted() ends it when memory is out */
void tally_free(struct tally *tally);
void tally_add(struct tally *tally, const struct packet *packet);
void tally_lost(struct tally *tally, uint32_t lost);

/* As summary_print(): each reason, its numbers replaced by %, with the last packet it was said of. */
void tally_print(struct tally *tally, struct out *out, bool json, uint64_t time, double seconds);

#endif
