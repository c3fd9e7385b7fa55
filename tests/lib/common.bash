# What every bats file loads: paths, private namespaces, comparison with oracles.
# tests/run starts each file in its own network namespace; a test that wants a fresh one says `unshare -n`.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$ROOT/${B:-build}
case ${B:-build} in /*) BUILD=$B ;; esac
PATH=$BUILD:$BUILD/tests:/usr/sbin:/sbin:$PATH
TZ=UTC
LC_ALL=C
export PATH TZ LC_ALL
unset NO_COLOR COLUMNS
bats_require_minimum_version 1.5.0

# For tests of the real kernel.
need_kernel() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || skip "no private network namespace can be made here"
	[ -e /proc/sys/net/netfilter/nf_conntrack_count ] || skip "this kernel has no conntrack"
	ip link set lo up
}

# For tests of files alone: in the slow machines of tests/kernels they would find nothing new.
no_kernel() {
	[ -z "${CT_OWN_KERNEL:-}" ] || skip "asks no kernel"
}

need() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# Empties the table of this namespace (the test tool's doing: ctscope itself never deletes).
empty_table() {
	conntrack -F >/dev/null 2>&1
}

# Waits until the command is true, ten seconds at most.
until_true() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.1
	done
	echo "not true in time: $*" >&2
	return 1
}

# Process $1 has joined a group of conntrack events, or listens to the packets.
listens() {
	awk -v pid="$1" '$2 == 12 && $3 == pid && $4 != "00000000" { found = 1 } END { exit !found }' \
		"/proc/$1/net/netlink"
}

# Somebody in this namespace listens to events: the command, or the child that opens its sockets.
listened() {
	awk '$2 == 12 && $4 != "00000000" { found = 1 } END { exit !found }' /proc/net/netlink
}

# For what cannot be seen under valgrind, with the reason.
not_under_valgrind() {
	[[ $BUILD != *valgrind* ]] || skip "$1"
}

# Checks that each line of stdin is an object of schema/NAME.json. The distribution's python has the module,
# whatever other python comes first in PATH.
validate() {
	PATH=/usr/bin:$PATH python3 "$ROOT/tests/lib/validate.py" "$ROOT/schema/$1.json"
}
