# cttop under churn for SOAK_SECONDS: memory stays steady. make soak does it for five minutes, with sanitizers.
load lib/common
load lib/terminal

setup() {
	not_under_valgrind "what checks memory uses more"
	need_kernel
	need tmux
	TERMINAL=$BATS_TEST_TMPDIR/terminal
	unshare -n sleep 3600 3>&- &
	holder=$!
	until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
		sleep 0.05
	done
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -S "$TERMINAL" ] && tmux -S "$TERMINAL" kill-server
	[ -z "${holder:-}" ] || kill $churn "$holder"
}

there() {
	nsenter --net="/proc/$holder/ns/net" -- "$@"
}

resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
}

# What one does in front of it, for so many seconds.
play() {
	local end=$((SECONDS + $1)) key

	while [ $SECONDS -lt $end ]; do
		for key in 1 2 3 4 5 s r j j 6 7 8 5 Enter Escape G g a a; do
			press $key
			sleep 0.2
		done
		echo "$(resident) KiB, $(there cat /proc/sys/net/netfilter/nf_conntrack_count) flows"
	done
}

@test "memory stays steady while flows come and go" {
	local seconds=${SOAK_SECONDS:-12} early late

	there ip link set lo up
	there sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_events=1
	there fill -p tcp4 -t 4 -r 800 -n $((800 * (seconds + 300))) 2>/dev/null 3>&- &
	churn=$!
	# What was freed stays with the address sanitizer for a while.
	terminal_start 120 40 "ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1 cttop -d 0.5 -N $holder"
	shows '^ tcp +443 '
	pid=$(cttop_pid)
	# Until the log of events and the table of flows are as large as they get.
	play $((seconds / 4 > 10 ? seconds / 4 : 10))
	early=$(resident)
	play "$seconds"
	late=$(resident)
	echo "$early KiB, after $seconds s more $late KiB"
	[ "$late" -le $((early + early / 20 + 1024)) ]
	press q
	sane
}
