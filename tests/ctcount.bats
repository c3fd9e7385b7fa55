# ctcount against the record of what was made, conntrack(8), and ctlist through jq.
load lib/common

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
	for timeout in /proc/sys/net/netfilter/nf_conntrack_{udp,tcp}_timeout*; do
		echo 3000 >"$timeout"	# nothing goes while the tests run
	done
	nft 'table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }'
	fill -n 3000 -t 3000 -o "$BATS_FILE_TMPDIR/record" 2>/dev/null
	# Real traffic has counters. Nobody listens: each datagram is a flow without a reply.
	for size in 1 10 100 1000; do
		traffic udp 127.0.0.1 $((7000 + size)) --count 5 --bytes $size >/dev/null
	done
	traffic serve 127.0.0.1 7777 --seconds 5 >"$BATS_FILE_TMPDIR/ready" 3>&- &
	for _ in {1..50}; do
		grep -q ready "$BATS_FILE_TMPDIR/ready" && break
		sleep 0.05
	done
	traffic connect 127.0.0.1 7777 --count 20 --bytes 300 >/dev/null
	sysctl -qw net.netfilter.nf_conntrack_acct=0
	nft delete table inet t
	kill $! 2>/dev/null
	# Saved, the flows do not change any more between two commands.
	ctlist -w "$BATS_FILE_TMPDIR/flows.pcap" -c >"$BATS_FILE_TMPDIR/number"
}

setup() {
	need_kernel
	FLOWS=$BATS_FILE_TMPDIR/flows.pcap
	RECORD=$BATS_FILE_TMPDIR/record
	cd "$BATS_TEST_TMPDIR" || return
}

# Counts objects in jq, the reference for grouping by $1: keys with tabs, a blank, the count.
by_jq() {
	jq -r "[$1] | map(. // \"-\") | @tsv" | sort | uniq -c | sed -E 's/^ *([0-9]+) (.*)$/\2 \1/' | sort
}

same() {
	diff -u "$1" "$2"
}

@test "protocols and states are those that were made" {
	jq -c . "$RECORD" | by_jq '.proto, .state' >expected
	# The traffic of setup_file is ours as well, but not recorded.
	ctcount -r "$FLOWS" -j not host 127.0.0.1 | jq -r '"\(.proto)\t\(.state // "-") \(.count)"' |
		sort >got
	[ "$(wc -l <expected)" -gt 15 ]
	same expected got
}

@test "TCP states are those that conntrack counts" {
	need conntrack
	conntrack -L -p tcp 2>/dev/null | awk '{ n[$4]++ } END { for (s in n) print s, n[s] }' | sort >expected
	ctcount -H --by state tcp | awk '{ print $1, $2 }' | sort >got
	[ "$(wc -l <expected)" -gt 5 ]
	# conntrack's name for SYN_SENT2
	sed -i 's/^LISTEN/SYN_SENT2/' expected
	sort -o expected expected
	same expected got
}

@test "every field groups as its values in ctlist do" {
	ctcount --list-fields | awk '$2 != "short" { print $1 }' >names
	[ "$(wc -l <names)" -gt 60 ]
	while read -r name; do
		ctlist -r "$FLOWS" -j -o "$name" | sort | uniq -c | sed -E 's/^ *([0-9]+) (.*)$/\2 \1/' |
			sort >expected
		ctcount -r "$FLOWS" -j --by "$name" >objects
		jq -c 'del(.count, .percent, .unreplied), .count' objects | paste -d ' ' - - | sort >got
		diff -u expected got || { echo "field $name"; return 1; }
		cat objects >>all
	done <names
	validate ctcount-group <all
}

@test "several fields, in the order that was asked for" {
	ctlist -r "$FLOWS" -j | by_jq '.orig.dport, .proto, .zone, .reply.src' >expected
	ctcount -r "$FLOWS" -f csv -H --by dport,proto,zone,reply.src -o dport,proto,zone,reply.src,count |
		awk -F, '{ for (i = 1; i < 5; i++) printf "%s%s", $i == "" ? "-" : $i, i < 4 ? "\t" : " "; print $5 }' |
		sort >got
	same expected got
	run ctcount -r "$FLOWS" --by dport,proto --top 1
	[[ ${lines[0]} =~ ^\ *DPORT\ +PROTO\ +COUNT\ +PERCENT\ +UNREPLIED$ ]]
}

