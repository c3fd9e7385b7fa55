/* The system calls that are left after the sources are open. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* Those of libc behind malloc, stdio, time and signals are here too: a new libc may use others,
 * which is why the rest fails instead of killing. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getsockopt),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(sysinfo),
	SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(fadvise64),
	/* 32-bit machines */
	SCMP_SYS(mmap2), SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(_llseek), SCMP_SYS(fcntl64),
	SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(ppoll_time64),
	SCMP_SYS(recvmmsg_time64), SCMP_SYS(futex_time64), SCMP_SYS(sigreturn),
};

/* Files are opened for reading only: all flags that could write or make one are 0. */
static int allow_open(scmp_filter_ctx filter)
{
	const unsigned writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0)) < 0 ||
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0)) < 0 ? -1 : 0;
}

static int allow(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_needs(scmp_filter_ctx filter, unsigned needs)
{
	static const int sending[] = { SCMP_SYS(sendto), SCMP_SYS(sendmsg) };
	static const int sockets[] = { SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(setsockopt) };
	static const int helper[] = { SCMP_SYS(sendto), SCMP_SYS(kill), SCMP_SYS(wait4) };
	int result = 0;

	if (needs & SANDBOX_SCREEN)
		result |= allow(filter, SCMP_SYS(openat)) | seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill),
			1, SCMP_A0(SCMP_CMP_EQ, getpid()));
	for (size_t i = 0; (needs & SANDBOX_HELPER) && i < sizeof(helper) / sizeof(*helper); i++)
		result |= allow(filter, helper[i]);
	if (needs & SANDBOX_SEND)
		for (size_t i = 0; i < sizeof(sending) / sizeof(*sending); i++)
			result |= allow(filter, sending[i]);
	if (!(needs & SANDBOX_SOCKET))
		return result;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(*sockets); i++)
		result |= allow(filter, sockets[i]);
	return result | seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					 SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
}

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

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
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		result |= allow(filter, always[i]);
	result |= allow_open(filter);
	result |= allow_needs(filter, needs);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result == 0;
}
