# ctstats: the kernel is made to count, and what it counted is compared.
bats_require_minimum_version 1.5.0
load lib/common

CAPTURES=$ROOT/tests/captures

setup() {
	PIDS=()
}

teardown() {
	local pid

	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	[ -z "${FRESH:-}" ] || empty_table
}

# A server on loopback that ends with the test.
serve() {
	local fd ready

	exec {fd}< <(exec traffic serve "$@" 3>&-)
	PIDS+=($!)
	read -r -t 5 -u "$fd" ready
	[ "$ready" = ready ]
}

# Makes this namespace track what passes, by the rules given.
track() {
	nft delete table inet stats 2>/dev/null || true
	nft -f - <<-END
		table inet stats {
			chain track { type filter hook input priority 0; ct state new counter; }
			$1
		}
	END
	FRESH=1
}

value() { # NAME [FILE]
	jq ".counters.$1.total" "${2:-/dev/stdin}"
}

# Each counter of each CPU as conntrack prints it.
as_conntrack() {
	jq -r '.cpus[] | "cpu=\(.cpu) \([to_entries[] | select(.key != "cpu" and
		(.key | startswith("expect") | not)) | "\(.key)=\(.value)"] | sort | join(" "))"'
}

conntrack_sorted() {
	conntrack -S | while read -r cpu rest; do
		echo "$cpu $(tr ' ' '\n' <<<"$rest" | sed '/^$/d' | sort | tr '\n' ' ' | sed 's/ $//')"
	done
}

same_as_conntrack() {
	diff <(conntrack_sorted) <(ctstats -j --per-cpu | as_conntrack)
}

@test "the values are those of conntrack -S and of the sysctls" {
	need_kernel
	need conntrack
	FRESH=1
	fill -n 3000 -s 3 2>/dev/null
	fill -e 12 -s 4 2>/dev/null
	same_as_conntrack
	ctstats -j >"$BATS_TEST_TMPDIR/j"
	cd /proc/sys/net/netfilter
	[ "$(jq .entries "$BATS_TEST_TMPDIR/j")" -eq "$(cat nf_conntrack_count)" ]
	[ "$(jq .max "$BATS_TEST_TMPDIR/j")" -eq "$(cat nf_conntrack_max)" ]
	[ "$(jq .buckets "$BATS_TEST_TMPDIR/j")" -eq "$(cat nf_conntrack_buckets)" ]
	[ "$(jq .expect_max "$BATS_TEST_TMPDIR/j")" -eq "$(cat nf_conntrack_expect_max)" ]
	[ "$(jq .expectations "$BATS_TEST_TMPDIR/j")" -eq "$(wc -l </proc/net/nf_conntrack_expect)" ]
	[ "$(jq .expectations "$BATS_TEST_TMPDIR/j")" -eq 12 ]
	[ "$(value insert "$BATS_TEST_TMPDIR/j")" -ge 3000 ]
	validate ctstats <"$BATS_TEST_TMPDIR/j"
}

@test "counters that this kernel leaves at 0 are absent, not 0" {
	need_kernel
	[ "$(ctstats -j | jq '.counters | has("new") or has("searched") or has("delete_list")')" = false ]
	ctstats | grep -qE '^searched +- +- +not counted since 4.9$'
	ctstats | grep -qE '^drop +[0-9]+ +0\.0 +packets dropped'
}

@test "SNAT of two clients to one port: insert_failed and drop, told as clash" {
	need_kernel
	track 'chain nat { type nat hook postrouting priority srcnat;
		ip daddr 127.0.0.1 tcp dport 8000 snat ip to 127.0.0.9:5000; }'
	serve 127.0.0.1 8000
	ctstats -j >"$BATS_TEST_TMPDIR/before"
	ctstats -j -i 1.5 -n 1 >"$BATS_TEST_TMPDIR/during" 3>&- &
	pid=$!
	until_true listened
	sleep 0.2	# the first sample
	traffic connect 127.0.0.1 8000 --source 127.0.0.2 --hold 1200 3>&- &
	PIDS+=($!)
	sleep 0.2
	traffic connect 127.0.0.1 8000 --source 127.0.0.3 --timeout 300 >"$BATS_TEST_TMPDIR/second"
	grep -q 'unanswered=1' "$BATS_TEST_TMPDIR/second"
	wait "$pid"
	ctstats -j >"$BATS_TEST_TMPDIR/after"
	for name in insert_failed drop; do
		[ "$(value $name "$BATS_TEST_TMPDIR/after")" -gt "$(value $name "$BATS_TEST_TMPDIR/before")" ]
	done
	jq -e '.drops.clash.rate > 0 and .drops.table_full.rate == 0 and .drops.chain_too_long.rate == 0' \
		"$BATS_TEST_TMPDIR/during"
	jq -e '.warnings[0] | .about == "insert_failed" and .level == "critical"' "$BATS_TEST_TMPDIR/during"
	# The connection that came through is one new flow; the other never was one.
	jq -e '.new_flows == 1 and .events_lost == 0' "$BATS_TEST_TMPDIR/during"
	validate ctstats <"$BATS_TEST_TMPDIR/during"
	same_as_conntrack
}

