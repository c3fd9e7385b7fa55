# What was saved, in any of the forms that people save, is read again and is the same.
load lib/common

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp
	nft 'add table inet t; add chain inet t c { type filter hook input priority 0; };
		add rule inet t c udp dport 9 ct label set 3'
	"$BUILD/tests/fill" -n 1700 -o "$BATS_FILE_TMPDIR/record"
	"$BUILD/tests/fill" -s 2 -e 30
	cd "$BATS_FILE_TMPDIR"
	"$BUILD/ctlist" -j -w all.pcap >all.json
	"$BUILD/ctlist" -j -t expect -w expect.pcap >expect.json
	"$BUILD/ctlist" -w a.pcap zone 100 >/dev/null
	"$BUILD/ctlist" -w b.pcap zone 3 >/dev/null
}

setup() {
	need_kernel
	need jq
	cd "$BATS_FILE_TMPDIR"
	out=$BATS_TEST_TMPDIR
}

# What a text of conntrack holds of a flow. Times tick between the dumps and are compared elsewhere;
# what is not asked for with -o is left out.
as_text_holds() {
	jq -cS --arg with "$1" '
	def told($option): $with | split(",") | index($option) != null;
	{ family, protonum, state, orig, reply, snat, dnat, mark, zone, helper,
		replied: (.status | index("SEEN_REPLY") != null),
		assured: (.status | index("ASSURED") != null),
		id: (if told("id") then .id else null end),
		start: (if told("ktimestamp") then .start[:19] else null end),
		use: (if told("use") then .use else null end) }' | sort
}

@test "-w then -r is the identity" {
	[ "$(wc -l <all.json)" -ge 1700 ]
	ctlist -j -r all.pcap >"$out/json"
	# How long a flow has been idle needs the sysctls of the machine.
	jq -c 'del(.idle)' all.json | diff - <(jq -c . "$out/json")
	grep -q '"age":' "$out/json"
	ctlist -j -t expect -r expect.pcap | diff expect.json -
}

@test "-w of a replay gives the same flows again" {
	ctlist -r all.pcap -w "$out/copy.pcap" >/dev/null
	ctlist -j -r "$out/copy.pcap" | diff <(jq -c 'del(.idle)' all.json | jq -c .) <(jq -c .)
}

@test "our JSON is read again" {
	ctlist -j -r all.json | diff all.json -
	ctlist -j -t expect -r expect.json | diff expect.json -
	[ "$(ctlist -c -r all.json tcp assured)" -eq "$(ctlist -c -r all.pcap tcp assured)" ]
}

@test "the text of conntrack -L, with each -o" {
	need conntrack
	for with in '' extended id ktimestamp extended,id,ktimestamp,labels; do
		conntrack -L ${with:+-o "$with"} >"$out/text" 2>"$out/err"
		ctlist -j -r "$out/text" 2>"$out/complaints" | as_text_holds "$with,use" >"$out/read"
		cat "$out/complaints"
		[ ! -s "$out/complaints" ]
		as_text_holds "$with,use" <all.json | diff "$out/read" -
	done
}

@test "conntrack's remarks on stderr saved with the text are passed over" {
	need conntrack
	conntrack -L -o labels >"$out/text" 2>&1
	grep -q 'flow entries have been shown' "$out/text"
	run -0 --separate-stderr ctlist -c -r "$out/text"
	[ "$output" -eq "$(wc -l <all.json)" ]
	[ -z "$stderr" ]
}

@test "/proc/net/nf_conntrack" {
	[ -r /proc/net/nf_conntrack ] || skip "this kernel has no /proc/net/nf_conntrack"
	cat /proc/net/nf_conntrack >"$out/text"
	[ "$(wc -l <"$out/text")" -eq "$(wc -l <all.json)" ]
	# It tells neither helper nor id, zone 0 for the default zone, and counts itself as a user.
	ctlist -j -r "$out/text" | jq -c '.use -= 1 | if .zone == 0 then del(.zone) else . end' |
		as_text_holds use >"$out/read"
	jq -c 'del(.helper)' all.json | as_text_holds use | diff "$out/read" -
}

@test "conntrack -L -o save" {
	need conntrack
	conntrack -L -o save >"$out/text" 2>/dev/null
	# Lost there: mark, counters, zones of one direction, helper, whether tcp was assured ...
	ctlist -j -r "$out/text" | jq -cS '[.family, .protonum, .orig.src, .orig.dst, .orig.sport, .orig.dport]' |
		sort -u >"$out/read"
	jq -cS '[.family, .protonum, .orig.src, .orig.dst, .orig.sport, .orig.dport]' all.json | sort -u |
		diff "$out/read" -
}

