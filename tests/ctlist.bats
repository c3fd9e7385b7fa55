# ctlist on the live table.
load lib/common

@test "every flow that was made is listed" {
	need_kernel
	fill -n 500 -o "$BATS_TEST_TMPDIR/record" 2>/dev/null
	[ "$(ctlist -c)" -eq "$(wc -l <"$BATS_TEST_TMPDIR/record")" ]
	[ "$(ctlist -j | jq -s length)" -eq "$(ctlist -c)" ]
	empty_table
}
