# Names of addresses in cttop: where they are asked for, by whom, and that nothing is left of who asks.
load lib/common
load lib/terminal

setup() {
	need_kernel
	TERMINAL=$BATS_TEST_TMPDIR/terminal
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -S "$TERMINAL" ] && tmux -S "$TERMINAL" kill-server
	for process in ${server:-} ${holder:-}; do
		kill "$process" || true
	done
}

# name_server [silent]: the one that resolv.conf(5) names is ours, in this namespace.
name_server() {
	local address

	/usr/bin/python3 -c '' 2>/dev/null || skip "no python3"
	grep -qE '^hosts:.*dns' /etc/nsswitch.conf 2>/dev/null || skip "names do not come from a name server"
	! grep -qE '^hosts:.*(resolve|sss)' /etc/nsswitch.conf || skip "names come from a service outside"
	[ ! -S /run/nscd/socket ] || skip "nscd knows names"
	address=$(awk '$1 == "nameserver" { print $2; exit }' /etc/resolv.conf)
	address=${address:-127.0.0.1}
	[[ $address == 127.* || $address == ::1 ]] || ip addr replace "$address" dev lo
	/usr/bin/python3 "$ROOT/tests/lib/dns.py" "$address" "$@" >asked 3>&- &
	server=$!
	until_true grep -q listens asked
}

# A process in another network namespace, in which there are flows and nobody to ask; its PID is in $holder.
hold_namespace() {
	unshare -n sleep 60 </dev/null >/dev/null 2>&1 3>&- &
	holder=$!
	until_true other_namespace
	nsenter --net="/proc/$holder/ns/net" "$BUILD/tests/fill" -n 20 -s 5 2>/dev/null
}

other_namespace() {
	[ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

resolver_pid() {
	local child

	for child in $(pgrep -P "$(cttop_pid)"); do
		[ ! -p "/proc/$child/fd/0" ] || echo "$child"
	done
}

@test "of another namespace too the system's own name server is asked" {
	name_server
	hold_namespace
	terminal_start 100 24 cttop -v sources -N "$holder"
	shows ' SOURCE'
	press n
	shows '^ host\.example'
	press q
	sane
}

@test "who asks has no terminal, no file, no capability, and is not root" {
	not_under_valgrind "it has files of its own"
	hold_namespace
	terminal_start 100 24 cttop -N "$holder"
	shows ' table '
	children=$(pgrep -P "$(cttop_pid)")
	[ "$(wc -w <<<"$children")" -ge 2 ]
	for child in $children; do
		ls -l "/proc/$child/fd"
		[ "$(ls "/proc/$child/fd" | paste -sd ' ')" = '0 1 2 3' ]
		[ "$(readlink "/proc/$child/fd/1")" = /dev/null ]
		[ "$(readlink "/proc/$child/fd/2")" = /dev/null ]
		[[ $(readlink "/proc/$child/fd/3") == socket:* ]]
		[ "$(ps -o sid=,tty= "$child" | tr -s ' ')" = "$(ps -o pid= "$child" | tr -s ' ') ?" ]
	done
	child=$(resolver_pid)
	[ "$(readlink "/proc/$child/ns/net")" = "$(readlink /proc/self/ns/net)" ]
	grep -qE '^CapEff:\s0+$' "/proc/$child/status"
	if [ "$(awk '{ print $3 }' /proc/self/uid_map)" = 4294967295 ]; then
		grep -qE '^Uid:\s65534\s65534\s65534\s65534$' "/proc/$child/status"
		grep -qE '^Gid:\s65534\s65534\s65534\s65534$' "/proc/$child/status"
		grep -qE '^Groups:\s*$' "/proc/$child/status"
	fi
	press q
	sane
}

@test "a look-up that gets no answer ends with cttop, however that ends" {
	name_server silent
	hold_namespace
	terminal_start 100 24 cttop -v sources -N "$holder"
	shows ' SOURCE'
	press n
	until_true grep -q asked asked
	child=$(resolver_pid)
	kill -0 "$child"
	kill -KILL "$(cttop_pid)"
	for ((i = 0; i < 30; i++)); do
		[ -e "/proc/$child" ] || break
		sleep 0.1
	done
	[ ! -e "/proc/$child" ]
}
