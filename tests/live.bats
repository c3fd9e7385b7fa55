# ctlist on the kernel's tables: privileges, namespaces, signals, the tables that there are.
load lib/common

setup() {
	need_kernel
}

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	"$BUILD/tests/fill" -n 3000
	"$BUILD/tests/fill" -s 2 -e 10
}

# A user namespace that maps nobody: the network namespace stays, the right to ask is gone.
unprivileged() {
	unshare -U "$@"
}

need_unprivileged() {
	unshare -U true 2>/dev/null || skip "no user namespace can be made: privileges cannot be left"
}

# A process in a network namespace of its own; its PID is in $holder.
hold_namespace() {
	unshare -n sleep 60 </dev/null >/dev/null 2>&1 3>&- &
	holder=$!
	for i in $(seq 200); do
		[ "$(readlink /proc/$holder/ns/net)" = "$(readlink /proc/self/ns/net)" ] || break
		sleep 0.01
	done
	nsenter --net=/proc/$holder/ns/net "$BUILD/tests/fill" -n 7 -s 5 2>/dev/null
}

@test "without CAP_NET_ADMIN: one line that says what to do" {
	not_under_valgrind "it stands for the command, whose path is another"
	need_unprivileged
	local arguments

	for arguments in '' -j -c -q '-s src' '-t expect' tcp '-t dying'; do
		echo "ctlist $arguments"
		# shellcheck disable=SC2086
		run -2 --separate-stderr unprivileged ctlist $arguments
		[ -z "$(grep -v ^PROTO <<<"$output")" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *CAP_NET_ADMIN*sudo*"setcap cap_net_admin+ep $BUILD/ctlist"* ]]
	done
}

@test "without CAP_NET_ADMIN an empty table is not told from a full one" {
	need_unprivileged
	run -2 unshare -n unshare -U "$BUILD/ctlist" -c
	[[ $output == *CAP_NET_ADMIN* ]]
}

@test "saved data, help and filters need no privilege" {
	need_unprivileged
	[ "$(unprivileged ctlist -c -r "$ROOT/tests/captures/mixed.pcap")" -eq 68 ]
	run -0 unprivileged ctlist --help
	run -0 unprivileged ctlist -F
	run -0 unprivileged ctlist --explain-filter tcp
}

@test "CAP_NET_ADMIN is all that it takes" {
	need setpriv
	local alone=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin)

	"${alone[@]}" true 2>/dev/null || skip "privileges cannot be set here"
	cp "$BUILD/ctlist" "$BATS_TEST_TMPDIR/ctlist"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/ctlist"
	"${alone[@]}" "$BATS_TEST_TMPDIR/ctlist" --version >/dev/null 2>&1 || skip "nobody cannot get at $BATS_TEST_TMPDIR"
	[ "$("${alone[@]}" "$BATS_TEST_TMPDIR/ctlist" -c)" -eq "$(ctlist -c)" ]
}

@test "another namespace: by PID and by path" {
	hold_namespace
	[ "$(ctlist -c -N $holder)" -eq 7 ]
	[ "$(ctlist -c --netns /proc/$holder/ns/net)" -eq 7 ]
	[ "$(ctlist -c)" -gt 3000 ]
	ctlist -N $holder -j | jq -c .orig | sort >"$BATS_TEST_TMPDIR/there"
	nsenter --net=/proc/$holder/ns/net "$BUILD/ctlist" -j | jq -c .orig | sort | diff - "$BATS_TEST_TMPDIR/there"
	kill $holder
}

@test "another namespace: by name" {
	local name=ctlist-test-$$

	ip netns add "$name" 2>/dev/null || skip "namespaces cannot be given names here"
	ip netns exec "$name" "$BUILD/tests/fill" -n 5 2>/dev/null || { ip netns del "$name"; return 1; }
	count=$(ctlist -c -N "$name") || true
	ip netns del "$name"
	[ "$count" -eq 5 ]
}

