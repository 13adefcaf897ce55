#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory.py KUBECONFIG OURS PEER CGROUP_OF_OURS CGROUP_OF_PEER: private memory of a node.

At 1, 10, 50 and 110 pods: the daemons' private memory, and what each pod adds
in helper processes (holders here, shims and pause processes there). The
workload's own processes do not count. Prints a Markdown table.
"""
import os
import re
import sys
import time

import api as k

DAEMONS = ("coracle", "kubelet", "containerd")


def processes(cgroup):
    for folder, _, files in os.walk(cgroup):
        if "cgroup.procs" in files:
            for pid in open(os.path.join(folder, "cgroup.procs"), encoding="utf-8").read().split():
                yield pid


def private_kib(pid):
    try:
        text = open(f"/proc/{pid}/smaps_rollup", encoding="utf-8").read()
    except OSError:
        return 0
    return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M))


def measure(cgroup):
    daemon = helpers = 0
    for pid in set(processes(cgroup)):
        try:
            words = open(f"/proc/{pid}/cmdline", encoding="utf-8").read().split("\0")
        except OSError:
            continue
        name = os.path.basename(words[0])
        if name in DAEMONS or (name.startswith("coracle-oci") and "hold" not in " ".join(words)):
            daemon += private_kib(pid)
        elif name.startswith(("containerd-shim", "coracle-oci")):
            helpers += private_kib(pid)
        elif name == "pause" and "kubepods" in open(f"/proc/{pid}/cgroup", encoding="utf-8").read():
            continue  # the workload of this benchmark, and the peer's sandbox
    return daemon, helpers


def main():
    config, ours, peer, *cgroups = sys.argv[1:6]
    api = k.Api(config)
    namespace = f"memory-{int(time.time())}"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    pods = f"/api/v1/namespaces/{namespace}/pods"
    time.sleep(2)
    watch = k.Watch(api, namespace)
    rows, have = [], 0
    for count in (1, 10, 50, 110):
        names = []
        for index in range(have, count):
            for node in (ours, peer):
                names.append(f"{node}-{index}")
                api.call("POST", pods, k.pod(names[-1], node, grace=0))
        have = count
        watch.wait(watch.ready, names)
        time.sleep(20)  # let both sides settle
        a, b = measure(cgroups[0]), measure(cgroups[1])
        rows.append((count, a[0] / 1024, b[0] / 1024, a[1] / count, b[1] / count))
    for name in list(watch.ready):
        api.call("DELETE", f"{pods}/{name}", {"gracePeriodSeconds": 0})
    watch.wait(watch.gone, list(watch.ready))
    api.call("DELETE", f"/api/v1/namespaces/{namespace}")
    print("| pods | daemons: Coracle | kubelet + containerd | ratio | per pod: Coracle | shim | ratio |\n|---|---|---|---|---|---|---|")
    for count, a, b, c, d in rows:
        print(f"| {count} | {a:.1f} MiB | {b:.1f} MiB | {a / b:.2f} | {c:.0f} KiB | {d:.0f} KiB | {c / d:.2f} |")


main()
