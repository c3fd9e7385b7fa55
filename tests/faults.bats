# What goes wrong around a command: memory, system calls, changes of the table and the namespace under it, a
# full disk, a reader or a terminal that goes away. Each recovers, or ends with one clear line and status 2.
load lib/common

setup_file() {
	for library in failing-malloc faults; do
		cc -D_GNU_SOURCE -Wall -Wextra -Werror -U_FORTIFY_SOURCE -shared -fPIC -O1 -o "$BATS_FILE_TMPDIR/$library.so" \
			"$BATS_TEST_DIRNAME/lib/$library.c" || true
	done
}

setup() {
	DIR=$BATS_TEST_TMPDIR
}

no_sanitizer() {
	need cc
	[ -e "$BATS_FILE_TMPDIR/faults.so" ] || { echo "tests/lib/faults.c does not build"; return 1; }
	! grep -q __asan_init "$BUILD/ctlist" || skip "the sanitizer has its own allocator and comes first"
}

# Without the system call filter: libseccomp 2.5.4 itself uses NULL where its memory is out (seccomp_load()).
# without_memory COMMAND...: fails the first, second, ... allocation, and all after it; of very many, about a hundred
# of those behind the first sixty.
without_memory() {
	local at made status library=$BATS_FILE_TMPDIR/failing-malloc.so

	timeout 10 env FAIL_COUNT="$DIR/made" LD_PRELOAD="$library" "$@" --no-sandbox >/dev/null 2>&1 </dev/null
	made=$(<"$DIR/made")
	echo "$*: $made allocations"
	[ "$made" -gt 5 ]
	for ((at = 0; at < made; at += at < 60 ? 1 : made / 100 + 1)); do
		status=0
		timeout 10 env LD_PRELOAD="$library" FAIL_AT=$at "$@" --no-sandbox >"$DIR/out" 2>"$DIR/err" </dev/null || status=$?
		# So glibc gives up where it cannot do without.
		[ "$status" -ne 134 ] || ! grep -q '^Unexpected error' "$DIR/err" || status=2
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || { echo "allocation $at: status $status"; cat "$DIR/err"; return 1; }
		[ "$status" -eq 0 ] || [ -s "$DIR/err" ] || { echo "allocation $at: exit 2 without a word"; return 1; }
	done
}

@test "no memory, at any allocation: one line and exit 2" {
	need_kernel
	no_sanitizer
	not_under_valgrind "it allocates itself"
	empty_table
	fill -n 40 -s 3 2>/dev/null
	ctlist -w "$DIR/saved.pcap" -j >"$DIR/saved.json"
	without_memory ctlist -s src tcp
	without_memory ctlist -j -r "$DIR/saved.pcap"
	without_memory ctlist -r "$DIR/saved.json"
	without_memory ctcount --by dport --across state
	without_memory ctwatch -r "$DIR/saved.pcap"
	without_memory ctwatch -c 0 --track
	without_memory ctstats --no-events -j
	without_memory ctstats -j -r "$ROOT/tests/captures/conntrack-S.txt"
	# No view with names of ports: glibc 2.36 uses NULL itself in getservbyport().
	without_memory cttop -b -n 1 -v states -r "$DIR/saved.pcap"
}

# Each command of stdin with the fault of $1; `wrong` is run on what came of it.
with_fault() {
	local fault=$1 line

	while read -r line; do
		status=0
		fill -p churn -n 60 -r 1000 >/dev/null 2>&1 3>&- &
		# shellcheck disable=SC2086 # words
		timeout 20 env LD_PRELOAD="$BATS_FILE_TMPDIR/faults.so" FAULTS="$fault" $line >"$DIR/out" 2>"$DIR/err" </dev/null || status=$?
		wait $!
		echo "$fault: $line: status $status, $(wc -l <"$DIR/out") lines, $(tail -n 2 "$DIR/err")"
		"$2" || { cat "$DIR/err"; return 1; }
	done
}

commands() {
	printf '%s\n' "ctlist -j" "ctlist -s src -n 5" "ctlist -w $DIR/saved.pcap -c" "ctcount --total" "ctcount -i 0.2 -n 2" \
		"ctwatch --duration 0.4" "ctwatch --track --duration 0.4" "ctwatch --summary 0.2 --duration 0.4" \
		"ctstats -i 0.2 -n 2" "ctstats -O -j" "cttop -b -n 2 -d 0.3"
}

