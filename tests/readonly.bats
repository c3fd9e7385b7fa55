# No command changes anything: every option of every command, traced over a table that is in use. What may
# be sent, opened and written is listed here; all else fails, so a new option is covered by being there.
load lib/common

setup_file() {
	need_kernel
	need strace
	empty_table
	sysctl -qw net.netfilter.nf_conntrack_acct=1
	fill -n 2000 -s 5 -t 5000 2>/dev/null
	fill -e 20 -s 77 2>/dev/null
	fill -p churn -n 200000 -r 1000 -t 100 2>/dev/null 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/churn"
	cd "$BATS_FILE_TMPDIR"
	ctlist -w saved -c
	settings >before
	table >table.before
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/churn" ] || kill "$(<"$BATS_FILE_TMPDIR/churn")" 2>/dev/null || true
	empty_table
}

setup() {
	not_under_valgrind "what it writes itself would be seen"
	need_kernel
	need strace
	export ASAN_OPTIONS=detect_leaks=0	# the leak checker of a sanitizer build cannot run where strace does
	cd "$BATS_FILE_TMPDIR"
	log=$BATS_TEST_TMPDIR/log
	written=$BATS_TEST_TMPDIR/written
}

# Everything that can be set in a namespace; the number of entries goes its own way. What belongs to the machine
# may be set by somebody else meanwhile: that we do not is in the trace.
settings() {
	grep -rs . /proc/sys/net/netfilter | grep -vE '/nf_conntrack_(count|max|buckets|expect_max):' | sort
}

# The entries that stay: what identifies them, and what a careless reader would set to zero or refresh.
# (Not their time left, but that is there: those of the churn live for seconds.)
table() {
	conntrack -L -o id 2>/dev/null | awk '$3 > 2000 { $3 = ""; print }' |
		sed 's/ use=[0-9]*//' | sort -u
}

# What could change anything, and what opens a way to.
calls=socket,connect,bind,sendto,sendmsg,sendmmsg,setsockopt,write,writev,pwrite64,pwritev,ioctl,execve,setns
calls+=,open,openat,openat2,creat,truncate,ftruncate,unlink,unlinkat,rename,renameat,renameat2,link,linkat
calls+=,symlink,symlinkat,mkdir,mkdirat,chmod,fchmodat,chown,mount,umount2
calls+=,init_module,finit_module,delete_module
# As i386 calls them.
calls+=,?send,?truncate64,?ftruncate64,?chown32

# traced COMMAND...: for a second at most. A command line that is refused would prove nothing, but where
# this kernel has no such table.
traced() {
	local status=0

	timeout 0.8 strace -f -qq -yy -s 64 -o "$log" -e trace="$calls" \
		"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
	[ -s "$log" ]
	case $status in
	0|1|124) return ;;
	esac
	! grep -q 'does not list' "$BATS_TEST_TMPDIR/err" || return 0
	echo "$* ends with $status:"
	cat "$BATS_TEST_TMPDIR/err"
	return 1
}

# none WHAT: what is left on stdin must be nothing.
none() {
	local bad

	bad=$(head -n 5 | cut -c 1-300)
	[ -z "$bad" ] || { echo "$1: $bad"; return 1; }
}

reading='nlmsg_type=NFNL_SUBSYS_CTNETLINK<<8\|IPCTNL_MSG_CT_GET(_STATS|_STATS_CPU|_DYING|_UNCONFIRMED)?,|nlmsg_type=NFNL_SUBSYS_CTNETLINK_EXP<<8\|IPCTNL_MSG_EXP_GET(_STATS_CPU)?,'

