"""Builds stand-ins for the images of the compose stack, where no image registry can be reached.

They carry the names of ``compose/versions.env``, so that the compose file runs as it is, but are made of
Debian's packages and of the NATS and Traefik of our virtual environment. Grafana, Loki, Tempo and Alloy are
in neither. For Loki and Tempo stand obskit's own stores, which speak their APIs, and for Alloy what ships
lines to them (``stand_in.py``); for Grafana a placeholder that answers everything with 200. So the compose
file runs as it is, lines and traces arrive, and nothing is shown about those four and their files::

    apt-get install docker.io docker-compose debootstrap
    python tests/compose/images.py

Each image has what the real one has of paths, users, entry point and programs for a health check; versions
are those of Debian. PostgreSQL and Redis start by scripts that do the same as the originals' in the one way
in which the stack uses them. The base of the sample services has the wheels of ``constraints.txt`` in it,
because a build here has no network. What was made is kept and only built again with ``--fresh``, but for what
has our own code in it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BASE = "obskit-stand-in:base"
RELEASE = "bookworm"
PACKAGES = (
    *("busybox-static", "ca-certificates", "postgresql", "redis-server"),
    *("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter", "prometheus-node-exporter"),
    *("python3", "python3-venv", "python-is-python3"),
)
STORES = {
    "LOKI_IMAGE": ("/usr/bin/loki", 10001, "/loki"),
    "TEMPO_IMAGE": ("/usr/bin/tempo", 10001, "/var/tempo"),
    "ALLOY_IMAGE": ("/bin/alloy", 473, "/var/lib/alloy/data"),
}
"""What is in no package and obskit stands in for: its program, its user and group, and the folder that is theirs."""
_NOTES = {"GRAFANA_IMAGE": " (a placeholder)", **dict.fromkeys(STORES, " (obskit's own store in its place)")}
OWN = ("PYTHON_IMAGE", *STORES)
"""What has our code or our versions in it, so that it is built each time."""

_PROMETHEUS = """
RUN install -d -o 65534 -g 65534 /prometheus
USER nobody
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
"""
_ALERTMANAGER = """
RUN ln -s prometheus-alertmanager /bin/alertmanager && install -d -o 65534 -g 65534 /alertmanager
USER nobody
WORKDIR /alertmanager
ENTRYPOINT ["/bin/alertmanager"]
"""
_BLACKBOX = """
RUN ln -s prometheus-blackbox-exporter /bin/blackbox_exporter
ENTRYPOINT ["/bin/blackbox_exporter"]
"""
_NODE_EXPORTER = """
RUN ln -s prometheus-node-exporter /bin/node_exporter
USER nobody
ENTRYPOINT ["/bin/node_exporter"]
"""
_PROGRAM = """
COPY {program} /usr/local/bin/
COPY entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
"""
_REDIS = """
RUN install -d -o 999 -g 1000 /data
WORKDIR /data
"""
_POSTGRES = """
RUN groupmod -g 70 postgres && usermod -u 70 postgres \\
    && install -d -o 70 -g 70 -m 1777 /var/lib/postgresql/data && install -d /docker-entrypoint-initdb.d
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
COPY entrypoint.sh /entrypoint.sh
STOPSIGNAL SIGINT
ENTRYPOINT ["/entrypoint.sh"]
"""
_PYTHON = """
COPY wheels /wheels
COPY pip.conf /etc/pip.conf
"""
_STORE = """
COPY --from={sample} /opt/venv /opt/venv
RUN install -d -o {user} -g {user} {folder}
COPY stand_in.py {program}
USER {user}:{user}
ENV PYTHONUNBUFFERED=1
ENTRYPOINT ["{program}"]
"""
_GRAFANA = """
COPY placeholder /usr/bin/grafana
USER 472:0
ENTRYPOINT ["/usr/bin/grafana"]
"""
_ANSWERING = """#!/usr/bin/python3
import http.server, os, signal