recovers() {
	[ "$status" -eq 0 ] && [ -s "$DIR/out" ]
}

@test "calls that are interrupted, that take a few bytes, that find nothing yet: all is there in the end" {
	need_kernel
	no_sanitizer
	empty_table
	fill -n 3000 -s 9 2>/dev/null
	for fault in eintr short again; do
		commands | with_fault "$fault" recovers
	done
	for fault in eintr short; do
		LD_PRELOAD=$BATS_FILE_TMPDIR/faults.so FAULTS=$fault ctlist -j -o id -s id >"$DIR/hurt"
		ctlist -j -o id -s id >"$DIR/whole"
		cmp "$DIR/hurt" "$DIR/whole"
		LD_PRELOAD=$BATS_FILE_TMPDIR/faults.so FAULTS=$fault ctlist -w "$DIR/hurt.pcap" -c
		ctlist -j -o id -s id -r "$DIR/hurt.pcap" | cmp - "$DIR/whole"
	done
	empty_table
}

@test "events that the kernel lost: it goes on" {
	need_kernel
	no_sanitizer
	printf '%s\n' "ctwatch --duration 0.4" "ctwatch --track --duration 0.4" "cttop -b -n 2 -d 0.3" "ctstats -i 0.2 -n 2" |
		with_fault enobufs recovers
}

counted() {
	recovers && { [[ $line == cttop* ]] || [[ $line == ctstats* ]] || [[ $line == *track* ]] ||
		grep -qE ' read, [0-9]+ not|seen' "$DIR/err"; }
}

@test "datagrams that end in their middle: the rest is used, and what could not be is counted" {
	need_kernel
	no_sanitizer
	empty_table
	fill -n 3000 -s 9 2>/dev/null
	commands | with_fault cut counted
	empty_table
}

told() {
	[ "$status" -eq 2 ] && [ ! -s "$DIR/out" ] && [ "$(wc -l <"$DIR/err")" -eq 1 ] && grep -q 'Input/output error' "$DIR/err"
}

@test "a dump that ends with an error: one line, exit 2" {
	need_kernel
	no_sanitizer
	empty_table
	fill -n 300 -s 9 2>/dev/null
	printf '%s\n' "ctlist" "ctlist -j" "ctlist -s src" "ctcount" "cttop -b -n 1" | with_fault refused told
	empty_table
}

@test "the clock is set on and back: intervals and rates stay what they are" {
	need_kernel
	no_sanitizer
	empty_table
	fill -n 300 -s 9 2>/dev/null
	commands | with_fault clock recovers
	# Rates are of the clock that only goes forward: no sample of 0.2 seconds has counted over an hour.
	LD_PRELOAD=$BATS_FILE_TMPDIR/faults.so FAULTS=clock ctstats -i 0.2 -n 3 -j >"$DIR/stats"
	jq -es 'length == 3 and all(.seconds == null or (.seconds > 0.1 and .seconds < 5))' "$DIR/stats"
	start=$SECONDS
	timeout 20 env LD_PRELOAD="$BATS_FILE_TMPDIR/faults.so" FAULTS=clock ctwatch --duration 1 --summary 0.3 -j >"$DIR/summary" 2>/dev/null
	[ $((SECONDS - start)) -lt 5 ]
	[ "$(wc -l <"$DIR/summary")" -ge 2 ]
	[ "$(wc -l <"$DIR/summary")" -le 6 ]
	empty_table
}

@test "a CPU that comes and one that goes: nothing is counted twice, nothing turns negative" {
	{
		printf 'cpu=0   \tfound=10 invalid=5 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 \n'
		printf 'cpu=0   \tfound=12 invalid=5 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 \n'
		printf 'cpu=1   \tfound=7 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 \n'
		printf 'cpu=1   \tfound=9 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 \n'
	} >"$DIR/saved"
	ctstats -j -i 1 -r "$DIR/saved" 2>/dev/null >"$DIR/out"
	[ "$(jq -s length "$DIR/out")" -eq 3 ]
	[ "$(jq -s -c 'map(.counters.found.rate)' "$DIR/out")" = '[null,9,2]' ]
	jq -es 'all(.[]; all(.counters[]; (.rate // 0) >= 0))' "$DIR/out"
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
	cttop -b -n 1 >"$DIR/out"
	timeout 10 ctwatch --duration 0.3 -B 64Ki -j >"$DIR/events" 2>"$DIR/err"
	wait "$churn" || true
	jq -es 'length > 0' "$DIR/events"
	grep -qE '[0-9]+ events seen, [0-9]+ lost' "$DIR/err"
	empty_table
}

