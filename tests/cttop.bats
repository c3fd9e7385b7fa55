# cttop: what --batch prints against ctcount, ctlist and ctstats, and the screen in a terminal of tmux.
bats_require_minimum_version 1.5.0
load lib/common
load lib/terminal

setup_file() {
	[ "${CT_PRIVATE:-0}" -gt 0 ] || return 0
	ip link set lo up
	sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1 \
		net.netfilter.nf_conntrack_events=1
	fill -n 3000 -t 3000 2>/dev/null
	fill -p web -s 3 -n 1000 -t 3000 2>/dev/null
	ctlist -w "$BATS_FILE_TMPDIR/flows.pcap" -c >/dev/null
}

setup() {
	need_kernel
	FLOWS=$BATS_FILE_TMPDIR/flows.pcap
	TERMINAL=$BATS_TEST_TMPDIR/terminal
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -S "$TERMINAL" ] && tmux -S "$TERMINAL" kill-server
	return 0
}

# --- batch ---------------------------------------------------------------------------------------------

# The rows of a view as jq makes them, against the groups of ctcount.
same_groups() {
	local view=$1 by=$2 keys=$3
	shift 3

	cttop -j -n 1 -v "$view" "$@" >sample
	validate cttop-sample <sample
	jq -c ".rows[] | [$keys, .count, .unreplied]" sample | sort >got
	ctcount -j --by "$by" "$@" | jq -c "[$keys, .count, .unreplied]" | sort >expected
	[ "$(wc -l <expected)" -gt 1 ]
	diff -u expected got
}

@test "groups are those of ctcount" {
	same_groups ports proto,dport '.proto, .orig.dport'
	same_groups states proto,state '.proto, .state'
	same_groups sources src '.orig.src'
	same_groups destinations dst '.orig.dst'
	same_groups nat snat.addr,proto,reply.src,reply.sport '.snat.addr, .proto, .reply.src, .reply.sport' snat
	same_groups ports proto,dport '.proto, .orig.dport' tcp and not assured
	same_groups sources src '.orig.src' udp port 53
	same_groups states proto,state '.proto, .state' state ESTABLISHED,TIME_WAIT or icmp
}

@test "states are counted apart as ctcount does across them" {
	for state in SYN_SENT ESTABLISHED TIME_WAIT CLOSE_WAIT CLOSE; do
		cttop -j -n 1 -v ports | jq -c ".rows[] | [.proto, .orig.dport, .states.$state] | select(.[2] > 0)" |
			sort >got
		ctcount -j --by proto,dport state $state and not proto dccp |
			jq -c '[.proto, .orig.dport, .count]' | sort >expected
		[ -s expected ]
		diff -u expected got
	done
}

@test "flows are those of ctlist" {
	cttop -j -n 1 -v flows >sample
	validate cttop-sample <sample
	jq -S -c '.rows[] | del(.timeout, .idle, .age, .use)' sample | sort >got
	ctlist -j | jq -S -c 'del(.timeout, .idle, .age, .use)' | sort >expected
	[ "$(wc -l <got)" -eq 4000 ]
	cmp got expected
}

@test "the numbers of the header are the kernel's" {
	cttop -j -n 2 -d 0.3 >sample
	[ "$(wc -l <sample)" -eq 2 ]
	validate cttop-sample <sample
	[ "$(jq -s '.[1].entries' sample)" -eq "$(cat /proc/sys/net/netfilter/nf_conntrack_count)" ]
	[ "$(jq -s '.[1].max' sample)" -eq "$(cat /proc/sys/net/netfilter/nf_conntrack_max)" ]
	[ "$(jq -s '.[1].flows' sample)" -eq 4000 ]
	[ "$(jq -s '.[0].new_per_second' sample)" = null ]
	[ "$(jq -s '.[1].new_per_second' sample)" = 0 ] || [ "$(jq -s '.[1].new_per_second' sample)" = 0.000 ]
	jq -s -c '.[1].counters | map_values(.total)' sample >got
	ctstats -f json | jq -c '.counters | map_values(.total)' >expected
	diff <(jq -S . got) <(jq -S . expected)
}