@test "a UDP port pool that is used up makes found grow" {
	need_kernel
	track 'chain nat { type nat hook postrouting priority srcnat;
		ip daddr 127.0.0.1 udp dport 8001 snat ip to 127.0.0.9:6000-6003; }'
	serve 127.0.0.1 8001 --udp
	before=$(ctstats -j | jq -c .counters)
	traffic udp 127.0.0.1 8001 --count 8 >/dev/null || true
	after=$(ctstats -j | jq -c .counters)
	jq -en --argjson a "$before" --argjson b "$after" \
		'$b.found.total > $a.found.total and $b.drop.total > $a.drop.total'
}

@test "invalid packets and ICMP errors are counted as the kernel says" {
	need_kernel
	track ''
	serve 127.0.0.1 8002
	for kind in tcp-synfin tcp-null tcp-xmas tcp-rst udp-length icmp-type icmp-short; do
		before=$(ctstats -j | jq -c .counters)
		traffic invalid "$kind" 127.0.0.1 4000 127.0.0.1 8002 --count 3 >/dev/null
		counter=invalid
		[ "${kind%%-*}" = icmp ] && counter=error
		[ $(($(ctstats -j | value $counter) - $(jq .$counter.total <<<"$before"))) -ge 3 ] ||
			{ echo "$kind"; false; }
	done
	same_as_conntrack
}

@test "two first packets of one flow that race are counted as resolved" {
	need_kernel
	[ "$(nproc)" -gt 1 ] || skip "one CPU has no race"
	track ''
	serve 127.0.0.1 8003 --udp --silent
	for ((i = 0; i < 10; i++)); do
		race 8003 100
		[ "$(ctstats -j | value clash_resolve)" -gt 0 ] && break
	done
	[ "$(ctstats -j | value clash_resolve)" -gt 0 ]
	[ "$(ctstats -j | value insert_failed)" -ge 0 ]
	same_as_conntrack
}

# queue_new PORT NUMBER: the first packets of UDP flows to a port go to an NFQUEUE. Not all kernels have both ways.
queue_new() {
	nft "table inet hold { chain hold { type filter hook output priority 1; udp dport $1 ct state new queue num $2; }; }" \
		2>/dev/null ||
		iptables -w -A OUTPUT -p udp --dport "$1" -m conntrack --ctstate NEW -j NFQUEUE --queue-num "$2" 2>/dev/null
}

unqueue() {
	nft delete table inet hold 2>/dev/null || iptables -w -F OUTPUT
}

# Between conntrack and its end a packet waits in a queue, so the second one finds no entry either.
@test "two first packets that wait in NFQUEUE are a clash, resolved" {
	need_kernel
	track ''
	serve 127.0.0.1 8005 --udp --silent
	queue_new 8005 5 || skip "no NFQUEUE here: nft's needs NFT_QUEUE in the kernel, the other one iptables"
	exec {fd}< <(exec queue 5 2 3>&-)
	queue=$!
	PIDS+=("$queue")
	read -r -t 5 -u "$fd" ready
	[ "$ready" = ready ]
	before=$(ctstats -j | jq -c .counters)
	traffic udp 127.0.0.1 8005 --hold 100 >/dev/null
	wait "$queue"
	unqueue
	after=$(ctstats -j | jq -c .counters)
	printf '%s\n' "$before" "$after"
	# Kernels up to 6.1 at least look for an entry once more when the queue lets a packet go: no clash.
	least=$(printf '%s\n' 6.12 "$(uname -r)" | sort -V | head -1)
	jq -en --argjson a "$before" --argjson b "$after" --arg least "$least" '
		def grown($name): $b[$name].total - $a[$name].total;
		grown("drop") == 0 and grown("insert_failed") == 0 and
		if $least == "6.12" then grown("clash_resolve") == 1 else grown("clash_resolve") <= 1 end'
	same_as_conntrack
}

# Which chain an entry goes to is a secret, and the number of chains is the machine's: so only where the
# machine is the tests' own.
@test "hash chains that are too long: new flows are refused, and that is no drop" {
	need_kernel
	[ "${CT_OWN_KERNEL:-}" ] || skip "the hash table is the machine's (make test-kernels)"
	ctstats -j | jq -e '.counters | has("chaintoolong")' || skip "this kernel has no limit"
	hashsize=/sys/module/nf_conntrack/parameters/hashsize
	old=$(cat $hashsize)
	track ''
	serve 127.0.0.1 8007 --udp --silent
	nsenter --net=/proc/1/ns/net sh -c "echo 512 >$hashsize"
	fill -p tcp4 -n 25000 -t 600 2>/dev/null || true
	ctstats -j -i 3 -n 1 >"$BATS_TEST_TMPDIR/during" 3>&- &
	pid=$!
	sleep 1
	traffic udp 127.0.0.1 8007 --count 200 >/dev/null || true
	wait "$pid"
	ctstats >"$BATS_TEST_TMPDIR/screen"
	empty_table
	nsenter --net=/proc/1/ns/net sh -c "echo $old >$hashsize"
	jq -c . "$BATS_TEST_TMPDIR/during"
	jq -e '.load > 16 and .counters.chaintoolong.total > 0' "$BATS_TEST_TMPDIR/during"
	jq -e '.counters | .chaintoolong.rate > 0 and .insert_failed.rate == .chaintoolong.rate and .drop.rate == 0' \
		"$BATS_TEST_TMPDIR/during"
	jq -e '.drops | .chain_too_long.rate > 0 and .clash.rate == 0 and .table_full.rate == 0' "$BATS_TEST_TMPDIR/during"
	jq -e '[.warnings[].about] | contains(["chaintoolong", "load"])' "$BATS_TEST_TMPDIR/during"
	grep -qE 'chain too long [1-9]' "$BATS_TEST_TMPDIR/screen"
}

