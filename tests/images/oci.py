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

ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


def layer(root, extra):
    """A reproducible tar+gzip layer of `root` plus {path: (text, mode)}."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder, dirs, files in os.walk(root):
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
        for path, (text, mode) in sorted(extra.items()):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text.encode()), mode
            tar.addfile(info, io.BytesIO(text.encode()))
    return plain.getvalue()


class Packer:
    def __init__(self, out):
        self.out = out
        self.names = []

    def blob(self, layout, data):
        digest = hashlib.sha256(data).hexdigest()
        folder = os.path.join(self.out, layout, "blobs/sha256")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, digest), "wb") as file:
            file.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    def image(self, layout, root, names, config=None, extra=None, index=False):
        tar = layer(root, extra or {})
        packed = self.blob(layout, gzip.compress(tar, 6, mtime=0))
        settings = {"Env": ENV}
        settings.update(config or {})
        document = {
            "architecture": "amd64", "os": "linux", "config": settings,
            "created": "2026-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
            "history": [{"created_by": "coracle tests " + layout}],
        }
        oci = "application/vnd.oci.image."
        manifest = {
            "schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
            "config": dict(self.blob(layout, json.dumps(document).encode()), mediaType=oci + "config.v1+json"),
            "layers": [dict(packed, mediaType=oci + "layer.v1.tar+gzip")],
        }
        entry = dict(self.blob(layout, json.dumps(manifest).encode()), mediaType=oci + "manifest.v1+json",
                     platform={"architecture": "amd64", "os": "linux"})
        with open(os.path.join(self.out, layout, "index.json"), "w") as file:
            json.dump({"schemaVersion": 2, "mediaType": oci + "index.v1+json", "manifests": [entry]}, file)
        with open(os.path.join(self.out, layout, "oci-layout"), "w") as file:
            json.dump({"imageLayoutVersion": "1.0.0"}, file)
        self.names += [(layout, name) for name in names]


def main():
    work, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    p = Packer(out)
    busybox, agnhost = os.path.join(work, "busybox"), os.path.join(work, "agnhost")
    shell = {"Cmd": ["sh"]}
    p.image("busybox", busybox, ["e2e-test-images/busybox:1.37.0-1", "e2e-test-images/busybox:1.29-2", "library/busybox:latest",
                                 "library/busybox:1.37"], shell)
    server = {"Entrypoint": ["/agnhost"], "Cmd": ["pause"]}
    p.image("agnhost", agnhost, ["e2e-test-images/agnhost:2.63.0"], server)
    p.image("agnhost-next", agnhost, ["e2e-test-images/agnhost:2.63.1"], server, {"version": ("next\n", 0o644)})
    pause = {"Entrypoint": ["/pause"]}
    p.image("pause", os.path.join(work, "pause"), ["pause:3.10.2", "pause:3.10", "pause:3.9"], pause)
    with open(os.path.join(work, "kube.names"), encoding="utf-8") as names:
        p.image("kube", os.path.join(work, "kube"), names.read().split(), {"Entrypoint": []})
    for number in (1, 2, 3):
        p.image(f"list-{number}", busybox, [f"k8s-staging-cri-tools/test-image-{number}:latest"], shell,
                {f"test-image-{number}": ("", 0o644)})
    with open(os.path.join(out, "names"), "w") as file:
        file.writelines(f"{layout} {name}\n" for layout, name in p.names)


main()
