/* What a process that looks names up can still do, and what it cannot. */
#include "privs.h"
#include "resolve.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/netlink.h>

#include <cmocka.h>

/* Each returns 0 if it was refused as it should be, else the number of its line. */
#define REFUSED(call) do { if ((call) >= 0 || errno != ENOSYS) return __LINE__; } while (0)
#define ALLOWED(call) do { if ((call) < 0) return __LINE__; } while (0)

/* A file of root's, which all of these would change. */
static char path[] = "/tmp/ctscope-names-XXXXXX";

static int change_files(void)
{
	static const char name[] = "user.x";

	REFUSED(open(path, O_WRONLY));
	REFUSED(open(path, O_RDONLY | O_TRUNC));
	REFUSED(open("/tmp/ctscope-new", O_WRONLY | O_CREAT | O_EXCL, 0600));
	REFUSED(chmod(path, 0666));
	REFUSED(chown(path, 0, 0));
	REFUSED(syscall(452, AT_FDCWD, path, 04777, 0));		/* fchmodat2() */
	REFUSED(syscall(463, AT_FDCWD, path, 0, name, NULL, 0));	/* setxattrat() */
	REFUSED(syscall(466, AT_FDCWD, path, 0, name));			/* removexattrat() */
	REFUSED(syscall(SYS_setxattr, path, name, "a", 1, 0));
	REFUSED(syscall(SYS_removexattr, path, name));
	REFUSED(syscall(SYS_utimensat, AT_FDCWD, path, NULL, 0));
#ifdef SYS_utimes
	REFUSED(syscall(SYS_utimes, path, NULL));
#endif
#ifdef SYS_utime
	REFUSED(syscall(SYS_utime, path, NULL));
#endif
	REFUSED(truncate(path, 0));
	REFUSED(rename(path, "/tmp/ctscope-renamed"));
	REFUSED(link(path, "/tmp/ctscope-linked"));
	REFUSED(unlink(path));
	REFUSED(mkdir("/tmp/ctscope-made", 0700));
	return 0;
}

static int touch_processes(void)
{
	const struct rlimit limit = { 64, 64 };
	siginfo_t info = { .si_code = SI_QUEUE };
	pid_t parent = getppid();

	REFUSED(kill(parent, 0));
	REFUSED(syscall(SYS_tgkill, parent, parent, 0));
	REFUSED(syscall(SYS_tkill, parent, 0));
	REFUSED(syscall(SYS_rt_sigqueueinfo, parent, SIGCONT, &info));
	REFUSED(syscall(SYS_rt_tgsigqueueinfo, parent, parent, SIGCONT, &info));
	REFUSED(syscall(424, parent, 0, NULL, 0));	/* pidfd_send_signal() */
	REFUSED(syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, &limit, NULL));
	REFUSED(setpriority(PRIO_PROCESS, parent, 1));
	REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, parent, 0, 0));
	REFUSED(fcntl(STDIN_FILENO, F_SETOWN, parent));
	REFUSED(fcntl(STDIN_FILENO, F_SETSIG, SIGKILL));
	REFUSED(fcntl(STDIN_FILENO, F_SETFL, O_ASYNC));
	REFUSED(ioctl(STDIN_FILENO, TIOCSTI, "x"));
	REFUSED(ioctl(STDIN_FILENO, FIOASYNC, "x"));
	return 0;
}

static int start_anew(void)
{
	REFUSED(execl("/bin/true", "true", NULL));
	REFUSED(fork());
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(435, NULL, 0));			/* clone3() */
	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(syscall(SYS_setns, STDIN_FILENO, 0));
	REFUSED(syscall(SYS_chroot, "/"));
	REFUSED(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
	REFUSED(syscall(425, 1, NULL));			/* io_uring_setup() */
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_setresuid, 0, 0, 0));
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return __LINE__;
	REFUSED(syscall(SYS_mprotect, NULL, 4096, PROT_READ | PROT_EXEC));
	return 0;
}

/* The kernel takes the lower half of each argument. */
static int open_sockets(void)
{
	const unsigned long above = sizeof(long) > 4 ? 1ul << (sizeof(long) * 4) : 0;
	int fd;

#ifndef SYS_socketcall
	for (int protocol = 0; protocol < 32; protocol++) {
		if (protocol == NETLINK_ROUTE)
			continue;
		REFUSED(socket(AF_NETLINK, SOCK_RAW, protocol));
		REFUSED(syscall(SYS_socket, above | AF_NETLINK, SOCK_RAW, protocol));
		REFUSED(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, above | protocol));
	}
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
	REFUSED(syscall(SYS_socket, above | AF_PACKET, SOCK_RAW, 0));
	REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	REFUSED(socket(AF_INET, SOCK_STREAM, 132));	/* SCTP */
#endif
	ALLOWED(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	ALLOWED(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ALLOWED(syscall(SYS_socket, above | AF_INET, SOCK_STREAM, 0));
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);	/* getaddrinfo() asks for addresses */
	ALLOWED(fd);
	return 0;
}

static int look_up(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (getaddrinfo("localhost", "80", &hints, &found) == 0)
		freeaddrinfo(found);
	else if (errno == ENOSYS)
		return __LINE__;
	return 0;
}

/* In a child, for what is given up is given up for good. */
static void in_sandbox(int (*act)(void))
{
	int status, line;
	pid_t child = fork();

	if (!child) {
		if (!privs_drop(false))
			_exit(255);
		if (!sandbox_names())
			_exit(254);
		line = act();
		if (line)
			dprintf(STDERR_FILENO, "%s:%d\n", __FILE__, line);
		_exit(line != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 254)
		skip();
	assert_int_equal(status, 0);
}

static void test_files(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	in_sandbox(change_files);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void test_processes(void **state)
{
	(void)state;
	in_sandbox(touch_processes);
}

static void test_anew(void **state)
{
	(void)state;
	in_sandbox(start_anew);
}

static void test_sockets(void **state)
{
	(void)state;
	in_sandbox(open_sockets);
}

static void test_look_up(void **state)
{
	(void)state;
	in_sandbox(look_up);
}

/* What root alone may read is closed to him, and what was root's cannot be had back. */
static int be_nobody(void)
{
	if (!privs_nobody())
		return 254;
	if (open(path, O_RDONLY) >= 0 || errno != EACCES)
		return __LINE__;
	if (setuid(0) == 0 || setgid(0) == 0 || getgroups(0, NULL) != 0)
		return __LINE__;
	return 0;
}

static void test_nobody(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	if (!child)
		_exit(be_nobody());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 254)
		skip();		/* a user namespace that knows root alone */
	assert_int_equal(status, 0);
}

/* The same address as getnameinfo() says here, in time. */
static void test_resolver(void **state)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	union address address = { .word = { htonl(INADDR_LOOPBACK) } };
	struct resolver *resolver = resolver_new(true);
	struct pollfd readable;
	char name[256];

	(void)state;
	assert_non_null(resolver);
	if (getnameinfo((const void *)&in, sizeof(in), name, sizeof(name), NULL, 0, NI_NAMEREQD))
		skip();
	assert_null(resolver_name(resolver, AF_INET, &address));
	readable = (struct pollfd){ .fd = resolver_fd(resolver), .events = POLLIN };
	assert_int_equal(poll(&readable, 1, 20000), 1);
	assert_true(resolver_read(resolver));
	assert_string_equal(resolver_name(resolver, AF_INET, &address), name);
	resolver_free(resolver);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_anew),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_resolver),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
