# What each kernel does and how ctscope deals with it; the first tests in the machines of tests/kernels/run.
# A line `# fact NAME = VALUE` becomes a row of the table that run prints.
load ../lib/common
load lib

setup_file() {
	need_kernel
	DIR=$BATS_FILE_TMPDIR
	export DIR
	defaults >"$DIR/defaults"
	fill -n 1000 -t 3000 -o "$DIR/record"
	ctlist -j >"$DIR/flows"
}

setup() {
	DIR=$BATS_FILE_TMPDIR
	FLOWS=$DIR/flows
	TOOLS=$BUILD/tests
}

# init wrote them down before it made room for the tests.
defaults() {
	local name

	cat /run/defaults 2>/dev/null && return
	for name in nf_conntrack_max nf_conntrack_buckets nf_conntrack_events nf_conntrack_expect_max; do
		echo "$name $(</proc/sys/net/netfilter/$name)"
	done
}

# The first differences are enough for a serial line.
same() {
	diff "$1" "$2" >"$BATS_TEST_TMPDIR/diff" && return
	head -n 8 "$BATS_TEST_TMPDIR/diff"
	return 1
}

# having PATTERN...: how many flows match all patterns; the filters of ctscope and the kernel play no part.
# (jq takes a second for a thousand flows under emulation, grep next to nothing.)
having() {
	local pattern lines

	lines=$(<"$FLOWS")
	for pattern; do
		lines=$(grep -E -- "$pattern" <<<"$lines") || break
	done
	grep -c . <<<"$lines"
}

# Counts of the few flows of the traffic test: how many jq takes.
count() {
	jq -n "[inputs | select($1)] | length" "$FLOWS"
}

# answered WORDS-OF-ASK: how many flows the kernel sends.
answered() {
	local line

	line=$(ask dump "$@") || return
	echo "${line%%:*}"
}

orig_dst() {
	echo "\"orig\":\{[^}]*\"dst\":\"$1\""
}

# A row of FILTER | EXPRESSION OF JQ for each thing that ctlist may ask of the kernel.
filters() {
	cat <<-'END'
		ip6|.family == "ipv6"
		tcp|.proto == "tcp"
		proto 47|.protonum == 47
		ip and tcp dport 443|.family == "ipv4" and .proto == "tcp" and .orig.dport == 443
		ip6 and tcp dport 443|.family == "ipv6" and .proto == "tcp" and .orig.dport == 443
		udp reply.sport 53|.proto == "udp" and .reply.sport == 53
		sctp dport 80|.proto == "sctp" and .orig.dport == 80
		mark 16|.mark == 16
		mark 0x10/0xff|.mark % 256 == 16
		not mark 0|.mark != 0
		zone 3|.zone == 3
		tcp dport 443 zone 3|.proto == "tcp" and .orig.dport == 443 and .zone == 3
		orig.zone 3|.orig.zone == 3
		assured|.status | index("ASSURED")
		unreplied|.status | index("SEEN_REPLY") | not
		not assured|.status | index("ASSURED") | not
		snat and not dnat|(.status | index("SRC_NAT") and (index("DST_NAT") | not))
		expected|.status | index("EXPECTED")
		helper ftp|.helper == "ftp"
		state ESTABLISHED|.state == "ESTABLISHED"
		tcp state TIME_WAIT assured mark 0|.state == "TIME_WAIT" and (.status | index("ASSURED")) and .mark == 0
	END
}

@test "what the tests need can be loaded" {
	nft add table inet t
	nft add chain inet t c '{ type nat hook postrouting priority srcnat; }'
	nft add rule inet t c ct state new counter masquerade
	nft delete table inet t
	while read -r name value; do
		fact "default $name" "$value"
	done <"$DIR/defaults"
	fact "memory in KiB" "$(awk '/MemTotal/ { print $2 }' /proc/meminfo)"
}