@test "that events are counted is said, with the command that is for them" {
	cd "$ROOT/tests/captures"
	run -0 --separate-stderr ctcount -r conntrack-E.txt
	[ "$stderr" = "ctcount: $(ctlist -c -r conntrack-E.txt) events were counted as flows, each event of a flow anew: ctwatch --summary counts events" ]
	run -0 --separate-stderr ctcount -r conntrack-E.txt proto 250
	[ -z "$stderr" ]
	for file in conntrack-L.txt mixed.pcap proc-nf_conntrack.txt; do
		run -0 --separate-stderr ctcount -r "$file"
		[ -z "$stderr" ]
	done
	ctlist -j -r mixed.pcap >"$BATS_TEST_TMPDIR/saved"
	run -0 --separate-stderr ctcount -r "$BATS_TEST_TMPDIR/saved"
	[ -z "$stderr" ]
	for list in src,src/24 src/8,src/24 src,orig.src; do
		run -2 ctcount -r mixed.pcap --by "$list"
		[[ $output == *"': orig.src is there already, and only one prefix of it can be; try"* ]]
	done
}

@test "addresses are cut to prefixes, IPv6 to /64 or as asked" {
	for prefix in 24:64:src/24 17:64:src/17 30:51:src/30/51 1:1:src/1/1 32:128:src/32/128; do
		IFS=: read -r four six key <<<"$prefix"
		ctlist -r "$FLOWS" -j -o src | /usr/bin/python3 -c '
import collections, ipaddress, json, sys
count = collections.Counter()
for line in sys.stdin:
    address = ipaddress.ip_address(json.loads(line)["orig"]["src"])
    length = int(sys.argv[1 if address.version == 4 else 2])
    count[ipaddress.ip_network((address, length), strict=False)] += 1
for network, n in count.items():
    print(network, n)' "$four" "$six" | sort >expected
		ctcount -r "$FLOWS" -j --by "$key" | jq -r '"\(.orig.src) \(.count)"' | sort >got
		same expected got
	done
	[ "$(wc -l <expected)" -gt 100 ]
}

