/* Binds an NFLOG group and reads its records; linux/netfilter/nfnetlink_log.h. */
#include "nflog.h"

#include "capture.h"
#include "request.h"
#include "savefile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

/* A record is flushed after a tenth of a second, or when so many wait. The headers are enough. */
enum { BUFFER = 128 * 1024, FLUSH_CENTISECONDS = 10, COPY = 160, NUMBERED = NFULNL_CFG_F_SEQ };

struct nflog {
	struct mnl_socket *socket;
	int names;			/* a socket to ask for the names of interfaces */
	struct savefile *file;
	const char *file_name;		/* of the records that `next` belongs to */
	struct capture *tee;
	bool tee_failed;
	unsigned long long bad;
	size_t buffer_size;
	const uint8_t *data;
	size_t left;
	uint64_t time;
	uint32_t next, lost;
	bool numbered;			/* `next` is known */
	uint8_t buffer[BUFFER] __attribute__((aligned(8)));
};

static struct nlmsghdr *config(void *buffer, uint16_t group)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfgen;

	message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfgen = mnl_nlmsg_put_extra_header(message, sizeof(*nfgen));
	nfgen->nfgen_family = AF_UNSPEC;
	nfgen->version = NFNETLINK_V0;
	nfgen->res_id = htons(group);
	return message;
}

/* Whoever has CAP_NET_ADMIN here can send to our socket: what is not from the kernel is empty, 0. */
static ssize_t receive(const struct mnl_socket *socket, void *buffer, size_t size, int flags)
{
	struct sockaddr_nl sender = { 0 };
	socklen_t length = sizeof(sender);
	ssize_t n = recvfrom(mnl_socket_get_fd(socket), buffer, size, flags, (struct sockaddr *)&sender,
			     &length);

	return n > 0 && sender.nl_pid ? 0 : n;
}

/* Sends a message and reads what the kernel thinks of it. */
static bool talk(struct mnl_socket *socket, const struct nlmsghdr *message)
{
	uint8_t answer[4096] __attribute__((aligned(8)));
	ssize_t n;

	if (!request_send(mnl_socket_get_fd(socket), message, message->nlmsg_len))
		return false;
	do
		n = receive(socket, answer, sizeof(answer), 0);
	while (n == 0);
	return n >= 0 && mnl_cb_run(answer, n, 0, mnl_socket_get_portid(socket), NULL, NULL) >= 0;
}

static bool bind_group(struct mnl_socket *socket, uint16_t group)
{
	uint8_t buffer[512] __attribute__((aligned(8))) = { 0 };	/* gaps too */
	struct nlmsghdr *message = config(buffer, group);
	struct nfulnl_msg_config_cmd command = { NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { htonl(COPY), NFULNL_COPY_PACKET, 0 };

	mnl_attr_put(message, NFULA_CFG_CMD, sizeof(command), &command);
	if (!talk(socket, message))
		return false;
	message = config(buffer, group);
	mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(message, NFULA_CFG_TIMEOUT, htonl(FLUSH_CENTISECONDS));
	mnl_attr_put_u16(message, NFULA_CFG_FLAGS, htons(NUMBERED));
	return talk(socket, message);
}

static size_t set_buffer(int fd, size_t size)
{
	int value = size / 2;
	socklen_t length = sizeof(value);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, length) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, length);
	return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length) < 0 ? 0 : value;
}

static struct nflog *nflog_new(void)
{
	struct nflog *nflog = calloc(1, sizeof(*nflog));

	if (nflog)
		nflog->names = -1;
	return nflog;
}

struct nflog *nflog_open(uint16_t group, size_t buffer)
{
	struct nflog *nflog = nflog_new();
	int saved;

	if (!nflog)
		return NULL;
	nflog->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nflog->socket || mnl_socket_bind(nflog->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		goto failed;
	nflog->buffer_size = set_buffer(nflog_fd(nflog), buffer);
	if (!bind_group(nflog->socket, group))
		goto failed;
	nflog->names = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return nflog;
failed:
	saved = errno;
	nflog_close(nflog);
	errno = saved;
	return NULL;
}

uint32_t nflog_owner(uint16_t group)
{
	FILE *file = fopen("/proc/net/netfilter/nfnetlink_log", "re");
	unsigned number, port, owner = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%u %u", &number, &port) == 2 && number == group)
			owner = port;
	if (file)
		fclose(file);
	return owner;
}

struct nflog *nflog_files(const char *const *files, unsigned count, const struct complaint *complaint)
{
	struct nflog *nflog = nflog_new();