@test "a thousand flows are listed as they were made" {
	[ "$(ctlist -c)" -eq 1000 ]
	[ "$(conntrack -C)" -eq 1000 ]
	jq -cS 'del(.timeout, .tcp)' "$DIR/record" | sort >"$BATS_TEST_TMPDIR/made"
	jq -cS 'del(.timeout, .id, .use, .tcp, .idle, .dccp, .master.proto)' "$FLOWS" | sort >"$BATS_TEST_TMPDIR/listed"
	same "$BATS_TEST_TMPDIR/made" "$BATS_TEST_TMPDIR/listed"
	fact "attributes of injected flows in a dump" "$(ask dump | cut -d: -f2-)"
}

# Puts the time left at the end of the line. conntrack has the family, with -o extended, before the protocol.
time_last() {
	sed -E 's/^((ipv[46] +[0-9]+ )?[^ ]+ +[0-9]+) ([0-9]+) (.*)/\1 \4 \3/' | sort
}

# The time left goes on while we look: ours is between what conntrack says before and after.
same_as_conntrack() {
	conntrack -L "$@" 2>/dev/null | time_last >"$BATS_TEST_TMPDIR/before"
	ctlist -f "$ARGUMENT" | time_last >"$BATS_TEST_TMPDIR/ours"
	conntrack -L "$@" 2>/dev/null | time_last >"$BATS_TEST_TMPDIR/after"
	paste -d '\n' "$BATS_TEST_TMPDIR"/{before,ours,after} | awk '
		{ time[NR % 3] = $NF; sub(/ [0-9]+$/, ""); line[NR % 3] = $0 }
		NR % 3 == 0 && (line[1] != line[2] || line[2] != line[0] || time[1] < time[2] || time[2] < time[0]) {
			print line[1], time[1]; print line[2], time[2]
			if (++bad == 5)
				exit
		}
		END { exit bad > 0 || NR < 3000 }'
}

@test "ctlist -f conntrack prints what conntrack -L prints" {
	ARGUMENT=conntrack same_as_conntrack
	ARGUMENT=conntrack,extended,id,labels same_as_conntrack -o extended,id,labels
}

# One reading by jq for all rows: it is slow under emulation.
@test "filters are exact" {
	local filter expression listed number row=0 some=0 numbers all=

	while IFS='|' read -r filter expression; do
		all+="([\$flows[] | select($expression)] | length), "
	done < <(filters)
	mapfile -t numbers < <(jq -n "[inputs] as \$flows | ${all%, }" "$FLOWS")
	while IFS='|' read -r filter expression; do
		number=${numbers[row++]}
		listed=$(ctlist -c "$filter")
		echo "$filter: $number expected, $listed listed"
		[ "$listed" -eq "$number" ]
		some=$((some + (number > 0 && number < 1000)))
	done < <(filters)
	[ "$some" -ge 18 ]
}

@test "IPv6 addresses are found though the kernel may answer with all others" {
	local address all right sent

	address=$(grep '"ipv6"' "$FLOWS" | head -n 1 | jq -r .orig.dst)
	all=$(having '"family":"ipv6"')
	right=$(having "$(orig_dst "$address")")
	sent=$(answered family=6 "orig.dst=$address")
	[ "$(ctlist -c "dst $address")" -eq "$right" ]
	[ "$(ctlist -c "tcp and dst $address")" -eq "$(having "$(orig_dst "$address")" '"proto":"tcp","protonum"')" ]
	# Right in 6.12, the wrong way round in the others that were looked at.
	case $(uname -r) in
	6.12.*) [ "$sent" -eq "$right" ] ;;
	5.10.*|6.1.*|6.18.*|7.2.*) [ "$sent" -eq $((all - right)) ] ;;
	esac
	case $sent in
	"$right") fact "kernel's filter by IPv6 address" right ;;
	$((all - right))) fact "kernel's filter by IPv6 address" inverted ;;
	"$all") fact "kernel's filter by IPv6 address" ignored ;;
	*) false ;;
	esac
}