@test "conntrack -L expect" {
	need conntrack
	local keep='del(.id, .timeout, .expect.nat, .expect.fn)'

	for family in ipv4 ipv6; do
		conntrack -L expect -f $family 2>/dev/null
	done >"$out/text"
	ctlist -j -t expect -r "$out/text" | jq -cS "$keep" | sort >"$out/read"
	[ "$(wc -l <"$out/read")" -eq 30 ]
	jq -cS "$keep" expect.json | sort | diff "$out/read" -
}

@test "times and ages survive in text" {
	ctlist -r all.pcap -f conntrack,extended,id,ktimestamp >"$out/text"
	ctlist -r "$out/text" -f conntrack,extended,id,ktimestamp | diff "$out/text" -
	ctlist -r "$out/text" -f csv -H -o timeout,id,age >"$out/read"
	ctlist -r all.pcap -f csv -H -o timeout,id,age >"$out/told"
	# conntrack subtracts whole seconds, so an age may be one more.
	paste -d , "$out/read" "$out/told" | awk -F , '
		$1 != $4 || $2 != $5 || $3 - $6 < 0 || $3 - $6 > 1 { print; bad = 1 }
		END { exit bad || NR < 1700 }'
}

@test "standard input, and several files one after the other" {
	ctlist -j -r - <all.pcap | diff <(ctlist -j -r all.pcap) -
	cat all.json | ctlist -j -r - | diff all.json -
	ctlist -f conntrack -r all.pcap >"$out/text"
	[ "$(ctlist -c -r all.pcap -r all.json -r "$out/text")" -eq $((3 * $(wc -l <all.json))) ]
	[ "$(ctlist -c -r a.pcap -r - <b.pcap)" -eq "$(($(ctlist -c -r a.pcap) + $(ctlist -c -r b.pcap)))" ]
	cat all.json "$out/text" >"$out/both"
	[ "$(ctlist -c -r "$out/both")" -eq $((2 * $(wc -l <all.json))) ]
}

@test "flows of a table that was not asked for are named" {
	run -0 --separate-stderr ctlist -r expect.pcap
	[[ $stderr == *"30 expectations"*"--table expect"* ]]
	run -0 --separate-stderr ctlist -t expect -r a.pcap
	[[ $stderr == *"--table conntrack"* ]]
}

@test "bad lines are told with their numbers, the rest is used" {
	{
		head -n 2 all.json
		echo 'what is this'
		ctlist -f conntrack -r a.pcap | head -n 1
		echo '{"orig":{"src":"10.0.0.1"}}'
		echo
		echo '{"orig":'
		echo 'tcp      6 x src=10.0.0.1 dst=10.0.0.300 sport=1 dport=2'
		sed -n 3p all.json
	} >"$out/mixed"
	run -0 --separate-stderr ctlist -c -r "$out/mixed"
	[ "$output" -eq 4 ]
	for number in 3 5 7 8; do
		grep -q "^ctlist: $out/mixed:$number: ." <<<"$stderr"
	done
	[ "$(grep -c "^ctlist: $out/mixed:" <<<"$stderr")" -eq 4 ]
	[[ $stderr == *"4 read, 4 not"* ]]
}

@test "a line that is too long is passed over, whatever its length" {
	local length

	for length in 65533 65534 65535 65536 131068 131069 131070 200000; do
		{ head -n 1 all.json; printf "%0${length}d\n" 0; sed -n 2p all.json; echo bad; } >"$out/long"
		run -0 --separate-stderr ctlist -c -r "$out/long"
		[ "$output" -eq 2 ]
		[ "$(cut -d : -f 3 <<<"${stderr_lines[0]}")" -eq 2 ]
		[ "$(cut -d : -f 3 <<<"${stderr_lines[1]}")" -eq 4 ]
		[[ $stderr == *"2 read, 2 not"* ]]
	done
}

@test "a reason that has no name is a bad line" {
	local event='{"type":"destroy","proto":"tcp","orig":{"src":"10.0.0.1","dst":"10.0.0.2"},"reason":"%s"}\n'

	for number in 13 200 255; do
		printf "$event" expired "$number" >"$out/events"
		for with in '' --track '--summary 5'; do
			run -0 --separate-stderr ctwatch $with -r "$out/events"
			[[ $output == *expired* ]]
			[[ $stderr == *"$out/events:2: reason"*"1 read, 1 not"* ]]
		done
		run -0 --separate-stderr cttop -b -n 1 -v events -r "$out/events"
		[[ $output == *expired* ]]
	done
}

