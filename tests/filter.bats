# Filters by protocol, state, status, translation and mark choose what jq chooses.
load lib/common
load lib/oracle

setup_file() {
	oracle_fill
}

setup() {
	need_kernel
	need jq
}

@test "what was made is all there" {
	ctlist -H -f csv -o $KEY | sort >"$BATS_TEST_TMPDIR/ours"
	printf 'everything\ttrue\n' | expect_by_jq | cut -f 2 | sort | diff "$BATS_TEST_TMPDIR/ours" -
}

@test "families and protocols" {
	check <<-'END'
	ipv4	.family == "ipv4"
	ip6	.family == "ipv6"
	tcp	.protonum == 6
	udp	.protonum == 17
	icmp	.protonum == 1
	icmpv6	.protonum == 58
	icmp or icmpv6	.protonum == 1 or .protonum == 58
	sctp	.protonum == 132
	gre	.protonum == 47
	udplite	.protonum == 136
	dccp	.protonum == 33
	igmp	.protonum == 2
	proto 200	.protonum == 200
	proto tcp,udp	.protonum == 6 or .protonum == 17
	proto != tcp	.protonum != 6
	protonum > 100	.protonum > 100
	ipv6 sctp	.family == "ipv6" and .protonum == 132
	not (ipv4 tcp)	(.family == "ipv4" and .protonum == 6) | not
	END
}

@test "states" {
	check <<-'END'
	ESTABLISHED	.state == "ESTABLISHED"
	tcp established	.protonum == 6 and .state == "ESTABLISHED"
	state SYN_SENT,SYN_RECV	.state == "SYN_SENT" or .state == "SYN_RECV"
	syn_sent2	.state == "SYN_SENT2"
	FIN_WAIT1	.state == "FIN_WAIT"
	closed	.state == "CLOSE" or .state == "CLOSED"
	tcp closed	.protonum == 6 and .state == "CLOSE"
	state != ESTABLISHED	.state != null and .state != "ESTABLISHED"
	not state ESTABLISHED	.state != "ESTABLISHED"
	state -	.state == null
	state CLOSE,-	.state == null or .state == "CLOSE"
	time-wait or estab	.state == "TIME_WAIT" or .state == "ESTABLISHED"
	COOKIE_WAIT or SHUTDOWN_RECD	.state == "COOKIE_WAIT" or .state == "SHUTDOWN_RECD"
	END
}

@test "status bits" {
	check <<-'END'
	assured	has_status("ASSURED")
	not assured	has_status("ASSURED") | not
	replied	has_status("SEEN_REPLY")
	unreplied	has_status("SEEN_REPLY") | not
	replied not assured	has_status("SEEN_REPLY") and (has_status("ASSURED") | not)
	expected	has_status("EXPECTED")
	fixed-timeout	has_status("FIXED_TIMEOUT")
	status HELPER	has_status("HELPER")
	status SEQ_ADJUST,FIXED_TIMEOUT	has_status("SEQ_ADJUST") or has_status("FIXED_TIMEOUT")
	status != SRC_NAT_DONE	has_status("SRC_NAT_DONE") | not
	status 0x404	has_status("FIXED_TIMEOUT") and has_status("ASSURED")
	assured or tcp unreplied	has_status("ASSURED") or (.protonum == 6 and (has_status("SEEN_REPLY") | not))
	END
}

@test "translations" {
	local one

	one=$(pick .snat.port '.snat.port and .family == "ipv4"')
	check <<-END
	nat	.nat != null
	nat -	.nat == null
	nat -,dnat	.nat == null or (.nat | has("dnat"))
	not nat	.nat == null
	snat	.nat // [] | has("snat")
	dnat	.nat // [] | has("dnat")
	snat dnat	(.nat // []) == ["snat", "dnat"]
	snat.addr 203.0.113.1	.snat.addr == "203.0.113.1"
	snat.addr 203.0.113.0/24	.snat.addr // "" | startswith("203.0.113.")
	snat.port $one	.snat.port == $one
	snat.addr 203.0.113.1 and snat.port < 9000	.snat.addr == "203.0.113.1" and .snat.port != null and .snat.port < 9000
	snat.addr 2001:db8:cafe::1	.snat.addr == "2001:db8:cafe::1"
	dnat.addr 172.16.0.0/12	.dnat != null and .family == "ipv4"
	dnat.addr fd00:172::5	.dnat.addr == "fd00:172::5"
	dnat.port 8000-8050	.dnat.port != null and .dnat.port <= 8050
	dnat not tcp	.dnat != null and .protonum != 6
	snat.addr != 203.0.113.1	.snat != null and .snat.addr != "203.0.113.1"
	reply.dst 203.0.113.1	.reply.dst == "203.0.113.1"
	tcp reply.dst 203.0.113.1	.reply.dst == "203.0.113.1" and .protonum == 6
	END
}

@test "marks, zones, labels, helpers" {
	check <<-'END'
	mark 0	.mark == 0
	mark 0x10	.mark == 16
	mark 0x10/0x10	.mark / 16 | floor | . % 2 == 1
	mark 0x1f/0xf0	.mark % 256 / 16 | floor == 1
	mark 1,2	.mark == 1 or .mark == 2
	mark > 0x1f	.mark > 31
	mark 0xdeadbeef	.mark == 3735928559
	mark != 0	.mark != 0
	zone 3	.zone == 3
	zone 3,4	.zone == 3 or .zone == 4
	zone > 0	.zone != null
	zone 0	.zone == null and .orig.zone == null and .reply.zone == null
	tcp zone 0	.protonum == 6 and .zone == null and .orig.zone == null and .reply.zone == null
	zone != 3	.zone != 3 and .orig.zone == null and .reply.zone == null
	zone 3,-	.zone == 3 or .zone == null
	orig.zone != -	.orig.zone != null
	zone 100	.zone == 100
	not zone > 0	.zone == null
	tcp zone 5	.protonum == 6 and .zone == 5
	orig.zone 2	.orig.zone == 2
	reply.zone 1-4	.reply.zone != null and .reply.zone <= 4
	label 3	.labels // [] | has(3)
	label 64	.labels // [] | has(64)
	label 5,127	.labels // [] | has(5) or has(127)
	helper ftp	.helper == "ftp"
	helper -	.helper == null
	not helper ftp	.helper != "ftp"
	master.dport 21	.master.dport == 21
	END
}
