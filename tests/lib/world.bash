# Builds a private world of three network namespaces to track real traffic in, and takes it down.
#
#     client 10.1.0.2-4 ---- 10.1.0.1 gateway 10.2.0.1 ---- 10.2.0.2 server
#            fd00:1::2-4     fd00:1::1        fd00:2::1     fd00:2::2
#
# Source it as root of a user namespace or of the machine, also from a test that runs itself again under
# `unshare -Urnm`. The namespaces have no names, only the PID of a process that sleeps in each:
# WORLD_CLIENT, WORLD_GATEWAY, WORLD_SERVER. TOOLS says where the programs `traffic` and `fill` are.
#
# What the gateway does, by packets from the client:
#     tcp 80, 443, 21 ...   SNAT to 10.2.0.10 (fd00:2::10)      tcp 80 also mark 0x10
#     udp                   masquerade                          udp 53 also mark 0x35 and label 3
#     tcp 7000-7999, icmp   untranslated
#     to 10.1.0.1:8080      DNAT to the server's port 80 (fd00:1::1 too), hence both
#     tcp 21                helper ftp
#     from 10.1.0.3         zone 5, both directions, untranslated (fd00:1::3 too)
#     from 10.1.0.4         zone 6, original direction only (fd00:1::4 too)
# At the server, tcp and udp 81 are dropped (unanswered) and 82 is refused.

: "${TOOLS:=build/tests}"
: "${WORLD_SECONDS:=600}"
WORLD_PIDS=()
WORLD_CLIENT='' WORLD_GATEWAY='' WORLD_SERVER=''

world_in() {
	local pid=$1
	shift
	nsenter --net="/proc/$pid/ns/net" -- "$@"
}

in_client() { world_in "$WORLD_CLIENT" "$@"; }
in_gateway() { world_in "$WORLD_GATEWAY" "$@"; }
in_server() { world_in "$WORLD_SERVER" "$@"; }

# Sets the variable named to the PID of a process that holds a new namespace, for WORLD_SECONDS at most.
world_holder() {
	local pid i
	unshare -n sleep "$WORLD_SECONDS" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	WORLD_PIDS+=("$pid")
	for ((i = 0; i < 500; i++)); do
		[[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]] && break
		sleep 0.01
	done
	((i < 500)) || return 1
	world_in "$pid" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad' || return
	printf -v "$1" %s "$pid"
}

# world_link GATEWAY-DEVICE PID NETWORK-NUMBER: addresses .1 at the gateway, .2 to .4 at the other end.
# The neighbours are written down, because the first answer to a neighbour solicitation may take a second.
# Only .2 and ::2 are used where no source is asked for.
world_link() {
	local device=$1 pid=$2 net=$3 host lft=forever near far
	near=02:00:00:00:0$net:01 far=02:00:00:00:0$net:02
	in_gateway ip link add "$device" address "$near" type veth \
		peer name eth0 address "$far" netns "/proc/$pid/ns/net" || return
	in_gateway ip -batch - <<-END || return
		addr add 10.$net.0.1/24 dev $device
		addr add fd00:$net::1/64 dev $device nodad
		link set $device up
	END
	world_in "$pid" ip -batch - <<-END || return
		link set lo up
		link set eth0 up
		neigh add 10.$net.0.1 lladdr $near dev eth0
		neigh add fd00:$net::1 lladdr $near dev eth0
	END
	for host in 2 3 4; do
		in_gateway ip -batch - <<-END || return
			neigh add 10.$net.0.$host lladdr $far dev $device
			neigh add fd00:$net::$host lladdr $far dev $device
		END
		world_in "$pid" ip -batch - <<-END || return
			addr add 10.$net.0.$host/24 dev eth0
			addr add fd00:$net::$host/64 dev eth0 nodad preferred_lft $lft
		END
		lft=0
	done
	world_in "$pid" ip route add default via "10.$net.0.1" &&
		world_in "$pid" ip route add default via "fd00:$net::1"
}