@test "a full table: drops are told as table full, early_drop grows, occupancy is hard" {
	need_kernel
	max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	[ "$max" -le 300000 ] || skip "nf_conntrack_max is $max, too many to fill"
	[ "$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -gt 1000 ] || skip "too little memory"
	track ''
	serve 127.0.0.1 8004 --udp --silent
	fill -p tcp4 -n $((max - 40)) -t 600 2>/dev/null
	ctstats -j -i 1.5 -n 1 --occupancy >"$BATS_TEST_TMPDIR/full" 3>&- &
	pid=$!
	until_true listened
	sleep 0.2
	traffic udp 127.0.0.1 8004 --count 400 >/dev/null || true
	wait "$pid"
	jq -e '.percent > 99 and .load > 1.9' "$BATS_TEST_TMPDIR/full"
	jq -e '.drops.table_full.rate > 0 and .drops.clash.rate == 0' "$BATS_TEST_TMPDIR/full"
	jq -e --argjson max "$max" '.occupancy.hard > $max * 0.99 and .occupancy.evictable > 0' "$BATS_TEST_TMPDIR/full"
	jq -e '[.warnings[] | select(.level == "critical") | .about] | contains(["drop", "entries", "occupancy"])' \
		"$BATS_TEST_TMPDIR/full"
	validate ctstats <"$BATS_TEST_TMPDIR/full"
	ctstats | grep -qE '^!! the table is 100.0 % full'
	ctstats --color=always | grep -q $'\033\[1;31m!!'
	same_as_conntrack
}

@test "the screen fits 80 columns, whatever it tells" {
	ctstats --color=never -k 6.12 -r <(echo '{"entries":1049871,"max":1262144,"buckets":1262144,"objects":9995000,
		"object_bytes":2558720000,"expectations":4000,"expect_max":4096,"interval":1,"new_per_second":123456.7,
		"growth":-4321.9,"counters":{"drop":{"total":912,"rate":38.1},"chaintoolong":{"total":42,"rate":1},
		"insert_failed":{"total":54,"rate":1.2}},
		"occupancy":{"hard":849871,"closing":100000,"evictable":90000,"offloaded":700000}}') >"$BATS_TEST_TMPDIR/screen"
	cd "$BATS_TEST_TMPDIR"
	cat screen
	grep -q '10000 not listed' screen
	grep -q '700000 of them offloaded' screen
	# All but the sentences at the end, which a terminal wraps at its own width.
	[ "$(grep -v '^!' screen | awk 'length > 80' | wc -l)" -eq 0 ]
}

@test "occupancy equals what ctlist counts" {
	need_kernel
	FRESH=1
	fill -n 4000 -s 9 2>/dev/null
	closing='FIN_WAIT,CLOSE_WAIT,LAST_ACK,TIME_WAIT,CLOSE,SHUTDOWN_SENT,SHUTDOWN_RECD,SHUTDOWN_ACK_SENT'
	ctstats --occupancy -n 1 -i 0.1 | awk 'NR == 2 { sub(/FULL %/, "FULL%"); for (i = 1; i <= NF; i++) at[i] = $i }
		NR == 3 { for (i = 1; i <= NF; i++) if (at[i] ~ /^(HARD|CLOSING|EVICTABLE)$/) print tolower(at[i]), $i }' \
		>"$BATS_TEST_TMPDIR/line"
	ctstats -j --occupancy >"$BATS_TEST_TMPDIR/j"
	jq -r '.occupancy | to_entries[] | select(.key != "offloaded") | "\(.key) \(.value)"' "$BATS_TEST_TMPDIR/j" |
		diff - "$BATS_TEST_TMPDIR/line"
	[ "$(jq .occupancy.hard "$BATS_TEST_TMPDIR/j")" -eq "$(ctlist -c assured and not state $closing)" ]
	[ "$(jq .occupancy.closing "$BATS_TEST_TMPDIR/j")" -eq "$(ctlist -c assured and state $closing)" ]
	[ "$(jq .occupancy.evictable "$BATS_TEST_TMPDIR/j")" -eq "$(ctlist -c not assured)" ]
	[ "$(jq .occupancy.hard "$BATS_TEST_TMPDIR/j")" -gt 0 ]
	[ "$(jq .occupancy.evictable "$BATS_TEST_TMPDIR/j")" -gt 0 ]
}

@test "new flows per second and growth are those that were made" {
	need_kernel
	FRESH=1
	ctstats -j -i 2 -n 1 >"$BATS_TEST_TMPDIR/j" 3>&- &
	pid=$!
	until_true listened
	sleep 0.2
	fill -n 2000 -s 11 2>/dev/null
	wait "$pid"
	# All were made through ctnetlink, so another counter has them as well (fill tries a few first).
	jq -e '.new_flows >= 2000 and .new_flows == (.counters.insert.rate * .interval | round)' "$BATS_TEST_TMPDIR/j"
	jq -e '(.new_flows / .interval - .new_per_second | fabs) < 0.01 and .events_lost == 0' "$BATS_TEST_TMPDIR/j"
	jq -e '.growth > 900 and .full_in > 100' "$BATS_TEST_TMPDIR/j"
	ctstats -j -i 0.2 -n 1 --no-events | jq -e 'has("new_per_second") | not'
	sysctl -qw net.netfilter.nf_conntrack_events=0
	run --separate-stderr ctstats -j -i 0.2 -n 1
	sysctl -qw net.netfilter.nf_conntrack_events=1
	[[ "$stderr" == *"nf_conntrack_events is 0"* ]]
	jq -e 'has("new_per_second") | not' <<<"$output"
}

@test "-i and -n: so many lines, a heading, rates" {
	need_kernel
	[ "$(ctstats -i 0.1 -n 3 | wc -l)" -eq 5 ]
	[ "$(ctstats -H -i 0.1 -n 3 | wc -l)" -eq 3 ]
	[ "$(ctstats -j -i 0.1 -n 3 | jq -s 'map(select(.interval > 0.05)) | length')" -eq 3 ]
	ctstats -f csv -i 0.1 -n 2 >"$BATS_TEST_TMPDIR/csv"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/csv")" -eq 3 ]
	[ "$(awk -F, '{ print NF }' "$BATS_TEST_TMPDIR/csv" | sort -u | wc -l)" -eq 1 ]
	cpus=$(ctstats -j -p | jq '.cpus | length')
	[ "$(ctstats -f csv -p -i 0.1 -n 2 | wc -l)" -eq $((1 + 2 * cpus)) ]
	[ "$(ctstats -p -i 0.1 -n 2 | wc -l)" -eq $((2 * (2 + cpus))) ]
	# Who is interrupted before the first sample still gets it.
	timeout -s INT 0.5 ctstats -j -i 30 | jq -e '.interval < 5'
}