# only_reads [EXTRA]: EXTRA is a pattern of calls that this command may make besides.
only_reads() {
	local extra=${1:-^$}

	# Requests; a socket of netfilter cannot be written to in another way.
	grep -E '^[0-9]+ +(send|write|pwrite)[^(]*\([0-9]+<NETLINK' "$log" | grep -vE "$reading" |
		grep -vE "$extra" | none "sent to the kernel" || return
	# Other sockets: a pair of ours, and glibc asking nscd (refused by the filter).
	grep -E '^[0-9]+ +(send|connect|socket\()' "$log" | grep -vE 'NETLINK_NETFILTER|<NETLINK:\[NETFILTER|<UNIX' |
		grep -vE 'AF_UNIX' | grep -vE "$extra" | none "another socket" || return
	# Files: those that -w and the like name; the rest is read.
	grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC' "$log" | grep -vE "\"(/dev/null|/dev/tty|${written}[^/\"]*)\"|= -1" |
		grep -vE "$extra" | none "opened for writing" || return
	grep -E '^[0-9]+ +p?writev?(64)?\([0-9]+<(/proc|/sys)' "$log" | grep -vE "$extra" | none "written" || return
	grep -E '^[0-9]+ +(creat|truncate|unlink|rename|link|symlink|mkdir|chmod|fchmodat|chown|mount|umount2|init_module|finit_module|delete_module)' "$log" |
		grep -vE "$extra" | none "changed" || return
	grep -E '^[0-9]+ +execve' "$log" | tail -n +2 | none "started" || return
	# Options of sockets: sizes, groups, filters of our own. NETLINK_BROADCAST_ERROR and the like change
	# how the kernel treats others.
	grep -E '^[0-9]+ +setsockopt' "$log" | grep -vE 'SO_RCVBUF|SO_RCVBUFFORCE|SO_ATTACH_FILTER' |
		none "set" || return
	grep -E '^[0-9]+ +ioctl' "$log" | grep -vE 'TCGETS|TCSETS|TIOCGWINSZ|TCFLSH|SIOCGIFNAME|TIOCGPGRP' | none "ioctl" || return
	settings | diff before - || { echo "settings are different"; return 1; }
}

# Something fit for an argument called $1, of the values $2, of the option $3 of command $4. Several lines: each.
argument() {
	case $3:$1:$2 in
	--write:*) echo "$written" ;;
	--read:*) [ "$4" = ctstats ] && echo /proc/net/stat/nf_conntrack || echo saved ;;
	--sort:*) [ "$4" = ctcount ] && echo -count || { [ "$4" = cttop ] && echo -FLOWS || echo -timeout; } ;;
	--columns:*) [ "$4" = ctcount ] && echo count || echo +mark ;;
	--sum:*) echo bytes ;;
	*:NS:*) echo /proc/self/ns/net ;;
	*:*:FIELD*) [ "$3" = --by ] && echo proto || echo family ;;
	*:SEC:*) echo 0.3 ;;
	*:N:*) echo 2 ;;
	*:SIZE:*) echo 1M ;;
	*:VERSION:*) echo 5.10 ;;
	*=COUNTER*) echo insert_failed ;;
	*:*,*) tr , '\n' <<<"$2" ;;
	*) echo "no argument is known for $3 $1 of $4" >&2; return 1 ;;
	esac
}

# What has to stand beside an option, so that it is not refused; and what ends it.
beside() {
	case $1 in
	ctcount--samples=*) echo "--interval 0.3" ;;
	ctwatch--resync=*) echo "--track" ;;
	ctlist--limit=*) echo "--sort -timeout" ;;
	ctstats--interval=*) echo "-n 2" ;;
	ctstats--format=mdoc) echo "--explain" ;;
	cttop--batch=*|cttop--read=*) echo "--batch -n 1" ;;
	cttop*) echo "--batch -n 2 -d 0.3" ;;
	esac
}

# --list-options: option, letter, argument, values, help. Its empty columns would be lost to `read` with tabs.
every_option() {
	local command=$1 option name values arguments value count=0 words

	while IFS='|' read -r option _ name values _; do
		[ "$option" != --invalid ] || continue	# below
		arguments=
		[ -z "$name" ] || arguments=$(argument "$name" "$values" "$option" "$command")
		while read -r value; do
			read -r -a words <<<"$(beside "$command$option=$value")"
			case $name in
			'') words+=("$option") ;;
			\[*) words+=("$option=$value") ;;
			*) words+=("$option" "$value") ;;
			esac
			traced "$command" "${words[@]}"
			only_reads || { echo "in: $command ${words[*]}"; return 1; }
			[ ! -e "$written" ] || rm "$written"
			count=$((count + 1))
		done <<<"$arguments"
	done < <("$command" --list-options | tr '\t' '|')
	echo "$command: $count command lines" >&3
	[ "$count" -gt 10 ]
	same_table
}

