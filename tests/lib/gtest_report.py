#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts one GoogleTest program's cases: gtest_report.py PROGRAM XML RESULTS
EXIT_CODE.

Appends the names to RESULTS/{passed,failed,skipped} and prints one line for the
program and one for each case that failed or was skipped. A program that has no
case, died before it wrote its report, or failed after it (a leak, for one),
counts as one failure.
"""
import os
import sys
import xml.etree.ElementTree as ElementTree


def main():
    program, path, results, code = sys.argv[1:]
    name = os.path.basename(program)
    outcomes = {"passed": [], "failed": [], "skipped": []}
    try:
        root = ElementTree.parse(path).getroot()
        for case in root.iter("testcase"):
            full = f"{name}/{case.get('classname')}.{case.get('name')}"
            skipped = case.find("skipped")
            if case.find("failure") is not None:
                outcomes["failed"].append((full, ""))
            elif skipped is not None or case.get("result") == "skipped":
                reason = (skipped.get("message") or "") if skipped is not None else ""
                outcomes["skipped"].append((full, reason.strip().splitlines()[-1] if reason.strip() else ""))
            elif case.get("status") == "run":
                outcomes["passed"].append((full, ""))
        if not any(outcomes.values()):
            outcomes["failed"].append((name, "has no tests"))
    except (OSError, ElementTree.ParseError):
        outcomes["failed"].append((name, "ended without a report"))
    if code != "0" and not outcomes["failed"]:
        outcomes["failed"].append((name, f"exit {code} after its tests"))
    for outcome, cases in outcomes.items():
        with open(os.path.join(results, outcome), "a", encoding="utf-8") as file:
            file.writelines(f"{case}{': ' + reason if reason else ''}\n" for case, reason in cases)
    counts = ", ".join(f"{len(cases)} {outcome}" for outcome, cases in outcomes.items() if cases)
    print(f"  {name}: {counts}")
    for outcome in ("failed", "skipped"):
        for case, reason in outcomes[outcome]:
            print(f"    {outcome} {case}{': ' + reason if reason else ''}")


main()