@test "IPv4 addresses, protocols, ports and marks are filtered by the kernel" {
	local address

	address=$(grep '"ipv4"' "$FLOWS" | head -n 1 | jq -r .orig.dst)
	[ "$(answered family=4 "orig.dst=$address")" -eq "$(having "$(orig_dst "$address")")" ]
	[ "$(ctlist -c "dst $address")" -eq "$(having "$(orig_dst "$address")")" ]
	[ "$(answered family=6 proto=6 orig.dport=443)" -eq \
		"$(having '"family":"ipv6","proto":"tcp"' '"orig":\{[^}]*"dport":443[,}]')" ]
	[ "$(answered mark=16)" -eq "$(having '"mark":16[,}]')" ]
}

@test "the status filter is honoured since 6.1, ignored before" {
	local expected=1000 answer=ignored

	since 6.1 && expected=$((1000 - $(having '"SEEN_REPLY"'))) && answer=honoured
	[ "$(answered status=0/2)" -eq "$expected" ]
	fact "kernel's filter by status" "$answer"
}

@test "the zone filter is honoured since 6.12, ignored before" {
	local expected=1000 answer=ignored

	since 6.12 && expected=$(having '"zone":3[,}]') && answer=honoured
	[ "$(answered zone=3)" -eq "$expected" ]
	fact "kernel's filter by zone" "$answer"
}

@test "a filter for nothing, and flows of one family only" {
	[ "$(ctlist -c "src 192.0.2.1")" -eq 0 ]
	run ctlist -q "src 192.0.2.1"
	[ "$status" -eq 1 ]
	run ctlist -q ip6
	[ "$status" -eq 0 ]
}

@test "JSON is valid and follows the schema" {
	[ "$(jq -s length "$FLOWS")" -eq 1000 ]
	[ -e "$ROOT/schema/ctlist-flow.json" ] || skip "no schema yet"
	head -n 40 "$FLOWS" | validate ctlist-flow
}

@test "what is written can be read again" {
	ctlist -w "$BATS_TEST_TMPDIR/capture" -c
	ctlist -r "$BATS_TEST_TMPDIR/capture" -j | jq -cS 'del(.timeout, .idle)' | sort >"$BATS_TEST_TMPDIR/read"
	jq -cS 'del(.timeout, .idle)' "$FLOWS" | sort | diff - "$BATS_TEST_TMPDIR/read"
	conntrack -L 2>/dev/null >"$BATS_TEST_TMPDIR/text"
	[ "$(ctlist -r "$BATS_TEST_TMPDIR/text" -c)" -eq 1000 ]
}

# In a namespace of their own: the parents are flows too.
expectations() {
	local keys='[.family, .proto, .orig, .mask, (.master | del(.proto)), .helper, .expect.class]'

	fill -e 20 -o "$BATS_TEST_TMPDIR/record" || return
	[ "$(ctlist -t expect -c)" -eq 20 ] || return
	[ "$(for family in ipv4 ipv6; do conntrack -f $family -L expect; done 2>/dev/null | wc -l)" -eq 20 ] ||
		return
	diff <(jq -cS "$keys" "$BATS_TEST_TMPDIR/record" | sort) \
		<(ctlist -t expect -j | jq -cS "$keys" | sort) || return
	ask expect | cut -d: -f2- >"$BATS_TEST_TMPDIR/attributes"
}

@test "expectations are listed as they were made" {
	export -f expectations
	unshare -n bash -c expectations
	fact "attributes of expectations" "$(<"$BATS_TEST_TMPDIR/attributes")"
}

@test "dying flows are listed, unconfirmed ones up to 5.18" {
	[ "$(ctlist -t dying -c)" -eq 0 ]
	run ctlist -t unconfirmed -c
	if since 5.19; then
		[ "$status" -eq 2 ]
		[[ $output == *unconfirmed* ]]
	else
		[ "$output" = 0 ]
	fi
}

