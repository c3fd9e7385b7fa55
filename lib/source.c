/* Reads flows from the kernel (a dump, events) and hands on those of saved files. */
#include "source.h"

#include "asker.h"
#include "capture.h"
#include "privs.h"
#include "savefile.h"
#include "sysctl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>

/* The kernel fills up to 32 KiB per dump datagram; net/netlink/af_netlink.c. */
enum { BUFFER = 128 * 1024, SOCKETS = 4 };

/* Events come one a datagram, none larger than a page; 64 of them with one call. The odd size keeps
 * their beginnings out of each other's cache lines. */
enum { EVENT_SIZE = 4096 + 320, EVENTS = 64 };

struct batch {
	struct mmsghdr heads[EVENTS];
	struct iovec vectors[EVENTS];
	struct sockaddr_nl senders[EVENTS];
	unsigned count, at;
	uint8_t data[EVENTS][EVENT_SIZE] __attribute__((aligned(64)));
};

struct source {
	int sockets[SOCKETS];
	unsigned count, current;	/* a dump: one socket a request, read in turn */
	struct batch *batch;	/* events */
	bool ended;		/* the end of a dump came behind its last flows */
	uint64_t buckets;	/* when the dump began */
	bool resized;
	bool tee_failed;
	struct savefile *file;
	struct piece piece;		/* what was read; data moves on as flows are taken */
	struct capture *tee;
	uint64_t want;
	const struct timeouts *timeouts;
	unsigned long long good, bad;
	bool tells_lost;
	unsigned long long lost;	/* events, by marks that were not told */
	size_t buffer_size;
	uint8_t *buffer;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct source *source_new(void)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->buffer = malloc(BUFFER);
	if (!source->buffer) {
		free(source);
		return NULL;
	}
	source->want = HAS_ALL;
	return source;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	for (unsigned i = 0; i < source->count; i++)
		close(source->sockets[i]);
	savefile_close(source->file);
	free(source->batch);
	free(source->buffer);
	free(source);
}

/*
 * The kernel answers the request while it takes it, so a refusal is already there to be seen.
 * Returns the errno of a refusal, or 0.
 */
static int refused(int fd)
{
	uint32_t head[64];
	const struct nlmsghdr *message = (const void *)head;
	const struct nlmsgerr *error = (const void *)((const char *)head + NLMSG_HDRLEN);
	ssize_t n;

	do
		n = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)(NLMSG_HDRLEN + sizeof(*error)) || message->nlmsg_type != NLMSG_ERROR)
		return 0;
	return -error->error;
}

static int open_dump(const struct asker *asker, enum table table, const struct request *request)
{
	struct question question = { .what = ASK_DUMP, .table = table, .request = *request };
	int fd = asker_ask(asker, &question), error;

	if (fd < 0)
		return -1;
	error = refused(fd);
	/* A kernel without marks or tuple filters says so: then all is asked for and tested here. */
	if (error != EOPNOTSUPP && error != EINVAL)
		return fd;
	close(fd);
	question.request = (struct request){ .family = request->family };
	return asker_ask(asker, &question);
}

/* Looking must not load the modules. */
static bool conntrack_there(void)
{
	return access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) == 0;
}

/* The kernel walks all buckets, some ten milliseconds, even if there is nothing in them; anybody may
 * read how many entries there are. */
static bool is_empty(void)
{
	uint64_t count;

	return sysctl_number("nf_conntrack_count", &count) && count == 0;
}

static uint64_t buckets(void)
{
	uint64_t number;

	return sysctl_number("nf_conntrack_buckets", &number) ? number : 0;
}

struct source *source_dump(const struct asker *asker, enum table table,
			   const struct request *requests, unsigned count)
{
	struct source *source;

	if (!conntrack_there()) {
		errno = ENOENT;
		return NULL;
	}
	source = source_new();
	if (!source)
		return NULL;
	source->buckets = buckets();
	if (table == TABLE_CONNTRACK && (asker || privs_admin()) && is_empty())
		return source;
	for (unsigned i = 0; i < count && i < SOCKETS; i++) {
		source->sockets[i] = open_dump(asker, table, &requests[i]);
		if (source->sockets[i] < 0) {
			int saved = errno;

			source_close(source);
			errno = saved;
			return NULL;
		}
		source->count++;
	}
	return source;
}

static struct batch *batch_new(void)
{
	struct batch *batch = aligned_alloc(64, (sizeof(*batch) + 63) & ~(size_t)63);

	if (!batch)
		return NULL;
	memset(batch, 0, offsetof(struct batch, data));
	for (unsigned i = 0; i < EVENTS; i++) {
		batch->vectors[i] = (struct iovec){ batch->data[i], EVENT_SIZE };
		batch->heads[i].msg_hdr.msg_iov = &batch->vectors[i];
		batch->heads[i].msg_hdr.msg_iovlen = 1;
		batch->heads[i].msg_hdr.msg_name = &batch->senders[i];
		batch->heads[i].msg_hdr.msg_namelen = sizeof(batch->senders[i]);
	}
	return batch;
}

