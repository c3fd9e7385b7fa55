# Filters by address and port, and long ones, choose what jq chooses.
load lib/common
load lib/oracle

setup_file() {
	oracle_fill
}

setup() {
	need_kernel
	need jq
}

@test "addresses" {
	local src dst

	src=$(pick .orig.src '.family == "ipv4"') dst=$(pick .orig.dst '.family == "ipv4"')
	check <<-END
	src $src	.orig.src == "$src"
	dst $dst	.orig.dst == "$dst"
	tcp dst $dst	.orig.dst == "$dst" and .protonum == 6
	src 10.0.0.0/24	.family == "ipv4" and (.orig.src | ip >= 167772160 and ip < 167772416)
	src 10.0.4.0/22	.family == "ipv4" and (.orig.src | ip >= 167773184 and ip < 167774208)
	src 10.0.1.7-10.0.1.200	.family == "ipv4" and (.orig.src | ip >= 167772423 and ip <= 167772616)
	src 10.0.0.0/255.255.255.0	.family == "ipv4" and (.orig.src | ip >= 167772160 and ip < 167772416)
	src $src,10.0.2.0/24	.orig.src == "$src" or (.family == "ipv4" and (.orig.src | ip >= 167772672 and ip < 167772928))
	src != $src	.orig.src != "$src"
	dst 100.64.0.0/10	.orig.dst | startswith("100.")
	host $dst	[addresses] | has("$dst")
	not host $dst	[addresses] | has("$dst") | not
	net 203.0.113.0/24	any(addresses; startswith("203.0.113."))
	net 172.16.0.0/12 or net 203.0.113.0/24	any(addresses; startswith("203.0.113.") or startswith("172."))
	reply.src 172.16.0.0/12 snat	(.nat // []) == ["snat", "dnat"] and .family == "ipv4"
	END
}

# The kernel's comparison of IPv6 addresses is the wrong way round: sent there, such a filter would
# bring all but what was asked for.
@test "IPv6 addresses" {
	local src dst web dns

	src=$(pick .orig.src '.family == "ipv6"') dst=$(pick .orig.dst '.family == "ipv6" and .protonum == 6')
	web=$(pick .orig.dst '.family == "ipv6" and .orig.dport == 443')
	dns=$(pick .orig.dst '.family == "ipv6" and .protonum == 17')
	check <<-END
	src $src	.orig.src == "$src"
	dst $dst	.orig.dst == "$dst"
	tcp dst $dst	.orig.dst == "$dst" and .protonum == 6
	dst $web dport 443	.orig.dst == "$web" and .orig.dport == 443
	udp dst $dns and src fd00::/8	.orig.dst == "$dns" and .protonum == 17
	src fd00:10::/32	.orig.src | startswith("fd00:10:")
	src fd00:10::100-fd00:10::1ff	.orig.src | test("^fd00:10::1..\$")
	dst 2001:db8:64::/48	.orig.dst | test("^2001:db8:64:")
	host $dst	[addresses] | has("$dst")
	net 2001:db8:cafe::/48	any(addresses; startswith("2001:db8:cafe:"))
	src != $src	.orig.src != "$src"
	not src $src	.orig.src != "$src"
	src $src or dst $dst	.orig.src == "$src" or .orig.dst == "$dst"
	END
	[ "$(ctlist -c "dst $dst")" -eq "$(ctlist -c "dst $(tr a-f A-F <<<"$dst")")" ]
}

@test "ports, keys and ICMP" {
	local port

	port=$(pick .orig.sport '.orig.sport and .protonum == 6')
	check <<-END
	dport 443	.orig.dport == 443
	tcp dport 443	.protonum == 6 and .orig.dport == 443
	udp dport 53	.protonum == 17 and .orig.dport == 53
	sctp dport 80	.protonum == 132 and .orig.dport == 80
	ipv6 udplite dport 443	.family == "ipv6" and .protonum == 136 and .orig.dport == 443
	tcp sport $port	.protonum == 6 and .orig.sport == $port
	dport 22,80,443	.orig.dport | . == 22 or . == 80 or . == 443
	dport 20-100	(.orig.dport // 0) | . >= 20 and . <= 100
	dport 20-30,5432	(.orig.dport // 0) | (. >= 20 and . <= 30) or . == 5432
	dport > 8080	(.orig.dport // 0) > 8080
	dport <= 22	(.orig.dport // 99999) <= 22
	dport != 443	(.orig.dport // 443) != 443
	not dport 443	.orig.dport != 443
	dport https	.orig.dport == 443
	tcp dport ssh or udp dport domain	(.protonum == 6 and .orig.dport == 22) or (.protonum == 17 and .orig.dport == 53)
	port 8080	[ports] | has(8080)
	not port 8080	[ports] | has(8080) | not
	reply.sport 8043	.reply.sport == 8043
	tcp reply.sport 443	.protonum == 6 and .reply.sport == 443
	icmp.type 8	.orig.icmp.type == 8
	icmp.type 128,139	.orig.icmp.type | . == 128 or . == 139
	reply.icmp.type 0	.reply.icmp.type == 0
	icmp.id > 30000	(.orig.icmp.id // 0) > 30000
	orig.gre.srckey < 20000	(.orig.gre.srckey // 99999) < 20000
	END
}

@test "all of it together" {
	check <<-'END'
	tcp and dport 443 and state ESTABLISHED,TIME_WAIT	.protonum == 6 and .orig.dport == 443 and (.state == "ESTABLISHED" or .state == "TIME_WAIT")
	src 10.0.0.0/20 and not assured	.family == "ipv4" and (has_status("ASSURED") | not) and (.orig.src | ip >= 167772160 and ip < 167776256)
	tcp or udp and dport 53	.protonum == 6 or (.protonum == 17 and .orig.dport == 53)
	(tcp or udp) and dport 53	(.protonum == 6 or .protonum == 17) and .orig.dport == 53
	udp port 53 unreplied	.protonum == 17 and ([ports] | has(53)) and (has_status("SEEN_REPLY") | not)
	mark 0x10 tcp assured ipv4	.mark == 16 and .protonum == 6 and has_status("ASSURED") and .family == "ipv4"
	!(mark 0 || zone > 0) && (snat || dnat)	.mark != 0 and .zone == null and .nat != null
	ipv6 dport 80 not (snat or established)	.family == "ipv6" and .orig.dport == 80 and ((.nat // [] | has("snat")) or .state == "ESTABLISHED" | not)
	tcp.wscale.orig > 7 and tcp.flags.reply CLOSE_INIT	.tcp.wscale.orig > 7 and (.tcp.flags.reply / 4 | floor | . % 2 == 1)
	seqadj.orig.pos > 2000000000 or synproxy.isn > 0	(.seqadj.orig.pos // 0) > 2000000000 or .synproxy != null
	END
}