@test "csv has everything that JSON has, under the same names" {
	cat >"$BATS_TEST_TMPDIR/by_json" <<-'END'
	del(.warnings) | [paths(scalars) as $path | {key: ($path | join(".")), value: getpath($path)}] | from_entries
	END
	echo '{"time":"2026-11-22T05:56:05.179942123Z","kernel":"6.12.1","interval":2,"entries":7,"max":100,"buckets":4,
		"new_per_second":1.5,"new_flows":3,"events_lost":1,"occupancy":{"hard":1,"closing":2,"evictable":4,"offloaded":1},
		"counters":{"drop":{"total":9,"rate":1},"insert_failed":{"total":4,"rate":0.5},"chaintoolong":{"total":1,"rate":0},
		"found":{"total":5,"rate":0}}}' | jq -c . >"$BATS_TEST_TMPDIR/saved"
	ctstats -j -r "$BATS_TEST_TMPDIR/saved" | jq -c -f "$BATS_TEST_TMPDIR/by_json" >"$BATS_TEST_TMPDIR/j"
	ctstats -f csv -r "$BATS_TEST_TMPDIR/saved" >"$BATS_TEST_TMPDIR/csv"
	jq -e -R -s --slurpfile j "$BATS_TEST_TMPDIR/j" '[split("\n")[:2][] | split(",")] | transpose |
		map(select(.[1] != "") | {key: .[0], value: .[1]}) | from_entries as $csv |
		($csv | keys) == ($j[0] | keys) and all($j[0] | to_entries[];
			if .value | type == "number" then ((.value - ($csv[.key] | tonumber)) | fabs) < 0.001
			else .value == $csv[.key] end)' "$BATS_TEST_TMPDIR/csv" || {
		cat "$BATS_TEST_TMPDIR/j" "$BATS_TEST_TMPDIR/csv"
		return 1
	}
	grep -q drops "$BATS_TEST_TMPDIR/j"
}

@test "without privileges the counters come from /proc, with a word on what is missing" {
	need_kernel
	FRESH=1
	fill -n 700 -s 13 2>/dev/null
	drop=()
	[ "$(id -u)" -ne 0 ] || need setpriv
	drop=(setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs)
	setpriv --bounding-set=-all --inh-caps=-all true 2>/dev/null || skip "capabilities cannot be dropped"
	run --separate-stderr "${drop[@]}" ctstats -j --per-cpu -i 0.1 -n 1
	[ "$status" -eq 0 ]
	[[ "$stderr" == *CAP_NET_ADMIN* ]]
	diff <(ctstats -j --per-cpu | jq -c '[.entries, .max, .buckets, .expectations, .cpus]') \
		<(jq -c '[.entries, .max, .buckets, .expectations, .cpus]' <<<"$output")
	jq -e 'has("new_per_second") | not' <<<"$output"
	validate ctstats <<<"$output"
	run --separate-stderr "${drop[@]}" ctstats --occupancy
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"--occupancy needs CAP_NET_ADMIN"* ]]
	[[ "$output" == *"new flows     - (needs CAP_NET_ADMIN)"* ]]
}

