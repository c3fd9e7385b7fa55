# Nothing that came from outside moves the cursor or sets a title: names of helpers, labels, files and hosts,
# the text of files, arguments; in every format of every command, and in what they say on stderr.
load lib/common

setup_file() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/lib/nasty.py" "$BATS_FILE_TMPDIR"
	TITLE=$'b\e]0;t\a\e[2J\r\u009b\177'
	ln -s "$BATS_FILE_TMPDIR/flows.pcap" "$BATS_FILE_TMPDIR/$TITLE"
	export TITLE
}

# said COMMAND...: what it says on both outputs holds no byte that a terminal would obey.
said() {
	local status=0

	timeout 20 "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
	[ "$status" -le 2 ] || { echo "$*: status $status"; return 1; }
	[ -s "$BATS_TEST_TMPDIR/out" ] || [ -s "$BATS_TEST_TMPDIR/err" ]
	if LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|[\x00-\x7f][\x80-\xbf]|^[\x80-\xbf]' \
		"$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err" >"$BATS_TEST_TMPDIR/bad"; then
		echo "$*:"
		cat -v "$BATS_TEST_TMPDIR/bad"
		return 1
	fi
}

@test "what the check looks for is found" {
	run said printf '\e[2J'
	[ "$status" -eq 1 ]
	run said printf 'a\xc2\x9b1m'
	[ "$status" -eq 1 ]
	run said printf 'a\x9b1m'
	[ "$status" -eq 1 ]
	said printf 'a\xc3\xa4'
}

@test "ctlist: names from messages, text and JSON" {
	cd "$BATS_FILE_TMPDIR"
	for file in flows.pcap text json; do
		for format in table json csv conntrack,extended,labels; do
			said ctlist -r "$file" -f "$format"
			grep -q title "$BATS_TEST_TMPDIR"/out "$BATS_TEST_TMPDIR"/err || [ "$format" = table ] || [ "$format" = csv ]
		done
		for columns in helper,secctx,labels +helper; do
			said ctlist -r "$file" -o "$columns"
			grep -q title "$BATS_TEST_TMPDIR/out"
			said ctlist -r "$file" -o "$columns" -f csv
		done
	done
	for format in table json csv conntrack; do
		said ctlist -t expect -r expect.pcap -f "$format"
	done
}

@test "labels by the names of connlabel.conf" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to put another file in its place"
	cd "$BATS_FILE_TMPDIR"
	mkdir -p "$BATS_TEST_TMPDIR/etc/xtables"
	printf '%s\n' $'3 l\e]0;title\a' >"$BATS_TEST_TMPDIR/etc/xtables/connlabel.conf"
	for format in table json csv conntrack,labels; do
		said unshare -m sh -c 'mount -t overlay -o lowerdir="$1/etc":/etc overlay /etc && ctlist -r flows.pcap -f "$2" -o labels 2>/dev/null ||
			ctlist -r flows.pcap -f "$2"' sh "$BATS_TEST_TMPDIR" "$format"
		[ -s "$BATS_TEST_TMPDIR/out" ]
	done
}

@test "ctcount: keys and columns" {
	cd "$BATS_FILE_TMPDIR"
	for file in flows.pcap text json; do
		for format in table json csv; do
			said ctcount -r "$file" -f "$format" --by helper,secctx
			said ctcount -r "$file" -f "$format" --by labels --across helper --total
		done
	done
}

@test "ctwatch: events and invalid packets" {
	cd "$BATS_FILE_TMPDIR"
	for format in table json csv conntrack; do
		said ctwatch -r flows.pcap -f "$format"
		said ctwatch --expect -r expect.pcap -f "$format"
	done
	said ctwatch -r flows.pcap -o type,helper,secctx,labels,changed
	said ctwatch -r flows.pcap --summary 1
	for format in table json csv; do
		said ctwatch --invalid -r invalid.pcap -f "$format"
		grep -q title "$BATS_TEST_TMPDIR/out"
	done
	said ctwatch --invalid -r invalid.pcap --summary 1
}

@test "ctstats: counters, sysctls and kernels of strangers" {
	cd "$BATS_FILE_TMPDIR"
	for format in table json csv openmetrics prometheus; do
		said ctstats -r stats -f "$format"
	done
	said ctstats -r stats --sysctl
	said ctstats -r stats --sysctl -f json
}

@test "cttop: every view" {
	cd "$BATS_FILE_TMPDIR"
	for file in flows.pcap text json "$TITLE"; do
		for view in ports states sources destinations flows nat events counters; do
			said cttop -b -n 1 -r "$file" -v "$view"
		done
		said cttop -j -n 1 -r "$file" -v flows
	done
}

@test "every command: names of files, namespaces and options" {
	cd "$BATS_FILE_TMPDIR"
	for command in ctlist ctcount ctwatch ctstats cttop; do
		said "$command" -r "$TITLE"
		said "$command" -r "no$TITLE"
		said "$command" -N "$TITLE"
		said "$command" -N "/proc/self/ns/$TITLE"
		said "$command" "--$TITLE"
		said "$command" "-$TITLE"
		said "$command" --color "$TITLE"
		said "$command" --color="$TITLE"
		said "$command" -f "$TITLE"
		said "$command" "$TITLE"
		said "$command" helper "$TITLE"
	done
	for command in ctlist ctwatch; do
		said "$command" -r flows.pcap -o "$TITLE"
		said "$command" -r flows.pcap -w "no/$TITLE"
		said "$command" -r flows.pcap --explain-filter helper "'$TITLE'"
	done
	said ctlist -r flows.pcap -s "$TITLE"
	said ctcount -r flows.pcap --by "$TITLE"
	said ctwatch -e "$TITLE"
	said ctstats --explain="$TITLE"
	said ctstats -k "$TITLE"
	said cttop -b -n 1 -r flows.pcap -v "$TITLE"
	said cttop -b -n 1 -r flows.pcap -s "$TITLE"
}
