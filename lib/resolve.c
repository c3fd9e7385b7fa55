/* A child that calls getnameinfo(), and a cache of what it said. */
#include "resolve.h"

#include "child.h"
#include "privs.h"
#include "sandbox.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CACHE = 4096, NAME = 128, PENDING = 64 };

/* A question without a name, and the answer with it; "": there is none. */
struct message {
	union address address;
	uint8_t family;
	char name[NAME];
};

/* Each address has one place; who comes later gets it. */
struct resolver {
	int fd;
	int leash;		/* of a pipe that the child has the other end of: ends it with us */
	unsigned pending;
	struct { struct message message; bool asked, answered; } cache[CACHE];
};

static void look_up(struct message *message)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *address = message->family == AF_INET ? (void *)&in : (void *)&in6;
	socklen_t length = message->family == AF_INET ? sizeof(in) : sizeof(in6);

	memcpy(&in.sin_addr, &message->address, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, &message->address, sizeof(in6.sin6_addr));
	if (getnameinfo(address, length, message->name, sizeof(message->name), NULL, 0, NI_NAMEREQD))
		message->name[0] = '\0';
}

/* A look-up may take long, and nobody waits for it: that the parent is gone is a signal then, as its end of the pipe
 * is closed. One of the parent's, PR_SET_PDEATHSIG, the kernel would not let through to another user. */
static void follow_parent(int leash)
{
	signal(SIGIO, SIG_DFL);
	fcntl(leash, F_SETOWN, getpid());
	fcntl(leash, F_SETFL, O_ASYNC);
}

static _Noreturn void serve(int channel, bool sandbox)
{
	struct message message;

	privs_nobody();
	privs_drop(false);
	follow_parent(STDIN_FILENO);
	if (sandbox)
		sandbox_names();
	while (child_next(channel, &message, sizeof(message))) {
		look_up(&message);
		if (send(channel, &message, sizeof(message), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

struct resolver *resolver_new(bool sandbox)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int leash[2];

	if (!resolver)
		return NULL;
	if (pipe2(leash, O_CLOEXEC) < 0)
		goto no_pipe;
	resolver->leash = leash[1];
	resolver->fd = child_new(serve, sandbox, leash[0]);
	close(leash[0]);
	if (resolver->fd < 0)
		goto no_child;
	if (fcntl(resolver->fd, F_SETFL, O_NONBLOCK) == 0)
		return resolver;
	close(resolver->fd);
no_child:
	close(resolver->leash);
no_pipe:
	free(resolver);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	close(resolver->fd);
	close(resolver->leash);
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	return resolver->fd;
}

static unsigned place_of(uint8_t family, const union address *address)
{
	uint64_t h = family;

	for (unsigned i = 0; i < 4; i++)
		h = (h ^ address->word[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (h >> 40) % CACHE;
}

bool resolver_read(struct resolver *resolver)
{
	struct message message;
	bool any = false;

	while (read(resolver->fd, &message, sizeof(message)) == sizeof(message)) {
		unsigned place = place_of(message.family, &message.address);

		resolver->pending--;
		message.name[NAME - 1] = '\0';
		if (memcmp(&resolver->cache[place].message.address, &message.address, sizeof(message.address)))
			continue;
		resolver->cache[place].message = message;
		resolver->cache[place].answered = true;
		any = true;
	}
	return any;
}

static void ask(struct resolver *resolver, unsigned place, uint8_t family, const union address *address)
{
	struct message message = { .family = family, .address = *address };

	if (resolver->pending >= PENDING || write(resolver->fd, &message, sizeof(message)) < 0)
		return;
	resolver->pending++;
	resolver->cache[place].message = message;
	resolver->cache[place].asked = true;
	resolver->cache[place].answered = false;
}

const char *resolver_name(struct resolver *resolver, uint8_t family, const union address *address)
{
	unsigned place = place_of(family, address);
	const struct message *message = &resolver->cache[place].message;
	bool same = resolver->cache[place].asked && message->family == family &&
		    !memcmp(&message->address, address, sizeof(*address));

	if (!same)
		ask(resolver, place, family, address);
	else if (resolver->cache[place].answered && *message->name)
		return message->name;
	return NULL;
}