@test "a kernel without /proc/net/stat, and one without conntrack" {
	need_kernel
	unshare -m true 2>/dev/null || skip "no mount namespace"
	unshare -m sh -c 'mount -t tmpfs none /proc/self/net/stat 2>/dev/null || exit 9
		ctstats -j | jq -e ".counters.drop.total >= 0"' || [ $? -eq 9 ]
	run --separate-stderr unshare -m sh -c 'mount -t tmpfs none /proc/sys/net/netfilter && ctstats -j'
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"not loaded"* ]]
	[ "$(jq -c .counters <<<"$output")" = '{}' ]
}

# Process $1 is in another network namespace.
elsewhere() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

@test "another namespace, by -N" {
	need_kernel
	unshare -n sleep 20 3>&- &
	PIDS+=($!)
	until_true elsewhere "${PIDS[0]}"
	nsenter --net="/proc/${PIDS[0]}/ns/net" "$BUILD/tests/fill" -n 321 2>/dev/null
	[ "$(ctstats -j -N "${PIDS[0]}" | jq .entries)" -eq 321 ]
	[ "$(ctstats -j | jq .entries)" -ne 321 ]
}

@test "promtool reads both metrics formats" {
	need_kernel
	need promtool
	ctstats -f openmetrics --occupancy >"$BATS_TEST_TMPDIR/o"
	ctstats -f prometheus --occupancy >"$BATS_TEST_TMPDIR/p"
	promtool check metrics <"$BATS_TEST_TMPDIR/o"
	promtool check metrics <"$BATS_TEST_TMPDIR/p"
	[ "$(tail -1 "$BATS_TEST_TMPDIR/o")" = '# EOF' ]
	grep -qE '^conntrack_drop_total\{cpu="0"\} [0-9]+$' "$BATS_TEST_TMPDIR/o"
	grep -qE '^conntrack_entries_max [0-9]+$' "$BATS_TEST_TMPDIR/o"
	grep -q '^# TYPE conntrack_drop_total counter$' "$BATS_TEST_TMPDIR/p"
	# HELP says what --explain says.
	text=$(sed -n 's/^# HELP conntrack_insert_failed_total //p' "$BATS_TEST_TMPDIR/o")
	[ -n "$text" ]
	ctstats --explain insert_failed | grep -qF "$text"
	promtool check rules "$ROOT/contrib/prometheus-rules.yml"
}

# The parser is the one that OpenMetrics was specified with.
@test "OpenMetrics, read by the strict parser, is what JSON says" {
	need_kernel
	/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null || skip "prometheus_client for Python is not installed"
	ctstats -f openmetrics >"$BATS_TEST_TMPDIR/o"
	ctstats -j -p >"$BATS_TEST_TMPDIR/j"
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/o" "$BATS_TEST_TMPDIR/j" <<-'END'
		import json, sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families
		families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
		sample = json.load(open(sys.argv[2]))
		names = [name for name in sample["cpus"][0] if name != "cpu"]
		assert len(names) > 9
		for name in names:
		    family = families.pop(f"conntrack_{name}_total")
		    assert family.documentation
		    got = {int(s.labels["cpu"]): s.value for s in family.samples}
		    assert got == {cpu["cpu"]: cpu[name] for cpu in sample["cpus"]}, name
		for name, key in ("entries", "entries"), ("entries_max", "max"), ("buckets", "buckets"):
		    family = families["conntrack_" + name]
		    assert family.type == "gauge" and family.samples[0].value == sample[key], name
		assert all(f.type == "gauge" for f in families.values())
	END
}

# What each file of another kernel holds: total of some counters, and which are absent.
saved() { # FILE JQ-EXPRESSION
	ctstats -j -r "$CAPTURES/$1" 2>/dev/null >"$BATS_TEST_TMPDIR/saved"
	validate ctstats <"$BATS_TEST_TMPDIR/saved"
	jq -e "$2" "$BATS_TEST_TMPDIR/saved" || { cat "$BATS_TEST_TMPDIR/saved"; false; }
}

@test "-r reads /proc/net/stat/nf_conntrack of kernels 3 to 6" {
	no_kernel
	saved proc-stat-3.16.txt '.entries == 1234 and .counters.searched.total == 9100 and .counters.new.total == 1332'
	saved proc-stat-3.16.txt '.counters.found.total == 173646 and .expectations == 3 and (.counters | has("clash_resolve") | not)'
	saved proc-stat-4.19.txt '.counters.ignore.total == 17000 and (.counters | has("searched") or has("new") or has("clash_resolve") | not)'
	saved proc-stat-4.19.txt '.counters.search_restart.total == 15 and .counters.error.total == 3 and (has("drops") | not)'
	saved proc-stat-5.4.txt '.counters.insert_failed.total == 6 and (.counters | has("clash_resolve") | not)'
	saved proc-stat-5.10.txt '.counters.clash_resolve.total == 16 and (.counters | has("chaintoolong") or has("ignore") | not)'
	saved proc-stat-5.10.txt '.drops.clash.total == 6 and .drops.table_full.total == 0'
	# The content changed before the name of the column.
	saved proc-stat-5.10-early.txt '.counters.clash_resolve.total == 16 and (.counters | has("searched") | not)'
	saved proc-stat-6.1.txt '.counters.chaintoolong.total == 10 and .drops.table_full.total == 51 and .drops.clash.total == 14'
	# entries stands in each row and is not summed.
	saved proc-stat-6.1.txt '.entries == 249871 and .counters.invalid.total == 4294967300'
}

