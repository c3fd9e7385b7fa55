/* ctwatch --invalid: the packets that conntrack judged INVALID. A parent sets the sysctls and puts them
 * back whatever becomes of the child, which reads and prints. */
#include "ctwatch.h"

#include "change.h"
#include "nflog.h"
#include "privs.h"
#include "sandbox.h"
#include "sysctl.h"
#include "tally.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000, millisecond = 1000000;

/* Conntrack logs to the group of who did not choose one: 0. */
enum { GROUP = 0, LOG_INVALID = 0, CHANGES = 3 };

/* Seconds that the child has after a signal to read and print what is left. */
enum { PATIENCE = 5 };

struct invalid {
	struct ctwatch *watch;
	struct printer *printer;
	struct tally *tally;
	unsigned long long seen, matched, lost, printed;
	bool done;
	uint64_t now, flushed, end;
	uint64_t summed;
};

static uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * second + ts.tv_nsec;
}

/* ---- printing ---- */

static void open_printer(struct invalid *invalid)
{
	static const char table[] = "clock,verdict,proto,source,destination,tcp.flags,in,out,reason";
	static const char csv[] = "type,time,lost,verdict,reason,proto,src,sport,dst,dport,tcp.flags,in,out";
	struct session *session = &invalid->watch->session;
	struct print_options print = session_print(session);
	const struct field **columns;
	unsigned count;

	if (session->format == FORMAT_CONNTRACK)
		cli_usage(&ctwatch_command, "--format conntrack has no form for packets");
	session->fields = IN_EVENT;
	columns = session_columns(session, session->format == FORMAT_CSV ? csv : table, &count);
	print.live = true;
	print.keep = count;
	invalid->printer = printer_new(&session->out, &print, columns, count);
	free(columns);
	if (invalid->watch->every)
		invalid->tally = tally_new();
}

static void flush(struct invalid *invalid)
{
	out_flush(&invalid->watch->session.out);
	invalid->flushed = invalid->now;
}

static void print_tally(struct invalid *invalid, uint64_t time)
{
	struct session *session = &invalid->watch->session;
	double seconds = invalid->summed && time > invalid->summed ? (time - invalid->summed) / 1e9 : 0;

	tally_print(invalid->tally, &session->out, session->format == FORMAT_JSON, time, seconds);
	invalid->summed = time;
	flush(invalid);
	if (invalid->watch->limited && ++invalid->printed >= invalid->watch->limit)
		invalid->done = true;
}

static void take(struct invalid *invalid, struct packet *packet)
{
	struct ctwatch *watch = invalid->watch;

	invalid->seen++;
	if (!filter_match(watch->session.filter, &packet->flow))
		return;
	invalid->matched++;
	if (invalid->tally) {
		tally_add(invalid->tally, packet);
		return;
	}
	printer_row(invalid->printer, &packet->flow);
	if (watch->line_by_line)
		flush(invalid);
	if (watch->limited && invalid->matched >= watch->limit)
		invalid->done = true;
}

static void report_lost(struct invalid *invalid, uint32_t lost, uint64_t time)
{
	struct packet record = { .flow = { .event = EVENT_LOST, .has = HAS_EVENT | HAS_TIME | HAS_LOST,
					   .lost = lost, .time = time } };

	invalid->lost += lost;
	if (invalid->tally)
		tally_lost(invalid->tally, lost);
	else if (invalid->watch->session.format == FORMAT_TABLE)
		warnx("%u packets were lost here: the receive buffer was full", lost);
	else
		printer_row(invalid->printer, &record.flow);
}

static void take_all(struct invalid *invalid, struct nflog *nflog)
{
	struct packet packet;

	while (!invalid->done && nflog_packet(nflog, &packet)) {
		uint32_t lost = nflog_lost(nflog);

		if (lost)
			report_lost(invalid, lost, packet.flow.time);
		take(invalid, &packet);
	}
}

/* ---- the child ---- */