	if (!nflog)
		return NULL;
	nflog->file = savefile_open(files, count, complaint, NULL);
	if (nflog->file)
		return nflog;
	nflog_close(nflog);
	return NULL;
}

void nflog_close(struct nflog *nflog)
{
	if (!nflog)
		return;
	if (nflog->socket)
		mnl_socket_close(nflog->socket);
	if (nflog->names >= 0)
		close(nflog->names);
	savefile_close(nflog->file);
	free(nflog);
}

int nflog_fd(const struct nflog *nflog)
{
	return mnl_socket_get_fd(nflog->socket);
}

size_t nflog_buffer(const struct nflog *nflog)
{
	return nflog->buffer_size;
}

void nflog_tee(struct nflog *nflog, struct capture *capture)
{
	nflog->tee = capture;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void bad(struct nflog *nflog, const char *what)
{
	nflog->bad++;
	savefile_complain(nflog->file, what);
}

static int read_file(struct nflog *nflog)
{
	struct piece piece;
	int result = savefile_next(nflog->file, &piece);

	if (result <= 0)
		return result;
	if (piece.type != PIECE_NETLINK) {
		if (piece.length)
			bad(nflog, "not a capture, and packets are read from nothing else");
		return 1;
	}
	if (nflog->file_name != savefile_name(nflog->file))
		nflog->numbered = false;	/* each file has numbers of its own */
	nflog->file_name = savefile_name(nflog->file);
	nflog->data = piece.data;
	nflog->left = piece.length;
	nflog->time = piece.time;
	return 1;
}

static int read_socket(struct nflog *nflog)
{
	ssize_t n = receive(nflog->socket, nflog->buffer, BUFFER, MSG_DONTWAIT);

	if (n < 0)
		return -1;
	nflog->data = nflog->buffer;
	nflog->left = n;
	nflog->time = now();
	return 1;
}

int nflog_receive(struct nflog *nflog)
{
	int result;

	nflog->left = 0;
	result = nflog->file ? read_file(nflog) : read_socket(nflog);
	if (nflog->left && nflog->tee &&
	    capture_write(nflog->tee, nflog->time, nflog->data, nflog->left) < 0) {
		nflog->tee_failed = true;
		return -1;
	}
	return result;
}

bool nflog_tee_failed(const struct nflog *nflog)
{
	return nflog->tee_failed;
}

static void name(const struct nflog *nflog, struct packet *packet, uint32_t index, char *text,
		 uint64_t has)
{
	struct ifreq request = { .ifr_ifindex = index };

	if (!index)
		return;
	if (nflog->names >= 0 && ioctl(nflog->names, SIOCGIFNAME, &request) == 0)
		memcpy(text, request.ifr_name, IF_NAMESIZE);
	else
		snprintf(text, IF_NAMESIZE, "%u", index);
	packet->flow.has |= has;
}

/* Records of who did not ask for numbers have none. */
static void count(struct nflog *nflog, const struct packet *packet)
{
	if (!(packet->flow.has & HAS_PACKET_SEQUENCE))
		return;
	if (nflog->numbered)
		nflog->lost += packet->sequence - nflog->next;
	nflog->numbered = true;
	nflog->next = packet->sequence + 1;
}

/* What a rule logs to the same group has a number too. */
static bool take(struct nflog *nflog, struct packet *packet, const struct nlmsghdr *message)
{
	bool good;

	packet->flow.has = 0;
	good = packet_decode(packet, message);
	count(nflog, packet);
	if (!good)
		return false;
	if (!(packet->flow.has & HAS_TIME)) {
		packet->flow.time = nflog->time;
		packet->flow.has |= HAS_TIME;
	}
	name(nflog, packet, packet->in_index, packet->in, HAS_PACKET_IN);
	name(nflog, packet, packet->out_index, packet->out, HAS_PACKET_OUT);
	return true;
}

bool nflog_packet(struct nflog *nflog, struct packet *packet)
{
	while (nflog->left >= NLMSG_HDRLEN) {
		const struct nlmsghdr *message = (const void *)nflog->data;
		size_t step;

		if (!message_ok(message, nflog->left)) {
			bad(nflog, "a netlink message is longer than its packet");
			break;
		}
		step = NLMSG_ALIGN(message->nlmsg_len);
		if (step > nflog->left)
			step = nflog->left;
		nflog->data += step;
		nflog->left -= step;
		if (message->nlmsg_type < NLMSG_MIN_TYPE || (message->nlmsg_flags & NLM_F_REQUEST))
			continue;
		if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			bad(nflog, "not a logged packet");
		else if (take(nflog, packet, message))
			return true;
	}
	nflog->left = 0;
	return false;
}

uint32_t nflog_lost(struct nflog *nflog)
{
	uint32_t lost = nflog->lost;

	nflog->lost = 0;
	return lost;
}

unsigned long long nflog_bad(const struct nflog *nflog)
{
	return nflog->bad + savefile_broken(nflog->file);
}

unsigned nflog_files_lost(const struct nflog *nflog)
{
	return savefile_lost(nflog->file);
}
