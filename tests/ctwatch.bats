# ctwatch on real traffic between namespaces: events, reasons, loss, tracking, replay.
load lib/common
load lib/watch
load kernels/lib

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	watch_world
	# Short timers, so that flows end while we look.
	in_gateway sh -c '
		cd /proc/sys/net/netfilter || exit 1
		for name in syn_sent syn_recv established fin_wait close_wait last_ack time_wait close; do
			echo 2 >nf_conntrack_tcp_timeout_$name
		done
		echo 2 >nf_conntrack_tcp_timeout_unacknowledged
		echo 1 >nf_conntrack_udp_timeout
		echo 2 >nf_conntrack_udp_timeout_stream'
	export WORLD_LIST="${WORLD_PIDS[*]}"
}

teardown_file() {
	watch_world_down
}

setup() {
	need_kernel
	need jq
	need conntrack
	[ -n "${WORLD_GATEWAY:-}" ] || skip "the world of namespaces could not be made"
}

teardown() {
	[ -z "${WATCH:-}" ] || kill "$WATCH" 2>/dev/null || true
	end_servers
	[ -z "${WORLD_CLIENT:-}" ] || in_client nft delete table inet half 2>/dev/null || true
}

client() {
	in_client traffic "$@" >/dev/null
}

# ended PORT REASON [MORE]: a flow to this port ended for that reason, and all that holds.
ended() {
	until_true told ".type == \"destroy\" and .orig.dport == $1 and .reason == \"$2\" and (${3:-true})" || {
		jq -c "select(.type == \"destroy\")" "$OUT"
		return 1
	}
}

# seems REASON OLDER: before 6.1 nothing tells that time was left, so it looks as if the timer had run out.
seems() {
	since 6.1 && echo "$1" || echo "$2"
}

@test "refused: the answer is an RST" {
	watching -e new,destroy
	client connect 10.2.0.2 82
	ended 82 refused '.duration < 1 and .orig.packets == 1 and .reply.packets == 1'
}

@test "no-answer: a SYN that nobody answers" {
	watching
	client connect 10.2.0.2 81 --timeout 300
	ended 81 no-answer '.duration >= 1.5 and .reply.packets == 0 and .state == "SYN_SENT"'
}

@test "half-open: the opener does not complete" {
	serving serve 10.2.0.2 7000
	in_client nft 'table inet half { chain output { type filter hook output priority 0;
		tcp dport 7000 tcp flags & syn == 0 drop; }; }'
	watching
	client connect 10.2.0.2 7000 --timeout 300 || true
	ended 7000 half-open
}

@test "closed: FIN from both ends" {
	serving serve 10.2.0.2 80
	watching
	client connect 10.2.0.2 80
	ended 80 closed '.duration >= 1.5 and .reply.packets > 1'
}

@test "reset: an RST after the handshake" {
	serving serve 10.2.0.2 80
	watching
	client connect 10.2.0.2 80 --close rst
	ended 80 reset
}

@test "idle-timeout: the mapping goes, the ends are not told" {
	serving serve 10.2.0.2 7000
	watching
	client connect 10.2.0.2 7000 --close none
	ended 7000 idle-timeout '.state == "ESTABLISHED"'
}

@test "unanswered and expired: UDP in one direction and in both" {
	serving serve 10.2.0.2 53 --udp
	watching
	client udp 10.2.0.2 81
	client udp 10.2.0.2 53 --expect-reply
	ended 81 unanswered
	ended 53 expired
}

@test "deleted: by the netlink port that asked for it" {
	watching
	client udp 10.2.0.2 83
	in_gateway conntrack -D -p udp --dport 83 >/dev/null 2>&1
	ended 83 deleted '.portid > 0'
}

@test "replaced: a SYN on the same ports takes over" {
	serving serve 10.2.0.2 7001 --half-close
	watching
	cat >"$BATS_TEST_TMPDIR/twice.py" <<-'END'
		import socket
		for _ in range(2):
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.bind(("10.1.0.2", 40001))
		    s.connect(("10.2.0.2", 7001))
		    s.recv(10)          # the server closes first and keeps TIME_WAIT
		    s.close()
	END
	in_gateway sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_time_wait=60
	in_client /usr/bin/python3 "$BATS_TEST_TMPDIR/twice.py"
	in_gateway sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_time_wait=2
	ended 7001 "$(seems replaced closed)" '.state == "TIME_WAIT"'
}

