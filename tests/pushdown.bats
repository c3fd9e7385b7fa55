# The kernel does its part of a filter, and --explain-filter says which.
load lib/common
load lib/oracle
load kernels/lib

setup_file() {
	oracle_fill
}

setup() {
	need_kernel
	need jq
}

# Only what matches may have come from the kernel: the capture holds what it sent. A row of FILTER|FIRST KERNEL that
# honours all of it|WHAT AN OLDER ONE SENDS, as a filter.
@test "the kernel does its part" {
	local expression first older sent

	while IFS='|' read -r expression first older; do
		echo "filter: $expression"
		ctlist -c -w "$BATS_TEST_TMPDIR/sent.pcap" "$expression" >"$BATS_TEST_TMPDIR/count"
		[ "$(cat "$BATS_TEST_TMPDIR/count")" -gt 0 ]
		[ "$(ctlist -c -r "$BATS_TEST_TMPDIR/sent.pcap" "$expression")" -eq "$(cat "$BATS_TEST_TMPDIR/count")" ]
		[ -z "$first" ] || since "$first" || expression=$older
		sent=$(ctlist -c -r "$BATS_TEST_TMPDIR/sent.pcap")
		echo "sent: $sent"
		# shellcheck disable=SC2086 # no filter at all is no word
		[ "$sent" -eq "$(ctlist -c $expression)" ]
	done <<-END
	ipv6
	tcp
	ipv4 udp dport 53
	tcp dport 443
	dst $(pick .orig.dst '.family == "ipv4"')
	snat.addr 203.0.113.1 snat
	assured|6.1|
	unreplied|6.1|
	not dnat|6.1|
	mark 0x10/0x10
	tcp reply.sport 443 replied|6.1|tcp reply.sport 443
	zone 0|6.12|
	END
}

@test "--explain-filter names what the kernel is asked" {
	local expression expected

	while IFS=$'\t' read -r expression expected; do
		ctlist --explain-filter "$expression" >"$BATS_TEST_TMPDIR/text"
		echo "filter: $expression"
		cat "$BATS_TEST_TMPDIR/text"
		[ "$(grep '^kernel' "$BATS_TEST_TMPDIR/text" | sed 's/^kernel[^:]*: //' | paste -sd '|')" = "$expected" ]
	done <<-'END'
	ipv6	family ipv6
	tcp	family ipv4, original protocol 6|family ipv6, original protocol 6
	tcp dport 443	family ipv4, original protocol 6, orig.dport 443|family ipv6, original protocol 6, orig.dport 443
	sctp dport 443	family ipv4, original protocol 132|family ipv6, original protocol 132
	dport 443	everything
	src 10.0.0.1	family ipv4, orig.src 10.0.0.1
	src 10.0.0.0/8	family ipv4
	src 10.0.0.1,10.0.0.2	everything
	src != 10.0.0.1	everything
	src 2001:db8::1	family ipv6
	udp dst 2001:db8::1 dport 53	family ipv6, original protocol 17, orig.dport 53
	host 10.0.0.1	everything
	mark 0x13/0xf0	mark 0x10/0xf0
	mark > 1	everything
	assured	status 0x4/0x4
	unreplied	status 0x0/0x2
	not assured	status 0x0/0x4
	replied not assured	status 0x2/0x6
	zone 3	zone 3
	zone 0	zone 0
	zone 3,-	everything
	state -	everything
	mark 0	mark 0x0/0xffffffff
	zone > 3	everything
	tcp or udp	everything
	not tcp	everything
	tcp udp	everything
	assured not assured	everything
	(tcp or udp) and assured	status 0x4/0x4
	snat.addr 203.0.113.1	family ipv4, reply.dst 203.0.113.1
	bytes > 1M	everything
	END
	unshare -Ur true 2>/dev/null || skip "no user namespace: privileges cannot be left"
	unshare -Ur "$BUILD/ctlist" --explain-filter tcp | grep -q 'protocol 6'
}