@test "sums are whole: every group view counts each flow once" {
	for view in ports states sources destinations; do
		[ "$(cttop -j -n 1 -v $view | jq '[.rows[].count] | add')" -eq 4000 ]
	done
}

@test "saved data show the same, in any form" {
	cttop -j -n 1 -v ports -r "$FLOWS" | jq -c '.rows' >pcap
	cttop -j -n 1 -v ports | jq -c '.rows' >live
	cmp pcap live
	ctlist -f conntrack >text
	cttop -j -n 1 -v ports -r text | jq -c '.rows' >got
	cmp pcap got
	ctlist -j >objects
	cttop -j -n 1 -v ports -r objects | jq -c '.rows' >got
	cmp pcap got
	cttop -j -n 1 -v ports -r - <text | jq -c '.rows' >got
	cmp pcap got
}

@test "text and JSON hold the same rows in the same order" {
	cttop -b -H -n 1 -v states -s -unreplied -r "$FLOWS" | awk '{ print $1, $2, $3 }' >got
	cttop -j -n 1 -v states -s -unreplied -r "$FLOWS" |
		jq -r '.rows[] | "\(.proto) \(.state // "-") \(.count)"' >expected
	[ "$(wc -l <got)" -gt 10 ]
	diff -u expected got
}

@test "sorting by each column works in both directions" {
	for column in port count unreplied states.SYN_SENT states.TIME_WAIT; do
		cttop -j -n 1 -s "-$column" -r "$FLOWS" >down
		cttop -j -n 1 -s "$column" -r "$FLOWS" >up
		key=.${column/port/orig.dport}
		jq -e "[.rows[] | $key | select(. != null)] | . == (sort | reverse)" down
		jq -e "[.rows[] | $key | select(. != null)] | . == sort" up
	done
	cttop -j -n 1 -v ports -s -states.TIME_WAIT -r "$FLOWS" >down
	for column in TIME_WAIT 'TIME WAIT' TIMEWAIT time-wait; do
		cttop -j -n 1 -v ports -s "-$column" -r "$FLOWS" | cmp - down
	done
	cttop -b -n 1 -s -% -r "$FLOWS" >/dev/null
	run -2 cttop -b -s nonsense
	[[ $output == *nonsense* ]]
}

@test "events are replayed with their reasons, rates from the capture's clock" {
	# shellcheck disable=SC2016 # the inner shell expands
	unshare -n bash -c '
		ip link set lo up
		nft "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }"
		ctwatch -w events.pcap -c 170 >/dev/null 2>&1 &
		watch=$!
		sleep 0.3
		traffic serve 127.0.0.1 7777 --seconds 4 >/dev/null &
		sleep 0.2
		traffic connect 127.0.0.1 7777 --count 30 --rate 25 --bytes 100 >/dev/null
		traffic connect 127.0.0.1 7778 --count 5 >/dev/null
		wait $watch' 3>&-
	cttop -j -v events -d 0.5 -r events.pcap >samples
	validate cttop-sample <samples
	[ "$(wc -l <samples)" -gt 1 ]
	ctwatch -j -r events.pcap | jq -c 'select(.type == "new" or .type == "destroy" or .type == "update") | [.type, .orig.sport, .reason]' >expected
	jq -c -s '.[-1].rows[] | [.type, .orig.sport, .reason]' samples >got
	diff -u expected got
	# 30 connections in about a second.
	[ "$(jq -s '[.[].new_per_second // 0] | max | . > 10 and . < 200' samples)" = true ]
	[ "$(jq -s 'max_by(.flows).flows' samples)" -ge 20 ]
}

@test "events within a saved dump do not divide it, and quiet intervals are samples too" {
	ctlist -j -n 100 tcp | jq -c '.time = "2026-01-01T00:00:00.100Z"' >all
	head -n 50 all >file
	head -n 1 all | jq -c '.type = "update"' >>file
	tail -n 50 all >>file
	sed -n 2p all | jq -c '.type = "destroy" | .time = "2026-01-01T00:00:01.500Z"' >>file
	sed -n 3p all | jq -c '.type = "destroy" | .time = "2026-01-01T00:00:04.500Z"' >>file
	cttop -j -d 1 -r file >samples
	validate cttop-sample <samples
	jq -c '[.flows, .gone_per_second]' samples
	[ "$(jq -s -c '[.[].flows]' samples)" = '[100,99,99,99,98]' ]
	[ "$(jq -s -c '[.[1:][].gone_per_second | floor]' samples)" = '[1,0,0,0]' ]
}

