/* The system calls that are left after the sources are open. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Those of libc behind malloc, stdio, time and signals are here too: a new libc may use others,
 * which is why the rest fails instead of killing. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getsockopt),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(gettid), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(fadvise64),
	/* 32-bit machines; recv() and send() are forms of socketcall() there */
	SCMP_SYS(recv),
	SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(_llseek),
	SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(ppoll_time64),
	SCMP_SYS(recvmmsg_time64), SCMP_SYS(futex_time64), SCMP_SYS(pselect6_time64), SCMP_SYS(sigreturn),
};

static int allow(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count; i++)
		result |= allow(filter, calls[i]);
	return result;
}

static int allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp argument)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &argument);
}

/* Calls of which only some forms are needed. Memory is never made executable, files are opened for
 * reading, signals go to ourselves, terminals and devices are only asked. F_SETOWN and F_SETSIG would send
 * a signal of choice to anybody, F_SETFL with O_ASYNC makes them do it. */
static int allow_some(scmp_filter_ctx filter)
{
	static const unsigned asking[] = { TCGETS, TIOCGWINSZ, SIOCGIFNAME };
	static const unsigned files[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC };
	const unsigned writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	int result = 0;

	result |= allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	result |= allow_if(filter, SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	result |= allow_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));
	result |= allow_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
	result |= allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, getpid()));
	for (size_t i = 0; i < sizeof(asking) / sizeof(*asking); i++)
		result |= allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, asking[i]));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		result |= allow_if(filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, files[i]));
		result |= allow_if(filter, SCMP_SYS(fcntl64), SCMP_A1(SCMP_CMP_EQ, files[i]));
	}
	return result;
}

static int allow_screen(scmp_filter_ctx filter)
{
	static const unsigned setting[] = { TCSETS, TCSETSW, TCSETSF };
	int result = allow_if(filter, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, getpid()));

	for (size_t i = 0; i < sizeof(setting) / sizeof(*setting); i++)
		result |= allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, setting[i]));
	return result;
}

/* A file that is there, a sysctl for one, cannot be written to: O_EXCL. */
static int allow_creating(scmp_filter_ctx filter)
{
	const unsigned writes = O_WRONLY | O_RDWR | O_CREAT | O_EXCL, creates = O_WRONLY | O_CREAT | O_EXCL;

	return allow(filter, SCMP_SYS(sendmsg)) |
	       allow_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writes, creates)) |
	       allow_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writes, creates));
}

static int allow_if_both(scmp_filter_ctx filter, int call, struct scmp_arg_cmp first,
			 struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp arguments[] = { first, second };

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 2, arguments);
}

static int allow_option(scmp_filter_ctx filter, int option)
{
	return allow_if_both(filter, SCMP_SYS(setsockopt), SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
			     SCMP_A2(SCMP_CMP_EQ, option));
}

static int allow_asking(scmp_filter_ctx filter)
{
	return allow(filter, SCMP_SYS(sendto)) | allow(filter, SCMP_SYS(sendmsg)) |
	       allow(filter, SCMP_SYS(send)) |
	       allow(filter, SCMP_SYS(bind)) |
	       allow_option(filter, SO_RCVBUF) | allow_option(filter, SO_RCVBUFFORCE) |
	       allow_if_both(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
			     SCMP_A2(SCMP_CMP_EQ, NETLINK_NETFILTER));
}

