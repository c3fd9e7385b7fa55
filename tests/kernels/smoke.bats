# ctscope on one kernel, in a few seconds: the first tests that a virtual machine of tests/kernels/run runs.
load ../lib/common

@test "conntrack and what it needs is there" {
	need_kernel
	nft add table inet t
}

@test "a thousand flows are listed" {
	fill -n 1000 -o "$BATS_TEST_TMPDIR/record"
	[ "$(ctlist -c)" -eq 1000 ]
}