@test "a list where one value belongs is a bad line" {
	local flow='{"proto":"tcp","orig":{"src":"10.0.0.1","dst":"10.0.0.2"},"status":["ASSURED"],"labels":[3]}'

	echo "$flow" >"$out/flows"
	echo "${flow/'"10.0.0.1"'/'[]'}" >>"$out/flows"
	echo "${flow/'"10.0.0.2"'/'["10.0.0.2"]'}" >>"$out/flows"
	echo "${flow/'"tcp"'/'[]'}" >>"$out/flows"
	echo "${flow/'{'/'{"type":[],'}" >>"$out/flows"
	run -0 --separate-stderr ctlist -j -r "$out/flows"
	[ "$(wc -l <<<"$output")" -eq 1 ]
	[[ $output == *ASSURED* ]]
	for wrong in 2:orig.src 3:orig.dst 4:proto 5:type; do
		[[ $stderr == *":${wrong/:/: }"* ]]
	done
}

@test "a time that is beyond 64 bits of nanoseconds is none" {
	local line='tcp 6 9 CLOSE src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1'

	printf "$line [start=Mon Nov 23 06:15:40 %s]\n" 2553 9999 >"$out/text"
	ctlist -f csv -H -o start -r "$out/text" | diff - <(printf '2553-11-23T06:15:40.000000000Z\n\n')
}

@test "many bad lines are told shortly" {
	{ seq 1000; head -n 1 all.json; } >"$out/mixed"
	run -0 --separate-stderr ctlist -c -r "$out/mixed"
	[ "$output" -eq 1 ]
	[ "$(wc -l <<<"$stderr")" -le 12 ]
	[[ $stderr == *"1 read, 1000 not"* ]]
}

@test "trouble where nothing could be read" {
	seq 5 >"$out/rubbish"
	run -2 --separate-stderr ctlist -r "$out/rubbish"
	[[ $stderr == *"$out/rubbish:1:"* ]]
	run -2 --separate-stderr ctlist -r "$out/missing"
	[ -z "$output" ]
	run -2 --separate-stderr ctlist -c -r "$out/rubbish"
	[ -z "$output" ]
	run -2 --separate-stderr ctcount -r "$out/missing"
	[ -z "$output" ]
	run -2 --separate-stderr ctlist -r "$out/missing"
	[[ $stderr == *"$out/missing: No such file"* ]]
	run -2 --separate-stderr ctlist -r "$out"
	[[ $stderr == *"$out: Is a directory"* ]]
	run -2 --separate-stderr ctlist -c -r "$out/missing" -r all.pcap
	[ "$output" -eq "$(wc -l <all.json)" ]
	conntrack -L -o xml >"$out/xml" 2>/dev/null
	run -2 --separate-stderr ctlist -r "$out/xml"
	[[ $stderr == *"$out/xml:1: XML is not read"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	# A capture, but of something else.
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0' >"$out/ethernet.pcap"
	run -2 --separate-stderr ctlist -r "$out/ethernet.pcap"
	[[ $stderr == *"$out/ethernet.pcap: a capture, but not of netlink"* ]]
}

@test "-q says no only if all was looked at" {
	local pid

	{ head -n 1 all.json; echo bad; } >"$out/mixed"
	run -0 ctlist -q -r "$out/mixed"
	run -1 ctlist -q -r all.json zone 54321
	run -2 --separate-stderr ctlist -q -r "$out/mixed" zone 54321
	[[ $stderr == *"1 read, 1 not"* ]]
	mkfifo "$out/fifo"
	ctlist -q -r "$out/fifo" &
	pid=$!
	exec 7>"$out/fifo"
	kill -TERM "$pid"
	exec 7>&-
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 2 ]
}

# A capture of so many packets of netlink family 0 (routes), as tcpdump saves them.
routes() {
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\xfd\0\0\0'
	for _ in $(seq "$1"); do
		printf '\0\0\0\0\0\0\0\0\x20\0\0\0\x20\0\0\0\0\0\3\x38'
		head -c 28 /dev/zero
	done
}

@test "a capture of other netlink families is none of ours" {
	routes 3 >"$out/routes.pcap"
	for command in 'ctlist -c' ctcount ctwatch 'ctlist -q'; do
		run -2 --separate-stderr $command -r "$out/routes.pcap"
		[[ ! $output =~ [0-9] ]]
		[[ $stderr == *"$out/routes.pcap: packets of other netlink families: 3, of netfilter: 0"* ]]
	done
	# Beside ours they are told, and no trouble; nor are they saved again.
	{ cat all.pcap; routes 2 | tail -c +25; } >"$out/both.pcap"
	run -0 --separate-stderr ctlist -c -r "$out/both.pcap" -w "$out/ours.pcap"
	[ "$output" -eq "$(wc -l <all.json)" ]
	[[ $stderr == *"$out/both.pcap: packets of other netlink families: 2, of netfilter: "[1-9]* ]]
	cmp "$out/ours.pcap" all.pcap
}

@test "an empty file is an empty table" {
	: >"$out/empty"
	run -0 --separate-stderr ctlist -c -r "$out/empty"
	[ "$output" = 0 ]
	[ -z "$stderr" ]
	run -1 ctlist -q -r "$out/empty"
}

# At every byte: tests/unit/cut.c. Here, what the user sees.
@test "a capture that ends early gives what is whole, and says so" {
	local size length status

	ctlist -j -r all.pcap >"$out/whole"
	size=$(stat -c %s all.pcap)
	for length in $(seq 25 $((size / 25)) "$size") $((size - 1)); do
		head -c "$length" all.pcap >"$out/cut.pcap"
		status=0
		ctlist -j -r "$out/cut.pcap" >"$out/flows" 2>"$out/err" || status=$?
		grep -q "^ctlist: $out/cut.pcap:[0-9]*: ." "$out/err"
		[ "$status" -eq "$([ -s "$out/flows" ] && echo 0 || echo 2)" ]
		head -c "$(stat -c %s "$out/flows")" "$out/whole" | cmp - "$out/flows"
	done
	[ "$(wc -l <"$out/flows")" -gt 1000 ]
}

@test "pcapng, and pcap with microseconds" {
	need editcap
	editcap -F pcapng all.pcap "$out/all.pcapng"
	editcap -F pcap all.pcap "$out/micro.pcap"
	ctlist -j -r all.pcap >"$out/json"
	ctlist -j -r "$out/all.pcapng" | diff "$out/json" -
	ctlist -j -r "$out/micro.pcap" | diff "$out/json" -
}

@test "tshark reads our captures" {
	need tshark
	local flows

	flows=$(wc -l <all.json)
	tshark -r all.pcap -V 2>/dev/null >"$out/tshark"
	grep -q 'Linux netlink (cooked header)' "$out/tshark"
	[ "$(grep -c 'Link-layer address type: Netlink' "$out/tshark")" -ge 1 ]
	# Each entry as a message of ctnetlink, which is subsystem 1, type 0.
	[ "$(grep -c 'Subsystem: Conntrack' "$out/tshark")" -eq "$flows" ]
	[ "$(tshark -r all.pcap -Y 'netlink-netfilter.family == 10' 2>/dev/null | wc -l)" -ge 1 ]
}

@test "a capture into a pipe, and from one" {
	ctlist -q -w - ipv6 >"$out/piped.pcap"
	[ "$(ctlist -c -r "$out/piped.pcap" ipv6)" -ge 1 ]
	cat all.pcap | ctlist -c -r /dev/stdin
	[ "$(cat all.pcap | ctlist -c -r /dev/stdin)" -eq "$(wc -l <all.json)" ]
}

@test "a capture that cannot be written is trouble" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -2 --separate-stderr ctlist -c -w /dev/full
	[[ $stderr == *"/dev/full"*"No space left"* ]]
	run -2 --separate-stderr ctlist -c -w "$out/no/such/directory"
	[[ $stderr == *"$out/no/such/directory: No such file"* ]]
}

