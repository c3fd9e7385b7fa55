#!/usr/bin/env bats
# What ctlist prints as JSON fits the schemas, and the schemas know every field.

load lib/common

# A table with everything that ctnetlink can make; entries that the kernel refuses do not matter.
fill_table() {
	need_kernel
	need nft
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp
	nft 'table inet t { chain c { type filter hook output priority 0; ct state new ct label set 3; }; }'
	fill -p mixed -n 2000 2>/dev/null || [ $? -eq 1 ]
	fill -e 60 2>/dev/null || [ $? -eq 1 ]
}

# Every column that ctlist knows, of this table.
all_columns() {
	local name list=''
	while read -r name _; do
		ctlist -t "$1" -r /dev/null -o "$name" >/dev/null 2>&1 && list+=,$name
	done < <(ctlist -F)
	echo "${list#,}"
}

@test "the schemas are those of the fields" {
	cd "$ROOT"
	B=$BUILD schema/refresh "$BATS_TEST_TMPDIR"
	diff schema/ctlist-flow.json "$BATS_TEST_TMPDIR/ctlist-flow.json"
	diff schema/ctlist-expect.json "$BATS_TEST_TMPDIR/ctlist-expect.json"
	diff schema/ctwatch-event.json "$BATS_TEST_TMPDIR/ctwatch-event.json"
}

@test "every field is in a schema, with its help" {
	ctlist -F | awk '$2 != "short" { print $1 }' >"$BATS_TEST_TMPDIR/fields"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fields")" -gt 80 ]
	cd "$ROOT"
	while read -r name; do
		path='.properties["'${name//./'"].properties["'}'"].description | strings'
		jq -es "any(.[]; $path | length > 3)" schema/ctlist-*.json >/dev/null ||
			{ echo "$name is in no schema"; return 1; }
	done <"$BATS_TEST_TMPDIR/fields"
}

@test "2000 flows and every expectation fit" {
	fill_table
	cd "$BATS_TEST_TMPDIR"
	ctlist -j >flows
	ctlist -t expect -j >expectations
	[ "$(wc -l <flows)" -ge 2000 ]
	[ "$(wc -l <expectations)" -ge 30 ]
	validate ctlist-flow <flows
	validate ctlist-expect <expectations
	ctlist -j -o "$(all_columns conntrack)" | validate ctlist-flow
	ctlist -t expect -j -o "$(all_columns expect)" | validate ctlist-expect
}

@test "what was read from a file fits" {
	fill_table
	conntrack -L -o extended,id,labels 2>/dev/null | ctlist -j -r - | validate ctlist-flow
	ctlist -j | ctlist -j -r - | validate ctlist-flow
	ctlist -q -w "$BATS_TEST_TMPDIR/saved.pcap"
	ctlist -j -r "$BATS_TEST_TMPDIR/saved.pcap" | validate ctlist-flow
}

@test "a schema refuses what is no flow" {
	good='{"family":"ipv4","proto":"tcp","orig":{"src":"10.0.0.1","dport":80},"status":["ASSURED"]}'
	validate ctlist-flow <<<"$good"
	for change in '.orig.sort=1' '.color="red"' '.orig.src="10.0.0"' '.orig.dport=65536' '.orig.dport="80"' \
		'.status+=["ODD"]' '.family="ipx"' '.timeout=-1' '.state="SYN"' '.start="2026-11-22"' '.mark=null'; do
		run validate ctlist-flow < <(jq -c "$change" <<<"$good")
		[ "$status" -ne 0 ] || { echo "accepted: $change"; return 1; }
	done
}
