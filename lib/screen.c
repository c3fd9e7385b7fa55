/* Draws pages with ncurses and gives the terminal back whatever happens. */
#include "screen.h"

#include "key.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { FIRST_PAIR = 1, RESCUE = 512 };

/* What brings the terminal back without ncurses, for handlers of signals. */
static struct {
	struct termios termios;
	char text[RESCUE];
	size_t length;
	volatile sig_atomic_t armed;
} rescue;

static volatile sig_atomic_t hung_up;
static bool coloured;
static int shades;
static mmask_t ignored;

static void add_text(const char *text)
{
	size_t length = strlen(text);

	if (rescue.length + length > RESCUE)
		return;
	memcpy(rescue.text + rescue.length, text, length);
	rescue.length += length;
}

static bool can(const char *capability)
{
	const char *text = tigetstr(capability);

	return text && (intptr_t)text != -1;
}

static void add_rescue(const char *capability)
{
	if (can(capability))
		add_text(tigetstr(capability));
}

static void give_back(int signal)
{
	ssize_t written;

	if (rescue.armed) {
		rescue.armed = 0;
		written = write(STDOUT_FILENO, rescue.text, rescue.length);
		(void)written;
		tcsetattr(STDIN_FILENO, TCSANOW, &rescue.termios);
	}
	raise(signal);		/* SA_RESETHAND: now the default happens */
}

static void hang_up(int signal)
{
	(void)signal;
	hung_up = 1;
}

static void catch_signals(void)
{
	static const int faults[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT };
	struct sigaction fault = { .sa_handler = give_back, .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct sigaction hangup = { .sa_handler = hang_up };

	for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigaction(faults[i], &fault, NULL);
	sigaction(SIGHUP, &hangup, NULL);
}

/* One pair per style, and one more for it under the cursor. */
static void make_colours(void)
{
	bool many;

	start_color();
	use_default_colors();
	many = COLORS >= 256;
	shades = COLORS;
	for (int i = 0; i < STYLES; i++) {
		const struct look *look = &style_looks[i];
		int fore = many ? look->fore : look->fore8, back = many ? look->back : look->back8;
		int selected = many ? selected_back : selected_back8;

		init_pair(FIRST_PAIR + i, fore, back);
		if (many && look->lit)
			fore = look->lit;
		init_pair(FIRST_PAIR + STYLES + i, fore < 0 && !many ? 7 : fore, back < 0 ? selected : back);
	}
}

const char *screen_open(bool colour)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return "this is no terminal; --batch prints the screen as text";
	if (!term || !*term)
		term = "dumb";
	if (tcgetattr(STDIN_FILENO, &rescue.termios) < 0)
		return "the terminal cannot be asked for its settings";
	set_escdelay(25);
	if (!newterm(term, stdout, stdin))
		return "this terminal is not known ($TERM); --batch prints the screen as text";
	if (!can("cup")) {
		endwin();
		return "this terminal cannot move its cursor ($TERM); --batch prints the screen as text";
	}
	add_rescue("sgr0");
	add_rescue("rmkx");
	add_rescue("cnorm");
	add_rescue("rmcup");
	add_text("\033[?1000l\033[?1006l");		/* the mouse, which no capability switches off */
	catch_signals();
	atexit(screen_close);
	rescue.armed = 1;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	coloured = colour && has_colors();
	if (coloured)
		make_colours();
	mouseinterval(200);
	mousemask(BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, &ignored);
	return NULL;
}

void screen_close(void)
{
	if (!rescue.armed)
		return;
	endwin();
	rescue.armed = 0;
}

void screen_size(unsigned *width, unsigned *height)
{
	*width = COLS;
	*height = LINES;
}

void screen_clear(void)
{
	clearok(stdscr, TRUE);
}

bool screen_gone(void)
{
	return hung_up;
}

/* Without colours the weight of a style must do. */
static attr_t attributes(const struct look *look, bool selected)
{
	attr_t attr = 0;

	if (look->bold)
		attr |= A_BOLD;
	if (look->dim && shades < 256)
		attr |= A_DIM;
	if (look->underline)
		attr |= A_UNDERLINE;
	if (!coloured && (selected || look->back >= 0 || look->back8 >= 0))
		attr |= A_REVERSE;
	return attr;
}

static void draw_span(const struct page *page, const struct span *span, bool selected)
{
	const struct look *look = &style_looks[span->style];
	int pair = coloured ? FIRST_PAIR + span->style + (selected ? STYLES : 0) : 0;

	attr_set(attributes(look, selected), pair, NULL);
	addnstr(page->text.buf + span->start, span->length);
}

