#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pod_start.py KUBECONFIG OURS PEER [ROUNDS]: time from pod object to Ready.

One pod at a time, the two nodes in turn (A B B A …), then bursts of 50 and the
removal of 20, all on the same control plane. Prints a Markdown table.
"""
import sys
import time

import api as k


def main():
    config, ours, peer = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    api = k.Api(config)
    namespace = f"bench-{int(time.time())}"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    pods = f"/api/v1/namespaces/{namespace}/pods"
    while True:  # the default service account follows a moment later
        try:
            api.call("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
            break
        except RuntimeError:
            time.sleep(0.1)
    watch = k.Watch(api, namespace)
    single = {ours: [], peer: []}
    counter = 0

    def run(node, count):
        nonlocal counter
        names = []
        start = time.monotonic()
        for _ in range(count):
            counter += 1
            names.append(f"p{counter}")
            api.call("POST", pods, k.pod(names[-1], node))
        watch.wait(watch.ready, names)
        return names, start, max(watch.ready[n] for n in names) - start

    def remove(names):
        start = time.monotonic()
        for name in names:
            api.call("DELETE", f"{pods}/{name}", {"gracePeriodSeconds": 1})
        watch.wait(watch.gone, names)
        return max(watch.gone[n] for n in names) - start

    for turn in range(-2, rounds):  # two warm-ups
        for node in ((ours, peer) if turn % 2 else (peer, ours)):
            names, _, took = run(node, 1)
            if turn >= 0:
                single[node].append(took)
            remove(names)
    bursts, removals = {ours: [], peer: []}, {ours: [], peer: []}
    for turn in range(3):
        for node in ((ours, peer) if turn % 2 else (peer, ours)):
            names, _, took = run(node, 50)
            bursts[node].append(took)
            removals[node].append(remove(names[:20]))
            remove(names[20:])
    api.call("DELETE", f"/api/v1/namespaces/{namespace}")

    print("| figure | Coracle | kubelet + containerd | ratio |\n|---|---|---|---|")

    def row(text, a, b):
        print(f"| {text} | {a * 1000:.0f} ms | {b * 1000:.0f} ms | {a / b:.2f} |")

    for p in (50, 90, 99):
        row(f"pod object to Ready, one at a time, p{p}", k.percentile(single[ours], p), k.percentile(single[peer], p))
    row("burst of 50 pods, all Ready, median of 3", k.percentile(bursts[ours], 50), k.percentile(bursts[peer], 50))
    row("20 pods deleted (grace 1 s), all gone, median of 3", k.percentile(removals[ours], 50), k.percentile(removals[peer], 50))


main()
