# Tables, csv and JSON: what is in them, in which order, how wide and in which colours.
load lib/common

setup() {
	cd "$ROOT/tests/captures"
	python=/usr/bin/python3
	all=$BATS_TEST_TMPDIR/all.json
}

# Runs a command on a terminal so many columns wide; what it shows, without carriage returns.
on_terminal() {
	local width=$1

	shift
	env -u NO_COLOR TERM="${TERM_IS:-xterm}" script -qec "stty cols $width rows 50; $*" /dev/null </dev/null | tr -d '\r'
}

# A line that begins with ! would not fail a test.
lacks() {
	! grep -q "$@"
}

uncoloured() {
	sed 's/\x1b\[[0-9;]*m//g'
}

@test "in a pipe nothing is cut, coloured or wider than it need be" {
	COLUMNS=20 TERM=xterm ctlist -r mixed.pcap >"$BATS_TEST_TMPDIR/table"
	lacks $'[\x1b~]' "$BATS_TEST_TMPDIR/table"
	ctlist -r mixed.pcap -j | jq -r '.orig.src, .orig.dst' | while read -r address; do
		grep -qF "$address" "$BATS_TEST_TMPDIR/table"
	done
	lacks ' $' "$BATS_TEST_TMPDIR/table"
	diff ../expected/mixed.table "$BATS_TEST_TMPDIR/table"
}

@test "on a terminal the columns fit" {
	need script
	local width

	for i in $(seq 20); do cat mixed.conntrack; done >"$BATS_TEST_TMPDIR/long"
	for width in 80 100 132 200; do
		on_terminal $width LC_ALL=C "$BUILD/ctlist" -r "$BATS_TEST_TMPDIR/long" | uncoloured >"$BATS_TEST_TMPDIR/table"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/table")" -eq 1361 ]
		echo "$width: $(awk '{ if (length > most) most = length } END { print most }' "$BATS_TEST_TMPDIR/table")"
		[ "$(awk '{ if (length > most) most = length } END { print most }' "$BATS_TEST_TMPDIR/table")" -le $width ]
	done
	# Where there is room nothing is cut.
	lacks '~' "$BATS_TEST_TMPDIR/table"
	on_terminal 80 LC_ALL=C "$BUILD/ctlist" -r mixed.pcap | grep -q '~'
	on_terminal 80 LC_ALL=C.UTF-8 "$BUILD/ctlist" -r mixed.pcap | grep -q '…'
	# csv, JSON and conntrack's lines are never cut.
	on_terminal 80 "$BUILD/ctlist" -f csv -r mixed.pcap | diff - ../expected/mixed.csv
	on_terminal 80 "$BUILD/ctlist" -j -r mixed.pcap | diff - ../expected/mixed.json
}

@test "events on a narrow terminal: fewer columns, nothing is cut" {
	need script
	local file=$PWD/conntrack-E.txt width

	ctwatch -r "$file" 2>/dev/null | sed 's/  */ /g; s/ $//' >"$BATS_TEST_TMPDIR/whole"
	for width in 80 100 120 200; do
		on_terminal $width LC_ALL=C "$BUILD/ctwatch" -r "$file" 2>/dev/null | uncoloured | grep -v '^ctwatch: ' |
			sed 's/ *$//' >"$BATS_TEST_TMPDIR/$width"
		# What is shown is the beginning of what a pipe gets.
		sed 's/  */ /g' "$BATS_TEST_TMPDIR/$width" | paste -d '|' - "$BATS_TEST_TMPDIR/whole" |
			awk -F'|' 'index($2, $1) != 1 { print; bad = 1 } END { exit bad }'
		head -n 1 "$BATS_TEST_TMPDIR/$width" | grep -q DETAIL
	done
	head -n 1 "$BATS_TEST_TMPDIR/80" | lacks LASTED
	head -n 1 "$BATS_TEST_TMPDIR/120" | grep -q LASTED
	head -n 1 "$BATS_TEST_TMPDIR/200" | grep -q NAT
	# Rows of usual width fit.
	[ "$(awk 'length <= 80' "$BATS_TEST_TMPDIR/80" | wc -l)" -ge 12 ]
	# Columns that were asked for stay.
	on_terminal 80 "$BUILD/ctwatch" -o +portid,id,nat -r "$file" 2>/dev/null | uncoloured | grep -q 'NAT *PORTID'
}