@test "killed: the masquerading interface goes" {
	in_gateway sysctl -qw net.netfilter.nf_conntrack_udp_timeout=60
	watching
	client udp 10.2.0.2 84
	until_true told '.type == "new" and .orig.dport == 84'
	in_gateway ip link set gs down
	in_gateway ip link set gs up
	in_gateway sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1
	ended 84 "$(seems killed unanswered)"
}

@test "evicted: the table is full" {
	max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	[ "$max" -le 300000 ] || skip "nf_conntrack_max is $max: that takes too long to fill"
	# In a namespace of its own; the flows are made by packets, and not assured.
	unshare -n bash -c '
		ip link set lo up
		fill -n '"$((max - 2000))"' -p tcp4 >/dev/null 2>&1
		echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
		nft "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }"
		ctwatch -j -e destroy >'"$BATS_TEST_TMPDIR/out"' 2>/dev/null 3>&- &
		sleep 0.5
		traffic udp 127.0.0.1 9 --count 30000 >/dev/null
		sleep 0.2
		kill -INT $! && wait $!'
	reasons=$(jq -r 'select(.type == "destroy") | .reason' "$BATS_TEST_TMPDIR/out" | sort -u)
	[ "$reasons" = "$(seems evicted unanswered)" ]
}

@test "--failed leaves out what ended well, and still knows how long it lived" {
	serving serve 10.2.0.2 80
	in_gateway sysctl -qw net.netfilter.nf_conntrack_timestamp=0
	watching --failed
	client connect 10.2.0.2 80
	client connect 10.2.0.2 82
	client udp 10.2.0.2 81
	ended 81 unanswered '.duration > 0.9'
	in_gateway sysctl -qw net.netfilter.nf_conntrack_timestamp=1
	sleep 2
	told true
	stop
	[ "$(jq -r .type "$OUT" | grep -v note | sort -u)" = destroy ]
	[ "$(jq -r 'select(.type == "destroy") | .reason' "$OUT" | sort | uniq -c | awk '{ print $1, $2 }')" = \
		$'1 refused\n1 unanswered' ]
}

@test "an update says what it changed" {
	serving serve 10.2.0.2 80
	serving serve 10.2.0.2 7000
	watching
	client connect 10.2.0.2 80
	until_true told '.type == "update" and .state == "TIME_WAIT"'
	until_true told '.type == "update" and (.changed | index("assured"))'
	until_true told '.type == "update" and (.changed | index("replied"))'
	client connect 10.2.0.2 7000 --hold 1500 3>&- &
	until_true told '.orig.dport == 7000 and .state == "ESTABLISHED"'
	# Translated flows it refuses.
	in_gateway conntrack -U -s 10.1.0.2 -m 7 >/dev/null 2>&1 || true
	until_true told '.type == "update" and .changed == ["mark"] and .mark == 7'
}

@test "all that is printed validates against the schema" {
	serving serve 10.2.0.2 80
	serving serve 10.2.0.2 53 --udp
	watching
	client connect 10.2.0.2 80 --count 3
	client connect 10.2.0.2 82
	client udp 10.2.0.2 53 --expect-reply
	client ping 10.2.0.2
	in_gateway conntrack -F 2>/dev/null
	ended 53 deleted
	stop
	validate ctwatch-event <"$OUT"
	validate ctwatch-event < <(at_gateway ctwatch -j --summary 0.2 --duration 0.5 2>/dev/null)
}

@test "expectations come with --expect" {
	serving ftp-server 10.2.0.2 21
	watching --expect
	client ftp-client 10.2.0.2 21
	until_true told '.type == "new" and .master.dport == 21'
	stop
	validate ctwatch-event <"$OUT"
}

@test "a flow older than the listener: silent without --track, found with it" {
	in_gateway sysctl -qw net.netfilter.nf_conntrack_events=0
	client udp 10.2.0.2 86
	in_gateway sysctl -qw net.netfilter.nf_conntrack_events=1
	watching --track --resync 3	# longer than the second that the flow lives
	until_true told '.type == "resync"'
	ended 86 unanswered '.synthetic == true'
	stop
}

