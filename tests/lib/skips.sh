# SPDX-License-Identifier: Apache-2.0
# What programs of GoogleTest left out. Sourced.

# expect_ran FILE PROGRAMS [PATTERN]: FILE, the output of so many programs, says
# that each passed tests, and skipped those alone for whose reason the extended
# regular expression stands.
expect_ran() {
  local text passed skipped reasons
  text=$(tr -d '\0' <"$1" | LC_ALL=C sed 's/\x1b\[[0-9;]*m//g')  # a console gets colours
  passed=$(grep -acE 'PASSED  \] [1-9]' <<<"$text" || true)
  [ "$passed" = "$2" ] || die "$passed of $2 programs say that they passed tests"
  # A program tells each reason on a line of its own, and in the end the number.
  skipped=$({ grep -aoE 'SKIPPED \] [0-9]+ tests?' <<<"$text" || true; } | awk '{ n += $3 } END { print n + 0 }')
  reasons=$(grep -acE ': Skipped$' <<<"$text" || true)
  [ "$skipped" -le "$reasons" ] || die "$skipped tests were skipped, $reasons of them for a reason"
  reasons=$(awk 'told { print "  " $0; told = 0 } /: Skipped$/ { told = 1 }' <<<"$text" | grep -avE -- "${3:-^$}" || true)
  [ -z "$reasons" ] || die "tests were skipped:$reasons"
}