struct source *source_events(const struct asker *asker, unsigned groups, size_t buffer)
{
	struct question question = { .what = ASK_EVENTS, .groups = groups, .buffer = buffer };
	struct source *source;
	socklen_t length = sizeof(int);
	int value = 0, saved;

	if (!conntrack_there()) {
		errno = ENOENT;
		return NULL;
	}
	source = source_new();
	if (!source)
		return NULL;
	source->batch = batch_new();
	if (source->batch)
		source->sockets[0] = asker_ask(asker, &question);
	if (source->batch && source->sockets[0] >= 0) {
		source->count = 1;
		getsockopt(source->sockets[0], SOL_SOCKET, SO_RCVBUF, &value, &length);
		source->buffer_size = value;
		return source;
	}
	saved = errno;
	source_close(source);
	errno = saved;
	return NULL;
}

struct source *source_files(const char *const *files, unsigned count,
			    const struct complaint *complaint, const struct names *names)
{
	struct source *source = source_new();

	if (!source)
		return NULL;
	source->file = savefile_open(files, count, complaint, names);
	if (source->file)
		return source;
	source_close(source);
	return NULL;
}

bool source_keep(struct source *source)
{
	return savefile_keep(source->file);
}

bool source_rewind(struct source *source)
{
	if (!savefile_rewind(source->file))
		return false;
	source->piece.length = 0;
	source->good = source->bad = source->lost = 0;
	return true;
}

size_t source_buffer(const struct source *source)
{
	return source->buffer_size;
}

uint32_t source_lost(const struct source *source)
{
	uint32_t info[9] = { 0 };	/* SK_MEMINFO_DROPS is the last */
	socklen_t length = sizeof(info);

	if (source->file || getsockopt(source_fd(source), SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
		return 0;
	return info[8];
}

bool source_filter(const struct source *source, const struct sock_fprog *program)
{
	/* As sandbox.h wants to see it. */
	return syscall(SYS_setsockopt, source_fd(source), SOL_SOCKET, SO_ATTACH_FILTER, program,
		       sizeof(*program)) == 0;
}

/* The kernel lets only CAP_NET_ADMIN leave a group, but anybody may filter: here, everything. */
bool source_shut(const struct source *source)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);

	return source_filter(source, &(struct sock_fprog){ 1, &nothing });
}

void source_want(struct source *source, uint64_t want)
{
	source->want = flow_closure(want);
}

void source_timeouts(struct source *source, const struct timeouts *timeouts)
{
	source->timeouts = timeouts;
}

void source_tee(struct source *source, struct capture *capture)
{
	source->tee = capture;
}

int source_fd(const struct source *source)
{
	return source->current < source->count ? source->sockets[source->current] : -1;
}

/* DONE or an error at the end of a dump: 0, or -1 with errno; 1: neither. */
static int dump_end(const struct nlmsghdr *message, size_t left)
{
	const struct nlmsgerr *error = (const void *)((const char *)message + NLMSG_HDRLEN);

	if (!message_ok(message, left))
		return 1;
	if (message->nlmsg_type == NLMSG_DONE)
		return 0;
	if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_len < NLMSG_HDRLEN + sizeof(*error))
		return 1;
	errno = -error->error;
	return error->error ? -1 : 0;
}

/* Who has CAP_NET_ADMIN in this network namespace can send to any socket. */
static bool from_kernel(const struct sockaddr_nl *sender)
{
	return sender->nl_family == AF_NETLINK && sender->nl_pid == 0;
}

static int read_socket(struct source *source)
{
	struct sockaddr_nl sender = { 0 };
	socklen_t length;
	ssize_t n;
	int end;

	source->current += source->ended;
	source->ended = false;
	while (source->current < source->count) {
		length = sizeof(sender);
		n = recvfrom(source_fd(source), source->buffer, BUFFER, 0, (struct sockaddr *)&sender, &length);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n < 0 || !from_kernel(&sender))
			continue;
		source->piece = (struct piece){ source->buffer, n, now(), PIECE_NETLINK };
		end = dump_end((const void *)source->buffer, n);
		if (end < 0)
			return -1;
		if (end)
			return 1;
		source->current++;
	}
	source->resized = source->buckets != buckets();
	return 0;
}

/* The next datagram of the batch becomes the piece. */
static bool next_event(struct source *source)
{
	struct batch *batch = source->batch;

	while (batch && batch->at < batch->count) {
		unsigned at = batch->at++;

		if (!from_kernel(&batch->senders[at]))
			continue;
		source->piece.data = batch->data[at];
		source->piece.length = batch->heads[at].msg_len;
		return true;
	}
	return false;
}

static bool write_tee(struct source *source, uint64_t time, const void *data, size_t length)
{
	if (source->tee && capture_write(source->tee, time, data, length) < 0)
		source->tee_failed = true;
	return !source->tee_failed;
}

