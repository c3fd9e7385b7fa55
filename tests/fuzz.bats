#!/usr/bin/env bats
# What the fuzz targets were given first, and what they broke on once, goes through all of them again.

load lib/common

replay() {
	cd "$ROOT"
	"$BUILD/replay/$1" tests/fuzz/corpus/"$1"/* $(find "tests/fuzz/found/$1" -type f 2>/dev/null)
}

@test "fuzz: netlink messages" { replay flow; }
@test "fuzz: filters" { replay filter; }
@test "fuzz: lines of conntrack" { replay text; }
@test "fuzz: lines of JSON" { replay json; }
@test "fuzz: saved files" { replay savefile; }
@test "fuzz: logged packets" { replay packet; }
@test "fuzz: saved counters" { replay stats; }
@test "fuzz: messages of counters" { replay counters; }
@test "fuzz: options" { replay options; }
@test "fuzz: keys of cttop" { replay keys; }
@test "fuzz: our decoder and the library's" { replay peer; }

@test "no target is left out" {
	for file in "$ROOT"/tests/fuzz/*.c; do
		grep -q "replay $(basename "$file" .c);" "$BATS_TEST_FILENAME"
	done
}