@test "a clock that was set is no long wait, and time has an end" {
	printf '%s\n' '[1.000000]	    [NEW] udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1' \
		'[1700000000.000000]	    [NEW] udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=3 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=3' >gap
	timeout -k 5 20 cttop -j -d 0.5 -r gap >samples
	validate cttop-sample <samples
	[ "$(jq -s -c 'map(.flows)' samples)" = '[1,2,2]' ] || [ "$(jq -s -c 'map(.flows)' samples)" = '[1,2]' ]
	echo '{"type":"new","time":"2554-07-21T23:34:32Z","proto":"tcp","orig":{"src":"10.0.0.1","dst":"10.0.0.2"}}' >late
	[ "$(timeout -k 5 20 cttop -j -n 1 -r late | jq .flows)" = 1 ]
	terminal_start 100 24 cttop -d 1 -r gap
	shows 'table +1 flows'
	shows 'table +2 flows'
	press q
	sane
}

@test "a file is read again that nobody may open any more" {
	ctlist -j -n 30 tcp >here
	terminal_start 100 24 cttop -d 1 -r here
	shows 'table +30 flows'
	mv here elsewhere
	press 2
	shows '^ tcp +[A-Z]'
	press Space
	shows paused
	press Left
	shows 'table +30 flows'
	press q
	sane
}

@test "new and gone flows are counted from events and from dumps" {
	# With events; without any; and of flows that no event ends, because nobody listened when they began.
	for events in 1 0 2; do
		# shellcheck disable=SC2016 # the inner shell expands
		unshare -n bash -c '
			ip link set lo up
			sysctl -qw net.netfilter.nf_conntrack_events=$1
			# until a sample says so: CONDITION-OF-JQ
			sampled() {
				for ((i = 0; i < 600; i++)); do
					jq -s -e "$1" samples >/dev/null && return
					sleep 0.1
				done
				exit 1
			}
			fill -n 100 -t 300 2>/dev/null
			cttop -j -d 0.5 >samples &
			sampled "length > 1"
			fill -n 50 -s 9 -p tcp4 -t 300 2>/dev/null
			sampled ".[-1].flows == 150"
			fill -n 50 -s 9 -p tcp4 -t 300 -d 2>/dev/null
			sampled ".[-1].flows == 100"
			seen=$(wc -l <samples)
			sampled "length > $seen + 1"
			kill %1
			wait' - $events
		jq -c "[.flows, .interval, .new_per_second, .gone_per_second]" samples
		jq -s -e '.[0].flows == 100 and (map(.flows) | max) == 150 and .[-1].flows == 100' samples
		jq -s -e '[.[] | (.new_per_second // 0) * (.interval // 0)] | add | . > 49.5 and . < 50.5' samples
		jq -s -e '[.[] | (.gone_per_second // 0) * (.interval // 0)] | add | . > 49.5 and . < 50.5' samples
		jq -s -e '[.[].rows[] | select(.orig.dport == 443) | .new_per_second // 0] | max > 1' samples
	done
}

@test "an empty table says why, a missing privilege what to do" {
	unshare -n "$BUILD/cttop" -b -n 1 | grep -q 'no rule in this network namespace uses connection tracking'
	unshare -U true 2>/dev/null || skip "no user namespace can be made: privileges cannot be left"
	run -2 --separate-stderr unshare -U "$BUILD/cttop" -b -n 1
	[[ $stderr == *CAP_NET_ADMIN*sudo* ]]
}

@test "wrong options are refused with their name" {
	for words in "-d 0" "-d x" "-n 0" "-v nonsense" "-f xml" "tcp and nonsense" "-N /none"; do
		# shellcheck disable=SC2086
		run --separate-stderr cttop -b $words
		[ "$status" -eq 2 ] || { echo "$words"; false; }
		[ -n "$stderr" ]
	done
	run -2 --separate-stderr cttop </dev/null
	[[ $stderr == *--batch* ]]
}

