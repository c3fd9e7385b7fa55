/* Readers and writers of numbers, sizes, times and addresses, as people type and read them. */
#include "field.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static bool read_prefix(const char *text, uint64_t *value, char **end)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	return !errno;
}

bool read_number(const char *text, uint64_t *value)
{
	char *end;

	return read_prefix(text, value, &end) && !*end;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number, possibly with decimals, and a unit; the unit "" is the default. */
static bool read_unit(const char *text, const struct unit *unit, uint64_t *value)
{
	uint64_t whole, part = 0, scale = 1;
	char *end;

	if (!read_prefix(text, &whole, &end))
		return false;
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		for (end++; isdigit((unsigned char)*end) && scale < 1000000000; end++, scale *= 10)
			part = part * 10 + (*end - '0');
	}
	for (; unit->name; unit++)
		if (!strcmp(end, unit->name))
			break;
	if (!unit->name || (unit->factor && whole > UINT64_MAX / unit->factor / 2))
		return false;
	*value = whole * unit->factor + part * (unit->factor / scale) +
		 part * (unit->factor % scale) / scale;
	return true;
}

bool read_size(const char *text, uint64_t *value)
{
	static const struct unit units[] = {
		{ "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 },
		{ "Ki", 1024 }, { "ki", 1024 }, { "Mi", 1048576 }, { "Gi", 1073741824 }, { NULL, 0 },
	};

	return read_unit(text, units, value);
}

bool read_time(const char *text, uint64_t *nanoseconds)
{
	static const struct unit units[] = {
		{ "", 1000000000 }, { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
		{ "h", 3600000000000 }, { "d", 86400000000000 }, { NULL, 0 },
	};

	char part[32];

	if (read_unit(text, units, nanoseconds))
		return true;
	/* As they are printed: 1m30s, the larger unit first. */
	for (const char *p = text; *p; p++) {
		size_t length = p - text + 1;
		uint64_t rest;

		if (!isalpha((unsigned char)*p) || length >= sizeof(part))
			continue;
		memcpy(part, text, length);
		part[length] = '\0';
		if (!read_unit(part, units, nanoseconds) || !isdigit((unsigned char)p[1]) ||
		    !read_unit(p + 1, units, &rest) || rest >= *nanoseconds)
			return false;
		*nanoseconds += rest;
		return true;
	}
	return false;
}

bool read_address(const char *text, union address *addr, uint8_t *family)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr) == 1)
		*family = AF_INET;
	else if (inet_pton(AF_INET6, text, addr) == 1)
		*family = AF_INET6;
	else
		return false;
	return true;
}

void put_seconds(struct out *out, uint64_t seconds)
{
	static const struct { uint64_t size; char name; } parts[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	unsigned i = 0;

	while (i < 3 && seconds < parts[i].size)
		i++;
	put_number(out, seconds / parts[i].size);
	put_char(out, parts[i].name);
	if (i < 3 && seconds % parts[i].size / parts[i + 1].size) {
		put_number(out, seconds % parts[i].size / parts[i + 1].size);
		put_char(out, parts[i + 1].name);
	}
}

/* Two digits and what follows them. */
static void put_two(struct out *out, unsigned value, char after)
{
	put_char(out, '0' + value / 10);
	put_char(out, '0' + value % 10);
	put_char(out, after);
}

/* Rows are full of times, and gmtime() and strftime() are slow. The calendar: years that begin in
 * March repeat every 400 years, 146097 days. */
void put_time(struct out *out, uint64_t nanoseconds, int decimals)
{
	uint64_t seconds = nanoseconds / 1000000000;
	unsigned part = nanoseconds % 1000000000;
	unsigned clock = seconds % 86400;
	uint64_t days = seconds / 86400 + 719468;	/* since March 1st of the year 0 */
	unsigned day = days % 146097;
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned in_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153;

	day = in_year - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	put_number(out, year + days / 146097 * 400 + (month <= 2));
	put_char(out, '-');
	put_two(out, month, '-');
	put_two(out, day, 'T');
	put_two(out, clock / 3600, ':');
	put_two(out, clock / 60 % 60, ':');
	put_two(out, clock % 60, decimals > 0 ? '.' : 'Z');
	if (decimals <= 0)
		return;
	for (unsigned i = 0, scale = 100000000; i < (unsigned)decimals && scale; i++, scale /= 10)
		put_char(out, '0' + part / scale % 10);
	put_char(out, 'Z');
}

/* The forms of put_time(), shortened from the right at will: 2026-11-22, 2026-11-22T05:56. */
bool read_timestamp(const char *text, uint64_t *nanoseconds)
{
	struct tm tm = { .tm_mday = 1 };
	uint64_t part = 0, scale = 1000000000;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	const char *more;
	time_t seconds;
	int day;

	if (!end)
		return false;
	if (*end == 'T' || *end == ' ') {
		more = strptime(end + 1, "%H:%M", &tm);
		if (!more)
			return false;
		end = *more == ':' ? strptime(more + 1, "%S", &tm) : more;
		if (!end)
			return false;
	}
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++, scale /= 10)
			part += (*end - '0') * (scale / 10);
	if (*end == 'Z')
		end++;
	day = tm.tm_mday;
	seconds = timegm(&tm);	/* which makes 3 March of 31 February */
	if (*end || tm.tm_mday != day || seconds < 0 || (uint64_t)seconds >= UINT64_MAX / 1000000000)
		return false;
	*nanoseconds = (uint64_t)seconds * 1000000000 + part;
	return true;
}
