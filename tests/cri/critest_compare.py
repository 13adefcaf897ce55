#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""critest_compare.py OURS PEER OURS_SECONDS PEER_SECONDS: two JUnit reports of
critest that ran side by side, and how long each run took.

Prints how long each took for the specs that passed on both (what fails may
have waited for a timeout) and for all, and fails if ours took longer for one of
the two, or if too few passed for a comparison.
"""
import sys
import xml.etree.ElementTree

from critest_report import SPECS, out_of_reach, outcome

# The peer passes all that can run, but for a few on a busy machine.
LEAST_IN_COMMON = 90


def passed(path):
    """{spec: seconds}."""
    return {case.get("name"): float(case.get("time"))
            for case in xml.etree.ElementTree.parse(path).iter("testcase")
            if case.get("name").startswith("[It] ") and outcome(case)[0] == "passed"}


def main():
    ours, peer = (passed(path) for path in sys.argv[1:3])
    both = ours.keys() & peer.keys()
    seconds = [sum(times[name] for name in both) for times in (ours, peer)]
    print(f"critest, {len(both)} specs that pass on both: coracle {seconds[0]:.1f} s, containerd {seconds[1]:.1f} s "
          f"(passed: {len(ours)} and {len(peer)})")
    whole = [float(argument) for argument in sys.argv[3:5]]
    print(f"critest from its start to its end: coracle {whole[0]:.1f} s, containerd {whole[1]:.1f} s")
    wanted = SPECS - sum(out_of_reach().values())
    if len(ours) < wanted or len(both) < LEAST_IN_COMMON:
        print(f"error: of {wanted} specs {len(ours)} passed on coracle and {len(both)} on both; "
              f"all should, and {LEAST_IN_COMMON} on both")
        return 1
    if seconds[0] >= seconds[1]:
        print("coracle took longer; the slowest against containerd:")
        for name in sorted(both, key=lambda name: peer[name] - ours[name])[:10]:
            print(f"  {ours[name]:.1f} s against {peer[name]:.1f} s: {name}")
        return 1
    if whole[0] >= whole[1]:
        print("error: the whole run took longer on coracle")
        return 1
    return 0


sys.exit(main())