static int allow_needs(scmp_filter_ctx filter, unsigned needs)
{
	int result = 0;

	if (needs & SANDBOX_SCREEN)
		result |= allow_screen(filter);
	if (needs & SANDBOX_CREATE)
		result |= allow_creating(filter);
	if (needs & SANDBOX_FILTER)
		result |= allow_option(filter, SO_ATTACH_FILTER);
	if (needs & SANDBOX_ASK)
		result |= allow_asking(filter);
	return result;
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static bool load(scmp_filter_ctx filter, int result)
{
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result == 0;
}

bool sandbox_enter(unsigned needs)
{
#ifdef __SANITIZE_ADDRESS__
	/* The leak checker starts a process of its own at the end. */
	return (void)needs, false;
#endif
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result = 0;

	if (!filter)
		return false;
	result |= allow_all(filter, always, sizeof(always) / sizeof(*always));
	result |= allow_some(filter);
	result |= allow_needs(filter, needs);
	return load(filter, result);
}

/* ---- for names ---- */

/* What libc and the modules of nsswitch.conf(5) do beside: files, dns, mdns, resolve, myhostname, mymachines, sss. */
static const int lookups[] = {
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(send),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),
	SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(faccessat2), SCMP_SYS(getdents64),
	SCMP_SYS(getcwd), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getppid),
	SCMP_SYS(sched_yield), SCMP_SYS(clock_getres), SCMP_SYS(sigaltstack),	/* the sanitizers ask for it */
	/* 32-bit machines */
	SCMP_SYS(stat64), SCMP_SYS(lstat64), SCMP_SYS(_newselect), SCMP_SYS(getuid32), SCMP_SYS(geteuid32),
	SCMP_SYS(getgid32), SCMP_SYS(getegid32), SCMP_SYS(clock_getres_time64),
};

/* A protocol that is not here may be a module that the kernel would load. */
static const struct { int family, type, protocol; } sockets[] = {
	{ AF_INET, SOCK_DGRAM, 0 }, { AF_INET, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_INET, SOCK_STREAM, 0 }, { AF_INET, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET6, SOCK_DGRAM, 0 }, { AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_INET6, SOCK_STREAM, 0 }, { AF_INET6, SOCK_STREAM, IPPROTO_TCP },
	{ AF_UNIX, SOCK_STREAM, 0 }, { AF_UNIX, SOCK_DGRAM, 0 },
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE }, { AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE },
};

static const struct { int level, option; } socket_options[] = {
	{ SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_PASSCRED },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO }, { IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IPV6, IPV6_RECVERR }, { IPPROTO_IPV6, IPV6_V6ONLY }, { IPPROTO_TCP, TCP_NODELAY },
};

/* The kernel looks at the lower half of what it takes for an int; so do we, whatever is above. */
static struct scmp_arg_cmp is(unsigned argument, int value, int ignored)
{
	return (struct scmp_arg_cmp){ argument, SCMP_CMP_MASKED_EQ, ~(unsigned)ignored, (unsigned)value };
}

/* A machine with socketcall() hides the arguments of socket() behind a pointer: all sockets would be refused. */
static int allow_sockets(scmp_filter_ctx filter)
{
	int result = 0;

	if (SCMP_SYS(socketcall) >= 0)
		return allow(filter, SCMP_SYS(socketcall)) | allow(filter, SCMP_SYS(socket)) |
		       allow(filter, SCMP_SYS(setsockopt));
	for (size_t i = 0; i < sizeof(sockets) / sizeof(*sockets); i++) {
		const struct scmp_arg_cmp arguments[] = {
			is(0, sockets[i].family, 0), is(1, sockets[i].type, SOCK_NONBLOCK | SOCK_CLOEXEC),
			is(2, sockets[i].protocol, 0),
		};

		result |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, arguments);
	}
	for (size_t i = 0; i < sizeof(socket_options) / sizeof(*socket_options); i++)
		result |= allow_if_both(filter, SCMP_SYS(setsockopt), is(1, socket_options[i].level, 0),
					is(2, socket_options[i].option, 0));
	return result;
}

/* Modules are loaded when they are needed: memory may be made of their code, but none that is written to. */
static int allow_loading(scmp_filter_ctx filter)
{
	return allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0)) |
	       allow_if(filter, SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0)) |
	       allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int allow_descriptors(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(fcntl), SCMP_SYS(fcntl64) };
	int result = allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD)) |
		     allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, SIOCGIFINDEX));

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		result |= allow_if(filter, calls[i], SCMP_A1(SCMP_CMP_EQ, F_DUPFD)) |
			  allow_if_both(filter, calls[i], SCMP_A1(SCMP_CMP_EQ, F_SETFL),
					SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0));
	return result;
}

bool sandbox_names(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result = 0;

	if (!filter)
		return false;
	result |= allow_all(filter, always, sizeof(always) / sizeof(*always));
	result |= allow_all(filter, lookups, sizeof(lookups) / sizeof(*lookups));
	result |= allow_some(filter) | allow_sockets(filter);
	result |= allow_loading(filter) | allow_descriptors(filter);
	return load(filter, result);
}
