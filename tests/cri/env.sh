# SPDX-License-Identifier: Apache-2.0
# One CRI server of its own: directories, bridge, registry. Sourced by the tests
# of this folder; all of it is removed when the test ends, however it ends.
# CORACLE_CRI names another program that takes `cri --listen …` to test,
# CORACLE_TEST_DIR another place for the directories than /tmp.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
need_root

CRICTL=$BIN/crictl
[ -x "$CRICTL" ] || { "$TOP/tests/tools/build" crictl; }
SERVER=${CORACLE_CRI:-$BUILD/coracle}
LAUNCHER=${CORACLE_OCI:-$BUILD/coracle-oci}
for program in "$SERVER" "$LAUNCHER"; do
  [ -x "$program" ] || { echo "$program is not built"; exit 77; }
done

W=$(mktemp -d "${CORACLE_TEST_DIR:-/tmp}/ccri-XXXXXX")
AT=$W  # where the server has its directories
SOCKET=unix://$W/state/cri.sock
NET=$((RANDOM % 200 + 20))
POD_CIDR=10.$NET.0.0/24
BRIDGE=ccri$NET
BUSYBOX=registry.k8s.io/e2e-test-images/busybox:1.37.0-1
server_pid=
registry_pid=
SERVER_PREFIX=()  # what runs the server, as nsenter
SERVER_FLAGS=()   # further flags of it

crictl() { "$CRICTL" -c "$W/crictl.yaml" "$@"; }

# start_server: returns when it answers.
start_server() {
  "${SERVER_PREFIX[@]}" "$SERVER" cri --listen "$SOCKET" --root "$AT/root" --state "$AT/state" \
    --registry-config-dir "$W/certs.d" --pod-cidr "$POD_CIDR" \
    --bridge "$BRIDGE" --launcher "$LAUNCHER" "${SERVER_FLAGS[@]}" >>"$W/log" 2>&1 &
  server_pid=$!
  wait_for 10 "the CRI server" crictl version
}

# end_server [SIGNAL]
end_server() {
  kill "-${1:-TERM}" "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

# What a test has to undo before the rest goes, and after it: for it to define.
clean_up_first() { :; }
clean_up_more() { :; }

clean_up() {
  local rc=$?
  [ $rc = 0 ] || [ $rc = 77 ] || [ ! -e "$W/log" ] || { note "log of the server:"; tail -n 40 "$W/log" >&2; }
  clean_up_first
  if [ -n "$server_pid" ]; then
    crictl rmp -fa >/dev/null 2>&1 || true
    end_server
  fi
  # The launcher outlives the daemon; its command line names our directory.
  local launcher
  for launcher in $(grep -lsaF "$AT/state" /proc/[0-9]*/cmdline | cut -d/ -f3); do
    [[ "$(tr "\0" " " 2>/dev/null <"/proc/$launcher/cmdline")" != coracle-oci* ]] || kill "$launcher"
  done
  [ -z "$registry_pid" ] || kill "$registry_pid"
  ip link del "$BRIDGE" 2>/dev/null || true
  nft delete table inet "coracle-$BRIDGE" 2>/dev/null || true
  clean_up_more
  rm -rf "$W"
  exit $rc
}
trap clean_up EXIT

# The registry with the look-alike images, as mirror of the upstream hosts; none
# where the image is in an archive.
start_registry() {
  local store port host
  [ -z "${CORACLE_TEST_ARCHIVE:-}" ] || return 0
  store=$("$TOP/tests/images/build")
  port=$((RANDOM % 10000 + 20000))
  cat >"$W/registry.yml" <<Y
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $store}}
http: {addr: "127.0.0.1:$port"}
Y
  docker-registry serve "$W/registry.yml" >"$W/registry.log" 2>&1 &
  registry_pid=$!
  wait_for 10 "the registry" curl -fs "http://127.0.0.1:$port/v2/"
  for host in registry.k8s.io k8s.gcr.io gcr.io public.ecr.aws docker.io; do
    mkdir -p "$W/certs.d/$host"
    cat >"$W/certs.d/$host/hosts.toml" <<T
server = "https://$host"
[host."http://127.0.0.1:$port"]
  capabilities = ["pull", "resolve"]
T
  done
}

# busybox_archive FILE: writes BUSYBOX of the registry to an archive.
busybox_archive() {
  skopeo copy -q --src-tls-verify=false "docker://$(sed -n 's|^.host."http://\(.*\)".$|\1|p' "$W/certs.d/registry.k8s.io/hosts.toml")/${BUSYBOX#*/}" "oci-archive:$1:$BUSYBOX"
}
# take_busybox: puts BUSYBOX into the running server's store.
take_busybox() {
  if [ -z "${CORACLE_TEST_ARCHIVE:-}" ]; then crictl pull "$BUSYBOX"
  else "$SERVER" image import --cri-socket "$SOCKET" "$CORACLE_TEST_ARCHIVE"; fi >/dev/null
}

