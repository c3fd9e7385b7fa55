/*
 * Fuzzes cttop behind its terminal: two bytes say how large that is, then what comes from the keyboard
 * up to a byte 255, then messages, the flows of which are on the screen. Nothing that is shown may
 * move the cursor.
 */
#include "key.h"
#include "messages.h"
#include "screen.h"
#include "top.h"

#include <assert.h>
#include <curses.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static int master;
static struct names labels;

/* Names are chosen by those who are looked at. */
static const char *look_up_nasty(void *data, uint8_t family, const union address *address)
{
	(void)data, (void)family, (void)address;
	return "a\x1b[2J\x9b" "1m\r\n";
}

/* The handlers that give the terminal back would hide the finding. */
static void open_screen(void)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGQUIT };
	enum { SIGNALS = sizeof(signals) / sizeof(*signals) };
	struct sigaction before[SIGNALS];

	for (unsigned i = 0; i < SIGNALS; i++)
		sigaction(signals[i], NULL, &before[i]);
	assert(!screen_open(true));
	set_escdelay(0);	/* all that comes is there at once */
	for (unsigned i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

static void start(void)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct termios termios;
	int slave;

	assert(openpty(&master, &slave, NULL, NULL, &size) == 0);
	tcgetattr(slave, &termios);
	termios.c_iflag &= ~IXON;	/* ^S would stop it for good */
	tcsetattr(slave, TCSANOW, &termios);
	assert(dup2(slave, STDIN_FILENO) == 0 && dup2(slave, STDOUT_FILENO) == 1);
	fcntl(master, F_SETFL, O_NONBLOCK);
	setenv("TERM", "xterm-256color", 1);
	open_screen();
	for (unsigned i = 0; i < LABELS; i++)
		labels.label[i] = strdup("\x1b]0;title\a");
}

/* What the terminal was sent. */
static void drain(void)
{
	char buffer[4096];

	while (read(master, buffer, sizeof(buffer)) > 0)
		;
}

static void check_page(const struct top *top, const struct page *page)
{
	const uint8_t *text = (const uint8_t *)page->text.buf;
	size_t length = out_length(&page->text);

	assert(page->lines_count <= top->height);
	for (unsigned i = 0; i < page->lines_count; i++)
		assert(page->lines[i].columns <= top->width);
	for (size_t i = 0; i < length; i++) {
		assert(text[i] >= ' ' && text[i] != 0x7f);
		assert(text[i] < 0x80 || top->utf8);
		assert(text[i] != 0xc2 || i + 1 == length || text[i + 1] >= 0xa0);
	}
}

static void show(struct top *top, struct page *page)
{
	unsigned x, y;

	top_render(top, page);
	check_page(top, page);
	if (top_cursor(top, &x, &y))
		assert(y < top->height);
}

static void take(const struct nlmsghdr *message, void *context)
{
	static struct row row;
	struct top *top = context;
	struct flow *flow = &row.group.flow;

	if (!flow_decode(flow, message, HAS_ALL) || flow->what != WHAT_FLOW)
		return;
	flow->has |= HAS_TIME;
	flow->time = top->now;
	if (!flow->event)
		sample_flow(&top->sample, &row);
	else if (sample_event(&top->sample, &row))
		eventlog_add(top->log, flow);
}

static void fill(struct top *top, const uint8_t *data, size_t size)
{
	top->now += UINT64_C(1000000000);
	sample_begin(&top->sample, top->now, 0);
	messages_each(data, size, take, top);
	sample_end(&top->sample, top->now);
	top_update(top);
}

/* What the caller is to do with them is not done here. */
static void clear_orders(struct top *top)
{
	top->quit = top->read_now = top->redraw_all = false;
	top->step = 0;
	top->save[0] = '\0';
}

static void press(struct top *top, struct page *page)
{
	struct mouse mouse;
	int code;

	while ((code = screen_key(&mouse)) != CODE_NONE) {
		if (code != CODE_MOUSE)
			top_key(top, code);
		else if (mouse.wheel)
			top_wheel(top, mouse.wheel);
		else
			top_click(top, mouse.x, mouse.y, mouse.twice);
		show(top, page);
		clear_orders(top);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end;
	struct page page;
	struct top top;

	if (!master)
		start();
	if (size < 2)
		return 0;
	top_init(&top);
	top.look_up = look_up_nasty;
	top.labels = &labels;
	top.source = "\x1b[31m";
	top.now = UINT64_C(1790000000000000000);
	top.width = 1 + data[0] % 200;
	top.height = 1 + data[1] % 64;
	top.utf8 = data[1] & 0x80;
	data += 2;
	size -= 2;
	end = memchr(data, 255, size);
	end = end ? end : data + size;
	if (end < data + size)
		fill(&top, end + 1, data + size - end - 1);
	page_init(&page, top.width, top.utf8);
	show(&top, &page);
	assert(write(master, data, end - data) >= 0 || end == data);
	press(&top, &page);
	if (end < data + size)
		fill(&top, end + 1, data + size - end - 1);
	show(&top, &page);
	drain();
	page_release(&page);
	top_release(&top);
	return 0;
}