static void wait_for_packets(struct invalid *invalid, struct nflog *nflog)
{
	struct pollfd fds[] = {
		{ .fd = nflog_fd(nflog), .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	uint64_t wait = second / 2, at[] = { invalid->end, invalid->tally ? invalid->watch->summary_at : 0 };

	for (unsigned i = 0; i < 2; i++)
		if (at[i] && at[i] < invalid->now + wait)
			wait = at[i] > invalid->now ? at[i] - invalid->now : 0;
	if (poll(fds, 2, (wait + millisecond - 1) / millisecond) > 0 && (fds[1].revents & POLLERR))
		invalid->watch->session.out.error = EPIPE;
}

/* Tells why nothing more can be received: exits. */
static _Noreturn void fail(struct invalid *invalid, const struct nflog *nflog)
{
	struct session *session = &invalid->watch->session;

	if (!nflog_tee_failed(nflog))
		session_fail(session, "reading NFLOG");
	if (errno != EPIPE)
		session_fail(session, session->write);
	out_flush(&session->out);
	exit(0);	/* who read the capture went away */
}

static void drain(struct invalid *invalid, struct nflog *nflog)
{
	struct session *session = &invalid->watch->session;
	int result;

	do {
		result = nflog_receive(nflog);
		if (result > 0)
			take_all(invalid, nflog);
		else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
			fail(invalid, nflog);
	} while (!invalid->done && !session->out.error && (result > 0 || errno == ENOBUFS));
}

static void watch_packets(struct invalid *invalid, struct nflog *nflog)
{
	struct session *session = &invalid->watch->session;

	invalid->now = clock_now(CLOCK_MONOTONIC);
	invalid->summed = clock_now(CLOCK_REALTIME);
	invalid->watch->summary_at = invalid->now + (uint64_t)(invalid->watch->every * second);
	if (invalid->watch->duration)
		invalid->end = invalid->now + (uint64_t)(invalid->watch->duration * second);
	while (!invalid->done && !session_stopped(session)) {
		wait_for_packets(invalid, nflog);
		drain(invalid, nflog);
		invalid->now = clock_now(CLOCK_MONOTONIC);
		flush(invalid);
		if (invalid->tally && invalid->now >= invalid->watch->summary_at) {
			print_tally(invalid, clock_now(CLOCK_REALTIME));
			watch_next_summary(invalid->watch, invalid->now);
		}
		if (invalid->end && invalid->now >= invalid->end)
			invalid->done = true;
	}
}

/* As for flows: if nothing could be read, to have found nothing would be a false answer. */
static void report_bad(struct invalid *invalid, const struct nflog *nflog)
{
	unsigned long long bad = nflog_bad(nflog);

	if (bad)
		warnx("%llu read, %llu not", invalid->seen, bad);
	if (nflog_files_lost(nflog) || (bad && !invalid->seen))
		invalid->watch->session.failed = true;
}

static void print_end(struct invalid *invalid, const struct nflog *nflog)
{
	if (!invalid->seen && (nflog_bad(nflog) || nflog_files_lost(nflog)))
		return;
	if (invalid->tally)
		print_tally(invalid, invalid->watch->session.live ? clock_now(CLOCK_REALTIME) : 0);
	else
		printer_end(invalid->printer);
}

static int finish(struct invalid *invalid, struct nflog *nflog)
{
	bool live = invalid->watch->session.live;

	print_end(invalid, nflog);
	out_flush(&invalid->watch->session.out);
	if (live) {
		warnx("%llu packets seen, %llu lost, by a receive buffer of %zu bytes", invalid->seen,
		      invalid->lost, nflog_buffer(nflog));
	} else {
		warnx("%llu packets read, %llu lost", invalid->seen, invalid->lost);
		report_bad(invalid, nflog);
	}
	nflog_close(nflog);
	printer_free(invalid->printer);
	tally_free(invalid->tally);
	return session_end(&invalid->watch->session);
}

/* Tells the parent that the group is ours, and waits until the sysctls are set. */
static bool shake_hands(int tell, int hear)
{
	char byte = 1;
	bool done = write(tell, &byte, 1) == 1 && read(hear, &byte, 1) == 1;

	close(tell);
	close(hear);
	return done;
}

static int child(struct invalid *invalid, int tell, int hear)
{
	struct session *session = &invalid->watch->session;
	struct nflog *nflog = nflog_open(GROUP, invalid->watch->buffer);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!nflog)
		session_fail(session, "NFLOG group 0");
	open_printer(invalid);
	session_capture(session);
	nflog_tee(nflog, session->capture);
	if (!shake_hands(tell, hear)) {
		nflog_close(nflog);
		exit(session_stopped(session) ? 0 : 2);
	}
	session_confine(session, 0);
	watch_packets(invalid, nflog);
	/* What waits in the kernel for company comes within a tenth of a second. */
	if (!invalid->done || invalid->end) {
		poll(NULL, 0, 150);
		invalid->done = false;
		drain(invalid, nflog);
	}
	return finish(invalid, nflog);
}

/* ---- the parent ---- */

static struct change changes[CHANGES] = {
	[LOG_INVALID] = { .name = "nf_conntrack_log_invalid", .value = "255" },
	{ .name = "nf_log.2", .value = "nfnetlink_log" },
	{ .name = "nf_log.10", .value = "nfnetlink_log" },
};

static pid_t reader;		/* 0: there is none any more */
static sigset_t ends;		/* signals that end a process, and can be caught */
static volatile sig_atomic_t ended;

/* The log switch comes last and goes first, so that nothing is logged to where nobody looks. */
static void undo_changes(void)
{
	for (unsigned i = 0; i < CHANGES; i++)
		change_undo(&changes[i]);
}

/* Who reads or prints may be stopped, or wait for somebody: nothing waits for that. */
static void end(int signal)
{
	int saved = errno;

	(void)signal;
	ended = 1;
	undo_changes();
	if (reader)
		kill(reader, SIGTERM);
	errno = saved;
}

/* Somebody has invalid packets logged to a logger that would lose them to us. */
static void refuse_foreign_logger(void)
{
	if (!strcmp(changes[LOG_INVALID].before, "0"))
		return;
	for (unsigned i = LOG_INVALID + 1; i < CHANGES; i++)
		if (strcmp(changes[i].before, "NONE") && strcmp(changes[i].before, changes[i].value))
			errx(2, "invalid packets are logged already (nf_conntrack_log_invalid is %s), for "
			     "%s by %s, whose owner would miss them: set nf_conntrack_log_invalid to 0 first",
			     changes[LOG_INVALID].before, changes[i].name, changes[i].before);
}

static void refuse_taken_group(void)
{
	uint32_t owner = nflog_owner(GROUP);

	if (owner)
		errx(2, "NFLOG group %d is taken by another program (netlink port %u, often its PID)", GROUP,
		     owner);
}

static void look_first(struct session *session)
{
	uint64_t count;

	if (access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) < 0)
		errx(2, "connection tracking is not loaded in this kernel: there is nothing to watch");
	if (!privs_admin()) {
		errno = EPERM;
		session_fail(session, "NFLOG");
	}
	for (unsigned i = 0; i < CHANGES; i++)
		if (!change_read(&changes[i]))
			err(2, "%s", changes[i].name);
	refuse_taken_group();
	refuse_foreign_logger();
	if (sysctl_number("nf_conntrack_count", &count) && !count)
		warnx("no flow is tracked in this network namespace: packets are judged once a rule in it uses "
		      "connection tracking (another namespace: --netns)");
}