# Settings of the gateway: events=1 so that flows report whether or not somebody listened at their birth.
world_sysctls() {
	# shellcheck disable=SC2016 # the inner shell expands
	in_gateway bash -c '
		cd /proc/sys/net || exit 1
		echo 1 > ipv4/ip_forward
		echo 1 > ipv6/conf/all/forwarding
		for file in ipv4/conf/*/rp_filter; do echo 0 > "$file"; done
		echo 1 > netfilter/nf_conntrack_acct
		echo 1 > netfilter/nf_conntrack_timestamp
		echo 1 > netfilter/nf_conntrack_events'
}

world_rules() {
	in_gateway nft -f - <<-'END' || return
	table inet world {
		ct helper ftp4 { type "ftp" protocol tcp; l3proto ip; }
		ct helper ftp6 { type "ftp" protocol tcp; l3proto ip6; }
		chain zones {
			type filter hook prerouting priority raw;
			iifname "gc" ip saddr 10.1.0.3 ct zone set 5
			iifname "gc" ip6 saddr fd00:1::3 ct zone set 5
			iifname "gs" ip daddr 10.1.0.3 ct zone set 5
			iifname "gs" ip6 daddr fd00:1::3 ct zone set 5
			iifname "gc" ip saddr 10.1.0.4 ct original zone set 6
			iifname "gc" ip6 saddr fd00:1::4 ct original zone set 6
		}
		chain classify {
			type filter hook prerouting priority mangle;
			meta nfproto ipv4 tcp dport 21 ct helper set "ftp4"
			meta nfproto ipv6 tcp dport 21 ct helper set "ftp6"
			ct state new tcp dport 80 ct mark set 0x10
			ct state new udp dport 53 ct mark set 0x35
			ct state new udp dport 53 ct label set 3
		}
		chain destinations {
			type nat hook prerouting priority dstnat;
			ip daddr 10.1.0.1 tcp dport 8080 dnat ip to 10.2.0.2:80
			ip6 daddr fd00:1::1 tcp dport 8080 dnat ip6 to [fd00:2::2]:80
		}
		chain sources {
			type nat hook postrouting priority srcnat;
			ip saddr 10.1.0.3 accept
			ip6 saddr fd00:1::3 accept
			tcp dport 7000-7999 accept
			oifname "gs" iifname "gc" meta nfproto ipv4 meta l4proto tcp snat ip to 10.2.0.10
			oifname "gs" iifname "gc" meta nfproto ipv6 meta l4proto tcp snat ip6 to fd00:2::10
			oifname "gs" iifname "gc" meta l4proto udp masquerade
		}
	}
	END
	in_server nft -f - <<-'END'
	table inet world {
		chain input {
			type filter hook input priority filter;
			meta l4proto { tcp, udp } th dport 81 drop
		}
	}
	END
}

# False, with everything taken down again, where namespaces or rules are not allowed.
world_up() {
	[[ $(trap -p EXIT) ]] || trap world_down EXIT
	if world_holder WORLD_CLIENT && world_holder WORLD_GATEWAY && world_holder WORLD_SERVER &&
		in_gateway ip link set lo up && world_link gc "$WORLD_CLIENT" 1 &&
		world_link gs "$WORLD_SERVER" 2 && in_gateway ip addr add 10.2.0.10/32 dev gs &&
		in_gateway ip addr add fd00:2::10/128 dev gs nodad && world_sysctls && world_rules; then
		return 0
	fi
	world_down
	return 1
}

# The namespaces, and all that is in them, go with the last process that holds them.
world_down() {
	local pid
	for pid in "${WORLD_PIDS[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	WORLD_PIDS=()
	return 0
}

# world_serve ARGUMENTS-OF-TRAFFIC: starts a server in the server's namespace and waits until it is
# ready. It ends with the world; WORLD_SERVED is its PID.
world_serve() {
	local ready='' fd
	exec {fd}< <(exec nsenter --net="/proc/$WORLD_SERVER/ns/net" -- "$TOOLS/traffic" "$@" 3>&-)
	WORLD_SERVED=$!
	WORLD_PIDS+=("$WORLD_SERVED")
	read -r -t 5 -u "$fd" ready
	exec {fd}<&-
	[[ $ready == ready ]]
}

# The servers that most tests want: web, DNS and FTP, in both families.
world_servers() {
	local address
	for address in 10.2.0.2 fd00:2::2; do
		world_serve serve "$address" 80 &&
			world_serve serve "$address" 7000 &&
			world_serve serve "$address" 53 --udp &&
			world_serve ftp-server "$address" 21 || return
	done
}
