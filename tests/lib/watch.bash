# What the tests of ctwatch share: a world whose gateway is watched.
# Loading world.bash forgets the world that setup_file has made.
world_kept=("${WORLD_CLIENT:-}" "${WORLD_GATEWAY:-}" "${WORLD_SERVER:-}")
# shellcheck source-path=SCRIPTDIR
source "$ROOT/tests/lib/world.bash"
WORLD_CLIENT=${world_kept[0]} WORLD_GATEWAY=${world_kept[1]} WORLD_SERVER=${world_kept[2]}
TOOLS=$BUILD/tests

# For setup_file: the world, and its processes for the tests and for teardown_file.
watch_world() {
	world_up || return
	export WORLD_CLIENT WORLD_GATEWAY WORLD_SERVER
	export WORLD_LIST="${WORLD_PIDS[*]}"
}

watch_world_down() {
	local pid
	for pid in $WORLD_LIST; do
		kill "$pid" 2>/dev/null || true
	done
}

# In the gateway, for `&`: $! is then the PID of the program itself.
at_gateway() {
	exec nsenter --net="/proc/$WORLD_GATEWAY/ns/net" -- "$@" 3>&-
}

# So many sockets of the gateway have joined groups of conntrack events.
listeners() {
	# shellcheck disable=SC2016 # the fields are awk's
	[ "$(in_gateway awk '$2 == 12 && $4 != "00000000"' /proc/net/netlink | wc -l)" -ge "$1" ]
}

# watching ARGUMENTS: starts ctwatch -j in the gateway, writing to $OUT; WATCH is its PID.
watching() {
	OUT=$BATS_TEST_TMPDIR/out ERR=$BATS_TEST_TMPDIR/err
	(at_gateway ctwatch -j "$@" >"$OUT" 2>"$ERR") &
	WATCH=$!
	until_true listens "$WATCH"
}

# stop [SIGNAL]: ends it; the status is that of ctwatch.
stop() {
	kill "-${1:-INT}" "$WATCH"
	wait "$WATCH"
}

# serving ARGUMENTS-OF-TRAFFIC: a server for this test; end_servers in teardown ends all.
serving() {
	world_serve "$@" --seconds 120
	SERVING="${SERVING:-} $WORLD_SERVED"
}

end_servers() {
	local pid
	for pid in ${SERVING:-}; do
		kill "$pid" 2>/dev/null || true
	done
}

# A line of $OUT for which the jq expression is true is there. Expired flows are only reported once
# somebody finds them: a dump does.
told() {
	in_gateway conntrack -L >/dev/null 2>&1
	jq -e -n "first(inputs | select($1))" "$OUT" >/dev/null 2>&1
}

# printed N: so many lines are in $OUT.
printed() {
	[ "$(wc -l <"$OUT")" -ge "$1" ]
}

# stopped_for_long PID: a process that prints --summary 0.1 -j to $OUT misses 30 of them. What comes then is one for
# that time, and others at theirs: a burst of them would have next to no time between them.
stopped_for_long() {
	until_true printed 1
	kill -STOP "$1"
	sleep 3
	kill -CONT "$1"
	until_true printed $(($(wc -l <"$OUT") + 10))
	stop INT
	jq -e -s 'any(.seconds > 2)' "$OUT"
	[ "$(jq -s 'map(select((.seconds // 0) < 0.02)) | length' "$OUT")" -le 5 ]
}
