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


# A sanitizer's build has no filter: the leak checker starts a process of its own at the end.
setup() {
	not_under_valgrind "no filter allows what it does"
	FILTERED=2
	! grep -q __asan_init "$BUILD/ctlist" || FILTERED=0
}

# held NONE|ADMIN|ASKER COMMAND...: once the command has given up what it gives up, it holds no capability, or
# CAP_NET_ADMIN alone, or has a child that does; it cannot get any back, and has a filter. The command waits: nobody reads
# what it prints into the pipe, or nothing comes.
held() {
	local want=$1 mask=0 i log=$BATS_TEST_TMPDIR/said

	shift
	[ "$want" != ADMIN ] || mask=1000
	rm -f "$BATS_TEST_TMPDIR/pipe" "$log"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	"$@" --verbose >"$BATS_TEST_TMPDIR/pipe" 2>"$log" 3>&- &
	pid=$!
	exec 9<"$BATS_TEST_TMPDIR/pipe"
	for ((i = 0; i < 250; i++)); do
		! grep -qs ' held, system calls' "$log" || break
		sleep 0.02
	done
	status=$(cat "/proc/$pid/status")
	child=$(cat "/proc/$pid/task/$pid/children")
	[ -z "$child" ] || childstatus=$(cat "/proc/${child%% *}/status")
	kill "$pid"
	exec 9<&-
	wait "$pid" || true
	echo "$*: $(cat "$log")"
	grep -E '^(Cap|NoNew|Seccomp:)' <<<"$status"
	shows "$mask" "$status"
	case $want in
	ASKER) shows 1000 "$childstatus" ;;
	NONE) [ -z "$child" ] ;;
	esac
}

# shows MASK STATUS
shows() {
	local set

	for set in CapPrm CapEff; do
		grep -qE "^$set:\s+0*$1$" <<<"$2"
	done
	grep -qE '^CapInh:\s+0+$' <<<"$2"
	grep -qE '^CapAmb:\s+0+$' <<<"$2"
	grep -qE '^NoNewPrivs:\s+1$' <<<"$2"
	grep -qE "^Seccomp:\s+$FILTERED$" <<<"$2"
}

@test "ctlist holds nothing while it parses" {
	need_kernel
	fill -n 5000 2>/dev/null
	held NONE ctlist -j
	held NONE ctlist -s src -j
	empty_table
}

@test "ctcount holds nothing; with --interval a child may ask again" {
	need_kernel
	fill -n 5000 2>/dev/null
	held NONE ctcount --by src,sport,dst -j
	held ASKER ctcount -i 60
	empty_table
}

@test "ctwatch holds nothing; with --track a child may ask again" {
	need_kernel
	held NONE ctwatch
	held NONE ctwatch --summary 60
	held NONE ctwatch --expect
	held ASKER ctwatch --track --resync 60
}

@test "ctwatch --invalid: who parses holds nothing" {
	need_kernel
	FILTERED_CHILD=$FILTERED
	FILTERED=0
	held ADMIN ctwatch --invalid
	# What held() looked at is the parent, which sets the sysctls back and reads no packet.
	FILTERED=$FILTERED_CHILD
	shows 0 "$childstatus"
}

@test "ctstats and cttop hold nothing, a child CAP_NET_ADMIN alone" {
	need_kernel
	held ASKER ctstats -i 60
	held ASKER ctstats -i 60 --occupancy
	held ASKER cttop -b -d 60
}

@test "cttop on its screen, and who looks names up for it" {
	need_kernel
	need script
	mkfifo "$BATS_TEST_TMPDIR/keys"
	exec 7<>"$BATS_TEST_TMPDIR/keys"
	script -qc "exec env TERM=xterm cttop -d 60 --verbose" /dev/null <&7 >"$BATS_TEST_TMPDIR/screen" 2>&1 3>&- &
	script=$!
	for ((i = 0; i < 250; i++)); do
		! grep -qs ' held, system calls' "$BATS_TEST_TMPDIR/screen" || break
		sleep 0.02
	done
	pid=$(pgrep -P "$script" -x cttop)
	status=$(cat "/proc/$pid/status")
	resolver=$(cat "/proc/$(pgrep -P "$pid" | head -n 1)/status")
	kill "$pid"
	wait "$script" || true
	exec 7>&-
	shows 0 "$status"
	FILTERED=2
	shows 0 "$resolver"
}