@test "an ordinary user is told what is missing" {
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$BUILD/ctlist"
	[ "$status" -eq 2 ]
	[[ $output == *CAP_NET_ADMIN* ]]
	[ "${#lines[@]}" -eq 1 ]
}

# One TCP flow is made and deleted while ask listens.
events_of_one_flow() {
	local fd line

	echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
	exec {fd}< <(exec ask listen 2)
	read -r -u "$fd" line
	conntrack -I -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80 --state ESTABLISHED -t 100 \
		-u ASSURED,SEEN_REPLY >/dev/null 2>&1
	conntrack -D -s 10.0.0.1 >/dev/null 2>&1
	cat <&"$fd"
}

@test "DESTROY holds state and time left since 6.1" {
	local lines

	export -f events_of_one_flow
	mapfile -t lines < <(unshare -n bash -c events_of_one_flow)
	printf '%s\n' "${lines[@]}"
	[[ ${lines[0]} == new* && ${lines[1]} == destroy* ]]
	fact "attributes of DESTROY, TCP, deleted" "${lines[1]#destroy }"
	if since 6.1; then
		[[ ${lines[1]} =~ " 4 7 " ]]
	else
		[[ ! ${lines[1]} =~ \ [47]\  ]]
	fi
}

@test "events are on by default, since 5.19 only if somebody listens" {
	local expected=1

	since 5.19 && expected=2
	grep -qx "nf_conntrack_events $expected" "$DIR/defaults"
}

sysctl_there() {
	[ -e "/proc/sys/net/netfilter/$1" ]
}

# In the table flows of the protocol have the part that only its tracker knows.
tracked() {
	[ "$(having "\"proto\":\"$1\"" "$2")" -gt 0 ]
}

default() {
	awk -v name="nf_conntrack_$1" '$1 == name { print $2 }' "$DIR/defaults"
}

event_time() {
	local lines

	export -f events_of_one_flow
	mapfile -t lines < <(unshare -n bash -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp; events_of_one_flow')
	[[ "${lines[0]} " == *" 27 "* ]]
}

# WHAT|FIRST KERNEL WITH IT|FIRST ONE WITHOUT|COMMAND that is true where it is there. A version between those
# of Debian that are booted is a guess.
comings_and_goings() {
	cat <<-'END'
		nf_conntrack_helper||6.0|sysctl_there nf_conntrack_helper
		nf_conntrack_tcp_ignore_invalid_rst|5.14||sysctl_there nf_conntrack_tcp_ignore_invalid_rst
		nf_flowtable_tcp_timeout|5.13||sysctl_there nf_flowtable_tcp_timeout
		as many entries as buckets|5.15||[ "$(default max)" -eq "$(default buckets)" ]
		four times as many entries as buckets||5.15|[ "$(default max)" -eq $((4 * $(default buckets))) ]
		65536 buckets above a GiB|5.15||[ "$(default buckets)" -eq 65536 ]
		16384 buckets above a GiB||5.15|[ "$(default buckets)" -eq 16384 ]
		an expectation for 64 buckets|||[ $((64 * $(default expect_max))) -eq "$(default buckets)" ]
		DCCP states||6.16|tracked dccp '"state"'
		nf_conntrack_dccp_loose||6.16|sysctl_there nf_conntrack_dccp_loose
		UDP-Lite ports||7.0|tracked udplite '"sport"'
		SCTP states|||tracked sctp '"state"'
		TIMESTAMP_EVENT in events|6.14||event_time
	END
}

@test "what comes and goes with the version is there, or is not" {
	local what first gone command expected there bad=0

	[ -e /run/defaults ] || skip "the defaults of this machine may have been changed"
	while IFS='|' read -r what first gone command; do
		expected=yes
		{ [ "$first" ] && ! since "$first"; } && expected=no
		{ [ "$gone" ] && since "$gone"; } && expected=no
		there=$(eval "$command" && echo yes || echo no)
		fact "$what" "$there"
		[ "$there" = "$expected" ] || { echo "$what: $there, not $expected"; bad=1; }
	done < <(comings_and_goings)
	[ "$bad" -eq 0 ]
	# ctstats lists what is there, and no more.
	diff <(ctstats --sysctl -j | jq -r 'select(has("value")) | .name | sub(".*[.]"; "")' | grep '^nf_conntrack' | sort) \
		<(cd /proc/sys/net/netfilter && printf '%s\n' nf_conntrack_* | sort)
}

@test "the counters that this kernel sends are known" {
	local line

	line=$(ask cpus)
	fact "attributes of statistics" "${line#*: }"
	[ "${line%%:*}" -eq "$(tail -n +2 /proc/net/stat/nf_conntrack | wc -l)" ]
	if since 5.15; then
		[[ "$line " == *" 15 "* ]]
	else
		[[ "$line " != *" 15 "* ]]
	fi
	line=$(ask totals)
	fact "attributes of totals" "${line#*: }"
}

# Runs traffic at the client until the test is over.
client() {
	in_client traffic "$@" --hold 20000 3>&- &
	clients+=($!)
}

# await SECONDS COMMAND: until it succeeds; whether it did is for the test to say.
await() {
	local i

	for ((i = 0; i < 10 * $1; i++)); do
		"${@:2}" && return
		sleep 0.1
	done
}

ready() {
	[ "$(in_gateway ctlist -c tcp and state ESTABLISHED)" -ge 5 ] && in_gateway ctlist -q expected
}

FLOWTABLE='table inet fast {
	flowtable f { hook ingress priority 0; devices = { gc, gs }; }
	chain forward { type filter hook forward priority 0; tcp dport 7000 flow add @f; }
}'

