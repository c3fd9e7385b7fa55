/* Where flows come from: a dump, events, saved files. One reader for all of them. */
#ifndef SOURCE_H
#define SOURCE_H

#include "field.h"
#include "flow.h"

struct asker;
struct capture;
struct sock_fprog;
struct source;

enum table { TABLE_CONNTRACK, TABLE_EXPECT, TABLE_DYING, TABLE_UNCONFIRMED };

/* What the kernel is asked to send: only what it tests exactly or too widely (pushdown.h).
 * The zero value asks for everything. */
struct request {
	uint8_t family;			/* AF_UNSPEC: both */
	bool by_mark, by_status, by_zone;
	uint32_t mark, mark_mask;
	uint32_t status, status_mask;
	uint16_t zone;
	struct {
		struct tuple tuple;
		uint32_t flags;		/* the kernel's CTA_FILTER_F_, 0: not asked */
	} side[2];			/* original, reply */
};

/*
 * What goes wrong with part of a file: `number` is that of the line or message, 1 the first. The
 * rest is read on. `what` is a few words without a full stop.
 */
struct complaint {
	void (*say)(void *data, const char *file, unsigned long long number, const char *what);
	void *data;
};

/*
 * Sends one dump request per row of `requests` (the kernel answers them one after the other). All
 * are sent before this returns, so that capabilities can be dropped then (the kernel checks them
 * when a request is sent); later ones need an asker (asker.h), NULL sends them here. NULL with errno;
 * ENOENT: this kernel has no conntrack.
 */
struct source *source_dump(const struct asker *asker, enum table table,
			   const struct request *requests, unsigned count);

/* Bits of `groups`: 1 << (enum nfnetlink_groups - 1). `buffer` is asked for with SO_RCVBUFFORCE,
 * else SO_RCVBUF; source_buffer() tells what the kernel gave. */
struct source *source_events(const struct asker *asker, unsigned groups, size_t buffer);
size_t source_buffer(const struct source *source);
/* Messages dropped by the kernel for this very socket so far (SO_MEMINFO), exact. */
uint32_t source_lost(const struct source *source);
/* Whether the last source_read() of events took all there was. */
bool source_drained(const struct source *source);
/* Lets the kernel keep back what a program does not let through; SO_ATTACH_FILTER. */
bool source_filter(const struct source *source, const struct sock_fprog *program);
/* Takes no more events from now on: what is in the buffer can still be read, and counting ends. */
bool source_shut(const struct source *source);
/* Writes a mark of a loss to where all that is read is written. A replay gives it as EVENT_LOST to who wants
 * to be told; to others it is no flow, and only counted. */
bool source_tee_lost(struct source *source, uint32_t lost, uint64_t time);
void source_tell_lost(struct source *source);
unsigned long long source_untold(const struct source *source);

/*
 * Saved data, "-" for stdin; recognised from the content (capture, conntrack text, /proc text,
 * JSON Lines). The files are read in order. `names` (may be NULL) reads label names.
 */
struct source *source_files(const char *const *files, unsigned count,
			    const struct complaint *complaint, const struct names *names);

/* Begins with the first file again, if source_keep() was called before anything was read; savefile.h. */
bool source_keep(struct source *source);
bool source_rewind(struct source *source);

void source_close(struct source *source);

/* What the reader wants decoded: the union of the `has` and `uses` of its fields. HAS_ALL first. */
void source_want(struct source *source, uint64_t want);

/* Times for idle; the source keeps no copy. NULL: idle is absent. */
void source_timeouts(struct source *source, const struct timeouts *timeouts);

/* Everything that is read is also written there. */
void source_tee(struct source *source, struct capture *capture);
/* Whether it was the writing that made source_read() fail. */
bool source_tee_failed(const struct source *source);

/* For poll(); -1 for files. */
int source_fd(const struct source *source);

/*
 * Reads on: 1 something came, 0 the end, -1 errno (EAGAIN: no event yet; ENOBUFS: events were
 * lost, read on; EPERM: no CAP_NET_ADMIN; ENOMSG: text cannot go to the capture).
 */
int source_read(struct source *source);

/* The next flow of what was read, with its time and the derived fields; false when there is no
 * more. Flows and expectations come as they are: look at flow->what. */
bool source_flow(struct source *source, struct flow *flow);

/* Whether the hash table got another size during the dump that has come to its end: the kernel goes on at
 * the same number of a bucket, so flows may be missing, or have come twice. */
bool source_resized(const struct source *source);

/* How many lines or messages could be read, and how many could not. */
unsigned long long source_good(const struct source *source);
unsigned long long source_bad(const struct source *source);
/* How many files could not be opened or read at all. */
unsigned source_files_lost(const struct source *source);

#endif