@test "files are read behind the same filter, by all commands" {
	mkfifo "$BATS_TEST_TMPDIR/input"
	exec 8<>"$BATS_TEST_TMPDIR/input"
	for command in "ctlist" "ctcount" "ctwatch" "ctstats" "cttop -b" "ctwatch --invalid"; do
		# shellcheck disable=SC2086 # words
		held NONE $command -r "$BATS_TEST_TMPDIR/input"
	done
	exec 8>&-
}

# before_reading NAME LOG: no byte of the file was read, and none received, before the filter was there.
before_reading() {
	awk -v name="$1" '
		/^[0-9]+ +seccomp\(SECCOMP_SET_MODE_FILTER, .*\{len=/ || /seccomp\(SECCOMP_SET_MODE_FILTER, 0/ { filter = 1 }
		index($0, "read(") && index($0, name) { reads++; if (!filter) early++ }
		END { if (!filter) print "no filter"; if (!reads) print "nothing was read"; if (early) print early " early reads"
			exit !filter || !reads || early }' "$2"
}

@test "-r is under the filter from the first byte" {
	need strace
	[ "$FILTERED" -eq 2 ] || skip "a sanitizer is in: no filter"
	cp "$ROOT/tests/captures/conntrack-S.txt" "$BATS_TEST_TMPDIR/stats.saved"
	cp "$ROOT/tests/captures/mixed.pcap" "$BATS_TEST_TMPDIR/flows.saved"
	for command in "ctlist" "ctcount" "ctwatch" "cttop -b -n 1" "ctwatch --invalid"; do
		# shellcheck disable=SC2086 # words
		strace -y -f -e trace=seccomp,read -o "$BATS_TEST_TMPDIR/log" $command -r "$BATS_TEST_TMPDIR/flows.saved" >/dev/null 2>&1 || true
		before_reading flows.saved "$BATS_TEST_TMPDIR/log"
	done
	strace -y -f -e trace=seccomp,read -o "$BATS_TEST_TMPDIR/log" ctstats -r "$BATS_TEST_TMPDIR/stats.saved" >/dev/null 2>&1
	before_reading stats.saved "$BATS_TEST_TMPDIR/log"
}

# received_early LOG: messages of ctnetlink and files of counters that a process read before it had its filter. What
# is only peeked at is the number of an error: whether there is going to be an answer.
received_early() {
	awk '
		/seccomp\(SECCOMP_SET_MODE_FILTER, .*\{len=/ || /seccomp\(SECCOMP_SET_MODE_FILTER, 0/ { filter[$1] = 1 }
		/MSG_PEEK/ { next }
		/recv.*NFNL_SUBSYS_CTNETLINK/ || /recvmmsg(_time64)?\(/ || /read\([0-9]+<\/proc\/(net\/stat|slabinfo)/ {
			reads++
			if (!filter[$1]) { early++; print "early: " $0 }
		}
		END { print reads + 0 " reads, " early + 0 " early"; exit !reads || early }' "$1"
}

@test "nothing that the kernel says of flows or counters comes before the filter" {
	need_kernel
	need strace
	[ "$FILTERED" -eq 2 ] || skip "a sanitizer is in: no filter"
	fill -n 100 2>/dev/null
	fill -p churn -n 100000 -r 500 2>/dev/null 3>&- &
	churn=$!
	for command in "ctlist" "ctcount --by src" "ctcount -i 0.1 -n 2" "cttop -b -n 1" "ctstats" "ctstats -i 0.1 -n 2" \
		"ctstats --occupancy" "ctwatch --duration 0.2" "ctwatch --track --duration 0.2"; do
		# shellcheck disable=SC2086 # words
		strace -y -f -e trace=seccomp,read,recvfrom,recvmsg,recvmmsg,?recv,?recvmmsg_time64 -o "$BATS_TEST_TMPDIR/log" $command >/dev/null 2>&1
		received_early "$BATS_TEST_TMPDIR/log"
	done
	kill "$churn"
	wait "$churn" || true
	empty_table
}

@test "--no-sandbox leaves system calls alone, not capabilities" {
	need_kernel
	FILTERED=0
	fill -n 5000 2>/dev/null
	held NONE ctlist -j --no-sandbox
	held ASKER ctstats -i 60 --no-sandbox
	empty_table
}

@test "a kernel without seccomp means a note with --verbose, nothing else" {
	need strace
	[ "$FILTERED" -eq 2 ] || skip "a sanitizer is in: no filter"
	local file=$ROOT/tests/captures/mixed.pcap before

	# libseccomp falls back to prctl(); the calls before belong to the capabilities.
	before=$(strace -e trace=prctl ctlist -c -r "$file" 2>&1 >/dev/null | grep -n NO_NEW_PRIVS,\ 1 | head -n 1 | cut -d: -f1)
	run --separate-stderr strace -o /dev/null -e trace=seccomp,prctl -e inject=seccomp:error=ENOSYS \
		-e "inject=prctl:error=EINVAL:when=$((before + 1))+" ctlist -c -r "$file"
	[ "$status" -eq 0 ]
	[ "$output" = "$(ctlist -c -r "$file")" ]
	[ -z "$stderr" ]
	run --separate-stderr strace -o /dev/null -e trace=seccomp,prctl -e inject=seccomp:error=ENOSYS \
		-e "inject=prctl:error=EINVAL:when=$((before + 1))+" ctlist --verbose -c -r "$file"
	[ "$status" -eq 0 ]
	[[ $stderr == *"no seccomp"* ]]
}

@test "an ordinary user with file capabilities" {
	need_kernel
	need setpriv
	[ "$(id -u)" -eq 0 ] || skip "needs root to give a file capabilities"
	fill -n 100 2>/dev/null
	fill -p churn -n 100000 -r 500 2>/dev/null 3>&- &
	churn=$!
	chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	for command in ctlist ctcount ctwatch ctstats cttop; do
		cp "$BUILD/$command" "$BATS_TEST_TMPDIR/$command"
		setcap cap_net_admin+ep "$BATS_TEST_TMPDIR/$command" || skip "no file capabilities here"
	done
	cd /
	user() { timeout 20 setpriv --reuid 65534 --regid 65534 --clear-groups "$BATS_TEST_TMPDIR/$@"; }
	[ "$(user ctlist -c)" -ge 100 ]
	user ctcount --total | grep -q total
	user ctwatch -c 3 2>/dev/null | grep -q NEW
	user ctstats -i 0.2 -n 2 -f csv | head -n 1 | grep -q new
	user cttop -b -n 1 | grep -q 'of'
	user ctwatch --track -c 3 2>/dev/null | grep -q .
	user ctlist --verbose -c 2>&1 | grep -q 'no capability is held'
	user cttop --verbose -b -n 1 2>&1 | grep -q 'CAP_NET_ADMIN is left to a child'
	kill "$churn"
	wait "$churn" || true
	empty_table
}

@test "in a user namespace" {
	need_kernel
	run unshare -Urn true
	[ "$status" -eq 0 ] || skip "no user namespaces here"
	unshare -Urn bash -ec '
		ip link set lo up
		fill -n 100 2>/dev/null || true
		[ "$(ctlist -c)" -eq 100 ]
		ctcount --total | grep -q total
		timeout 3 ctwatch --duration 0.3 2>&1 | grep -q seen
		ctstats -i 0.1 -n 1 -f csv | grep -q entries
		cttop -b -n 1 | grep -q of
		ctlist --verbose -c 2>&1 | grep -q "no capability is held"'
}

# All that could be left when the parent is gone at once.
@test "the child ends with its parent, however that ends" {
	local signal pid child i

	need_kernel
	for signal in INT KILL; do
		ctcount -i 1 >/dev/null 3>&- &
		pid=$!
		for ((i = 0; i < 100; i++)); do
			child=$(cat "/proc/$pid/task/$pid/children")
			[ "$child" ] && grep -q '^Seccomp:.*2' "/proc/$pid/status" && break
			sleep 0.02
		done
		[ "$child" ]
		kill -INT "$child"	# of the terminal: not for the child
		kill "-$signal" "$pid"
		wait "$pid" || true
		for ((i = 0; i < 100; i++)); do
			[ -e "/proc/${child% }" ] || break
			sleep 0.02
		done
		[ ! -e "/proc/${child% }" ]
	done
}
