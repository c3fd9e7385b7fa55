/* Tests of saved data that ends too early: at whichever byte, what came before is there, and no more. */
#include "dump.h"

#include "capture.h"
#include "conntrack.h"
#include "source.h"

#include <sys/mman.h>

enum { FLOWS = 12, PER_PACKET = 4, ROOM = 1 << 16 };

static struct dump table;
static bool filled;

static int fill(void **state)
{
	(void)state;
	filled = dump_fill(&table);
	return 0;
}

static int release(void **state)
{
	(void)state;
	dump_release(&table);
	return 0;
}

static unsigned told;

static void count_complaint(void *data, const char *file, unsigned long long number, const char *what)
{
	(void)data, (void)number;
	assert_true(*file && *what);
	told++;
}

/* Whether the i-th flow read is the i-th of the table, by its parts that all forms hold. */
static bool is_flow(const struct flow *flow, unsigned i)
{
	struct flow whole;

	assert_true(flow_decode(&whole, table.message[i], HAS_ALL));
	return flow->family == whole.family && flow->protonum == whole.protonum &&
	       !memcmp(&flow->orig.src.addr, &whole.orig.src.addr, sizeof(union address)) &&
	       !memcmp(&flow->orig.dst.addr, &whole.orig.dst.addr, sizeof(union address));
}

/* The number of flows that the first bytes of the file hold; each must be that of the whole file. */
static unsigned read_cut(const uint8_t *bytes, size_t length, bool *honest)
{
	const struct complaint complaint = { count_complaint, NULL };
	char path[64];
	const char *files[] = { path };
	int fd = memfd_create("cut", 0);
	unsigned count = 0;
	struct source *source;
	struct flow flow;

	assert_int_equal(write(fd, bytes, length), length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	told = 0;
	source = source_files(files, 1, &complaint, NULL);
	while (source_read(source) > 0)
		while (source_flow(source, &flow)) {
			*honest &= count < FLOWS && is_flow(&flow, count);
			count++;
		}
	source_close(source);
	close(fd);
	return count;
}

static size_t make_capture(uint8_t *bytes)
{
	static uint8_t packet[ROOM];
	FILE *file = tmpfile();
	int copy = dup(fileno(file));
	struct capture *capture = capture_create(file);
	ssize_t length;

	for (unsigned i = 0; i < FLOWS; i += PER_PACKET) {
		size_t size = 0;

		for (unsigned j = i; j < i + PER_PACKET; j++) {
			memcpy(packet + size, table.message[j], table.message[j]->nlmsg_len);
			size += NLMSG_ALIGN(table.message[j]->nlmsg_len);
		}
		assert_int_equal(capture_write(capture, UINT64_C(1800000000000000000) + i, packet, size), 0);
	}
	assert_int_equal(capture_close(capture), 0);
	length = pread(copy, bytes, ROOM, 0);
	close(copy);
	assert_true(length > 0);
	return length;
}

/* A packet is there when its last byte is; libpcap hands on nothing of a broken one. */
static void a_capture_gives_whole_packets(void **state)
{
	static uint8_t bytes[ROOM];
	unsigned count = 0, before = 0;
	size_t length;

	(void)state;
	if (!filled)
		skip();
	length = make_capture(bytes);
	for (size_t cut = 0; cut <= length; cut++) {
		bool honest = true;

		count = read_cut(bytes, cut, &honest);
		assert_true(honest);
		assert_true(count == before || count == before + PER_PACKET);
		/* Only behind a whole packet, or the head of 24 bytes, is there nothing to complain of. */
		assert_int_equal(told == 0, cut == 0 || cut == 24 || count > before);
		before = count;
	}
	assert_int_equal(count, FLOWS);
}

static size_t make_text(uint8_t *bytes)
{
	struct out out;
	struct flow flow;
	size_t length;

	out_init(&out, -1);
	for (unsigned i = 0; i < FLOWS; i++) {
		assert_true(flow_decode(&flow, table.message[i], HAS_ALL));
		put_conntrack(&out, &flow, CONNTRACK_EXTENDED | CONNTRACK_ID, NULL);
	}
	length = out_length(&out);
	assert_true(length < ROOM);
	memcpy(bytes, out.buf, length);
	out_release(&out);
	return length;
}

/* The last line may be half there and still hold a flow. */
static void text_gives_whole_lines(void **state)
{
	static uint8_t bytes[ROOM];
	unsigned lines = 0, count = 0;
	size_t length;

	(void)state;
	if (!filled)
		skip();
	length = make_text(bytes);
	for (size_t cut = 0; cut <= length; cut++) {
		bool honest = true;

		lines += cut && bytes[cut - 1] == '\n';
		count = read_cut(bytes, cut, &honest);
		assert_true(count == lines || count == lines + 1);
		if (count == lines)
			assert_true(honest);
	}
	assert_int_equal(count, FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capture_gives_whole_packets),
		cmocka_unit_test(text_gives_whole_lines),
	};

	return cmocka_run_group_tests(tests, fill, release);
}