# The child of process $1 is in the network namespace of process $2.
inside() {
	[ "/proc/$(pgrep -P "$1")/ns/net" -ef "/proc/$2/ns/net" ]
}

@test "a namespace that goes away while it is looked at" {
	need_kernel
	for line in "ctcount -i 0.2 -n 4" "ctwatch --duration 1" "ctwatch --track --resync 0.2 --duration 1" \
		"ctstats -i 0.2 -n 4" "cttop -b -n 3 -d 0.3"; do
		unshare -n sleep 20 3>&- &
		holder=$!
		for _ in $(seq 100); do
			[ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
			sleep 0.02
		done
		# shellcheck disable=SC2086 # words
		timeout 10 $line -N "$holder" >"$DIR/out" 2>"$DIR/err" 3>&- &
		reader=$!
		until_true inside "$reader" "$holder"
		sleep 0.2
		kill "$holder"
		wait "$holder" || true
		# The command holds the namespace: it goes on to its end.
		wait "$reader" || { echo "$line: $?"; cat "$DIR/err"; return 1; }
		run ctlist -N "$holder" -c
		[ "$status" -eq 2 ]
		[[ $output == *"does not exist"* ]]
	done
}

@test "a full disk, for what is printed and what is saved" {
	need_kernel
	[ -c /dev/full ] || skip "no /dev/full"
	empty_table
	fill -n 300 -s 9 2>/dev/null
	for line in "ctlist" "ctlist -j" "ctlist -w /dev/full -c" "ctcount -j" "ctstats -j" "cttop -b -n 1" \
		"ctwatch --track --duration 0.3 -j" "ctwatch -r $ROOT/tests/captures/mixed.pcap --summary 1" "ctlist -F" "ctstats --explain" "cttop -h"; do
		status=0
		# shellcheck disable=SC2086 # words
		timeout 10 $line >/dev/full 2>"$DIR/err" </dev/null || status=$?
		echo "$line: $status $(cat "$DIR/err")"
		[ "$status" -eq 2 ]
		grep -q 'No space left' "$DIR/err"
	done
	empty_table
}

@test "a reader that goes away ends every command quietly" {
	need_kernel
	empty_table
	fill -n 3000 -s 9 2>/dev/null
	fill -p churn -n 20000 -r 3000 >/dev/null 2>&1 3>&- &
	churn=$!
	for line in "ctlist -j" "ctcount --by id" "ctcount -i 0.1" "ctwatch -j" "ctwatch --summary 0.1" "ctstats -i 0.05" "cttop -b -d 0.1"; do
		# shellcheck disable=SC2086 # words
		timeout 10 bash -c "$line 2>'$DIR/err' | head -n 1 >/dev/null; exit \${PIPESTATUS[0]}" || { echo "$line: $?"; return 1; }
		! grep -iE 'broken pipe|error' "$DIR/err"
	done
	kill "$churn" || true
	wait "$churn" || true
	empty_table
}

# The other end of a terminal is closed, as by a connection that breaks: SIGHUP, then EIO.
@test "a terminal that vanishes ends cttop and ctwatch" {
	need_kernel
	for line in "cttop -d 60" "ctwatch --track" "ctcount -i 60"; do
		/usr/bin/python3 - "$line" <<'END'
import os
import pty
import signal
import sys
import time

pid, fd = pty.fork()
if not pid:
    os.environ["TERM"] = "xterm"
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.execvp("sh", ["sh", "-c", "exec " + sys.argv[1]])
time.sleep(0.7)
os.close(fd)
for _ in range(100):
    got, status = os.waitpid(pid, os.WNOHANG)
    if got:
        # The terminal is gone, so a last line cannot be written; a signal of its own would be a crash.
        assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGHUP, status
        sys.exit(0)
    time.sleep(0.05)
os.kill(pid, signal.SIGKILL)
sys.exit("%s lives on without its terminal" % sys.argv[1])
END
	done
}
