# Real traffic through a gateway that translates, marks and divides: what ctlist tells of it.
load lib/common

# Connections of the client's that last as long as the tests do: longer than any machine needs for them.
LAST=240
keep_open() {
	nsenter --net="/proc/$WORLD_CLIENT/ns/net" -- "$TOOLS/traffic" "$@" --hold $((1000 * LAST)) \
		</dev/null >/dev/null 2>&1 3>&- &
	CLIENTS+=($!)
}

serve() {
	local address

	for address in 10.2.0.2 fd00:2::2; do
		world_serve serve "$address" 80 --seconds $LAST &&
			world_serve serve "$address" 7000 --seconds $LAST &&
			world_serve serve "$address" 53 --udp --seconds $LAST &&
			world_serve ftp-server "$address" 21 --seconds $LAST || return
	done
}

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	export TOOLS=$BUILD/tests
	# shellcheck source=tests/lib/world.bash
	source "$ROOT/tests/lib/world.bash"
	world_up && serve || return 0
	in_gateway sh -c 'for what in tcp_timeout_close udp_timeout icmp_timeout icmpv6_timeout; do
		echo 600 >/proc/sys/net/netfilter/nf_conntrack_$what; done'
	export WORLD_CLIENT WORLD_GATEWAY WORLD_SERVER
	keep_open connect 10.2.0.2 80 --bytes 100 --timeout 2000
	keep_open connect fd00:2::2 80 --bytes 100 --timeout 2000
	keep_open connect 10.1.0.1 8080 --bytes 50000
	keep_open ftp-client 10.2.0.2 21
	keep_open ftp-client fd00:2::2 21 --no-data
	in_client "$TOOLS/traffic" connect 10.2.0.2 7000 --source 10.1.0.3 --count 3 --close fin || true
	in_client "$TOOLS/traffic" connect 10.2.0.2 7000 --source 10.1.0.4 --count 2 --close rst || true
	in_client "$TOOLS/traffic" connect 10.2.0.2 81 --timeout 200 || true
	in_client "$TOOLS/traffic" connect 10.2.0.2 82 || true
	in_client "$TOOLS/traffic" udp 10.2.0.2 53 --count 4 --expect-reply || true
	in_client "$TOOLS/traffic" udp fd00:2::2 53 --count 2 --expect-reply || true
	in_client "$TOOLS/traffic" ping 10.2.0.2 || true
	in_client "$TOOLS/traffic" ping fd00:2::2 || true
	sleep 0.5
}

teardown_file() {
	[ -z "${WORLD_GATEWAY:-}" ] || { kill -9 "${CLIENTS[@]}"; world_down; }
}

setup() {
	need_kernel
	need jq
	[ "${WORLD_GATEWAY:-}" ] || skip "no world of namespaces can be made here"
}

# What the gateway's table holds: FILTER ...
gateway() {
	ctlist -N "$WORLD_GATEWAY" -j "$@"
}

# Each of the flows on standard input fulfils the predicate, and there are N of them.
all_of() {
	jq -se --argjson n "$1" "length == \$n and all($2)" >/dev/null
}

@test "source NAT, and the mark that a rule gave" {
	gateway tcp dport 80 ipv4 src 10.1.0.2 dst 10.2.0.2 | tee /dev/stderr |
		all_of 1 '.state == "ESTABLISHED" and .nat == ["snat"] and .snat.addr == "10.2.0.10" and
			.snat.port == .reply.dport and .reply.src == "10.2.0.2" and .mark == 16 and
			(.status | contains(["SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT"]))'
	gateway snat.addr fd00:2::10 dport 80 | all_of 1 '.family == "ipv6" and .orig.src == "fd00:1::2" and .mark == 16'
	[ "$(gateway mark 0x10 tcp dst 10.2.0.2 | wc -l)" -eq 1 ]
}

@test "destination NAT behind source NAT" {
	gateway dnat tcp | tee /dev/stderr |
		all_of 1 '.orig.dst == "10.1.0.1" and .orig.dport == 8080 and .dnat == { addr: "10.2.0.2", port: 80 } and
			.nat == ["snat", "dnat"] and .snat.addr == "10.2.0.10"'
	[ "$(ctlist -N "$WORLD_GATEWAY" -H -o nat dnat)" = \
		"snat 10.2.0.10:$(gateway dnat | jq .snat.port) dnat 10.2.0.2:80" ]
	# Any of the four addresses finds it.
	for host in 10.1.0.2 10.1.0.1 10.2.0.2 10.2.0.10; do
		[ "$(gateway tcp port 8080 host $host | wc -l)" -eq 1 ]
	done
}

@test "masquerade, marks and labels of UDP" {
	gateway udp dport 53 ipv4 | all_of 4 '.snat.addr == "10.2.0.1" and .mark == 53 and .labels == ["3"] and .state == null'
	gateway udp dport domain ipv6 | all_of 2 '(.snat.addr | test("^fd00:2::1(0|)$")) and .mark == 53'
	[ "$(gateway label 3 | wc -l)" -eq 6 ]
	# Answered, but not yet a stream.
	gateway udp | all_of 6 '.status | contains(["SEEN_REPLY"]) and (contains(["ASSURED"]) | not)'
}

@test "zones, of both directions and of one" {
	gateway zone 5 | all_of 3 '.zone == 5 and .orig.zone == null and .orig.src == "10.1.0.3"'
	gateway orig.zone 6 | all_of 2 '.zone == null and .orig.zone == 6 and .reply.zone == null'
	[ "$(gateway zone 6 | wc -l)" -eq 0 ]
	gateway tcp not zone 5 not orig.zone 6 | jq -se 'length > 0 and all(.zone == null)' >/dev/null
}