@test "the sums are those of the flows" {
	ctlist -r "$FLOWS" -j | jq -r -s 'group_by(.proto)[] | [.[0].proto,
		(map(select(.orig.bytes)) | map(.orig.bytes + .reply.bytes) | add),
		(map(.orig.packets // empty) | add), (map(.reply.bytes // empty) | add)] |
		map(. // "-") | @tsv' | sort >expected
	ctcount -r "$FLOWS" -j --by proto --sum bytes,orig.packets,reply.bytes >objects
	jq -r '[.proto, .sum.bytes, .sum.orig.packets, .sum.reply.bytes] | map(. // "-") | @tsv' objects | sort >got
	same expected got
	validate ctcount-group <objects
	[ "$(jq -s 'map(.sum.bytes // 0) | add' objects)" -gt 20000 ]
}

@test "where there are no counters there is no sum, and it is said why" {
	ctlist -r "$FLOWS" -j | jq -c 'del(.orig.bytes, .orig.packets, .reply.bytes, .reply.packets)' >flows.json
	run bash -c "ctcount -r flows.json --by proto --sum bytes -j 2>&1 >objects"
	[[ $output == *"no flow has counters"*nf_conntrack_acct* ]]
	jq -e -s 'length > 5 and all(has("sum") | not)' objects
	run bash -c "ctcount -r '$FLOWS' --by proto --sum bytes 2>&1 >/dev/null"
	[ -z "$output" ]
}

@test "unreplied are those that ctlist calls so" {
	for filter in tcp udp "dport 443" "host 127.0.0.1" snat; do
		# shellcheck disable=SC2086 # words of a filter
		[ "$(ctcount -r "$FLOWS" -j --by family --total $filter | jq -s '.[-1].unreplied')" -eq \
			"$(ctlist -r "$FLOWS" -c "($filter) and unreplied")" ]
	done
}

@test "whatever is folded, the total is the number of flows" {
	total=$(ctlist -r "$FLOWS" -c)
	for options in "--top 1" "--top 3 -s state" "--min 50" "--min 5 --top 4" "--top 100000" "--min 1000000" ""; do
		# shellcheck disable=SC2086 # several options
		ctcount -r "$FLOWS" -j --by state,dport --sum packets $options --total >objects
		validate ctcount-group <objects
		jq -e -s --argjson total "$total" '(.[:-1] | map(.count) | add) == $total and
			(.[:-1] | map(.unreplied) | add) == .[-1].unreplied and
			(.[:-1] | map(.sum.packets // 0) | add) == .[-1].sum.packets and
			(.[-1] | .group == "total" and .count == $total and .percent == 100) and
			(.[:-1] | map(.percent) | add | . > 99 and . < 101)' objects
	done
	ctcount -r "$FLOWS" -j --by dport --top 3 >objects
	jq -e -s 'length == 4 and .[3].group == "others" and (.[:3] | all(has("group") | not))' objects
	ctcount -r "$FLOWS" -j --by dport --min 20 >objects
	jq -e -s '(.[:-1] | all(.count >= 20)) and .[-1].group == "others"' objects
}

@test "the first are the largest, ties by the keys" {
	ctcount -r "$FLOWS" -j --by dport --top 40 | jq -c 'select(.group | not) | [.orig.dport, .count]' >got
	ctlist -r "$FLOWS" -j | jq -c -s 'group_by(.orig.dport) | map([.[0].orig.dport, length]) |
		sort_by(-.[1], .[0] // 70000) | .[:40][]' >expected
	same expected got
}

@test "sorting by keys, sums and in both directions" {
	ctcount -r "$FLOWS" -j --by dport,proto -s dport,-count >objects
	jq -e -s '. == sort_by(.orig.dport // 70000, -.count)' objects
	ctcount -r "$FLOWS" -j --by dport,proto -s -dport,count >objects
	jq -e -s 'map([.orig.dport // -1, .count]) | . == sort_by(-.[0], .[1])' objects
	ctcount -r "$FLOWS" -j --by dport --sum bytes -s -bytes >objects
	jq -e -s 'map(.sum.bytes // -1) | . == (sort | reverse) and .[0] > .[1]' objects
	ctcount -r "$FLOWS" -j --by dport -s -unreplied >objects
	jq -e -s 'map([.unreplied, .count]) | . == (sort | reverse)' objects
}

@test "the matrix has the values in their order, and adds up" {
	ctcount -r "$FLOWS" -j --by dport --across state --total >objects
	validate ctcount-group <objects
	jq -e -s 'all(.count == (.across | add))' objects
	ctlist -r "$FLOWS" -j | by_jq '.orig.dport, .state' >expected
	jq -r 'select(.group | not) | (.orig.dport // "-") as $port | .across | to_entries[] | select(.value > 0) |
		"\($port)\t\(.key) \(.value)"' objects | sort >got
	same expected got
	run ctcount -r "$FLOWS" --by dport --across state tcp
	[[ ${lines[0]} =~ UNREPLIED\ +NONE\ +SYN_SENT\ +SYN_SENT2\ +SYN_RECV\ +ESTABLISHED\ +FIN_WAIT\ +CLOSE_WAIT\ +LAST_ACK\ +TIME_WAIT\ +CLOSE$ ]]
	jq -e -s '(.[:-1] | map(.across.TIME_WAIT) | add) == .[-1].across.TIME_WAIT' objects
	ctcount -r "$FLOWS" -j --by state --across src --top 2 --sum bytes >objects
	jq -e -s 'all(.count == (.across | add)) and (.[0].across | length > 256)' objects
}

@test "what goes across is not in the default rows" {
	same <(ctcount -r "$FLOWS" -x state) <(ctcount -r "$FLOWS" --by proto -x state)
	same <(ctcount -r "$FLOWS" -x proto) <(ctcount -r "$FLOWS" --by state -x proto)
	same <(ctcount -r "$FLOWS" -x family) <(ctcount -r "$FLOWS" --by proto,state -x family)
}

@test "a saved table counts like the live one" {
	ctcount --by proto,state,src/24 >live
	ctcount -r "$FLOWS" --by proto,state,src/24 >saved
	same live saved
	ctlist -j >flows.json
	ctcount -r flows.json --by proto,state,src/24 >saved
	same live saved
}

@test "the text of conntrack counts like the live table" {
	need conntrack
	conntrack -L >text 2>/dev/null
	ctcount --by proto,state,dport,snat.addr,zone >live
	ctcount -r text --by proto,state,dport,snat.addr,zone >saved
	same live saved
}

@test "csv reads as csv" {
	ctcount -r "$FLOWS" -f csv --by status,proto --sum bytes --across state --top 5 --total >table.csv
	ctcount -r "$FLOWS" -j --by status,proto --sum bytes --across state --top 5 --total >objects
	/usr/bin/python3 - <<'PY'
import csv, json
rows = list(csv.DictReader(open("table.csv")))
objects = [json.loads(line) for line in open("objects")]
assert len(rows) == len(objects) == 7
for row, o in zip(rows, objects):
    assert row["group"] == o.get("group", "")
    assert row["status"] == ",".join(o.get("status", []))
    assert row["proto"] == o.get("proto", "")
    assert int(row["count"]) == o["count"] and float(row["percent"]) == o["percent"]
    assert row["sum.bytes"] == str(o.get("sum", {}).get("bytes", ""))
    assert {k[7:]: int(v) for k, v in row.items() if k.startswith("across.")} == o["across"]
PY
}

@test "columns are those of --columns" {
	run ctcount -r "$FLOWS" --by proto,dport -o count,dport --top 1
	[[ ${lines[0]} =~ ^\ *COUNT\ +DPORT$ ]]
	[[ ${lines[2]} =~ ^\ *[0-9]+\ +others$ ]]
	run ctcount -r "$FLOWS" --by proto,dport --sum bytes -o proto,bytes -f csv
	[ "${lines[0]}" = proto,sum.bytes ]
	run ctcount -r "$FLOWS" --by proto -o +group,time --total
	[[ ${lines[0]} =~ ^PROTO\ +COUNT\ +PERCENT\ +UNREPLIED\ +GROUP\ +TIME$ ]]
	[[ ${lines[-1]} =~ ^total\ .*\ total\ +20 ]]
	run ctcount -r "$FLOWS" --by proto -o count -j
	[[ ${lines[0]} =~ ^\{\"count\":[0-9]+\}$ ]]
}

# Waits until a file has so many samples (times) in it.
wait_samples() {
	for _ in {1..100}; do
		[ "$(jq -r .time "$1" 2>/dev/null | sort -u | wc -l)" -ge "$2" ] && return 0
		sleep 0.05
	done
	echo "sample $2 did not come"
	return 1
}

@test "the interval shows the change, and what has gone" {
	ctcount -j -i 0.4 -n 9 --by dport,proto "dport 443 or dport 4444" >samples 3>&- &
	job=$!
	wait_samples samples 2
	before=$(jq -s '.[-1].time as $t | map(select(.time == $t)) | map(.count) | add' samples)
	traffic() { conntrack -I -p udp -s 10.9.9.1 -d 10.9.9.2 --sport "$1" --dport 4444 -t 100 >/dev/null 2>&1; }
	for port in 1 2 3 4 5; do
		traffic $port
	done
	wait_samples samples 5
	conntrack -D -p udp -s 10.9.9.1 >/dev/null 2>&1
	wait "$job"
	validate ctcount-group <samples
	jq -e -s 'map(select(.orig.dport == 4444)) | (map(.delta // 0) | add) == 0 and
		(map(select(.delta > 0) | .delta) | add) == 5 and
		(map(.count) | max) == 5 and
		.[-1].count == 0 and .[-1].delta < 0' samples
	jq -e -s '(map(.time) | unique | length) == 9 and
		(.[0].time as $t | all(if .time == $t then has("delta") | not else has("delta") end))' samples
	after=$(jq -s '.[-1].time as $t | map(select(.time == $t)) | map(.count) | add' samples)
	[ "$before" -eq "$after" ]
}

@test "samples of a table have a time and a heading each, csv has one heading" {
	ctcount -i 0.1 -n 3 --by family >out
	[ "$(grep -c '^FAMILY.*CHANGE$' out)" -eq 3 ]
	[ "$(grep -c '^20..-..-..T..:..:..Z$' out)" -eq 3 ]
	ctcount -i 0.1 -n 3 --by family -f csv >out
	[ "$(grep -c '^time,family,count,percent,unreplied,delta$' out)" -eq 1 ]
	[ "$(wc -l <out)" -eq 7 ]
}

@test "the end of repeated samples is quiet" {
	ctcount -i 30 --by family >out 2>errors 3>&- &
	job=$!
	for _ in {1..100}; do
		[ -s out ] && break
		sleep 0.05
	done
	kill "$job"
	wait "$job"
	[ ! -s errors ]
	grep -q ^ipv4 out
	timeout 10 ctcount -i 0.1 --by family 2>errors | head -1 >/dev/null
	[ ! -s errors ]
}

@test "an empty answer is no trouble" {
	run ctcount -r "$FLOWS" dport 1 and dport 2
	[ "$status" -eq 0 ]
	[[ $output =~ ^PROTO\ +STATE\ +COUNT\ +PERCENT\ +UNREPLIED$ ]]
	run ctcount -r "$FLOWS" --total -j dport 1 and dport 2
	[ "$status" -eq 0 ]
	[ "$(jq .count <<<"$output")" -eq 0 ]
	run unshare -n ctcount -j
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "expectations are named, not counted" {
	run -0 --separate-stderr ctcount -r "$ROOT/tests/captures/expect.pcap"
	[[ $stderr == *" expectations are not counted: ctlist --table expect"* ]]
	[ "$(wc -l <<<"$output")" -eq 1 ]
	run -0 --separate-stderr ctcount -r "$ROOT/tests/captures/expect.pcap" -r "$ROOT/tests/captures/mixed.pcap"
	[ -z "$stderr" ]
}

@test "what is not understood is refused by name" {
	while IFS='|' read -r options word; do
		# shellcheck disable=SC2086 # several options
		run ctcount $options
		echo "$options: $output"
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$word"* ]]
		[[ $output == *"try 'ctcount --help'" ]]
	done <<-'END'
		--by nonsense|'nonsense'
		--by state/24|'state/24'
		--by src/33|'src/33'
		--by src/24/129|'src/24/129'
		--by src/0|'src/0'
		--by src/x|'src/x'
		--by src/|'src/'
		--by src,dst,src/8|'src/8'
		--by proto,|''
		--by proto --across proto|'proto'
		--across nonsense|'nonsense'
		--sum state|'state'
		--sum bytes,bytes|'bytes'
		-s nonsense|'nonsense'
		-s bytes|'bytes'
		-o nonsense|'nonsense'
		--top 0|'0'
		--top x|'x'
		--min -1|'-1'
		-n 3|--interval
		-i 0|'0'
		-i 1 -r -|--read
		-f conntrack|'conntrack'
		--nonsense|'--nonsense'
	END
}

@test "a full disk is trouble" {
	run bash -c "ctcount -r '$FLOWS' >/dev/full"
	[ "$status" -eq 2 ]
}

@test "the manual page has every option, and its examples work" {
	page=$ROOT/man/ctcount.8
	if command -v mandoc >/dev/null; then
		run mandoc -T lint -W warning "$page"
		[ -z "$output" ]
	fi
	while IFS=$'\t' read -r option _; do
		grep -q -- "Fl -${option#--}\b" "$page" || { echo "$option is missing"; return 1; }
	done < <(ctcount --list-options)
	sed -n 's/^\.Dl ct/ct/p' "$page" | sed "s/\\\\(dq/\"/g" >recipes
	[ "$(wc -l <recipes)" -gt 15 ]
	while read -r recipe; do
		recipe=${recipe/ctcount -i 5/ctcount -i 0.1 -n 2}
		bash -c "$recipe" >out 2>errors || { echo "$recipe"; cat errors; return 1; }
		[ ! -s errors ]
		[ -s out ] || { echo "$recipe: no answer"; return 1; }
	done <recipes
}

# Between two samples there is time to look at the process.
@test "memory depends on the groups, not on the flows" {
	[[ $BUILD != *sanitize* ]] || skip "what checks memory uses more"
	not_under_valgrind "what checks memory uses more"
	# shellcheck disable=SC2016 # for the shell inside
	unshare -n bash -c '
		fill -p tcp4 -n 100000 -t 3000 2>/dev/null
		ctcount -i 30 -j --by src/28 --total >out 3>&- &
		job=$!
		for _ in {1..100}; do
			grep -q total out && break
			sleep 0.05
		done
		awk "/VmHWM/ { print \$2 }" "/proc/$job/status"
		kill "$job"' >peak
	groups=$(grep -vc total out)
	echo "$groups groups, $(cat peak) KiB"
	[ "$groups" -gt 500 ]
	[ "$groups" -lt 3000 ]
	[ "$(tail -1 out | jq .count)" -eq 100000 ]
	[ "$(cat peak)" -lt 10240 ]
}

# Prints the peak memory in KiB of a command (ten thousand at least), and its output to `out`.
peak() {
	/usr/bin/python3 -c 'import resource, subprocess, sys
with open("out", "w") as out:
    subprocess.run(sys.argv[1:], stdout=out, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

@test "a million groups" {
	awk 'BEGIN { for (i = 0; i < 1000000; i++) {
		src = "10." int(i / 65536) "." int(i / 256) % 256 "." i % 256
		printf "udp      17 20 src=%s dst=192.0.2.1 sport=%d dport=53 [UNREPLIED] src=192.0.2.1 dst=%s sport=53 dport=%d mark=0 use=1\n",
			src, 1024 + i % 60000, src, 1024 + i % 60000 } }' >text
	kib=$(peak ctcount -r text --by src,sport --top 3 --total -f csv)
	cat out
	[ "$(tail -1 out)" = total,,,1000000,100.00,1000000 ]
	[ "$(sed -n 5p out)" = others,,,999997,100.00,999997 ]
	echo "$kib KiB"
	[ "$kib" -lt 300000 ]
}