@test "a full disk is no success" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -2 bash -c 'cttop -b -n 1 >/dev/full'
}

@test "the manual page lists the keys that there are" {
	need mandoc
	cp "$ROOT/man/cttop.8" page
	"$ROOT/man/refresh" page
	diff "$ROOT/man/cttop.8" page
	[ -z "$(mandoc -T lint -W warning "$ROOT/man/cttop.8")" ]
	cttop --list-options | while IFS=$'\t' read -r name _; do
		mandoc "$ROOT/man/cttop.8" | col -b | grep -q -- "$name" || { echo "$name"; false; }
	done
}

# --- the screen ------------------------------------------------------------------------------------------

@test "it starts, shows every view, and ends with q" {
	local i=0
	terminal_start 120 40 cttop
	shows '4000 of [0-9]+'
	shows '^ tcp +443 '
	for view in ports states sources destinations flows nat events counters; do
		i=$((i + 1))
		press $i
		shows "$i $view( |\$)"
		case $view in
		ports) shows '^ PROTO +PORT' ;;
		states) shows '^ tcp +ESTABLISHED' ;;
		sources) shows '^ SOURCE' ;;
		destinations) shows '^ DESTINATION' ;;
		flows) shows '^ PROTO +STATE +SOURCE +DESTINATION' ;;
		nat) shows '^ NAT ADDRESS' ;;
		events) shows '^ TIME +EVENT' ;;
		counters) shows '^ all/s' ;;
		esac
	done
	press Tab
	shows '^ PROTO +PORT'
	press BTab
	shows '^ all/s'
	press q
	sane
}

@test "every key does something that can be seen" {
	terminal_start 120 40 cttop
	shows '1 of [0-9]+'
	press j
	shows '2 of [0-9]+'
	press k
	shows '[^0-9]1 of [0-9]+'
	press Down Down
	shows '3 of'
	press Up
	shows '2 of'
	press NPage
	shows '(2[0-9]|3[0-9]) of'
	press PPage
	shows '[^0-9]2 of|[^0-9]1 of'
	press End
	shows '([0-9]+) of \1$'
	press Home
	shows '[^0-9]1 of'
	press p
	shows paused
	press 2
	shows '^ tcp +ESTABLISHED'
	press 1
	shows '^ tcp +443'
	press Space
	shows_not paused
	press u
	shows 'BITS/S'
	press u
	shows 'BYTES/S'
	press '?'
	shows 'view ports: '
	press Escape
	shows_not 'view ports: '
	press h
	shows 'view ports: '
	press F1
	shows_not 'view ports: '
	shows 'BYTES/S +%'
	press -- -
	shows_not 'BYTES/S +%'
	press +
	shows 'BYTES/S +%'
	press a
	shows 'nothing is active|^ +[a-z]+ '
	press a
	shows '^ tcp +443 '
	press d
	shows 'seconds between samples:'
	press 0.5 Enter
	shows 'every 0.5 s|a dump takes'	# other tests may fill the table that the kernel walks through
	press w
	shows 'save the screen to .cttop.txt.:'
	press saved Enter
	shows 'written to saved'
	grep -q '4000 of' saved
	press w
	press "$BATS_TEST_TMPDIR/elsewhere" Enter
	shows 'only a file where cttop was started'
	[ ! -e elsewhere ]
	press s
	press r
	press q
	sane
}

@test "Enter goes down to one flow, Backspace comes back" {
	terminal_start 120 50 cttop	# a flow with NAT has many fields
	shows '^ tcp +443 '
	press /
	press tcp Enter
	press Enter
	shows '^ filter proto tcp and orig.dport [0-9]+'
	shows '^ PROTO +STATE +SOURCE'
	shows '^ tcp .*:[0-9]+ '
	press Enter
	shows '^  orig.dport +[0-9]+'
	shows '^  tcp.flags.orig'
	shows 'Backspace back'
	press BSpace
	shows '^ PROTO +STATE +SOURCE'
	press BSpace
	shows '^ PROTO +PORT'
	shows_not '^ filter'
	press q
	sane
}