# Traffic through a gateway with NAT, a helper and a flowtable; the answers go to DIR.
through_gateway() {
	local clients=()

	# shellcheck source=/dev/null
	. "$ROOT/tests/lib/world.bash"
	world_up && world_servers || return
	client connect 10.2.0.2 80 --count 2 --bytes 5000 --close none
	client connect fd00:2::2 80 --count 1 --bytes 5000 --close none
	client connect 10.2.0.2 80 --count 1 --source 10.1.0.3 --close none
	client ftp-client 10.2.0.2 21
	in_client traffic udp 10.2.0.2 53 --count 3 --expect-reply || return
	await 10 ready
	in_gateway ctlist -j >"$DIR/traffic"
	in_gateway conntrack -L 2>/dev/null >"$DIR/traffic.conntrack"
	in_gateway ask dump | cut -d: -f2- >"$DIR/traffic.attributes"
	# A kernel without flowtables is not a failure here: the test of them says what is missing.
	if in_gateway nft "$FLOWTABLE" 2>"$DIR/offload.reason"; then
		client connect 10.2.0.2 7000 --count 1 --close none
		await 10 in_gateway ctlist -q offload
		in_gateway ctlist -j dport 7000 >"$DIR/offload"
		in_gateway conntrack -L -p tcp --dport 7000 2>/dev/null >"$DIR/offload.conntrack"
		in_gateway ctlist -f conntrack dport 7000 >"$DIR/offload.ours"
	fi
	kill "${clients[@]}"
	world_down
}

