# shellcheck shell=bash
# A terminal of tmux for tests of cttop: keys in, the screen out. TERMINAL is the socket, set by the test.

# Seconds that a screen may take; with sanitizers on a busy machine all of them.
PATIENCE=60

terminal() {
	tmux -S "$TERMINAL" "$@"
}

# terminal_start WIDTH HEIGHT COMMAND...: a shell with job control runs the command in a terminal.
terminal_start() {
	local width=$1 height=$2
	shift 2

	need tmux
	stty_file=$BATS_TEST_TMPDIR/stty
	LC_ALL=C.UTF-8 terminal -f /dev/null new-session -d -x "$width" -y "$height" \
		"exec env TERM=xterm-256color PS1='PROMPT> ' bash --norc -i" 3>&-
	shows 'PROMPT>'
	press "stty -a | tail -n +2 >$stty_file.0; clear; $*" Enter
}

press() {
	terminal send-keys "$@"
}

screen() {
	terminal capture-pane -p
}

# Waits until the screen has the extended regular expression.
shows() {
	local end=$((SECONDS + PATIENCE))

	while [ $SECONDS -lt $end ]; do
		screen | grep -qE -- "$1" && return
		sleep 0.05
	done
	echo "the screen never shows: $1"
	screen
	return 1
}

shows_not() {
	local end=$((SECONDS + PATIENCE))

	while [ $SECONDS -lt $end ]; do
		screen | grep -qE -- "$1" || return 0
		sleep 0.05
	done
	screen
	return 1
}

# The screen with its colours has no such thing.
lacks() {
	! terminal capture-pane -p -e | grep -qP -- "$1"
}

cttop_pid() {
	# The child of the shell; its own children ask for names and for dumps.
	pgrep -o -P "$(terminal display-message -p '#{pane_pid}')"
}

# Leaves it and runs another command.
again() {
	press q
	shows '^PROMPT> $|^PROMPT>$'
	press "clear; $1" Enter
}

# The shell is there again, and the terminal as it was.
sane() {
	shows 'PROMPT>'
	press "stty -a | tail -n +2 >$stty_file.1; diff $stty_file.0 $stty_file.1 && echo SA''NE" Enter
	shows '^SANE'
	[ "$(terminal display-message -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')" = '0 1 0' ]
}
