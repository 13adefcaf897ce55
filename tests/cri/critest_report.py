#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""critest_report.py JUNIT EXIT_CODE [LEAST]: judges one run of critest.

Prints a line for each spec that ran, then the counts. Fails if a spec failed or
skipped itself, if critest failed with no spec to blame (a node of BeforeSuite, a
leak that it found at its end), or if not every spec of critest v1.36.0 is
accounted for; with LEAST, for a run with a focus, if fewer than that passed.
"""
import re
import sys
import xml.etree.ElementTree

# No other image has the digest that one spec names, and kernels without AppArmor
# cannot run its specs.
DIGEST, APPARMOR = "public image with digest", "AppArmor"
SPECS, CANNOT_RUN = 117, {DIGEST: 1, APPARMOR: 9}


def out_of_reach():
    """What cannot run on this host: {part of the specs' names: how many they are}."""
    try:
        # As critest asks.
        with open("/sys/module/apparmor/parameters/enabled", encoding="utf-8") as file:
            apparmor = file.read().startswith("Y")
    except OSError:
        apparmor = False
    return {name: count for name, count in CANNOT_RUN.items() if name == DIGEST or not apparmor}


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
    junit, code, least = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None
    seen, wrong = {"passed": 0, "failed": 0, "skipped": 0, "unselected": 0}, []
    unable, cannot_run = out_of_reach(), 0
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        if not case.get("name").startswith("[It] ") or "benchmark" in case.get("name"):
            continue
        name = case.get("name")[5:].replace("[k8s.io] ", "")
        result, why = outcome(case)
        if result in ("skipped", "unselected") and re.search("|".join(unable), name):
            cannot_run += 1
            continue
        seen[result] += 1
        if result == "unselected":
            continue
        print(f"  {result:7} {float(case.get('time')):6.1f} s  {name}")
        if result != "passed":
            wrong.append(f"{result}: {name}: {why.splitlines()[0] if why else ''}")
    wanted = SPECS - sum(unable.values())
    print(f"  {seen['passed']} passed, {seen['failed']} failed, {seen['skipped']} skipped "
          f"of {wanted}; {cannot_run} cannot run on this host")
    ran, total = sum(seen.values()) - seen["unselected"], sum(seen.values()) + cannot_run
    if least is None and (total != SPECS or ran != wanted):
        wrong.append(f"{total} specs instead of {SPECS}, {ran} ran instead of {wanted}")
    if least is not None and seen["passed"] < least:
        wrong.append(f"{seen['passed']} specs passed, at least {least} should")
    if code and not wrong:
        wrong.append(f"critest ended with {code}, though no spec failed")
    for line in wrong:
        print("error: " + line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
