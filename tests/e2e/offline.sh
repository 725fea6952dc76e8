#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Once set up, `make` needs no network: a second run passes in a network namespace that holds
# nothing, and takes the setup's short way.
set -euo pipefail

skip() {
    echo "skipped: $*"
    exit 77
}

cd "$ARM_SOURCE_DIR"
[ "$ARM_BUILD_DIR" -ef build ] || skip "not the build folder that make uses: $ARM_BUILD_DIR"

if unshare -n true 2>/dev/null; then
    without_network=(unshare -n)
elif unshare -rn true 2>/dev/null; then
    without_network=(unshare -rn)
else
    skip "unshare -n is not allowed here, so a machine without a network cannot be played"
fi

# Only the loopback device, and that one down: nothing can be reached.
routes=$("${without_network[@]}" cat /proc/net/route | tail -n +2)
[ -z "$routes" ] || { echo "the namespace has a route: $routes" && exit 1; }

unset MAKEFLAGS MFLAGS MAKELEVEL
output=$("${without_network[@]}" make setup build 2>&1) || {
    printf '%s\n' "$output"
    echo "failed: make without a network"
    exit 1
}
printf '%s\n' "$output"
if grep -q '^setup:' <<<"$output"; then
    echo "failed: setup did its work again"
    exit 1
fi

start_ns=$(date +%s%N)
"${without_network[@]}" tools/setup
echo "tools/setup without a network: $((($(date +%s%N) - start_ns) / 1000000)) ms"
