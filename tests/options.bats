# The command line: what is not understood is named, one line, exit 2. And the exit statuses.
load lib/common

setup() {
	cd "$ROOT/tests/captures"
}

# Lines of arguments, tab, what the one line on stderr says.
refused() {
	local arguments expected

	while IFS=$'\t' read -r arguments expected; do
		echo "ctlist $arguments"
		eval "run -2 --separate-stderr ctlist -r mixed.pcap $arguments"
		echo "$stderr"
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == "ctlist: "*"$expected"*"; try 'ctlist --help'" ]]
	done
}

@test "unknown options and bad values are named" {
	refused <<-'END'
	--bogus	unknown option '--bogus'
	--bogus=3	'--bogus=3'
	--dport 80	unknown option '--dport' (the filter is written without dashes: dport ...)
	--state=CLOSE	unknown option '--state=CLOSE' (the filter is written without dashes: state ...)
	-Z	unknown option '-Z'
	-jZ	'-Z'
	--co	'--co'
	--count=3	'--count=3'
	tcp --bogus udp	'--bogus'
	-n	'-n' needs an argument
	--limit	'--limit' needs an argument
	-n x	--limit: 'x': not a number
	-n -1	--limit: '-1': not a number
	-n ''	--limit: '': not a number
	-n 5x	'5x'
	-n 99999999999999999999	'99999999999999999999'
	-f yaml	--format: 'yaml': no such format
	-f ''	--format: ''
	-f json,id	'json,id': not an option of this format
	-f conntrack,bogus	'conntrack,bogus'
	-f conntrack,	'conntrack,'
	-t bogus	--table: 'bogus': not conntrack, expect
	-s bogus	--sort: 'bogus' is no field
	-s -bogus	--sort: 'bogus' is no field
	-s bytes,bogus	'bogus'
	-s bytes,	--sort: '' is no field
	-s ,bytes	--sort: '' is no field
	-s -	--sort: '' is no field
	-s ''	--sort needs a field
	-o bogus	--columns: 'bogus' is no field
	-o ''	--columns: '' is no field
	-o +	--columns: '' is no field
	-o src,,dst	--columns: '' is no field
	-o src,	--columns: '' is no field
	-o +bogus	--columns: 'bogus' is no field
	-o type	--columns: 'type' is no field
	-o expect.flags	'expect.flags' is no field of what is listed here
	-t expect -o state	'state' is no field of what is listed here
	-t expect -s -bytes	'bytes' is no field of what is listed here
	--color=sometimes	--color: 'sometimes': not auto, always or never
	-N 1	--netns and --read exclude each other
	END
}

@test "a filter that is not understood gets a caret under the word" {
	run -2 --separate-stderr ctlist -r mixed.pcap tcp and 'dprot 443'
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "ctlist: filter: 'dprot' is no field, flag, protocol or state; did you mean 'dport'?" ]
	[ "${stderr_lines[1]}" = "  tcp and dprot 443" ]
	[ "${stderr_lines[2]}" = "          ^~~~~" ]
	run -2 --separate-stderr ctlist -r mixed.pcap src $'10.0.0.300\e[2J'
	[ "${stderr_lines[1]}" = '  src 10.0.0.300?[2J' ]
	[ "${stderr_lines[2]}" = '      ^~~~~~~~~~~~~~' ]
}

@test "a filter that nothing can match gets a caret under the word that makes it so" {
	run -2 --separate-stderr ctlist -r mixed.pcap icmp type 8
	[ "${stderr_lines[0]}" = "ctlist: filter: '8': no event; did you mean 'icmp.type 8'?" ]
	[ "${stderr_lines[2]}" = "            ^" ]
	run -2 --separate-stderr ctlist -r mixed.pcap tcp '(reason closed)'
	[[ ${stderr_lines[0]} == "ctlist: filter: nothing here has all of these fields (some are of events"* ]]
	[ "${stderr_lines[1]}" = "  tcp (reason closed)" ]
	[ "${stderr_lines[2]}" = "       ^~~~~~" ]
	run -2 --separate-stderr ctlist -r mixed.pcap expect.class 1 or not state CLOSE
	[ "${stderr_lines[2]}" = "                        ^~~~~" ]
	[ -z "$output" ]
	run -0 ctwatch -r mixed.pcap reason closed or type new
}

