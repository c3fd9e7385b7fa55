/* Fuzzes the reader of saved counters: whatever came of it prints in each format, and is read again. */
#include "saved.h"

#include <assert.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void ignore(void *data, const char *file, unsigned long long number, const char *what)
{
	(void)data, (void)file, (void)number;
	assert(what && *what);
}

/* The document that was printed is one of ours. */
static void check_document(const char *text)
{
	enum json_tokener_error error;
	struct json_object *root = json_tokener_parse_verbose(text, &error);
	struct report again;

	assert(error == json_tokener_success);
	report_init(&again);
	assert(report_from_json(&again, root));
	report_release(&again);
	json_object_put(root);
}

static void print_all(struct out *out, const struct report *report, const struct stats *before)
{
	struct print_options options = { .format = FORMAT_TABLE, .width = 80, .header = true, .colour = true };
	struct grid *grid = grid_new(out, &options);

	out_clear(out);
	assert(report_json(out, report));
	out_mem(out, "", 1);
	check_document(out->buf);
	report_screen(out, &options, report);
	report_columns(grid, report, false);
	report_line(grid, report, false);
	grid_print(grid, true);
	grid_free(grid);
	report_cpus(out, &options, report, report->rates.seconds > 0 ? before : NULL);
	report_metrics(out, report, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaint complaint = { .say = ignore };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[32];
	const char *file = path;
	struct report report;
	struct stats before;
	struct saved *saved;
	struct out out;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	out_init(&out, -1);
	report_init(&report);
	stats_init(&before);
	report.per_cpu = true;
	saved = saved_open(&file, 1, &complaint, NULL, NULL);
	while (saved_next(saved, &report) > 0) {
		struct stats keep = report.stats;

		if (!report.rates.has)
			rates_between(&report.rates, &before, &report.stats, 1);
		print_all(&out, &report, &before);
		report.stats = before;
		before = keep;
	}
	out_clear(&out);
	report_settings(&out, &(struct print_options){ .format = FORMAT_JSON }, saved_settings(saved),
			&report.stats.kernel);
	saved_close(saved);
	stats_release(&before);
	report_release(&report);
	out_release(&out);
	close(fd);
	return 0;
}