static bool tee_events(struct source *source, uint64_t time)
{
	const struct batch *batch = source->batch;

	for (unsigned i = 0; i < batch->count; i++)
		if (from_kernel(&batch->senders[i]) &&
		    !write_tee(source, time, batch->data[i], batch->heads[i].msg_len))
			return false;
	return true;
}

static int read_events(struct source *source)
{
	struct batch *batch = source->batch;
	int n = recvmmsg(source_fd(source), batch->heads, EVENTS, MSG_DONTWAIT, NULL);

	batch->at = batch->count = 0;
	source->piece = (struct piece){ .type = PIECE_NETLINK };
	if (n <= 0)
		return -1;
	batch->count = n;
	source->piece.time = now();
	next_event(source);
	return tee_events(source, source->piece.time) ? 1 : -1;
}

bool source_drained(const struct source *source)
{
	return source->batch->count < EVENTS;
}

int source_read(struct source *source)
{
	int result;

	if (source->batch)
		return read_events(source);
	result = source->file ? savefile_next(source->file, &source->piece) : read_socket(source);
	if (result != 1) {
		source->piece.length = 0;
		return result;
	}
	if (!source->piece.length)
		return 1;	/* nothing yet */
	if (source->tee && source->piece.type != PIECE_NETLINK) {
		errno = ENOMSG;
		return -1;
	}
	if (source->piece.type == PIECE_NETLINK &&
	    !write_tee(source, source->piece.time, source->piece.data, source->piece.length))
		return -1;
	return 1;
}

bool source_tee_failed(const struct source *source)
{
	return source->tee_failed;
}

bool source_tee_lost(struct source *source, uint32_t lost, uint64_t time)
{
	struct { struct nlmsghdr head; uint32_t lost; } message = {
		{ .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_OVERRUN }, htobe32(lost),
	};

	return write_tee(source, time, &message, sizeof(message));
}

void source_tell_lost(struct source *source)
{
	source->tells_lost = true;
}

unsigned long long source_untold(const struct source *source)
{
	return source->lost;
}

/* What source_tee_lost() wrote, and nobody else. True: it is told. */
static bool lost_message(struct source *source, struct flow *flow, const struct nlmsghdr *message)
{
	uint32_t lost;

	if (!source->file || message->nlmsg_type != NLMSG_OVERRUN ||
	    message->nlmsg_len != NLMSG_HDRLEN + sizeof(lost))
		return false;
	memcpy(&lost, (const char *)message + NLMSG_HDRLEN, sizeof(lost));
	lost = be32toh(lost);
	if (!source->tells_lost)
		source->lost += lost;
	else
		*flow = (struct flow){ .has = HAS_EVENT | HAS_LOST, .event = EVENT_LOST, .lost = lost };
	return source->tells_lost;
}

/* What is to be decoded is up to the reader; what cannot be is told to the file's owner. */
static bool next_message(struct source *source, struct flow *flow)
{
	struct piece *piece = &source->piece;

	while (piece->length >= NLMSG_HDRLEN || next_event(source)) {
		const struct nlmsghdr *message = (const void *)piece->data;
		size_t step;

		if (!message_ok(message, piece->length)) {
			savefile_complain(source->file, "a netlink message is longer than its packet");
			source->bad++;
			piece->length = 0;
			continue;
		}
		step = NLMSG_ALIGN(message->nlmsg_len);
		piece->data += step < piece->length ? step : piece->length;
		piece->length -= step < piece->length ? step : piece->length;
		if (lost_message(source, flow, message))
			return true;
		if (message->nlmsg_type == NLMSG_DONE && !source->file && !source->batch)
			source->ended = true;
		if (message->nlmsg_type < NLMSG_MIN_TYPE || (message->nlmsg_flags & NLM_F_REQUEST))
			continue;
		if (flow_decode(flow, message, source->want)) {
			source->good++;
			return true;
		}
		savefile_complain(source->file, "not a conntrack message");
		source->bad++;
	}
	return false;
}

static bool next_line(struct source *source, struct flow *flow)
{
	if (!source->piece.length)
		return false;
	source->piece.length = 0;
	switch (savefile_parse(source->file, &source->piece, flow)) {
	case TEXT_FLOW:
		source->good++;
		return true;
	case TEXT_BAD:
		source->bad++;
		break;
	case TEXT_SKIP:
		break;
	}
	return false;
}

bool source_flow(struct source *source, struct flow *flow)
{
	bool found = source->piece.type == PIECE_NETLINK ? next_message(source, flow)
							 : next_line(source, flow);

	if (!found)
		return false;
	if (!(flow->has & HAS_TIME)) {
		flow->time = source->piece.time;
		if (flow->time)
			flow->has |= HAS_TIME;
	}
	if (source->want & (HAS_IDLE | HAS_AGE))
		flow_derive(flow, source->timeouts);
	return true;
}

bool source_resized(const struct source *source)
{
	return source->resized;
}

unsigned long long source_good(const struct source *source)
{
	return source->good;
}

unsigned long long source_bad(const struct source *source)
{
	return source->bad + savefile_broken(source->file);
}

unsigned source_files_lost(const struct source *source)
{
	return savefile_lost(source->file);
}
