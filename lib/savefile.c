/* Opens saved files, finds out what they are, and cuts them into pieces. */
#include "savefile.h"

#include "capture.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE = 65536 };

struct savefile {
	const char *const *files;
	unsigned count, current;	/* current: 1 is the first file */
	struct { FILE *stream; int error, kept; } *opened;	/* while there may still be a right to */
	FILE *stream;
	struct capture *capture;
	unsigned long long number;		/* of the line or packet */
	unsigned long long own, others;		/* packets of this capture: of netfilter, of other families */
	unsigned lost;			/* files that could not be opened */
	unsigned broken;		/* captures that end within a packet */
	struct complaint complaint;
	const struct names *names;
	bool rest;			/* of a line that is too long is still to be passed over */
	char line[LINE];
};

struct savefile *savefile_open(const char *const *files, unsigned count,
			       const struct complaint *complaint, const struct names *names)
{
	struct savefile *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->opened = calloc(count ? count : 1, sizeof(*file->opened));
	if (!file->opened) {
		free(file);
		return NULL;
	}
	for (unsigned i = 0; i < count; i++) {
		file->opened[i].stream = strcmp(files[i], "-") ? fopen(files[i], "re") : stdin;
		file->opened[i].error = errno;
		file->opened[i].kept = -1;
	}
	file->files = files;
	file->count = count;
	file->names = names;
	if (complaint)
		file->complaint = *complaint;
	return file;
}

static void close_stream(struct savefile *file)
{
	if (file->capture)
		capture_close(file->capture);	/* closes the stream as well */
	else if (file->stream && file->stream != stdin)
		fclose(file->stream);
	file->capture = NULL;
	file->stream = NULL;
}

static void close_streams(struct savefile *file)
{
	close_stream(file);
	for (unsigned i = file->current; i < file->count; i++)
		if (file->opened[i].stream && file->opened[i].stream != stdin)
			fclose(file->opened[i].stream);
}

void savefile_close(struct savefile *file)
{
	if (!file)
		return;
	close_streams(file);
	for (unsigned i = 0; i < file->count; i++)
		if (file->opened[i].kept >= 0)
			close(file->opened[i].kept);
	free(file->opened);
	free(file);
}

