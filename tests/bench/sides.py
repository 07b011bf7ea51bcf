"""The programs of the bench: who they are, how each is started, watched and ended.

Everything runs on 127.0.0.1. The server that is measured has the first core of this machine for
itself; the load, the services and this script share the second. A program ends when the bench does,
however that ends: the kernel sends it SIGTERM when its parent is gone.
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVICES = ("profiles", "posts", "recommendations", "notifications", "ads", "analytics")
MODULES = pathlib.Path("/usr/lib/nginx/modules")
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
NGINX_INSTALL = ("apt-get install --no-install-recommends "
                 "nginx-light libnginx-mod-http-lua lua-cjson")
PATIENCE_S = 10


class BenchError(Exception):
    """Why nothing can be measured: one finished sentence."""


class Ports:
    """Fixed places from one base, so that two benches never meet by accident."""

    def __init__(self, base):
        self.issuer, self.services = base, base + 10
        self.ours, self.admin, self.nginx, self.floor = base + 20, base + 21, base + 22, base + 23
        self.all = (*range(base, base + 7), *range(base + 10, base + 16),
                    *range(base + 20, base + 24))

    def service(self, name):
        return self.services + SERVICES.index(name)

    def require_free(self):
        """A stale server would share its port silently, and half of the load would go there."""
        for port in self.all:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise BenchError(f"Port {port} cannot be had: {error.strerror}. "
                                     "--port BASE moves them all.") from None


def ask(port, path, token=None, order=None):
    """(status, body) of a GET, or of a POST of `order` as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        if order is None:
            connection.request("GET", path, headers=headers)
        else:
            connection.request("POST", path, json.dumps(order), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Program:
    """One running program and its children; `with` ends it."""

    def __init__(self, name, argv, core, log):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), "setpriv", "--pdeathsig", "TERM", *map(str, argv)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_s(self):
        """User and system time of all its processes, from the kernel's own count in nanoseconds:
        /proc/PID/stat has the same in ticks of 10 ms (see clock_getcpuclockid(3) for the id)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def resident_kb(self):
        lines = [line for pid in self.pids()
                 for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def wait_until_ready(self, port, path="/", token=None):
        """Until it answers anything but 503."""
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                break
            try:
                if ask(port, path, token)[0] != 503:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        said = pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()[-5:]
        raise BenchError(f"{self.name} does not serve. It said:\n" + "\n".join(said))


class Bench:
    """Where everything is, and how each program is started."""

    def __init__(self, build, ports, cores):
        self.build, self.ports = pathlib.Path(build).resolve(), ports
        self.server_core, self.load_core = cores
        self.folder = self.build / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token_file = self.folder / "token"
        self.answer_file = self.folder / "answer.json"

    def start(self, name, argv, core, port, path="/", token=None):
        """Started and ready to answer at `port`."""
        program = Program(name, argv, core, self.folder / f"{name}.log")
        try:
            program.wait_until_ready(port, path, token)
        except BaseException:
            program.__exit__()
            raise
        return program

    def start_issuer(self):
        """bff-mocks for its token issuer alone, and a token that outlasts the bench."""
        port = self.ports.issuer
        issuer = self.start("issuer", [self.build / "bff-mocks", "--port", port], self.load_core,
                            port)
        _, answer = ask(port, "/token", order={"sub": "1001", "scope": "feed:read", "ttl_s": 3600})
        self.token_file.unlink(missing_ok=True)
        descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT, 0o600)
        with open(descriptor, "w", encoding="ascii") as out:
            out.write(json.loads(answer)["access_token"])
        return issuer

    def token(self):
        return self.token_file.read_text(encoding="ascii")

    def start_services(self, bodies, delay_ms):
        argv = [self.build / "tests/bench/upstream", "--port", self.ports.services,
                "--bodies", bodies, "--delay-ms", delay_ms]
        return self.start("services", argv, self.load_core, self.ports.services, "/counts")

    def start_ours(self):
        access = self.folder / "access.log"
        access.unlink(missing_ok=True)  # it grows by a line for each request
        issuer = f"http://127.0.0.1:{self.ports.issuer}"
        settings = {
            "listen.port": self.ports.ours,
            "admin.port": self.ports.admin,
            "token.issuer": issuer,
            "token.jwks_url": f"{issuer}/.well-known/jwks.json",
            "log.access": access,
        } | {f"services.{name}.url": f"http://127.0.0.1:{self.ports.service(name)}"
             for name in SERVICES}
        argv = [self.build / "bff-mobile", "--config", HERE / "bff.conf"]
        for name, value in settings.items():
            argv += ["--set", f"{name}={value}"]
        return self.start("ours", argv, self.server_core, self.ports.admin, "/readyz")

    def start_nginx(self):
        folder = self.folder / "nginx"
        folder.mkdir(exist_ok=True)
        words = {"modules": MODULES, "folder": folder, "lua": HERE / "feed.lua",
                 "port": self.ports.nginx} | {name: self.ports.service(name) for name in SERVICES}
        text = (HERE / "nginx.conf").read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        argv = [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "nginx.log"]
        return self.start("nginx", argv, self.server_core, self.ports.nginx)

    def start_floor(self):
        argv = [self.build / "tests/bench/floor", "--port", self.ports.floor,
                "--services", self.ports.services, "--answer", self.answer_file]
        return self.start("floor", argv, self.server_core, self.ports.floor)

    def load(self, port, connections, ms, rate=0):
        """What one run of the load measured, as it printed it."""
        argv = [self.build / "tests/bench/load", "--port", port, "--path", "/v1/feed",
                "--token", self.token_file, "--connections", connections, "--ms", ms,
                "--rate", rate]
        done = subprocess.run(["taskset", "-c", str(self.load_core), *map(str, argv)],
                              capture_output=True, text=True, timeout=ms / 1000 + 2 * PATIENCE_S)
        if done.returncode:
            raise BenchError(f"The load on port {port} failed: {done.stdout}{done.stderr}".strip())
        return json.loads(done.stdout)


def nginx_is_there():
    wanted = ("ndk_http_module.so", "ngx_http_lua_module.so")
    return NGINX is not None and all((MODULES / name).exists() for name in wanted)
