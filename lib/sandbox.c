/* The system calls that are left after the sources are open. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
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

/* A file that is there, a sysctl for one, cannot be written to: O_EXCL. */
static int allow_screen(scmp_filter_ctx filter)
{
	static const unsigned setting[] = { TCSETS, TCSETSW, TCSETSF };
	const unsigned writes = O_WRONLY | O_RDWR | O_CREAT | O_EXCL;
	int result = allow_if(filter, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, getpid()));

	result |= allow_if(filter, SCMP_SYS(openat),
			   SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_WRONLY | O_CREAT | O_EXCL));
	for (size_t i = 0; i < sizeof(setting) / sizeof(*setting); i++)
		result |= allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, setting[i]));
	return result;
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
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		result |= allow(filter, always[i]);
	result |= allow_some(filter);
	result |= allow_needs(filter, needs);
	return load(filter, result);
}

/* ---- for names ---- */

static const int denied[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(creat), SCMP_SYS(openat2), SCMP_SYS(truncate), SCMP_SYS(link), SCMP_SYS(linkat),
	SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
	SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
	SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SCMP_SYS(utimensat), SCMP_SYS(mount), SCMP_SYS(umount2),
	SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(quotactl),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
};

static int deny_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp argument)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1, &argument);
}

/* A machine with socketcall() hides the arguments of socket() behind a pointer: all sockets would be refused. */
static int deny_sockets(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp netfilter[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_NETFILTER) };

	if (SCMP_SYS(socketcall) >= 0)
		return 0;
	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2, netfilter) |
	       deny_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_PACKET));
}

static int deny_some(scmp_filter_ctx filter)
{
	static const unsigned writes[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };
	int result = deny_sockets(filter);

	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		result |= deny_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writes[i], writes[i]));
		result |= deny_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writes[i], writes[i]));
	}
	return result;
}

bool sandbox_names(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = 0;

	if (!filter)
		return false;
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	return load(filter, result | deny_some(filter));
}
