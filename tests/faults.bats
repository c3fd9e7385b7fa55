# What goes wrong around a command: memory, changes of the table and the namespace under it.
load lib/common

# without_memory COMMAND...: fails the first, second, ... allocation until one run comes to its end.
without_memory() {
	local at status library=$BATS_FILE_TMPDIR/failing-malloc.so

	[ -e "$library" ] || cc -shared -fPIC -O1 -o "$library" "$ROOT/tests/lib/failing-malloc.c"
	for ((at = 0; at < 400; at++)); do
		status=0
		LD_PRELOAD=$library FAIL_AT=$at timeout 10 "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" \
			</dev/null || status=$?
		if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then
			echo "$*: allocation $at fails: status $status"
			cat "$BATS_TEST_TMPDIR/err"
			return 1
		fi
		# Trouble is told.
		if [ "$status" -eq 2 ] && [ ! -s "$BATS_TEST_TMPDIR/err" ]; then
			echo "$*: allocation $at fails: exit 2 without a word"
			return 1
		fi
	done
}

no_sanitizer() {
	! nm -D "$BUILD/ctlist" 2>/dev/null | grep -q asan || skip "the sanitizer has its own allocator"
}

@test "no memory, at any allocation: one line and exit 2" {
	need_kernel
	need cc
	no_sanitizer
	empty_table
	fill -n 40 -s 3 2>/dev/null
	ctlist -w "$BATS_TEST_TMPDIR/saved.pcap" -j >"$BATS_TEST_TMPDIR/saved.json"
	without_memory ctlist -s src tcp
	without_memory ctlist -j -r "$BATS_TEST_TMPDIR/saved.pcap"
	without_memory ctlist -r "$BATS_TEST_TMPDIR/saved.json"
	without_memory ctcount --by dport --across state
	without_memory ctwatch -r "$BATS_TEST_TMPDIR/saved.pcap"
	without_memory ctstats --no-events -j
	without_memory cttop -b -n 1 -r "$BATS_TEST_TMPDIR/saved.pcap"
}

@test "a dump while entries come and go" {
	need_kernel
	empty_table
	fill -n 20000 -s 9 -p tcp4 2>/dev/null
	fill -p churn -n 200000 -r 100000 2>/dev/null 3>&- &
	churn=$!
	for _ in 1 2 3 4 5; do
		count=$(ctlist -c src 10.0.0.0/8)
		[ "$count" -ge 19000 ]
		ctlist -j | jq -e .orig.src >/dev/null
		ctcount --total -H | tail -n 1 | grep -q total
	done
	wait "$churn" || true
	empty_table
}

@test "a namespace that goes away while it is looked at" {
	need_kernel
	unshare -n sleep 20 3>&- &
	holder=$!
	for _ in $(seq 100); do
		[ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
		sleep 0.02
	done
	timeout 10 ctcount -N "$holder" -i 0.2 -n 6 >"$BATS_TEST_TMPDIR/out" 3>&- &
	counter=$!
	sleep 0.5
	kill "$holder"
	# The command holds the namespace: it goes on to its end.
	wait "$counter"
	run ctlist -N "$holder" -c
	[ "$status" -eq 2 ]
	[[ $output == *"does not exist"* ]]
}