static void tell_changes(unsigned first)
{
	for (unsigned i = CHANGES; i-- > first && !ended;)
		if (changes[i].made)
			warnx("%s is set to %s until the end (it was %s)", changes[i].name,
			      changes[i].value, changes[i].before);
}

/* A signal comes before all of them or after: what is undone is not made again. */
static bool make_changes(void)
{
	unsigned left = CHANGES;
	int error;

	sigprocmask(SIG_BLOCK, &ends, NULL);
	while (!ended && left > 0 && change_make(&changes[left - 1]))
		left--;
	error = errno;
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	tell_changes(left);
	if (left > 0 && !ended) {
		errno = error;
		warn("%s cannot be set to %s", changes[left - 1].name, changes[left - 1].value);
	}
	return !left && !ended;
}

/* All are undone already, unless that failed. */
static bool tell_undone(void)
{
	bool good = true;

	for (unsigned i = 0; i < CHANGES; i++) {
		if (!change_undo(&changes[i])) {
			warn("%s could not be put back to %s", changes[i].name, changes[i].before);
			good = false;
		} else if (changes[i].made) {
			warnx("%s is %s again", changes[i].name, changes[i].before);
		}
	}
	return good;
}

/* Our own end: what can still be done is done, then it takes its course. */
static void crash(int signal)
{
	end(signal);
	raise(signal);
}

/* Crashes, and what ends no process or cannot be caught. */
static const int crashes[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP };
static const int others[] = { SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGURG, SIGWINCH };

/* What is ignored (nohup) stays so. */
static void find_ends(void)
{
	struct sigaction old;

	sigemptyset(&ends);
	for (int i = 1; i <= SIGRTMAX; i++)
		if (sigaction(i, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&ends, i);
	for (unsigned i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		sigdelset(&ends, crashes[i]);
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		sigdelset(&ends, others[i]);
}

static void on_ends(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_mask = ends };

	for (int i = 1; i <= SIGRTMAX; i++)
		if (sigismember(&ends, i) == 1)
			sigaction(i, &action, NULL);
}

/* libc keeps signals 32 and 33 to itself and out of its sets: nobody can catch them, but the kernel blocks them. */
static void block_internal(void)
{
	unsigned char all[_NSIG / 8];
	sigset_t known;

	memset(all, 0xff, sizeof(all));
	sigfillset(&known);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, all, NULL, sizeof(all));
	sigprocmask(SIG_UNBLOCK, &known, NULL);
}

