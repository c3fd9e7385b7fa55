# ctwatch --invalid on packets that the kernel really judges INVALID, and what it leaves behind.
load lib/common
load lib/watch
load kernels/lib

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	watch_world
	# The leak checker of a sanitizer build cannot trace a process that has given up its rights, and waits
	# for ever. And a signal that is sent has to kill.
	export ASAN_OPTIONS=detect_leaks=0:handle_segv=0
}

teardown_file() {
	watch_world_down
}

setup() {
	need_kernel
	need jq
	[ -n "${WORLD_GATEWAY:-}" ] || skip "the world of namespaces could not be made"
	in_gateway sh -c 'echo NONE >/proc/sys/net/netfilter/nf_log/2' 2>/dev/null ||
		skip "the logger cannot be set here"
	before=$(settings)
}

teardown() {
	[ -z "${WATCH:-}" ] || kill "$WATCH" 2>/dev/null || true
	[ "$(cat "/proc/${READER:-none}/comm" 2>/dev/null)" != ctwatch ] || kill -KILL "$READER"
	end_servers
}

settings() {
	in_gateway sh -c 'cd /proc/sys/net/netfilter && cat nf_conntrack_log_invalid nf_log/2 nf_log/10'
}

settings_are_back() {
	[ "$(settings)" = "$before" ]
}

gone() {
	[ ! -e "/proc/$1" ]
}

logs_invalid() {
	[ "$(in_gateway cat /proc/sys/net/netfilter/nf_conntrack_log_invalid)" = 255 ]
}

# Starts it and waits until the kernel logs.
watching_packets() {
	OUT=$BATS_TEST_TMPDIR/out ERR=$BATS_TEST_TMPDIR/err
	(at_gateway ctwatch --invalid -j "$@" >"$OUT" 2>"$ERR") &
	WATCH=$!
	until_true logs_invalid
}

# The kernel's counters of the gateway, all CPUs.
counter() {
	in_gateway conntrack -S 2>/dev/null | grep -o " $1=[0-9]*" | awk -F= '{ n += $2 } END { print n + 0 }'
}

seen() {
	jq -s "map(select(.verdict == \"$1\")) | length" "$OUT"
}

invalid() {
	in_client traffic invalid "$@"
}

# FAMILY REASON as this kernel words it. What can open no flow is counted, but not logged before 6.12.
worded() {
	sed -e "$(since 6.1 || echo 's/ \(upper\|lower\) bound/ the&/')" -e "$(since 6.12 || echo '/invalid new/d')"
}

# Counts what can open no flow: what we send from ports 10000 on, and what the server answers.
count_openers() {
	in_gateway nft 'table inet openers { counter openers {}; chain c { type filter hook prerouting priority 0;
		ct state invalid tcp sport 10000-10999 tcp flags & (fin | syn | rst | psh | ack | urg) == syn | ack counter name openers;
		ct state invalid tcp sport 10000-10999 tcp flags & (fin | syn | rst | psh | ack | urg) == rst counter name openers;
		ct state invalid tcp dport 10000-10999 tcp flags & rst == rst counter name openers; }; }'
}

openers() {
	in_gateway nft list counter inet openers openers | awk '$1 == "packets" { print $2 }'
}

# FAMILY REASON was told: the kernel's values come behind what the list has.
was_told() {
	awk -v family="$1" -v reason="$2" '
		$1 == family && index(substr($0, length($1) + 2), reason) == 1 { found = 1 }
		END { exit !found }' "$BATS_TEST_TMPDIR/told"
}

@test "every kind of invalid packet is told with its reason, and the count is the kernel's" {
	serving serve 10.2.0.2 7000
	serving serve fd00:2::2 7000
	watching_packets
	count_openers
	invalid_before=$(counter invalid) error_before=$(counter error)
	port=10000
	while IFS=$'\t' read -r kind family reason; do
		port=$((port + 1))
		case $family in
		ipv4) invalid "$kind" 10.1.0.2 $port 10.2.0.2 7000 --count 2 ;;
		ipv6) invalid "$kind" fd00:1::2 $port fd00:2::2 7000 --count 2 ;;
		esac
		echo "$family $reason"
	done < <(traffic invalid list) >"$BATS_TEST_TMPDIR/list"
	sort -u "$BATS_TEST_TMPDIR/list" | worded >"$BATS_TEST_TMPDIR/kinds"
	sleep 0.5
	grown=$(($(counter invalid) - invalid_before)) errors=$(($(counter error) - error_before)) openers=$(openers)
	in_gateway nft delete table inet openers
	stop
	jq -r '"\(.family) \(.reason)"' "$OUT" | sort >"$BATS_TEST_TMPDIR/told"
	uniq -c "$BATS_TEST_TMPDIR/told"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/kinds")" -ge 16 ]
	while read -r family reason; do
		was_told "$family" "$reason" || { echo "not told: $family $reason"; return 1; }
	done <"$BATS_TEST_TMPDIR/kinds"
	echo "invalid: $grown counted, $openers could open no flow, $(seen invalid) told; errors: $errors, $(seen error)"
	[ "$grown" -ge 40 ]
	[ "$openers" -ge 8 ]
	if since 6.12; then
		[ "$(grep -c 'invalid new' "$BATS_TEST_TMPDIR/told")" -eq "$openers" ]
		[ "$(seen invalid)" -eq "$grown" ]
	else
		[ "$(seen invalid)" -eq $((grown - openers)) ]
	fi
	[ "$(seen error)" -eq "$errors" ]
	# Where it came from, and what it was; before 5.14 not by which interface.
	since 5.14 && in='"gc"' || in=null
	jq -e -n --argjson in "$in" 'first(inputs | select(.in == $in and .src == "10.1.0.2" and .dport == 7000 and
		.tcp.flags == ["FIN", "SYN"]))' "$OUT" >/dev/null
	validate ctwatch-event <"$OUT"
}