@test "columns that are asked for stay on a narrow terminal, and left out ones of a matrix are counted" {
	need script
	local all shown

	on_terminal 40 "$BUILD/ctlist" -r "$PWD/mixed.pcap" -n 3 | uncoloured | head -n 1 | lacks FLAGS
	on_terminal 40 "$BUILD/ctlist" -r "$PWD/mixed.pcap" -n 3 -o src,dst,sport,dport,reply.src,reply.dst,mark,id |
		uncoloured | head -n 1 | grep -q 'MARK *ID$'
	on_terminal 40 "$BUILD/ctlist" -r "$PWD/mixed.pcap" -n 3 -o +id | uncoloured | head -n 1 | grep -q ' ID$'
	on_terminal 40 "$BUILD/ctcount" -r "$PWD/mixed.pcap" -x state -o dport,proto,across,unreplied,percent -g dport,proto |
		uncoloured >"$BATS_TEST_TMPDIR/kept"
	grep -q 'UNREPLIED *PERCENT$' "$BATS_TEST_TMPDIR/kept"
	lacks 'not shown' "$BATS_TEST_TMPDIR/kept"
	all=$(ctcount -r mixed.pcap -x state -g dport,proto | head -n 1 | wc -w)
	on_terminal 60 "$BUILD/ctcount" -r "$PWD/mixed.pcap" -x state -g dport,proto | uncoloured >"$BATS_TEST_TMPDIR/left"
	shown=$(head -n 1 "$BATS_TEST_TMPDIR/left" | wc -w)
	[ "$shown" -lt "$all" ]
	grep "^ctcount: $((all - shown)) columns are not shown: the terminal is too narrow" "$BATS_TEST_TMPDIR/left"
	run -0 --separate-stderr ctcount -r mixed.pcap -x state -g dport,proto
	[ -z "$stderr" ]
}

@test "colours: on a terminal, unless NO_COLOR, TERM or --color say otherwise" {
	need script
	local ctlist="$BUILD/ctlist -r $PWD/mixed.pcap"

	on_terminal 200 "$ctlist" | grep -q $'\x1b\\['
	on_terminal 200 NO_COLOR= "$ctlist" | grep -q $'\x1b\\['
	on_terminal 200 NO_COLOR=1 "$ctlist" | lacks $'\x1b'
	TERM_IS=dumb on_terminal 200 "$ctlist" | lacks $'\x1b'
	on_terminal 200 "$ctlist" --color=never | lacks $'\x1b'
	on_terminal 200 NO_COLOR=1 "$ctlist" --color=always | grep -q $'\x1b\\['
	NO_COLOR=1 ctlist -r mixed.pcap --color | grep -q $'\x1b\\['
	ctlist -r mixed.pcap --color=auto | lacks $'\x1b'
	ctlist -r mixed.pcap --color=always -j | lacks $'\x1b'
	ctlist -r mixed.pcap --color=always -f csv | lacks $'\x1b'
	ctlist -r mixed.pcap --color=always -f conntrack | lacks $'\x1b'
}

@test "colours change nothing else" {
	ctlist -r mixed.pcap --color=always | uncoloured | diff ../expected/mixed.table -
}

@test "heading, or none" {
	ctlist -r mixed.pcap | head -n 1 | grep -q '^PROTO  *STATE  *SOURCE  *DESTINATION  *NAT  *LEFT  FLAGS'
	ctlist -r mixed.pcap -H | diff <(tail -n +2 ../expected/mixed.table) -
	ctlist -r mixed.pcap -H -f csv | diff <(tail -n +2 ../expected/mixed.csv) -
	# A table of nothing has its heading; counters are a column where there are any.
	[ "$(ctlist -r mixed.pcap proto 250)" = "PROTO  STATE  SOURCE  DESTINATION  NAT  LEFT  FLAGS" ]
	[ "$(ctlist -r mixed.pcap -f csv -o src,dport proto 250)" = "orig.src,orig.dport" ]
	[ -z "$(ctlist -r mixed.pcap -j proto 250)" ]
	ctlist -r offload.txt 'not bytes >= 0' | head -n 1 | grep -qv BYTES
}

