# A CPU that goes away, on a machine of the tests' own with more than one.
load ../lib/common

setup() {
	need_kernel
	[ "${CT_OWN_KERNEL:-}" ] || skip "not in a machine of its own"
	cd "$BATS_TEST_TMPDIR"
	nft "table inet track { chain c { type filter hook output priority 0; ct state new counter; }; }"
}

# What CPUs counted stays in the kernel when they go: ctnetlink_ct_stat_cpu_dump() walks all that are possible.
@test "a CPU that goes away and comes back while it is watched: rows stay, nothing goes back" {
	local online=/sys/devices/system/cpu/cpu1/online

	[ -e "$online" ] || skip "no CPU that could go away"
	[ "$(<"$online")" -eq 1 ]
	taskset 2 fill -n 200 -t 3000 >/dev/null
	ctstats --per-cpu -j -i 1 -n 6 >stats 3>&- &
	cttop -v counters -j -d 1 -n 6 >screens 3>&- &
	sleep 2
	echo 0 >"$online"
	fill -n 100 -s 2 -t 3000 >/dev/null
	sleep 1.5
	echo 1 >"$online"
	taskset 2 fill -n 100 -s 3 -t 3000 >/dev/null
	wait
	jq -c '[.cpus[] | [.cpu, .insert]]' stats
	[ "$(wc -l <stats)" -eq 6 ]
	[ "$(wc -l <screens)" -eq 6 ]
	[ "$(jq -c '[.cpus[].cpu]' stats | sort -u | wc -l)" -eq 1 ]
	[ "$(jq '.cpus | length' stats | sort -u)" -ge 2 ]
	[ "$(jq -s '[.[].counters.insert.total] | . == sort and .[-1] > .[0]' stats)" = true ]
	[ "$(jq -s 'all(.[].counters[]; (.rate // 0) >= 0)' stats)" = true ]
	[ "$(jq -c '[.rows[].cpu]' screens | sort -u | wc -l)" -eq 1 ]
	[ -z "$(grep -hE '":-[0-9]' stats screens | cut -c 1-300 | tee /dev/stderr)" ]
}