# Sends a record to the netlink port $1, as the kernel would.
forge() {
	in_gateway /usr/bin/python3 - "$1" <<-'END'
		import socket, struct, sys

		prefix = b"nf_ct_proto_17: forged \0"
		body = struct.pack("=BBHHH", socket.AF_INET, 0, 0, 4 + len(prefix), 10) + prefix + bytes(-len(prefix) % 4)
		sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
		sender.sendto(struct.pack("=IHHII", 16 + len(body), 0x400, 0, 0, 0) + body, (int(sys.argv[1]), 0))
	END
}

@test "what another process sends to the socket is no packet" {
	watching_packets -w "$BATS_TEST_TMPDIR/packets.pcap"
	forge "$(in_gateway awk '$1 == 0 { print $2 }' /proc/net/netfilter/nfnetlink_log)"
	invalid udp-checksum 10.1.0.2 20001 10.2.0.2 7000
	until_true grep -q 'bad checksum' "$OUT"
	stop
	! grep -q forged "$OUT" "$BATS_TEST_TMPDIR/packets.pcap"
}

@test "the filter and --summary apply to packets" {
	(at_gateway ctwatch --invalid -j --summary 60 udp dport 7000 >"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err") &
	WATCH=$! OUT=$BATS_TEST_TMPDIR/out
	until_true logs_invalid
	invalid udp-checksum 10.1.0.2 20001 10.2.0.2 7000 --count 3
	invalid udp-checksum 10.1.0.2 20002 10.2.0.2 7001 --count 3
	invalid tcp-null 10.1.0.2 20003 10.2.0.2 7000 --count 3
	sleep 0.3
	stop
	[ "$(jq -c '[.invalid, .reasons[].reason, .reasons[].count]' "$OUT")" = '[3,"bad checksum",3]' ]
	validate ctwatch-event <"$OUT"
}

@test "--summary: who was stopped tells that time once" {
	watching_packets --summary 0.1
	read -r READER <"/proc/$WATCH/task/$WATCH/children" || true
	stopped_for_long "$READER"
}

@test "the settings are put back after each kind of end" {
	for signal in INT TERM HUP; do
		watching_packets
		stop $signal
		[ "$(settings)" = "$before" ]
	done
	watching_packets --duration 0.3
	wait "$WATCH"
	[ "$(settings)" = "$before" ]
	watching_packets -c 1
	invalid udp-checksum 10.1.0.2 20001 10.2.0.2 7000
	wait "$WATCH"
	[ "$(settings)" = "$before" ]
	grep -q 'nf_conntrack_log_invalid is set to 255 until the end (it was 0)' "$ERR"
	grep -q 'nf_conntrack_log_invalid is 0 again' "$ERR"
}

@test "the settings are put back when the part that reads packets dies" {
	not_under_valgrind "memory that is in use counts as lost where a process is killed"
	for signal in KILL SEGV ABRT; do
		watching_packets
		kill -$signal "$(cat "/proc/$WATCH/task/$WATCH/children")"
		status=0
		wait "$WATCH" || status=$?
		[ "$status" -eq 2 ]
		[ "$(settings)" = "$before" ]
		grep -q "the reader died: signal $(kill -l $signal)" "$ERR"
	done
}

@test "the settings are put back when the first process is ended or crashes, by whatever can be caught" {
	for signal in QUIT ALRM USR1 USR2 VTALRM PROF IO PWR XCPU XFSZ STKFLT RTMIN RTMIN+7 RTMAX; do
		echo "$signal"
		watching_packets
		stop $signal
		[ "$(settings)" = "$before" ]
	done
	for signal in SEGV ABRT BUS; do
		watching_packets
		reader=$(cat "/proc/$WATCH/task/$WATCH/children")
		status=0
		stop $signal || status=$?
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ "$(settings)" = "$before" ]
		until_true gone "${reader% }"
	done
}

@test "signals that libc lets nobody catch do not end the first process" {
	watching_packets
	kill -32 "$WATCH"
	kill -33 "$WATCH"
	stop
	[ "$(settings)" = "$before" ]
}

