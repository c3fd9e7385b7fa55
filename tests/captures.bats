# The captures in tests/captures read as expected. Nothing of the kernel is needed.
# After a change that is meant: tests/captures/make expected, and look at the difference.
load lib/common

setup() {
	cd "$ROOT/tests/captures"
}

table_of() {
	case $1 in *expect*) echo expect ;; *) echo conntrack ;; esac
}

@test "what is expected in JSON" {
	local file name count=0

	for file in mixed.pcap expect.pcap offload.txt conntrack-[EL]*.txt proc-nf_conntrack.txt; do
		name=${file%.*}
		echo "$file"
		ctlist -t "$(table_of "$file")" -j -r "$file" 2>&1 | diff ../expected/"$name".json -
		count=$((count + 1))
	done
	[ "$count" -ge 15 ]
}

@test "what is expected as a table and in csv" {
	local file

	for file in mixed.pcap expect.pcap offload.txt; do
		ctlist -t "$(table_of $file)" -r $file 2>&1 | diff ../expected/"${file%.*}".table -
		ctlist -t "$(table_of $file)" -f csv -r $file 2>&1 | diff ../expected/"${file%.*}".csv -
	done
}

# What ctwatch -w writes where events were lost.
@test "a mark of lost events is no flow, and is told" {
	/usr/bin/python3 - 77 >"$BATS_TEST_TMPDIR/lost.pcap" <<-'END'
		import struct, sys
		message = struct.pack("=IHHII", 20, 4, 0, 0, 0) + struct.pack(">I", int(sys.argv[1]))
		frame = struct.pack(">HH10xH", 0, 824, 12) + message
		sys.stdout.buffer.write(struct.pack("=IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 253) +
			struct.pack("=IIII", 1700000000, 0, len(frame), len(frame)) + frame)
	END
	cd "$BATS_TEST_TMPDIR"
	ctwatch -j -r lost.pcap 2>/dev/null | jq -e '.type == "lost" and .lost == 77'
	for line in "ctlist -j" "ctlist -H -f conntrack" "ctlist -H -s src" "ctcount -H"; do
		run -0 --separate-stderr $line -r lost.pcap
		[ -z "$output" ]
		[[ $stderr == *": 77 events were lost when this was saved" ]]
	done
	run -1 ctlist -q -r lost.pcap
	cttop -j -n 1 -r lost.pcap | jq -e '.flows == 0'
}

# same FILE COMMAND...: it reads FILE, and FILE in the other byte order, as the same lines, of which there are some.
same() {
	local file=$1 out=$BATS_TEST_TMPDIR

	shift
	echo "$*: $file"
	/usr/bin/python3 "$ROOT/tests/lib/swap.py" "$file" "$out/swapped.pcap"
	"$@" -j -r "$file" >"$out/one"
	"$@" -j -r "$out/swapped.pcap" >"$out/other"
	[ -s "$out/one" ]
	cmp "$out/one" "$out/other"
}

@test "a capture of the other byte order reads the same" {
	/usr/bin/python3 "$ROOT/tests/lib/nasty.py" "$BATS_TEST_TMPDIR"
	same mixed.pcap ctlist
	same expect.pcap ctlist -t expect
	same "$BATS_TEST_TMPDIR/flows.pcap" ctwatch
	same "$BATS_TEST_TMPDIR/invalid.pcap" ctwatch --invalid
}

# The texts were made by conntrack itself from the table that the capture is of.
@test "the very lines of conntrack" {
	ctlist -f conntrack,extended,id,ktimestamp -r mixed.pcap | diff <(sort mixed.conntrack) <(sort)
	ctlist -f conntrack -t expect -r expect.pcap | diff <(sort expect.conntrack) <(sort)
	[ "$(wc -l <mixed.conntrack)" -eq 68 ]
}

@test "the lines of conntrack read as its messages do" {
	need jq
	# The text lacks what conntrack does not print, and writes the start in seconds.
	local keep='{ family, proto, state, timeout, orig, reply, nat, snat, dnat, mark, zone, helper, id, use, start: .start[:19] }'

	ctlist -j -r mixed.pcap | jq -cS "$keep" | sort >"$BATS_TEST_TMPDIR/capture"
	ctlist -j -r mixed.conntrack | jq -cS "$keep" | sort | diff "$BATS_TEST_TMPDIR/capture" -
}

@test "offloaded flows have neither time nor state, and are found" {
	[ "$(ctlist -c -r offload.txt offload)" -eq 4 ]
	[ "$(ctlist -c -r offload.txt hw-offload)" -eq 1 ]
	[ "$(ctlist -c -r offload.txt offload and 'timeout >= 0')" -eq 0 ]
	[ "$(ctlist -c -r offload.txt offload and not 'timeout >= 0' and not 'state != NONE')" -eq 4 ]
	[ "$(ctlist -c -r offload.txt 'bytes > 9P' 2>&1 | grep -c 'not a size')" -eq 1 ]
	[ "$(ctlist -H -o bytes -r offload.txt 'bytes > 9000000G')" = 9007204254740993 ]
}

@test "the local time zone moves no time of a capture" {
	TZ=America/New_York ctlist -j -r mixed.pcap | diff ../expected/mixed.json -
	# conntrack prints local time, so the zone of whoever saved it is needed to read it.
	[ "$(TZ=America/New_York ctlist -j -r mixed.conntrack -o start)" != "$(ctlist -j -r mixed.conntrack -o start)" ]
}

# A 32-bit machine opens it only if asked to.
@test "files of more than 2 GiB" {
	local file

	for file in mixed.pcap conntrack-L.txt; do
		cp "$file" "$BATS_TEST_TMPDIR/big"
		truncate -s 2200M "$BATS_TEST_TMPDIR/big" || skip "no file of that size can be made here"
		[ "$(ctlist -H -n 1 -r "$BATS_TEST_TMPDIR/big" | wc -l)" -eq 1 ]
	done
}
