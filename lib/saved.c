/* Puts saved lines together to samples. */
#include "saved.h"

#include "proctable.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest document, on one line or on many: of all CPUs, as jq lays it out, it has 5 MB. The longest
 * line of other text. */
enum { DOCUMENT = 8 * 1024 * 1024, LINE = 65536 };

/* What the sample at hand is made of so far. */
enum part { PART_NONE, PART_SYSCTL, PART_PROC, PART_CONNTRACK, PART_DOCUMENT };

enum line { LINE_BAD, LINE_SKIP, LINE_USED, LINE_NEXT };	/* NEXT: begins another sample */

struct saved {
	const char *const *files;
	struct { FILE *stream; int error; } *opened;	/* while there may still be a right to */
	unsigned count, at;
	unsigned lost;			/* files that could not be opened or read */
	struct complaint complaint;
	struct kernel kernel;
	FILE *file;			/* that is read */
	unsigned long long number, good;
	char *line;			/* of DOCUMENT bytes */
	bool held;			/* it is still to be taken */
	bool rest;			/* of a line that is too long is still to be passed over */
	enum part part;
	struct proctable table;
	struct settings settings;
	struct json_tokener *tokener;
	bool open;			/* a document goes on */
	size_t length;			/* of it so far */
	const volatile sig_atomic_t *stop;
};

static void open_files(struct saved *saved)
{
	for (unsigned i = 0; i < saved->count; i++) {
		saved->opened[i].stream = strcmp(saved->files[i], "-") ? fopen(saved->files[i], "re") : stdin;
		saved->opened[i].error = errno;
	}
}

struct saved *saved_open(const char *const *files, unsigned count,
			 const struct complaint *complaint, const struct kernel *kernel,
			 const volatile sig_atomic_t *stop)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (!saved)
		return NULL;
	saved->files = files;
	saved->count = count;
	saved->complaint = *complaint;
	saved->stop = stop;
	if (kernel)
		saved->kernel = *kernel;
	else
		kernel_unknown(&saved->kernel);
	saved->opened = calloc(count ? count : 1, sizeof(*saved->opened));
	saved->tokener = json_tokener_new();
	saved->line = malloc(DOCUMENT);
	if (saved->tokener && saved->opened && saved->line) {
		open_files(saved);
		return saved;
	}
	if (saved->tokener)
		json_tokener_free(saved->tokener);
	free(saved->opened);
	free(saved->line);
	free(saved);
	errno = ENOMEM;
	return NULL;
}

void saved_close(struct saved *saved)
{
	if (!saved)
		return;
	for (unsigned i = saved->at; i < saved->count; i++)
		if (saved->opened[i].stream && saved->opened[i].stream != stdin)
			fclose(saved->opened[i].stream);
	free(saved->opened);
	json_tokener_free(saved->tokener);
	proctable_release(&saved->table);
	free(saved->line);
	free(saved);
}

const struct settings *saved_settings(const struct saved *saved)
{
	return &saved->settings;
}

unsigned long long saved_good(const struct saved *saved)
{
	return saved->good;
}

unsigned saved_lost(const struct saved *saved)
{
	return saved->lost;
}

static void complain(const struct saved *saved, unsigned long long number, const char *what)
{
	saved->complaint.say(saved->complaint.data, saved->files[saved->at], number, what);
}

static void give_up(struct saved *saved, int error)
{
	saved->lost++;
	complain(saved, 0, strerror(error));
}

static void end_document(struct saved *saved)
{
	json_tokener_reset(saved->tokener);
	saved->open = false;
	saved->length = 0;
}

static void close_file(struct saved *saved)
{
	if (saved->open)
		complain(saved, saved->number, "the JSON document has no end");
	end_document(saved);
	saved->rest = false;
	if (saved->file != stdin)
		fclose(saved->file);
	saved->file = NULL;
	saved->at++;
}