@test "real traffic: counters, start, translation, zone, mark, helper" {
	export ROOT TOOLS DIR FLOWTABLE
	export -f through_gateway client await ready
	unshare -n bash -c through_gateway
	head -n 20 "$DIR/traffic.conntrack"
	jq -c . "$DIR/traffic" | head -n 20
	FLOWS=$DIR/traffic
	fact "attributes of real flows in a dump" "$(<"$DIR/traffic.attributes")"
	[ "$(count '.proto == "tcp" and .orig.dport == 80 and .mark == 16 and .start')" -eq 4 ]
	[ "$(count '.orig.dport == 80 and .orig.bytes >= 5000 and .reply.bytes >= 5000')" -eq 3 ]
	[ "$(count '.snat.addr == "10.2.0.10" and .orig.dport == 80')" -eq 2 ]
	[ "$(count '.snat.addr == "fd00:2::10"')" -eq 1 ]
	[ "$(count '.zone == 5 and .orig.src == "10.1.0.3"')" -eq 1 ]
	[ "$(count '.proto == "udp" and .mark == 53 and .labels == ["3"]')" -eq 3 ]
	[ "$(count '.helper == "ftp"')" -eq 1 ]
	[ "$(count '.status | index("EXPECTED")')" -eq 1 ]
	[ "$(count '.master.dport == 21')" -eq 1 ]
	[ "$(grep -o 'bytes=[0-9]*' "$DIR/traffic.conntrack" | cut -d= -f2 | sort)" = \
		"$(jq '.orig.bytes, .reply.bytes' "$FLOWS" | sort)" ]
}

@test "an offloaded flow has neither state nor time left in a dump" {
	if [ ! -e "$DIR/offload" ]; then
		cat "$DIR/offload.reason"
		[ ! -e /sys/module/nf_flow_table ]
		skip "this kernel has no flowtables"
	fi
	cat "$DIR/offload.conntrack"
	[ "$(jq -c '[(.status | index("OFFLOAD")) != null, .state, .timeout, .idle]' "$DIR/offload")" = \
		'[true,null,null,null]' ]
	diff <(sed 's/delta-time=[0-9]* //' "$DIR/offload.conntrack") <(sed 's/delta-time=[0-9]* //' "$DIR/offload.ours")
}

@test "ctcount adds up to a thousand, in all ways of grouping" {
	ctcount -j >"$BATS_TEST_TMPDIR/groups"
	[ "$(jq -s 'map(.count) | add' "$BATS_TEST_TMPDIR/groups")" -eq 1000 ]
	[ "$(jq -s 'map(select(.proto == "udp") | .count) | add' "$BATS_TEST_TMPDIR/groups")" -eq \
		"$(having '"proto":"udp","protonum"')" ]
	[ "$(ctcount --by src/24 --across state -f csv -H | wc -l)" -gt 5 ]
	validate ctcount-group <"$BATS_TEST_TMPDIR/groups"
}

@test "ctstats shows the counters that this kernel fills, and no others" {
	local old='"clash_resolve", "drop", "early_drop", "error", "found", "insert", "insert_failed", "invalid", "search_restart"'

	ctstats -j >"$BATS_TEST_TMPDIR/stats"
	validate ctstats <"$BATS_TEST_TMPDIR/stats"
	since 5.15 && old="\"chaintoolong\", $old"
	[ "$(jq -c '[.entries, .max, .buckets, .counters.insert.total >= 1000,
		([.counters | keys[] | select(startswith("expect") | not)] | sort)]' "$BATS_TEST_TMPDIR/stats")" = \
		"$(cd /proc/sys/net/netfilter && jq -nc "[1000, $(<nf_conntrack_max), $(<nf_conntrack_buckets), true, [$old]]")" ]
}

# The counters of proc are the same ones, under other names.
@test "ctstats needs no privilege, and says the same" {
	ctstats -j --per-cpu | jq -S '.cpus | map(del(.expect_new, .expect_create, .expect_delete))' \
		>"$BATS_TEST_TMPDIR/root"
	chmod 755 "$BATS_RUN_TMPDIR"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BUILD/ctstats" -j --per-cpu 2>/dev/null |
		jq -S '.cpus | map(del(.expect_new, .expect_create, .expect_delete))' >"$BATS_TEST_TMPDIR/nobody"
	diff "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/nobody"
	[ "$(ctstats --sysctl -j | jq -s 'map(select(.name | endswith("tcp_timeout_established"))) | length')" -eq 1 ]
}

