# `ctlist -f conntrack` prints the very lines that conntrack(8) prints.
load lib/common
load kernels/lib

ENTRIES=${CT_ENTRIES:-10000}

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp
	nft -f - <<-END
	table inet labels {
		chain input {
			type filter hook input priority 0;
			udp dport 9 ct label set 3
		}
	}
	END
	PATH=$BUILD/tests:$PATH fill -n $ENTRIES -o "$BATS_FILE_TMPDIR/record"
	PATH=$BUILD/tests:$PATH fill -s 2 -e 40 -o "$BATS_FILE_TMPDIR/expected"
}

setup() {
	need_kernel
	need conntrack
}

# The lines of two files are the same, in the same order. Both were dumped at different moments: the
# time left may be a little lower in the second, and delta-time, which conntrack computes when it
# prints, a little higher; how little is up to how busy the machine is.
same_lines() {
	awk -v second="$2" '
	function clock(a, b) {
		return a ~ /^[0-9]+$/ && b ~ /^[0-9]+$/ && a - b >= -60 && a - b <= 60
	}
	{
		if ((getline line <second) <= 0) {
			print second " ends before line " NR; exit 1
		}
		if ($0 == line)
			next
		count = split(line, other, " ")
		bad = count != NF
		gsub(/ +/, " "); spaces = line; gsub(/ +/, " ", spaces)
		bad = bad || length($0) - length(spaces) > 4 || length(spaces) - length($0) > 4
		for (i = 1; i <= NF && !bad; i++) {
			a = $i; b = other[i]
			if (a == b)
				continue
			moves = sub(/^delta-time=/, "", a) + sub(/^delta-time=/, "", b)
			bad = (moves != 2 && i > 5) || !clock(a, b)
		}
		if (bad) {
			print "line " NR ":"; print "ours:      " $0; print "conntrack: " line; exit 1
		}
	}
	END {
		if (!bad && (getline line <second) > 0) {
			print "ours end before: " line; exit 1
		}
	}' "$1"
}

# In the order of the tuples, for where the kernel is asked twice and so answers in another order.
by_tuple() {
	awk '{ print substr($0, index($0, "src=")) "\t" $0 }' |
		sort | cut -f 2
}

# With the options of conntrack -o, or none.
compare() {
	local ours=$BATS_TEST_TMPDIR/ours theirs=$BATS_TEST_TMPDIR/theirs

	ctlist -f "conntrack${1:+,$1}" >"$ours"
	# Without connlabel.conf conntrack complains; the summary line goes to stderr as well.
	conntrack -L ${1:+-o "$1"} >"$theirs" 2>"$theirs.err"
	[ "$(wc -l <"$theirs")" -ge $ENTRIES ]
	same_lines "$ours" "$theirs"
}

@test "conntrack -L" {
	compare ''
}

@test "conntrack -L -o extended" {
	compare extended
}

@test "conntrack -L -o id" {
	compare id
}

@test "conntrack -L -o ktimestamp" {
	compare ktimestamp
	TZ=Asia/Kolkata compare ktimestamp
}

@test "conntrack -L -o extended,id,ktimestamp,labels" {
	compare extended,id,ktimestamp,labels
}

@test "not one byte differs while no clock moves" {
	# Few entries, so that both dumps fit in one second of a busy machine.
	unshare -n bash -ec '
		fill -n 300 2>/dev/null
		for attempt in $(seq 200); do
			ctlist -f conntrack,id >"$BATS_TEST_TMPDIR/ours"
			conntrack -L -o id >"$BATS_TEST_TMPDIR/theirs" 2>/dev/null
			[ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -eq 300 ]
			cmp -s "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs" && exit 0
		done
		exit 1'
}

@test "labels by the names of connlabel.conf" {
	[ "$(jq -c 'select(.labels)' "$BATS_FILE_TMPDIR/record" | wc -l)" -gt 100 ]
	export -f compare same_lines
	export ENTRIES
	# /etc is laid over, in a mount namespace of its own, with a file of names.
	run unshare -m bash -ec '
		mount -t tmpfs none "$BATS_TEST_TMPDIR"
		mkdir -p "$BATS_TEST_TMPDIR"/{etc/xtables,work}
		for bit in $(seq 0 120); do echo "$bit name-$bit"; done >"$BATS_TEST_TMPDIR/etc/xtables/connlabel.conf"
		mount -t overlay -o "lowerdir=/etc,upperdir=$BATS_TEST_TMPDIR/etc,workdir=$BATS_TEST_TMPDIR/work" none /etc || exit 77
		compare labels
		compare extended,id,ktimestamp,labels
		grep -q "labels=name-[0-9]*,name-[0-9]" "$BATS_TEST_TMPDIR/ours"
		grep -q "labels=name-" "$BATS_TEST_TMPDIR/theirs"'
	[ "$status" -ne 77 ] || skip "no overlay of /etc can be mounted here"
	echo "$output"
	[ "$status" -eq 0 ]
}

