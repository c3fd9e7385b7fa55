# Filters against what fill says it made: jq decides which entries must come, not ctlist.
# A live dump walks all buckets of the kernel's table, some 50 ms whatever is in them, so the files
# that load this are several.

KEY=family,protonum,orig.src,orig.dst,orig.sport,orig.dport,orig.icmp.type,orig.icmp.id,orig.gre.srckey,orig.gre.dstkey,orig.zone,reply.zone,zone

# For setup_file.
oracle_fill() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	nft 'add table inet t; add chain inet t c { type filter hook input priority 0; };
		add rule inet t c udp dport 9 ct label set 3'
	"$BUILD/tests/fill" -n 3400 -o "$BATS_FILE_TMPDIR/record"
	"$BUILD/ctlist" -w "$BATS_FILE_TMPDIR/all.pcap" >/dev/null
}

# Number of the predicate, tab, key of an entry of the record: a line for all that must come.
expect_by_jq() {
	jq -r "
	def ip: split(\".\") | map(tonumber) | reduce .[] as \$x (0; . * 256 + \$x);
	def has(\$x): index(\$x) != null;
	def has_status(\$x): .status | has(\$x);
	def addresses: .orig.src, .orig.dst, .reply.src, .reply.dst;
	def ports: (.orig.sport, .orig.dport, .reply.sport, .reply.dport) | values;
	def key: [.family, .protonum, .orig.src, .orig.dst, .orig.sport, .orig.dport, .orig.icmp.type, .orig.icmp.id,
		.orig.gre.srckey, .orig.gre.dstkey, .orig.zone, .reply.zone, .zone] | map(. // \"\" | tostring) | join(\",\");
	key as \$key | [$(cut -f 2 | sed 's/.*/(&)/' | paste -sd ,)] | to_entries[] | select(.value) |
		\"\\(.key)\\t\\(\$key)\"" "$BATS_FILE_TMPDIR/record"
}

# The same lines of what ctlist said about expression number N, in the files N of a directory.
collect() {
	# shellcheck disable=SC2035 # the names do not begin with a dash
	(cd "$1" && awk '{ print FILENAME "\t" $0 }' *) | sort
}

# Lines of expression, tab, predicate. Replayed, without the kernel's help, and live where that makes a
# difference. An expectation of nothing, or of everything, would prove little.
check() {
	local number=0 expression file=$BATS_TEST_TMPDIR/list

	cat >"$file"
	mkdir "$BATS_TEST_TMPDIR/live" "$BATS_TEST_TMPDIR/replayed"
	while IFS=$'\t' read -r expression _; do
		echo "$number: $expression"
		ctlist -r "$BATS_FILE_TMPDIR/all.pcap" -H -f csv -o $KEY "$expression" >"$BATS_TEST_TMPDIR/replayed/$number"
		case $(ctlist --explain-filter "$expression") in
		*"kernel: everything"*)
			ln "$BATS_TEST_TMPDIR/replayed/$number" "$BATS_TEST_TMPDIR/live/$number" ;;
		*)
			ctlist -H -f csv -o $KEY "$expression" >"$BATS_TEST_TMPDIR/live/$number" ;;
		esac
		number=$((number + 1))
	done <"$file"
	expect_by_jq <"$file" | sort >"$BATS_TEST_TMPDIR/expected"
	cut -f 1 "$BATS_TEST_TMPDIR/expected" | uniq -c | awk -v total=$number '
		$1 == 3400 { print "everything is expected of number " $2; bad = 1 }
		{ seen[$2] = 1 }
		END { for (i = 0; i < total; i++) if (!(i in seen)) { print "nothing is expected of number " i; bad = 1 }
			exit bad }'
	collect "$BATS_TEST_TMPDIR/live" | diff - "$BATS_TEST_TMPDIR/expected"
	collect "$BATS_TEST_TMPDIR/replayed" | diff - "$BATS_TEST_TMPDIR/expected"
}

# A value that occurs in the record, the most frequent one: address 'jq path' 'predicate'.
pick() {
	jq -r "select($2) | $1 | values" "$BATS_FILE_TMPDIR/record" | sort | uniq -c | sort -k1,1rn -k2,2 |
		awk 'NR == 1 { print $2 }'
}