@test "Enter on a group that lacks the field finds just those" {
	terminal_start 100 40 cttop -v states icmp
	shows '^ icmp +- '
	press Enter
	shows '^ filter icmp and proto icmp and state -'
	# Whether a column without values has to go is up to the width of the others, hence to the kernel's order.
	shows '^ PROTO +(STATE +)?SOURCE'
	shows "matching $(ctlist -c icmp)"
	press q
	sane
}

@test "the filter prompt marks what it does not understand" {
	terminal_start 80 24 cttop
	shows '^ tcp +443 '
	press f
	press 'tcp and dprt 443' Enter
	shows '^ {17}\^~~~$'
	shows "'dprt' is no field"
	press C-u 'tcp dport 443' Enter
	shows '^ filter tcp dport 443'
	shows 'matching [0-9]+'
	shows_not '^ udp '
	number=$(ctlist -c tcp dport 443)
	shows "matching $number"
	press f C-u Enter
	shows_not '^ filter'
	press f Up
	shows 'filter: tcp dport 443'
	press Escape q
	sane
}

@test "a filter is edited whole, or not at all" {
	long=$(printf 'dport 443 or %.0s' {1..60})'dport 22'
	terminal_start 100 40 "cttop $long"
	shows "matching $(ctlist -c dport 443,22)"
	press f
	shows 'or dport 22'
	press Enter
	shows_not 'filter: '
	[ "$(screen | grep -o 'matching [0-9]*')" = "matching $(ctlist -c dport 443,22)" ]
	again "cttop $(printf 'dport 443 or %.0s' {1..400}) dport 22"
	shows "matching"
	press f
	shows 'too long to be edited'
	press q
	sane
}

@test "searching jumps while one types" {
	terminal_start 80 24 cttop -v flows
	shows '1 of 4000'
	press /
	press 198.18.
	shows '198\.18\.'
	press Enter N
	shows '[0-9]+ of 4000'
	press / zzzzz
	shows 'nowhere here'
	press Escape q
	sane
}

@test "any size from 40x10 to 300x100, while it runs" {
	terminal_start 80 24 cttop
	shows '^ tcp +443 '
	for size in "40 10" "300 100" "60 16" "81 25"; do
		# shellcheck disable=SC2086
		set -- $size
		terminal resize-window -x "$1" -y "$2"
		shows 'FLOWS'
		shows 'q quit'
		[ "$(screen | wc -l)" -le "$2" ]
		[ "$(screen | LC_ALL=C.UTF-8 wc -L)" -le "$1" ]
	done
	press q
	sane
}

@test "the mouse selects, sorts, changes the view and scrolls" {
	terminal_start 120 40 cttop
	shows '^ tcp +443 '
	mouse() {	# x y button: an SGR report
		printf -v report '\033[M%b%b%b' "\\x$(printf %x $((32 + $3)))" "\\x$(printf %x $((33 + $1)))" "\\x$(printf %x $((33 + $2)))"
		press -l "$report"
	}
	terminal display-message -p '#{mouse_any_flag}#{mouse_button_flag}#{mouse_standard_flag}' | grep -q 1
	[ "$(terminal display-message -p '#{mouse_sgr_flag}')" = 1 ] &&
		mouse() { press -l "$(printf '\033[<%d;%d;%dM' "$3" $(($1 + 1)) $(($2 + 1)))"; [ "$3" -lt 64 ] && press -l "$(printf '\033[<%d;%d;%dm' "$3" $(($1 + 1)) $(($2 + 1)))"; return 0; }
	mouse 5 9 0
	shows '[^0-9](2|3|4) of'
	mouse 14 4 0
	shows '^ tcp +ESTABLISHED'
	mouse 5 12 65
	shows '[^0-9]([4-9]|1[0-9]) of'
	press q
	sane
}

@test "stopped with ^Z and continued with fg" {
	not_under_valgrind "programs of ncurses do not stop there"
	terminal_start 80 24 cttop
	shows '^ tcp +443 '
	press C-z
	shows 'Stopped'
	sane
	press fg Enter
	shows '^ tcp +443 '
	press 5
	shows '^ PROTO +STATE'
	press q
	sane
}

