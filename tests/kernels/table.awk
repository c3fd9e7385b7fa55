# Makes the table of tests/kernels/run from one TAP file for each kernel, given in the order of `heads`.
function cell(row, value) {
	if (!(row in seen)) {
		seen[row] = 1
		rows[++count] = row
		if (length(row) > wide)
			wide = length(row)
	}
	cells[row, kernel] = value
}

function end_of_file() {
	if (part != "" && part !~ /^kernels/)
		cell("`" part ".bats`", passed " ok" (failed ? ", **" failed " failed**" : "") \
			(skipped ? ", " skipped " skipped" : ""))
	part = ""
	passed = failed = skipped = 0
}

function word(line) {
	sub(/^(not )?ok [0-9]+ /, "", line)
	sub(/( in [0-9]+ms)?( # skip.*)?$/, "", line)
	return line
}

FNR == 1 { end_of_file(); kernel++ }
/^skipped/ { missing[kernel] = 1 }
/^# file / { end_of_file(); part = $3 }
/^# fact / {
	value = row = substr($0, 8)
	sub(/ = .*/, "", row)
	sub(/.* = +/, "", value)
	cell(row, value)
}
/^ok .*# skip/ { if (part ~ /^kernels/) cell(word($0), "skipped"); skipped++; next }
/^ok / { if (part ~ /^kernels/) cell(word($0), "ok"); passed++ }
/^not ok / {
	if (part ~ /^kernels/ || $3 == 0)
		cell(word($0), "**failed**")
	failed++
}
/^# took / { cell("seconds, with making the image", $3) }

END {
	end_of_file()
	n = split(heads, head, " ")
	printf "| %-" wide "s |", "kernel"
	for (k = 1; k <= n; k++)
		printf " %-10s |", head[k]
	print ""
	printf "| --- |"
	for (k = 1; k <= n; k++)
		printf " --- |"
	print ""
	for (i = 1; i <= count; i++) {
		printf "| %-" wide "s |", rows[i]
		for (k = 1; k <= n; k++) {
			value = cells[rows[i], k]
			printf " %-10s |", value != "" ? value : missing[k] ? "skipped" : "-"
		}
		print ""
	}
}