@test "a namespace that is not there is named" {
	for name in no-such-namespace /no/such/path 4194305; do
		run -2 --separate-stderr ctlist -N $name
		[[ $stderr == *"'$name'"* ]]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	# A file that is no namespace.
	run -2 --separate-stderr ctlist -N /etc/passwd
	[[ $stderr == *"'/etc/passwd'"* ]]
}

@test "an empty table: a heading, no row, and the likely reason on a terminal" {
	need script
	run -0 --separate-stderr unshare -n "$BUILD/ctlist"
	[ "$output" = "PROTO  STATE  SOURCE  DESTINATION  NAT  LEFT  FLAGS" ]
	[ -z "$stderr" ]
	run -0 unshare -n "$BUILD/ctlist" -j
	[ -z "$output" ]
	[ "$(unshare -n "$BUILD/ctlist" -c)" = 0 ]
	run -1 unshare -n "$BUILD/ctlist" -q
	[ -z "$output" ]
	unshare -n script -qec "$BUILD/ctlist" /dev/null </dev/null | grep -q 'the table is empty: probably no rule'
	# A filter that nothing matches is another thing.
	[ "$(script -qec "$BUILD/ctlist proto 250" /dev/null </dev/null | grep -c 'table is empty')" -eq 0 ]
}

@test "what no flow has because a setting was off is said" {
	local arguments says

	run_there() {
		unshare -n bash -c 'fill -n 20 2>/dev/null; ctlist "$@"' - "$@"
	}
	while IFS=$'\t' read -r arguments says; do
		echo "ctlist $arguments"
		# shellcheck disable=SC2086
		run -0 --separate-stderr run_there $arguments
		if [ "$says" ]; then
			[[ $stderr == "ctlist: no flow has"*"$says was 0 when they began" ]]
		else
			[ -z "$stderr" ]
		fi
	done <<-'END'
	-s -bytes -n 3	nf_conntrack_acct
	-c bytes > 10M	nf_conntrack_acct
	-c orig.packets > 3 or tcp	nf_conntrack_acct
	-o src,bytes	nf_conntrack_acct
	-s -age	nf_conntrack_timestamp
	-o +age	nf_conntrack_timestamp
	-c start > 2020-01-01	nf_conntrack_timestamp
	-o +id	
	-j	
	-f csv tcp	
	-s src,-timeout udp	
	-c idle > 1h	
	END
	run -1 --separate-stderr run_there -q 'bytes > 10M'
	[ -z "$stderr" ]
	run -0 --separate-stderr ctlist -c -r "$ROOT/tests/captures/mixed.pcap" 'idle > 1h'
	[[ $stderr == "ctlist: saved flows have no idle time"* ]]
}

@test "rows = count = what /proc lists" {
	[ "$(ctlist -c)" -eq "$(cat /proc/sys/net/netfilter/nf_conntrack_count)" ]
	[ "$(ctlist -H | wc -l)" -eq "$(ctlist -c)" ]
	[ "$(ctlist -j | wc -l)" -eq "$(ctlist -c)" ]
	[ -r /proc/net/nf_conntrack ] || skip "this kernel has no /proc/net/nf_conntrack"
	[ "$(wc -l </proc/net/nf_conntrack)" -eq "$(ctlist -c)" ]
}

@test "the tables" {
	[ "$(ctlist -c -t conntrack)" -eq "$(ctlist -c)" ]
	[ "$(ctlist -c -t expect)" -eq 10 ]
	[ "$(ctlist -c -t expect ipv4)" -lt 10 ]
	[ "$(ctlist -t expect -j helper ftp | wc -l)" -gt 0 ]
	run -0 ctlist -c -t dying
	[ "$output" = 0 ]
}

