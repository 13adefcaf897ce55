# SPDX-License-Identifier: Apache-2.0
"""A small client of the test cluster's API server: create, delete and watch pods."""
import base64
import http.client
import json
import re
import ssl
import tempfile
import threading
import time
import urllib.parse


class Api:
    def __init__(self, kubeconfig):
        text = open(kubeconfig, encoding="utf-8").read()
        field = lambda name: re.search(name + r": (\S+)", text).group(1)
        self.address = urllib.parse.urlparse(field("server"))
        self.tls = ssl.create_default_context(cadata=base64.b64decode(field("certificate-authority-data")).decode())
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(field("client-certificate-data")) + base64.b64decode(field("client-key-data")))
            pair.flush()
            self.tls.load_cert_chain(pair.name)
        self.connection = self.connect()

    def connect(self):
        return http.client.HTTPSConnection(self.address.hostname, self.address.port, context=self.tls, timeout=300)

    def call(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        document = json.loads(answer.read())
        if answer.status >= 300 and not (method == "DELETE" and answer.status == 404):
            raise RuntimeError(f"{method} {path}: {document.get('message')}")
        return document


class Watch:
    """When each pod of a namespace first was Running, Ready and gone (monotonic seconds)."""

    def __init__(self, api, namespace):
        self.running, self.ready, self.gone = {}, {}, {}
        self.changed = threading.Condition()
        version = api.call("GET", f"/api/v1/namespaces/{namespace}/pods")["metadata"]["resourceVersion"]
        connection = api.connect()
        connection.request("GET", f"/api/v1/namespaces/{namespace}/pods?watch=1&resourceVersion={version}")
        threading.Thread(target=self._read, args=(connection.getresponse(),), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            now = time.monotonic()
            event = json.loads(line)
            pod = event["object"]
            name = pod["metadata"]["name"]
            conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", [])}
            with self.changed:
                if event["type"] == "DELETED":
                    self.gone[name] = now
                elif pod.get("status", {}).get("phase") == "Running":
                    self.running.setdefault(name, now)
                    if conditions.get("Ready") == "True":
                        self.ready.setdefault(name, now)
                self.changed.notify_all()

    def wait(self, table, names, seconds=300):
        with self.changed:
            if not self.changed.wait_for(lambda: all(n in table for n in names), seconds):
                raise RuntimeError(f"{sum(n not in table for n in names)} of {len(names)} pods not there after {seconds} s")


def pod(name, node, image="registry.k8s.io/pause:3.10.2", grace=1):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": grace,
                     "containers": [{"name": "c", "image": image, "imagePullPolicy": "IfNotPresent"}]}}


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(p / 100 * (len(ordered) - 1)))]
