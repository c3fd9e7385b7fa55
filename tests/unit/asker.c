/* What a command can still do once it is confined, and what can be made of the child that asks for it. */
#include "asker.h"
#include "privs.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cmocka.h>

static const char sysctl_path[] = "/proc/sys/net/netfilter/nf_conntrack_log_invalid";

static void need_admin(void)
{
	if (!privs_admin() || access(sysctl_path, F_OK) < 0)
		skip();
}

/* The errno with which the kernel refuses `type`, sent through `fd`; 0: it does it. */
static int sent(int fd, uint16_t type, uint16_t flags)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg nfgen;
	} message = {
		{ sizeof(message), type, NLM_F_REQUEST | NLM_F_ACK | flags, 0, 0 },
		{ AF_INET, NFNETLINK_V0, 0 },
	};
	struct { struct nlmsghdr head; struct nlmsgerr error; } answer = { .error.error = -EBADMSG };

	/* write() is as good as send() on such a socket. */
	if (write(fd, &message, sizeof(message)) < 0)
		return errno;
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		return errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
}

/* Each returns 0 if it was refused as it should be, else the number of its line. */
#define REFUSED(call, error) do { if ((call) >= 0 || errno != (error)) return __LINE__; } while (0)

/* What makes the kernel send a signal of choice to whom one wants, as soon as `fd` can be read. */
static int send_signals(int fd)
{
	const int parent = getppid(), one = 1;
	const struct f_owner_ex owner = { F_OWNER_PID, parent };

	REFUSED(fcntl(fd, F_SETOWN, parent), ENOSYS);
	REFUSED(fcntl(fd, F_SETOWN_EX, &owner), ENOSYS);
	REFUSED(fcntl(fd, F_SETSIG, SIGKILL), ENOSYS);
	REFUSED(fcntl(fd, F_SETFL, O_ASYNC), ENOSYS);
	REFUSED(fcntl(fd, F_SETLEASE, F_RDLCK), ENOSYS);
	REFUSED(fcntl(fd, F_NOTIFY, 1), ENOSYS);
	REFUSED(ioctl(fd, FIOASYNC, &one), ENOSYS);
	REFUSED(ioctl(fd, FIOSETOWN, &parent), ENOSYS);
	REFUSED(ioctl(fd, SIOCSPGRP, &parent), ENOSYS);
	return fcntl(fd, F_GETFD) < 0 ? __LINE__ : 0;
}

static int misbehave(const struct asker *asker)
{
	struct question question = { .what = ASK_EVENTS };
	const int one = 1;
	int fd = asker_ask(asker, &question);

	if (fd < 0)
		return __LINE__;
	/* The socket of the child, in our hands: the kernel looks at who sends. */
	for (int type = IPCTNL_MSG_CT_NEW; type <= IPCTNL_MSG_CT_GET_UNCONFIRMED; type++)
		if (sent(fd, NFNL_SUBSYS_CTNETLINK << 8 | type, NLM_F_CREATE) != EPERM)
			return __LINE__;
	if (sent(fd, NFNL_SUBSYS_ULOG << 8 | 1, 0) != EPERM || sent(fd, NFNL_SUBSYS_NFTABLES << 8, 0) != EPERM)
		return __LINE__;
	REFUSED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), ENOSYS);
	REFUSED(socket(AF_INET, SOCK_DGRAM, 0), ENOSYS);
	REFUSED(setsockopt(fd, 270, 4, &one, sizeof(one)), ENOSYS);	/* NETLINK_BROADCAST_ERROR */
	REFUSED(open(sysctl_path, O_WRONLY), ENOSYS);
	REFUSED(open(sysctl_path, O_RDWR), ENOSYS);
	REFUSED(open(sysctl_path, O_WRONLY | O_TRUNC), ENOSYS);
	REFUSED(open(sysctl_path, O_WRONLY | O_CREAT, 0666), ENOSYS);
	REFUSED(open(sysctl_path, O_WRONLY | O_APPEND), ENOSYS);
	REFUSED(open(sysctl_path, O_WRONLY | O_CREAT | O_EXCL, 0666), ENOSYS);
	REFUSED(open("/tmp/ctscope-new", O_WRONLY | O_CREAT | O_EXCL, 0666), ENOSYS);
	REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0), ENOSYS);
	REFUSED(execl("/bin/true", "true", NULL), ENOSYS);
	REFUSED(unlink("/nonexistent"), ENOSYS);
	REFUSED(fork(), ENOSYS);
	REFUSED(kill(getppid(), 0), ENOSYS);
	REFUSED(syscall(SYS_tgkill, getppid(), getppid(), 0), ENOSYS);
	REFUSED(ioctl(STDIN_FILENO, TIOCSTI, "x"), ENOSYS);
	return send_signals(fd);
}

/* In a child, for what is given up is given up for good; even the widest of the filters. */
static void test_confined(void **state)
{
	struct asker *asker;
	int status;
	pid_t child;

	(void)state;
	need_admin();
	child = fork();
	if (!child) {
		asker = asker_new(true);
		if (!asker || !privs_drop(false))
			_exit(255);
		if (!sandbox_enter(SANDBOX_SCREEN | SANDBOX_FILTER))
			_exit(254);
		_exit(misbehave(asker));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 254)
		skip();		/* the sanitizers leave the filter off */
	assert_int_equal(status, 0);
}

/* Whoever has taken over the parent may say anything; but a question is all that it can be. */
static void test_any_question(void **state)
{
	struct asker *asker;
	struct question question;
	unsigned answered = 0;

	(void)state;
	need_admin();
	asker = asker_new(true);
	assert_non_null(asker);
	srandom(1);
	for (int i = 0; i < 3000; i++) {
		int fd;

		for (size_t j = 0; j < sizeof(question); j++)
			((uint8_t *)&question)[j] = random() >> 7;
		/* The sanitizers do not like other values where a bool is. */
		question.request.by_mark = random() & 1;
		question.request.by_status = random() & 1;
		question.request.by_zone = random() & 1;
		/* Otherwise nearly all are refused for their first word. */
		if (i % 4)
			question.what = random() % 4;
		if (i % 3) {
			question.table = random() % 5;
			question.statistics = random() % 4;
			question.buffer %= 1 << 20;
		}
		fd = asker_ask(asker, &question);
		answered += fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	assert_true(answered > 100);
	question = (struct question){ .what = ASK_STATISTICS, .statistics = STATISTICS_EXPECT_CPU + 1 };
	assert_int_equal(asker_ask(asker, &question), -1);
	assert_int_equal(errno, EINVAL);
	asker_free(asker);
}

/* A child that is gone is an error, not a wait. */
static void test_gone(void **state)
{
	struct question question = { .what = ASK_STATISTICS };
	struct asker *asker;

	(void)state;
	need_admin();
	asker = asker_new(true);
	assert_non_null(asker);
	signal(SIGPIPE, SIG_IGN);	/* as the commands do */
	assert_int_equal(send(*(int *)asker, "x", 1, MSG_NOSIGNAL), 1);	/* no question: it ends */
	assert_int_equal(asker_ask(asker, &question), -1);
	asker_free(asker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_any_question),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