@test "--netns looks into another namespace" {
	(exec ctwatch -j -N "$WORLD_GATEWAY" >"$BATS_TEST_TMPDIR/out" 2>/dev/null 3>&-) &
	WATCH=$! OUT=$BATS_TEST_TMPDIR/out
	sleep 0.5
	client udp 10.2.0.2 87
	until_true told '.type == "new" and .orig.dport == 87'
}

@test "the lines of -f conntrack are those of conntrack -E" {
	serving serve 10.2.0.2 80
	serving serve 10.2.0.2 53 --udp
	(at_gateway conntrack -E -o extended,id >"$BATS_TEST_TMPDIR/theirs" 2>/dev/null) &
	theirs=$!
	(at_gateway ctwatch -f conntrack,extended,id >"$BATS_TEST_TMPDIR/ours" 2>/dev/null) &
	WATCH=$!
	until_true listeners 2	# the port of conntrack's is not its PID
	client connect 10.2.0.2 80 --count 5
	client udp 10.2.0.2 53 --count 5 --expect-reply
	client ping 10.2.0.2
	in_gateway conntrack -F 2>/dev/null
	sleep 0.5
	stop
	kill -INT $theirs
	wait $theirs || true
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -gt 30 ]
	# Only while that process lives can its name be told.
	sed -i "s/ progname=.*//" "$BATS_TEST_TMPDIR/theirs"
	diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
}

@test "what was written replays to the same lines" {
	serving serve 10.2.0.2 80
	serving serve 10.2.0.2 53 --udp
	watching -w "$BATS_TEST_TMPDIR/events.pcap"
	client connect 10.2.0.2 80 --count 10
	client connect 10.2.0.2 82
	client udp 10.2.0.2 53 --count 10 --expect-reply
	in_gateway conntrack -F 2>/dev/null
	ended 53 deleted
	stop
	ctwatch -j -r "$BATS_TEST_TMPDIR/events.pcap" >"$BATS_TEST_TMPDIR/again"
	grep -v '"type":"note"' "$OUT" >"$BATS_TEST_TMPDIR/lines"
	diff "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/again"
	ctwatch -j -r "$BATS_TEST_TMPDIR/lines" | diff "$BATS_TEST_TMPDIR/lines" -
	[ "$(ctwatch -j -e destroy -r "$BATS_TEST_TMPDIR/events.pcap" tcp dport 82 | wc -l)" -eq 1 ]
}

# A burst while the reader is stopped; then some more. PRIVATE namespace, small buffer.
burst() {
	unshare -n bash -c '
		ip link set lo up
		echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
		ctwatch -j -e new -B 64Ki '"$2"' >'"$BATS_TEST_TMPDIR/out"' 2>'"$BATS_TEST_TMPDIR/err"' 3>&- &
		until grep -q " $! " /proc/net/netlink; do sleep 0.02; done
		until [ -z "'"$2"'" ] || grep -q resync '"$BATS_TEST_TMPDIR/out"'; do sleep 0.02; done	# the first dump
		kill -STOP $!
		fill -n 2000 -s '"$1"' -p tcp4 >/dev/null 2>&1
		kill -CONT $!
		sleep 0.1
		fill -n 500 -s '"$1"'00 -p tcp4 >/dev/null 2>&1
		sleep 0.3
		for ((i = 0; i < 150 && '"${3:-0}"'; i++)); do	# until it has told all
			[ "$(grep -c "\"type\":\"new\"" '"$BATS_TEST_TMPDIR/out"')" -lt "$(conntrack -C 2>/dev/null)" ] || break
			sleep 0.1
		done
		kill -INT $!
		wait $!
		conntrack -C 2>/dev/null'
}

@test "loss is exact: seen and lost make what was made, in 20 bursts" {
	for seed in {1..20}; do
		made=$(burst "$seed")
		read -r seen lost < <(sed -n 's/^ctwatch: \([0-9]*\) events seen, \([0-9]*\) lost.*/\1 \2/p' \
			"$BATS_TEST_TMPDIR/err")
		[ "$lost" -gt 1000 ]
		[ $((seen + lost)) -eq "$made" ]
		[ "$(jq -s 'map(.lost // 0) | add' "$BATS_TEST_TMPDIR/out")" -eq "$lost" ]
		[ "$(jq -s 'map(select(.type == "new")) | length' "$BATS_TEST_TMPDIR/out")" -eq "$seen" ]
	done
}

