# SPDX-License-Identifier: Apache-2.0
"""Makes an OCI layout with three images of this machine's files for image-pull."""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

TARGET = 96 << 20  # bytes a layer, uncompressed
SOURCES = ["/usr/lib/x86_64-linux-gnu", "/usr/share", "/usr/bin", "/usr/lib"]


def layers():
    """Tars of about TARGET bytes out of the machine's own files."""
    used = set()
    for number in range(4):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            size = 0
            for top, _, files in os.walk(SOURCES[number]):
                if size >= TARGET:
                    break
                for name in files:
                    path = os.path.join(top, name)
                    if path in used or os.path.islink(path) or not os.path.isfile(path):
                        continue
                    if os.path.getsize(path) > 20 << 20 or size >= TARGET:
                        continue
                    used.add(path)
                    size += os.path.getsize(path)
                    tar.add(path, arcname=f"l{number}{path}", recursive=False)
        yield out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put(root, data):
    name = digest(data)
    with open(f"{root}/blobs/sha256/{name[7:]}", "wb") as out:
        out.write(data)
    return name


def image(root, name, tars, compress, media):
    entries = []
    for tar in tars:
        blob = compress(tar)
        entries.append({"mediaType": media, "digest": put(root, blob), "size": len(blob)})
    config = json.dumps({
        "os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                   "digest": put(root, config), "size": len(config)},
        "layers": entries}).encode()
    return {"mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": put(root, manifest), "size": len(manifest),
            "annotations": {"org.opencontainers.image.ref.name": name}}


def main():
    root = sys.argv[1]
    os.makedirs(f"{root}/blobs/sha256")
    tars = list(layers())
    kind = "application/vnd.oci.image.layer.v1.tar+"

    def with_gzip(tar):
        return gzip.compress(tar, 6, mtime=0)

    def with_zstd(tar):
        return subprocess.run(["zstd", "-3", "-c"], input=tar, check=True,
                              stdout=subprocess.PIPE).stdout

    index = {"schemaVersion": 2, "manifests": [
        image(root, "one", [tars[0]], with_gzip, kind + "gzip"),
        image(root, "four", tars, with_gzip, kind + "gzip"),
        image(root, "zstd", tars, with_zstd, kind + "zstd")]}
    with open(f"{root}/index.json", "w", encoding="utf-8") as out:
        json.dump(index, out)
    with open(f"{root}/oci-layout", "w", encoding="utf-8") as out:
        out.write('{"imageLayoutVersion":"1.0.0"}')
    print(f"{len(tars)} layers of {[len(tar) >> 20 for tar in tars]} MiB", file=sys.stderr)


main()