@test "a filter that no packet can match is refused, before any setting is touched" {
	local word

	for word in 'state ESTABLISHED' 'reason closed' assured 'zone 0' 'not snat.addr 10.0.0.1'; do
		run -2 --separate-stderr ctwatch --invalid tcp and "$word"
		[[ ${stderr_lines[0]} == "ctwatch: filter: nothing here has all of these fields (packets have those of"* ]]
		[[ ${stderr_lines[2]} == *^~* ]]
	done
	ctwatch --invalid --explain-filter 'host 10.0.0.1 port 80 dst net 10.0.0.0/8 icmp.type 8 mark 1 ipv4 proto 6 source :1'
}

@test "every name in the columns STATE, FLAGS and STATUS is a word of the filter, or the word is named" {
	local name

	for name in $(ctlist --list-words | awk -F '\t' '$2 == "state" || $2 == "flags" { print $1 }' | sort -u); do
		ctlist --explain-filter "$name" >/dev/null
	done
	for name in $(ctlist --list-words | awk -F '\t' '$2 == "status" { print $1 }'); do
		ctlist --explain-filter "$name" >/dev/null 2>"$BATS_TEST_TMPDIR/err" ||
			grep "did you mean 'status $name'?" "$BATS_TEST_TMPDIR/err"
	done
}

@test "the words of a filter need no quotes, and options may stand between them" {
	local all

	all=$(ctlist -c -r mixed.pcap 'tcp and dport 443')
	[ "$all" -gt 0 ]
	[ "$(ctlist -c -r mixed.pcap tcp and dport 443)" -eq "$all" ]
	[ "$(ctlist tcp -c dport -r mixed.pcap 443)" -eq "$all" ]
	[ "$(ctlist -c -r mixed.pcap -- tcp dport 443)" -eq "$all" ]
	[ "$(ctlist -c -r mixed.pcap)" -eq 68 ]
	[ "$(ctlist -c -r mixed.pcap '')" -eq 68 ]
}

@test "exit status: -q and the rest" {
	run -0 ctlist -q -r mixed.pcap tcp
	[ -z "$output" ]
	run -1 ctlist -q -r mixed.pcap proto 250
	[ -z "$output" ]
	run -0 ctlist -q -c -r mixed.pcap tcp
	[ -z "$output" ]
	run -2 ctlist -q -r mixed.pcap 'dport x y z'
	run -0 ctlist -r mixed.pcap -H proto 250
	[ -z "$output" ]
	run -0 ctlist -c -r mixed.pcap proto 250
	[ "$output" = 0 ]
}

@test "-n" {
	[ "$(ctlist -H -n 5 -r mixed.pcap | wc -l)" -eq 5 ]
	[ "$(ctlist -H -n 500 -r mixed.pcap | wc -l)" -eq 68 ]
	[ "$(ctlist -H -n 0 -r mixed.pcap | wc -l)" -eq 0 ]
	[ "$(ctlist -j -n 3 -r mixed.pcap)" = "$(ctlist -j -r mixed.pcap | head -n 3)" ]
	[ "$(ctlist -c -n 3 -r mixed.pcap)" -eq 3 ]
	run -1 ctlist -q -n 0 -r mixed.pcap
}

@test "the last of two equal options counts" {
	[ "$(ctlist -r mixed.pcap -n 1 -n 2 -j -f csv -H -o src -o proto tcp)" = $'tcp\ntcp' ]
}

@test "help names every option, and its examples are understood" {
	local name line

	ctlist --help >"$BATS_TEST_TMPDIR/help"
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/help")" = "Usage: ctlist [options] [FILTER...]" ]
	ctlist --list-options | while IFS=$'\t' read -r name letter _; do
		grep -qE -- "^  (${letter// /}, )? *$name( |\$|\[)" "$BATS_TEST_TMPDIR/help"
	done
	[ "$(ctlist --list-options | wc -l)" -ge 18 ]
	[ "$(ctlist -h)" = "$(cat "$BATS_TEST_TMPDIR/help")" ]
	sed -n 's/^  \(ctlist .*[^ ]\)   *[^ ].*/\1/p; s/ && .*//' "$BATS_TEST_TMPDIR/help" | grep -v sosreport |
		while read -r line; do
			echo "$line"
			eval "${line/ctlist/ctlist --explain-filter}" | grep -q '^filter: '
		done
}