@test "how connections end" {
	gateway zone 5 | jq -r .state | sort -u | grep -qxE 'TIME_WAIT|LAST_ACK'
	gateway orig.zone 6 | all_of 2 '.state == "CLOSE"'
	gateway tcp dport 81 | all_of 1 '.state == "SYN_SENT" and (.status | contains(["SEEN_REPLY"]) | not) and .reply.packets == 0'
	[ "$(ctlist -c -N "$WORLD_GATEWAY" unreplied tcp)" -eq 1 ]
	# Refused connections are gone at once.
	[ "$(ctlist -c -N "$WORLD_GATEWAY" dport 82)" -eq 0 ]
}

@test "ICMP has its type, code and id, and no ports" {
	gateway icmp | all_of 1 '.orig.icmp.type == 8 and .reply.icmp.type == 0 and .orig.icmp.id == .reply.icmp.id and
		.orig.sport == null'
	gateway icmpv6 icmp.type 128 | all_of 1 '.reply.icmp.type == 129'
}

@test "an expectation, and the flow that came of one" {
	ctlist -N "$WORLD_GATEWAY" -t expect -j | tee /dev/stderr |
		jq -se 'length >= 1 and all(.helper == "ftp" and .master.dport == 21 and .proto == "tcp" and .timeout <= 300)' >/dev/null
	gateway dport 21 ipv4 | all_of 1 '.helper == "ftp" and .snat.addr == "10.2.0.10"'
	# The data flow knows the control flow whose child it is.
	gateway expected | tee /dev/stderr |
		all_of 1 '.master.dport == 21 and .master.src == "10.1.0.2" and .master.dst == "10.2.0.2" and .orig.dport != 21'
	[ "$(gateway expected | jq .master.sport)" = "$(gateway dport 21 ipv4 | jq .orig.sport)" ]
	[ "$(gateway master.dport 21 | wc -l)" -eq 1 ]
}

@test "packets and bytes are those that were sent" {
	# SYN, ACK, data ...: at least 50000 bytes of payload and back.
	gateway dnat | tee /dev/stderr | jq -se 'all(.orig.bytes > 50000 and .reply.bytes > 50000 and .orig.packets > 3)' >/dev/null
	# A query of the client: 20 bytes of IP, 8 of UDP, and what it sent; the echo is as long.
	gateway udp ipv4 | jq -se 'all(.orig.packets == 1 and .reply.packets == 1 and .orig.bytes == .reply.bytes)' >/dev/null
	[ "$(gateway 'bytes > 100k' | wc -l)" -eq "$(gateway | jq -s '[.[] | select(.orig.bytes + .reply.bytes > 100000)] | length')" ]
	[ "$(ctlist -N "$WORLD_GATEWAY" -s -bytes -n 1 -j | jq .orig.bytes)" -gt 50000 ]
	[ "$(ctlist -N "$WORLD_GATEWAY" -s -bytes -H -f csv -o bytes tcp | sort -rnc; echo $?)" -eq 0 ]
}

@test "age and idle time" {
	gateway tcp dport 80 ipv4 | jq -se 'all(.age >= 0 and .age < 120 and .idle <= .age + 1 and .timeout + .idle <= 432000)' >/dev/null
	gateway udp | jq -se 'all(.timeout + .idle == 600)' >/dev/null
	gateway icmp | jq -se 'all(.timeout + .idle == 600)' >/dev/null
	gateway tcp dport 81 | jq -se 'all(.timeout + .idle == 120)' >/dev/null
	[ "$(gateway 'age < 1h' | wc -l)" -eq "$(gateway | wc -l)" ]
	[ "$(gateway "start > $(date -u -d '1 hour' +%FT%TZ)" | wc -l)" -eq 0 ]
}

@test "the kernel's filter and ours agree on real flows" {
	local filter

	ctlist -N "$WORLD_GATEWAY" -w "$BATS_TEST_TMPDIR/all.pcap" >/dev/null
	for filter in tcp udp 'tcp dport 80' 'dst 10.2.0.2' 'src fd00:1::2' 'tcp dst fd00:2::2' 'snat.addr 10.2.0.10' assured \
		unreplied 'zone 5' 'mark 0x35' dnat 'udp port 53 replied' 'ipv6 not udp'; do
		echo "$filter"
		[ "$(gateway "$filter" -o orig.src,orig.sport,orig.dport,zone | sort)" = \
			"$(ctlist -j -r "$BATS_TEST_TMPDIR/all.pcap" "$filter" -o orig.src,orig.sport,orig.dport,zone | sort)" ]
		[ "$(gateway "$filter" | wc -l)" -gt 0 ]
	done
}

@test "JSON of real flows fits the schema" {
	[ -e "$ROOT/schema/ctlist-flow.json" ] || skip "no schema"
	gateway | validate ctlist-flow
	ctlist -N "$WORLD_GATEWAY" -t expect -j | validate ctlist-expect
}

@test "each namespace has its own table" {
	# Client and server track nothing: no rule there asks for it.
	[ "$(ctlist -c -N "$WORLD_CLIENT")" -eq 0 ]
	[ "$(ctlist -c)" -eq 0 ]
	[ "$(ctlist -c -N "$WORLD_GATEWAY")" -gt 10 ]
	[ "$(nsenter --net="/proc/$WORLD_GATEWAY/ns/net" "$BUILD/ctlist" -c)" -eq "$(ctlist -c -N "/proc/$WORLD_GATEWAY/ns/net")" ]
}