@test "the settings are put back though the part that reads packets is stopped" {
	watching_packets
	read -r READER <"/proc/$WATCH/task/$WATCH/children" || true
	kill -STOP "$READER"
	kill -TERM "$WATCH"
	until_true settings_are_back
	status=0
	wait "$WATCH" || status=$?
	[ "$status" -eq 2 ]
	grep -q "the reader died: signal 9" "$ERR"
	gone "$READER"
}

# Sends another signal: nothing is waited for any more.
ended_again() {
	kill -TERM "$WATCH" 2>/dev/null
	gone "$WATCH"
}

@test "the settings are put back though nobody reads what it says" {
	mkfifo "$BATS_TEST_TMPDIR/words"
	exec 9<>"$BATS_TEST_TMPDIR/words"
	(at_gateway ctwatch --invalid >/dev/null 2>&9 9>&-) &
	WATCH=$!
	until_true logs_invalid
	read -r READER <"/proc/$WATCH/task/$WATCH/children" || true
	dd if=/dev/zero of="$BATS_TEST_TMPDIR/words" oflag=nonblock bs=4096 2>/dev/null || true
	kill -TERM "$WATCH"
	until_true settings_are_back
	until_true ended_again
	gone "$READER"
	[ "$(settings)" = "$before" ]
	exec 9>&-
}

@test "a signal before the first packet can be read ends it with status 0" {
	in_client traffic udp 10.2.0.2 84 >/dev/null	# with a flow there is nothing to say before
	mkfifo "$BATS_TEST_TMPDIR/words"
	exec 9<>"$BATS_TEST_TMPDIR/words"
	dd if=/dev/zero of="$BATS_TEST_TMPDIR/words" oflag=nonblock bs=4096 2>/dev/null || true
	(at_gateway ctwatch --invalid >/dev/null 2>&9 9>&-) &
	WATCH=$!
	until_true logs_invalid
	kill -TERM "$WATCH"
	until_true settings_are_back
	cat <&9 >/dev/null 3>&- &
	reader=$! status=0
	exec 9>&-
	wait "$WATCH" || status=$?
	kill "$reader"
	[ "$status" -eq 0 ]
}

@test "nohup holds" {
	(trap '' HUP && watching_packets && kill -HUP "$WATCH" && sleep 0.3 && logs_invalid && stop)
	[ "$(settings)" = "$before" ]
}

@test "it says why nothing can come" {
	run unshare -n sh -c 'cd /proc/sys/net/netfilter && ctwatch --invalid --duration 0.1 &&
		cat nf_conntrack_log_invalid'
	[[ $output == *"no flow is tracked in this network namespace"* ]]
	[[ $output == *0 ]]
}

@test "a reader that goes away ends it, and the settings are put back" {
	(at_gateway ctwatch --invalid -j 2>/dev/null) | head -n 1 >/dev/null &
	pipe=$!
	until_true logs_invalid
	invalid udp-checksum 10.1.0.2 20001 10.2.0.2 7000
	wait $pipe || true
	until_true settings_are_back
}

@test "refused: the group is taken, and nothing is changed" {
	watching_packets
	run in_gateway ctwatch --invalid --duration 1
	[ "$status" -eq 2 ]
	[[ $output == *"NFLOG group 0 is taken by another program"* ]]
	logs_invalid
	stop
	[ "$(settings)" = "$before" ]
}

@test "refused: invalid packets are logged elsewhere already" {
	in_gateway sh -c 'echo 6 >/proc/sys/net/netfilter/nf_conntrack_log_invalid
		echo nf_log_ipv4 >/proc/sys/net/netfilter/nf_log/2' 2>/dev/null || skip "no syslog logger here"
	kept=$(settings)
	run in_gateway ctwatch --invalid --duration 1
	[ "$status" -eq 2 ]
	[[ $output == *"nf_conntrack_log_invalid is 6"* ]]
	[ "$(settings)" = "$kept" ]
	in_gateway sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_log_invalid'
}

@test "what was written is read back" {
	watching_packets -w "$BATS_TEST_TMPDIR/packets.pcap"
	invalid udp-checksum 10.1.0.2 20001 10.2.0.2 7000 --count 5
	invalid tcp-xmas fd00:1::2 20001 fd00:2::2 7000 --count 5
	sleep 0.3
	stop
	[ "$(wc -l <"$OUT")" -eq 10 ]
	# Interfaces have only numbers there.
	ctwatch --invalid -j -r "$BATS_TEST_TMPDIR/packets.pcap" | jq -c 'del(.in)' >"$BATS_TEST_TMPDIR/again"
	jq -c 'del(.in)' "$OUT" | diff - "$BATS_TEST_TMPDIR/again"
}

@test "without CAP_NET_ADMIN it says so" {
	run setpriv --bounding-set -net_admin --inh-caps -net_admin ctwatch --invalid
	[ "$status" -eq 2 ]
	[[ $output == *"CAP_NET_ADMIN"* ]]
}