static int another(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

bool savefile_keep(struct savefile *file)
{
	bool kept = true;

	for (unsigned i = 0; i < file->count; i++)
		if (file->opened[i].stream) {
			file->opened[i].kept = another(fileno(file->opened[i].stream));
			kept &= file->opened[i].kept >= 0;
		}
	return kept;
}

/* Those that could not be opened cannot the second time either. */
static bool can_rewind(const struct savefile *file)
{
	for (unsigned i = 0; i < file->count; i++)
		if (file->opened[i].stream && lseek(file->opened[i].kept, 0, SEEK_CUR) < 0)
			return false;
	return true;
}

bool savefile_rewind(struct savefile *file)
{
	if (!can_rewind(file))
		return false;
	close_streams(file);
	for (unsigned i = 0; i < file->count; i++) {
		typeof(*file->opened) *opened = &file->opened[i];
		int fd;

		if (!opened->stream)
			continue;
		lseek(opened->kept, 0, SEEK_SET);
		fd = another(opened->kept);
		opened->stream = fd < 0 ? NULL : fdopen(fd, "r");
		opened->error = errno;
	}
	file->current = file->lost = file->broken = 0;
	return true;
}

const char *savefile_name(const struct savefile *file)
{
	const char *name = file && file->current ? file->files[file->current - 1] : "";

	return strcmp(name, "-") ? name : "standard input";
}

void savefile_complain(struct savefile *file, const char *what)
{
	if (file && file->complaint.say)
		file->complaint.say(file->complaint.data, savefile_name(file), file->number, what);
}

/* pcap in either byte order, with micro- or nanoseconds, and pcapng. The bytes are put back.
 * 1, 0, -1 errno. */
static int is_capture(FILE *stream)
{
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a };
	uint8_t bytes[4];
	size_t n = fread(bytes, 1, sizeof(bytes), stream);
	uint32_t magic;

	for (size_t i = n; i > 0; i--)
		if (ungetc(bytes[i - 1], stream) == EOF) {
			errno = ENOMEM;	/* a stream without a buffer takes back one byte alone */
			return -1;
		}
	if (n < sizeof(bytes))
		return ferror(stream) ? -1 : 0;
	memcpy(&magic, bytes, sizeof(magic));
	for (unsigned i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (magic == magics[i])
			return 1;
	return 0;
}

/* A file that cannot be had is told and counted; the others are read. */
static void give_up(struct savefile *file, const char *what)
{
	file->lost++;
	savefile_complain(file, what);
	close_stream(file);
}

/* Begins the next file; -1 with errno if reading was interrupted. */
static int begin_file(struct savefile *file)
{
	typeof(*file->opened) *opened = &file->opened[file->current++];
	char error[CAPTURE_ERROR];
	int result;

	file->rest = false;
	file->own = file->others = 0;
	file->stream = opened->stream;
	if (!file->stream) {
		give_up(file, strerror(opened->error));
		return 0;
	}
	result = is_capture(file->stream);
	if (result < 0 && errno == EINTR)
		return -1;
	if (result < 0)
		give_up(file, strerror(errno));
	if (result <= 0)
		return 0;
	errno = 0;
	file->capture = capture_open(file->stream, error);
	if (!file->capture) {
		file->stream = NULL;	/* capture_open() has closed it */
		if (errno == EINTR)
			return -1;
		give_up(file, error);
	}
	return 0;
}

/* 1, 0: no more files, -1 errno. */
static int open_next(struct savefile *file)
{
	close_stream(file);
	while (!file->stream && file->current < file->count) {
		file->number = 0;
		if (begin_file(file) < 0)
			return -1;
	}
	return file->stream != NULL;
}

/* One line for all of them. A capture of nothing else is as good as none. */
static void tell_others(struct savefile *file)
{
	char what[96];

	if (!file->others)
		return;
	snprintf(what, sizeof(what), "packets of other netlink families: %llu, of netfilter: %llu",
		 file->others, file->own);
	file->number = 0;
	savefile_complain(file, what);
	file->lost += !file->own;
}

static int next_packet(struct savefile *file, struct piece *piece)
{
	int result;

	errno = 0;
	result = capture_next(file->capture, &piece->data, &piece->length, &piece->time);
	if (result < 0 && errno == EINTR)
		return -1;
	file->number++;
	piece->type = PIECE_NETLINK;
	file->own += result == 1;
	file->others += result == 2;
	if (result > 0)
		return 1;
	if (result < 0) {
		savefile_complain(file, capture_error(file->capture));
		file->broken++;
	}
	tell_others(file);
	return 0;
}

/*
 * conntrack's summary from stderr, where both outputs went to one file: it stands wherever the
 * buffer of the table ended, and the line goes on behind it. The length of what was before it.
 */
static size_t cut_summary(char *line)
{
	char *summary = strstr(line, "conntrack v");

	if (!summary || summary == line || !strstr(summary, " shown.\n"))
		return 0;
	*summary = '\0';
	return summary - line;
}

static char *get_line(struct savefile *file)
{
	size_t part;

	file->line[LINE - 1] = '\n';
	if (!fgets(file->line, LINE, file->stream))
		return NULL;
	file->number++;
	part = cut_summary(file->line);
	if (part && fgets(file->line + part, LINE - part, file->stream))
		file->number++;
	return file->line;
}

static void bad_line(struct savefile *file, const char *what)
{
	file->broken++;
	savefile_complain(file, what);
}

/* The line fills the buffer, so fgets() has ended it, and goes on. */
static bool goes_on(const struct savefile *file)
{
	return !file->line[LINE - 1] && file->line[LINE - 2] != '\n';
}

/* No more than a part at a time, so that a signal ends a line without end: a piece of nothing. */
static int long_line(struct savefile *file, struct piece *piece)
{
	if (!file->rest)
		bad_line(file, "the line is too long");
	else
		file->number--;		/* counted as another line */
	file->rest = goes_on(file);
	*piece = (struct piece){ .data = (const uint8_t *)file->line, .type = PIECE_TEXT };
	return 1;
}

static int next_line(struct savefile *file, struct piece *piece)
{
	size_t length;

	while (get_line(file)) {
		const char *start = file->line;

		length = strlen(file->line);
		if (file->rest || goes_on(file))
			return long_line(file, piece);
		if (!(length && file->line[length - 1] == '\n') && !feof(file->stream)) {
			bad_line(file, "the line holds a NUL");
			continue;
		}
		if (file->number == 1 && !strncmp(start, "\xef\xbb\xbf", 3))
			memmove(file->line, file->line + 3, length - 2);
		while (isspace((unsigned char)*start))
			start++;
		if (file->number == 1 && !strncmp(start, "<?xml", 5)) {
			give_up(file, "XML is not read; every other form of conntrack's output is");
			return 0;
		}
		if (!*start)
			continue;
		*piece = (struct piece){
			.data = (const uint8_t *)file->line, .length = length,
			.type = *start == '{' ? PIECE_JSON : PIECE_TEXT,
		};
		return 1;
	}
	if (!ferror(file->stream))
		return 0;
	if (errno == EINTR)
		return -1;
	give_up(file, strerror(errno));
	return 0;
}

int savefile_next(struct savefile *file, struct piece *piece)
{
	int result;

	for (;;) {
		if (!file->stream) {
			result = open_next(file);
			if (result != 1)
				return result;
		}
		result = file->capture ? next_packet(file, piece) : next_line(file, piece);
		if (result)
			return result;
		close_stream(file);	/* the next one, if there is one */
	}
}

unsigned savefile_lost(const struct savefile *file)
{
	return file ? file->lost : 0;
}

unsigned savefile_broken(const struct savefile *file)
{
	return file ? file->broken : 0;
}

enum text savefile_parse(struct savefile *file, struct piece *piece, struct flow *flow)
{
	const char *wrong = "not understood";
	enum text result;

	if (piece->type == PIECE_JSON)
		result = textin_json(flow, file->line, file->names, &wrong);
	else
		result = textin_conntrack(flow, file->line, file->names, &wrong);
	if (result == TEXT_BAD)
		savefile_complain(file, wrong);
	return result;
}
