/* queue: holds the packets of an NFQUEUE back, then lets all of them go on in the order they came. */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

enum { MOST = 64, SECONDS = 10, BUFFER = 8192 };

static struct mnl_socket *sock;
static uint16_t number;

static struct nlmsghdr *begin(void *buffer, unsigned type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *head;

	message->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	message->nlmsg_flags = NLM_F_REQUEST;
	head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	head->res_id = htons(number);
	return message;
}

static void send_message(const struct nlmsghdr *message)
{
	if (mnl_socket_sendto(sock, message, message->nlmsg_len) < 0)
		err(2, "send");
}

/* Binds the queue, and asks for the packets without their contents. */
static void take_queue(void)
{
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params params = { .copy_mode = NFQNL_COPY_META };
	char buffer[BUFFER];
	struct nlmsghdr *message = begin(buffer, NFQNL_MSG_CONFIG);

	message->nlmsg_flags |= NLM_F_ACK;
	mnl_attr_put(message, NFQA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof(params), &params);
	send_message(message);
	if (mnl_socket_recvfrom(sock, buffer, sizeof(buffer)) < 0 ||
	    ((struct nlmsgerr *)mnl_nlmsg_get_payload((void *)buffer))->error)
		errx(2, "queue %u cannot be had", number);
}

/* The number that the kernel gave to the next packet. */
static uint32_t take_packet(void)
{
	char buffer[BUFFER];
	const struct nlmsghdr *message = (void *)buffer;
	struct nlattr *attr;

	if (mnl_socket_recvfrom(sock, buffer, sizeof(buffer)) < 0)
		err(2, "receive");
	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFQA_PACKET_HDR)
			return ((struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attr))->packet_id;
	errx(2, "a packet without a header");
}

static void let_go(uint32_t packet)
{
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT), .id = packet };
	char buffer[BUFFER];
	struct nlmsghdr *message = begin(buffer, NFQNL_MSG_VERDICT);

	mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	send_message(message);
}

int main(int argc, char **argv)
{
	uint32_t packets[MOST];
	int count = argc == 3 ? atoi(argv[2]) : 0;

	if (count < 1 || count > MOST)
		errx(2, "Usage: queue NUMBER PACKETS");
	number = atoi(argv[1]);
	alarm(SECONDS);
	sock = mnl_socket_open(NETLINK_NETFILTER);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		err(2, "socket");
	take_queue();
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < count; i++)
		packets[i] = take_packet();
	for (int i = 0; i < count; i++)
		let_go(packets[i]);
	return 0;
}
