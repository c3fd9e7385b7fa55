# What a command may still do while it parses, and captures from other machines.
load lib/common

@test "a capture of the other byte order gives the same flows" {
	need_kernel
	cd "$BATS_TEST_TMPDIR"
	sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
	nft add table inet t
	nft add chain inet t c '{ type filter hook input priority 0; }'
	nft add rule inet t c ct label set 3
	fill -n 1000 2>/dev/null
	ctlist -w a.pcap -c
	/usr/bin/python3 "$ROOT/tests/lib/swap.py" a.pcap b.pcap
	ctlist -j -r a.pcap >a
	ctlist -j -r b.pcap >b
	[ "$(wc -l <a)" -eq 1000 ]
	grep -q '"labels"' a
	cmp a b
	empty_table
}

# The state of a command that waits, because nobody reads what it prints.
waiting() {
	local i

	"$@" >"$BATS_TEST_TMPDIR/pipe" &
	pid=$!
	exec 9<"$BATS_TEST_TMPDIR/pipe"
	for ((i = 0; i < 100; i++)); do
		grep -q '^Seccomp:.*2' "/proc/$pid/status" && break
		sleep 0.02
	done
	status=$(cat "/proc/$pid/status")
	kill "$pid"
	exec 9<&-
	wait "$pid" || true
}

@test "ctlist holds no capability and a seccomp filter while it parses" {
	need_kernel
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	fill -n 5000 2>/dev/null
	waiting ctlist -j
	grep -qE '^CapEff:\s+0+$' <<<"$status"
	grep -qE '^CapPrm:\s+0+$' <<<"$status"
	grep -qE '^NoNewPrivs:\s+1$' <<<"$status"
	grep -qE '^Seccomp:\s+2$' <<<"$status"
	empty_table
}

@test "a file is read behind the same filter" {
	mkfifo "$BATS_TEST_TMPDIR/pipe" "$BATS_TEST_TMPDIR/input"
	exec 8<>"$BATS_TEST_TMPDIR/input"
	waiting ctlist -r "$BATS_TEST_TMPDIR/input"
	exec 8>&-
	grep -qE '^CapEff:\s+0+$' <<<"$status"
	grep -qE '^Seccomp:\s+2$' <<<"$status"
}
