#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs root directories into OCI layouts: oci.py WORK OUT.

Writes OUT/<layout> directories and OUT/names, one line an image: the layout,
then "repository:tag" as the upstream registries name it (hosts left out: one
registry serves them all as a mirror).
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image."
ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


def layer(root, extra):
    """A reproducible tar of the directory `root` (or None), then {path: (content, mode)}."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder, dirs, files in os.walk(root) if root else ():
            dirs.sort()
            for name in sorted(dirs + files):
                path = os.path.join(folder, name)
                if name in dirs and os.path.islink(path):
                    continue
                info = tar.gettarinfo(path, os.path.relpath(path, root))
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                if info.isreg():
                    with open(path, "rb") as data:
                        tar.addfile(info, data)
                else:
                    tar.addfile(info)
        for path, (content, mode) in sorted(extra.items()):
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return plain.getvalue()


class Packer:
    def __init__(self, out):
        self.out = out
        self.names = []
        self.roots = {}

    def blob(self, layout, kind, data):
        digest = hashlib.sha256(data).hexdigest()
        folder = os.path.join(self.out, layout, "blobs/sha256")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, digest), "wb") as file:
            file.write(data)
        return {"mediaType": OCI + kind, "digest": "sha256:" + digest, "size": len(data)}

    def layers(self, root, extra):
        """[(tar's digest, tar+gzip)]: one layer for `root`, packed once, one for `extra`."""
        def pack(tar):
            return "sha256:" + hashlib.sha256(tar).hexdigest(), gzip.compress(tar, 6, mtime=0)
        if root not in self.roots:
            self.roots[root] = pack(layer(root, {}))
        return [self.roots[root]] + ([pack(layer(None, extra))] if extra else [])

    def manifest(self, layout, layers, config, architecture="amd64"):
        document = {
            "architecture": architecture, "os": "linux", "config": dict({"Env": ENV}, **config),
            "created": "2026-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [digest for digest, _ in layers]},
            "history": [{"created_by": "coracle tests " + layout} for _ in layers],
        }
        manifest = {
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": self.blob(layout, "config.v1+json", json.dumps(document).encode()),
            "layers": [self.blob(layout, "layer.v1.tar+gzip", packed) for _, packed in layers],
        }
        return dict(self.blob(layout, "manifest.v1+json", json.dumps(manifest).encode()),
                    platform={"architecture": architecture, "os": "linux"})

    def image(self, layout, root, names, config=None, extra=None, index=False):
        """One image under `names`; with `index`, behind an index that has a second architecture."""
        entry = self.manifest(layout, self.layers(root, extra or {}), config or {})
        if index:
            other = self.manifest(layout, self.layers(root, {"other": ("", 0o644)}), config or {}, "arm64")
            document = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [other, entry]}
            entry = self.blob(layout, "index.v1+json", json.dumps(document).encode())
        with open(os.path.join(self.out, layout, "index.json"), "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [entry]}, file)
        with open(os.path.join(self.out, layout, "oci-layout"), "w", encoding="utf-8") as file:
            json.dump({"imageLayoutVersion": "1.0.0"}, file)
        self.names += [(layout, name) for name in names]


def program(work, name):
    with open(os.path.join(work, "programs", name), "rb") as file:
        return file.read()


def critest_images(p, work, busybox):
    """What critest pulls; each image has a digest of its own, or tags would merge."""
    shell, mark = {"Cmd": ["sh"]}, lambda name: {name: ("", 0o644)}
    e2e, staging = "e2e-test-images/", "k8s-staging-cri-tools/"
    p.image("pause-3.9", os.path.join(work, "pause"), ["pause:3.9"], {"Entrypoint": ["/pause"]}, mark("pause-3.9"))
    nginx = {"usr/sbin/nginx": (program(work, "nginx"), 0o755)}
    p.image("nginx", busybox, [e2e + "nginx:1.14-2"],
            {"Entrypoint": ["/usr/sbin/nginx"], "ExposedPorts": {"80/tcp": {}}}, nginx)
    p.image("hostnet-nginx", busybox, [staging + "hostnet-nginx-amd64:latest"],
            {"Entrypoint": ["/usr/sbin/nginx", "12003"], "ExposedPorts": {"12003/tcp": {}}}, nginx)
    start = "#!/bin/sh\necho httpd starts\nexec httpd -f -p 80 -h /www\n"
    p.image("httpd", busybox, [e2e + "httpd:2.4.39-4"], {"Entrypoint": ["/start"], "ExposedPorts": {"80/tcp": {}}},
            {"start": (start, 0o755), "www/index.html": ("It works\n", 0o644)}, index=True)
    p.image("nonewprivs", os.path.join(work, "empty"), [e2e + "nonewprivs:1.3"], {"Cmd": ["nonewprivs"]},
            {"usr/local/bin/nonewprivs": (program(work, "nonewprivs"), 0o4755)})
    for name in ("test-image-1", "test-image-2", "test-image-3", "test-image-latest"):
        p.image(name, busybox, [f"{staging}{name}:latest"], shell, mark(name))
    for tag in ("test", "all"):
        p.image("tag-" + tag, busybox, [f"{staging}test-image-tag:{tag}"], shell, mark("tag-" + tag))
    p.image("tags", busybox, [f"{staging}test-image-tags:{tag}" for tag in (1, 2, 3)], shell, mark("tags"))
    users = {"uid": "1002", "username": "www-data", "uid-group": "1003:1004", "username-group": "www-data:1004"}
    for name, user in users.items():
        p.image("user-" + name, busybox, [f"{staging}test-image-user-{name}:latest"], dict(shell, User=user),
                mark("user-" + name))
    p.image("predefined-group", busybox, [staging + "test-image-predefined-group:latest"], dict(shell, User="1000"), {
        "etc/passwd": ("root:x:0:0:root:/root:/bin/sh\ndefault-user:x:1000:1000::/home:/bin/sh\n", 0o644),
        "etc/group": ("root:x:0:\ndefault-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n", 0o644)})
    for tag in ("1.35.0-glibc", "1-uclibc", "1", "1-glibc", "1-musl"):
        p.image("ecr-" + tag, busybox, ["docker/library/busybox:" + tag], shell, mark("ecr-" + tag))


def main():
    work, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    p = Packer(out)
    busybox, agnhost = os.path.join(work, "busybox"), os.path.join(work, "agnhost")
    shell = {"Cmd": ["sh"]}
    p.image("busybox", busybox, ["e2e-test-images/busybox:1.37.0-1", "library/busybox:latest", "library/busybox:1.37"], shell)
    p.image("busybox-1.29", busybox, ["e2e-test-images/busybox:1.29-2"], shell, {"etc/release": ("1.29\n", 0o644)})
    server = {"Entrypoint": ["/agnhost"], "Cmd": ["pause"]}
    p.image("agnhost", agnhost, ["e2e-test-images/agnhost:2.63.0"], server)
    p.image("agnhost-next", agnhost, ["e2e-test-images/agnhost:2.63.1"], server, {"version": ("next\n", 0o644)})
    pause = {"Entrypoint": ["/pause"]}
    p.image("pause", os.path.join(work, "pause"), ["pause:3.10.2", "pause:3.10"], pause)
    with open(os.path.join(work, "kube.names"), encoding="utf-8") as names:
        p.image("kube", os.path.join(work, "kube"), names.read().split(), {"Entrypoint": []})
    critest_images(p, work, busybox)
    with open(os.path.join(out, "names"), "w", encoding="utf-8") as file:
        file.writelines(f"{layout} {name}\n" for layout, name in p.names)


main()
