/* race: two threads send the first two UDP packets of a flow at the same moment, many times over. */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One socket a round, so that both packets have one tuple that nobody has used yet. */
static atomic_int fd, arrived;
static atomic_uint round_number;
static atomic_bool done;

static void send_one(unsigned number)
{
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < 2 * (int)number)
		;
	if (send(atomic_load(&fd), "x", 1, 0) < 0)
		send(atomic_load(&fd), "x", 1, 0);	/* the first told of a refusal */
}

static void *other(void *unused)
{
	unsigned number = 0;

	(void)unused;
	while (!atomic_load(&done)) {
		if (atomic_load(&round_number) == number)
			continue;
		send_one(++number);
	}
	return NULL;
}

static int make_socket(const struct sockaddr_in *to)
{
	int made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (made < 0 || connect(made, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(2, "socket");
	return made;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	pthread_t thread;
	unsigned rounds;

	if (argc != 3 || !atoi(argv[1]) || !atoi(argv[2]))
		errx(2, "Usage: race PORT ROUNDS");
	to.sin_port = htons(atoi(argv[1]));
	rounds = atoi(argv[2]);
	if (pthread_create(&thread, NULL, other, NULL))
		errx(2, "no thread");
	for (unsigned i = 1; i <= rounds; i++) {
		int made = make_socket(&to);

		atomic_store(&fd, made);
		atomic_store(&round_number, i);
		send_one(i);
		/* Both have sent when the next round has begun; the socket may not go before. */
		usleep(0);
		while (atomic_load(&arrived) < 2 * (int)i)
			;
		usleep(20);
		close(made);
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	return 0;
}
