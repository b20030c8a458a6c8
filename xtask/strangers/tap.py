"""Reads the four streams of PyPI `meltano-tap-circle-ci`, checks each record against the tap's own schema, and prints one line of
JSON for each stream.

usage: python tap.py ORGANIZATION_SLUG. Environment: CIRCLE_API_URL and CIRCLE_TOKEN.
"""

import contextlib
import io
import json
import os
import sys

from jsonschema import Draft7Validator, FormatChecker
from tap_circle_ci.tap import TapCircleCI

CONFIG = {
    "token": os.environ["CIRCLE_TOKEN"],
    "base_url": os.environ["CIRCLE_API_URL"] + "/v2",
    "org_slug": sys.argv[1],
}
out = io.StringIO()
failure = ""
try:
    with contextlib.redirect_stdout(out):
        TapCircleCI(config=CONFIG).sync_all()
except Exception as error:  # whatever it raises is the finding
    failure = f"{type(error).__name__}: {error}"

schemas, records = {}, {}
for line in out.getvalue().splitlines():
    entry = json.loads(line)
    if entry["type"] == "SCHEMA":
        schemas[entry["stream"]] = Draft7Validator(entry["schema"], format_checker=FormatChecker())
    elif entry["type"] == "RECORD":
        records.setdefault(entry["stream"], []).append(entry["record"])

for stream in ("pipelines", "workflows", "jobs", "contexts"):
    found = records.get(stream, [])
    wrong = [
        f"{'.'.join(map(str, error.path))}: {error.message}"
        for record in found
        for error in (schemas[stream].iter_errors(record) if stream in schemas else [])
    ]
    why = failure or (wrong[0] if wrong else "" if found else "no records")
    print(json.dumps({"call": f"{stream} ({len(found)} records)", "worked": not why, "why": why[:300]}))