static void catch_signals(void)
{
	struct sigaction last = { .sa_handler = crash, .sa_flags = SA_RESETHAND };

	block_internal();
	find_ends();
	on_ends(end);
	for (unsigned i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		sigaction(crashes[i], &last, NULL);
}

/* Waits for a signal, or until PATIENCE after the first that ended us is over: then the child is. */
static void wait_for_signal(const sigset_t *signals, uint64_t *until)
{
	uint64_t now = clock_now(CLOCK_MONOTONIC), left;
	struct timespec time;
	int signal;

	if (ended && !*until)
		*until = now + PATIENCE * second;
	left = *until > now ? *until - now : 0;
	time = (struct timespec){ .tv_sec = left / second, .tv_nsec = left % second };
	signal = sigtimedwait(signals, NULL, ended ? &time : NULL);
	if (signal > 0 && signal != SIGCHLD)
		end(signal);
	if (signal >= 0 || errno != EAGAIN)
		return;
	kill(reader, SIGKILL);
	*until = 0;
}

/* Signals are blocked from here on, so that none is sent to a child that is gone. Its wait status. */
static int wait_for_child(void)
{
	sigset_t signals = ends;
	uint64_t until = 0;
	int status = 0;
	pid_t pid;

	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	while ((pid = waitpid(reader, &status, WNOHANG)) == 0)
		wait_for_signal(&signals, &until);
	reader = 0;
	return pid > 0 ? status : W_EXITCODE(2, 0);
}

/* All is done: whom our words keep waiting, because nobody reads them, the next signal ends. */
static int tell_end(int outcome)
{
	int status = WIFEXITED(outcome) ? WEXITSTATUS(outcome) : 2;

	on_ends(SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	if (WIFSIGNALED(outcome))
		warnx("the reader died: signal %d", WTERMSIG(outcome));
	return tell_undone() ? status : 2;
}

static int parent(struct session *session, int hear, int tell)
{
	char byte = 1;
	int outcome, status;

	catch_signals();
	if (session_stopped(session))	/* before that */
		end(SIGTERM);
	if (!privs_drop(true))
		warnx("the capabilities could not be dropped");
	if (read(hear, &byte, 1) == 1 && make_changes() && write(tell, &byte, 1) != 1)
		warn("the reader");
	close(tell);		/* a child that was not told to begin ends */
	close(hear);
	outcome = wait_for_child();
	undo_changes();
	status = tell_end(outcome);
	session_end(session);
	return status;
}

static int invalid_live(struct invalid *invalid)
{
	int up[2], down[2];

	look_first(&invalid->watch->session);
	if (pipe(up) < 0 || pipe(down) < 0)
		err(2, "pipe");
	signal(SIGCHLD, SIG_DFL);	/* who ignores it cannot wait */
	reader = fork();
	if (reader < 0)
		err(2, "fork");
	if (!reader) {
		close(up[0]);
		close(down[1]);
		_exit(child(invalid, up[1], down[0]));	/* what is to happen at exit is the parent's */
	}
	close(up[1]);
	close(down[0]);
	return parent(&invalid->watch->session, up[0], down[1]);
}

/* ---- files ---- */

static int invalid_files(struct invalid *invalid)
{
	struct session *session = &invalid->watch->session;
	struct complaint complaint = { session_complain, session };
	struct nflog *nflog = nflog_files(session->files, session->files_count, &complaint);
	int result = 0;

	if (!nflog)
		err(2, "memory");
	open_printer(invalid);
	session_capture(session);
	nflog_tee(nflog, session->capture);
	session_confine(session, 0);
	while (!invalid->done && !session_stopped(session) && (result = nflog_receive(nflog)) > 0)
		take_all(invalid, nflog);
	if (result < 0 && errno != EINTR)
		fail(invalid, nflog);
	return finish(invalid, nflog);
}

int watch_invalid(struct ctwatch *watch)
{
	struct invalid invalid = { .watch = watch };

	invalid.done = watch->limited && !watch->limit;
	watch->line_by_line = isatty(STDOUT_FILENO);
	return watch->session.live ? invalid_live(&invalid) : invalid_files(&invalid);
}