/* False at the end of the last file. */
static bool open_next(struct saved *saved)
{
	while (!saved->file && saved->at < saved->count) {
		saved->number = 0;
		saved->file = saved->opened[saved->at].stream;
		if (!saved->file) {
			give_up(saved, saved->opened[saved->at].error);
			saved->at++;
		}
	}
	return saved->file;
}

static bool stopped(const struct saved *saved)
{
	return saved->stop && *saved->stop;
}

static bool is_json(const struct saved *saved)
{
	return saved->open || saved->line[strspn(saved->line, " \t\r\n")] == '{';
}

/* Counts the line; false if it is too long, or the rest of such a line. */
static bool line_fits(struct saved *saved)
{
	bool cut = !saved->line[DOCUMENT - 1] && saved->line[DOCUMENT - 2] != '\n', rest = saved->rest;

	saved->rest = cut;
	if (rest)
		return false;
	saved->number++;
	if (!cut && (is_json(saved) || strlen(saved->line) <= LINE))
		return true;
	complain(saved, saved->number, "the line is too long");
	return false;
}

/* False at the end of the last file, or when it is time to stop. */
static bool next_line(struct saved *saved)
{
	if (saved->held) {
		saved->held = false;
		return true;
	}
	while (!stopped(saved) && open_next(saved)) {
		saved->line[DOCUMENT - 1] = '\n';	/* fgets() puts a NUL there if it fills the buffer */
		if (fgets(saved->line, DOCUMENT, saved->file)) {
			if (line_fits(saved))
				return true;
			continue;
		}
		if (ferror(saved->file) && errno != EINTR)
			give_up(saved, errno);
		close_file(saved);
	}
	return false;
}

static void clear(const struct saved *saved, struct report *report)
{
	report_clear(report);
	report->stats.kernel = saved->kernel;
}

static enum line take_head(struct saved *saved)
{
	if (saved->part > PART_SYSCTL)
		return LINE_NEXT;
	if (!proctable_head(&saved->table, saved->line))
		return LINE_BAD;
	saved->part = PART_PROC;
	return LINE_USED;
}

/* What conntrack sends and does not send says which kernel it was: ctnetlink_ct_stat_cpu_fill_info(). */
static void narrow(struct kernel *kernel, const char *name)
{
	if (!strcmp(name, "chaintoolong"))
		kernel_narrow(kernel, KERNEL(5, 15), KERNEL_LAST);
	else if (!strcmp(name, "clash_resolve"))
		kernel_narrow(kernel, KERNEL(5, 10), KERNEL_LAST);
	else if (!strcmp(name, "ignore"))
		kernel_narrow(kernel, 0, KERNEL(5, 9));
	else if (!strcmp(name, "searched"))
		kernel_narrow(kernel, 0, KERNEL(4, 8));
}

static enum line take_pairs(struct stats *stats, const char *line, unsigned number)
{
	struct cpu *cpu = stats_cpu(stats, number);
	char name[PROC_NAME], digits[16];
	int length, found = 0;

	if (!cpu)
		return LINE_BAD;
	for (; sscanf(line, " %23[a-z_]=%15[0-9]%n", name, digits, &length) == 2; line += length) {
		int i = counter_find(name, strlen(name));
		uint64_t value = strtoull(digits, NULL, 10);

		if (value > UINT32_MAX)
			return LINE_BAD;
		if (i < 0)
			continue;
		narrow(&stats->kernel, name);
		cpu->count[i] = value;
		stats->counters |= UINT64_C(1) << i;
		found++;
	}
	line += strspn(line, " \t\r\n");
	return found && !*line ? LINE_USED : LINE_BAD;
}

/* cpu=0   	found=0 invalid=0 ... */
static enum line take_conntrack(struct saved *saved, struct stats *stats)
{
	char digits[8];
	unsigned number;
	enum line result;
	int length;