# Kernels before 6.1 say of the end neither state nor time left; nothing but its short life tells a refusal.
@test "why a connection of an older kernel failed is known without that kernel" {
	local reply='[UNREPLIED] src=10.0.0.2 dst=10.0.0.1'

	printf '%b\n' "[1700000000.000100]\t    [NEW] tcp      6 120 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=1 dport=82 $reply sport=82 dport=1" \
		"[1700000000.000600]\t[DESTROY] tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=82 $reply sport=82 dport=1" \
		"[1700000001.000100]\t    [NEW] tcp      6 120 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=2 dport=81 $reply sport=81 dport=2" \
		"[1700000121.500600]\t[DESTROY] tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=2 dport=81 $reply sport=81 dport=2" \
		>"$out/older.txt"
	[ "$(ctwatch -j -e destroy -r "$out/older.txt" 2>/dev/null | jq -r '"\(.orig.dport) \(.reason)"')" = \
		$'82 refused\n81 no-answer' ]
}

@test "-f conntrack says what an event said, not what is remembered" {
	{
		printf '    [NEW] tcp      6 120 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] '
		printf 'src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=7\n'
		printf '[DESTROY] tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 '	# as before Linux 6.1
		printf 'src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1\n'
	} >"$BATS_TEST_TMPDIR/events"
	ctwatch -f conntrack -r "$BATS_TEST_TMPDIR/events" 2>/dev/null | diff "$BATS_TEST_TMPDIR/events" -
	[ "$(ctwatch -f conntrack -r "$BATS_TEST_TMPDIR/events" state SYN_SENT mark 7 2>/dev/null | wc -l)" -eq 2 ]
}