cat >"$W/crictl.yaml" <<Y
runtime-endpoint: $SOCKET
image-endpoint: $SOCKET
timeout: $((30 * ${CORACLE_TEST_SLOWER:-1}))
Y

# pod NAME [JSON]: writes a pod config, prints its path. JSON is merged in.
pod() {
  jq -n --arg n "$1" --arg logs "$W/logs/$1" --argjson more "${2:-{\}}" \
    '{metadata: {name: $n, namespace: "default", uid: ("uid-" + $n)},
      hostname: $n, log_directory: $logs, labels: {app: $n},
      dns_config: {servers: ["192.0.2.53"]}, linux: {cgroup_parent: "/coracle"}} * $more' >"$W/pod-$1.json"
  echo "$W/pod-$1.json"
}

# container NAME SCRIPT [JSON]: the same for a busybox container.
container() {
  jq -n --arg n "$1" --arg s "$2" --arg image "$BUSYBOX" --argjson more "${3:-{\}}" \
    '{metadata: {name: $n}, image: {image: $image}, command: ["sh", "-c", $s],
      log_path: ($n + ".log"), labels: {name: $n}, linux: {}} * $more' >"$W/ctr-$1.json"
  echo "$W/ctr-$1.json"
}

# contents: inside a box (tests/lib/box.sh), what it and the server's directories
# hold, for a diff. Images go first; caches do not count, nor does the parent of
# all pods' cgroups, which may be kept.
contents() {
  local end=$((SECONDS + 5))
  crictl rmi -a >/dev/null 2>&1 || true
  # What is removed goes by and by.
  while [ $SECONDS -lt $end ] && [ -n "$(find "$W"/root/{,images/}trash -mindepth 1 -print -quit 2>/dev/null)" ]; do sleep 0.1; done
  box_contents >"$W/contents"
  grep -v '^cgroup .*/coracle$' "$W/contents"
  { find "$W/root" "$W/state" -name seccomp -prune -o -print || true; } 2>/dev/null |
    sort | sed 's/^/file /'
}
# expect_contents FILE: soon they are what they were when FILE was made of them;
# otherwise it prints the difference and fails.
expect_contents() {
  local end=$((SECONDS + 10))
  while :; do
    contents >"$W/now"
    ! cmp -s "$1" "$W/now" || return 0
    [ $SECONDS -lt $end ] || break
    sleep 0.1
  done
  echo "error: left behind:"
  diff "$1" "$W/now"
}

# expect WHAT WANTED GOT: equal, or the test fails.
expect() {
  [ "$2" = "$3" ] || die "$1: expected \"$2\", got \"$3\""
  note "ok: $1"
}
# expect_match WHAT PATTERN GOT: an extended regular expression is found in it.
expect_match() {
  grep -qE -- "$2" <<<"$3" || die "$1: expected /$2/, got \"$3\""
  note "ok: $1"
}
# fails COMMAND…: its output, without crictl's escapes, if it fails as it should.
fails() {
  local output
  ! output=$("$@" 2>&1) || die "$*: should have failed, said: $output"
  sed 's/\\"/"/g' <<<"$output"
}
state_of() { crictl inspect "$1" | jq -r .status.state; }
wait_exit() { wait_for 20 "exit of $1" sh -c "[ \"\$('$CRICTL' -c '$W/crictl.yaml' inspect $1 | jq -r .status.state)\" = CONTAINER_EXITED ]"; }

# expect_metrics POD: it and its containers have values of every family, with as
# many labels as the family is said to have. Leaves $W/descs and $W/metrics.
expect_metrics() {
  crictl metricdescs >"$W/descs"
  crictl metricsp >"$W/metrics"
  expect "at least 45 families" true "$(jq '.descriptors | length >= 45' "$W/descs")"
  expect "every family has values, with as many labels" "" "$(jq -r --slurpfile m "$W/metrics" --arg pod "$1" '
    [$m[0].podMetrics[] | select(.podSandboxId == $pod) | .metrics[], .containerMetrics[].metrics[]] as $have
    | .descriptors[] as $d
    | [$have[] | select(.name == $d.name) | .labelValues | length] as $found
    | select(($found | length) == 0 or ($found | any(. != ($d.labelKeys | length)))) | $d.name' "$W/descs")"
}
