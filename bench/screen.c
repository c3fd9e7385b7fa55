/* Runs cttop on a pseudo-terminal: how long keys take to the screen, and what it costs to look at it. */
#include <err.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWERS = 10000, WIDTH = 160, HEIGHT = 50 };

/*
 * A prompt shows the cursor, ^G hides it again, and nothing else does: the answer to "KEY f" cannot be
 * taken for one of the pictures that come by themselves. Both keys are in the same picture.
 */
static const char shown[] = "\033[?25h", hidden[] = "\033[?25l";

static struct {
	int fd;
	pid_t pid;
	double answers[ANSWERS];
	int count;
} screen;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Reads what is drawn until `text` comes, or for so many seconds. True if it came. */
static bool look(const char *text, double seconds)
{
	struct pollfd fd = { screen.fd, POLLIN, 0 };
	double end = now() + seconds, left;
	size_t matched = 0;
	char buffer[65536];

	while ((left = end - now()) > 0) {
		ssize_t length;

		if (poll(&fd, 1, left * 1000 + 1) <= 0)
			continue;
		length = read(screen.fd, buffer, sizeof(buffer));
		if (length <= 0)
			errx(1, "it ended");
		for (ssize_t i = 0; text && i < length; i++) {
			matched = buffer[i] == text[matched] ? matched + 1 : buffer[i] == *text;
			if (!text[matched])
				return true;
		}
	}
	return false;
}

static void press(const char *keys, const char *answer)
{
	double start = now();

	if (write(screen.fd, keys, strlen(keys)) < 0)
		err(1, "pseudo-terminal");
	if (!look(answer, 20))
		errx(1, "no answer to a key in 20 s");
	if (screen.count < ANSWERS)
		screen.answers[screen.count++] = now() - start;
}

/* Another view every two seconds, so that a dump is nearly always running; in between the cursor moves. */
static void press_keys(double seconds)
{
	static const char *const views[] = { "5f", "3f", "1f", "4f", "2f" };
	static const char *const moves[] = { "jf", "jf", "kf", "\004f", "sf", "Gf", "gf", "\025f", "rf", "lf" };
	double end = now() + seconds, next = 0;
	unsigned view = 0, move = 0;

	while (now() < end) {
		if (now() >= next) {
			press(views[view++ % 5], shown);
			next = now() + 2;
		} else {
			press(moves[move++ % 10], shown);
		}
		look(NULL, 0.02);
		press("\007", hidden);
		/* Not in step with anything. */
		look(NULL, 0.03 + (rand() % 50) / 1000.0);
	}
}

static double cpu_seconds(void)
{
	unsigned long user, system;
	char path[64];
	FILE *file;
	int found;

	snprintf(path, sizeof(path), "/proc/%d/stat", screen.pid);
	file = fopen(path, "r");
	if (!file)
		err(1, "%s", path);
	found = fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	fclose(file);
	return found == 2 ? (double)(user + system) / sysconf(_SC_CLK_TCK) : 0;
}

/* "VmRSS" or "VmHWM", in KiB. */
static unsigned long memory(const char *what)
{
	unsigned long size = 0;
	char line[128];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/status", screen.pid);
	file = fopen(line, "r");
	if (!file)
		err(1, "%s", line);
	while (!size && fgets(line, sizeof(line), file))
		if (!strncmp(line, what, strlen(what)))
			sscanf(line + strlen(what), ":%lu", &size);
	fclose(file);
	return size;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double answer(double share)
{
	return screen.count ? screen.answers[(int)((screen.count - 1) * share)] * 1000 : 0;
}

static void start(char **command)
{
	struct winsize size = { .ws_row = HEIGHT, .ws_col = WIDTH };

	screen.pid = forkpty(&screen.fd, NULL, NULL, &size);
	if (screen.pid < 0)
		err(1, "pseudo-terminal");
	if (screen.pid)
		return;
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	execvp(*command, command);
	_exit(127);
}

int main(int argc, char **argv)
{
	double keys = 30, quiet = 30, settle = 3, before, share;
	const char *label = "cttop";
	unsigned long flows = 0, peak;
	int option, status;

	while ((option = getopt(argc, argv, "+k:q:s:l:f:")) != -1) {
		switch (option) {
		case 'k': keys = atof(optarg); break;
		case 'q': quiet = atof(optarg); break;
		case 's': settle = atof(optarg); break;
		case 'l': label = optarg; break;
		case 'f': flows = strtoul(optarg, NULL, 10); break;
		default:
			errx(2, "usage: screen [-k SECONDS-OF-KEYS] [-q SECONDS-OF-QUIET] [-s SECONDS-BEFORE] "
			     "[-l LABEL] [-f FLOWS] COMMAND...");
		}
	}
	if (optind == argc)
		errx(2, "a command is missing");
	start(argv + optind);
	look(NULL, settle);
	before = cpu_seconds();
	look(NULL, quiet);
	share = (cpu_seconds() - before) / quiet;
	press_keys(keys);
	peak = memory("VmHWM");
	qsort(screen.answers, screen.count, sizeof(*screen.answers), by_value);
	printf("%-36s %6d %8.1f %8.1f %8.1f %7.1f %9.1f", label, screen.count, answer(0.5), answer(0.99),
	       answer(1), share * 100, peak / 1024.0);
	if (flows)
		printf(" %8.0f", peak * 1024.0 / flows);
	printf("\n");
	if (write(screen.fd, "q", 1) < 0)
		err(1, "pseudo-terminal");
	while (waitpid(screen.pid, &status, WNOHANG) == 0) {
		struct pollfd fd = { screen.fd, POLLIN, 0 };
		char buffer[4096];

		if (poll(&fd, 1, 100) > 0 && read(screen.fd, buffer, sizeof(buffer)) < 0 && fd.revents & POLLHUP)
			usleep(1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