@test "columns of one's choice" {
	[ "$(ctlist -r mixed.pcap -o src,sport,nat -n 1 snat tcp | awk '{ print NF }' | tr '\n' ' ')" != "" ]
	[ "$(ctlist -r mixed.pcap -o src,dport,helper -n 1)" != "" ]
	[ "$(ctlist -r mixed.pcap -o src,dport,helper | head -n 1 | tr -s ' ')" = "SRC DPORT HELPER" ]
	[ "$(ctlist -r mixed.pcap -f csv -o +bytes,proto,mark,mark | head -n 1)" = "$(head -n 1 ../expected/mixed.csv),mark" ]
	[ "$(ctlist -r mixed.pcap -f csv -o proto,proto | head -n 1)" = proto,proto ]
	[ "$(ctlist -r mixed.pcap -o +id,mark | head -n 1 | awk '{ print $(NF - 1), $NF }')" = "ID MARK" ]
	[ "$(ctlist -r mixed.pcap -H -f csv -o orig.dport,dport,proto -n 1 tcp dport 443)" = "443,443,tcp" ]
	[ "$(ctlist -r mixed.pcap -H -o dport -n 1 icmp | tr -d ' ')" = - ]
	[ "$(ctlist -r mixed.pcap -H -f csv -o dport,proto -n 1 icmp)" = ,icmp ]
	[ "$(ctlist -r mixed.pcap -j -o dport -n 1 icmp)" = '{}' ]
	[ "$(ctlist -r mixed.pcap -j -o dport,proto,src,reply.dst -n 1 icmp | jq -c 'keys')" = '["orig","proto","reply"]' ]
	[ "$(ctlist -r mixed.pcap -j -o source -n 1 icmp | jq -c 'keys')" = '["source"]' ]
	ctlist -r mixed.pcap -j -o +source,flags -n 1 | jq -e '.source and .flags and .orig.src' >/dev/null
}

@test "csv is csv, and says what JSON says" {
	local fields

	[ -x $python ] || skip "no python"
	fields=$(ctlist -F | awk '$2 != "short" && $2 != "endpoint" && $2 != "total" && $1 != "flags" { print $1 }' |
		grep -v '^mask\.\|^expect\.' | paste -sd ,)
	ctlist -j -r mixed.pcap >"$all"
	ctlist -r mixed.pcap -f csv -o "$fields" | $python "$ROOT/tests/lib/samecsv.py" "$all"
	ctlist -j -t expect -r expect.pcap >"$all"
	fields=$(jq -r 'paths(scalars, arrays) | map(tostring) | join(".")' "$all" | grep -v '[0-9]' | sort -u | paste -sd ,)
	ctlist -t expect -r expect.pcap -f csv -o "$fields" | $python "$ROOT/tests/lib/samecsv.py" "$all"
}

@test "JSON: an object a line, no key twice, integers are integers" {
	[ -x $python ] || skip "no python"
	ctlist -j -r mixed.pcap | $python -c '
import json, sys
def unique(pairs):
    assert len(pairs) == len({key for key, _ in pairs}), pairs
    return dict(pairs)
count = 0
for line in sys.stdin:
    flow = json.loads(line, object_pairs_hook=unique, parse_float=lambda text: 1 / 0)
    assert isinstance(flow["orig"]["src"], str) and isinstance(flow["status"], list)
    count += 1
assert count == 68'
	[ "$(ctlist -j -r offload.txt 'orig.bytes > 1k' | jq -c .orig.bytes | tail -n 1)" = 5000000000 ]
}

@test "JSON fits the schema" {
	[ -e "$ROOT/schema/ctlist-flow.json" ] || skip "no schema"
	ctlist -j -r mixed.pcap | validate ctlist-flow
	ctlist -j -r offload.txt | validate ctlist-flow
	ctlist -j -t expect -r expect.pcap | validate ctlist-expect
}