@test "the terminal is sane after every way to end" {
	terminal_start 80 24 cttop
	for way in q C-c TERM HUP INT ABRT SEGV QUIT; do
		shows '^ tcp +443 '
		case $way in
		q|C-c) press $way ;;
		*) kill -$way "$(cttop_pid)" ;;
		esac
		sane
		press 'clear; cttop' Enter
	done
	shows '^ tcp +443 '
	press F10
	sane
}

@test "it does not outlive its terminal" {
	terminal_start 80 24 cttop
	shows '^ tcp +443 '
	pid=$(cttop_pid)
	[ -d "/proc/$pid" ]
	terminal kill-server
	for _ in {1..300}; do
		[ -d "/proc/$pid" ] || return 0
		sleep 0.05
	done
	echo "still there"
	kill "$pid"
	false
}

@test "a terminal that cannot move its cursor is refused in a line" {
	need script
	for term in dumb ''; do
		run -2 timeout 10 script -qec "env TERM=$term $BUILD/cttop -r $FLOWS" /dev/null </dev/null
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"cttop: this terminal cannot move its cursor (\$TERM); --batch prints the screen as text"* ]]
	done
}

@test "colours: 256, 8, none, and NO_COLOR" {
	terminal_start 80 24 cttop
	shows '^ tcp +443 '
	terminal capture-pane -p -e | grep -q '38;5;'
	again 'TERM=xterm cttop'
	shows '^ tcp +443 '
	terminal capture-pane -p -e | grep -q $'\033\\[[0-9;]*3[1-7]m'
	lacks '38;5;'
	again 'NO_COLOR=1 cttop'
	shows '^ tcp +443 '
	lacks $'\033\\[([0-9;]*;)?[34][0-7]'
	again 'TERM=vt100 cttop'
	shows '^ tcp +443 '
	lacks $'\033\\[([0-9;]*;)?[34][0-7]'
	press q
	sane
}

@test "without UTF-8 there is nothing but ASCII" {
	terminal_start 80 24 LC_ALL=C cttop -v sources
	shows 'SOURCE'
	shows '^ table +\[#*\.+\]'
	lacks '[^\x00-\x7f]'
	press q
	sane
}

@test "names come from the system, and only when asked for" {
	grep -qE '^127\.0\.0\.1[[:space:]]+localhost' /etc/hosts || skip "no localhost in /etc/hosts"
	ctlist -f conntrack -n 1 ip >flow
	sed -i -E 's/src=[^ ]+/src=127.0.0.1/' flow
	terminal_start 80 24 cttop -v sources -r flow
	shows '^ 127\.0\.0\.1'
	press n
	shows '^ localhost'
	press n
	shows '^ 127\.0\.0\.1'
	press q
	sane
}

@test "lines that cannot be read are counted, on the screen too" {
	{ ctlist -f conntrack -n 5; echo nonsense; } >text
	run -0 --separate-stderr cttop -b -r text
	[[ $stderr == *text:6:*"5 read, 1 not"* ]]
	echo nonsense >wrong
	run -2 cttop -b -r wrong
	terminal_start 100 24 cttop -r text
	shows '5 flows'
	shows 'text:6: .*1 could not be read'
	press q
	sane
}

@test "a replay pauses and steps on and back" {
	ctlist -w one.pcap -c >/dev/null
	sleep 1.2
	fill -n 20 -s 77 -p tcp4 -t 3000 2>/dev/null
	ctlist -w two.pcap -c >/dev/null
	fill -n 20 -s 77 -p tcp4 -t 3000 -d 2>/dev/null
	terminal_start 100 24 cttop -d 1 -r one.pcap -r two.pcap
	shows 'replay'
	shows 'table +40[0-9][0-9] flows'
	shows 'table +40[2-9][0-9] flows'
	press Space
	shows 'paused'
	press Left Left Left
	shows 'table +400[0-9] flows'
	press Right Right Right
	shows 'table +40[2-9][0-9] flows'
	press q
	sane
}
