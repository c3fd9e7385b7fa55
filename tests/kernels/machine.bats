# What concerns the whole machine, and is done only on one of the tests' own: a hash table that is resized
# while it is read, a clock that is set. (A full table, and chains too long: ctstats.bats.)
load ../lib/common

setup() {
	need_kernel
	[ "${CT_OWN_KERNEL:-}" ] || skip "not in a machine of its own"
	cd "$BATS_TEST_TMPDIR"
	nft "table inet track { chain c { type filter hook output priority 0; ct state new counter; }; }"
}

teardown() {
	[ "${CT_OWN_KERNEL:-}" ] || return 0
	buckets 65536
	nft flush ruleset
	empty_table
}

# What all namespaces share can only be set in the first one.
buckets() {
	nsenter -t 1 -n bash -c "echo $1 >/sys/module/nf_conntrack/parameters/hashsize"
}

@test "a table whose size changes during a dump, and then stays: every command gets on, and all flows are there" {
	local size pid

	fill -n 3000 -s 9 -p tcp4 >/dev/null
	for size in 4096 65536 8192; do
		(for i in 1 2 3; do buckets $size; buckets $((size * 2)); done; buckets $size) 3>&- &
		pid=$!
		for i in 1 2 3; do
			# A flow that moves behind the reader is not seen, one that moves ahead twice: by chance a few.
			[ "$(ctlist -c)" -gt 0 ]
			ctlist -j >flows
			jq -es 'length > 0 and all(.orig.src)' flows >/dev/null
			ctcount --total -H >/dev/null
		done
		wait "$pid"
		[ "$(ctlist -c)" -eq 3000 ]
	done
}

# resize SECONDS: so often, until the file `stop` is there. Each size is another one: back and forth within one dump is not noticed.
resize() {
	local i sizes=(8192 32768 4096 65536 16384 49152 12288 24576)

	for ((i = 0; i < 200; i++)); do
		[ -e stop ] && break
		buckets "${sizes[i % 8]}"
		sleep "$1"
	done
}

@test "a table that is resized while it is read: nothing is invented, and it is said" {
	local i told=0

	fill -n 4000 -t 3000 -o record >/dev/null
	jq -c '[.family, .proto, .orig, .zone]' record | sort -u >made
	resize 0.1 3>&- &
	for ((i = 0; i < 12; i++)); do
		ctlist -j >listed 2>said || { cat said; return 1; }
		! grep -q 'resized' said || told=$((told + 1))
		grep -q 'resized' said || [ "$(wc -l <listed)" -eq 4000 ]
	done
	touch stop
	wait $!
	echo "told $told of 12"
	[ "$told" -gt 0 ]
	jq -c '[.family, .proto, .orig, .zone]' listed | sort -u | comm -23 - made >foreign
	[ ! -s foreign ]
	ctlist -c >count
	[ "$(<count)" -eq 4000 ]
}

@test "a table that is resized while it is watched: no flow is said to be gone" {
	fill -n 3000 -t 3000 >/dev/null
	resize 1 3>&- &
	ctwatch --track --resync 0.3 --duration 6 -j >watched 2>said || { cat said; return 1; }
	touch stop
	wait $!
	cat said
	jq -r .type watched | sort | uniq -c
	[ "$(grep -cE '"type":"(new|destroy)"' watched)" -eq 0 ]
	grep -q '"type":"resync"' watched
}

# turn_clock SECONDS: forwards or back.
turn_clock() {
	busybox date -s "@$(($(busybox date +%s) + $1))" >/dev/null
}

@test "a clock that is set: intervals stay, nothing is negative" {
	local step begin end

	echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
	for step in -3600 7200 -3600; do
		read -r begin _ </proc/uptime
		fill -n 100 -t 3000 >/dev/null
		ctstats -j -i 1 -n 3 >stats 3>&- &
		ctcount -j -i 1 -n 3 >counts 3>&- &
		cttop -j -d 1 -n 3 >screens 3>&- &
		ctwatch -j --duration 3 >events 2>/dev/null 3>&- &
		sleep 1.5
		turn_clock "$step"
		conntrack -D -p udp >/dev/null 2>&1
		wait
		read -r end _ </proc/uptime
		echo "step $step: ${begin} ${end}"
		# Samples come at their pace, however the clock jumps.
		[ "$(wc -l <stats)" -eq 3 ]
		[ "$(wc -l <screens)" -eq 3 ]
		[ "$(awk -v a="$begin" -v b="$end" 'BEGIN { print b - a < 60 }')" -eq 1 ]
		[ "$(jq -c '.interval > 0.5 and .interval < 20' stats | sort -u)" = true ]
		ctlist -j -o age,start,idle,timeout >listed
		jq -c 'select(.type == "destroy") | [.duration, .reason]' events | sort | uniq -c
		[ -z "$(grep -hE '"(age|idle|duration|rate|interval|new_per_second|gone_per_second|new_flows)":-' \
			stats counts screens events listed | cut -c 1-300 | tee /dev/stderr)" ]
		conntrack -F >/dev/null 2>&1
	done
}