@test "after a loss --track finds every flow that was missed" {
	made=$(burst 7 --track 1)
	[ "$(jq -s 'map(.lost // 0) | add' "$BATS_TEST_TMPDIR/out")" -gt 1000 ]
	# Each flow is told once, by its event or by the dump.
	jq -c 'select(.type == "new") | .orig' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/flows"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/flows")" -eq "$made" ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/flows" | wc -l)" -eq "$made" ]
	jq -e -s 'map(select(.synthetic)) | length > 1000' "$BATS_TEST_TMPDIR/out"
	jq -e -s 'map(.type) | index("resync") as $r | rindex("resync") > $r' "$BATS_TEST_TMPDIR/out"
	validate ctwatch-event <"$BATS_TEST_TMPDIR/out"
}

@test "--track finds nothing missed where nothing was lost" {
	serving serve 10.2.0.2 7000
	watching --track --resync 0.1 --duration 3
	in_client traffic connect 10.2.0.2 7000 --count 1200 --rate 500 --hold 20 >/dev/null
	wait "$WATCH"
	grep -q ' 0 lost' "$ERR"
	[ "$(jq -s 'map(select(.type == "update")) | length' "$OUT")" -gt 3000 ]
	jq -c 'select(.synthetic)' "$OUT"
	[ "$(jq -s 'map(select(.synthetic)) | length' "$OUT")" -eq 0 ]
}

@test "a burst of 200000 is printed whole with the default buffer" {
	max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	[ "$max" -ge 200000 ] || skip "nf_conntrack_max is $max"
	[ "$(id -u)" -eq 0 ] && [ "$(cat /proc/self/uid_map | awk '{ print $3 }')" = 4294967295 ] ||
		skip "a large buffer needs CAP_NET_ADMIN in the first user namespace"
	run unshare -n bash -c '
		ip link set lo up
		ctwatch -j -e new >'"$BATS_TEST_TMPDIR/out"' 2>'"$BATS_TEST_TMPDIR/err"' 3>&- &
		until grep -q " $! " /proc/net/netlink; do sleep 0.02; done
		fill -n 200000 -p tcp4 >/dev/null 2>&1
		kill -INT $!
		wait $!'
	grep -q '^ctwatch: 200000 events seen, 0 lost' "$BATS_TEST_TMPDIR/err"
	[ "$(grep -c '"type":"new"' "$BATS_TEST_TMPDIR/out")" -eq 200000 ]
}

@test "the kernel keeps back what the filter excludes, no more and no less" {
	local n=${CT_OWN_KERNEL:+600}	# in emulation

	n=${n:-3000} unshare -n bash -c '
		ip link set lo up
		cd '"$BATS_TEST_TMPDIR"'
		echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
		ctwatch -j >all 2>/dev/null 3>&- &
		pids=$!
		i=0
		while read -r filter; do
			i=$((i + 1))
			echo "$filter" >filter$i
			ctwatch -j $filter >got$i 2>err$i 3>&- &
			pids="$pids $!"
		done
		for pid in $pids; do until grep -q " $pid " /proc/net/netlink; do sleep 0.02; done; done
		sleep 0.5
		fill -n $n >/dev/null 2>&1
		fill -n $n -d >/dev/null 2>&1
		fill -n $n -p churn >/dev/null 2>&1
		sleep 1
		kill -INT $pids
		wait' <<-'END'
		tcp
		udp or icmp
		not tcp
		src 10.0.0.0/9
		not src 10.0.0.0/9
		dport 443
		not dport 443
		dport != 443
		dport 1-1024
		dport > 40000
		host 198.18.0.0/20
		net 2001:db8::/32
		dst 2001:db8::1-2001:db8:0:5::2
		port 53,443 and ( udp or src 10.0.0.0/10 )
		snat.addr 203.0.113.0/24
		not snat.addr 203.0.113.0/24
		proto 47
		mark 1 or tcp
		mark 1 and tcp
		not ( tcp and src 10.0.0.0/9 )
		dport -
		dport 443,-
		port != -
		mark 0
		mark != 1
		zone 0
	END
	for file in "$BATS_TEST_TMPDIR"/filter*; do
		got=${file/filter/got}
		# shellcheck disable=SC2046 # words
		ctwatch -j -r "$BATS_TEST_TMPDIR/all" $(cat "$file") 2>/dev/null | grep -v '"note"' |
			jq -c "[.type, .orig]" | sort >"$file.want"
		grep -v '"note"' "$got" | jq -c "[.type, .orig]" | sort | diff "$file.want" - || {
			cat "$file"
			return 1
		}
		[ -s "$file.want" ]
	done
	for type in new update destroy; do grep -q "\"$type\"" "$BATS_TEST_TMPDIR/filter1.want"; done
	# What the kernel can decide, it does: nothing else was even received.
	grep -q "^ctwatch: $(grep -vc note "$BATS_TEST_TMPDIR/got1") events seen" "$BATS_TEST_TMPDIR/err1"
}

