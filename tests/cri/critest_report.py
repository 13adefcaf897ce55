#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""critest_report.py JUNIT [focus]: judges one run of critest.

Prints a line for each spec that ran, then the counts. Fails if a spec failed or
skipped itself, or if, without a focus, not every spec of critest v1.36.0 is
accounted for.
"""
import re
import sys
import xml.etree.ElementTree

# Kernels without AppArmor cannot run its specs, and no other image has the
# digest that one spec names.
CANNOT_RUN = re.compile("AppArmor|public image with digest")
SPECS, RUNNABLE = 117, 107


def outcome(case):
    """passed, failed, skipped (by itself) or unselected, and why."""
    for tag in ("failure", "error"):
        found = case.find(tag)
        if found is not None:
            return "failed", (found.get("message") or "").strip()
    skipped = case.find("skipped")
    if skipped is None:
        return "passed", ""
    reason = (skipped.get("message") or "skipped")
    return ("unselected", "") if reason == "skipped" else ("skipped", reason.replace("skipped - ", ""))


def main():
    junit, focus = sys.argv[1], len(sys.argv) > 2
    seen, wrong = {"passed": 0, "failed": 0, "skipped": 0, "unselected": 0}, []
    cannot_run = 0
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        if not case.get("name").startswith("[It] ") or "benchmark" in case.get("name"):
            continue
        name = case.get("name")[5:].replace("[k8s.io] ", "")
        result, why = outcome(case)
        if CANNOT_RUN.search(name) and result in ("skipped", "unselected"):
            cannot_run += 1
            continue
        seen[result] += 1
        if result == "unselected":
            continue
        print(f"  {result:7} {float(case.get('time')):6.1f} s  {name}")
        if result != "passed":
            wrong.append(f"{result}: {name}: {why.splitlines()[0] if why else ''}")
    print(f"  {seen['passed']} passed, {seen['failed']} failed, {seen['skipped']} skipped "
          f"of {RUNNABLE}; {cannot_run} cannot run on this host")
    total = sum(seen.values()) + cannot_run
    if not focus and (total != SPECS or sum(seen.values()) - seen["unselected"] != RUNNABLE):
        wrong.append(f"{total} specs instead of {SPECS}, {RUNNABLE - sum(seen.values()) + seen['unselected']} too few ran")
    for line in wrong:
        print("error: " + line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