@test "what a saved file says about its kernel is told, and can be told" {
	no_kernel
	run --separate-stderr ctstats -r "$CAPTURES/proc-stat-4.19.txt"
	[[ "$stderr" == *"before 5.10"* ]]
	[[ "$output" == *"ON THIS KERNEL (before 5.10)"* ]]
	run --separate-stderr ctstats -k 4.19 -r "$CAPTURES/proc-stat-4.19.txt"
	[ -z "$stderr" ]
	[[ "$output" == *"without harm"* ]]
	[[ "$output" == *"cannot be split"* ]]
	run --separate-stderr ctstats -k 4.8 -j -r "$CAPTURES/proc-stat-4.19.txt"
	jq -e '.counters | has("searched") and has("new")' <<<"$output"
}

@test "rates between two saved files, across a wrap" {
	no_kernel
	run --separate-stderr ctstats -j -i 10 -r "$CAPTURES/proc-stat-6.1.txt" -r "$CAPTURES/proc-stat-6.1-later.txt"
	jq -se '.[1] | .counters.invalid.rate == 0.5 and .counters.drop.rate == 3 and .growth == 50' <<<"$output"
	jq -se '.[1].drops | .clash.rate == 1 and .table_full.rate == 2' <<<"$output"
	jq -se '.[0].counters.drop | has("rate") | not' <<<"$output"
	[ "$(ctstats -i 10 -r "$CAPTURES/proc-stat-6.1.txt" -r "$CAPTURES/proc-stat-6.1-later.txt" 2>/dev/null | wc -l)" -eq 4 ]
}

@test "a hash that is too small for all namespaces together is told" {
	no_kernel
	ctstats -j -k 6.1 -r <(echo '{"entries":10,"max":4096,"buckets":1024,"objects":5000,"counters":{}}') |
		jq -e '.warnings == [{"level":"warning","about":"load","text":.warnings[0].text}] and
			(.warnings[0].text | contains("9.8") and contains("all namespaces"))'
	ctstats -j -k 6.1 -r <(echo '{"entries":10,"max":4096,"buckets":1024,"objects":50,"counters":{}}') |
		jq -e '.warnings == []'
}

@test "-r reads conntrack -S, sysctl -a and both together" {
	no_kernel
	saved conntrack-S.txt '.counters.found.total == 19 and .counters.insert_failed.total == 9 and (has("entries") | not)'
	saved conntrack-S-4.19.txt '.counters.ignore.total == 1800 and (.counters | has("clash_resolve") | not)'
	ctstats -j -r "$CAPTURES/conntrack-S.txt" -r "$CAPTURES/sysctl-a.txt" 2>/dev/null >"$BATS_TEST_TMPDIR/both"
	jq -e '.entries == 249871 and .max == 262144 and .load > 15 and .counters.drop.total == 9' "$BATS_TEST_TMPDIR/both"
	jq -e '[.warnings[].about] == ["entries", "load"]' "$BATS_TEST_TMPDIR/both"
	ctstats -sj -k 5.10 -r "$CAPTURES/sysctl-a.txt" >"$BATS_TEST_TMPDIR/s"
	validate ctstats-sysctl <"$BATS_TEST_TMPDIR/s"
	[ "$(jq -r 'select(.changed) | .name' "$BATS_TEST_TMPDIR/s" | tr '\n' ' ')" = \
		'nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_close_wait ' ]
	jq -se 'any(.[]; .name == "nf_conntrack_brand_new" and .value == 17)' "$BATS_TEST_TMPDIR/s"
	jq -se 'any(.[]; .name == "nf_conntrack_tcp_timeout_close_wait" and (.warning | contains("kube-proxy")))' "$BATS_TEST_TMPDIR/s"
}

@test "what it wrote as JSON it reads as the same" {
	need_kernel
	FRESH=1
	fill -n 50 -s 21 2>/dev/null
	ctstats -j --per-cpu --occupancy -i 0.2 -n 3 >"$BATS_TEST_TMPDIR/a"
	ctstats -j --per-cpu -r - <"$BATS_TEST_TMPDIR/a" >"$BATS_TEST_TMPDIR/b"
	diff <(jq -Sc . "$BATS_TEST_TMPDIR/a") <(jq -Sc . "$BATS_TEST_TMPDIR/b")
	# Also when a person has laid it out.
	jq . "$BATS_TEST_TMPDIR/a" | ctstats -j --per-cpu -r - | diff - "$BATS_TEST_TMPDIR/b"
	# Lines without rates get them from their times.
	jq -c 'del(.interval, .cpus) | .counters |= map_values(del(.rate))' "$BATS_TEST_TMPDIR/a" |
		ctstats -j -r - | jq -se '(.[0] | has("interval") | not) and (.[1].interval | . > 0.1 and . < 1)'
}