	if (sscanf(saved->line, "cpu=%5[0-9]%n", digits, &length) != 1)
		return LINE_BAD;
	number = strtoul(digits, NULL, 10);
	if (saved->part > PART_SYSCTL && saved->part != PART_CONNTRACK)
		return LINE_NEXT;
	if (stats_find(stats, number))
		return LINE_NEXT;
	result = take_pairs(stats, saved->line + length, number);
	if (result == LINE_USED)
		saved->part = PART_CONNTRACK;
	else
		stats->cpus_count -= stats->cpus_count && stats->cpus[stats->cpus_count - 1].number == number;
	return result;
}

static enum line take_document(struct saved *saved, struct report *report, struct json_object *root)
{
	bool good = root && report_from_json(report, root);

	json_object_put(root);
	end_document(saved);
	if (good)
		saved->part = PART_DOCUMENT;
	else
		clear(saved, report);
	return good ? LINE_USED : LINE_BAD;
}

/* A document may go over several lines. */
static enum line take_json(struct saved *saved, struct report *report)
{
	size_t length = strlen(saved->line);
	struct json_object *root;

	if (!saved->open && saved->part > PART_SYSCTL)
		return LINE_NEXT;
	saved->length += length;
	if (saved->length > DOCUMENT) {
		complain(saved, saved->number, "the JSON document is too large");
		end_document(saved);
		return LINE_SKIP;
	}
	root = json_tokener_parse_ex(saved->tokener, saved->line, length);
	saved->open = !root && json_tokener_get_error(saved->tokener) == json_tokener_continue;
	return saved->open ? LINE_SKIP : take_document(saved, report, root);
}

/* sysctl -a has thousands of other lines; they are no mistake. */
static enum line take_sysctl(struct saved *saved)
{
	const char *name = saved->line + strspn(saved->line, "abcdefghijklmnopqrstuvwxyz"
						"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/@:");

	if (settings_line(&saved->settings, saved->line)) {
		if (!saved->part)
			saved->part = PART_SYSCTL;
		return LINE_USED;
	}
	return name > saved->line && !strncmp(name, " =", 2) ? LINE_SKIP : LINE_BAD;
}

static enum line take(struct saved *saved, struct report *report)
{
	const char *start = saved->line + strspn(saved->line, " \t\r\n");

	if (is_json(saved))
		return take_json(saved, report);
	if (!*start)
		return LINE_SKIP;
	if (!strncmp(start, "entries ", 8))
		return take_head(saved);
	if (!strncmp(start, "cpu=", 4))
		return take_conntrack(saved, &report->stats);
	if (saved->part == PART_PROC && isxdigit((unsigned char)*start) &&
	    proctable_row(&saved->table, saved->line))
		return LINE_USED;
	return take_sysctl(saved);
}

static void take_settings(const struct settings *settings, struct stats *stats)
{
	uint64_t value;

	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		if (gauge->sysctl && !(stats->has & gauge->has) &&
		    settings_number(settings, gauge->sysctl, &value))
			gauge_set(gauge, stats, value);
}

static int finish(struct saved *saved, struct report *report)
{
	struct stats *stats = &report->stats;

	if (!saved->part)
		return 0;
	if (saved->part == PART_PROC && !proctable_finish(&saved->table, stats))
		return -1;
	settings_sort(&saved->settings);
	take_settings(&saved->settings, stats);
	if (saved->part != PART_DOCUMENT || stats->cpus_count)
		stats_finish(stats);
	saved->part = PART_NONE;
	return 1;
}

int saved_next(struct saved *saved, struct report *report)
{
	clear(saved, report);
	saved->part = PART_NONE;
	while (next_line(saved)) {
		switch (take(saved, report)) {
		case LINE_BAD:
			complain(saved, saved->number, "not counters of conntrack");
			break;
		case LINE_USED:
			saved->good++;
			break;
		case LINE_SKIP:
			break;
		case LINE_NEXT:
			saved->held = true;
			return finish(saved, report);
		}
	}
	return stopped(saved) ? 0 : finish(saved, report);	/* half a sample says nothing */
}