static void draw_line(const struct page *page, const struct line *line)
{
	for (unsigned i = 0; i < line->count; i++)
		draw_span(page, &page->spans[line->spans + i], line->selected);
	if (line->selected) {
		int x, y;

		getyx(stdscr, y, x);
		(void)y;
		attr_set(attributes(&style_looks[STYLE_PLAIN], true),
			 coloured ? FIRST_PAIR + STYLES + STYLE_PLAIN : 0, NULL);
		for (; x < COLS && line->columns < (unsigned)COLS; x++)
			addch(' ');
	}
	attr_set(0, 0, NULL);
}

void screen_draw(const struct page *page, int cursor_x, int cursor_y)
{
	erase();
	for (unsigned i = 0; i < page->lines_count && i < (unsigned)LINES; i++) {
		move(i, 0);
		draw_line(page, &page->lines[i]);
	}
	curs_set(cursor_x >= 0);
	if (cursor_x >= 0)
		move(cursor_y, cursor_x < COLS ? cursor_x : COLS - 1);
	refresh();
}

static const struct {
	int curses, code;
} codes[] = {
	{ KEY_UP, CODE_UP }, { KEY_DOWN, CODE_DOWN }, { KEY_LEFT, CODE_LEFT }, { KEY_RIGHT, CODE_RIGHT },
	{ KEY_PPAGE, CODE_PAGE_UP }, { KEY_NPAGE, CODE_PAGE_DOWN }, { KEY_HOME, CODE_HOME },
	{ KEY_END, CODE_END }, { KEY_BACKSPACE, CODE_BACKSPACE }, { 127, CODE_BACKSPACE },
	{ 8, CODE_BACKSPACE }, { KEY_DC, CODE_DELETE }, { KEY_BTAB, CODE_BACKTAB }, { KEY_F(1), CODE_F1 },
	{ KEY_F(10), CODE_F10 }, { KEY_RESIZE, CODE_RESIZE }, { KEY_ENTER, '\r' },
};

static int mouse_code(struct mouse *mouse)
{
	MEVENT event;

	if (getmouse(&event) == ERR)
		return CODE_RESIZE;	/* nothing happens but a new picture */
	*mouse = (struct mouse){ .x = event.x, .y = event.y };
	if (event.bstate & BUTTON4_PRESSED)
		mouse->wheel = -3;
	else if (event.bstate & BUTTON5_PRESSED)
		mouse->wheel = 3;
	mouse->twice = event.bstate & BUTTON1_DOUBLE_CLICKED;
	return CODE_MOUSE;
}

/* Sequences that terminals send whatever $TERM says of them; without the ESC and the [ or O. */
static const struct {
	const char *text;
	int code;
} sequences[] = {
	{ "A", CODE_UP }, { "B", CODE_DOWN }, { "C", CODE_RIGHT }, { "D", CODE_LEFT }, { "H", CODE_HOME },
	{ "F", CODE_END }, { "1~", CODE_HOME }, { "7~", CODE_HOME }, { "4~", CODE_END }, { "8~", CODE_END },
	{ "5~", CODE_PAGE_UP }, { "6~", CODE_PAGE_DOWN }, { "3~", CODE_DELETE }, { "Z", CODE_BACKTAB },
	{ "P", CODE_F1 }, { "11~", CODE_F1 }, { "21~", CODE_F10 },
};

/*
 * What follows an ESC that ncurses made nothing of. An unknown sequence is swallowed whole: its
 * letters and digits are no keys.
 */
static int escape_code(void)
{
	char text[16] = "";
	size_t length = 0;
	int key = getch();

	if (key != '[' && key != 'O') {
		if (key != ERR)
			ungetch(key);
		return CODE_ESCAPE;
	}
	while (length < sizeof(text) - 1) {
		key = getch();
		if (key == ERR || key > '~')
			break;
		text[length++] = key;
		if (key >= '@')
			break;
	}
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++)
		if (!strcmp(sequences[i].text, text))
			return sequences[i].code;
	return CODE_RESIZE;	/* nothing happens but a new picture */
}

int screen_key(struct mouse *mouse)
{
	int key = getch();

	if (key == ERR)
		return CODE_NONE;
	if (key == CODE_ESCAPE)
		return escape_code();
	if (key == KEY_MOUSE)
		return mouse_code(mouse);
	for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].curses == key)
			return codes[i].code;
	return key < KEY_MIN ? key : CODE_RESIZE;
}