@test "lines that cannot be read are counted, nothing readable is trouble" {
	no_kernel
	run --separate-stderr ctstats -j -r <(cat "$CAPTURES/conntrack-S.txt"; echo nonsense; echo 'cpu=7 found=x')
	[ "$status" -eq 0 ]
	[[ "$stderr" == *":3: not counters of conntrack"* ]]
	[[ "$stderr" == *"2 lines read, 2 not"* ]]
	[ "$(jq .counters.found.total <<<"$output")" -eq 19 ]
	run --separate-stderr ctstats -r <(echo nonsense)
	[ "$status" -eq 2 ]
	run --separate-stderr ctstats -r /dev/null
	[ "$status" -eq 2 ]
	run --separate-stderr ctstats -r /nonexistent
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"/nonexistent: No such file"* ]]
	run --separate-stderr ctstats -r <(echo '{"counters": 3}'; echo '{"counters":{}}' ; printf '{"counters":')
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"no end"* ]]
}

@test "a file that cannot be read is trouble, the others are read" {
	no_kernel
	for file in /nonexistent "$BATS_TEST_TMPDIR"; do
		run -2 --separate-stderr ctstats -j -r "$CAPTURES/conntrack-S.txt" -r "$file"
		[ "$(value found <<<"$output")" -eq 19 ]
		[[ $stderr == *"$file: "* ]]
	done
}

@test "files are opened while there is still a right to" {
	no_kernel
	need setpriv
	[ "$(id -u)" -eq 0 ] || skip "not root"
	mkdir -m 0700 "$BATS_TEST_TMPDIR/theirs"
	cp "$CAPTURES/conntrack-S.txt" "$BATS_TEST_TMPDIR/theirs/counters"
	chown -R nobody "$BATS_TEST_TMPDIR/theirs"
	run -1 setpriv --bounding-set -all --inh-caps -all cat "$BATS_TEST_TMPDIR/theirs/counters"
	run -0 --separate-stderr ctstats -j -r "$BATS_TEST_TMPDIR/theirs/counters"
	[ "$(value found <<<"$output")" -eq 19 ]
}

@test "lines, documents and CPUs are as many as can be, no more" {
	no_kernel
	cd "$BATS_TEST_TMPDIR"
	truncate -s 20M zeros
	run -0 --separate-stderr ctstats -j -r zeros -r "$CAPTURES/conntrack-S.txt"
	[[ $stderr == *"zeros:1: the line is too long"* ]]
	[ "$(value found <<<"$output")" -eq 19 ]
	{ printf '%070000d\n' 0; echo 'cpu=0 found=1 '; } >long
	run -0 --separate-stderr ctstats -j -r long
	[[ $stderr == *"long:1: the line is too long"* ]]
	[ "$(value found <<<"$output")" -eq 1 ]
	{ echo '{"counters":{},"others":['; yes '[],' | head -c 12000000; } >document
	run -2 --separate-stderr ctstats -j -r document
	[[ $stderr == *"document:2097147: the JSON document is too large"* ]]
	tr -d '\n' <document >line
	run -2 --separate-stderr ctstats -j -r line
	[[ $stderr == *"line:1: the line is too long"* ]]
}

@test "a machine has 8192 CPUs at most" {
	no_kernel
	cd "$BATS_TEST_TMPDIR"
	{ echo entries drop; yes '1 1' | head -n 8193; } >proc
	run -0 --separate-stderr ctstats -j -r proc
	[[ $stderr == *"proc:8194: not counters"* ]]
	[ "$(value drop <<<"$output")" -eq 8192 ]
	seq 8192 -1 0 | sed 's/.*/cpu=& found=&/' >conntrack
	run -0 --separate-stderr ctstats -j -p -r conntrack
	[[ $stderr == *"conntrack:1: not counters"* ]]
	[ "$(value found <<<"$output")" -eq $((8191 * 8192 / 2)) ]
	# In the order of the file, also when it is read again as JSON, on more than 64 KiB.
	jq -e '[.cpus[].cpu] == [range(8191; -1; -1)]' <<<"$output"
	ctstats -j -p -r - <<<"$output" | diff - <(echo "$output")
	run -2 --separate-stderr ctstats -r <(echo '{"counters":{},"cpus":[{"cpu":8192}]}')
	[[ $stderr == *":1: not counters"* ]]
}

@test "a file without end ends with a signal" {
	no_kernel
	timeout -s KILL 30 ctstats -r <(yes) 2>"$BATS_TEST_TMPDIR/err" &
	until_true grep -q ':10: not counters' "$BATS_TEST_TMPDIR/err"
	kill -TERM $!
	wait $!
}

@test "a kernel's name from a file cannot move the cursor" {
	no_kernel
	local c

	for c in '\u009b31m' '\u007f' '\u001b[2J' '\u00e4'; do
		ctstats -j -r <(echo '{"kernel":"6.1'"$c"'","counters":{"drop":{"total":1}}}') 2>/dev/null >"$BATS_TEST_TMPDIR/json"
		[ "$(value drop "$BATS_TEST_TMPDIR/json")" -eq 1 ]
		! grep -q $'[^\t -~]' "$BATS_TEST_TMPDIR/json" || false
	done
	ctstats -j -r <(echo '{"kernel":"6.1-x","counters":{}}') | jq -e '.kernel == "6.1-x"'
	run -2 ctstats -k $'6.1\x9b' -r /dev/null
}