@test "cttop draws each view once" {
	local view

	for view in ports states sources destinations flows nat events counters; do
		cttop -b -n 1 -v "$view" >"$BATS_TEST_TMPDIR/screen"
		echo "$view"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/screen")" -ge 4 ]
		grep -q 1000 "$BATS_TEST_TMPDIR/screen"
	done
}

# Connections over loopback that end in different ways, while ctwatch listens and writes to DIR/events.
endings() {
	local fd line watch i servers=()

	cd /proc/sys/net/netfilter || return
	echo 1 | tee nf_conntrack_events nf_conntrack_acct nf_conntrack_timestamp \
		nf_conntrack_tcp_timeout_time_wait nf_conntrack_tcp_timeout_close >/dev/null
	ip link set lo up
	nft "table inet track { chain c { type filter hook input priority 0; ct state new counter; }; }" || return
	for i in 80 81; do
		exec {fd}< <(exec traffic serve 127.0.0.1 "$i" 3>&-)
		servers+=($!)
		read -r -u "$fd" line
	done
	ctwatch -j --duration 60 >"$DIR/events" 2>"$DIR/events.end" 3>&- &
	watch=$!
	for ((i = 0; i < 50; i++)); do
		conntrack -I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 1000 -t 100 >/dev/null 2>&1
		conntrack -D -s 10.0.0.1 >/dev/null 2>&1
		grep -q deleted "$DIR/events" && break
		sleep 0.2
	done
	traffic connect 127.0.0.1 80 --close fin
	traffic connect 127.0.0.1 81 --close rst
	traffic connect 127.0.0.1 82
	# A dump finds what has expired.
	for ((i = 0; i < 50; i++)); do
		ctlist -q tcp || break
		sleep 0.2
	done
	sleep 0.5
	kill -INT "$watch"
	wait "$watch"
	kill "${servers[@]}"
}

@test "ctwatch says why flows ended" {
	export DIR
	export -f endings
	unshare -n bash -c endings
	cat "$DIR/events" "$DIR/events.end" | cut -c 1-300
	jq -r 'select(.type == "destroy" and .family) | "\(.orig.dport) \(.reason)"' "$DIR/events" | sort -u \
		>"$BATS_TEST_TMPDIR/reasons"
	diff - "$BATS_TEST_TMPDIR/reasons" <<-END
		1000 deleted
		80 closed
		81 reset
		82 refused
	END
	[ "$(jq -c 'select(.type == "destroy") | .duration != null and .orig.packets > 0' "$DIR/events" | grep -c true)" -ge 3 ]
}

# A flow that is older than the listener ends; what ctwatch says goes to DIR/silent.
silent_end() {
	local watch i

	conntrack -I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 1000 -t 100 >/dev/null 2>&1
	ctwatch -j --duration 30 "$@" >"$DIR/silent" 2>/dev/null 3>&- &
	watch=$!
	for ((i = 0; i < 100; i++)); do
		grep -q "^0*$watch " <(awk '$2 == 12 && $4 != "00000000" { print $3 " " }' /proc/net/netlink) && break
		sleep 0.1
	done
	sleep 1
	conntrack -D -s 10.0.0.1 >/dev/null 2>&1
	for ((i = 0; i < 30; i++)); do
		grep -q destroy "$DIR/silent" && break
		sleep 0.1
	done
	kill -INT "$watch"
	wait "$watch"
}

@test "the end of a flow older than every listener is silent since 5.19; ctwatch warns, --track finds it" {
	[ -e /run/defaults ] || skip "somebody may be listening on this machine"
	export DIR
	export -f silent_end
	unshare -n bash -c silent_end
	cat "$DIR/silent"
	if since 5.19; then
		[ "$(jq -r .type "$DIR/silent")" = note ]
	else
		[ "$(jq -r .type "$DIR/silent")" = destroy ]
	fi
	unshare -n bash -c 'silent_end --track --resync 1'
	cat "$DIR/silent"
	[ "$(jq -c 'select(.type == "destroy") | .synthetic' "$DIR/silent")" = "$(since 5.19 && echo true || echo null)" ]
}