@test "it says why nothing can come" {
	run unshare -n ctwatch --duration 0.1
	[[ $output == *"no flow is tracked in this network namespace"* ]]
	run unshare -n sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_events; exec ctwatch --duration 0.1'
	[[ $output == *"nf_conntrack_events is 0"* ]]
	since 5.19 || return 0	# before, each flow tells its end
	run unshare -n sh -c 'echo 2 >/proc/sys/net/netfilter/nf_conntrack_events
		fill -n 7 -p tcp4 >/dev/null 2>&1; exec ctwatch --duration 0.1'
	[[ $output == *"7 flows exist already"* ]]
}

# How often ctwatch -e new writes to standard output, which is $1, while 20000 flows are made.
writes() {
	unshare -n bash -c '
		ip link set lo up
		echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
		strace -f -o '"$BATS_TEST_TMPDIR/calls"' -e trace=write ctwatch -e new >'"$1"' 2>/dev/null 3>&- &
		until awk "\$2 == 12 && \$4 != \"00000000\" { found = 1 } END { exit !found }" /proc/net/netlink; do
			sleep 0.02
		done
		fill -n 20000 -p tcp4 >/dev/null 2>&1
		sleep 1
		kill -INT $(cat /proc/$!/task/$!/children)
		wait'
	grep -c 'write(1,' "$BATS_TEST_TMPDIR/calls"
}

@test "it writes much at once into a file, line by line on a terminal, and does not keep a line" {
	need strace
	need script
	[ "$(writes "$BATS_TEST_TMPDIR/out")" -le 200 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -ge 20000 ]
	watching
	client udp 10.2.0.2 89
	until_true grep -q '"dport":89' "$OUT"
	stop
	# No leak checker: it cannot run where strace does.
	script -qec "ASAN_OPTIONS=detect_leaks=0 strace -o $BATS_TEST_TMPDIR/calls -e trace=write ctwatch -H -r $ROOT/tests/captures/conntrack-E.txt" \
		/dev/null </dev/null >/dev/null
	[ "$(grep -c 'write(1,' "$BATS_TEST_TMPDIR/calls")" -eq 19 ]
}

@test "the buffer is what the kernel gave, and is told" {
	run unshare -n ctwatch -B 100k --duration 0.1
	[[ $output == *"by a receive buffer of 100000 bytes"* ]]
}

@test "--count, --duration and a reader that goes away end it" {
	watching -c 1
	client udp 10.2.0.2 88 --count 3
	wait "$WATCH"
	[ "$(grep -vc '"note"' "$OUT")" -eq 1 ]
	run timeout 5 ctwatch --duration 0.2
	[ "$status" -eq 0 ]
	run bash -c 'timeout 5 ctwatch --duration 4 2>&1 | true; echo "${PIPESTATUS[0]}"'
	[ "$output" = 0 ]
}

@test "--summary: who was stopped tells that time once" {
	watching --summary 0.1
	stopped_for_long "$WATCH"
}

@test "what is not understood is refused" {
	for words in '-e foo' '-e new,' '--count x' '--duration -1' '-B 1X' '--resync 0' '--summary x' 'dport foo' \
		'--invalid --track' '--expect --failed' '--failed -e new' '--summary 1 -f csv' \
		'--summary 1 -o src' '--invalid --summary 1 -f csv'; do
		# shellcheck disable=SC2086 # words
		run ctwatch $words
		[ "$status" -eq 2 ]
		[ -n "$output" ]
	done
}