class Anything(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass

# The first process of a container ends by a signal only if it says so.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 3000), Anything).serve_forever()
"""
_OPTIONS_ONLY = '#!/bin/sh\ncase "$1" in -*) set -- {program} "$@" ;; esac\nexec "$@"\n'
_POSTGRES_START = """#!/bin/bash
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 700 "$PGDATA" || :
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    printf '\\nhost all all all scram-sha-256\\n' >>"$PGDATA/pg_hba.conf"
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    pg_ctl -w start -o "-c listen_addresses='' -p 5432 $(printf ' %q' "${@:2}")"
    for script in /docker-entrypoint-initdb.d/*.sh; do
        if [ -x "$script" ]; then "$script"; else . "$script"; fi
    done
    pg_ctl -w -m fast stop
    unset PGPASSWORD
fi
exec "$@"
"""


def dockerfiles() -> dict[str, tuple[str, dict[str, str | Path]]]:
    """Return for each variable of versions.env what its image adds to the base, and the files for it."""
    programs = Path(sys.executable).parent
    nats, traefik = programs / "nats-server", programs / "traefik"

    def program(path: Path) -> tuple[str, dict[str, str | Path]]:
        start = _OPTIONS_ONLY.format(program=path.name)
        return _PROGRAM.format(program=path.name), {path.name: path, "entrypoint.sh": start}

    def store(path: str, user: int, folder: str) -> tuple[str, dict[str, str | Path]]:
        text = _STORE.format(sample=names()["SAMPLE_IMAGE"], program=path, user=user, folder=folder)
        code = (Path(__file__).parent / "stand_in.py").read_text()
        return text, {"stand_in.py": f"#!/opt/venv/bin/python\n{code}"}

    return {
        "PROMETHEUS_IMAGE": (_PROMETHEUS, {}),
        "ALERTMANAGER_IMAGE": (_ALERTMANAGER, {}),
        "BLACKBOX_IMAGE": (_BLACKBOX, {}),
        "NODE_EXPORTER_IMAGE": (_NODE_EXPORTER, {}),
        "NATS_IMAGE": program(nats),
        "TRAEFIK_IMAGE": program(traefik),
        "REDIS_IMAGE": (_REDIS, {}),
        "POSTGRES_IMAGE": (_POSTGRES, {"entrypoint.sh": _POSTGRES_START}),
        "GRAFANA_IMAGE": (_GRAFANA, {"placeholder": _ANSWERING}),
        "PYTHON_IMAGE": (_PYTHON, {"pip.conf": "[global]\nno-index = true\nfind-links = /wheels\n"}),
        **{variable: store(*what) for variable, what in STORES.items()},
    }


def names() -> dict[str, str]:
    """Return the names of the images as versions.env has them."""
    lines = (ROOT / "compose" / "versions.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"\w+_IMAGE=", line))


def main() -> int:
    """Build what is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".cache" / "obskit-images",
        help="for packages and wheels",
    )
    parser.add_argument("--fresh", action="store_true", help="build again what is there")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.fresh or not is_there(BASE):
        build_base(options.folder / "base")
    wheels = options.folder / "wheels"
    build_wheels(wheels)
    for variable, (text, files) in dockerfiles().items():
        name = names()[variable]
        if options.fresh or variable in OWN or not is_there(name):
            given = {**files, "wheels": wheels} if variable == "PYTHON_IMAGE" else files
            build(name, text, given, options.folder / "context")
        if variable == "PYTHON_IMAGE":
            build_sample()
        sys.stdout.write(f"{name}{_NOTES.get(variable, '')}\n")
    return 0


def is_there(image: str) -> bool:
    """Say whether the engine has an image."""
    return (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    )


def build_base(folder: Path) -> None:
    """Make the base: a small Debian with all packages in it."""
    if not (folder / "bin" / "prometheus").exists():
        shutil.rmtree(folder, ignore_errors=True)
        made = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(folder)]
        subprocess.run([*made, site()], check=True, stdout=2)
    # The package lists and archives, which nobody needs in an image.
    for rubbish in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(folder / rubbish, ignore_errors=True)
    (folder / "bin" / "wget").unlink(missing_ok=True)
    (folder / "bin" / "wget").symlink_to("busybox")
    packed = subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE)
    subprocess.run(["docker", "import", "-", BASE], stdin=packed.stdout, check=True, stdout=2)
    if packed.wait():
        sys.exit("tar could not read the base.")


def site() -> str:
    """Return the address that apt of this machine fetches the release from."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)"]
    lines = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.split()[0] for line in lines if line.endswith(f" {RELEASE}"))


def build_wheels(folder: Path) -> None:
    """Fetch or build the wheels that sample.Dockerfile installs, in the versions of constraints.txt."""
    folder.mkdir(exist_ok=True)
    versions = folder.parent / "versions.txt"
    pinned = re.sub(r" *\\$|^ *--hash.*\n", "", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    done = versions.read_text() if versions.exists() else ""
    if pinned != done or not any(folder.iterdir()):
        (folder.parent / "asked.txt").write_text(pinned)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", f"--wheel-dir={folder}"]
        # The last is for Python before 3.11.3, which is what Debian has.
        pip += [f"--constraint={folder.parent / 'asked.txt'}", f"{ROOT}[stack]", "hatchling", "async-timeout"]
        subprocess.run(pip, check=True)
        versions.write_text(pinned)
    for own in folder.glob("obskit_starter_kit-*"):
        own.unlink()


def build_sample() -> None:
    """Build the image of our own services, which the stores are taken from."""
    named = names()
    made = ["docker", "build", "--quiet", "--file", str(ROOT / "compose" / "sample.Dockerfile")]
    made += ["--build-arg", f"PYTHON_IMAGE={named['PYTHON_IMAGE']}"]
    made += ["--tag", named["SAMPLE_IMAGE"], str(ROOT)]
    # The builder that heeds sample.Dockerfile.dockerignore.
    subprocess.run(made, check=True, stdout=2, env={**os.environ, "DOCKER_BUILDKIT": "1"})


def build(name: str, text: str, files: dict[str, str | Path], context: Path) -> None:
    """Build one image from the base."""
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    for target, source in files.items():
        path = context / target
        if isinstance(source, str):
            path.write_text(source)
            path.chmod(0o755)
        elif source.is_dir():
            shutil.copytree(source, path, copy_function=os.link)
        else:
            shutil.copy(source, path)
    (context / "Dockerfile").write_text(f"FROM {BASE}\n{text}")
    subprocess.run(["docker", "build", "--quiet", "--tag", name, str(context)], check=True, stdout=2)
    shutil.rmtree(context)


if __name__ == "__main__":
    sys.exit(main())