# conntrack lists the expectations of one family only, IPv4 unless it is asked for the other.
@test "conntrack -L expect" {
	for family in ipv4 ipv6; do
		ctlist -t expect -f conntrack $family >"$BATS_TEST_TMPDIR/ours"
		conntrack -L expect -f $family >"$BATS_TEST_TMPDIR/theirs" 2>/dev/null
		[ "$(wc -l <"$BATS_TEST_TMPDIR/theirs")" -eq "$(grep -c $family "$BATS_FILE_TMPDIR/expected")" ]
		same_lines "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
	done
	[ "$(ctlist -t expect -f conntrack | wc -l)" -eq 40 ]
}

@test "the filter of conntrack and ours choose the same lines" {
	local theirs ours

	while read -r theirs ours; do
		theirs=${theirs//_/ }
		echo "conntrack -L $theirs; ctlist $ours"
		conntrack -L $theirs 2>/dev/null | by_tuple >"$BATS_TEST_TMPDIR/theirs"
		ctlist -f conntrack "$ours" | by_tuple >"$BATS_TEST_TMPDIR/ours"
		[ -s "$BATS_TEST_TMPDIR/theirs" ]
		same_lines "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
	done <<-'END'
	-p_tcp tcp
	-p_udp_--dport_53 udp dport 53
	-p_tcp_--state_ESTABLISHED tcp state ESTABLISHED
	-f_ipv6 ipv6
	-m_0x10/0xff mark 0x10/0xff
	-u_ASSURED assured
	-p_tcp_-n tcp snat
	-p_udp_-g udp dnat
	-w_3 orig.zone 3 and reply.zone 3 or zone 3
	-s_10.0.0.0/12 src 10.0.0.0/12
	END
}

# What conntrack 1.4.7 gets wrong, and what we do instead: when one of these fails, conntrack was mended.
@test "conntrack takes a range of ports for its first; we do not" {
	local range

	range=$(conntrack -L -p tcp --dport 443:445 2>/dev/null | sort -u | grep -vc 'dport=443 .*src=' || true)
	echo "outside of port 443 in conntrack's answer: $range"
	[ "$range" -eq 0 ]
	[ "$(ctlist -c tcp dport 443-5432)" -gt "$(ctlist -c tcp dport 443)" ]
	run ctlist -c tcp dport 443:445
	[ "$status" -eq 2 ]
}

@test "conntrack leaves -u UNREPLIED to the kernel, which can do it since 6.1; we do it on all" {
	local all number

	conntrack -L 2>/dev/null | by_tuple >"$BATS_TEST_TMPDIR/all"
	grep -F '[UNREPLIED]' "$BATS_TEST_TMPDIR/all" >"$BATS_TEST_TMPDIR/theirs"
	ctlist -f conntrack unreplied | by_tuple >"$BATS_TEST_TMPDIR/ours"
	same_lines "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
	all=$(wc -l <"$BATS_TEST_TMPDIR/all")
	number=$(wc -l <"$BATS_TEST_TMPDIR/theirs")
	[ "$number" -gt 0 ]
	[ "$number" -lt "$all" ]
	since 6.1 || number=$all
	[ "$(conntrack -L -u UNREPLIED 2>/dev/null | wc -l)" -eq "$number" ]
}

@test "conntrack ignores a negation that it cannot do; we do it" {
	[ "$(conntrack -L ! -p udp 2>/dev/null | grep -c '^udp ')" -gt 0 ]
	[ "$(ctlist -f conntrack '! udp' | grep -c '^udp ')" -eq 0 ]
	[ "$(ctlist -c '! udp')" -eq "$((ENTRIES + $(wc -l <"$BATS_FILE_TMPDIR/expected") - $(ctlist -c udp)))" ]
}

@test "conntrack ignores the address of an IPv6 DNAT filter; we do not" {
	local wanted=fd00:172::5 right

	right=$(jq -c --arg a $wanted 'select(.dnat.addr == $a)' "$BATS_FILE_TMPDIR/record" | wc -l)
	[ "$right" -gt 0 ]
	[ "$(ctlist -c dnat.addr $wanted)" -eq "$right" ]
	[ "$(conntrack -L -f ipv6 --dst-nat $wanted 2>/dev/null | wc -l)" -gt "$right" ]
}
