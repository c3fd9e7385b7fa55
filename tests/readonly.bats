# No command changes anything: what each one sends and opens, as seen by strace.
load lib/common

# trace COMMAND...: runs it for three seconds at most, what it sent and opened goes to $log.
trace() {
	log=$BATS_TEST_TMPDIR/log
	timeout 3 strace -f -qq -e trace=sendto,sendmsg,open,openat,unlink,rename,mkdir,setsockopt -o "$log" \
		"$@" >/dev/null 2>&1 </dev/null || [ $? -eq 124 ] || [ $? -eq 1 ]
	[ -s "$log" ]
}

# Only reading requests; the names are strace's. Joining a group and sizing a buffer are no requests.
only_reads() {
	local bad

	bad=$(grep -E 'sendto|sendmsg' "$log" |
		grep -vE 'IPCTNL_MSG_CT_GET(_STATS|_STATS_CPU|_DYING|_UNCONFIRMED)?,|IPCTNL_MSG_EXP_GET(_STATS_CPU)?,' ||
		true)
	[ -z "$bad" ] || { echo "$bad"; return 1; }
	bad=$(grep -E '"/proc/sys' "$log" | grep -E 'O_WRONLY|O_RDWR|O_CREAT' || true)
	[ -z "$bad" ] || { echo "$bad"; return 1; }
	bad=$(grep -E 'O_WRONLY|O_RDWR|O_CREAT|unlink|rename|mkdir' "$log" | grep -vE '/dev/null|/dev/tty|= -1' || true)
	[ -z "$bad" ] || { echo "$bad"; return 1; }
	# NETLINK_BROADCAST_ERROR (4) and NETLINK_NO_ENOBUFS (5) change how the kernel treats others.
	! grep -E 'NETLINK_BROADCAST_ERROR|NETLINK_NO_ENOBUFS' "$log"
}

setup() {
	need_kernel
	need strace
	empty_table
	fill -n 2000 -s 5 2>/dev/null
	fill -e 20 -s 77 2>/dev/null
	fill -p churn -n 6000 -r 2000 2>/dev/null 3>&- &
	churn=$!
}

teardown() {
	[ -z "${churn:-}" ] || kill "$churn" 2>/dev/null || true
}

@test "ctlist reads only" {
	for table in conntrack expect dying; do
		trace ctlist -t "$table" -j
		only_reads
	done
	trace ctlist tcp dport 443 mark 0x10 unreplied
	grep -q 'IPCTNL_MSG_CT_GET,' "$log"
	only_reads
}

@test "ctcount reads only" {
	[ -x "$BUILD/ctcount" ] || skip "not built"
	trace ctcount -i 0.3 -n 3
	grep -q 'IPCTNL_MSG_CT_GET,' "$log"
	only_reads
}

@test "ctwatch reads only" {
	[ -x "$BUILD/ctwatch" ] || skip "not built"
	trace ctwatch --track --resync 1
	grep -q 'IPCTNL_MSG_CT_GET,' "$log"
	only_reads
	trace ctwatch --summary 1 --expect
	only_reads
}

@test "ctstats reads only" {
	[ -x "$BUILD/ctstats" ] || skip "not built"
	trace ctstats --per-cpu --occupancy
	grep -q 'IPCTNL_MSG_CT_GET_STATS' "$log"
	only_reads
	trace ctstats --sysctl
	only_reads
}

@test "cttop reads only" {
	[ -x "$BUILD/cttop" ] || skip "not built"
	trace cttop -b -n 2 -d 0.5
	grep -q 'IPCTNL_MSG_CT_GET,' "$log"
	only_reads
}

@test "the seccomp filter keeps ctlist from sending anything more" {
	trace ctlist -j
	# Everything that is sent is sent before the filter is installed: one request.
	[ "$(grep -c 'nlmsg_type' "$log")" -eq 1 ]
}