# A dump is no snapshot: where others come and go, one that is there may be missing.
same_table() {
	for _ in 1 2 3 4 5; do
		table | diff table.before - >different && return
	done
	none "the table is different" <different
}

asked() {
	grep -q "IPCTNL_MSG_$1," "$log"
}

# What is caught: an entry made, all deleted, a counter read and set to zero, a sysctl and a file written.
@test "what is no reading is found" {
	local act

	for act in "conntrack -I -p udp -s 10.9.9.9 -d 10.9.9.8 --sport 9 --dport 9 -t 9" "conntrack -D -s 10.9.9.9" \
		"conntrack -L -z" "echo 0 >/proc/sys/net/netfilter/nf_conntrack_log_invalid" ": >$BATS_TEST_TMPDIR/other" \
		"/bin/true" "exec 3<>/dev/udp/127.0.0.1/9"; do
		traced bash -c "$act"
		run only_reads
		echo "$act: $output"
		[ "$status" -ne 0 ]
	done
}

@test "ctlist reads only, with every option" {
	every_option ctlist
	traced ctlist tcp dport 443 mark 0x10 unreplied
	asked CT_GET
	only_reads
	traced ctlist -t expect
	asked EXP_GET
}

@test "ctcount reads only, with every option" {
	every_option ctcount
	traced ctcount -i 0.3 -n 3
	asked CT_GET
	only_reads
}

@test "ctwatch reads only, with every option" {
	every_option ctwatch
	traced ctwatch --track --resync 0.3
	asked CT_GET
	only_reads
}

@test "ctstats reads only, with every option" {
	every_option ctstats
	traced ctstats --per-cpu --occupancy
	asked CT_GET_STATS_CPU
	asked EXP_GET_STATS_CPU
	asked CT_GET
	only_reads
}

@test "cttop reads only, with every option" {
	every_option cttop
	traced cttop -b -n 2 -d 0.3
	asked CT_GET
	only_reads
}

@test "cttop reads only, with every key" {
	local keys

	/usr/bin/python3 -c 'import pty' 2>/dev/null || skip "no python3"
	keys=$(cttop --list-keys | cut -f 1)
	[ "$(wc -l <<<"$keys")" -gt 30 ]
	# One after the other, as a terminal sends them; a prompt gets a word and Enter.
	written=screen
	timeout 60 /usr/bin/python3 "$ROOT/tests/lib/typist.py" "$written" <<<"$keys" \
		strace -f -qq -yy -s 64 -o "$log" -e trace="$calls" cttop -d 0.3
	asked CT_GET
	[ -s "$written" ]
	log_without_names
	only_reads
}

# The child that looks names up for `n` asks the system's resolver, as any program does; it has no capability.
log_without_names() {
	local child

	child=$(grep -E 'connect\(.*(nscd|:53|AF_INET)' "$log" | awk '{ print $1; exit }')
	[ -z "$child" ] || { grep -v "^$child " "$log" >"$log.rest"; mv "$log.rest" "$log"; }
}

@test "ctwatch --invalid sets the three switches that it documents, and puts them back" {
	traced ctwatch --invalid --duration 0.5
	grep -E 'write\([0-9]+<(/proc|/sys)' "$log" | sed -E 's/.*<([^>]*)>.*/\1/' | sort -u |
		diff - <(printf '/proc/sys/net/netfilter/%s\n' nf_conntrack_log_invalid nf_log/10 nf_log/2)
	only_reads '/proc/sys/net/netfilter/nf_(conntrack_log_invalid|log[/.]2|log[/.]10)[>"]|NFNL_SUBSYS_ULOG<<8\|NFULNL_MSG_CONFIG|AF_INET, SOCK_DGRAM'
}

@test "the filter is on before the first byte is parsed: one request, then no other" {
	traced ctlist -j
	[ "$(grep -c '^[0-9]* *send' "$log")" -eq 1 ]
}