@test "a table that this kernel no longer lists is not shown as empty" {
	local release

	release=$(uname -r)
	case $release in [1-4].* | 5.[0-9].* | 5.1[0-8].*) skip "this kernel still lists it" ;; esac
	run -2 --separate-stderr ctlist -t unconfirmed
	[ -z "$output" ]
	[[ $stderr == *"$release"*unconfirmed*5.19* ]]
}

# Waits until the process sleeps in a system call, then tells it to end.
end_with() {
	local signal=$1 pid=$2 i

	for ((i = 0; i < 200; i++)); do
		grep -q '^State:.*sleeping' /proc/$pid/status 2>/dev/null && break
		sleep 0.01
	done
	sleep 0.1
	kill -$signal $pid
}

@test "a signal ends it while nobody reads what it prints" {
	local signal started

	mkfifo "$BATS_TEST_TMPDIR/pipe"
	for signal in TERM INT; do
		exec 8<>"$BATS_TEST_TMPDIR/pipe"
		# A shell's background process would ignore SIGINT.
		setsid env --default-signal=INT "$BUILD/ctlist" -j >"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
		pid=$!
		started=$SECONDS
		end_with $signal $pid
		status=0
		wait $pid || status=$?
		exec 8>&-
		[ $((SECONDS - started)) -lt 8 ]
		# It was cut short, and says so.
		[ "$status" -eq 2 ]
		grep -q 'standard output: Interrupted' "$BATS_TEST_TMPDIR/err"
	done
}

@test "a signal ends it while it waits for a file, with what was read" {
	local signal

	mkfifo "$BATS_TEST_TMPDIR/pipe"
	for signal in TERM INT; do
		exec 8<>"$BATS_TEST_TMPDIR/pipe"
		cat "$ROOT/tests/captures/mixed.conntrack" >&8 &
		setsid env --default-signal=INT "$BUILD/ctlist" -c -r - <"$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/out" \
			2>"$BATS_TEST_TMPDIR/err" 3>&- 8>&- &
		pid=$!
		sleep 0.5
		end_with $signal $pid
		status=0
		wait $pid || status=$?
		exec 8>&-
		cat "$BATS_TEST_TMPDIR/err"
		[ "$status" -eq 0 ]
		[ "$(cat "$BATS_TEST_TMPDIR/out")" -eq 68 ]
	done
}

@test "a signal ends it in a line without end" {
	local signal

	for signal in TERM INT; do
		setsid env --default-signal=INT "$BUILD/ctlist" -c -r /dev/zero >"$BATS_TEST_TMPDIR/out" \
			2>"$BATS_TEST_TMPDIR/err" 3>&- &
		pid=$!
		until_true grep -q '^ctlist: /dev/zero:1: the line is too long' "$BATS_TEST_TMPDIR/err"
		end_with $signal $pid
		status=0
		wait $pid || status=$?
		[ "$status" -eq 2 ]	# nothing could be read
		grep -q '^ctlist: 0 read, 1 not' "$BATS_TEST_TMPDIR/err"
	done
}

@test "memory does not grow with the table" {
	local few many

	no_kernel
	[ -x /usr/bin/python3 ] || skip "no python"
	grep -q __asan_init "$BUILD/ctlist" && skip "the address sanitizer keeps what was freed"
	for i in $(seq 5); do cat "$ROOT/tests/captures/mixed.conntrack"; done >"$BATS_TEST_TMPDIR/few"
	for i in $(seq 100); do cat "$BATS_TEST_TMPDIR/few"; done >"$BATS_TEST_TMPDIR/many"
	peak() {
		/usr/bin/python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
	}
	for arguments in '' -j '-s -timeout -n 10'; do
		# shellcheck disable=SC2086
		few=$(peak "$BUILD/ctlist" $arguments -r "$BATS_TEST_TMPDIR/few")
		# shellcheck disable=SC2086
		many=$(peak "$BUILD/ctlist" $arguments -r "$BATS_TEST_TMPDIR/many")
		echo "ctlist $arguments: $few KB, $many KB"
		[ "$many" -lt $((few + 1000)) ]
	done
}
