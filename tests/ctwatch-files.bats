# ctwatch on saved events and packets: nothing gets lost without a word, and time is that of the file.
load lib/common

setup() {
	no_kernel
	need jq
	cd "$BATS_TEST_TMPDIR"
}

# logged FILE NUMBER...: a capture with a packet that conntrack logged for each number of a record; - is a record
# without one. Second after second.
logged() {
	/usr/bin/python3 - "$@" <<-'END'
		import socket, struct, sys

		def attribute(type, value):
		    return struct.pack("<HH", 4 + len(value), type) + value + bytes(-len(value) % 4)

		packet = struct.pack(">BxHxxxxBBxx4s4s", 0x45, 40, 64, 6, socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2"))
		packet += struct.pack(">HHIIBBHxxxx", 1, 2, 0, 0, 0x50, 2, 0)
		with open(sys.argv[1], "wb") as file:
		    file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 253))
		    for second, number in enumerate(sys.argv[2:]):
		        body = struct.pack(">BBH", socket.AF_INET, 0, 0) + attribute(9, packet)
		        body += attribute(10, b"nf_ct_proto_6: bad checksum \0")
		        if number != "-":
		            body += attribute(12, struct.pack(">I", int(number)))
		        body = struct.pack(">HH10xH", 0, 824, 12) + struct.pack("<IHHII", 16 + len(body), 0x400, 0, 0, 0) + body
		        file.write(struct.pack("<IIII", 1700000000 + second, 0, len(body), len(body)) + body)
	END
}

rows() {
	[ "$(jq -s 'map(select(.type == "invalid")) | length' <<<"$output")" -eq "$1" ]
}

@test "a capture of packets that ends within one is said to, and what is before that is printed" {
	logged whole.pcap 0 1 2
	head -c -8 whole.pcap >short.pcap
	run --separate-stderr ctwatch --invalid -j -r short.pcap
	[ "$status" -eq 0 ]
	rows 2
	[[ $stderr == *"short.pcap:3: truncated"*"2 read, 1 not"* ]]
	head -c 30 whole.pcap >none.pcap
	run --separate-stderr ctwatch --invalid -j -r none.pcap
	[ "$status" -eq 2 ]
	[[ $stderr == *"none.pcap:1: truncated"* ]]
}

@test "of what could not be read not even the heading is printed" {
	local file options

	echo rubbish >rubbish
	for file in missing rubbish; do
		for options in '' '-f csv' -j '--summary 1' --invalid '--invalid --summary 1' '--invalid -f csv'; do
			run -2 --separate-stderr ctwatch $options -r "$file"
			[ -z "$output" ]
		done
	done
	run -0 --separate-stderr ctwatch -r /dev/null
	[[ $output == TIME* ]]
}

@test "packets are not looked for in events or text without a word" {
	for file in mixed.pcap conntrack-E.txt; do
		run --separate-stderr ctwatch --invalid -j -r "$ROOT/tests/captures/$file"
		[ "$status" -eq 2 ]
		[[ $stderr == *"$file:1: not a "*"0 read, "* ]]
	done
}

@test "a file of packets that is missing takes nothing away from the others" {
	logged one.pcap 7
	logged two.pcap 3
	for files in "-r one.pcap -r missing -r two.pcap" "-r one.pcap -r two.pcap -r missing" "-r missing -r one.pcap -r two.pcap"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr ctwatch --invalid -j $files
		[ "$status" -eq 2 ]
		rows 2
		[[ $stderr == *"missing: No such file"*"2 packets read, 0 lost"* ]]
	done
}

@test "packets that are read are saved with -w, but not over themselves" {
	logged one.pcap 0 1
	logged two.pcap 5
	run --separate-stderr ctwatch --invalid -j -r one.pcap -r two.pcap -w both.pcap
	[ "$status" -eq 0 ]
	ctwatch --invalid -j -r both.pcap 2>err | jq -c 'select(.type == "invalid")' | diff - <(echo "$output")
	run ctwatch --invalid -r one.pcap -w one.pcap
	[ "$status" -eq 2 ]
	[[ $output == *"one of the files to read"* ]]
	run ctwatch --invalid -r one.pcap -w missing/both.pcap
	[ "$status" -eq 2 ]
	[ ! -e /dev/full ] || {
		run ctwatch --invalid -r one.pcap -w /dev/full
		[ "$status" -eq 2 ]
		[[ $output == *"/dev/full: No space left"* ]]
	}
	ctwatch --invalid -r one.pcap -r two.pcap -w - 2>/dev/null | cmp - both.pcap
}

@test "packets are read where only a right that is given up reads" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir closed
	logged closed/one.pcap 0
	chown 12345 closed 2>/dev/null || skip "another user cannot be had here"
	chmod 700 closed
	run --separate-stderr ctwatch --invalid -j -r closed/one.pcap
	[ "$status" -eq 0 ]
	rows 1
}

@test "lost packets are counted by the numbers of the records that have one" {
	logged gap.pcap 4294967294 4294967295 0 3 4
	run --separate-stderr ctwatch --invalid -j -r gap.pcap
	rows 5
	[[ $stderr == *"5 packets read, 2 lost"* ]]
	[ "$(jq -s 'map(.lost // 0) | add' <<<"$output")" -eq 2 ]
	logged none.pcap - - -
	run --separate-stderr ctwatch --invalid -j -r none.pcap
	rows 3
	[[ $stderr == *"3 packets read, 0 lost"* ]]
	logged some.pcap 5 - 7 -
	run --separate-stderr ctwatch --invalid -j -r some.pcap
	[[ $stderr == *"4 packets read, 1 lost"* ]]
}

# events SECOND...: a new flow at each second.
events() {
	local second port=0

	for second in "$@"; do
		port=$((port + 1))
		echo "[$second.000000]	    [NEW] udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=$port dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=$port"
	done
}

@test "--summary: what follows a gap is in the interval of its time, and nothing is in none" {
	events 1000 4600 4600 4600 4601 4601 4601 >gap.txt
	run --separate-stderr ctwatch -j --summary 5 -r gap.txt
	[ "$(jq -c '[.time[11:19], .new]' <<<"$output")" = $'["00:16:45",1]\n["01:16:41",6]' ] || {
		echo "$output"
		return 1
	}
	events 1000 1003 1004 1005 1007 1012 1012 1031 >steps.txt
	run --separate-stderr ctwatch -j --summary 5 -r steps.txt
	[ "$(jq -c '[.time[14:19], .seconds + 0, .new]' <<<"$output")" = \
		$'["16:45",5,3]\n["16:50",5,2]\n["16:55",5,2]\n["17:11",1,1]' ] || { echo "$output"; return 1; }
	# A single one is behind the last whole interval.
	events 1000 1020 >two.txt
	[ "$(ctwatch -j --summary 5 -r two.txt 2>/dev/null | jq -s 'map(.new) | add')" -eq 2 ]
	[ "$(ctwatch -j --summary 5 -c 1 -r two.txt 2>/dev/null | wc -l)" -eq 1 ]
	# Years without any.
	events 1 4294967295 >years.txt
	[ "$(ctwatch --summary 0.001 -r years.txt 2>/dev/null | grep -c new.*update)" -eq 2 ]
}