@test "version" {
	[ "$(ctlist --version)" = "ctlist (ctscope) $(cat "$ROOT/VERSION")" ]
	[ "$(ctlist -V)" = "$(ctlist --version)" ]
	# They win over what comes behind them.
	run -0 ctlist -V --bogus
}

@test "every field that -F lists can be shown, sorted by and written as JSON" {
	local field kind

	ctlist -F >"$BATS_TEST_TMPDIR/fields"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fields")" -gt 70 ]
	while read -r field kind _; do
		case $field in mask.* | expect.*) continue ;; esac
		ctlist -r mixed.pcap -n 1 -o "$field" >/dev/null
		ctlist -r mixed.pcap -s "-$field" -o "$field" -j | jq -e -s 'length == 68' >/dev/null
	done <"$BATS_TEST_TMPDIR/fields"
}

@test "a full disk is trouble, and says so" {
	local arguments

	[ -e /dev/full ] || skip "no /dev/full"
	for arguments in '-r mixed.pcap' '-j -r mixed.pcap' '-c -r mixed.pcap' '-s src -r mixed.pcap' --help -V -F \
		--list-options --explain-filter; do
		echo "ctlist $arguments"
		status=0
		# shellcheck disable=SC2086
		ctlist $arguments >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
		[ "$status" -eq 2 ]
		[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
		grep -q 'standard output: No space left on device' "$BATS_TEST_TMPDIR/err"
	done
}

@test "a reader that goes away ends it quietly" {
	local arguments

	for i in $(seq 100); do cat mixed.conntrack; done >"$BATS_TEST_TMPDIR/long"
	for arguments in '' -j '-f csv' '-f conntrack' '-s src'; do
		# shellcheck disable=SC2086
		{
			ctlist $arguments -r "$BATS_TEST_TMPDIR/long" 2>"$BATS_TEST_TMPDIR/err"
			echo $? >"$BATS_TEST_TMPDIR/status"
		} | head -c 10 >/dev/null
		[ "$(cat "$BATS_TEST_TMPDIR/status")" -eq 0 ]
		[ ! -s "$BATS_TEST_TMPDIR/err" ]
	done
}

@test "a closed standard output is trouble" {
	not_under_valgrind "its log takes the place"
	status=0
	ctlist -r mixed.pcap >&- 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 2 ]
	grep -q 'standard output: Bad file descriptor' "$BATS_TEST_TMPDIR/err"
}

@test "nothing else is taken for a standard stream that is closed" {
	not_under_valgrind "its log takes the place"
	need_kernel
	run -2 bash -c 'ctwatch -e new -j --duration 0.2 --track >&-'	# its first record is one of a dump
	run -2 bash -c 'ctcount -i 0.1 -n 2 >&-'
	[[ $output == *"standard output: Bad file descriptor"* ]]
	ctlist -r - <&- 2>"$BATS_TEST_TMPDIR/err" || [ $? -eq 2 ]
	grep -q 'Bad file descriptor' "$BATS_TEST_TMPDIR/err"
	ctlist -c -r mixed.pcap 2>&- | grep -qx 68
}

@test "what is read is not written over, nor when it is the standard input" {
	cp mixed.pcap "$BATS_TEST_TMPDIR/copy.pcap"
	cd "$BATS_TEST_TMPDIR"
	run -2 ctlist -r copy.pcap -w copy.pcap
	run -2 bash -c 'ctlist -r - -w copy.pcap <copy.pcap'
	cmp "$ROOT/tests/captures/mixed.pcap" copy.pcap
}

@test "a command by any name complains in a line" {
	not_under_valgrind "the command would have its own name"
	name=$(printf 'n%.0s' {1..20000})
	status=0
	(exec -a "$name" "$BUILD/ctlist" -r nothing) 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 2 ]
	grep -qE '^n{64}: nothing: No such file or directory$' "$BATS_TEST_TMPDIR/err"
}

@test "a capture on standard output stands there alone" {
	ctlist -r mixed.pcap -w - | ctlist -j -r - | diff <(ctlist -j -r mixed.pcap) -
	ctlist -c -r mixed.pcap -w - | ctlist -c -r - | grep -qx 68
}

@test "numbers have 64 bits, whatever the machine has" {
	[ "$(ctlist -H -n 4294967297 -r "$ROOT/tests/captures/mixed.pcap" | wc -l)" -eq 68 ]
}