@test "sorted as asked, by an oracle" {
	[ -x $python ] || skip "no python"
	ctlist -j -r mixed.pcap >"$all"
	for fields in timeout -timeout mark -mark sport -sport dport,-sport src -src dst,src reply.src -snat.addr snat.addr \
		id -id start -start zone,-mark -zone helper -helper family,-timeout protonum,dport -proto,src \
		tcp.wscale.orig,-tcp.wscale.reply sctp.vtag.orig -synproxy.isn -bytes,src use,-id icmp.id -master.sport \
		orig.zone,reply.zone,zone,id; do
		echo "-s $fields"
		ctlist -j -r mixed.pcap -s "$fields" | $python "$ROOT/tests/lib/sorted.py" "$all" "$fields"
	done
}

@test "the top N are the first N of all, sorted" {
	[ -x $python ] || skip "no python"
	for i in $(seq 20); do cat mixed.conntrack; done >"$BATS_TEST_TMPDIR/long"
	ctlist -j -r "$BATS_TEST_TMPDIR/long" >"$all"
	for fields in -timeout src,-dport -mark helper; do
		for n in 1 2 10 1359 1360 5000; do
			echo "-s $fields -n $n"
			ctlist -j -r "$BATS_TEST_TMPDIR/long" -s "$fields" -n $n |
				$python "$ROOT/tests/lib/sorted.py" "$all" "$fields" $n
		done
	done
}

@test "sorting keeps each value: every column alone" {
	for file in mixed.pcap expect.pcap; do
		ctlist -F | awk '$2 != "short" { print $1 }' | while read -r field; do
			table=conntrack
			[ $file = mixed.pcap ] || table=expect
			ctlist -t $table -r $file -f csv -o "$field" 2>/dev/null | sort >"$BATS_TEST_TMPDIR/plain" || continue
			echo "$file $field"
			ctlist -t $table -r $file -f csv -o "$field" -s "$field" 2>/dev/null | sort |
				diff "$BATS_TEST_TMPDIR/plain" -
		done
	done
}

@test "states sort as connections live, whatever their names" {
	[ "$(ctlist -H -f csv -o state -s state -r mixed.pcap tcp | uniq | paste -sd ' ')" = \
		"NONE SYN_SENT SYN_SENT2 SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE" ]
}

# Standard input and output are often one terminal, and who reads it may have asked not to be blocked.
@test "an output that must not block gets all" {
	for i in $(seq 200); do cat mixed.conntrack; done >"$BATS_TEST_TMPDIR/long"
	"$python" - "$BUILD/ctlist" "$BATS_TEST_TMPDIR/long" <<-'END'
		import os, subprocess, sys, time
		r, w = os.pipe()
		os.set_blocking(w, False)
		ctlist = subprocess.Popen([sys.argv[1], "-j", "-r", sys.argv[2]], stdout=w)
		os.close(w)
		time.sleep(0.3)
		lines = os.fdopen(r).read().count("\n")
		assert (lines, ctlist.wait()) == (200 * 68, 0), (lines, ctlist.returncode)
	END
}

@test "names that others made cannot move the cursor" {
	printf 'tcp      6 1 CLOSE src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 helper=a\x1b[2J"\\\xc3\xa9 secctx=x,y use=1\n' \
		>"$BATS_TEST_TMPDIR/evil"
	for format in table csv json conntrack; do
		ctlist -r "$BATS_TEST_TMPDIR/evil" -f $format >"$BATS_TEST_TMPDIR/out"
		[ "$(grep -c . "$BATS_TEST_TMPDIR/out")" -ge 1 ]
		lacks $'\x1b' "$BATS_TEST_TMPDIR/out"
	done
	[ "$(ctlist -r "$BATS_TEST_TMPDIR/evil" -H -o helper)" = 'a\x1b[2J"\\\xc3\xa9' ]
	ctlist -j -r "$BATS_TEST_TMPDIR/evil" | jq -e '.helper == "a\u001b[2J\"\\é" and .secctx == "x,y"' >/dev/null
	[ "$(ctlist -H -f csv -o secctx,helper -r "$BATS_TEST_TMPDIR/evil" | cut -c 1-6)" = '"x,y",' ]
}