@test "a table that is full after more seconds than an integer holds" {
	no_kernel
	run -0 ctstats -k 6.1 -r <(echo '{"interval":1,"growth":0.000001,"entries":0,"max":18446744073709551615,"counters":{}}')
	[[ $output == *"full in 11574074074074d"* ]]
}

@test "--explain tells every counter, this kernel's meaning first" {
	ctstats -j | jq -r '.counters | keys[]' | while read -r name; do
		ctstats --explain "$name" | grep -q "^$name\$" || { echo "$name"; false; }
	done
	ctstats --explain found -k 4.8 | grep -q 'here (4.8) *packets that belonged to a known flow'
	ctstats --explain=found -k 5.10 | grep -q 'here (5.10) *NAT tried'
	ctstats --explain insert_failed,load,nf_conntrack_max | grep -qx load
	ctstats --explain load | grep -q 'twice'
	ctstats --explain -j | validate ctstats-explain
	run --separate-stderr ctstats --explain bogus
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"'bogus' is neither"* ]]
}

@test "--sysctl lists what this kernel has" {
	need_kernel
	ctstats -sj >"$BATS_TEST_TMPDIR/s"
	validate ctstats-sysctl <"$BATS_TEST_TMPDIR/s"
	cd /proc/sys/net/netfilter
	for file in nf_conntrack_*; do echo "$file $(<"$file")"; done | sort >"$BATS_TEST_TMPDIR/there"
	jq -r '"\(.name) \(.value)"' "$BATS_TEST_TMPDIR/s" | sort | comm -13 - "$BATS_TEST_TMPDIR/there" >"$BATS_TEST_TMPDIR/missing"
	cat "$BATS_TEST_TMPDIR/missing"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/there")" -gt 20 ]
	[ ! -s "$BATS_TEST_TMPDIR/missing" ]
	old=$(cat nf_conntrack_tcp_timeout_established)
	sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=3600
	ctstats -s --color=always | grep -q $'\033\[33mnf_conntrack_tcp_timeout_established.*RFC 5382'
	sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established="$old"
}

@test "the manual page holds the tables of the program" {
	need mandoc
	cp "$ROOT/man/ctstats.8" "$BATS_TEST_TMPDIR/page"
	"$ROOT/man/refresh" "$BATS_TEST_TMPDIR/page"
	diff "$ROOT/man/ctstats.8" "$BATS_TEST_TMPDIR/page"
	[ -z "$(mandoc -T lint -W warning "$ROOT/man/ctstats.8")" ]
	ctstats --list-options | while IFS=$'\t' read -r name _; do
		mandoc "$ROOT/man/ctstats.8" | col -b | grep -q -- "$name" || { echo "$name"; false; }
	done
}

@test "wrong options are refused with their name" {
	no_kernel
	for words in "-i 0" "-i x" "-n 0" "-k x" "-f xml" "-f mdoc" "-f openmetrics -i 1" "--explain --sysctl" "tcp"; do
		# shellcheck disable=SC2086
		run --separate-stderr ctstats $words
		[ "$status" -eq 2 ] || { echo "$words"; false; }
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
	done
}

@test "a full disk is trouble, a reader that goes away is not" {
	need_kernel
	[ -c /dev/full ] || skip "no /dev/full"
	run --separate-stderr sh -c 'ctstats -j >/dev/full'
	[ "$status" -eq 2 ]
	run --separate-stderr sh -c 'ctstats --explain >/dev/full'
	[ "$status" -eq 2 ]
	run sh -c 'ctstats -i 0.05 -n 40 | head -1; exit "${PIPESTATUS:-0}"'
	[ "$status" -eq 0 ]
}

@test "the dashboard asks for metrics that there are, in PromQL" {
	need promtool
	need_kernel
	jq -r '.panels[].targets[].expr' "$ROOT/contrib/grafana-dashboard.json" |
		sed 's/\$__rate_interval/5m/g; s/\$instance/.*/g' >"$BATS_TEST_TMPDIR/exprs"
	# promtool 2 checks expressions as rules.
	{
		printf 'groups:\n- name: dashboard\n  rules:\n'
		nl -w1 -s' ' "$BATS_TEST_TMPDIR/exprs" | while read -r n expr; do
			printf "  - record: e%d\n    expr: '%s'\n" "$n" "$expr"
		done
	} >"$BATS_TEST_TMPDIR/rules.yml"
	promtool check rules "$BATS_TEST_TMPDIR/rules.yml"
	ctstats -f prometheus --occupancy >"$BATS_TEST_TMPDIR/p"
	grep -ohE "\\bconntrack_[a-z_]+" "$BATS_TEST_TMPDIR/exprs" "$ROOT/contrib/prometheus-rules.yml" |
		grep -v ':' | sort -u | while read -r metric; do
		case $metric in conntrack_clash|conntrack_table_full) continue ;; esac
		grep -qE "^$metric[{ ]" "$BATS_TEST_TMPDIR/p" || { echo "$metric"; false; }
	done
}
